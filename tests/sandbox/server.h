/* SPDX-License-Identifier: Apache-2.0
 *
 * libmicrohttpd around the sandbox: the socket, the connections, the way in of every request. */
#ifndef SANDBOX_SERVER_H
#define SANDBOX_SERVER_H

#include "request.h"

#include <stdbool.h>

#define SERVER_WHY_BYTES 256

struct server_settings {
    unsigned port;
    unsigned threads;
    char *tls_cert; /* PEM, both NULL for plain HTTP */
    char *tls_key;
};

/* Listens on 127.0.0.1 and serves; sandbox->port is what was bound. False: `why` says what failed. */
bool server_start(struct sandbox *sandbox, const struct server_settings *settings, char why[SERVER_WHY_BYTES]);

/* Stops the timers too: a connection that waits for one of them must be woken before it can end. */
void server_stop(struct sandbox *sandbox);

#endif
