/* SPDX-License-Identifier: Apache-2.0
 *
 * One lobby: what was pushed, and how far it is by now. */
#ifndef SANDBOX_LOBBY_H
#define SANDBOX_LOBBY_H

#include "clock.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOBBY_ID_BYTES 32

struct game_config;
struct event_config;
struct push;

enum lobby_status { LOBBY_FORMING, LOBBY_ACTIVE, LOBBY_CLOSED };

struct lobby {
    char id[LOBBY_ID_BYTES];
    const struct game_config *game;
    const struct event_config *event;
    char *key;
    json_t *players;
    const char **sorted; /* into `players` */
    size_t player_count;
    json_int_t capacity;
    bool fill_bots;
    json_t *metadata; /* or NULL */
    json_t *idempotency_keys;
    uint64_t times_pushed;
    uint64_t created_us;
    struct lobby *next; /* in the order of creation */
};

struct lobby_progress {
    enum lobby_status status;
    json_int_t bot_slots;
    uint64_t active_us; /* when it becomes, or became, active */
    uint64_t closed_us; /* 0: never */
};

/* Takes the push's roster and metadata over, out of the body they came in. NULL: out of memory, nothing
 * taken. */
struct lobby *lobby_new(const struct game_config *game, const struct event_config *event, struct push *push,
                        uint64_t created_us);
void lobby_free(struct lobby *lobby);

/* The same players in any order, and the same capacity, fillBots and metadata. */
bool lobby_equals_push(const struct lobby *lobby, const struct push *push);

/* Pure: a lobby's life follows from what was pushed and the time alone. */
struct lobby_progress lobby_progress_at(const struct lobby *lobby, uint64_t now_us);

/* The Lobby object of the contract. */
json_t *lobby_json(const struct lobby *lobby, const struct sandbox_clock *clock, uint64_t now_us);

/* What GET /_sandbox/lobbies tells of it: the pushed side as well. */
json_t *lobby_control_json(const struct lobby *lobby, const struct sandbox_clock *clock, uint64_t now_us);

#endif
