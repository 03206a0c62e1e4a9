/* SPDX-License-Identifier: Apache-2.0
 * A look at the API key, before anything in an outbox is sent with it: one that the server refuses would end every push
 * there as not applied. */
#ifndef KLP_OUTBOX_KEY_H
#define KLP_OUTBOX_KEY_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"

/* False: stderr says why it is not to be used. A server that does not answer within timeout_ms is no reason, unless
 * there is --expect-environment. */
bool outbox_key_is_good(const klp_api *klp, const struct options *options, uint32_t timeout_ms);

#endif
