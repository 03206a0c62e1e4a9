/* SPDX-License-Identifier: Apache-2.0
 * The stub's two exported symbols: the table of any library of ours, and a test's controls. */
#include <string.h>

#include "abi.h"
#include "kraty/lobby_pusher_stub.h"
#include "pusher/fork_guard.h"
#include "pusher/pusher.h"
#include "stub/doors.h"
#include "stub/recovered.h"
#include "stub/told.h"
#include "stub/virtual_time.h"
#include "why.h"

/* NULL: *status is what the control returns. */
static struct world *enter(klp_pusher *pusher, klp_status *status, klp_text_buffer *why)
{
    struct world *world = doors_world(pusher);

    why_clear(why);
    *status = KLP_OK;
    if (fork_guard_is_child())
        *status = why_say(why, KLP_E_FORKED, "this process is a child of the one that opened the pusher");
    else if (!world)
        *status = why_say(why, KLP_E_INVALID_ARGUMENT, "pusher is none that the stub has opened");
    return world;
}

static klp_status control_script(klp_pusher *pusher, klp_text json, klp_text_buffer *why)
{
    struct script *script;
    klp_status status;
    struct world *world = enter(pusher, &status, why);

    if (!world)
        return status;
    if (json.size && !json.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "json has a size of %zu and no data", json.size);
    status = script_read(json, &script, why);
    if (status)
        return status;
    if (script->has_seed || script->recovered_count) {
        script_free(script);
        return why_say(why, KLP_E_INVALID_ARGUMENT,
                       "script: seed and recovered are for the file that KLP_STUB_SCRIPT names");
    }
    pthread_mutex_lock(&world->lock);
    world_add_script(world, script);
    pthread_mutex_unlock(&world->lock);
    pusher_wake(pusher); /* it may let time run */
    return KLP_OK;
}

static klp_status set_held(klp_pusher *pusher, bool is_held)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    pthread_mutex_lock(&world->lock);
    world_set_held(world, is_held);
    pthread_mutex_unlock(&world->lock);
    pusher_wake(pusher);
    return KLP_OK;
}

static klp_status control_hold_time(klp_pusher *pusher)
{
    return set_held(pusher, true);
}

static klp_status control_run_time(klp_pusher *pusher)
{
    return set_held(pusher, false);
}

static klp_status control_advance_ms(klp_pusher *pusher, uint64_t ms)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    if (ms > KLP_STUB_MAX_ADVANCE_MS)
        return KLP_E_INVALID_ARGUMENT;
    if (pusher_is_worker(pusher))
        return KLP_E_NOT_AVAILABLE;
    pthread_mutex_lock(&world->lock);
    uint64_t asked = ++world->asked;
    uint64_t limit_us = atomic_load(&world->now_us) + ms * 1000;
    if (limit_us > VIRTUAL_TIME_END_US)
        limit_us = VIRTUAL_TIME_END_US;
    if (limit_us > world->limit_us) /* another thread may wait for more */
        world->limit_us = limit_us;
    pthread_mutex_unlock(&world->lock);
    pusher_wake(pusher);
    pthread_mutex_lock(&world->lock);
    while (world->settled_up_to < asked && !world->is_over)
        pthread_cond_wait(&world->settled, &world->lock);
    bool is_done = world->settled_up_to >= asked;
    pthread_mutex_unlock(&world->lock);
    return is_done ? KLP_OK : KLP_E_STOPPED;
}

static klp_status control_elapsed_us(klp_pusher *pusher, uint64_t *us)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    if (!us)
        return KLP_E_INVALID_ARGUMENT;
    *us = atomic_load(&world->now_us) - VIRTUAL_TIME_START_US;
    return KLP_OK;
}

static klp_status control_refuse(klp_pusher *pusher, klp_status refuses, uint32_t times)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    if (refuses != KLP_E_QUEUE_FULL && refuses != KLP_E_RESULTS_FULL && refuses != KLP_E_OUTBOX_FULL &&
        refuses != KLP_E_OUTBOX && refuses != KLP_E_NO_MEMORY)
        return KLP_E_INVALID_ARGUMENT;
    pthread_mutex_lock(&world->lock);
    world->refuses = refuses;
    world->refuses_times = times;
    pthread_mutex_unlock(&world->lock);
    return KLP_OK;
}

