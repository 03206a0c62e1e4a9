/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/script.h"

#include <stdlib.h>
#include <string.h>

#include "kraty/lobby_pusher_stub.h"
#include "stub/script_reader.h"
#include "why.h"

enum { MOST_CAPACITY = 1000000 };
#define MOST_MS UINT64_C(31536000000)

const struct script_event script_usual_event = {
    .mode = {"lobby_matched", 13}, .capacity = 100, .is_enabled = true, .bot_drip_ms = 50};

/* ─── events ────────────────────────────────────────────────────────────────────────────────────── */

static void take_event_capacity(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->capacity = (uint32_t)script_number(reader, name, value, 1, MOST_CAPACITY);
}

static void take_fill_bots(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->fills_bots = script_bool(reader, name, value);
}

static void take_mode(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->mode = script_text(reader, name, value);
}

static void take_enabled(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->is_enabled = script_bool(reader, name, value);
}

static void take_form_ms(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->form_ms = script_number(reader, name, value, 0, MOST_MS);
}

static void take_bot_drip_ms(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->bot_drip_ms = script_number(reader, name, value, 0, MOST_MS);
}

static void take_duration_ms(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_event *)into)->duration_ms = script_number(reader, name, value, 0, MOST_MS);
}

static void take_events(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct script_member members[] = {
        {"capacity", take_event_capacity}, {"fill_bots", take_fill_bots}, {"mode", take_mode},
        {"enabled", take_enabled},         {"form_ms", take_form_ms},     {"bot_drip_ms", take_bot_drip_ms},
        {"duration_ms", take_duration_ms},
    };
    const struct json_document *document = &reader->document;
    struct script *script = into;

    if (json_kind(document, value) != '{') {
        script_refuse(reader, name, "is no object");
        return;
    }
    script->has_events = true;
    script->events = calloc(json_length(document, value) + 1, sizeof *script->events);
    if (!script->events) {
        reader->status = KLP_E_NO_MEMORY;
        return;
    }
    reader->part = name;
    for (int key = json_first(document, value); key != JSON_NONE && !reader->status; key = json_next(document, key)) {
        struct script_event *event = &script->events[script->event_count];
        reader->index = script->event_count++;
        *event = script_usual_event;
        event->key = script_text(reader, "its name", key);
        script_take_members(reader, json_value_of_key(document, key), members, sizeof members / sizeof *members, event);
    }
    reader->part = NULL;
}

/* ─── recovered ─────────────────────────────────────────────────────────────────────────────────── */

static void take_recovered_game(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_recovered *)into)->game = script_text(reader, name, value);
}

static void take_recovered_event(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_recovered *)into)->event = script_text(reader, name, value);
}

static void take_recovered_key(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_recovered *)into)->key = script_text(reader, name, value);
}

static void take_recovered_players(struct script_reader *reader, const char *name, int value, void *into)
{
    const struct json_document *document = &reader->document;
    struct script_recovered *push = into;

    if (json_kind(document, value) != '[') {
        script_refuse(reader, name, "is no list");
        return;
    }
    for (int id = json_first(document, value); id != JSON_NONE; id = json_next(document, id))
        push->players[push->player_count++] = script_text(reader, name, id);
}

static void take_recovered_capacity(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_recovered *)into)->capacity = (uint32_t)script_number(reader, name, value, 1, MOST_CAPACITY);
}

static void take_recovered_cookie(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script_recovered *)into)->cookie = script_number(reader, name, value, 0, UINT64_MAX);
}

static size_t count_players(const struct json_document *document, int list)
{
    size_t count = 0;

    for (int push = json_first(document, list); push != JSON_NONE; push = json_next(document, push))
        count += json_length(document, json_member(document, push, "players"));
    return count;
}

static void take_recovered(struct script_reader *reader, const char *name, int value, void *into)
{
    static const struct script_member members[] = {
        {"game", take_recovered_game},       {"event", take_recovered_event},       {"key", take_recovered_key},
        {"players", take_recovered_players}, {"capacity", take_recovered_capacity}, {"cookie", take_recovered_cookie},
    };
    const struct json_document *document = &reader->document;
    struct script *script = into;

    if (json_kind(document, value) != '[') {
        script_refuse(reader, name, "is no list");
        return;
    }
    script->recovered = calloc(json_length(document, value) + 1, sizeof *script->recovered);
    script->players = calloc(count_players(document, value) + 1, sizeof *script->players);
    if (!script->recovered || !script->players) {
        reader->status = KLP_E_NO_MEMORY;
        return;
    }
    klp_text *players = script->players;
    reader->part = name;
    for (int element = json_first(document, value); element != JSON_NONE && !reader->status;
         element = json_next(document, element)) {
        struct script_recovered *push = &script->recovered[script->recovered_count];
        reader->index = script->recovered_count++;
        push->players = players;
        script_take_members(reader, element, members, sizeof members / sizeof *members, push);
        players += push->player_count;
    }
    reader->part = NULL;
}

