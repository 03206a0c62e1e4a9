/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/job_heap.h"

#include <stdlib.h>

static uint64_t time_of(const struct job_heap *heap, const struct job *job)
{
    return job->time_us[heap->time];
}

static void place(struct job_heap *heap, size_t index, struct job *job)
{
    heap->jobs[index] = job;
    job->heap_index[heap->time] = index;
}

static void sift_up(struct job_heap *heap, size_t index, struct job *job)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (time_of(heap, heap->jobs[parent]) <= time_of(heap, job))
            break;
        place(heap, index, heap->jobs[parent]);
        index = parent;
    }
    place(heap, index, job);
}

static void sift_down(struct job_heap *heap, size_t index, struct job *job)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->size)
            break;
        if (child + 1 < heap->size && time_of(heap, heap->jobs[child + 1]) < time_of(heap, heap->jobs[child]))
            child++;
        if (time_of(heap, heap->jobs[child]) >= time_of(heap, job))
            break;
        place(heap, index, heap->jobs[child]);
        index = child;
    }
    place(heap, index, job);
}

void job_heap_remove(struct job_heap *heap, struct job *job)
{
    size_t index = job->heap_index[heap->time];
    struct job *last = heap->jobs[--heap->size];

    if (last == job)
        return;
    if (index > 0 && time_of(heap, heap->jobs[(index - 1) / 2]) > time_of(heap, last))
        sift_up(heap, index, last);
    else
        sift_down(heap, index, last);
}

bool job_heap_init(struct job_heap *heap, size_t capacity, enum job_time time)
{
    *heap = (struct job_heap){.capacity = capacity, .time = time};
    heap->jobs = calloc(capacity, sizeof(struct job *));
    return heap->jobs != NULL;
}

bool job_heap_make_room(struct job_heap *heap, size_t most)
{
    if (most <= heap->capacity)
        return true;
    if (most > SIZE_MAX / sizeof(struct job *))
        return false;
    struct job **larger = realloc(heap->jobs, most * sizeof *larger);
    if (!larger)
        return false;
    heap->jobs = larger;
    heap->capacity = most;
    return true;
}

void job_heap_destroy(struct job_heap *heap)
{
    free(heap->jobs);
}

void job_heap_add(struct job_heap *heap, struct job *job)
{
    sift_up(heap, heap->size++, job);
}

struct job *job_heap_first(const struct job_heap *heap)
{
    return heap->size ? heap->jobs[0] : NULL;
}

uint64_t job_heap_first_us(const struct job_heap *heap)
{
    return heap->size ? time_of(heap, heap->jobs[0]) : UINT64_MAX;
}
