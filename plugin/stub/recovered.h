/* SPDX-License-Identifier: Apache-2.0
 * Pushes that are as if a process that died before this one had accepted them. */
#ifndef KLP_STUB_RECOVERED_H
#define KLP_STUB_RECOVERED_H

#include "stub/world.h"

/* As klp_stub_api.recover. Waits for the worker; not in a callback of it. */
klp_status recovered_push(struct world *world, const klp_lobby *lobby, klp_text_buffer *why);

/* The worker's, once a round: takes those that wait. */
void recovered_look(struct world *world);

#endif
