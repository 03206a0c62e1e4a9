/* SPDX-License-Identifier: Apache-2.0
 * Jobs by a time: the earliest first, any of them out again. */
#ifndef KLP_PUSHER_JOB_HEAP_H
#define KLP_PUSHER_JOB_HEAP_H

#include "pusher/job.h"

struct job_heap {
    struct job **jobs; /* a binary heap */
    size_t size, capacity;
    enum job_time time;
};

/* Room for `capacity` jobs is made now. False: out of memory. */
bool job_heap_init(struct job_heap *heap, size_t capacity, enum job_time time);
void job_heap_destroy(struct job_heap *heap);

/* For so many in all. False: out of memory; nothing has changed. */
bool job_heap_make_room(struct job_heap *heap, size_t most);

void job_heap_add(struct job_heap *heap, struct job *job);
void job_heap_remove(struct job_heap *heap, struct job *job);
struct job *job_heap_first(const struct job_heap *heap); /* or NULL */
uint64_t job_heap_first_us(const struct job_heap *heap); /* or UINT64_MAX */

#endif
