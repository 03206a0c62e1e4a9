/* SPDX-License-Identifier: Apache-2.0
 * What happens when the host calls exit() with pushers open: their workers are stopped before the libraries they use
 * are torn down. */
#ifndef KLP_PUSHER_EXIT_GUARD_H
#define KLP_PUSHER_EXIT_GUARD_H

#include <stdbool.h>

#include "kraty/lobby_pusher.h"

/* Links an open pusher into the process's list. Embedded in the pusher. */
struct exit_guard_entry {
    struct exit_guard_entry *next, *previous;
    klp_pusher *pusher;
};

/* Registers the handler; once, after curl_global_init() (a handler registered before it runs after OpenSSL is gone).
 * False: the system refused. */
bool exit_guard_arm(void);

/* False: exit() has begun, it is too late for a pusher. */
bool exit_guard_add(struct exit_guard_entry *entry);
void exit_guard_remove(struct exit_guard_entry *entry);

#endif
