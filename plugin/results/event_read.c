/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "kraty/reply.h"
#include "results/event_json.h"
#include "results/event_names.h"
#include "why.h"
#include "json/read.h"

enum {
    TEXT_FIELDS = 20, /* take_…() calls, the lobby's id being taken in two places, and the line itself: a NUL each */
    NAME_BYTES = 32
};

/* An event and all its texts, in one block. */
struct decoded {
    klp_event event;
    char texts[];
};

struct event_reader {
    struct json_document document;
    char *at; /* in the block's texts */
};

static klp_text take_string(struct event_reader *reader, int object, const char *name)
{
    int value = json_member(&reader->document, object, name);
    klp_text text = {reader->at, 0};

    if (json_kind(&reader->document, value) == '"')
        text.size = json_text(&reader->document, value, reader->at, json_raw(&reader->document, value).size);
    reader->at[text.size] = '\0';
    reader->at += text.size + 1;
    return text;
}

/* Any JSON, null too. */
static klp_text take_raw(struct event_reader *reader, int object, const char *name)
{
    struct json_slice raw = json_raw(&reader->document, json_member(&reader->document, object, name));
    klp_text text = {reader->at, raw.size};

    memcpy(reader->at, raw.data, raw.size);
    reader->at[text.size] = '\0';
    reader->at += text.size + 1;
    return text;
}

/* The same where null is as good as nothing. */
static klp_text take_raw_unless_null(struct event_reader *reader, int object, const char *name)
{
    if (json_kind(&reader->document, json_member(&reader->document, object, name)) == 'n')
        return take_raw(reader, JSON_NONE, name);
    return take_raw(reader, object, name);
}

static int64_t integer_or(const struct event_reader *reader, int object, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    json_signed(&reader->document, json_member(&reader->document, object, name), &value);
    return value;
}

static uint64_t unsigned_or_0(const struct event_reader *reader, int object, const char *name)
{
    uint64_t value = 0;
    json_unsigned(&reader->document, json_member(&reader->document, object, name), &value);
    return value;
}

static int32_t small_or_0(const struct event_reader *reader, int object, const char *name)
{
    int64_t value = integer_or(reader, object, name, 0);
    return value < 0 || value > INT32_MAX ? 0 : (int32_t)value;
}

static int32_t flag(const struct event_reader *reader, int object, const char *name)
{
    return json_kind(&reader->document, json_member(&reader->document, object, name)) == 't';
}

static int32_t named(const struct event_reader *reader, int object, const char *name,
                     int32_t (*number_of)(const char *))
{
    char text[NAME_BYTES] = "";
    int value = json_member(&reader->document, object, name);
    if (json_kind(&reader->document, value) == '"')
        json_text(&reader->document, value, text, sizeof text);
    return number_of(text);
}

static uint64_t cookie(const struct event_reader *reader)
{
    char text[NAME_BYTES] = "";
    uint64_t value = 0;
    json_text(&reader->document, json_member(&reader->document, JSON_ROOT, "cookie"), text, sizeof text);
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++)
        value = value * 10 + (uint64_t)(*digit - '0');
    return value;
}

/* As in the event itself: no id or status is so long. */
static void leave_to_lobby(klp_text *text)
{
    if (text->size > KLP_MAX_ID_BYTES)
        *text = (klp_text){"", 0};
}

static void read_lobby(struct event_reader *reader, klp_event *event)
{
    int lobby = json_member(&reader->document, JSON_ROOT, "lobby");

    event->lobby_json = take_raw_unless_null(reader, JSON_ROOT, "lobby");
    if (lobby != JSON_NONE) {
        event->lobby_status = take_string(reader, lobby, "status");
        event->capacity = integer_or(reader, lobby, "capacity", 0);
        event->participant_count = integer_or(reader, lobby, "participantCount", 0);
        event->bot_slots = integer_or(reader, lobby, "botSlots", 0);
    } else { /* it was left out */
        event->lobby_status = take_string(reader, JSON_ROOT, "lobby_status");
        event->capacity = integer_or(reader, JSON_ROOT, "capacity", 0);
        event->participant_count = integer_or(reader, JSON_ROOT, "participant_count", 0);
        event->bot_slots = integer_or(reader, JSON_ROOT, "bot_slots", 0);
    }
    event->filled_slots = integer_or(reader, JSON_ROOT, "filled_slots", 0);
    event->lobby_id = take_string(reader, JSON_ROOT, "lobby_id");
    if (!event->lobby_id.size)
        event->lobby_id = take_string(reader, lobby, "id");
    leave_to_lobby(&event->lobby_id);
    leave_to_lobby(&event->lobby_status);
}

