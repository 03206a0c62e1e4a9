/* SPDX-License-Identifier: Apache-2.0
 * One accepted call, in one block of memory from push() to the host's acknowledgement: first the call, then, in
 * the same block, its event. So a verdict never needs memory to be told. */
#ifndef KLP_PUSHER_JOB_H
#define KLP_PUSHER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* The times that a job is found by. */
enum job_time { JOB_DEADLINE, JOB_READY, JOB_TIMES };

struct job {
    struct job *next, *previous; /* a job is in at most one list */
    size_t block_bytes;          /* of this block; counted in queued_bytes */
    size_t reply_bytes;          /* of reply_block; counted in reply_bytes */
    char *reply_block;           /* what the event quotes of the reply, or NULL */
    char *json;                  /* event.json, once the host took it, or NULL */
    uint64_t accepted_us;
    uint64_t time_us[JOB_TIMES];  /* microseconds of the monotonic clock */
    size_t heap_index[JOB_TIMES]; /* its place in the heap of that time */
    struct job_list *queue;       /* of the schedule; NULL while it waits for JOB_READY */
    uint32_t body_offset;         /* in texts; the body is last, so that it can be cut off */
    uint32_t body_bytes;
    uint32_t key_to_stamp; /* offset in the body of the idempotency key's place; 0: the host gave its own */
    bool possibly_applied;
    uint32_t attempts_charged; /* against max_attempts: not those that an earlier 429 explains */
    uint64_t attempt_started_us;
    char essence[48]; /* the server's error code, or the lobby's id: for when there is no memory to quote it */
    size_t essence_size;
    klp_event event;
    char texts[]; /* game_id, event_key, key, lobby_id, a NUL after each; then the body */
};

/* Makes the job of a call that was checked; `op` is KLP_OP_…; unset texts are empty. The body's bytes are left
 * for the caller to write at job_body(). NULL: out of memory. */
struct job *job_new(int32_t op, klp_text game_id, klp_text event_key, klp_text key, klp_text lobby_id,
                    size_t body_bytes);
void job_free(struct job *job);

char *job_body(struct job *job);

/* Gives the body's memory back; the job may move. */
struct job *job_drop_body(struct job *job);

/* Doubly linked, intrusive. */
struct job_list {
    struct job *first, *last;
    size_t count;
};

void job_list_append(struct job_list *list, struct job *job);
void job_list_remove(struct job_list *list, struct job *job);
struct job *job_list_take_first(struct job_list *list);                 /* or NULL */
void job_list_append_all(struct job_list *list, struct job_list *from); /* leaves `from` empty */

#endif
