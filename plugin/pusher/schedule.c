/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/schedule.h"

#include <stdlib.h>

enum { PUSHES_BEFORE_A_QUERY = 7 };

/* ─── The heap ──────────────────────────────────────────────────────────────────────────────────── */

static void place(struct schedule *schedule, size_t index, struct job *job)
{
    schedule->by_deadline[index] = job;
    job->heap_index = index;
}

static void sift_up(struct schedule *schedule, size_t index, struct job *job)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (schedule->by_deadline[parent]->deadline_us <= job->deadline_us)
            break;
        place(schedule, index, schedule->by_deadline[parent]);
        index = parent;
    }
    place(schedule, index, job);
}

static void sift_down(struct schedule *schedule, size_t index, struct job *job)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= schedule->heap_size)
            break;
        if (child + 1 < schedule->heap_size &&
            schedule->by_deadline[child + 1]->deadline_us < schedule->by_deadline[child]->deadline_us)
            child++;
        if (schedule->by_deadline[child]->deadline_us >= job->deadline_us)
            break;
        place(schedule, index, schedule->by_deadline[child]);
        index = child;
    }
    place(schedule, index, job);
}

static void heap_remove(struct schedule *schedule, struct job *job)
{
    size_t index = job->heap_index;
    struct job *last = schedule->by_deadline[--schedule->heap_size];

    if (last == job)
        return;
    if (index > 0 && schedule->by_deadline[(index - 1) / 2]->deadline_us > last->deadline_us)
        sift_up(schedule, index, last);
    else
        sift_down(schedule, index, last);
}

/* ─── The queues ────────────────────────────────────────────────────────────────────────────────── */

static struct job_list *queue_of(struct schedule *schedule, const struct job *job)
{
    return job->event.op == KLP_OP_PUSH ? &schedule->pushes : &schedule->queries;
}

static struct job *take(struct schedule *schedule, struct job *job)
{
    job_list_remove(queue_of(schedule, job), job);
    heap_remove(schedule, job);
    return job;
}

bool schedule_init(struct schedule *schedule, size_t capacity)
{
    *schedule = (struct schedule){.heap_capacity = capacity};
    schedule->by_deadline = calloc(capacity, sizeof(struct job *));
    return schedule->by_deadline != NULL;
}

void schedule_destroy(struct schedule *schedule)
{
    struct job *job;
    while ((job = schedule_take_any(schedule)))
        job_free(job);
    free(schedule->by_deadline);
    *schedule = (struct schedule){0};
}

void schedule_add(struct schedule *schedule, struct job *job)
{
    job_list_append(queue_of(schedule, job), job);
    sift_up(schedule, schedule->heap_size++, job);
}

struct job *schedule_take_next(struct schedule *schedule)
{
    struct job *push = schedule->pushes.first;
    struct job *query = schedule->queries.first;

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
    if (schedule_next_deadline_us(schedule) > now_us)
        return NULL;
    return take(schedule, schedule->by_deadline[0]);
}

struct job *schedule_take_any(struct schedule *schedule)
{
    return schedule->heap_size ? take(schedule, schedule->by_deadline[0]) : NULL;
}

uint64_t schedule_next_deadline_us(const struct schedule *schedule)
{
    return schedule->heap_size ? schedule->by_deadline[0]->deadline_us : UINT64_MAX;
}

size_t schedule_count(const struct schedule *schedule)
{
    return schedule->heap_size;
}