static void read_error(struct event_reader *reader, klp_event *event)
{
    int error = json_member(&reader->document, JSON_ROOT, "error");

    event->error_code = take_string(reader, error, "code");
    event->error_message = take_string(reader, error, "message");
    event->error_details_json = take_raw_unless_null(reader, error, "details");
    event->error_origin = named(reader, error, "origin", event_origin_of);
    event->curl_code = small_or_0(reader, error, "curl_code");
    event->retryable = flag(reader, error, "retryable");
}

static void read_fields(struct event_reader *reader, klp_event *event)
{
    event->struct_size = (uint32_t)sizeof *event;
    event->op = named(reader, JSON_ROOT, "op", event_op_of);
    event->seq = unsigned_or_0(reader, JSON_ROOT, "seq");
    event->ticket = unsigned_or_0(reader, JSON_ROOT, "ticket");
    event->cookie = cookie(reader);
    event->pusher = take_string(reader, JSON_ROOT, "pusher");
    event->epoch = take_string(reader, JSON_ROOT, "epoch");
    event->game_id = take_string(reader, JSON_ROOT, "game_id");
    event->event_key = take_string(reader, JSON_ROOT, "event_key");
    event->key = take_string(reader, JSON_ROOT, "key");
    event->method = take_string(reader, JSON_ROOT, "method");
    event->path = take_string(reader, JSON_ROOT, "path");
    event->trace_parent = take_string(reader, JSON_ROOT, "trace_parent");
    event->ok = flag(reader, JSON_ROOT, "ok");
    event->outcome = named(reader, JSON_ROOT, "outcome", event_outcome_of);
    event->replayed = flag(reader, JSON_ROOT, "replayed");
    event->recovered = flag(reader, JSON_ROOT, "recovered");
    event->joined = flag(reader, JSON_ROOT, "joined");
    event->attempts = (uint32_t)small_or_0(reader, JSON_ROOT, "attempts");
    event->sends = (uint32_t)small_or_0(reader, JSON_ROOT, "sends");
    event->http_status = small_or_0(reader, JSON_ROOT, "http_status");
    event->request_id = take_string(reader, JSON_ROOT, "request_id");
    event->retry_after_ms = integer_or(reader, JSON_ROOT, "retry_after_ms", KLP_NO_RETRY_AFTER);
    event->elapsed_us = unsigned_or_0(reader, JSON_ROOT, "elapsed_us");
    read_lobby(reader, event);
    event->api_key_json = take_raw_unless_null(reader, JSON_ROOT, "api_key");
    event->data_json = take_raw(reader, JSON_ROOT, "data");
    event->reply_json = take_raw(reader, JSON_ROOT, "reply");
    event->truncated = flag(reader, JSON_ROOT, "truncated");
    event->truncated_bytes = unsigned_or_0(reader, JSON_ROOT, "bytes");
    read_error(reader, event);
}

/* What makes it one of ours: an object with an identity. An op of the future is legal. */
static const char *missing(const struct json_document *document)
{
    uint64_t number;

    if (json_kind(document, JSON_ROOT) != '{')
        return "it is no object";
    if (json_kind(document, json_member(document, JSON_ROOT, "pusher")) != '"')
        return "it has no \"pusher\"";
    if (json_kind(document, json_member(document, JSON_ROOT, "epoch")) != '"')
        return "it has no \"epoch\"";
    if (!json_unsigned(document, json_member(document, JSON_ROOT, "seq"), &number))
        return "it has no \"seq\"";
    if (json_kind(document, json_member(document, JSON_ROOT, "op")) != '"')
        return "it has no \"op\"";
    return NULL;
}

static klp_status read_document(struct event_reader *reader, klp_event **out, klp_text_buffer *why)
{
    struct json_slice line = json_raw(&reader->document, JSON_ROOT);
    const char *fault = missing(&reader->document);
    if (fault)
        return why_say(why, KLP_E_MALFORMED, "not an event: %s", fault);

    /* every text but the line itself is a piece of the line, and no piece is in more than two: the lobby has its id and
     * its status in it, all others are members of their own */
    struct decoded *decoded = calloc(1, sizeof *decoded + 3 * line.size + TEXT_FIELDS);
    if (!decoded)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    reader->at = decoded->texts;
    read_fields(reader, &decoded->event);
    memcpy(reader->at, line.data, line.size);
    decoded->event.json = (klp_text){reader->at, line.size};
    *out = &decoded->event;
    return KLP_OK;
}

klp_status event_read(const char *bytes, size_t size, klp_event **out, klp_text_buffer *why)
{
    struct event_reader reader = {0};
    struct json_fault fault;

    switch (json_read(bytes, size, &reader.document, &fault)) {
    case JSON_OK:
        break;
    case JSON_NO_MEMORY:
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    case JSON_MALFORMED:
        return why_say(why, KLP_E_MALFORMED, "not an event: %s at %zu", fault.reason, fault.at);
    }
    klp_status status = read_document(&reader, out, why);
    json_free(&reader.document);
    return status;
}

void event_free(klp_event *event)
{
    free(event);
}
