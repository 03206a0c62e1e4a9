/* SPDX-License-Identifier: Apache-2.0
 * One accepted call, in one block of memory from push() to the host's acknowledgement: first the call, then, in
 * the same block, its event. So a verdict never needs memory to be told. */
#ifndef KLP_PUSHER_JOB_H
#define KLP_PUSHER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/call_body.h"
#include "kraty/lobby_pusher.h"
#include "kraty/trace_parent.h"

/* The times that a job is found by. */
enum job_time { JOB_DEADLINE, JOB_READY, JOB_TIMES };

/* Where the schedule has it. */
enum job_place {
    JOB_IS_OUT,       /* nowhere: in flight, or being looked at */
    JOB_IS_CUT_SHORT, /* in flight, and to be taken off the wire at its deadline */
    JOB_IS_QUEUED,    /* in `queue` */
    JOB_IS_WAITING,   /* for JOB_READY */
    JOB_IS_HELD       /* behind another push of its key */
};

struct job_list {
    struct job *first, *last;
    size_t count;
};

struct api_key;

struct job {
    struct job *next, *previous; /* a job is in at most one list */
    struct job *next_of_ticket;
    struct job *older, *newer; /* among the pushes without a verdict */
    size_t block_bytes;        /* of this block; counted in queued_bytes */
    size_t reply_bytes;        /* of reply_block; counted in reply_bytes */
    char *reply_block;         /* what the event quotes of the reply, or NULL … */
    char *seen_block;          /* … and, of an await that failed, of the lobby that it has seen; or NULL */
    char *json;                /* event.json, once the host took it, or NULL */
    uint64_t accepted_us;
    uint64_t time_us[JOB_TIMES];  /* microseconds of the monotonic clock */
    size_t heap_index[JOB_TIMES]; /* its place in the heap of that time */
    struct job_list *queue;
    enum job_place place;

    uint32_t body_offset; /* in texts; the body is last, so that it can be cut off */
    uint32_t body_bytes;
    uint32_t idempotency_offset; /* in the body: the idempotency key, as it stands between its quotes … */
    uint32_t idempotency_bytes;
    bool is_to_be_stamped; /* … where until the first attempt there is only room for one */
    enum call_method method;

    /* See journal.h. */
    struct journal_file *file; /* whose number its event gets */
    struct job *earlier_undecided, *later_undecided;
    uint64_t journal_id;   /* by which the file knows it: its first ticket; 0: it is not to be there */
    uint64_t written_in;   /* the commit that put its ticket there; 0: none yet … */
    uint64_t body_in;      /* … and of one that has joined no other, the one that put the call there */
    uint32_t recoveries;   /* in a row that died over it */
    bool may_come_back;    /* it was in a commit that failed, of which the disk may hold what it said it does not */
    bool is_event_written; /* its event is there */
    bool attempt_open;     /* one is on the wire, or may be as far as the file knows */
    bool is_uncounted;     /* recovered or from the disk: its block does not stand against the bounds of what is new */
    char last_error[40];   /* the code of its last attempt's, while it is to be tried again */

    bool possibly_applied;
    bool is_retry;             /* what is to come: an earlier attempt has failed */
    uint32_t attempts_charged; /* against max_attempts: not those that an earlier 429 explains. Of a watch: failures in
                                  a row */
    uint64_t attempt_started_us;
    uint64_t attempt_given_ms;
    bool is_attempt_cut;     /* it was given less than attempt_timeout_ms, since there was no more time left */
    uint64_t queue_us;       /* how long it waited for its first attempt */
    struct api_key *api_key; /* of the attempt under way, or NULL */
    uint32_t poll_interval_ms;

    /* Pushes of one key, see same_key.h. */
    uint64_t key_hash;
    struct job *next_of_hash;
    struct job *leader; /* the push that this one has joined, or NULL */
    struct job_list joined;
    struct job *ahead, *behind; /* those that differ stand in line behind the one under way … */
    struct job *end_of_line;    /* … which knows the last of them; itself when there is none */
    bool is_under_way;

    char trace_parent[TRACE_PARENT_BYTES + 1];
    char essence[48]; /* the server's error code, or the lobby's id: for when there is no memory to quote it */
    size_t essence_size;
    klp_event event;
    char texts[]; /* game_id, event_key, key, lobby_id, method, path, a NUL after each; then the body */
};

/* What a call is about; unset texts are empty, with data that is not NULL. */
struct job_texts {
    klp_text game_id, event_key, key, lobby_id, method, path, trace_parent;
};

/* Makes the job of a call that was checked; `op` is KLP_OP_…. The body's bytes are left for the caller to write at
 * job_body(). NULL: out of memory. */
struct job *job_new(int32_t op, const struct job_texts *texts, size_t body_bytes);
void job_free(struct job *job);

char *job_body(struct job *job);

/* Gives the body's memory back; the job may move. */
struct job *job_drop_body(struct job *job);

/* Gives back what the event quotes of a reply, and makes it forget that. */
void job_drop_reply(struct job *job);

/* What the event quotes of a lobby is kept beside what it will quote of the reply to come. */
void job_keep_seen(struct job *job);

/* Whether it may change something on the server, so that there is an outcome to tell. */
bool job_is_write(const struct job *job);

/* Of a job that is not just being looked at. */
static inline bool job_is_in_flight(const struct job *job)
{
    return job->place == JOB_IS_OUT || job->place == JOB_IS_CUT_SHORT;
}

/* Two pushes of one key change their hosts' sides: ticket, cookie, deadline, trace, age, who joined whom. */
void job_swap_tickets(struct job *a, struct job *b);

/* Doubly linked, intrusive. */
void job_list_append(struct job_list *list, struct job *job);
void job_list_insert(struct job_list *list, struct job *job); /* by its deadline, into a list in that order */
void job_list_remove(struct job_list *list, struct job *job);
struct job *job_list_take_first(struct job_list *list);                 /* or NULL */
void job_list_append_all(struct job_list *list, struct job_list *from); /* leaves `from` empty */

#endif
