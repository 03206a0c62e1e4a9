/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/arguments.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kraty/call_body.h"
#include "kraty/path.h"
#include "kraty/trace_parent.h"
#include "pusher/settings.h"
#include "why.h"
#include "json/check.h"
#include "json/utf8.h"

enum {
    MAX_IDEMPOTENCY_KEY_BYTES = 255,
    MAX_STRUCT_BYTES = 4096,
    MIN_POLL_INTERVAL_MS = 10,
    MAX_POLL_INTERVAL_MS = 3600000
};

klp_status argument_copy(const void *given, void *known, size_t known_size, const char *type, klp_text_buffer *why)
{
    uint32_t given_size;

    if (!given)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is NULL", type);
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s.struct_size is %u: start from the type's _INIT", type,
                       given_size);
    if (given_size > MAX_STRUCT_BYTES) /* no struct of ours will ever be: it was not initialised */
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s.struct_size is %u: start from the type's _INIT", type,
                       given_size);
    const unsigned char *bytes = given;
    for (size_t i = known_size; i < given_size; i++)
        if (bytes[i])
            return why_say(why, KLP_E_INVALID_ARGUMENT,
                           "%s has a field at byte %zu that this library (%s) does not know: it must be zero", type, i,
                           KLP_VERSION);
    memset(known, 0, known_size);
    memcpy(known, given, given_size < known_size ? given_size : known_size);
    return KLP_OK;
}

static klp_status text_fault(klp_text text, size_t max_bytes, const char *field, klp_text_buffer *why)
{
    struct utf8_fault fault;

    if (!text.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has a size of %zu and no data", field, text.size);
    if (text.size > max_bytes)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is %zu bytes, more than %zu", field, text.size, max_bytes);
    const char *nul = memchr(text.data, '\0', text.size);
    if (nul)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has a NUL byte at %zu", field, (size_t)(nul - text.data));
    if (!utf8_check(text.data, text.size, &fault))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has %zu %s of invalid UTF-8 at %zu", field, fault.bytes,
                       fault.bytes == 1 ? "byte" : "bytes", fault.at);
    return KLP_OK;
}

static bool is_text_fine(klp_text text, size_t max_bytes)
{
    return text.data && text.size <= max_bytes && !memchr(text.data, '\0', text.size) &&
           utf8_check(text.data, text.size, NULL);
}

klp_status argument_text(klp_text text, size_t max_bytes, const char *field, klp_text_buffer *why)
{
    if (text.size == 0 || is_text_fine(text, max_bytes))
        return KLP_OK;
    return text_fault(text, max_bytes, field, why);
}

klp_status argument_path_id(klp_text text, const char *field, klp_text_buffer *why)
{
    klp_status status = argument_text(text, KLP_MAX_ID_BYTES, field, why);
    if (status)
        return status;
    const char *fault = path_segment_fault(text.data, text.size);
    return fault ? why_say(why, KLP_E_INVALID_ARGUMENT, "%s %s", field, fault) : KLP_OK;
}

static klp_status check_players(const klp_lobby *lobby, klp_text_buffer *why)
{
    char field[40];

    if (lobby->player_count == 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "player_ids is empty");
    if (!lobby->player_ids)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "player_ids is NULL, player_count is %zu", lobby->player_count);
    if (lobby->player_count > KLP_MAX_PLAYERS)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "player_count is %zu, more than %u", lobby->player_count,
                       KLP_MAX_PLAYERS);
    for (size_t i = 0; i < lobby->player_count; i++) {
        klp_text id = lobby->player_ids[i];
        if (id.size > 0 && is_text_fine(id, KLP_MAX_ID_BYTES))
            continue;
        snprintf(field, sizeof field, "player_ids[%zu]", i);
        if (id.size == 0)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is empty", field);
        return text_fault(id, KLP_MAX_ID_BYTES, field, why);
    }
    return KLP_OK;
}

static klp_status check_metadata(klp_text metadata, klp_text_buffer *why)
{
    struct json_facts facts;
    struct json_fault fault;

    if (metadata.size == 0)
        return KLP_OK;
    if (!metadata.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "metadata_json has a size of %zu and no data", metadata.size);
    if (metadata.size > KLP_MAX_METADATA_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "metadata_json is %zu bytes, more than %u", metadata.size,
                       KLP_MAX_METADATA_BYTES);
    size_t start = 0;
    while (start < metadata.size && memchr(" \t\r\n", metadata.data[start], 4))
        start++;
    if (start == metadata.size || metadata.data[start] != '{')
        return why_say(why, KLP_E_INVALID_ARGUMENT, "metadata_json is not one JSON object: expected '{' at %zu", start);
    if (!json_check(metadata.data, metadata.size, KLP_MAX_METADATA_BYTES, KLP_MAX_METADATA_DEPTH, &facts, &fault))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "metadata_json is not one JSON object: %s at %zu", fault.reason,
                       fault.at);
    return KLP_OK;
}

static klp_status check_idempotency_key(klp_text key, klp_text_buffer *why)
{
    if (key.size == 0)
        return KLP_OK;
    if (!key.data || key.size > MAX_IDEMPOTENCY_KEY_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "idempotency_key is %zu bytes, more than %d, or has no data",
                       key.size, MAX_IDEMPOTENCY_KEY_BYTES);
    for (size_t i = 0; i < key.size; i++)
        if ((unsigned char)key.data[i] < 0x20 || (unsigned char)key.data[i] > 0x7e)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "idempotency_key has byte 0x%02x at %zu: printable ASCII only",
                           (unsigned char)key.data[i], i);
    return KLP_OK;
}

