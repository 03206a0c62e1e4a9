/* SPDX-License-Identifier: Apache-2.0 */
#include "lobbies.h"
#include "config.h"
#include "push.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A retry storm with a fresh idempotencyKey each time must not make a lobby's list endless. */
#define MAX_IDEMPOTENCY_KEYS 1000

void lobbies_init(struct lobbies *lobbies)
{
    *lobbies = (struct lobbies){0};
    lobbies->last = &lobbies->first;
    if (getrandom(&lobbies->run, sizeof lobbies->run, 0) < 0)
        lobbies->run = 1;
}

void lobbies_clear(struct lobbies *lobbies)
{
    for (struct lobby *lobby = lobbies->first, *next; lobby; lobby = next) {
        next = lobby->next;
        lobby_free(lobby);
    }
    table_clear(&lobbies->by_key);
    table_clear(&lobbies->by_id);
    lobbies->first = NULL;
    lobbies->last = &lobbies->first;
}

/* "game\0event\0key\0": none of the three can hold a NUL. */
static char *full_key(const char *game, const char *event, const char *key, size_t *size)
{
    size_t game_bytes = strlen(game) + 1, event_bytes = strlen(event) + 1, key_bytes = strlen(key) + 1;
    *size = game_bytes + event_bytes + key_bytes;
    char *bytes = malloc(*size);
    if (bytes)
        memcpy(mempcpy(mempcpy(bytes, game, game_bytes), event, event_bytes), key, key_bytes);
    return bytes;
}

static void note_idempotency_key(struct lobby *lobby, const char *idempotency_key)
{
    size_t index;
    json_t *seen;

    lobby->times_pushed++;
    if (!idempotency_key || json_array_size(lobby->idempotency_keys) >= MAX_IDEMPOTENCY_KEYS)
        return;
    json_array_foreach(lobby->idempotency_keys, index,
                       seen) if (strcmp(json_string_value(seen), idempotency_key) == 0) return;
    json_array_append_new(lobby->idempotency_keys, json_string(idempotency_key));
}

static struct lobby *create(struct lobbies *lobbies, const struct game_config *game, const struct event_config *event,
                            struct push *push, const char *key, size_t key_bytes, uint64_t now_us)
{
    struct lobby *lobby = lobby_new(game, event, push, now_us);
    if (!lobby)
        return NULL;
    snprintf(lobby->id, sizeof lobby->id, "lob_%08" PRIx32 "%06" PRIx64, lobbies->run, ++lobbies->created);

    if (!table_put(&lobbies->by_key, key, key_bytes, lobby))
        goto free_lobby;
    if (!table_put(&lobbies->by_id, lobby->id, strlen(lobby->id), lobby))
        goto take_key;
    *lobbies->last = lobby;
    lobbies->last = &lobby->next;
    return lobby;

take_key:
    table_take(&lobbies->by_key, key, key_bytes);
free_lobby:
    lobby_free(lobby);
    return NULL;
}

enum lobbies_outcome lobbies_push(struct lobbies *lobbies, const struct game_config *game,
                                  const struct event_config *event, struct push *push, const char *idempotency_key,
                                  uint64_t now_us, struct lobby **lobby)
{
    enum lobbies_outcome outcome = LOBBIES_FOUND;
    size_t key_bytes;
    char *key = full_key(game->id, event->key, push->key, &key_bytes);
    if (!key)
        return LOBBIES_NO_MEMORY;

    *lobby = table_get(&lobbies->by_key, key, key_bytes);
    if (!*lobby) {
        *lobby = create(lobbies, game, event, push, key, key_bytes, now_us);
        outcome = *lobby ? LOBBIES_CREATED : LOBBIES_NO_MEMORY;
    } else if (!lobby_equals_push(*lobby, push)) {
        outcome = LOBBIES_CONFLICT;
    }
    if (outcome == LOBBIES_CREATED || outcome == LOBBIES_FOUND)
        note_idempotency_key(*lobby, idempotency_key);
    free(key);
    return outcome;
}

struct lobby *lobbies_by_id(const struct lobbies *lobbies, const struct game_config *game, const char *id)
{
    struct lobby *lobby = table_get(&lobbies->by_id, id, strlen(id));
    return lobby && lobby->game == game ? lobby : NULL;
}
