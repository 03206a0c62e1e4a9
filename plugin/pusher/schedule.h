/* SPDX-License-Identifier: Apache-2.0
 * Which call goes out next, which waits for its next attempt, and which one's time is over. Pure: the time is given. */
#ifndef KLP_PUSHER_SCHEDULE_H
#define KLP_PUSHER_SCHEDULE_H

#include "pusher/job.h"
#include "pusher/job_heap.h"

struct schedule {
    struct job_list retries;   /* of pushes, and due: they go first, since what they wait to know is in doubt */
    struct job_list pushes;    /* not tried yet, in the order of their arrival */
    struct job_list recovered; /* of an earlier process: live players do not wait behind last night's matches */
    struct job_list queries;   /* calls, reads, pings */
    struct job_list polls;     /* of awaits */
    unsigned pushes_in_a_row, recovered_in_a_row, queries_in_a_row;
    struct job_heap waiting;     /* for their time to come */
    struct job_heap by_deadline; /* all of them but awaits … */
    struct job_heap awaits;      /* … which are here by theirs */
    struct job_heap cut_short;   /* in flight, with less time left than their attempt was given */
    size_t attached;             /* of by_deadline, those that wait for another push of their key */
};

/* Room for `capacity` jobs is made now, so that adding one cannot fail. False: out of memory. */
bool schedule_init(struct schedule *schedule, size_t capacity);

/* Room for so many in all, awaits apart. False: out of memory. */
bool schedule_make_room(struct schedule *schedule, size_t most);
void schedule_destroy(struct schedule *schedule); /* frees the jobs that are left, too */

void schedule_add(struct schedule *schedule, struct job *job); /* ready now */
void schedule_add_later(struct schedule *schedule, struct job *job, uint64_t ready_us);

/* Those that only their deadline is kept of: they have joined another push, or are held behind one. */
void schedule_attach_joined(struct schedule *schedule, struct job *job, struct job *leader);
void schedule_attach_held(struct schedule *schedule, struct job *job);
void schedule_release_held(struct schedule *schedule, struct job *job); /* it is ready now */

/* A push in flight has less time left than when it was started. It stays so until it is taken. */
void schedule_cut_short(struct schedule *schedule, struct job *job);
struct job *schedule_take_cut_short(struct schedule *schedule, uint64_t now_us); /* whose time is over, or NULL */

/* Two pushes change their tickets (see job_swap_tickets), wherever they are. */
void schedule_swap_tickets(struct schedule *schedule, struct job *a, struct job *b);

/* Makes those ready whose time has come. */
void schedule_wake(struct schedule *schedule, uint64_t now_us);

bool schedule_has_ready(const struct schedule *schedule);

/* Takes the job to start next, or NULL when none is ready. Of the pushes those that are due again come first. Queries
 * yield to pushes, and polls to both, but every eighth start is theirs if they want it: a steady stream of pushes, even
 * of such that fail and fail, does not starve them. Where it is narrow, one start at a time with pauses between, every
 * other start is theirs. */
struct job *schedule_take_next(struct schedule *schedule, bool is_narrow);

void schedule_take(struct schedule *schedule, struct job *job); /* which is in it */

/* Takes a job whose deadline is not after now, or NULL: any; of those that are no awaits. */
struct job *schedule_take_expired(struct schedule *schedule, uint64_t now_us);
struct job *schedule_take_expired_but_awaits(struct schedule *schedule, uint64_t now_us);

/* Takes any await, or NULL. */
struct job *schedule_take_await(struct schedule *schedule);

/* Any job, which stays in, or NULL. */
struct job *schedule_any(const struct schedule *schedule);

/* When the next one becomes ready or expires; UINT64_MAX: never. */
uint64_t schedule_next_us(const struct schedule *schedule);

/* How many wait to be sent, those apart that wait for another. */
size_t schedule_count(const struct schedule *schedule);
size_t schedule_await_count(const struct schedule *schedule);

#endif
