/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "example_events.h"
#include "vectors.h"

static json_t *parse(const char *line, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail_msg("%s in %s", error.text, line);
    return json;
}

static void an_applied_push_reads_as_the_documents_say(void **state)
{
    klp_event event = applied();
    size_t size;
    char *line = write_event(&event, &size);

    (void)state;
    assert_null(memchr(line, '\n', size));
    json_t *json = parse(line, size);
    assert_int_equal(json_integer_value(json_object_get(json, "v")), 1);
    assert_int_equal(json_integer_value(json_object_get(json, "seq")), 17);
    assert_string_equal(json_string_value(json_object_get(json, "cookie")), "18446744073709551615");
    assert_string_equal(json_string_value(json_object_get(json, "op")), "push");
    assert_string_equal(json_string_value(json_object_get(json, "key")), "match/\xc3\xa9\n1");
    assert_string_equal(json_string_value(json_object_get(json, "outcome")), "applied");
    assert_true(json_is_true(json_object_get(json, "replayed")));
    assert_true(json_is_false(json_object_get(json, "recovered")));
    assert_int_equal(json_integer_value(json_object_get(json, "filled_slots")), 7);
    assert_null(json_object_get(json, "error"));
    assert_null(json_object_get(json, "retry_after_ms"));
    json_t *lobby = parse(EXAMPLE_LOBBY, strlen(EXAMPLE_LOBBY));
    assert_true(json_equal(json_object_get(json, "lobby"), lobby));
    json_decref(lobby);
    json_decref(json);
    free(line);
}

static void a_refused_push_says_who_refused_it_and_why(void **state)
{
    klp_event event = refused();
    size_t size;
    char *line = write_event(&event, &size);

    (void)state;
    json_t *json = parse(line, size);
    json_t *error = json_object_get(json, "error");
    assert_true(json_is_false(json_object_get(json, "ok")));
    assert_string_equal(json_string_value(json_object_get(error, "code")), "rate_limited");
    assert_string_equal(json_string_value(json_object_get(error, "origin")), "server");
    assert_string_equal(json_string_value(json_object_get(error, "message")), "slow \"down\"");
    assert_int_equal(json_integer_value(json_object_get(error, "http_status")), 429);
    assert_true(json_is_true(json_object_get(error, "retryable")));
    assert_int_equal(json_array_size(json_object_get(json_object_get(error, "details"), "a")), 2);
    assert_int_equal(json_integer_value(json_object_get(json, "retry_after_ms")), 2000);
    assert_null(json_object_get(json, "lobby"));
    assert_null(memchr(line, '\n', size));
    json_decref(json);
    free(line);
}

static void a_call_is_told_with_what_was_asked_and_what_came(void **state)
{
    klp_event event = called();
    size_t size;
    char *line = write_event(&event, &size);

    (void)state;
    json_t *json = parse(line, size);
    assert_string_equal(json_string_value(json_object_get(json, "op")), "call");
    assert_string_equal(json_string_value(json_object_get(json, "method")), "POST");
    assert_string_equal(json_string_value(json_object_get(json, "path")), "/server/v1/players/player%2042%2F/grants");
    assert_string_equal(json_string_value(json_object_get(json, "trace_parent")),
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_string_equal(json_string_value(json_object_get(json, "outcome")), "applied");
    assert_int_equal(json_array_size(json_object_get(json_object_get(json, "data"), "a")), 2);
    assert_true(json_is_null(json_object_get(json_object_get(json, "reply"), "cursor")));
    static const char *const absent[] = {"lobby", "filled_slots", "lobby_status", "replayed", "error", "lobby_id"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(json_object_get(json, absent[i]));
    assert_null(memchr(line, '\n', size));
    json_decref(json);
    free(line);
}

static void a_failure_below_http_has_curls_number(void **state)
{
    klp_event events[] = {call_that_failed(), refused()};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        char *line = write_event(&events[i], &size);
        json_t *json = parse(line, size), *code = json_object_get(json_object_get(json, "error"), "curl_code");
        assert_int_equal(json_integer_value(code), events[i].curl_code);
        assert_int_equal(code != NULL, events[i].curl_code != 0);
        json_decref(json);
        free(line);
    }
}

static void an_await_that_failed_has_the_last_lobby_it_saw(void **state)
{
    klp_event event = await_that_timed_out();
    size_t size;
    char *line = write_event(&event, &size);

    (void)state;
    json_t *json = parse(line, size);
    assert_string_equal(json_string_value(json_object_get(json, "op")), "await");
    assert_true(json_is_object(json_object_get(json, "lobby")));
    assert_int_equal(json_integer_value(json_object_get(json, "filled_slots")), 7);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json, "error"), "code")), "await_timeout");
    json_decref(json);
    free(line);

    event.lobby_json = (klp_text){"", 0}; /* left out */
    line = write_event(&event, &size);
    json = parse(line, size);
    assert_string_equal(json_string_value(json_object_get(json, "lobby_status")), "active");
    assert_int_equal(json_integer_value(json_object_get(json, "participant_count")), 6);
    json_decref(json);
    free(line);

    event.lobby_status = (klp_text){"", 0}; /* none was seen */
    event.capacity = event.participant_count = event.bot_slots = event.filled_slots = 0;
    line = write_event(&event, &size);
    json = parse(line, size);
    assert_null(json_object_get(json, "filled_slots"));
    assert_string_equal(json_string_value(json_object_get(json, "lobby_id")), "lob_1"); /* the one asked for */
    json_decref(json);
    free(line);
}

