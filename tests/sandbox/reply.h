/* SPDX-License-Identifier: Apache-2.0
 *
 * What is answered: a status and a body. Running out of memory on the way makes it an empty 500. */
#ifndef SANDBOX_REPLY_H
#define SANDBOX_REPLY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct reply {
    unsigned status; /* 0: nothing answered yet */
    char *body;
    size_t body_bytes;
};

/* Each of these replaces what the reply held. `json` and `details` are taken over, NULL included. */
void reply_set_json(struct reply *reply, unsigned status, json_t *json);
void reply_set_bytes(struct reply *reply, unsigned status, const void *bytes, size_t size);
void reply_set_error(struct reply *reply, unsigned status, const char *code, const char *message, json_t *details);

void reply_clear(struct reply *reply);

static inline bool reply_is_success(const struct reply *reply)
{
    return reply->status >= 200 && reply->status < 300;
}

/* The code the contract has for a status: what a scripted status says unless told otherwise. */
const char *reply_usual_code(unsigned status);

/* Bytes that came over the wire as a JSON string; bytes that are not UTF-8 are read as Latin-1. */
json_t *json_from_bytes(const char *bytes, size_t size);

#endif
