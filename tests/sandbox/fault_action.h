/* SPDX-License-Identifier: Apache-2.0
 *
 * What a fault does to a request, read from the "action" of a rule. */
#ifndef SANDBOX_FAULT_ACTION_H
#define SANDBOX_FAULT_ACTION_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FAULT_WHY_BYTES 256

/* What becomes of the connection, or of the bytes on it; at most one of them in an action. */
enum fault_kind {
    FAULT_NONE, /* the reply goes out, perhaps changed or late */
    FAULT_RESET_BEFORE,
    FAULT_RESET_AFTER,
    FAULT_CLOSE_BEFORE,
    FAULT_CLOSE_AFTER,
    FAULT_CUT_BODY,
    FAULT_GARBAGE,
    FAULT_SLOW_DRIP,
    FAULT_BIG_BODY,
    FAULT_ENDLESS_HEADERS,
};

/* Immutable once it is read; its texts point into `json`. */
struct fault_action {
    atomic_uint holders;
    json_t *json;
    unsigned rule_id;
    enum fault_kind kind;
    bool apply;
    bool apply_late; /* the delay comes before the request is applied */
    uint64_t delay_us;
    unsigned status; /* 0: as it came */
    const char *code;
    const char *message;
    json_t *details;
    json_t *headers; /* object of strings or arrays of strings, or NULL */
    json_t *body;    /* string, or NULL */
    json_t *garbage; /* string, or NULL for the usual bytes */
    uint64_t drip_us;
    uint64_t big_body_bytes;
    bool chunked; /* slow_drip, big_body: no Content-Length */
};

/* NULL: `why` says what is wrong. The caller is its first holder. */
struct fault_action *fault_action_read(json_t *json, unsigned rule_id, char why[FAULT_WHY_BYTES]);

void fault_action_hold(struct fault_action *action);
void fault_action_release(struct fault_action *action); /* NULL does nothing */

/* The log's word for it: the kind, else "status", "body", "headers" or "delay". */
const char *fault_action_name(const struct fault_action *action);

#endif
