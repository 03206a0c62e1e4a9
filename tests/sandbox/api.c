/* SPDX-License-Identifier: Apache-2.0 */
#include "api.h"
#include "push.h"
#include "validation.h"

#include <string.h>
#include <strings.h>

/* Every step of a call says whether to go on; when it says no, the reply is already set. */

static bool refuse(struct reply *reply, unsigned status, const char *code, const char *message)
{
    reply_set_error(reply, status, code, message, NULL);
    return false;
}

static bool authenticate(struct world *world, const struct api_request *request, struct reply *reply,
                         const struct api_key **key)
{
    if (!request->authorization)
        return refuse(reply, 401, "unauthenticated", "there is no Authorization header");
    *key = keyring_find(world->keyring, request->authorization);
    if (!*key)
        return refuse(reply, 401, "session_invalid", "the API key is malformed, unknown or revoked");
    return true;
}

static bool may_use_server_calls(const struct api_key *key, struct reply *reply)
{
    if (strcmp(key->permission_set, KEYRING_USABLE_SET) != 0)
        return refuse(reply, 403, "forbidden", "the API key's permission set does not allow this call");
    return true;
}

static bool find_game(const struct world *world, const struct api_request *request, const struct api_key *key,
                      struct reply *reply, const struct game_config **game)
{
    *game = config_game(&world->config, request->route->game);
    if (!*game)
        return refuse(reply, 404, "not_found", "no such game");
    if (strcmp((*game)->studio, key->studio) != 0)
        return refuse(reply, 403, "tenant_mismatch", "the game belongs to another studio");
    if (strcmp((*game)->id, key->game) != 0)
        return refuse(reply, 403, "forbidden", "the API key is for another game");
    return true;
}

static bool is_json_type(const char *content_type)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;
    return content_type && strncasecmp(content_type, json, length) == 0 &&
           (content_type[length] == '\0' || content_type[length] == ';' || content_type[length] == ' ');
}

static bool check_body(const struct api_request *request, struct reply *reply)
{
    if (request->body_too_large) {
        validation_reply_one(reply, 413, "body", "is larger than 1 MiB");
        return false;
    }
    if (!request->body_bytes)
        return true;
    if (!is_json_type(request->content_type)) {
        validation_reply_one(reply, 400, "content-type", "must be application/json");
        return false;
    }
    if (!request->json) {
        validation_reply_one(reply, 400, "body", "is not JSON in UTF-8");
        return false;
    }
    return true;
}

/* *idempotency_key stays NULL when the body has none. */
static bool read_idempotency_key(const struct api_request *request, struct reply *reply, const char **idempotency_key)
{
    json_t *field = json_object_get(request->json, "idempotencyKey");
    *idempotency_key = json_string_value(field);
    if (field && !json_string_length(field)) {
        validation_reply_one(reply, 400, "idempotencyKey", "must be a non-empty string");
        return false;
    }
    return true;
}

static struct memory_request memory_request(const struct api_request *request, const struct api_key *key,
                                            const char *idempotency_key)
{
    return (struct memory_request){.game = key->game,
                                   .idempotency_key = idempotency_key,
                                   .method = request->method,
                                   .path = request->path,
                                   .body = request->body,
                                   .body_bytes = request->body_bytes};
}

/* Under the world's lock. True: the idempotencyKey has answered the request. */
static bool answer_from_memory(struct world *world, const struct memory_request *remembered, uint64_t now_us,
                               struct api_result *result)
{
    switch (memory_ask(&world->memory, remembered, now_us, &result->reply)) {
    case MEMORY_REPLAY:
        result->replayed = true;
        return true;
    case MEMORY_CONFLICT:
        stats_count(&world->stats.conflicts);
        reply_set_error(&result->reply, 409, "idempotency_conflict",
                        "the idempotencyKey was used for another call or body", NULL);
        return true;
    default:
        return false;
    }
}

/* Under the world's lock. */
static void store_push(struct world *world, const struct game_config *game, const struct event_config *event,
                       struct push *push, const char *idempotency_key, uint64_t now_us, struct api_result *result)
{
    struct lobby *lobby = NULL;

    switch (lobbies_push(&world->lobbies, game, event, push, idempotency_key, now_us, &lobby)) {
    case LOBBIES_CREATED:
    case LOBBIES_FOUND:
        result->replayed = lobby->times_pushed > 1;
        reply_set_json(&result->reply, result->replayed ? 200 : 201,
                       json_pack("{s:o}", "data", lobby_json(lobby, &world->clock, now_us)));
        break;
    case LOBBIES_CONFLICT:
        stats_count(&world->stats.conflicts);
        reply_set_error(&result->reply, 409, "idempotency_conflict",
                        "the key has a lobby with another roster or other settings",
                        json_pack("{s:s}", "lobbyId", lobby->id));
        break;
    case LOBBIES_NO_MEMORY:
        reply_set_error(&result->reply, 500, "internal_error", "out of memory", NULL);
        break;
    }
}

