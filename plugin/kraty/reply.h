/* SPDX-License-Identifier: Apache-2.0
 * What a reply's body says: a payload, an error envelope, or neither. */
#ifndef KLP_KRATY_REPLY_H
#define KLP_KRATY_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "json/read.h"

enum reply_payload {
    REPLY_WANTS_LOBBY,   /* push, read, await: {"data": Lobby} */
    REPLY_WANTS_API_KEY, /* ping: {"ok": true, "apiKey": {…}}, not inside data */
    REPLY_WANTS_ANY      /* call: {"data": …}, or any other JSON */
};

enum reply_kind {
    REPLY_HAS_PAYLOAD, /* and no error.code */
    REPLY_HAS_ERROR,   /* an error object with a non-empty string as its code, whatever the status */
    REPLY_HAS_NEITHER  /* not JSON, too large, no Lobby, … */
};

struct lobby_state {
    int id, status; /* tokens of strings */
    int64_t capacity;
    int64_t participant_count;
    int64_t bot_slots;    /* 0 when absent */
    int64_t filled_slots; /* min(capacity, participant_count + bot_slots), saturating */
};

struct reply {
    enum reply_kind kind;
    struct json_document document;
    int payload;                /* the Lobby, the apiKey object, or a call's data, else all of it */
    bool has_more;              /* with REPLY_WANTS_ANY: other members stand beside `data` */
    struct lobby_state lobby;   /* with REPLY_WANTS_LOBBY */
    int code, message, details; /* with REPLY_HAS_ERROR; message (a string) and details may be JSON_NONE */
    struct json_fault fault;    /* with REPLY_HAS_NEITHER: why, for the message; reason is never NULL */
};

/* Takes a body apart. The body must outlive the reply, which reply_free() releases. False: no memory. */
bool reply_read(const char *body, size_t size, enum reply_payload wanted, struct reply *reply);
void reply_free(struct reply *reply);

/* Whether a value is a Lobby by the contract: required fields there, known fields of their type, unknown
 * fields ignored, an unknown status passed on. On false *missing (static) says which field and why. */
bool lobby_read(const struct json_document *document, int value, struct lobby_state *lobby, const char **missing);

#endif
