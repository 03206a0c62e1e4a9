/* SPDX-License-Identifier: Apache-2.0
 * Events as one line of JSON, and back. Pure. */
#ifndef KLP_RESULTS_EVENT_JSON_H
#define KLP_RESULTS_EVENT_JSON_H

#include "kraty/lobby_pusher.h"

/* Bytes of the event as one line of JSON, without a line break; written to `out`, without a NUL, when they fit into
 * capacity. event.json is not looked at. */
size_t event_write(const klp_event *event, char *out, size_t capacity);

/* The same, but at most KLP_MAX_EVENT_BYTES: a reply that makes the event longer is left out. */
size_t event_write_bounded(const klp_event *event, char *out, size_t capacity);

/* See klp_api.decode_event. */
klp_status event_read(const char *bytes, size_t size, klp_event **event, klp_text_buffer *why);
void event_free(klp_event *event);

#endif
