/* SPDX-License-Identifier: Apache-2.0
 * Where results go, checked before nanomsg sees it: it ends the process over some addresses, and waits for the name
 * server over others, even when its socket is closed. */
#ifndef KLP_RESULTS_RESULTS_URL_H
#define KLP_RESULTS_RESULTS_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "kraty/lobby_pusher.h"

enum { RESULTS_ADDRESS_BYTES = 128 }; /* nanomsg takes no longer one */

struct results_address {
    char text[RESULTS_ADDRESS_BYTES];
    bool is_ipv6;
};

/* ipc:///path, tcp://a.b.c.d:port, tcp://[v6]:port or tcp://localhost:port. On KLP_OK *address is what to connect to.
 */
klp_status results_url_check(const char *url, struct results_address *address, klp_text_buffer *why);

#endif
