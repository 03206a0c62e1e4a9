/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <string.h>

#include "results/event_json.h"
#include "results/event_names.h"
#include "json/write.h"

enum { EVENT_FORMAT = 1 };

static void put_name_text(struct json_writer *writer, const char *name, klp_text text)
{
    if (!text.size)
        return;
    json_name(writer, name);
    json_put_string(writer, text.data, text.size);
}

static void put_name_c_text(struct json_writer *writer, const char *name, const char *text)
{
    put_name_text(writer, name, klp_cstr(text));
}

static void put_name_unsigned(struct json_writer *writer, const char *name, uint64_t value)
{
    json_name(writer, name);
    json_put_unsigned(writer, value);
}

static void put_name_signed(struct json_writer *writer, const char *name, int64_t value)
{
    json_name(writer, name);
    json_put_signed(writer, value);
}

static void put_name_bool(struct json_writer *writer, const char *name, bool value)
{
    json_name(writer, name);
    json_put_bool(writer, value);
}

static void put_name_raw(struct json_writer *writer, const char *name, klp_text json)
{
    if (!json.size)
        return;
    json_name(writer, name);
    json_put_raw_on_one_line(writer, json.data, json.size);
}

static void put_identity(struct json_writer *writer, const klp_event *event)
{
    char cookie[21];
    size_t at = sizeof cookie;
    uint64_t rest = event->cookie;

    put_name_unsigned(writer, "v", EVENT_FORMAT);
    put_name_text(writer, "pusher", event->pusher);
    put_name_text(writer, "epoch", event->epoch);
    put_name_unsigned(writer, "seq", event->seq);
    put_name_c_text(writer, "op", event_op_name(event->op));
    put_name_unsigned(writer, "ticket", event->ticket);
    /* a string: all 64 bits are the host's, and JavaScript's numbers have 53 */
    do
        cookie[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    put_name_text(writer, "cookie", (klp_text){cookie + at, sizeof cookie - at});
    put_name_text(writer, "game_id", event->game_id);
    put_name_text(writer, "event_key", event->event_key);
    put_name_text(writer, "key", event->key);
    put_name_text(writer, "lobby_id", event->lobby_id);
    put_name_text(writer, "method", event->method);
    put_name_text(writer, "path", event->path);
    put_name_text(writer, "trace_parent", event->trace_parent);
}

static void put_course(struct json_writer *writer, const klp_event *event)
{
    put_name_bool(writer, "ok", event->ok);
    put_name_c_text(writer, "outcome", event_outcome_name(event->outcome));
    if (event->op == KLP_OP_PUSH)
        put_name_bool(writer, "replayed", event->replayed);
    put_name_bool(writer, "recovered", event->recovered);
    if (event->joined)
        put_name_bool(writer, "joined", true);
    put_name_unsigned(writer, "attempts", event->attempts);
    put_name_unsigned(writer, "sends", event->sends);
    if (event->http_status)
        put_name_unsigned(writer, "http_status", (uint64_t)event->http_status);
    put_name_text(writer, "request_id", event->request_id);
    if (event->retry_after_ms != KLP_NO_RETRY_AFTER)
        put_name_unsigned(writer, "retry_after_ms", (uint64_t)event->retry_after_ms);
    put_name_unsigned(writer, "elapsed_us", event->elapsed_us);
}

/* An await that failed has the last lobby that it saw, if it saw one. */
static bool has_lobby(const klp_event *event)
{
    if (event->op == KLP_OP_PING || event->op == KLP_OP_CALL)
        return false;
    if (event->ok)
        return true;
    return event->op == KLP_OP_AWAIT && (event->lobby_status.size || event->lobby_json.size || event->capacity ||
                                         event->participant_count || event->bot_slots || event->filled_slots);
}

static void put_lobby(struct json_writer *writer, const klp_event *event)
{
    if (!has_lobby(event))
        return;
    put_name_signed(writer, "filled_slots", event->filled_slots);
    put_name_raw(writer, "lobby", event->lobby_json);
    if (event->lobby_json.size)
        return;
    /* left out: then what we understood of it */
    put_name_text(writer, "lobby_status", event->lobby_status);
    put_name_signed(writer, "capacity", event->capacity);
    put_name_signed(writer, "participant_count", event->participant_count);
    put_name_signed(writer, "bot_slots", event->bot_slots);
}

static void put_error(struct json_writer *writer, const klp_event *event)
{
    if (event->ok)
        return;
    json_name(writer, "error");
    json_open(writer, '{');
    put_name_text(writer, "code", event->error_code);
    put_name_c_text(writer, "origin", event_origin_name(event->error_origin));
    json_name(writer, "message");
    json_put_string(writer, event->error_message.data, event->error_message.size);
    if (event->http_status)
        put_name_unsigned(writer, "http_status", (uint64_t)event->http_status);
    if (event->curl_code)
        put_name_signed(writer, "curl_code", event->curl_code);
    put_name_bool(writer, "retryable", event->retryable);
    put_name_raw(writer, "details", event->error_details_json);
    json_close(writer, '}');
}

size_t event_write(const klp_event *event, char *out, size_t capacity)
{
    struct json_writer writer = {.data = out, .capacity = capacity};

    json_open(&writer, '{');
    put_identity(&writer, event);
    put_course(&writer, event);
    put_lobby(&writer, event);
    put_name_raw(&writer, "api_key", event->api_key_json);
    put_name_raw(&writer, "data", event->data_json);
    put_name_raw(&writer, "reply", event->reply_json);
    if (event->truncated) {
        put_name_bool(&writer, "truncated", true);
        put_name_unsigned(&writer, "bytes", event->truncated_bytes);
    }
    put_error(&writer, event);
    json_close(&writer, '}');
    return writer.size;
}

size_t event_write_bounded(const klp_event *event, char *out, size_t capacity)
{
    size_t others = event->lobby_json.size + event->error_details_json.size + event->api_key_json.size;
    size_t quoted_bytes = others + event->data_json.size + event->reply_json.size;

    /* with its reply half as large as the bound it fits for certain: all the rest is below 100 KiB */
    if (quoted_bytes <= KLP_MAX_EVENT_BYTES / 2)
        return event_write(event, out, capacity);
    size_t needed = event_write(event, NULL, 0);
    if (needed <= KLP_MAX_EVENT_BYTES)
        return needed <= capacity ? event_write(event, out, capacity) : needed;

    klp_event shorter = *event;
    shorter.lobby_json = shorter.error_details_json = shorter.api_key_json = (klp_text){"", 0};
    shorter.data_json = shorter.reply_json = (klp_text){"", 0};
    shorter.truncated = 1;
    /* a whole reply has its data in it: that is no second one */
    shorter.truncated_bytes = others + (event->reply_json.size ? event->reply_json.size : event->data_json.size);
    return event_write(&shorter, out, capacity);
}
