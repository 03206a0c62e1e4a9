/* SPDX-License-Identifier: Apache-2.0
 * A test's script, read: see lobby_pusher_stub.h. Pure. */
#ifndef KLP_STUB_SCRIPT_H
#define KLP_STUB_SCRIPT_H

#include "stub/rule.h"

struct script_event {
    klp_text key, mode;
    uint32_t capacity;
    bool fills_bots, is_enabled;
    uint64_t form_ms, bot_drip_ms, duration_ms;
};

/* The event that every key names while no script names events. */
extern const struct script_event script_usual_event;

/* A push that a process had accepted which died. */
struct script_recovered {
    klp_text game, event, key;
    klp_text *players;
    size_t player_count;
    uint32_t capacity;
    uint64_t cookie;
};

struct script {
    struct script *older; /* the one before which its rules come */
    char *texts;          /* what all texts point into, each with a NUL behind it */
    struct rule *rules;
    size_t rule_count;
    struct script_event *events;
    size_t event_count;
    struct script_recovered *recovered;
    size_t recovered_count;
    klp_text *players; /* of `recovered`, all together */
    bool has_time, is_held, has_seed, has_latency, has_events;
    uint64_t seed, latency_ms;
    klp_text environment, game_id; /* of the API key, or empty */
};

/* KLP_OK: script_free() releases it. KLP_E_INVALID_ARGUMENT: `why` names the place. KLP_E_NO_MEMORY. */
klp_status script_read(klp_text json, struct script **script, klp_text_buffer *why);
void script_free(struct script *script);

#endif