static klp_status control_repeat_event(klp_pusher *pusher, uint64_t seq)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    return world ? told_repeat(world, seq) : status;
}

static klp_status control_recover(klp_pusher *pusher, const klp_lobby *lobby, klp_text_buffer *why)
{
    klp_status status;
    struct world *world = enter(pusher, &status, why);

    if (!world)
        return status;
    if (pusher_is_worker(pusher))
        return why_say(why, KLP_E_NOT_AVAILABLE, "recover() would wait for the thread that calls");
    return recovered_push(world, lobby, why);
}

/* Up to the size that the caller knows. */
static void fill(void *given, const void *known, size_t known_size)
{
    uint32_t given_size;

    memcpy(&given_size, given, sizeof given_size);
    memcpy(given, known, given_size < known_size ? given_size : known_size);
    memcpy(given, &given_size, sizeof given_size);
}

static klp_status control_request(klp_pusher *pusher, size_t index, klp_stub_request *request)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    if (!request || request->struct_size < sizeof request->struct_size)
        return KLP_E_INVALID_ARGUMENT;
    pthread_mutex_lock(&world->lock);
    bool is_there = index < world->request_count;
    if (is_there)
        fill(request, &world->requests[index]->seen, sizeof world->requests[index]->seen);
    pthread_mutex_unlock(&world->lock);
    return is_there ? KLP_OK : KLP_E_NOT_AVAILABLE;
}

static klp_status control_lobby(klp_pusher *pusher, size_t index, klp_stub_lobby *lobby)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    if (!lobby || lobby->struct_size < sizeof lobby->struct_size)
        return KLP_E_INVALID_ARGUMENT;
    pthread_mutex_lock(&world->lock);
    bool is_there = index < world->kraty.lobby_count;
    if (is_there) {
        const struct kraty_lobby *kept = world->kraty.lobbies[index];
        const klp_stub_lobby seen = {
            .struct_size = sizeof seen,
            .capacity = kept->capacity,
            .id = kept->id,
            .game_id = kept->game_id,
            .event_key = kept->event_key,
            .key = kept->key,
            .player_ids = kept->players,
            .player_count = kept->player_count,
            .metadata_json = kept->metadata.size ? kept->metadata : (klp_text){"", 0},
            .fill_bots = kept->fills_bots,
            .times_pushed = kept->times_pushed,
        };
        fill(lobby, &seen, sizeof seen);
    }
    pthread_mutex_unlock(&world->lock);
    return is_there ? KLP_OK : KLP_E_NOT_AVAILABLE;
}

static klp_status control_reset(klp_pusher *pusher)
{
    klp_status status;
    struct world *world = enter(pusher, &status, NULL);

    if (!world)
        return status;
    pthread_mutex_lock(&world->lock);
    world_forget(world);
    pthread_mutex_unlock(&world->lock);
    return KLP_OK;
}

static const klp_stub_api controls = {
    .struct_size = sizeof controls,
    .abi = KLP_STUB_ABI,
    .script = control_script,
    .hold_time = control_hold_time,
    .run_time = control_run_time,
    .advance_ms = control_advance_ms,
    .elapsed_us = control_elapsed_us,
    .refuse = control_refuse,
    .repeat_event = control_repeat_event,
    .recover = control_recover,
    .request = control_request,
    .lobby = control_lobby,
    .reset = control_reset,
};

__attribute__((visibility("default"))) const klp_api *klp_get_api(uint32_t *abi)
{
    return abi && abi_agree(abi) ? doors_table() : NULL;
}

__attribute__((visibility("default"))) const klp_stub_api *klp_stub_get_api(uint32_t *abi)
{
    if (!abi)
        return NULL;
    uint32_t newest_of_host = *abi;
    *abi = KLP_STUB_ABI;
    return newest_of_host >= 1 ? &controls : NULL;
}
