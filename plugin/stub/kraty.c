/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/kraty.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/read.h"

static const klp_text no_details = {"", 0};

static klp_text text_of(const char *literal)
{
    return (klp_text){literal, strlen(literal)};
}

/* ─── bodies ────────────────────────────────────────────────────────────────────────────────────── */

/* Writes what `put` writes, in a block of its size. */
static bool make_body(void (*put)(struct json_writer *writer, const void *what), const void *what,
                      struct kraty_answer *answer)
{
    struct json_writer measure = {0};

    put(&measure, what);
    answer->body = malloc(measure.size + 1);
    if (!answer->body)
        return false;
    struct json_writer writer = {.data = answer->body, .capacity = measure.size};
    put(&writer, what);
    answer->body[measure.size] = '\0';
    answer->body_bytes = measure.size;
    return true;
}

struct error {
    klp_text code, message, details;
};

static void put_error(struct json_writer *writer, const void *what)
{
    const struct error *error = what;

    json_open(writer, '{');
    json_name(writer, "error");
    json_open(writer, '{');
    json_name(writer, "code");
    json_put_string(writer, error->code.data, error->code.size);
    json_name(writer, "message");
    json_put_string(writer, error->message.data, error->message.size);
    if (error->details.size) {
        json_name(writer, "details");
        json_put_raw(writer, error->details.data, error->details.size);
    }
    json_close(writer, '}');
    json_close(writer, '}');
}

bool kraty_error(int status, klp_text code, klp_text message, klp_text details, struct kraty_answer *answer)
{
    const struct error error = {code, message, details};

    *answer = (struct kraty_answer){.status = status};
    return make_body(put_error, &error, answer);
}

static bool refuse(int status, const char *code, const char *message, struct kraty_answer *answer)
{
    return kraty_error(status, text_of(code), text_of(message), no_details, answer);
}

struct lobby_at {
    const struct kraty_lobby *lobby;
    uint64_t now_us;
};

static void put_lobby(struct json_writer *writer, const void *what)
{
    const struct lobby_at *at = what;

    json_open(writer, '{');
    json_name(writer, "data");
    kraty_lobby_write(writer, at->lobby, at->now_us);
    json_close(writer, '}');
}

static bool answer_lobby(int status, const struct kraty_lobby *lobby, uint64_t now_us, struct kraty_answer *answer)
{
    *answer = (struct kraty_answer){.status = status};
    return make_body(put_lobby, &(struct lobby_at){lobby, now_us}, answer);
}

/* ─── idempotency keys ──────────────────────────────────────────────────────────────────────────── */

/* The text of a body's idempotencyKey, in a block of its own; without one it is empty. False: out of memory. */
static bool read_idempotency_key(klp_text body, klp_text *key)
{
    struct json_document document;

    *key = (klp_text){NULL, 0};
    if (!body.size)
        return true;
    enum json_result result = json_read(body.data, body.size, &document, NULL);
    if (result)
        return result == JSON_MALFORMED;
    int value = json_member(&document, JSON_ROOT, "idempotencyKey");
    bool is_read = true;
    if (json_kind(&document, value) == '"') {
        size_t capacity = json_raw(&document, value).size;
        char *text = malloc(capacity);
        is_read = text != NULL;
        if (text)
            *key = (klp_text){text, json_text(&document, value, text, capacity)};
    }
    json_free(&document);
    return is_read;
}

/* Whether the key has answered the request; false in *is_made: out of memory. */
static bool answer_from_memory(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                               struct kraty_answer *answer, bool *is_made)
{
    switch (key.size ? kraty_reply_find(kraty, request, key, answer) : REPLY_IS_NEW) {
    case REPLY_IS_KNOWN:
        *is_made = answer->body != NULL;
        return true;
    case REPLY_CONFLICTS:
        *is_made = refuse(409, "idempotency_conflict", "this idempotencyKey was used by another request", answer);
        return true;
    default:
        return false;
    }
}

static bool remember(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                     const struct kraty_answer *answer)
{
    return !key.size || answer->status > 299 || kraty_reply_keep(kraty, request, key, answer);
}

/* ─── pushes ────────────────────────────────────────────────────────────────────────────────────── */

