/* SPDX-License-Identifier: Apache-2.0
 * One request of a stubbed pusher, and what the script or the Kraty in memory says to it. */
#ifndef KLP_STUB_EXCHANGE_H
#define KLP_STUB_EXCHANGE_H

#include "stub/world.h"
#include "transport/transport.h"

enum { EXCHANGE_REQUEST_ID_BYTES = 32 };

struct exchange {
    struct transport_reply reply; /* first: a reply is turned back into its exchange by a cast */
    struct exchange *next;
    bool is_in_flight;
    uint64_t started_us, due_us; /* of the pusher's time */
    uint64_t number;             /* in the order of their starts */
    enum attempt_end end;
    char *body; /* of the reply, or NULL */
    char request_id[EXCHANGE_REQUEST_ID_BYTES];
};

/* The request arrives, or fails to: what will be replied is decided now. False: out of memory; it never was. */
bool exchange_begin(struct exchange *exchange, struct world *world, const struct transport_request *request);

/* The reply is there. */
void exchange_end(struct exchange *exchange);

/* We do not wait for it any more. */
void exchange_abort(struct exchange *exchange, uint64_t now_us);

void exchange_recycle(struct exchange *exchange);

#endif
