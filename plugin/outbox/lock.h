/* SPDX-License-Identifier: Apache-2.0
 * Who has a file: a lock on another file beside it. An open-file-description lock holds between two pushers of one
 * process as well as between processes, and between containers, where pids mean nothing; the kernel drops it with the
 * process. What stands in the file is no part of that (handling.c). */
#ifndef KLP_OUTBOX_LOCK_H
#define KLP_OUTBOX_LOCK_H

#include "outbox/store.h"

struct lock {
    int fd; /* -1: none */
    struct lock *next;
};

/* Takes the lock at a path, which is made (0600) when it is not there. STORE_LOCKED: another has it. What else is
 * wrong errno says. */
enum store_result lock_take(struct lock *lock, const char *path);

/* Gives it up, and leaves its file: to remove that is for who has the lock, before. NULL-safe for a lock with fd -1. */
void lock_release(struct lock *lock);

/* Whether somebody has it, without taking it for a moment, which might turn away who comes just then. When that cannot
 * be told: yes. */
bool lock_is_held(const char *path);

#endif
