/* SPDX-License-Identifier: Apache-2.0
 *
 * The replies remembered per idempotencyKey for 24 hours. Not locked: the world is. */
#ifndef SANDBOX_MEMORY_H
#define SANDBOX_MEMORY_H

#include "reply.h"
#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remembered;

struct memory {
    struct table by_key;
    struct remembered *oldest;
    struct remembered **newest;
};

/* The request an idempotencyKey came with; `game` is the one of the API key. */
struct memory_request {
    const char *game;
    const char *idempotency_key;
    const char *method;
    const char *path; /* raw, without a query */
    const char *body;
    size_t body_bytes;
};

enum memory_answer { MEMORY_UNKNOWN, MEMORY_REPLAY, MEMORY_CONFLICT };

void memory_init(struct memory *memory);
void memory_clear(struct memory *memory);

/* MEMORY_REPLAY: `reply` is the remembered body as a 200. MEMORY_CONFLICT: the key came with another
 * method, path or body (compared as JSON). */
enum memory_answer memory_ask(struct memory *memory, const struct memory_request *request, uint64_t now_us,
                              struct reply *reply);

/* Forgetting for want of memory is harmless: the lobby's own key still protects a push. */
void memory_keep(struct memory *memory, const struct memory_request *request, uint64_t now_us,
                 const struct reply *reply);

#endif