/* A lobby of that many bytes. */
static char *large_lobby(size_t size)
{
    static const char start[] = "{\"id\":\"l\",\"status\":\"active\",\"x\":\"", end[] = "\"}";
    char *lobby = malloc(size + 1);
    assert_non_null(lobby);
    memset(lobby, 'x', size);
    memcpy(lobby, start, sizeof start - 1);
    memcpy(lobby + size - sizeof end + 1, end, sizeof end);
    return lobby;
}

static void no_event_on_the_wire_is_larger_than_the_bound(void **state)
{
    static const size_t sizes[] = {1000, 131072, 131073, 261000, 262144, 300000, 1048576};
    static char out[KLP_MAX_EVENT_BYTES + 16];

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *lobby = large_lobby(sizes[i]);
        klp_event event = applied();
        event.lobby_json = (klp_text){lobby, sizes[i]};
        size_t size = event_write_bounded(&event, out, sizeof out);
        assert_true(size <= KLP_MAX_EVENT_BYTES);
        json_t *json = parse(out, size);
        bool is_whole = event_write(&event, NULL, 0) <= KLP_MAX_EVENT_BYTES;
        assert_int_equal(json_object_get(json, "lobby") != NULL, is_whole);
        assert_int_equal(json_is_true(json_object_get(json, "truncated")), !is_whole);
        if (!is_whole) {
            assert_int_equal(json_integer_value(json_object_get(json, "bytes")), sizes[i]);
            assert_string_equal(json_string_value(json_object_get(json, "outcome")), "applied");
            assert_string_equal(json_string_value(json_object_get(json, "lobby_id")), "lob_1");
        }
        json_decref(json);
        free(lobby);
    }
}

static void a_reply_of_a_call_is_left_out_too_and_counted_once(void **state)
{
    static char out[KLP_MAX_EVENT_BYTES + 16];
    enum { BYTES = 200000 };
    char *data = large_lobby(BYTES);
    klp_event event = called();

    (void)state;
    for (int with_reply = 0; with_reply <= 1; with_reply++) {
        event.data_json = (klp_text){data, BYTES};
        event.reply_json = with_reply ? event.data_json : (klp_text){"", 0};
        size_t size = event_write_bounded(&event, out, sizeof out);
        json_t *json = parse(out, size);
        assert_int_equal(json_object_get(json, "data") == NULL, with_reply);
        assert_null(json_object_get(json, with_reply ? "reply" : "truncated"));
        assert_int_equal(json_integer_value(json_object_get(json, "bytes")), with_reply ? BYTES : 0);
        json_decref(json);
    }
    free(data);
}

static void the_longest_texts_fit_without_their_reply(void **state)
{
    static char id[KLP_MAX_ID_BYTES], message[4096], path[KLP_MAX_PATH_BYTES];
    klp_event event = refused();

    (void)state;
    memset(id, 1, sizeof id); /* six bytes each when escaped */
    memset(message, 1, sizeof message);
    memset(path, '%', sizeof path);
    event.op = KLP_OP_AWAIT; /* of all the ones with the most fields */
    event.pusher = event.game_id = event.event_key = event.key = event.lobby_id = (klp_text){id, sizeof id};
    event.lobby_status = event.error_code = event.request_id = (klp_text){id, sizeof id};
    event.path = (klp_text){path, sizeof path};
    event.error_message = (klp_text){message, sizeof message};
    event.error_details_json = (klp_text){"", 0};
    assert_true(event_write(&event, NULL, 0) <= KLP_MAX_EVENT_BYTES / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_applied_push_reads_as_the_documents_say),
        cmocka_unit_test(a_refused_push_says_who_refused_it_and_why),
        cmocka_unit_test(a_call_is_told_with_what_was_asked_and_what_came),
        cmocka_unit_test(a_failure_below_http_has_curls_number),
        cmocka_unit_test(an_await_that_failed_has_the_last_lobby_it_saw),
        cmocka_unit_test(no_event_on_the_wire_is_larger_than_the_bound),
        cmocka_unit_test(a_reply_of_a_call_is_left_out_too_and_counted_once),
        cmocka_unit_test(the_longest_texts_fit_without_their_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