static bool is_open_for_lobbies(const struct event_config *event, struct reply *reply)
{
    if (!event->enabled)
        return refuse(reply, 409, "event_disabled", "the event is disabled");
    if (strcmp(event->mode, "lobby_matched") != 0)
        return refuse(reply, 409, "conflict", "the event's leaderboardMode is not lobby_matched");
    return true;
}

static void answer_push(struct world *world, const struct api_request *request, const struct api_key *key,
                        struct api_result *result)
{
    struct reply *reply = &result->reply;
    const struct game_config *game;
    const char *idempotency_key;

    if (!may_use_server_calls(key, reply) || !find_game(world, request, key, reply, &game))
        return;
    const struct event_config *event = config_event(game, request->route->event);
    if (!event) {
        refuse(reply, 404, "not_found", "no such event");
        return;
    }
    if (!check_body(request, reply) || !read_idempotency_key(request, reply, &idempotency_key))
        return;
    if (!json_is_object(request->json)) {
        validation_reply_one(reply, 400, "body", request->body_bytes ? "must be a JSON object" : "is required");
        return;
    }

    struct push push;
    json_t *details;
    if (!push_read(&push, request->json, event, &details)) {
        validation_reply(reply, 400, details);
        return;
    }
    if (!is_open_for_lobbies(event, reply))
        goto clear_push;

    struct memory_request remembered = memory_request(request, key, idempotency_key);
    pthread_mutex_lock(&world->lock);
    uint64_t now_us = clock_now_us(&world->clock);
    if (!idempotency_key || !answer_from_memory(world, &remembered, now_us, result)) {
        store_push(world, game, event, &push, idempotency_key, now_us, result);
        if (idempotency_key && reply_is_success(reply))
            memory_keep(&world->memory, &remembered, now_us, reply);
    }
    pthread_mutex_unlock(&world->lock);

    if (reply_is_success(reply))
        stats_count(result->replayed ? &world->stats.pushes_replayed : &world->stats.pushes_applied);

clear_push:
    push_clear(&push);
}

static void answer_read(struct world *world, const struct api_request *request, const struct api_key *key,
                        struct reply *reply)
{
    const struct game_config *game;
    json_t *json = NULL;

    if (!may_use_server_calls(key, reply) || !find_game(world, request, key, reply, &game))
        return;

    pthread_mutex_lock(&world->lock);
    struct lobby *lobby = lobbies_by_id(&world->lobbies, game, request->route->lobby);
    if (lobby)
        json = lobby_json(lobby, &world->clock, clock_now_us(&world->clock));
    pthread_mutex_unlock(&world->lock);

    if (lobby)
        reply_set_json(reply, 200, json_pack("{s:o}", "data", json));
    else
        refuse(reply, 404, "not_found", "no such lobby");
}

static void answer_ping(const struct api_key *key, struct reply *reply)
{
    /* clang-format off */
    json_t *json = json_pack("{s:b, s:{s:s, s:s, s:s, s:s, s:s, s:s}}", "ok", 1, "apiKey",
                             "id", key->id,
                             "prefix", key->prefix,
                             "permissionSet", key->permission_set,
                             "environment", key->environment,
                             "studioId", key->studio,
                             "gameId", key->game);
    /* clang-format on */
    reply_set_json(reply, 200, json);
}

/* The rest of the server's surface is not simulated: what was asked is told back. */
static void echo(const struct api_request *request, struct reply *reply)
{
    json_t *path = json_from_bytes(request->path, strlen(request->path));
    json_t *told = json_pack("{s:s, s:o, s:O?}", "method", request->method, "path", path, "body", request->json);
    reply_set_json(reply, 200, json_pack("{s:{s:o}}", "data", "echo", told));
}

static void answer_call(struct world *world, const struct api_request *request, const struct api_key *key,
                        struct api_result *result)
{
    const char *idempotency_key;

    if (!may_use_server_calls(key, &result->reply) || !check_body(request, &result->reply) ||
        !read_idempotency_key(request, &result->reply, &idempotency_key))
        return;
    if (!idempotency_key || strcmp(request->method, "GET") == 0) {
        echo(request, &result->reply);
        return;
    }

    struct memory_request remembered = memory_request(request, key, idempotency_key);
    pthread_mutex_lock(&world->lock);
    uint64_t now_us = clock_now_us(&world->clock);
    if (!answer_from_memory(world, &remembered, now_us, result)) {
        echo(request, &result->reply);
        if (reply_is_success(&result->reply))
            memory_keep(&world->memory, &remembered, now_us, &result->reply);
    }
    pthread_mutex_unlock(&world->lock);
}

void api_answer(struct world *world, const struct api_request *request, struct api_result *result)
{
    const struct api_key *key;

    if (request->route->op == OP_UNKNOWN) {
        refuse(&result->reply, 404, "not_found", "no such path");
        return;
    }
    if (!authenticate(world, request, &result->reply, &key))
        return;

    switch (request->route->op) {
    case OP_PUSH:
        answer_push(world, request, key, result);
        break;
    case OP_READ:
        answer_read(world, request, key, &result->reply);
        break;
    case OP_PING:
        answer_ping(key, &result->reply);
        break;
    default:
        answer_call(world, request, key, result);
        break;
    }
}
