/* SPDX-License-Identifier: Apache-2.0
 * Which call goes out next, and which one's time is over. Pure: the time is given. */
#ifndef KLP_PUSHER_SCHEDULE_H
#define KLP_PUSHER_SCHEDULE_H

#include "pusher/job.h"

struct schedule {
    struct job_list pushes, queries; /* ready, in the order of their arrival */
    unsigned pushes_in_a_row;
    struct job **by_deadline; /* a binary heap of both */
    size_t heap_size, heap_capacity;
};

/* Room for `capacity` jobs is made now, so that adding one cannot fail. False: out of memory. */
bool schedule_init(struct schedule *schedule, size_t capacity);
void schedule_destroy(struct schedule *schedule); /* frees the jobs that are left, too */

void schedule_add(struct schedule *schedule, struct job *job);

/* Takes the job to start next, or NULL. Queries yield to pushes, but every eighth start is theirs if they want
 * it: a steady stream of pushes does not starve them. */
struct job *schedule_take_next(struct schedule *schedule);

/* Takes a job whose deadline is not after now, or NULL. */
struct job *schedule_take_expired(struct schedule *schedule, uint64_t now_us);

/* Takes any job, or NULL. */
struct job *schedule_take_any(struct schedule *schedule);

/* The earliest deadline; UINT64_MAX when there is none. */
uint64_t schedule_next_deadline_us(const struct schedule *schedule);

size_t schedule_count(const struct schedule *schedule);

#endif
