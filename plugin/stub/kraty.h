/* SPDX-License-Identifier: Apache-2.0
 * A Kraty in memory: what the server would answer, by the contract. Pure: no clock, no thread, no socket. */
#ifndef KLP_STUB_KRATY_H
#define KLP_STUB_KRATY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"
#include "stub/script.h"
#include "json/write.h"

/* A lobby as it was pushed, in one block with its texts. */
struct kraty_lobby {
    klp_text id, game_id, event_key, key;
    klp_text *players;       /* as they were pushed … */
    const klp_text **sorted; /* … and in their order as bytes, to be compared */
    size_t player_count;
    klp_text metadata; /* JSON, or empty */
    uint32_t capacity;
    bool fills_bots;
    uint32_t times_pushed;
    uint64_t created_us;
    struct script_event event; /* its texts are the script's, and not the lobby's */
};

struct kraty {
    const struct script_event *events; /* with has_events; the script's */
    size_t event_count;
    bool has_events;
    klp_text environment, game_id; /* of the API key */
    struct kraty_lobby **lobbies;  /* in the order in which they were created */
    size_t lobby_count, lobby_capacity;
    void *lobbies_by_key; /* tsearch() trees */
    void *replies_by_key;
};

/* One request: what the transport was given, and what it is about. Unused texts are empty. */
struct kraty_request {
    int32_t op;
    const char *method, *path;
    klp_text game_id, event_key, lobby_id; /* decoded */
    klp_text body;
    uint64_t now_us; /* of the pusher's time */
};

struct kraty_answer {
    int status;
    char *body; /* the caller's to free */
    size_t body_bytes;
    bool is_applied; /* the write has its effect, by this request or by an earlier one */
};

/* False: out of memory; whether it was applied is then not known. */
bool kraty_answer(struct kraty *kraty, const struct kraty_request *request, struct kraty_answer *answer);

/* The envelope of an error; `details` is JSON, or empty. False: out of memory. */
bool kraty_error(int status, klp_text code, klp_text message, klp_text details, struct kraty_answer *answer);

void kraty_clear(struct kraty *kraty);

/* kraty_lobby.c */
/* Makes the lobby that a push's body asks for. NULL with *wrong: what is wrong with it (static); NULL without: out of
 * memory. */
struct kraty_lobby *kraty_lobby_new(const struct kraty_request *request, const struct script_event *event,
                                    const char **wrong);
void kraty_lobby_free(struct kraty_lobby *lobby);
bool kraty_lobby_is_same(const struct kraty_lobby *a, const struct kraty_lobby *b);
void kraty_lobby_write(struct json_writer *writer, const struct kraty_lobby *lobby, uint64_t now_us);

/* kraty_replies.c: what was replied to an idempotency key, for a day */
enum kraty_reply_found { REPLY_IS_NEW, REPLY_IS_KNOWN, REPLY_CONFLICTS };
enum kraty_reply_found kraty_reply_find(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                                        struct kraty_answer *answer); /* KNOWN: a copy; without a body: no memory */
bool kraty_reply_keep(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                      const struct kraty_answer *answer);
void kraty_replies_clear(struct kraty *kraty);

#endif
