/* SPDX-License-Identifier: Apache-2.0
 *
 * Every lobby there is, found by (game, event, key) and by id. Not locked: the world is. */
#ifndef SANDBOX_LOBBIES_H
#define SANDBOX_LOBBIES_H

#include "lobby.h"
#include "table.h"

#include <jansson.h>
#include <stdint.h>

struct lobbies {
    struct table by_key;
    struct table by_id;
    struct lobby *first;
    struct lobby **last;
    uint64_t created; /* never goes back, so that an id never comes again */
    uint32_t run;     /* tells the ids of one run from another's */
};

enum lobbies_outcome { LOBBIES_CREATED, LOBBIES_FOUND, LOBBIES_CONFLICT, LOBBIES_NO_MEMORY };

void lobbies_init(struct lobbies *lobbies);
void lobbies_clear(struct lobbies *lobbies);

/* What makes a push idempotent: the same key with the same push finds its lobby again. */
enum lobbies_outcome lobbies_push(struct lobbies *lobbies, const struct game_config *game,
                                  const struct event_config *event, struct push *push, const char *idempotency_key,
                                  uint64_t now_us, struct lobby **lobby);

/* NULL when this game has no such lobby. */
struct lobby *lobbies_by_id(const struct lobbies *lobbies, const struct game_config *game, const char *id);

#endif
