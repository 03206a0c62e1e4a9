/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/same_key.h"

#include <stdlib.h>
#include <string.h>

#include "pusher/siphash.h"

bool same_key_init(struct same_key *keys, size_t most, const uint64_t secret[2])
{
    size_t size = 16;

    while (size < most)
        size *= 2; /* most is at most 2^20 */
    keys->under_way = calloc(size, sizeof *keys->under_way);
    keys->mask = size - 1;
    keys->secret[0] = secret[0];
    keys->secret[1] = secret[1];
    return keys->under_way != NULL;
}

void same_key_destroy(struct same_key *keys)
{
    free(keys->under_way);
}

/* The three texts stand side by side with a NUL after each, and have none inside. */
static size_t key_bytes(const struct job *job)
{
    return job->event.game_id.size + job->event.event_key.size + job->event.key.size + 3;
}

static bool is_of_same_key(const struct job *a, const struct job *b)
{
    return a->key_hash == b->key_hash && key_bytes(a) == key_bytes(b) && memcmp(a->texts, b->texts, key_bytes(a)) == 0;
}

void same_key_note(const struct same_key *keys, struct job *job)
{
    job->key_hash = siphash(keys->secret, job->texts, key_bytes(job));
}

struct job *same_key_find(const struct same_key *keys, const struct job *job)
{
    struct job *found = keys->under_way[job->key_hash & keys->mask];

    while (found && !is_of_same_key(found, job))
        found = found->next_of_hash;
    return found;
}

bool same_key_is_equal(const struct job *a, const struct job *b)
{
    /* the idempotency key is the body's last member: all the rest stands before it */
    return a->idempotency_offset == b->idempotency_offset &&
           memcmp(a->texts + a->body_offset, b->texts + b->body_offset, a->idempotency_offset) == 0;
}

static void insert(struct same_key *keys, struct job *job)
{
    struct job **first = &keys->under_way[job->key_hash & keys->mask];

    job->next_of_hash = *first;
    job->is_under_way = true;
    *first = job;
}

void same_key_begin(struct same_key *keys, struct job *job)
{
    job->end_of_line = job;
    insert(keys, job);
}

struct job *same_key_end(struct same_key *keys, struct job *job)
{
    struct job **at = &keys->under_way[job->key_hash & keys->mask];
    struct job *next = job->behind;

    while (*at != job)
        at = &(*at)->next_of_hash;
    *at = job->next_of_hash;
    job->is_under_way = false;
    job->behind = NULL;
    if (!next)
        return NULL;
    next->ahead = NULL;
    next->end_of_line = job->end_of_line;
    insert(keys, next);
    return next;
}

void same_key_stand_in_line(struct job *under_way, struct job *job)
{
    job->ahead = under_way->end_of_line;
    job->ahead->behind = job;
    under_way->end_of_line = job;
}

void same_key_leave_line(const struct same_key *keys, struct job *job)
{
    job->ahead->behind = job->behind;
    if (job->behind)
        job->behind->ahead = job->ahead;
    else
        same_key_find(keys, job)->end_of_line = job->ahead;
    job->ahead = job->behind = NULL;
}
