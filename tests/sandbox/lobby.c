/* SPDX-License-Identifier: Apache-2.0 */
#include "lobby.h"
#include "config.h"
#include "push.h"

#include <stdlib.h>
#include <string.h>

/* Moved, not shared: the last release of a jansson value does not acquire, so one that two threads hold is
 * a race when both let go of it. */
static json_t *move_out(json_t *body, const char *field)
{
    json_t *value = json_incref(json_object_get(body, field));
    json_object_del(body, field);
    return value;
}

struct lobby *lobby_new(const struct game_config *game, const struct event_config *event, struct push *push,
                        uint64_t created_us)
{
    struct lobby *lobby = calloc(1, sizeof *lobby);
    if (!lobby)
        return NULL;
    lobby->key = strdup(push->key);
    if (!lobby->key)
        goto free_lobby;
    lobby->idempotency_keys = json_array();
    if (!lobby->idempotency_keys)
        goto free_key;

    lobby->game = game;
    lobby->event = event;
    lobby->players = move_out(push->body, "externalPlayerIds");
    lobby->sorted = push->sorted;
    lobby->player_count = push->player_count;
    lobby->capacity = push->capacity;
    lobby->fill_bots = push->fill_bots;
    lobby->metadata = move_out(push->body, "metadata");
    lobby->created_us = created_us;
    push->sorted = NULL;
    return lobby;

free_key:
    free(lobby->key);
free_lobby:
    free(lobby);
    return NULL;
}

void lobby_free(struct lobby *lobby)
{
    json_decref(lobby->idempotency_keys);
    json_decref(lobby->metadata);
    json_decref(lobby->players);
    free(lobby->sorted);
    free(lobby->key);
    free(lobby);
}

bool lobby_equals_push(const struct lobby *lobby, const struct push *push)
{
    if (lobby->player_count != push->player_count || lobby->capacity != push->capacity ||
        lobby->fill_bots != push->fill_bots)
        return false;
    for (size_t i = 0; i < lobby->player_count; i++)
        if (strcmp(lobby->sorted[i], push->sorted[i]) != 0)
            return false;
    if (!lobby->metadata || !push->metadata)
        return !lobby->metadata && !push->metadata;
    return json_equal(lobby->metadata, push->metadata);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long it forms: until the roster, the last bot or the event's form_ms completes it. */
static uint64_t forming_us(const struct lobby *lobby, uint64_t missing)
{
    uint64_t form_us = lobby->event->form_ms * 1000;
    if (missing == 0)
        return 0;
    if (!lobby->fill_bots)
        return form_us;

    uint64_t drip_us = lobby->event->bot_drip_ms * 1000;
    uint64_t dripped_us = drip_us && missing > UINT64_MAX / 2 / drip_us ? UINT64_MAX / 2 : missing * drip_us;
    return form_us ? smaller(form_us, dripped_us) : dripped_us;
}

struct lobby_progress lobby_progress_at(const struct lobby *lobby, uint64_t now_us)
{
    uint64_t missing = (uint64_t)lobby->capacity - lobby->player_count;
    uint64_t age_us = now_us - lobby->created_us;
    struct lobby_progress progress = {.status = LOBBY_FORMING};

    progress.active_us = lobby->created_us + forming_us(lobby, missing);
    if (lobby->event->duration_ms)
        progress.closed_us = progress.active_us + lobby->event->duration_ms * 1000;

    if (progress.closed_us && now_us >= progress.closed_us)
        progress.status = LOBBY_CLOSED;
    else if (now_us >= progress.active_us)
        progress.status = LOBBY_ACTIVE;

    if (lobby->fill_bots && progress.status != LOBBY_FORMING)
        progress.bot_slots = (json_int_t)missing;
    else if (lobby->fill_bots && lobby->event->bot_drip_ms)
        progress.bot_slots = (json_int_t)smaller(missing, age_us / (lobby->event->bot_drip_ms * 1000));
    return progress;
}

static const char *status_text(enum lobby_status status)
{
    switch (status) {
    case LOBBY_FORMING:
        return "forming";
    case LOBBY_ACTIVE:
        return "active";
    default:
        return "closed";
    }
}

static json_t *moment(const struct sandbox_clock *clock, uint64_t at_us)
{
    char text[CLOCK_TEXT_BYTES];
    clock_text(clock, at_us, text);
    return json_string(text);
}

static json_t *prefixed(const char *prefix, const char *text)
{
    return json_sprintf("%s%s", prefix, text);
}

json_t *lobby_json(const struct lobby *lobby, const struct sandbox_clock *clock, uint64_t now_us)
{
    struct lobby_progress progress = lobby_progress_at(lobby, now_us);
    bool forming = progress.status == LOBBY_FORMING;

    /* clang-format off */
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:s, s:I, s:o, s:I, s:I, s:o, s:o}",
                     "id", lobby->id,
                     "eventId", prefixed("evt_", lobby->event->key),
                     "eventWindowId", prefixed("win_", lobby->event->key),
                     "leaderboardId", forming ? json_null() : prefixed("lb_", lobby->id),
                     "mode", lobby->event->mode,
                     "status", status_text(progress.status),
                     "capacity", lobby->capacity,
                     "fillBy", forming ? moment(clock, progress.active_us) : json_null(),
                     "participantCount", (json_int_t)lobby->player_count,
                     "botSlots", progress.bot_slots,
                     "startedAt", forming ? json_null() : moment(clock, progress.active_us),
                     "endsAt", forming || !progress.closed_us ? json_null() : moment(clock, progress.closed_us));
    /* clang-format on */
}

json_t *lobby_control_json(const struct lobby *lobby, const struct sandbox_clock *clock, uint64_t now_us)
{
    /* Copied, because the reply is written out after the world is unlocked. */
    /* clang-format off */
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:I, s:b, s:o?, s:o, s:I, s:o}",
                     "id", lobby->id,
                     "game", lobby->game->id,
                     "event", lobby->event->key,
                     "key", lobby->key,
                     "players", json_deep_copy(lobby->players),
                     "capacity", lobby->capacity,
                     "fillBots", lobby->fill_bots,
                     "metadata", json_deep_copy(lobby->metadata),
                     "idempotencyKeys", json_deep_copy(lobby->idempotency_keys),
                     "times_pushed", (json_int_t)lobby->times_pushed,
                     "lobby", lobby_json(lobby, clock, now_us));
    /* clang-format on */
}
