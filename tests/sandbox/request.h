/* SPDX-License-Identifier: Apache-2.0
 *
 * One request on its way through the sandbox, and the sandbox around it. */
#ifndef SANDBOX_REQUEST_H
#define SANDBOX_REQUEST_H

#include "api.h"
#include "arrivals.h"
#include "faults.h"
#include "timers.h"

#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox {
    struct world world;
    struct faults *faults;
    struct arrivals *arrivals;
    struct timers *timers;
    struct MHD_Daemon *daemon;
    atomic_uint_fast64_t connection_ids;
    atomic_uint_fast64_t request_ids;
    uint32_t run;    /* tells this run's request ids from another's */
    int quit_fd;     /* an eventfd: written when the control path asks for the end */
    unsigned port;   /* as bound */
    bool is_verbose; /* a line on stderr for every arrival */
};

/* What belongs to a connection for as long as it lives. */
struct connection {
    uint64_t id;
    char *target; /* of the request under way, as it was on the wire */
};

enum stage { STAGE_RECEIVING, STAGE_APPLY, STAGE_DELIVER, STAGE_HANG_UP };

struct request {
    struct sandbox *sandbox;
    struct MHD_Connection *connection;
    enum stage stage;
    const char *method; /* MHD's, as long as the request */
    char *target;
    struct route route;
    char *body;
    size_t body_bytes;
    size_t body_room;
    bool body_too_large;
    json_t *json;
    uint64_t arrival;
    struct fault_action *action;
    struct arrival_fate fate;
    struct reply reply;
    uint64_t flooded_bytes; /* endless_headers: sent so far */
    bool quits;
};

/* NULL: out of memory. Logs the arrival, unless it is for the control path. */
struct request *request_begin(struct sandbox *sandbox, struct MHD_Connection *connection, const char *method,
                              const char *target, uint64_t connection_id);

/* Takes a part of the body; what is over the limit is counted out, not kept. */
void request_append(struct request *request, const char *bytes, size_t size);

/* The body is complete, or a delay is over: the next step. */
enum MHD_Result request_proceed(struct request *request);

/* The connection ends, with or without a reply. What was waiting to be applied late is applied now: a server does not
 * notice that its client has left. */
void request_end(struct request *request);

#endif
