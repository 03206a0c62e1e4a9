/* SPDX-License-Identifier: Apache-2.0
 * Files that other pushers have left in the outbox' directory: what they hold is ended and told, and they are removed.
 * The worker's. */
#ifndef KLP_PUSHER_ADOPTION_H
#define KLP_PUSHER_ADOPTION_H

#include <stdint.h>

struct klp_pusher;

/* Looks for some when it is time for that. */
void adoption_look(struct klp_pusher *pusher, uint64_t now_us);

/* Leaves those again that could not be written: after a commit. */
void adoption_drop_lost(struct klp_pusher *pusher);

/* Removes those of which everything has been told and acknowledged. */
void adoption_close_empty(struct klp_pusher *pusher);

#endif
