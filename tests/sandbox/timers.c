/* SPDX-License-Identifier: Apache-2.0 */
#include "timers.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

struct timer {
    uint64_t due_us;
    void (*fire)(void *context);
    void *context;
};

struct timers {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool stopping;
    struct timer *heap; /* heap[0] is due first */
    size_t count;
    size_t room;
};

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void swap(struct timer *a, struct timer *b)
{
    struct timer kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct timer *heap, size_t at)
{
    while (at > 0 && heap[at].due_us < heap[(at - 1) / 2].due_us) {
        swap(&heap[at], &heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

static void sift_down(struct timer *heap, size_t count)
{
    for (size_t at = 0;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (heap[child].due_us < heap[first].due_us)
                first = child;
        if (first == at)
            return;
        swap(&heap[at], &heap[first]);
        at = first;
    }
}

static struct timer take_first(struct timers *timers)
{
    struct timer first = timers->heap[0];
    timers->heap[0] = timers->heap[--timers->count];
    sift_down(timers->heap, timers->count);
    return first;
}

static void wait_for_first(struct timers *timers)
{
    if (!timers->count) {
        pthread_cond_wait(&timers->changed, &timers->lock);
        return;
    }
    uint64_t due_us = timers->heap[0].due_us;
    struct timespec due = {.tv_sec = (time_t)(due_us / 1000000), .tv_nsec = (long)(due_us % 1000000) * 1000};
    pthread_cond_timedwait(&timers->changed, &timers->lock, &due);
}

static void *run(void *context)
{
    struct timers *timers = context;

    pthread_mutex_lock(&timers->lock);
    for (;;) {
        if (timers->count && (timers->stopping || timers->heap[0].due_us <= now_us())) {
            struct timer timer = take_first(timers);
            pthread_mutex_unlock(&timers->lock);
            timer.fire(timer.context);
            pthread_mutex_lock(&timers->lock);
        } else if (timers->stopping) {
            break;
        } else {
            wait_for_first(timers);
        }
    }
    pthread_mutex_unlock(&timers->lock);
    return NULL;
}

bool timers_after(struct timers *timers, uint64_t wait_us, void (*fire)(void *context), void *context)
{
    bool kept = false;

    pthread_mutex_lock(&timers->lock);
    if (timers->stopping)
        goto unlock;
    if (timers->count == timers->room) {
        size_t room = timers->room ? timers->room * 2 : 64;
        struct timer *heap = realloc(timers->heap, room * sizeof *heap);
        if (!heap)
            goto unlock;
        timers->heap = heap;
        timers->room = room;
    }
    timers->heap[timers->count] = (struct timer){.due_us = now_us() + wait_us, .fire = fire, .context = context};
    sift_up(timers->heap, timers->count++);
    pthread_cond_signal(&timers->changed);
    kept = true;

unlock:
    pthread_mutex_unlock(&timers->lock);
    return kept;
}

struct timers *timers_start(void)
{
    struct timers *timers = calloc(1, sizeof *timers);
    if (!timers)
        return NULL;

    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timers->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&timers->lock, NULL);

    if (pthread_create(&timers->thread, NULL, run, timers) != 0)
        goto destroy;
    return timers;

destroy:
    pthread_mutex_destroy(&timers->lock);
    pthread_cond_destroy(&timers->changed);
    free(timers);
    return NULL;
}

void timers_stop(struct timers *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->stopping = true;
    pthread_cond_signal(&timers->changed);
    pthread_mutex_unlock(&timers->lock);
    pthread_join(timers->thread, NULL);
}

void timers_free(struct timers *timers)
{
    pthread_mutex_destroy(&timers->lock);
    pthread_cond_destroy(&timers->changed);
    free(timers->heap);
    free(timers);
}
