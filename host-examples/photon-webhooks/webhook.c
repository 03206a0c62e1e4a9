/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- which webhooks there are ---- */

enum family { REALTIME, QUANTUM };
enum says { CREATES, JOINS, LEAVES, CLOSES, NOTHING };

struct webhook_path {
    const char *path;
    enum family family;
    enum says says;
    const char
        *types[3]; /* of Realtime: what Type may be. Of a leave it is one of a dozen reasons, and may be a new one */
    const char *answer;
};

#define WELL "{\"ResultCode\":0}"

static const struct webhook_path paths[] = {
    {"/GameCreate", REALTIME, CREATES, {"Create", "Load"}, WELL},
    {"/GameJoin", REALTIME, JOINS, {"Join"}, WELL},
    {"/GameLeave", REALTIME, LEAVES, {NULL}, WELL},
    {"/GameClose", REALTIME, CLOSES, {"Close", "Save"}, WELL},
    {"/GameBeforeJoin", REALTIME, NOTHING, {"BeforeJoin"}, WELL},
    {"/GameEvent", REALTIME, NOTHING, {"Event"}, WELL},
    {"/GameProperties", REALTIME, NOTHING, {"Game", "Actor", "GameProperties"}, WELL},
    {"/game/create", QUANTUM, CREATES, {NULL}, "{}"},
    {"/game/join", QUANTUM, JOINS, {NULL}, "{}"},
    {"/game/leave", QUANTUM, LEAVES, {NULL}, "{}"},
    {"/game/close", QUANTUM, CLOSES, {NULL}, "{}"},
    {"/game_create", QUANTUM, CREATES, {NULL}, WELL},
    {"/game_join", QUANTUM, JOINS, {NULL}, WELL},
    {"/game_leave", QUANTUM, LEAVES, {NULL}, WELL},
    {"/game_close", QUANTUM, CLOSES, {NULL}, WELL},
};

#define PATHS (sizeof paths / sizeof *paths)

const struct webhook_path *webhook_path(const char *path)
{
    for (size_t i = 0; i < PATHS; i++)
        if (strcmp(paths[i].path, path) == 0)
            return &paths[i];
    return NULL;
}

static bool has_type(const struct webhook_path *path, const char *type)
{
    for (size_t i = 0; i < sizeof path->types / sizeof *path->types && path->types[i]; i++)
        if (strcmp(path->types[i], type) == 0)
            return true;
    return false;
}

/* Two paths that were mixed up on the dashboard would else make leaves of joins. */
static bool is_of(const struct webhook_path *path, const char *type)
{
    if (path->types[0])
        return has_type(path, type);
    for (size_t i = 0; i < PATHS; i++)
        if (has_type(&paths[i], type))
            return false;
    return true;
}

/* ---- fields ---- */

struct reading {
    json_t *document;
    char *why;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reading *reading, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reading->why, WEBHOOK_WHY_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_there(const struct reading *reading, const char *name)
{
    const json_t *value = json_object_get(reading->document, name);
    return value && !json_is_null(value);
}

static bool read_text(const struct reading *reading, const char *name, klp_text *text)
{
    const json_t *value = json_object_get(reading->document, name);

    if (!is_there(reading, name))
        return refuse(reading, "%s is missing", name);
    if (!json_is_string(value))
        return refuse(reading, "%s is not a string", name);
    *text = (klp_text){json_string_value(value), json_string_length(value)};
    if (text->size == 0)
        return refuse(reading, "%s is empty", name);
    if (text->size > KLP_MAX_ID_BYTES)
        return refuse(reading, "%s is %zu bytes, more than %u", name, text->size, KLP_MAX_ID_BYTES);
    if (memchr(text->data, '\0', text->size))
        return refuse(reading, "%s has a NUL byte", name);
    return true;
}

static bool read_optional_text(const struct reading *reading, const char *name, klp_text *text)
{
    return !is_there(reading, name) || read_text(reading, name, text);
}

static bool read_optional_flag(const struct reading *reading, const char *name, bool *flag)
{
    const json_t *value = json_object_get(reading->document, name);

    if (!is_there(reading, name))
        return true;
    *flag = json_is_true(value);
    return json_is_boolean(value) || refuse(reading, "%s is neither true nor false", name);
}

static bool read_actor_nr(const struct reading *reading, bool is_required, uint32_t *actor_nr)
{
    const json_t *value = json_object_get(reading->document, "ActorNr");
    const double number = json_number_value(value);

    if (!is_there(reading, "ActorNr"))
        return !is_required || refuse(reading, "ActorNr is missing");
    if (!json_is_number(value) || number < (is_required ? 1 : 0) || number > INT32_MAX)
        return refuse(reading, "ActorNr is not the number of an actor");
    *actor_nr = (uint32_t)number;
    return *actor_nr == number || refuse(reading, "ActorNr is not the number of an actor");
}

/* ---- one webhook ---- */

static bool read_type(const struct reading *reading, const struct webhook_path *path, klp_text *type)
{
    if (!read_text(reading, "Type", type))
        return false;
    return is_of(path, type->data) || refuse(reading, "Type is not of what comes to %s", path->path);
}

/* Whom it is about: the actor's number is what a leave and its join have in common, and of Quantum and Fusion a leave
 * alone has it. */
static bool read_actor(const struct reading *reading, const struct webhook_path *path, struct room_hook *hook)
{
    return read_text(reading, "UserId", &hook->user_id) &&
           read_actor_nr(reading, path->family == REALTIME, &hook->actor_nr) &&
           read_optional_flag(reading, "IsInactive", &hook->is_inactive) &&
           read_optional_flag(reading, "FailedOnCreate", &hook->is_failed);
}

static bool read_close(const struct reading *reading, struct room_hook *hook)
{
    const json_t *reason = json_object_get(reading->document, "CloseReason");

    if (is_there(reading, "CloseReason") && !json_is_number(reason))
        return refuse(reading, "CloseReason is not a number");
    hook->is_failed = json_number_value(reason) == 1; /* FailedOnCreate */
    return true;
}

/* Who creates, who is expected, how many may play: a roster, which the library reads. */
static unsigned read_create(const klp_api *klp, const struct reading *reading, const char *body, size_t body_bytes,
                            struct webhook *webhook)
{
    klp_text_buffer why = {.data = reading->why, .capacity = WEBHOOK_WHY_BYTES};
    struct room_hook *hook = &webhook->hook;

