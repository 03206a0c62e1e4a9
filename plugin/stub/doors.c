/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/doors.h"

#include <stdlib.h>
#include <string.h>

#include "abi.h"
#include "pusher/arguments.h"
#include "pusher/fork_guard.h"
#include "stub/recovered.h"
#include "stub/refusals.h"
#include "stub/told.h"
#include "why.h"

/* In a child the worlds' lock may be held by a thread that is not there; the real functions say what is to be said. */
struct world *doors_world(const klp_pusher *pusher)
{
    return pusher && !fork_guard_is_child() ? world_of(pusher) : NULL;
}

/* ─── opening and closing ───────────────────────────────────────────────────────────────────────── */

/* Whether the host leaves it to us. */
static bool has_no_key(const klp_config *config)
{
    const char *key = getenv("KRATY_SERVER_KEY");
    return !config->api_key.size && !config->api_key_file.size && (!key || !*key);
}

/* What the Kraty says of its API key agrees with the host's configuration, unless a script says otherwise. */
static klp_status agree_with(const klp_config *config, struct world *world)
{
    size_t size = config->expect_environment.size;

    if (!size || size > KLP_MAX_ID_BYTES || world->kraty.environment.size || !config->expect_environment.data)
        return KLP_OK;
    world->environment = malloc(size);
    if (!world->environment)
        return KLP_E_NO_MEMORY;
    memcpy(world->environment, config->expect_environment.data, size);
    world->kraty.environment = (klp_text){world->environment, size};
    return KLP_OK;
}

/* The script's; a refusal is told, as it is the script that is wrong. */
static klp_status recover_all(struct world *world, klp_text_buffer *why)
{
    const struct script *script = world->script;

    for (size_t i = 0; script && i < script->recovered_count; i++) {
        const struct script_recovered *push = &script->recovered[i];
        klp_lobby lobby = KLP_LOBBY_INIT;
        lobby.game_id = push->game;
        lobby.event_key = push->event;
        lobby.key = push->key;
        lobby.player_ids = push->players;
        lobby.player_count = push->player_count;
        lobby.capacity = push->capacity;
        lobby.cookie = push->cookie;
        klp_status status = recovered_push(world, &lobby, why);
        if (status)
            return status;
    }
    return KLP_OK;
}

static klp_status open_in(struct world *world, const klp_config *given, klp_pusher **pusher, klp_text_buffer *why)
{
    klp_config config;

    klp_status status = argument_copy(given, &config, sizeof config, "klp_config", why);
    if (status)
        return status;
    status = agree_with(&config, world);
    if (!status && !world_name(world, config.name))
        status = KLP_E_NO_MEMORY;
    if (status)
        return why_say(why, status, "out of memory");
    if (has_no_key(&config))
        config.api_key = klp_cstr("stub.not-a-secret");
    status = abi_table.open(&config, pusher, why);
    if (status)
        return status;
    world_register(world, *pusher);
    status = recover_all(world, why);
    if (status) {
        abi_table.close(*pusher);
        *pusher = NULL;
    }
    return status;
}

static klp_status door_open(const klp_config *given, klp_pusher **pusher, klp_text_buffer *why)
{
    struct world *world;

    why_clear(why);
    if (!pusher || fork_guard_is_child())
        return abi_table.open(given, pusher, why);
    *pusher = NULL;
    klp_status status = world_open(&world, why);
    if (status)
        return status;
    struct world *before = world_enter(world);
    status = open_in(world, given, pusher, why);
    world_leave(before);
    if (status)
        world_close(world);
    return status;
}

static klp_status door_close(klp_pusher *pusher)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = abi_table.close(pusher);

    world_leave(before);
    if (!status && world)
        world_close(world);
    return status;
}

/* ─── calls, which a script may refuse ──────────────────────────────────────────────────────────── */

static klp_status door_push(klp_pusher *pusher, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_push(world, lobby, why);

    if (!status)
        status = abi_table.push(pusher, lobby, ticket, why);
    world_leave(before);
    return status;
}

static klp_status door_read(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie,
                            klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_read(world, game_id, lobby_id, cookie, why);

    if (!status)
        status = abi_table.read(pusher, game_id, lobby_id, cookie, ticket, why);
    world_leave(before);
    return status;
}

static klp_status door_await(klp_pusher *pusher, const klp_await *await, klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_await(world, await, why);

    if (!status)
        status = abi_table.await(pusher, await, ticket, why);
    world_leave(before);
    return status;
}

static klp_status door_call(klp_pusher *pusher, const klp_call *call, klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_call(world, call, why);

    if (!status)
        status = abi_table.call(pusher, call, ticket, why);
    world_leave(before);
    return status;
}

static klp_status door_ping(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_ping(world, cookie, why);

    if (!status)
        status = abi_table.ping(pusher, cookie, ticket, why);
    world_leave(before);
    return status;
}

static klp_status door_push_document(klp_pusher *pusher, klp_text format, const char *bytes, size_t size,
                                     const klp_roster_options *options, klp_ticket *ticket, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = refusals_document(world, format, bytes, size, options, why);

    if (!status)
        status = abi_table.push_document(pusher, format, bytes, size, options, ticket, why);
    world_leave(before);
    return status;
}

/* ─── events ────────────────────────────────────────────────────────────────────────────────────── */

static klp_status door_next_event(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event)
{
    struct world *world = doors_world(pusher), *before = world_enter(world);
    klp_status status = abi_table.next_event(pusher, timeout_ms, event);

    if (!status && world)
        told_note(world, *event);
    world_leave(before);
    return status;
}

/* ─── and what else goes by the pusher's time ───────────────────────────────────────────────────────── */

static klp_status door_stop(klp_pusher *pusher, uint32_t drain_ms)
{
    struct world *before = world_enter(doors_world(pusher));
    klp_status status = abi_table.stop(pusher, drain_ms);

    world_leave(before);
    return status;
}

static klp_status door_stats(klp_pusher *pusher, klp_stats *stats)
{
    struct world *before = world_enter(doors_world(pusher));
    klp_status status = abi_table.stats(pusher, stats);

    world_leave(before);
    return status;
}

static klp_status door_metrics(klp_pusher *pusher, char *out, size_t capacity, size_t *size)
{
    struct world *before = world_enter(doors_world(pusher));
    klp_status status = abi_table.metrics(pusher, out, capacity, size);

    world_leave(before);
    return status;
}

/* What asks no clock needs no world. */
static klp_api table;

static void fill_table(void)
{
    table = abi_table;
    table.open = door_open;
    table.push = door_push;
    table.read = door_read;
    table.await = door_await;
    table.call = door_call;
    table.ping = door_ping;
    table.next_event = door_next_event;
    table.stop = door_stop;
    table.close = door_close;
    table.stats = door_stats;
    table.metrics = door_metrics;
    table.push_document = door_push_document;
}

const klp_api *doors_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fill_table);
    return &table;
}
