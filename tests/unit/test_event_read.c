/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "example_events.h"
#include "random.h"

#define assert_text_equal(a, b)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((a).size, (b).size);                                                                          \
        assert_memory_equal((a).data, (b).data, (b).size);                                                             \
        assert_int_equal((a).data[(a).size], 0);                                                                       \
    } while (0)

/* Line breaks between tokens become spaces. */
static void assert_same_json(klp_text read, klp_text written)
{
    assert_int_equal(read.size, written.size);
    for (size_t i = 0; i < read.size; i++)
        assert_int_equal(read.data[i], written.data[i] == '\n' || written.data[i] == '\r' ? ' ' : written.data[i]);
    assert_int_equal(read.data[read.size], 0);
}

static void assert_same_event(const klp_event *read, const klp_event *event)
{
    assert_int_equal(read->op, event->op);
    assert_int_equal(read->seq, event->seq);
    assert_int_equal(read->ticket, event->ticket);
    assert_true(read->cookie == event->cookie);
    assert_text_equal(read->pusher, event->pusher);
    assert_text_equal(read->epoch, event->epoch);
    assert_text_equal(read->game_id, event->game_id);
    assert_text_equal(read->event_key, event->event_key);
    assert_text_equal(read->key, event->key);
    assert_text_equal(read->method, event->method);
    assert_text_equal(read->path, event->path);
    assert_text_equal(read->trace_parent, event->trace_parent);
    assert_int_equal(read->ok, event->ok);
    assert_int_equal(read->outcome, event->outcome);
    assert_int_equal(read->replayed, event->replayed);
    assert_int_equal(read->recovered, event->recovered);
    assert_int_equal(read->attempts, event->attempts);
    assert_int_equal(read->sends, event->sends);
    assert_int_equal(read->http_status, event->http_status);
    assert_int_equal(read->retryable, event->retryable);
    assert_int_equal(read->elapsed_us, event->elapsed_us);
    assert_int_equal(read->retry_after_ms, event->retry_after_ms);
    assert_text_equal(read->request_id, event->request_id);
    assert_text_equal(read->lobby_id, event->lobby_id);
    assert_text_equal(read->lobby_status, event->lobby_status);
    assert_text_equal(read->error_code, event->error_code);
    assert_text_equal(read->error_message, event->error_message);
    assert_int_equal(read->error_origin, event->error_origin);
    assert_int_equal(read->curl_code, event->curl_code);
    assert_same_json(read->lobby_json, event->lobby_json);
    assert_int_equal(read->capacity, event->capacity);
    assert_int_equal(read->participant_count, event->participant_count);
    assert_int_equal(read->bot_slots, event->bot_slots);
    assert_int_equal(read->filled_slots, event->filled_slots);
    assert_same_json(read->error_details_json, event->error_details_json);
    assert_same_json(read->api_key_json, event->api_key_json);
    assert_same_json(read->data_json, event->data_json);
    assert_same_json(read->reply_json, event->reply_json);
    assert_int_equal(read->joined, event->joined);
    assert_int_equal(read->truncated, event->truncated);
    assert_int_equal(read->truncated_bytes, event->truncated_bytes);
}

static void expect_to_survive(const klp_event *event)
{
    size_t size;
    char *line = write_event(event, &size);
    klp_event *read = NULL;
    assert_int_equal(event_read(line, size, &read, NULL), KLP_OK);
    assert_same_event(read, event);
    assert_int_equal(read->json.size, size);
    assert_string_equal(read->json.data, line);
    event_free(read);
    free(line);
}

static void an_event_survives_the_way_there_and_back(void **state)
{
    klp_event events[] = {applied(), refused(), called(), call_that_failed(), await_that_timed_out()};
    klp_event without_data = called();

    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        expect_to_survive(&events[i]);
    without_data.data_json = without_data.reply_json = (klp_text){"", 0}; /* after a 204 */
    expect_to_survive(&without_data);
    without_data.data_json = klp_cstr("null"); /* which is another thing */
    expect_to_survive(&without_data);
}

/* Text of any characters, in `room`. */
static klp_text any_text(struct random *random, char *room, size_t most)
{
    static const char *const characters[] = {"a", "\"",  "\\", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80",
                                             "/", "\x7f"};
    size_t size = 0;
    for (uint32_t left = random_below(random, 20); left > 0 && size + 4 <= most; left--) {
        const char *character = characters[random_below(random, 9)];
        memcpy(room + size, character, strlen(character));
        size += strlen(character);
    }
    return (klp_text){room, size};
}

static klp_text any_json(struct random *random, bool may_be_null)
{
    static const char *const values[] = {"null",  "", "{}", "[1,\r\n 2]", "\"x\\n\"", "{\"data\":{\"id\":\"x\"}}",
                                         "-1.5e3"};
    return klp_cstr(values[may_be_null ? random_below(random, 7) : 1 + random_below(random, 6)]);
}

