/* SPDX-License-Identifier: Apache-2.0
 * Tells events to the host over nanomsg: REQ to its REP, one message at a time, each with all the events that wait and
 * fit. A send that succeeds says nothing; only a reply does. One thread uses it. */
#ifndef KLP_RESULTS_COURIER_H
#define KLP_RESULTS_COURIER_H

#include <stdbool.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

struct courier;

/* Checks the URL and begins to connect, which goes on by itself for the courier's whole life. */
klp_status courier_open(const char *url, struct courier **courier, klp_text_buffer *why);
void courier_close(struct courier *courier);

/* Readable when courier_receive() has something to do; -1 once there is nothing more to wait for. */
int courier_descriptor(const struct courier *courier);

/* Whether the host took the socket away (by nn_term): nothing is told by it any more. */
bool courier_is_dead(const struct courier *courier);

/* Whether a message may be sent now, and if not, when the pause ends: CLOCK_NEVER_US while a reply is awaited (nanomsg
 * repeats the message by itself every two seconds, and whenever a peer comes back). */
bool courier_may_send(const struct courier *courier, uint64_t now_us);
uint64_t courier_pause_ends_us(const struct courier *courier);

/* Adds an event to the next message. False: it is full. The first one always fits. */
bool courier_add(struct courier *courier, const klp_event *event);
void courier_send(struct courier *courier, uint64_t now_us);

/* Takes a reply. True when it acknowledges events: those of a seq up to *acknowledged_seq. */
bool courier_receive(struct courier *courier, uint64_t now_us, uint64_t *acknowledged_seq);

uint64_t courier_messages_sent(const struct courier *courier);
uint64_t courier_replies_ignored(const struct courier *courier);

#endif