static const struct script_event *find_event(const struct kraty *kraty, klp_text key)
{
    for (size_t i = 0; i < kraty->event_count; i++)
        if (kraty->events[i].key.size == key.size && memcmp(kraty->events[i].key.data, key.data, key.size) == 0)
            return &kraty->events[i];
    return kraty->has_events ? NULL : &script_usual_event;
}

static int compare(klp_text a, klp_text b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return memcmp(a.data, b.data, a.size);
}

static int by_key(const void *a, const void *b)
{
    const struct kraty_lobby *x = a, *y = b;
    int order = compare(x->key, y->key);

    if (!order)
        order = compare(x->event_key, y->event_key);
    return order ? order : compare(x->game_id, y->game_id);
}

static bool reserve_lobby(struct kraty *kraty)
{
    if (kraty->lobby_count < kraty->lobby_capacity)
        return true;
    size_t capacity = kraty->lobby_capacity ? 2 * kraty->lobby_capacity : 64;
    struct kraty_lobby **lobbies = reallocarray(kraty->lobbies, capacity, sizeof *lobbies);
    if (!lobbies)
        return false;
    kraty->lobbies = lobbies;
    kraty->lobby_capacity = capacity;
    return true;
}

/* The Kraty's from here on. */
static bool create(struct kraty *kraty, struct kraty_lobby *lobby)
{
    if (!reserve_lobby(kraty) || !tsearch(lobby, &kraty->lobbies_by_key, by_key))
        return false;
    kraty->lobbies[kraty->lobby_count++] = lobby;
    char *id = (char *)(uintptr_t)lobby->id.data; /* the end of its block, where there is room for it */
    lobby->id.size = (size_t)sprintf(id, "lob_%zu", kraty->lobby_count);
    lobby->times_pushed = 1;
    return true;
}

static bool push_lobby(struct kraty *kraty, const struct kraty_request *request, struct kraty_lobby *pushed,
                       struct kraty_answer *answer)
{
    void *found = tfind(pushed, &kraty->lobbies_by_key, by_key);
    struct kraty_lobby *lobby = found ? *(struct kraty_lobby **)found : NULL;

    if (!lobby) {
        if (!create(kraty, pushed)) {
            kraty_lobby_free(pushed);
            return false;
        }
        answer->is_applied = answer_lobby(201, pushed, request->now_us, answer);
        return answer->is_applied;
    }
    bool is_same = kraty_lobby_is_same(lobby, pushed);
    kraty_lobby_free(pushed);
    if (!is_same)
        return refuse(409, "idempotency_conflict", "a lobby with this key has another roster", answer);
    lobby->times_pushed++;
    answer->is_applied = answer_lobby(200, lobby, request->now_us, answer);
    return answer->is_applied;
}

static bool is_known_game(const struct kraty *kraty, klp_text game_id)
{
    return !kraty->game_id.size || compare(kraty->game_id, game_id) == 0;
}

static bool refuse_event(const struct script_event *event, struct kraty_answer *answer)
{
    if (!event->is_enabled)
        return refuse(409, "event_disabled", "the event is disabled", answer);
    return refuse(409, "conflict", "the event's leaderboardMode is not lobby_matched", answer);
}

static bool may_be_pushed_to(const struct script_event *event)
{
    return event->is_enabled && compare(event->mode, text_of("lobby_matched")) == 0;
}

/* What is wrong with the push itself is said first, whatever its idempotency key has been replied to. */
static bool answer_push(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                        struct kraty_answer *answer)
{
    const struct script_event *event = find_event(kraty, request->event_key);
    const char *wrong;
    bool is_made = false;

    if (!event)
        return refuse(404, "not_found", "no such event", answer);
    struct kraty_lobby *pushed = kraty_lobby_new(request, event, &wrong);
    if (!pushed)
        return wrong && refuse(400, "validation_failed", wrong, answer);
    if (!may_be_pushed_to(event)) {
        kraty_lobby_free(pushed);
        return refuse_event(event, answer);
    }
    if (answer_from_memory(kraty, request, key, answer, &is_made)) {
        kraty_lobby_free(pushed);
        return is_made;
    }
    return push_lobby(kraty, request, pushed, answer) && remember(kraty, request, key, answer);
}

/* ─── everything else ───────────────────────────────────────────────────────────────────────────── */