static uint64_t any_number(struct random *random)
{
    uint64_t number = (uint64_t)random_below(random, 1u << 31) << 33 | random_below(random, 1u << 31);
    return number >> random_below(random, 64);
}

static void any_event_survives_the_way_there_and_back(void **state)
{
    static const klp_text nothing = {"", 0};
    struct random random = {.state = 4711};

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char rooms[12][80], lobby[512];
        klp_event event = {.op = 1 + (int32_t)random_below(&random, 5), .ok = (int32_t)random_below(&random, 2)};
        klp_text *texts[] = {&event.pusher,   &event.epoch,      &event.game_id,    &event.event_key,
                             &event.key,      &event.method,     &event.path,       &event.trace_parent,
                             &event.lobby_id, &event.request_id, &event.error_code, &event.error_message};
        event.lobby_status = event.lobby_json = event.error_details_json = event.api_key_json = nothing;
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            *texts[i] = any_text(&random, rooms[i], sizeof rooms[i]);
        if (!event.pusher.size || !event.epoch.size)
            continue;
        event.seq = any_number(&random), event.ticket = any_number(&random), event.cookie = any_number(&random);
        event.elapsed_us = any_number(&random);
        event.outcome = (int32_t)random_below(&random, 4);
        event.replayed = event.op == KLP_OP_PUSH && random_below(&random, 2);
        event.recovered = (int32_t)random_below(&random, 2);
        event.attempts = random_below(&random, 1u << 31), event.sends = random_below(&random, 1u << 31);
        event.http_status = (int32_t)random_below(&random, 1000);
        event.retry_after_ms = (int64_t)(any_number(&random) >> 1) * (int64_t)random_below(&random, 2) - 1;
        event.data_json = any_json(&random, true), event.reply_json = any_json(&random, true);
        event.api_key_json = any_json(&random, false);
        event.joined = (int32_t)random_below(&random, 2);
        event.truncated = (int32_t)random_below(&random, 2);
        event.truncated_bytes = event.truncated ? any_number(&random) : 0;
        if (event.ok) {
            event.error_code = event.error_message = nothing;
        } else {
            event.error_details_json = any_json(&random, false);
            event.error_origin = (int32_t)random_below(&random, 4);
            event.curl_code = (int32_t)random_below(&random, 100);
            event.retryable = (int32_t)random_below(&random, 2);
        }
        bool may_have_lobby = event.op == KLP_OP_AWAIT || (event.ok && event.op <= KLP_OP_READ);
        if (may_have_lobby && random_below(&random, 4)) {
            event.lobby_status = klp_cstr(random_below(&random, 2) ? "forming" : "closed");
            event.capacity = (int64_t)any_number(&random) * (random_below(&random, 2) ? 1 : -1);
            event.participant_count = (int64_t)any_number(&random) >> 1;
            event.bot_slots = (int64_t)any_number(&random) >> 1;
            event.filled_slots = -(int64_t)(any_number(&random) >> 1);
            int size = snprintf(lobby, sizeof lobby,
                                "{\"status\":\"%s\",\n\"capacity\":%lld,\"participantCount\":%lld,\"botSlots\":%lld}",
                                event.lobby_status.data, (long long)event.capacity, (long long)event.participant_count,
                                (long long)event.bot_slots);
            if (random_below(&random, 2))
                event.lobby_json = (klp_text){lobby, (size_t)size};
        }
        expect_to_survive(&event);
    }
}

/* A line with so many of the bytes in it. */
static void read_line_with_much(const char *before, const char *behind, size_t much, const char *bytes)
{
    size_t step = strlen(bytes), at = strlen(before), size = at + much * step + strlen(behind);
    char *line = malloc(size);
    klp_event *event = NULL;
    assert_non_null(line);
    memcpy(line, before, at);
    for (size_t i = 0; i < much; i++, at += step)
        memcpy(line + at, bytes, step);
    memcpy(line + at, behind, strlen(behind));
    assert_int_equal(event_read(line, size, &event, NULL), KLP_OK);
    assert_int_equal(event->json.size, size);
    assert_memory_equal(event->json.data, line, size);
    assert_int_equal(event->json.data[size], 0);
    event_free(event);
    free(line);
}

