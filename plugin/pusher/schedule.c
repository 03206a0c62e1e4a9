/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/schedule.h"

enum { STARTS_BEFORE_ANOTHER_KIND = 7 };

bool schedule_init(struct schedule *schedule, size_t capacity)
{
    *schedule = (struct schedule){0};
    if (!job_heap_init(&schedule->by_deadline, capacity, JOB_DEADLINE))
        return false;
    if (!job_heap_init(&schedule->awaits, capacity, JOB_DEADLINE))
        goto destroy_by_deadline;
    if (!job_heap_init(&schedule->waiting, capacity, JOB_READY))
        goto destroy_awaits;
    if (!job_heap_init(&schedule->cut_short, capacity, JOB_DEADLINE))
        goto destroy_waiting;
    return true;

destroy_waiting:
    job_heap_destroy(&schedule->waiting);
destroy_awaits:
    job_heap_destroy(&schedule->awaits);
destroy_by_deadline:
    job_heap_destroy(&schedule->by_deadline);
    return false;
}

bool schedule_make_room(struct schedule *schedule, size_t most)
{
    return job_heap_make_room(&schedule->by_deadline, most) && job_heap_make_room(&schedule->waiting, most) &&
           job_heap_make_room(&schedule->cut_short, most);
}

void schedule_destroy(struct schedule *schedule)
{
    struct job *job, *other;

    while ((job = schedule_any(schedule))) {
        if (job->leader)
            job = job->leader;
        while ((other = job->joined.first)) { /* they are in a list of its own */
            schedule_take(schedule, other);
            job_free(other);
        }
        schedule_take(schedule, job);
        job_free(job);
    }
    job_heap_destroy(&schedule->by_deadline);
    job_heap_destroy(&schedule->awaits);
    job_heap_destroy(&schedule->waiting);
    job_heap_destroy(&schedule->cut_short);
}

/* The heap that has its deadline: one of these, but for those that are out. */
static struct job_heap *deadlines_of(struct schedule *schedule, const struct job *job)
{
    if (job->place == JOB_IS_CUT_SHORT)
        return &schedule->cut_short;
    return job->event.op == KLP_OP_AWAIT ? &schedule->awaits : &schedule->by_deadline;
}

static void queue(struct job *job, struct job_list *list)
{
    job->place = JOB_IS_QUEUED;
    job->queue = list;
    job_list_append(list, job);
}

static struct job_list *queue_of(struct schedule *schedule, const struct job *job)
{
    if (job->event.recovered)
        return &schedule->recovered;
    switch (job->event.op) {
    case KLP_OP_PUSH:
        return job->event.attempts > 0 ? &schedule->retries : &schedule->pushes;
    case KLP_OP_AWAIT:
        return &schedule->polls;
    default:
        return &schedule->queries;
    }
}

void schedule_add(struct schedule *schedule, struct job *job)
{
    queue(job, queue_of(schedule, job));
    job_heap_add(deadlines_of(schedule, job), job);
}

void schedule_add_later(struct schedule *schedule, struct job *job, uint64_t ready_us)
{
    job->place = JOB_IS_WAITING;
    job->time_us[JOB_READY] = ready_us;
    job_heap_add(&schedule->waiting, job);
    job_heap_add(deadlines_of(schedule, job), job);
}

void schedule_attach_joined(struct schedule *schedule, struct job *job, struct job *leader)
{
    job->leader = leader;
    job->place = JOB_IS_QUEUED;
    job->queue = &leader->joined;
    job_list_insert(&leader->joined, job); /* the latest is the last: it leads when the leader leaves */
    job_heap_add(&schedule->by_deadline, job);
    schedule->attached++;
}

void schedule_attach_held(struct schedule *schedule, struct job *job)
{
    job->place = JOB_IS_HELD;
    job_heap_add(&schedule->by_deadline, job);
    schedule->attached++;
}

void schedule_release_held(struct schedule *schedule, struct job *job)
{
    schedule->attached--;
    queue(job, queue_of(schedule, job));
}

void schedule_cut_short(struct schedule *schedule, struct job *job)
{
    if (job->place == JOB_IS_CUT_SHORT)
        return;
    job->place = JOB_IS_CUT_SHORT;
    job_heap_add(&schedule->cut_short, job);
}

void schedule_swap_tickets(struct schedule *schedule, struct job *a, struct job *b)
{
    struct job *const both[] = {a, b};

    for (size_t i = 0; i < 2; i++)
        if (both[i]->place != JOB_IS_OUT)
            job_heap_remove(deadlines_of(schedule, both[i]), both[i]);
    job_swap_tickets(a, b);
    for (size_t i = 0; i < 2; i++)
        if (both[i]->place != JOB_IS_OUT)
            job_heap_add(deadlines_of(schedule, both[i]), both[i]);
}