/* ─── the whole ─────────────────────────────────────────────────────────────────────────────────── */

static void take_rules(struct script_reader *reader, const char *name, int value, void *into)
{
    const struct json_document *document = &reader->document;
    struct script *script = into;

    if (json_kind(document, value) != '[') {
        script_refuse(reader, name, "is no list");
        return;
    }
    script->rules = calloc(json_length(document, value) + 1, sizeof *script->rules);
    if (!script->rules) {
        reader->status = KLP_E_NO_MEMORY;
        return;
    }
    reader->part = name;
    for (int element = json_first(document, value); element != JSON_NONE && !reader->status;
         element = json_next(document, element)) {
        reader->index = script->rule_count;
        script_take_rule(reader, element, &script->rules[script->rule_count++]);
    }
    reader->part = NULL;
}

static void take_time(struct script_reader *reader, const char *name, int value, void *into)
{
    struct script *script = into;

    script->has_time = true;
    script->is_held = script_text_is(reader, value, "held");
    if (!script->is_held && !script_text_is(reader, value, "running"))
        script_refuse(reader, name, "is neither held nor running");
}

static void take_seed(struct script_reader *reader, const char *name, int value, void *into)
{
    struct script *script = into;

    script->has_seed = true;
    script->seed = script_number(reader, name, value, 0, UINT64_MAX);
}

static void take_latency(struct script_reader *reader, const char *name, int value, void *into)
{
    struct script *script = into;

    script->has_latency = true;
    script->latency_ms = script_number(reader, name, value, 1, 3600000);
}

static void take_environment(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script *)into)->environment = script_text(reader, name, value);
}

static void take_game_id(struct script_reader *reader, const char *name, int value, void *into)
{
    ((struct script *)into)->game_id = script_text(reader, name, value);
}

static void take_all(struct script_reader *reader)
{
    static const struct script_member members[] = {
        {"rules", take_rules},         {"events", take_events},
        {"recovered", take_recovered}, {"time", take_time},
        {"seed", take_seed},           {"latency_ms", take_latency},
        {"game_id", take_game_id},     {"environment", take_environment},
    };

    if (json_kind(&reader->document, JSON_ROOT) == '[')
        take_rules(reader, "rules", JSON_ROOT, reader->script);
    else
        script_take_members(reader, JSON_ROOT, members, sizeof members / sizeof *members, reader->script);
}

void script_free(struct script *script)
{
    if (!script)
        return;
    free(script->players);
    free(script->recovered);
    free(script->events);
    free(script->rules);
    free(script->texts);
    free(script);
}

klp_status script_read(klp_text json, struct script **out, klp_text_buffer *why)
{
    struct script_reader reader = {.why = why};
    struct json_fault fault;

    if (json.size > KLP_STUB_MAX_SCRIPT_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "script: has %zu bytes, more than %u", json.size,
                       KLP_STUB_MAX_SCRIPT_BYTES);
    enum json_result result = json_read(json.size ? json.data : "", json.size, &reader.document, &fault);
    if (result == JSON_MALFORMED)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "script: is no JSON: %s at byte %zu", fault.reason, fault.at);
    if (result)
        goto no_memory;
    reader.script = calloc(1, sizeof *reader.script);
    if (!reader.script)
        goto free_document;
    /* no value is taken twice, and each text has a NUL in the place of a quote or of what stands behind it */
    reader.script->texts = malloc(json.size + reader.document.count + 1);
    if (!reader.script->texts)
        goto free_script;
    reader.texts_end = reader.script->texts;

    take_all(&reader);
    if (reader.status == KLP_E_NO_MEMORY)
        goto free_script;
    json_free(&reader.document);
    if (reader.status) {
        script_free(reader.script);
        return reader.status;
    }
    *out = reader.script;
    return KLP_OK;

free_script:
    script_free(reader.script);
free_document:
    json_free(&reader.document);
no_memory:
    return why_say(why, KLP_E_NO_MEMORY, "out of memory");
}
