/* SPDX-License-Identifier: Apache-2.0
 * What was told of a stubbed pusher's events, and told again. */
#ifndef KLP_STUB_TOLD_H
#define KLP_STUB_TOLD_H

#include "stub/world.h"

/* The host has taken an event, which is in its hands. Without the world's lock. */
void told_note(struct world *world, const klp_event *event);

/* The worker's, once a round: notes what the courier is about to tell, and appends what is to be told again. */
void told_look(struct world *world);

/* The worker's: whether told_look() has something to append now. Under the world's lock. */
bool told_has_line(const struct world *world);

/* The worker's last: what is to be told again is left to next_event(). */
void told_end(struct world *world);

/* The verdict's event of that call is to be told so many times more. Under the world's lock. False: out of memory. */
bool told_is_to_repeat(struct world *world, klp_ticket ticket, uint32_t times);

/* As klp_stub_api.repeat_event. */
klp_status told_repeat(struct world *world, uint64_t seq);

#endif
