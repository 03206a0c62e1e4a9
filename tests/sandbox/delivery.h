/* SPDX-License-Identifier: Apache-2.0
 *
 * How a reply, or the fault in its place, gets onto the connection. */
#ifndef SANDBOX_DELIVERY_H
#define SANDBOX_DELIVERY_H

#include "request.h"

/* The last step of a request. MHD_NO ends the connection. */
enum MHD_Result deliver(struct request *request);

/* Leaves the connection to the timers' thread, which wakes the request wait_us later. */
enum MHD_Result suspend_for(struct request *request, uint64_t wait_us);

/* A true TCP reset: the peer sees ECONNRESET, the daemon a connection that is gone. */
void reset_connection(struct MHD_Connection *connection);

#endif
