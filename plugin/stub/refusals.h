/* SPDX-License-Identifier: Apache-2.0
 * Calls that a test has refused. What the library would refuse by itself is left to it, and does not count. */
#ifndef KLP_STUB_REFUSALS_H
#define KLP_STUB_REFUSALS_H

#include "stub/world.h"

/* KLP_OK: the call may go on; `world` may be NULL. The arguments are the host's, as they are. */
klp_status refusals_push(struct world *world, const klp_lobby *lobby, klp_text_buffer *why);
klp_status refusals_document(struct world *world, klp_text format, const char *bytes, size_t size,
                             const klp_roster_options *options, klp_text_buffer *why);
klp_status refusals_read(struct world *world, klp_text game_id, klp_text lobby_id, uint64_t cookie,
                         klp_text_buffer *why);
klp_status refusals_await(struct world *world, const klp_await *await, klp_text_buffer *why);
klp_status refusals_call(struct world *world, const klp_call *call, klp_text_buffer *why);
klp_status refusals_ping(struct world *world, uint64_t cookie, klp_text_buffer *why);

#endif
