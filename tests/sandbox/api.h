/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire contract itself: from a whole request to its reply. Knows nothing of sockets or faults. */
#ifndef SANDBOX_API_H
#define SANDBOX_API_H

#include "clock.h"
#include "config.h"
#include "keyring.h"
#include "lobbies.h"
#include "memory.h"
#include "reply.h"
#include "route.h"
#include "stats.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Everything the contract remembers. `lock` guards the lobbies and the memory; the rest guards itself. */
struct world {
    struct config config;
    struct keyring *keyring;
    struct sandbox_clock clock;
    struct stats stats;
    pthread_mutex_t lock;
    struct lobbies lobbies;
    struct memory memory;
};

struct api_request {
    const char *method;
    const char *path; /* raw, without a query */
    const struct route *route;
    const char *authorization; /* or NULL */
    const char *content_type;  /* or NULL */
    const char *body;
    size_t body_bytes;
    bool body_too_large;
    json_t *json; /* the body parsed; NULL when there is none or it is not JSON */
};

struct api_result {
    struct reply reply;
    bool replayed; /* a success that changed nothing, as this push or call was known */
};

/* [any-thread] */
void api_answer(struct world *world, const struct api_request *request, struct api_result *result);

#endif
