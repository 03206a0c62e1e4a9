/* SPDX-License-Identifier: Apache-2.0
 *
 * Stands before a server of 127.0.0.1, in a thread of its own, so that it can be away without ending: what connects is
 * then refused, and what was connected is reset.
 *
 *     struct relay *relay = relay_start(sandbox_port(sandbox));
 *     …                                        a pusher uses relay_url(relay)
 *     relay_take_away(relay);
 *     relay_bring_back(relay);
 *     relay_stop(relay);
 *
 * What cannot be done fails the running cmocka test. */
#ifndef RELAY_H
#define RELAY_H

struct relay;

struct relay *relay_start(unsigned port);
void relay_stop(struct relay *relay); /* NULL is nothing */

const char *relay_url(const struct relay *relay); /* the same all the time */

/* It is so when they return. */
void relay_take_away(struct relay *relay);
void relay_bring_back(struct relay *relay);

#endif
