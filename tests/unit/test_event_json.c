/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "results/acknowledgement.h"
#include "results/event_json.h"
#include "vectors.h"

#define LOBBY "{\"id\": \"lob_1\",\n\t\"status\":\"active\",\r\n\"capacity\":8,\"participantCount\":6,\"botSlots\":1}"

static klp_event applied(void)
{
    static const klp_text nothing = {"", 0};
    return (klp_event){
        .struct_size = sizeof(klp_event),
        .op = KLP_OP_PUSH,
        .seq = 17,
        .ticket = 42,
        .cookie = UINT64_MAX,
        .pusher = klp_cstr("mm \"eu\" 1"),
        .epoch = klp_cstr("9f3c51aa00112233"),
        .game_id = klp_cstr("game_1"),
        .event_key = klp_cstr("quick_brawl"),
        .key = klp_cstr("match/\xc3\xa9\n1"),
        .ok = 1,
        .outcome = KLP_APPLIED,
        .replayed = 1,
        .attempts = 2,
        .sends = 3,
        .http_status = 200,
        .elapsed_us = 1840,
        .retry_after_ms = KLP_NO_RETRY_AFTER,
        .request_id = klp_cstr("req-1"),
        .lobby_id = klp_cstr("lob_1"),
        .lobby_status = klp_cstr("active"),
        .lobby_json = klp_cstr(LOBBY),
        .capacity = 8,
        .participant_count = 6,
        .bot_slots = 1,
        .filled_slots = 7,
        .error_code = nothing,
        .error_message = nothing,
        .error_details_json = nothing,
        .api_key_json = nothing,
        .json = nothing,
    };
}

static klp_event refused(void)
{
    klp_event event = applied();
    event.ok = 0;
    event.replayed = 0;
    event.outcome = KLP_NOT_APPLIED;
    event.http_status = 429;
    event.retry_after_ms = 2000;
    event.retryable = 1;
    event.lobby_id = event.lobby_status = event.lobby_json = (klp_text){"", 0};
    event.error_code = klp_cstr("rate_limited");
    event.error_message = klp_cstr("slow \"down\"");
    event.error_details_json = klp_cstr("{\"a\":[1,\n2]}");
    event.error_origin = KLP_ORIGIN_SERVER;
    return event;
}

static char *write_event(const klp_event *event, size_t *size)
{
    *size = event_write(event, NULL, 0);
    char *line = malloc(*size + 1);
    assert_non_null(line);
    assert_int_equal(event_write(event, line, *size), *size);
    line[*size] = '\0';
    return line;
}

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
    json_t *lobby = parse(LOBBY, strlen(LOBBY));
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

#define assert_text_equal(a, b)                                                                                        \
    do {                                                                                                               \
        assert_int_equal((a).size, (b).size);                                                                          \
        assert_memory_equal((a).data, (b).data, (b).size);                                                             \
        assert_int_equal((a).data[(a).size], 0);                                                                       \
    } while (0)

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
    assert_int_equal(read->ok, event->ok);
    assert_int_equal(read->outcome, event->outcome);
    assert_int_equal(read->replayed, event->replayed);
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
}

static void an_event_survives_the_way_there_and_back(void **state)
{
    klp_event events[] = {applied(), refused()};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        char *line = write_event(&events[i], &size);
        klp_event *read = NULL;
        assert_int_equal(event_read(line, size, &read, NULL), KLP_OK);
        assert_same_event(read, &events[i]);
        assert_int_equal(read->json.size, size);
        assert_string_equal(read->json.data, line);
        if (read->ok) {
            assert_int_equal(read->capacity, 8);
            assert_int_equal(read->participant_count, 6);
            assert_int_equal(read->bot_slots, 1);
            assert_int_equal(read->filled_slots, 7);
        }
        event_free(read);
        free(line);
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

static void the_longest_texts_fit_without_their_reply(void **state)
{
    static char id[KLP_MAX_ID_BYTES], message[4096];
    klp_event event = refused();

    (void)state;
    memset(id, 1, sizeof id); /* six bytes each when escaped */
    memset(message, 1, sizeof message);
    event.pusher = event.game_id = event.event_key = event.key = event.lobby_id = (klp_text){id, sizeof id};
    event.error_message = (klp_text){message, sizeof message};
    event.error_details_json = (klp_text){"", 0};
    assert_true(event_write(&event, NULL, 0) <= KLP_MAX_EVENT_BYTES / 2);
}

static void replies_of_the_host_acknowledge_what_they_say(void **state)
{
    static const struct {
        const char *reply;
        bool is_valid;
        uint64_t seq;
    } replies[] = {
        {"", true, 100},
        {"ok", true, 100},
        {" ok\r\n", true, 100},
        {"{\"ack\":7}", true, 7},
        {"{\"ack\": 100}", true, 100},
        {"{\"ack\":101}", true, 100},
        {"{\"ack\":0}", true, 0},
        {"{\"ack\":18446744073709551615}", true, 100},
        {"{\"ack\":7,\"new\":1}\n", true, 7},
        {"{\"ack\":-1}", false, 0},
        {"{\"ack\":\"7\"}", false, 0},
        {"{\"ack\":1.5}", false, 0},
        {"{}", false, 0},
        {"OK!", false, 0},
        {"7", false, 0},
        {"{\"ack\":7", false, 0},
        {"null", false, 0},
        {"[7]", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        uint64_t seq = 12345;
        print_message("  %s\n", replies[i].reply);
        assert_int_equal(acknowledgement_read(replies[i].reply, strlen(replies[i].reply), 100, &seq),
                         replies[i].is_valid);
        if (replies[i].is_valid)
            assert_int_equal(seq, replies[i].seq);
    }
    uint64_t seq = 0;
    assert_true(acknowledgement_read("ok", 3, 9, &seq)); /* with its NUL */
    assert_int_equal(seq, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_applied_push_reads_as_the_documents_say),
        cmocka_unit_test(a_refused_push_says_who_refused_it_and_why),
        cmocka_unit_test(an_event_survives_the_way_there_and_back),
        cmocka_unit_test(an_event_of_the_future_is_read_for_what_is_known),
        cmocka_unit_test(what_is_no_event_is_refused_with_a_reason),
        cmocka_unit_test(no_event_on_the_wire_is_larger_than_the_bound),
        cmocka_unit_test(the_longest_texts_fit_without_their_reply),
        cmocka_unit_test(replies_of_the_host_acknowledge_what_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
