/* SPDX-License-Identifier: Apache-2.0
 * Which call goes out next, which waits for its next attempt, and which one's time is over. Pure: the time is given. */
#ifndef KLP_PUSHER_SCHEDULE_H
#define KLP_PUSHER_SCHEDULE_H

#include "pusher/job.h"
#include "pusher/job_heap.h"

struct schedule {
    struct job_list retries;         /* due: they go first, since what they wait to know is in doubt */
    struct job_list pushes, queries; /* not tried yet, in the order of their arrival */
    unsigned pushes_in_a_row;
    struct job_heap waiting;     /* for their time to come */
    struct job_heap by_deadline; /* all of them */
};

/* Room for `capacity` jobs is made now, so that adding one cannot fail. False: out of memory. */
bool schedule_init(struct schedule *schedule, size_t capacity);
void schedule_destroy(struct schedule *schedule); /* frees the jobs that are left, too */

void schedule_add(struct schedule *schedule, struct job *job); /* ready now */
void schedule_add_later(struct schedule *schedule, struct job *job, uint64_t ready_us);

/* Makes those ready whose time has come. */
void schedule_wake(struct schedule *schedule, uint64_t now_us);

bool schedule_has_ready(const struct schedule *schedule);

/* Takes the job to start next, or NULL when none is ready. Retries that are due come first. Queries yield to pushes,
 * but every eighth start is theirs if they want it: a steady stream of pushes does not starve them. */
struct job *schedule_take_next(struct schedule *schedule);

/* Takes a job whose deadline is not after now, or NULL. */
struct job *schedule_take_expired(struct schedule *schedule, uint64_t now_us);

/* Takes any job, or NULL. */
struct job *schedule_take_any(struct schedule *schedule);

/* Takes the job of a ticket, or NULL. Looks through them all: it is seldom asked. */
struct job *schedule_take_ticket(struct schedule *schedule, uint64_t ticket);

/* When the next one becomes ready or expires; UINT64_MAX: never. */
uint64_t schedule_next_us(const struct schedule *schedule);

size_t schedule_count(const struct schedule *schedule);

#endif
