/* SPDX-License-Identifier: Apache-2.0
 * Pushes of one key (game, event, key): one at a time is under way. Those equal to it join it; those that differ stand
 * in line behind it, where again the equal ones join the last. */
#ifndef KLP_PUSHER_SAME_KEY_H
#define KLP_PUSHER_SAME_KEY_H

#include "pusher/job.h"

struct same_key {
    struct job **under_way; /* by hash */
    size_t mask;
    uint64_t secret[2]; /* keys the hash, so that nobody can choose keys that collide */
};

/* For `most` keys at once; its memory is taken when it is used. False: out of memory. */
bool same_key_init(struct same_key *keys, size_t most, const uint64_t secret[2]);
void same_key_destroy(struct same_key *keys);

/* Takes a push's key in; the rest asks for it. */
void same_key_note(const struct same_key *keys, struct job *job);

/* The push under way of this one's key, or NULL. */
struct job *same_key_find(const struct same_key *keys, const struct job *job);

/* Whether two pushes of one key are the same but for the idempotency key. */
bool same_key_is_equal(const struct job *a, const struct job *b);

/* A push whose key has none under way is now. */
void same_key_begin(struct same_key *keys, struct job *job);

/* The push under way has its verdict. Returns the one that was next in line, which is under way now, or NULL. */
struct job *same_key_end(struct same_key *keys, struct job *job);

/* Behind the last of the line. */
void same_key_stand_in_line(struct job *under_way, struct job *job);
void same_key_leave_line(const struct same_key *keys, struct job *job);

#endif
