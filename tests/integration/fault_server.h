/* SPDX-License-Identifier: Apache-2.0
 *
 * A server for what no HTTP library can be made to do: a thread on a port of 127.0.0.1 that takes one connection after
 * the other, does as it is told, and counts what came. With cmocka; what cannot be done fails the running test. */
#ifndef FAULT_SERVER_H
#define FAULT_SERVER_H

#include <stddef.h>

#include "kraty/lobby_pusher.h"

enum fault_manner {
    FAULT_REPLIES, /* says the next of its replies when a request is there in full (the last one ever after), and closes
                    */
    FAULT_SILENT,  /* takes everything, and never says a word */
    FAULT_HANGS_UP /* takes the first bytes, and closes */
};

/* Goes out with its Content-Length, and `Connection: close`. */
struct fault_reply {
    int status;
    klp_text headers; /* further ones, a line break behind each */
    klp_text body;
};

struct fault_arrivals {
    size_t connections, bytes;
    size_t requests;  /* with all of their body */
    char first[4096]; /* what came first, with a NUL behind it. It holds the API key: never to be printed */
};

struct fault_server;

/* `replies` are pointed into, until it is stopped. */
struct fault_server *fault_server_start(enum fault_manner manner, const struct fault_reply *replies, size_t count);

/* Ends its connection, joins its thread. NULL does nothing. */
void fault_server_stop(struct fault_server *server);

unsigned fault_server_port(const struct fault_server *server);
struct fault_arrivals fault_server_arrivals(struct fault_server *server);

#endif