static klp_status check_trace_parent(klp_text text, klp_text_buffer *why)
{
    if (text.size == 0)
        return KLP_OK;
    if (!text.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "trace_parent has a size of %zu and no data", text.size);
    const char *fault = trace_parent_fault(text.data, text.size);
    return fault ? why_say(why, KLP_E_INVALID_ARGUMENT, "trace_parent %s", fault) : KLP_OK;
}

/* What every struct of a call has. */
static klp_status check_frame(uint32_t flags, uint32_t known, uint32_t reserved, uint32_t time_ms,
                              const char *time_field, klp_text_buffer *why)
{
    if (flags & ~known)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "flags 0x%x are not known to this library", flags & ~known);
    if (reserved)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "reserved is not 0");
    if (time_ms > SETTINGS_MAX_DEADLINE_MS)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is %u, more than %u", time_field, time_ms,
                       SETTINGS_MAX_DEADLINE_MS);
    return KLP_OK;
}

static klp_status check_numbers(const klp_lobby *lobby, klp_text_buffer *why)
{
    klp_status status =
        check_frame(lobby->flags, KLP_PUSH_DURABLE, lobby->reserved, lobby->deadline_ms, "deadline_ms", why);
    if (status)
        return status;
    if (lobby->capacity && lobby->capacity < lobby->player_count)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "capacity %u is below the %zu players given", lobby->capacity,
                       lobby->player_count);
    if (lobby->fill_bots < KLP_FILL_BOTS_DEFAULT || lobby->fill_bots > KLP_FILL_BOTS_YES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "fill_bots is %d: not one of KLP_FILL_BOTS_…", lobby->fill_bots);
    return KLP_OK;
}

klp_status argument_lobby(const klp_lobby *lobby, klp_text_buffer *why)
{
    klp_status status = argument_path_id(lobby->game_id, "game_id", why);
    if (!status)
        status = argument_path_id(lobby->event_key, "event_key", why);
    if (!status && lobby->key.size == 0)
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "key is empty");
    if (!status)
        status = argument_text(lobby->key, KLP_MAX_ID_BYTES, "key", why);
    if (!status)
        status = check_players(lobby, why);
    if (!status)
        status = check_numbers(lobby, why);
    if (!status)
        status = check_metadata(lobby->metadata_json, why);
    if (!status)
        status = check_idempotency_key(lobby->idempotency_key, why);
    if (!status)
        status = check_trace_parent(lobby->trace_parent, why);
    return status;
}

klp_status argument_await(const klp_await *await, klp_text_buffer *why)
{
    klp_status status = argument_path_id(await->game_id, "game_id", why);
    if (!status)
        status = argument_path_id(await->lobby_id, "lobby_id", why);
    if (!status)
        status = check_frame(await->flags, 0, 0, await->timeout_ms, "timeout_ms", why);
    if (!status && await->poll_interval_ms &&
        (await->poll_interval_ms < MIN_POLL_INTERVAL_MS || await->poll_interval_ms > MAX_POLL_INTERVAL_MS))
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "poll_interval_ms is %u: not within %d and %d",
                         await->poll_interval_ms, MIN_POLL_INTERVAL_MS, MAX_POLL_INTERVAL_MS);
    if (!status)
        status = check_trace_parent(await->trace_parent, why);
    return status;
}

static klp_status check_segments(const klp_call *call, klp_text_buffer *why)
{
    char field[40];

    if (call->segment_count == 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "segments is empty");
    if (!call->segments)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "segments is NULL, segment_count is %zu", call->segment_count);
    if (call->segment_count > KLP_MAX_SEGMENTS)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "segment_count is %zu, more than %u", call->segment_count,
                       KLP_MAX_SEGMENTS);
    for (size_t i = 0; i < call->segment_count; i++) {
        snprintf(field, sizeof field, "segments[%zu]", i);
        klp_status status = argument_path_id(call->segments[i], field, why);
        if (status)
            return status;
    }
    return KLP_OK;
}

static klp_status check_body(const klp_call *call, enum call_method method, klp_text_buffer *why)
{
    size_t at = 0;

    if (call->body_json.size && !call->body_json.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "body_json has a size of %zu and no data", call->body_json.size);
    const char *fault = call_body_fault(method, call->body_json.data, call->body_json.size, &at);
    return fault ? why_say(why, KLP_E_INVALID_ARGUMENT, "body_json %s at %zu", fault, at) : KLP_OK;
}

klp_status argument_call(const klp_call *call, klp_text_buffer *why)
{
    enum call_method method = call->method.data ? call_method_of(call->method.data, call->method.size) : CALL_NONE;
    if (method == CALL_NONE)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "method is none of GET, POST, PUT, PATCH, DELETE");
    klp_status status = check_segments(call, why);
    if (!status)
        status = check_frame(call->flags, method == CALL_GET ? 0 : KLP_PUSH_DURABLE, call->reserved, call->deadline_ms,
                             "deadline_ms", why);
    if (!status)
        status = check_body(call, method, why);
    if (!status)
        status = check_trace_parent(call->trace_parent, why);
    return status;
}
