/* SPDX-License-Identifier: Apache-2.0
 *
 * From a method and a raw path to the call it means. */
#ifndef SANDBOX_ROUTE_H
#define SANDBOX_ROUTE_H

#include <stdbool.h>

enum op { OP_UNKNOWN, OP_PUSH, OP_READ, OP_PING, OP_CALL, OP_CONTROL };

/* Segments are decoded one by one after the path was split, so that %2F stays inside its id. */
struct route {
    enum op op;
    char *decoded; /* owns the bytes of the three */
    const char *game;
    const char *event;
    const char *lobby;
};

/* The query, if any, is ignored. False: out of memory. */
bool route_parse(struct route *route, const char *method, const char *target);
void route_clear(struct route *route);

const char *op_text(enum op op);

#endif
