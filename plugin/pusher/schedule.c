/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/schedule.h"

enum { PUSHES_BEFORE_A_QUERY = 7 };

bool schedule_init(struct schedule *schedule, size_t capacity)
{
    *schedule = (struct schedule){0};
    if (!job_heap_init(&schedule->by_deadline, capacity, JOB_DEADLINE))
        return false;
    if (job_heap_init(&schedule->waiting, capacity, JOB_READY))
        return true;
    job_heap_destroy(&schedule->by_deadline);
    return false;
}

void schedule_destroy(struct schedule *schedule)
{
    struct job *job;
    while ((job = schedule_take_any(schedule)))
        job_free(job);
    job_heap_destroy(&schedule->by_deadline);
    job_heap_destroy(&schedule->waiting);
}

static void queue(struct job *job, struct job_list *list)
{
    job->queue = list;
    job_list_append(list, job);
}

void schedule_add(struct schedule *schedule, struct job *job)
{
    queue(job, job->event.op == KLP_OP_PUSH ? &schedule->pushes : &schedule->queries);
    job_heap_add(&schedule->by_deadline, job);
}

void schedule_add_later(struct schedule *schedule, struct job *job, uint64_t ready_us)
{
    job->queue = NULL;
    job->time_us[JOB_READY] = ready_us;
    job_heap_add(&schedule->waiting, job);
    job_heap_add(&schedule->by_deadline, job);
}

void schedule_wake(struct schedule *schedule, uint64_t now_us)
{
    while (job_heap_first_us(&schedule->waiting) <= now_us) {
        struct job *job = job_heap_first(&schedule->waiting);
        job_heap_remove(&schedule->waiting, job);
        queue(job, &schedule->retries);
    }
}

static struct job *take(struct schedule *schedule, struct job *job)
{
    if (job->queue)
        job_list_remove(job->queue, job);
    else
        job_heap_remove(&schedule->waiting, job);
    job_heap_remove(&schedule->by_deadline, job);
    return job;
}

bool schedule_has_ready(const struct schedule *schedule)
{
    return schedule->retries.first || schedule->pushes.first || schedule->queries.first;
}

struct job *schedule_take_next(struct schedule *schedule)
{
    struct job *push = schedule->pushes.first;
    struct job *query = schedule->queries.first;

    if (schedule->retries.first)
        return take(schedule, schedule->retries.first);
    if (!push && !query)
        return NULL;
    if (!query || (push && schedule->pushes_in_a_row < PUSHES_BEFORE_A_QUERY)) {
        schedule->pushes_in_a_row += query != NULL; /* only while one waits */
        return take(schedule, push);
    }
    schedule->pushes_in_a_row = 0;
    return take(schedule, query);
}

struct job *schedule_take_expired(struct schedule *schedule, uint64_t now_us)
{
    if (job_heap_first_us(&schedule->by_deadline) > now_us)
        return NULL;
    return take(schedule, job_heap_first(&schedule->by_deadline));
}

struct job *schedule_take_any(struct schedule *schedule)
{
    struct job *job = job_heap_first(&schedule->by_deadline);
    return job ? take(schedule, job) : NULL;
}

struct job *schedule_take_ticket(struct schedule *schedule, uint64_t ticket)
{
    for (size_t i = 0; i < schedule->by_deadline.size; i++)
        if (schedule->by_deadline.jobs[i]->event.ticket == ticket)
            return take(schedule, schedule->by_deadline.jobs[i]);
    return NULL;
}

uint64_t schedule_next_us(const struct schedule *schedule)
{
    uint64_t deadline_us = job_heap_first_us(&schedule->by_deadline);
    uint64_t ready_us = job_heap_first_us(&schedule->waiting);
    return deadline_us < ready_us ? deadline_us : ready_us;
}

size_t schedule_count(const struct schedule *schedule)
{
    return schedule->by_deadline.size;
}