    klp_status status =
        klp->parse_roster(klp_cstr(KLP_FORMAT_PHOTON_WEBHOOK), body, body_bytes, NULL, &webhook->roster, &why);
    if (status)
        return status == KLP_E_NO_MEMORY ? 503 : 400;
    hook->user_id = webhook->roster->player_ids[0];
    hook->expected = webhook->roster->player_ids + 1;
    hook->expected_count = webhook->roster->player_count - 1;
    hook->max_players = webhook->roster->capacity;
    hook->metadata_json = webhook->roster->metadata_json;
    return 200;
}

/* A room that Photon has not in memory any more, and whose state it asks for. There is none here; where Photon then
 * creates it, this is its Create, without options. */
static unsigned read_load(const struct reading *reading, const struct webhook_path *path, struct webhook *webhook)
{
    bool may_be_created = false;

    if (!read_optional_flag(reading, "CreateIfNotExists", &may_be_created) ||
        !read_actor(reading, path, &webhook->hook))
        return 400;
    webhook->answer = "{\"State\":\"\",\"ResultCode\":0}";
    if (may_be_created)
        return 200;
    refuse(reading, "the State of a room is not kept here");
    return 404;
}

static unsigned read_room(const klp_api *klp, const struct reading *reading, const struct webhook_path *path,
                          const char *body, size_t body_bytes, struct webhook *webhook)
{
    static const enum room_hook_kind kinds[] = {
        [CREATES] = ROOM_CREATE, [JOINS] = ROOM_JOIN, [LEAVES] = ROOM_LEAVE, [CLOSES] = ROOM_CLOSE};
    struct room_hook *hook = &webhook->hook;
    klp_text type = {"", 0};

    if (path->family == REALTIME && !read_type(reading, path, &type))
        return 400;
    if (path->says == NOTHING)
        return 200;
    webhook->is_of_a_room = true;
    hook->kind = kinds[path->says];
    if (!read_text(reading, "GameId", &hook->game_id))
        return 400;
    if (path->family == REALTIME && !read_optional_text(reading, "Region", &hook->region))
        return 400;

    if (path->says == CLOSES)
        return read_close(reading, hook) ? 200 : 400;
    if (path->says != CREATES)
        return read_actor(reading, path, hook) ? 200 : 400;
    if (path->family == QUANTUM)
        return read_create(klp, reading, body, body_bytes, webhook);
    if (strcmp(type.data, "Load") == 0)
        return read_load(reading, path, webhook);
    return read_actor_nr(reading, true, &hook->actor_nr) ? read_create(klp, reading, body, body_bytes, webhook) : 400;
}

unsigned webhook_read(const klp_api *klp, const struct webhook_path *path, const char *body, size_t body_bytes,
                      struct webhook *webhook, char why[WEBHOOK_WHY_BYTES])
{
    struct reading reading = {.why = why};
    json_error_t error;

    *webhook = (struct webhook){.hook.invoke_id = ROOM_NO_INVOKE_ID, .answer = path->answer};
    /* what players put into names, properties and events must not keep a room from being counted: NULs, integers of
     * 64 bits, keys that were of two types */
    reading.document = webhook->document =
        json_loadb(body ? body : "", body_bytes, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!json_is_object(webhook->document)) {
        refuse(&reading, "the body is not one JSON object in UTF-8");
        return 400;
    }
    return read_room(klp, &reading, path, body, body_bytes, webhook);
}

void webhook_clear(const klp_api *klp, struct webhook *webhook)
{
    klp->free_roster(webhook->roster);
    json_decref(webhook->document);
    *webhook = (struct webhook){0};
}