void schedule_wake(struct schedule *schedule, uint64_t now_us)
{
    while (job_heap_first_us(&schedule->waiting) <= now_us) {
        struct job *job = job_heap_first(&schedule->waiting);
        job_heap_remove(&schedule->waiting, job);
        queue(job, queue_of(schedule, job));
    }
}

static bool is_attached(const struct job *job)
{
    return job->place == JOB_IS_HELD || job->leader;
}

void schedule_take(struct schedule *schedule, struct job *job)
{
    schedule->attached -= is_attached(job);
    if (job->place == JOB_IS_QUEUED)
        job_list_remove(job->queue, job);
    else if (job->place == JOB_IS_WAITING)
        job_heap_remove(&schedule->waiting, job);
    job_heap_remove(deadlines_of(schedule, job), job);
    job->place = JOB_IS_OUT;
    job->queue = NULL;
}

bool schedule_has_ready(const struct schedule *schedule)
{
    return schedule->retries.first || schedule->pushes.first || schedule->recovered.first || schedule->queries.first ||
           schedule->polls.first;
}

/* Whose turn it is of one kind and of all that yield to it. */
static bool is_turn_of(const struct job *first, bool has_others, unsigned most_in_a_row, unsigned *in_a_row)
{
    if (first && (!has_others || *in_a_row < most_in_a_row)) {
        *in_a_row += has_others; /* only while one waits */
        return true;
    }
    *in_a_row = 0;
    return false;
}

static struct job *next_in_turn(struct schedule *schedule, unsigned most_in_a_row)
{
    struct job *push = schedule->retries.first ? schedule->retries.first : schedule->pushes.first;
    bool has_polls = schedule->polls.first, has_queries = schedule->queries.first || has_polls,
         has_recovered = schedule->recovered.first || has_queries;

    if (is_turn_of(push, has_recovered, most_in_a_row, &schedule->pushes_in_a_row))
        return push;
    if (is_turn_of(schedule->recovered.first, has_queries, most_in_a_row, &schedule->recovered_in_a_row))
        return schedule->recovered.first;
    if (is_turn_of(schedule->queries.first, has_polls, most_in_a_row, &schedule->queries_in_a_row))
        return schedule->queries.first;
    return schedule->polls.first;
}

struct job *schedule_take_next(struct schedule *schedule, bool is_narrow)
{
    struct job *job = next_in_turn(schedule, is_narrow ? 1 : STARTS_BEFORE_ANOTHER_KIND);

    if (job)
        schedule_take(schedule, job);
    return job;
}

static struct job *take_expired(struct schedule *schedule, struct job_heap *heap, uint64_t now_us)
{
    struct job *job = job_heap_first(heap);
    if (!job || job->time_us[JOB_DEADLINE] > now_us)
        return NULL;
    if (job->leader && !job_is_in_flight(job->leader) && job->leader->time_us[JOB_DEADLINE] <= now_us)
        job = job->leader; /* they end together: none goes on that could be applied yet */
    schedule_take(schedule, job);
    return job;
}

struct job *schedule_take_expired_but_awaits(struct schedule *schedule, uint64_t now_us)
{
    return take_expired(schedule, &schedule->by_deadline, now_us);
}

struct job *schedule_take_expired(struct schedule *schedule, uint64_t now_us)
{
    struct job *job = take_expired(schedule, &schedule->by_deadline, now_us);
    return job ? job : take_expired(schedule, &schedule->awaits, now_us);
}

struct job *schedule_take_cut_short(struct schedule *schedule, uint64_t now_us)
{
    return take_expired(schedule, &schedule->cut_short, now_us);
}

struct job *schedule_take_await(struct schedule *schedule)
{
    return take_expired(schedule, &schedule->awaits, UINT64_MAX);
}

struct job *schedule_any(const struct schedule *schedule)
{
    struct job *job = job_heap_first(&schedule->by_deadline);
    return job ? job : job_heap_first(&schedule->awaits);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t schedule_next_us(const struct schedule *schedule)
{
    uint64_t deadline_us = earlier(job_heap_first_us(&schedule->by_deadline), job_heap_first_us(&schedule->awaits));
    deadline_us = earlier(deadline_us, job_heap_first_us(&schedule->cut_short));
    return earlier(deadline_us, job_heap_first_us(&schedule->waiting));
}

size_t schedule_count(const struct schedule *schedule)
{
    return schedule->by_deadline.size + schedule->awaits.size - schedule->attached;
}

size_t schedule_await_count(const struct schedule *schedule)
{
    return schedule->awaits.size;
}
