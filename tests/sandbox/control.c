/* SPDX-License-Identifier: Apache-2.0 */
#include "control.h"
#include "request.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct reply *reply, const char *message)
{
    reply_set_error(reply, 400, "validation_failed", message, NULL);
}

static void done(struct reply *reply)
{
    reply_set_json(reply, 200, json_pack("{s:b}", "ok", 1));
}

static void add_faults(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    char why[FAULT_WHY_BYTES];
    (void)target;

    json_t *ids = faults_add(sandbox->faults, body, why);
    if (ids)
        reply_set_json(reply, 200, json_pack("{s:o}", "ids", ids));
    else
        refuse(reply, why);
}

static void clear_faults(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    (void)body, (void)target;
    faults_clear(sandbox->faults);
    done(reply);
}

static void tell_log(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    static const char since[] = "since=";
    const char *given = strstr(target, since);
    (void)body;
    reply_set_json(reply, 200,
                   arrivals_json(sandbox->arrivals, given ? strtoull(given + sizeof since - 1, NULL, 10) : 0));
}

static void clear_log(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    (void)body, (void)target;
    arrivals_clear(sandbox->arrivals);
    done(reply);
}

static void tell_lobbies(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    struct world *world = &sandbox->world;
    json_t *list = json_array();
    (void)body, (void)target;

    pthread_mutex_lock(&world->lock);
    uint64_t now_us = clock_now_us(&world->clock);
    for (struct lobby *lobby = world->lobbies.first; lobby; lobby = lobby->next)
        json_array_append_new(list, lobby_control_json(lobby, &world->clock, now_us));
    pthread_mutex_unlock(&world->lock);
    reply_set_json(reply, 200, list);
}

static void tell_stats(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    struct stats *stats = &sandbox->world.stats;
    uint64_t kept, dropped;
    (void)body, (void)target;

    arrivals_counts(sandbox->arrivals, &kept, &dropped);
    pthread_mutex_lock(&sandbox->world.lock);
    size_t lobbies = sandbox->world.lobbies.by_id.count;
    pthread_mutex_unlock(&sandbox->world.lock);

    /* clang-format off */
    json_t *json =
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                  "requests", (json_int_t)atomic_load(&stats->requests),
                  "connections_opened", (json_int_t)atomic_load(&stats->connections_opened),
                  "connections_open", (json_int_t)atomic_load(&stats->connections_open),
                  "connections_reset_on_accept", (json_int_t)atomic_load(&stats->connections_reset_on_accept),
                  "faults_struck", (json_int_t)atomic_load(&stats->faults_struck),
                  "pushes_applied", (json_int_t)atomic_load(&stats->pushes_applied),
                  "pushes_replayed", (json_int_t)atomic_load(&stats->pushes_replayed),
                  "conflicts", (json_int_t)atomic_load(&stats->conflicts),
                  "lobbies", (json_int_t)lobbies,
                  "log_entries", (json_int_t)kept,
                  "log_dropped", (json_int_t)dropped);
    /* clang-format on */
    reply_set_json(reply, 200, json);
}

static void move_clock(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    json_t *advance = json_object_get(body, "advance_s");
    json_int_t advance_s = json_integer_value(advance);
    (void)target;

    if (!json_is_integer(advance) || advance_s < 0 || advance_s > (json_int_t)CLOCK_MAX_ADVANCE_S) {
        refuse(reply, "advance_s must be a number of seconds, not negative");
        return;
    }
    clock_advance(&sandbox->world.clock, (uint64_t)advance_s * 1000000);
    done(reply);
}

static void reset(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    struct world *world = &sandbox->world;
    (void)body, (void)target;

    pthread_mutex_lock(&world->lock);
    lobbies_clear(&world->lobbies);
    memory_clear(&world->memory);
    pthread_mutex_unlock(&world->lock);
    arrivals_clear(sandbox->arrivals);
    faults_clear(sandbox->faults);
    stats_reset(&world->stats);
    done(reply);
}

static bool revoke_all(struct sandbox *sandbox, json_t *revoked, struct reply *reply)
{
    size_t index;
    json_t *one;

    json_array_foreach(revoked, index, one)
    {
        if (!json_is_string(one) || !keyring_revoke(sandbox->world.keyring, json_string_value(one))) {
            refuse(reply, "revoke: names a key that is not there");
            return false;
        }
    }
    return true;
}

static void change_keys(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    char why[KEYRING_WHY_BYTES];
    json_t *ids = json_array(), *one;
    size_t index;
    (void)target;

    if (!revoke_all(sandbox, json_object_get(body, "revoke"), reply))
        goto release;
    json_array_foreach(json_object_get(body, "add"), index, one)
    {
        const struct api_key *key = keyring_add(sandbox->world.keyring, one, why);
        if (!key) {
            refuse(reply, why);
            goto release;
        }
        json_array_append_new(ids, json_string(key->id));
    }
    reply_set_json(reply, 200, json_pack("{s:O}", "ids", ids));

release:
    json_decref(ids);
}

static void quit(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply)
{
    (void)sandbox, (void)body, (void)target;
    done(reply);
}

static const struct {
    const char *method;
    const char *path;
    bool needs_body;
    void (*answer)(struct sandbox *sandbox, json_t *body, const char *target, struct reply *reply);
} paths[] = {
    {"POST", "/_sandbox/faults", true, add_faults},    {"DELETE", "/_sandbox/faults", false, clear_faults},
    {"GET", "/_sandbox/log", false, tell_log},         {"DELETE", "/_sandbox/log", false, clear_log},
    {"GET", "/_sandbox/lobbies", false, tell_lobbies}, {"GET", "/_sandbox/stats", false, tell_stats},
    {"POST", "/_sandbox/clock", true, move_clock},     {"POST", "/_sandbox/reset", false, reset},
    {"POST", "/_sandbox/keys", true, change_keys},     {"POST", "/_sandbox/quit", false, quit},
};

bool control_answer(struct sandbox *sandbox, const struct control_request *request, struct reply *reply)
{
    size_t path_bytes = strcspn(request->target, "?");

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (strcmp(paths[i].method, request->method) != 0 || strlen(paths[i].path) != path_bytes ||
            strncmp(paths[i].path, request->target, path_bytes) != 0)
            continue;

        /* \u0000 is welcome here: a scripted body may hold what the contract forbids. */
        json_t *body = json_loadb(request->body, request->body_bytes, JSON_ALLOW_NUL, NULL);
        if (!body && paths[i].needs_body)
            refuse(reply, "the body must be JSON"); /* jansson's own words would quote it, keys included */
        else
            paths[i].answer(sandbox, body, request->target, reply);
        json_decref(body);
        return paths[i].answer == quit;
    }
    reply_set_error(reply, 404, "not_found", "no such control path", NULL);
    return false;
}
