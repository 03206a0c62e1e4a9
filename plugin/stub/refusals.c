/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/refusals.h"

#include <stdlib.h>

#include "abi.h"
#include "pusher/arguments.h"
#include "pusher/duplicates.h"
#include "pusher/pusher.h"
#include "why.h"

/* Under the world's lock. */
static klp_status refusal(struct world *world, const struct rule_subject *subject)
{
    const struct rule *rule;

    if (world->refuses_times > 0) {
        world->refuses_times--;
        return world->refuses;
    }
    rule = world_strike(world, subject);
    return rule ? rule->action.refuses : KLP_OK;
}

static bool is_open(const struct world *world)
{
    pthread_mutex_lock(&world->pusher->lock);
    bool is_open = world->pusher->state == PUSHER_OPEN;
    pthread_mutex_unlock(&world->pusher->lock);
    return is_open;
}

static void count(klp_pusher *pusher, klp_status status)
{
    if (status != KLP_E_QUEUE_FULL && status != KLP_E_RESULTS_FULL && status != KLP_E_OUTBOX_FULL)
        return;
    pthread_mutex_lock(&pusher->lock);
    pusher->stats.refused_full++;
    pthread_mutex_unlock(&pusher->lock);
}

static klp_status refuse(struct world *world, const struct rule_subject *subject, klp_text_buffer *why)
{
    if (!is_open(world))
        return KLP_OK;
    pthread_mutex_lock(&world->lock);
    klp_status status = refusal(world, subject);
    pthread_mutex_unlock(&world->lock);
    if (!status)
        return KLP_OK;
    count(world->pusher, status);
    return why_say(why, status, "%s, as scripted", abi_table.status_text(status));
}

static klp_text game_of(const struct world *world, klp_text game_id)
{
    return game_id.size ? game_id : world->pusher->settings.game_id;
}

static bool has_duplicates(const struct world *world, const klp_lobby *lobby)
{
    size_t first, second, size = duplicates_scratch_bytes(lobby->player_count);
    void *scratch = size ? malloc(size) : NULL;
    bool has = (scratch || !size) && duplicates_find(lobby->player_ids, lobby->player_count, world->pusher->hash_secret,
                                                     scratch, &first, &second);

    free(scratch);
    return has;
}

klp_status refusals_push(struct world *world, const klp_lobby *given, klp_text_buffer *why)
{
    klp_lobby lobby;

    if (!world || argument_copy(given, &lobby, sizeof lobby, "klp_lobby", NULL))
        return KLP_OK;
    lobby.game_id = game_of(world, lobby.game_id);
    if (argument_lobby(&lobby, NULL) || has_duplicates(world, &lobby))
        return KLP_OK;
    return refuse(world,
                  &(struct rule_subject){.op = KLP_OP_PUSH,
                                         .game = lobby.game_id,
                                         .event = lobby.event_key,
                                         .key = lobby.key,
                                         .players = lobby.player_ids,
                                         .player_count = lobby.player_count,
                                         .cookie = lobby.cookie},
                  why);
}

klp_status refusals_document(struct world *world, klp_text format, const char *bytes, size_t size,
                             const klp_roster_options *given, klp_text_buffer *why)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_roster *roster;

    if (!world || (given && argument_copy(given, &options, sizeof options, "klp_roster_options", NULL)) ||
        abi_table.parse_roster(format, bytes, size, given, &roster, NULL))
        return KLP_OK;
    klp_lobby lobby = klp_roster_lobby(roster);
    lobby.game_id = options.game_id;
    if (!lobby.event_key.size)
        lobby.event_key = options.event_key;
    lobby.idempotency_key = options.idempotency_key;
    lobby.cookie = options.cookie;
    klp_status status = refusals_push(world, &lobby, why);
    abi_table.free_roster(roster);
    return status;
}

klp_status refusals_read(struct world *world, klp_text game_id, klp_text lobby_id, uint64_t cookie,
                         klp_text_buffer *why)
{
    if (!world || argument_path_id(game_of(world, game_id), "game_id", NULL) ||
        argument_path_id(lobby_id, "lobby_id", NULL))
        return KLP_OK;
    return refuse(world, &(struct rule_subject){.op = KLP_OP_READ, .game = game_of(world, game_id), .cookie = cookie},
                  why);
}

klp_status refusals_await(struct world *world, const klp_await *given, klp_text_buffer *why)
{
    klp_await await;

    if (!world || argument_copy(given, &await, sizeof await, "klp_await", NULL))
        return KLP_OK;
    await.game_id = game_of(world, await.game_id);
    if (argument_await(&await, NULL))
        return KLP_OK;
    return refuse(world, &(struct rule_subject){.op = KLP_OP_AWAIT, .game = await.game_id, .cookie = await.cookie},
                  why);
}

klp_status refusals_call(struct world *world, const klp_call *given, klp_text_buffer *why)
{
    klp_call call;

    if (!world || argument_copy(given, &call, sizeof call, "klp_call", NULL) || argument_call(&call, NULL))
        return KLP_OK;
    return refuse(world, &(struct rule_subject){.op = KLP_OP_CALL, .cookie = call.cookie}, why);
}

klp_status refusals_ping(struct world *world, uint64_t cookie, klp_text_buffer *why)
{
    return world ? refuse(world, &(struct rule_subject){.op = KLP_OP_PING, .cookie = cookie}, why) : KLP_OK;
}