static void no_field_is_too_long_to_be_read(void **state)
{
    /* the @ is where all the bytes go: into each field in turn, or into two of them */
    static const char *const lines[] = {
        "{\"pusher\":\"@\",\"epoch\":\"\",\"seq\":0,\"op\":\"\"}",
        "{\"pusher\":\"\",\"epoch\":\"@\",\"seq\":0,\"op\":\"\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"outcome\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"cookie\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"game_id\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"event_key\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"key\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"method\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"path\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"trace_parent\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"request_id\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby_id\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby_status\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby\":{\"id\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby\":{\"status\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"lobby\":{\"x\":\"@\",\"status\":\"\",\"id\":\"\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"api_key\":\"@\"}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"data\":\"@\",\"reply\":[]}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"data\":[],\"reply\":{\"data\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"error\":{\"code\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"error\":{\"message\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"error\":{\"details\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"error\":{\"origin\":\"@\"}}",
        "{\"pusher\":\"\",\"epoch\":\"\",\"seq\":0,\"op\":\"\",\"unknown\":\"@\"}",
    };
    static const char *const fillings[] = {"x", "\xf0\x9f\x98\x80", "\\n", "\\u00e9", "\\ud83d\\ude00"};
    static const size_t counts[] = {0, 1, 30, 31, 32, 33, 1024, 1025, 80000};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char before[256] = "";
        const char *at = strchr(lines[i], '@');
        memcpy(before, lines[i], (size_t)(at - lines[i]));
        for (size_t filling = 0; filling < sizeof fillings / sizeof *fillings; filling++)
            for (size_t count = 0; count < sizeof counts / sizeof *counts; count++)
                read_line_with_much(before, at + 1, counts[count], fillings[filling]);
    }
}

static void an_id_or_status_that_is_too_long_is_left_to_the_lobby(void **state)
{
    static char line[4 * KLP_MAX_ID_BYTES], text[KLP_MAX_ID_BYTES + 2];

    (void)state;
    for (size_t size = KLP_MAX_ID_BYTES; size <= KLP_MAX_ID_BYTES + 1; size++) {
        klp_event *event = NULL;
        memset(text, 'x', size);
        int bytes = snprintf(line, sizeof line,
                             "{\"pusher\":\"p\",\"epoch\":\"e\",\"seq\":1,\"op\":\"read\",\"ok\":true,"
                             "\"lobby\":{\"id\":\"%s\",\"status\":\"%s\"}}",
                             text, text);
        assert_int_equal(event_read(line, (size_t)bytes, &event, NULL), KLP_OK);
        assert_int_equal(event->lobby_id.size, size <= KLP_MAX_ID_BYTES ? size : 0);
        assert_int_equal(event->lobby_status.size, size <= KLP_MAX_ID_BYTES ? size : 0);
        assert_int_equal(event->lobby_status.data[event->lobby_status.size], 0);
        event_free(event);
    }
}

static void an_event_of_the_future_is_read_for_what_is_known(void **state)
{
    static const char line[] =
        " {\"v\":9,\"pusher\":\"p\",\"epoch\":\"e\",\"seq\":18446744073709551615,\"op\":\"levitate\","
        "\"new\":{\"x\":[]},\"outcome\":\"perhaps\",\"ok\":true}\n";
    klp_event *event = NULL;

    (void)state;
    assert_int_equal(event_read(line, sizeof line - 1, &event, NULL), KLP_OK);
    assert_int_equal(event->op, 0);
    assert_int_equal(event->outcome, KLP_OUTCOME_NONE);
    assert_true(event->seq == UINT64_MAX);
    assert_int_equal(event->retry_after_ms, KLP_NO_RETRY_AFTER);
    event_free(event);
}

static void what_is_no_event_is_refused_with_a_reason(void **state)
{
    static const struct {
        const char *line, *reason;
    } lines[] = {
        {"", "not an event: "},
        {"[]", "not an event: it is no object"},
        {"{\"pusher\":\"p\"", "not an event: "},
        {"{}", "not an event: it has no \"pusher\""},
        {"{\"pusher\":1,\"epoch\":\"e\",\"seq\":1,\"op\":\"push\"}", "not an event: it has no \"pusher\""},
        {"{\"pusher\":\"p\",\"seq\":1,\"op\":\"push\"}", "not an event: it has no \"epoch\""},
        {"{\"pusher\":\"p\",\"epoch\":\"e\",\"seq\":-1,\"op\":\"push\"}", "not an event: it has no \"seq\""},
        {"{\"pusher\":\"p\",\"epoch\":\"e\",\"seq\":1}", "not an event: it has no \"op\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        klp_text_buffer why = {0};
        klp_event *event = NULL;
        assert_int_equal(event_read(lines[i].line, strlen(lines[i].line), &event, &why), KLP_E_MALFORMED);
        assert_null(event);
        assert_non_null(strstr(why.data, lines[i].reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_survives_the_way_there_and_back),
        cmocka_unit_test(any_event_survives_the_way_there_and_back),
        cmocka_unit_test(no_field_is_too_long_to_be_read),
        cmocka_unit_test(an_id_or_status_that_is_too_long_is_left_to_the_lobby),
        cmocka_unit_test(an_event_of_the_future_is_read_for_what_is_known),
        cmocka_unit_test(what_is_no_event_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
