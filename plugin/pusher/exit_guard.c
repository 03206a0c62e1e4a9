/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/exit_guard.h"

#include <pthread.h>
#include <stdlib.h>

#include "clock.h"
#include "pusher/fork_guard.h"
#include "pusher/pusher.h"

/* A worker ends within milliseconds; one that hangs is left behind rather than blocking the host's exit. */
enum { EXIT_WAIT_MS = 2000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct exit_guard_entry *first;
static bool is_exiting;

static void stop_all(void)
{
    if (fork_guard_is_child())
        return;

    uint64_t limit_us = clock_outside_us() + EXIT_WAIT_MS * 1000u;
    pthread_mutex_lock(&lock);
    is_exiting = true;
    for (struct exit_guard_entry *entry = first; entry; entry = entry->next)
        pusher_request_stop(entry->pusher, 0);
    for (struct exit_guard_entry *entry = first; entry; entry = entry->next)
        pusher_join(entry->pusher, limit_us);
    pthread_mutex_unlock(&lock);
}

bool exit_guard_arm(void)
{
    return atexit(stop_all) == 0;
}

bool exit_guard_add(struct exit_guard_entry *entry)
{
    pthread_mutex_lock(&lock);
    bool is_in_time = !is_exiting;
    if (is_in_time) {
        entry->previous = NULL;
        entry->next = first;
        if (first)
            first->previous = entry;
        first = entry;
    }
    pthread_mutex_unlock(&lock);
    return is_in_time;
}

void exit_guard_remove(struct exit_guard_entry *entry)
{
    pthread_mutex_lock(&lock);
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    pthread_mutex_unlock(&lock);
}
