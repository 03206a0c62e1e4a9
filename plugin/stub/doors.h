/* SPDX-License-Identifier: Apache-2.0
 * The ways into a stubbed pusher: each leads through its world. */
#ifndef KLP_STUB_DOORS_H
#define KLP_STUB_DOORS_H

#include "stub/world.h"

/* The table of the stub: the real one's functions, on the pusher's time and by its script. */
const klp_api *doors_table(void);

/* The pusher's world; NULL: the pusher is none of ours, or this process is a child. */
struct world *doors_world(const klp_pusher *pusher);

#endif
