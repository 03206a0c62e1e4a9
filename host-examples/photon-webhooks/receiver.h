/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP server: on 127.0.0.1 alone, since TLS is the proxy's. It runs within the poll loop of whoever started it,
 * and so needs no lock. */
#ifndef RECEIVER_H
#define RECEIVER_H

#include "rooms.h"
#include "secret.h"

#define RECEIVER_MAX_BODY_BYTES  ((size_t)256 << 10) /* a Save of Realtime has the state of its room */
#define RECEIVER_MAX_CONNECTIONS 256
#define RECEIVER_IDLE_S          75 /* longer than proxies keep a connection, lest one sends into one that we close */

struct receiver_settings {
    unsigned port; /* 0: a free one */
    const klp_api *klp;
    const struct secrets *secrets; /* NULL: whoever reaches the port is believed */

    /* What came, before it is answered. Whatever becomes of it, Photon hears that all is well: it holds players up
     * until it has the answer, and keeps them out when that is no. */
    void (*on_hook)(void *context, const struct room_hook *hook);
    void (*on_refused)(void *context, unsigned status, const char *why);
    void *context;
};

struct receiver;

/* NULL: *error is why, as an errno. */
struct receiver *receiver_start(const struct receiver_settings *settings, int *error);
unsigned receiver_port(const struct receiver *receiver);

/* For poll(): readable when receiver_run() has something to do; and after this many ms it has, too. */
int receiver_fd(const struct receiver *receiver);
uint64_t receiver_wait_ms(const struct receiver *receiver);
void receiver_run(struct receiver *receiver);

/* Takes no more connections, answers what is there, and ends. */
void receiver_stop(struct receiver *receiver);

#endif