static bool answer_read(const struct kraty *kraty, const struct kraty_request *request, struct kraty_answer *answer)
{
    for (size_t i = 0; i < kraty->lobby_count; i++)
        if (compare(kraty->lobbies[i]->id, request->lobby_id) == 0 &&
            compare(kraty->lobbies[i]->game_id, request->game_id) == 0)
            return answer_lobby(200, kraty->lobbies[i], request->now_us, answer);
    return refuse(404, "not_found", "no such lobby", answer);
}

static void put_api_key(struct json_writer *writer, const void *what)
{
    const struct kraty *kraty = what;
    klp_text environment = kraty->environment.size ? kraty->environment : text_of("test");

    json_open(writer, '{');
    json_name(writer, "ok");
    json_put_bool(writer, true);
    json_name(writer, "apiKey");
    json_open(writer, '{');
    json_name(writer, "id");
    json_put_string(writer, "key_1", 5);
    json_name(writer, "prefix");
    json_put_string(writer, "stub", 4);
    json_name(writer, "permissionSet");
    json_put_string(writer, "server_integration", 18);
    json_name(writer, "environment");
    json_put_string(writer, environment.data, environment.size);
    json_name(writer, "studioId");
    json_put_string(writer, "studio_1", 8);
    if (kraty->game_id.size) {
        json_name(writer, "gameId");
        json_put_string(writer, kraty->game_id.data, kraty->game_id.size);
    }
    json_close(writer, '}');
    json_close(writer, '}');
}

static void put_echo(struct json_writer *writer, const void *what)
{
    const struct kraty_request *request = what;

    json_open(writer, '{');
    json_name(writer, "data");
    json_open(writer, '{');
    json_name(writer, "echo");
    json_open(writer, '{');
    json_name(writer, "method");
    json_put_string(writer, request->method, strlen(request->method));
    json_name(writer, "path");
    json_put_string(writer, request->path, strlen(request->path));
    json_name(writer, "body");
    if (request->body.size)
        json_put_raw(writer, request->body.data, request->body.size);
    else
        json_put_raw(writer, "null", 4);
    json_close(writer, '}');
    json_close(writer, '}');
    json_close(writer, '}');
}

static bool answer_call(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                        struct kraty_answer *answer)
{
    bool is_made;

    if (answer_from_memory(kraty, request, key, answer, &is_made))
        return is_made;
    *answer = (struct kraty_answer){.status = 200};
    answer->is_applied = make_body(put_echo, request, answer);
    return answer->is_applied && remember(kraty, request, key, answer);
}

static bool answer_by_op(struct kraty *kraty, const struct kraty_request *request, klp_text key,
                         struct kraty_answer *answer)
{
    *answer = (struct kraty_answer){.status = 200};
    switch (request->op) {
    case KLP_OP_PUSH:
        return answer_push(kraty, request, key, answer);
    case KLP_OP_READ:
    case KLP_OP_AWAIT:
        return answer_read(kraty, request, answer);
    case KLP_OP_PING:
        return make_body(put_api_key, kraty, answer);
    default:
        return answer_call(kraty, request, key, answer);
    }
}

bool kraty_answer(struct kraty *kraty, const struct kraty_request *request, struct kraty_answer *answer)
{
    klp_text key;

    *answer = (struct kraty_answer){0};
    if (request->game_id.size && !is_known_game(kraty, request->game_id))
        return refuse(403, "forbidden", "the API key is of another game", answer);
    if (!read_idempotency_key(request->body, &key))
        return false;
    bool is_answered = answer_by_op(kraty, request, key, answer);
    free((char *)(uintptr_t)key.data);
    if (!is_answered) {
        free(answer->body);
        answer->body = NULL;
    }
    return is_answered;
}

static void leave(void *unused)
{
    (void)unused;
}

void kraty_clear(struct kraty *kraty)
{
    tdestroy(kraty->lobbies_by_key, leave); /* they are in the list, too */
    for (size_t i = 0; i < kraty->lobby_count; i++)
        kraty_lobby_free(kraty->lobbies[i]);
    free(kraty->lobbies);
    kraty_replies_clear(kraty);
    kraty->lobbies = NULL;
    kraty->lobbies_by_key = NULL;
    kraty->lobby_count = kraty->lobby_capacity = 0;
}
