/* SPDX-License-Identifier: Apache-2.0
 * Whether this process is a child of the one that opened its first pusher. Such a child has our memory but not our
 * threads, and shares our sockets: whatever it touched could take the parent down. */
#ifndef KLP_PUSHER_FORK_GUARD_H
#define KLP_PUSHER_FORK_GUARD_H

#include <stdbool.h>

/* Marks this process as the one. Called once, before the first pusher is opened. False: the system refused. */
bool fork_guard_arm(void);

/* Cheap enough for every entry point. False as long as the guard is not armed. */
bool fork_guard_is_child(void);

#endif
