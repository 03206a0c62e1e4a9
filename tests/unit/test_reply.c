/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/reply.h"
#include "vectors.h"

#define LOBBY                                                                                                          \
    "\"id\":\"lob1\",\"eventId\":\"e1\",\"eventWindowId\":\"w1\",\"leaderboardId\":\"lb1\",\"mode\":\"lobby_"          \
    "matched\","                                                                                                       \
    "\"status\":\"active\",\"capacity\":4,\"fillBy\":null,\"participantCount\":2,\"botSlots\":1,\"startedAt\":null,"   \
    "\"endsAt\":\"2026-11-08T12:00:00.000Z\""

static struct reply read_as(const char *body, enum reply_payload wanted)
{
    struct reply reply;
    assert_true(reply_read(body, strlen(body), wanted, &reply));
    return reply;
}

static void expect_text(const struct reply *reply, int token, const char *expected)
{
    if (!json_text_is(&reply->document, token, expected))
        fail_msg("not %s", expected);
}

static void expect_error(const char *body, const char *code)
{
    struct reply reply = read_as(body, REPLY_WANTS_LOBBY);
    assert_int_equal(reply.kind, REPLY_HAS_ERROR);
    expect_text(&reply, reply.code, code);
    reply_free(&reply);
}

static void expect_neither(const char *body, enum reply_payload wanted, const char *reason)
{
    struct reply reply = read_as(body, wanted);
    assert_int_equal(reply.kind, REPLY_HAS_NEITHER);
    assert_string_equal(reply.fault.reason, reason);
    assert_true(reply.fault.at <= strlen(body));
    assert_int_equal(reply.payload, JSON_NONE);
    assert_int_equal(reply.code, JSON_NONE);
    reply_free(&reply);
}

static void expect_lobby(const char *body, int64_t filled_slots)
{
    struct reply reply = read_as(body, REPLY_WANTS_LOBBY);
    if (reply.kind != REPLY_HAS_PAYLOAD)
        fail_msg("%s: %s", body, reply.fault.reason);
    assert_int_equal(json_kind(&reply.document, reply.payload), '{');
    assert_int_equal(json_kind(&reply.document, reply.lobby.id), '"');
    assert_int_equal(json_kind(&reply.document, reply.lobby.status), '"');
    assert_int_equal(reply.lobby.filled_slots, filled_slots);
    reply_free(&reply);
}

/* The error code of a body by another reader; NULL when it has no envelope. */
static const char *code_of(json_t *body)
{
    return json_string_value(json_object_get(json_object_get(body, "error"), "code"));
}

static void bodies_are_what_the_vectors_say(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("push_responses.json");
    size_t i;
    size_t lobbies = 0;
    size_t errors = 0;
    size_t neither = 0;
    json_t *entry;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        const char *body = json_string_value(json_object_get(entry, "body"));
        json_t *parsed = json_loads(body, 0, NULL);
        struct reply reply = read_as(body, REPLY_WANTS_LOBBY);
        if (json_is_true(json_object_get(entry, "ok"))) {
            assert_int_equal(reply.kind, REPLY_HAS_PAYLOAD);
            assert_int_equal(reply.lobby.filled_slots, json_integer_value(json_object_get(entry, "filled_slots")));
            lobbies++;
        } else if (code_of(parsed)) {
            assert_int_equal(reply.kind, REPLY_HAS_ERROR);
            assert_string_equal(code_of(parsed), json_string_value(json_object_get(entry, "error_code")));
            expect_text(&reply, reply.code, code_of(parsed));
            errors++;
        } else {
            assert_int_equal(reply.kind, REPLY_HAS_NEITHER);
            assert_true(strlen(reply.fault.reason) > 0);
            neither++;
        }
        reply_free(&reply);
        json_decref(parsed);
    }
    assert_true(lobbies > 0);
    assert_true(errors > 0);
    assert_true(neither > 0);
    json_decref(vectors);
}

static void a_lobby_is_taken_apart(void **state)
{
    (void)state;
    static const char data[] = "{" LOBBY ",\"future\":{\"id\":7}}";
    char body[1024];
    snprintf(body, sizeof body, " {\"meta\":1, \"data\": %s}\n", data);
    struct reply reply = read_as(body, REPLY_WANTS_LOBBY);
    assert_int_equal(reply.kind, REPLY_HAS_PAYLOAD);
    struct json_slice raw = json_raw(&reply.document, reply.payload);
    assert_int_equal(raw.size, strlen(data));
    assert_memory_equal(raw.data, data, raw.size);
    expect_text(&reply, reply.lobby.id, "lob1");
    expect_text(&reply, reply.lobby.status, "active");
    assert_int_equal(reply.lobby.capacity, 4);
    assert_int_equal(reply.lobby.participant_count, 2);
    assert_int_equal(reply.lobby.bot_slots, 1);
    assert_int_equal(reply.lobby.filled_slots, 3);
    assert_int_equal(reply.code, JSON_NONE);
    reply_free(&reply);
    reply_free(&reply); /* legal, and nothing happens */
}

/* The Lobby with one field set to another value, or taken out. */
static bool lobby_with(const char *field, json_t *value, const char **missing)
{
    json_t *data = json_loads("{" LOBBY "}", 0, NULL);
    if (value)
        json_object_set_new(data, field, value);
    else
        json_object_del(data, field);
    char *text = json_dumps(data, JSON_COMPACT);
    struct json_document document;
    struct lobby_state lobby;
    assert_int_equal(json_read(text, strlen(text), &document, NULL), JSON_OK);
    bool is_lobby = lobby_read(&document, JSON_ROOT, &lobby, missing);
    json_free(&document);
    free(text);
    json_decref(data);
    return is_lobby;
}

static void every_known_field_has_its_type(void **state)
{
    (void)state;
    /* which of: absent, null, "x", "", 7, 7.0, 7.5, true, {}, [], 1e30 are taken */
    static const struct {
        const char *field, *taken;
    } fields[] = {
        {"id", "..xx......."},
        {"status", "..xx......."},
        {"capacity", "....xx....."},
        {"participantCount", "....xx....."},
        {"botSlots", "x...xx....."},
        {"eventId", "x.xx......."},
        {"eventWindowId", "x.xx......."},
        {"mode", "x.xx......."},
        {"leaderboardId", "xxxx......."},
        {"fillBy", "xxxx......."},
        {"startedAt", "xxxx......."},
        {"endsAt", "xxxx......."},
        {"future", "xxxxxxxxxxx"},
    };
    static const char *const values[] = {NULL, "null", "\"x\"", "\"\"", "7", "7.0", "7.5", "true", "{}", "[]", "1e30"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        for (size_t j = 0; j < sizeof values / sizeof values[0]; j++) {
            const char *missing = "unset";
            json_t *value = values[j] ? json_loads(values[j], JSON_DECODE_ANY, NULL) : NULL;
            bool is_lobby = lobby_with(fields[i].field, value, &missing);
            if (is_lobby != (fields[i].taken[j] == 'x'))
                fail_msg("%s: %s", fields[i].field, values[j] ? values[j] : "absent");
            if (is_lobby)
                assert_null(missing);
            else
                assert_non_null(strstr(missing, fields[i].field)); /* says which */
        }
    }
}

static void filled_slots_are_the_smaller_sum(void **state)
{
    (void)state;
    static const struct {
        const char *capacity, *participants, *bots;
        int64_t filled_slots;
    } cases[] = {
        {"8", "3", "2", 5},
        {"4", "3", "2", 4},
        {"4", "4", "0", 4},
        {"0", "3", "2", 0},
        {"1e2", "7.0", "10e-1", 8},
        {"9223372036854775807", "9223372036854775807", "9223372036854775807", INT64_MAX},
        {"-9223372036854775808", "3", "2", INT64_MIN},
        {"8", "-9223372036854775808", "-1", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"data\":{\"id\":\"l\",\"status\":\"s\",\"capacity\":%s,\"participantCount\":%s,\"botSlots\":%s}}",
                 cases[i].capacity, cases[i].participants, cases[i].bots);
        expect_lobby(body, cases[i].filled_slots);
    }
    expect_lobby("{\"data\":{\"id\":\"l\",\"status\":\"s\",\"capacity\":4,\"participantCount\":3}}", 3);
    expect_neither("{\"data\":{\"id\":\"l\",\"status\":\"s\",\"capacity\":9223372036854775808,\"participantCount\":3}}",
                   REPLY_WANTS_LOBBY, "the Lobby's capacity is not an integer");
}

static void the_last_of_two_members_counts(void **state)
{
    (void)state;
    expect_lobby("{\"data\":7,\"data\":{" LOBBY "}}", 3);
    expect_lobby("{\"data\":{\"id\":7," LOBBY "}}", 3);
    expect_lobby("{\"data\":{" LOBBY ",\"capacity\":null,\"\\u0063apacity\":2}}", 2);
    expect_neither("{\"data\":{" LOBBY "},\"data\":7}", REPLY_WANTS_LOBBY, "the Lobby is not an object");
    expect_neither("{\"data\":{" LOBBY ",\"capacity\":null}}", REPLY_WANTS_LOBBY,
                   "the Lobby's capacity is not an integer");
    expect_neither("{\"data\":{" LOBBY ",\"i\\u0064\":7}}", REPLY_WANTS_LOBBY, "the Lobby's id is not a string");
    expect_lobby("{\"error\":{\"code\":\"x\"},\"data\":{" LOBBY "},\"error\":null}", 3);
    expect_error("{\"error\":null,\"error\":{\"code\":7,\"code\":\"last\"}}", "last");
}

static void an_error_code_is_an_error_whatever_else_there_is(void **state)
{
    (void)state;
    expect_error("{\"error\":{\"code\":\"lobby_forming\"},\"data\":{" LOBBY "}}", "lobby_forming");
    expect_error("{\"data\":{" LOBBY "},\"error\":{\"code\":\"c\\u00f6de\"}}", "c\xc3\xb6"
                                                                               "de");
    /* An envelope has an object with a code that is a string and says something. */
    expect_lobby("{\"data\":{" LOBBY "},\"error\":{\"code\":\"\"}}", 3);
    expect_lobby("{\"data\":{" LOBBY "},\"error\":{\"code\":7}}", 3);
    expect_lobby("{\"data\":{" LOBBY "},\"error\":{\"message\":\"m\"}}", 3);
    expect_lobby("{\"data\":{" LOBBY "},\"error\":\"code\"}", 3);
    expect_lobby("{\"data\":{" LOBBY "},\"error\":[\"code\"]}", 3);
    expect_lobby("{\"data\":{" LOBBY ",\"error\":{\"code\":\"inner\"}}}", 3);
    /* For a ping, too. */
    struct reply reply = read_as("{\"ok\":true,\"apiKey\":{},\"error\":{\"code\":\"x\"}}", REPLY_WANTS_API_KEY);
    assert_int_equal(reply.kind, REPLY_HAS_ERROR);
    reply_free(&reply);
}

static void message_and_details_are_taken_when_they_are_there(void **state)
{
    (void)state;
    struct reply reply =
        read_as("{\"error\":{\"code\":\"c\",\"message\":\"a \\\"b\\\"\",\"details\":{\"fields\":[\"key\"]}}}",
                REPLY_WANTS_LOBBY);
    expect_text(&reply, reply.message, "a \"b\"");
    struct json_slice raw = json_raw(&reply.document, reply.details);
    assert_int_equal(raw.size, strlen("{\"fields\":[\"key\"]}"));
    assert_memory_equal(raw.data, "{\"fields\":[\"key\"]}", raw.size);
    reply_free(&reply);

    reply = read_as("{\"error\":{\"code\":\"c\",\"message\":7,\"details\":null}}", REPLY_WANTS_LOBBY);
    assert_int_equal(reply.kind, REPLY_HAS_ERROR);
    assert_int_equal(reply.message, JSON_NONE);
    assert_int_equal(reply.details, JSON_NONE);
    reply_free(&reply);

    reply = read_as("{\"error\":{\"code\":\"c\",\"details\":0}}", REPLY_WANTS_LOBBY);
    assert_int_equal(reply.message, JSON_NONE);
    assert_int_equal(json_kind(&reply.document, reply.details), '0');
    reply_free(&reply);
}

static void what_has_neither_says_why(void **state)
{
    (void)state;
    expect_neither("", REPLY_WANTS_LOBBY, "is empty");
    expect_neither("<html>", REPLY_WANTS_LOBBY, "expected a value");
    expect_neither("{\"data\":{\"id\":\"lo", REPLY_WANTS_LOBBY, "unfinished string");
    expect_neither("{\"data\":{" LOBBY "}", REPLY_WANTS_LOBBY, "expected ',' or '}'");
    expect_neither("{}", REPLY_WANTS_LOBBY, "there is no Lobby");
    expect_neither("{\"data\":null}", REPLY_WANTS_LOBBY, "the Lobby is not an object");
    expect_neither("{\"data\":[]}", REPLY_WANTS_LOBBY, "the Lobby is not an object");
    expect_neither("{\"data\":{}}", REPLY_WANTS_LOBBY, "the Lobby has no id");
    expect_neither("[{\"data\":{" LOBBY "}}]", REPLY_WANTS_LOBBY, "there is no Lobby");
    expect_neither("{" LOBBY "}", REPLY_WANTS_LOBBY, "there is no Lobby");
    expect_neither("null", REPLY_WANTS_LOBBY, "there is no Lobby");

    struct reply reply = read_as("{\"data\": []}", REPLY_WANTS_LOBBY);
    assert_int_equal(reply.fault.at, 9);
    reply_free(&reply);

    static char large[JSON_MAX_BYTES + 2];
    memset(large, ' ', sizeof large - 1);
    memcpy(large, "{}", 2);
    expect_neither(large, REPLY_WANTS_LOBBY, "too large");
}

static void a_ping_has_its_key_outside_data(void **state)
{
    (void)state;
    struct reply reply = read_as("{\"ok\":true,\"apiKey\":{\"id\":\"k1\",\"prefix\":\"kp\"}}", REPLY_WANTS_API_KEY);
    assert_int_equal(reply.kind, REPLY_HAS_PAYLOAD);
    expect_text(&reply, json_member(&reply.document, reply.payload, "prefix"), "kp");
    reply_free(&reply);

    expect_neither("{\"data\":{\"ok\":true,\"apiKey\":{}}}", REPLY_WANTS_API_KEY, "ok is not true");
    expect_neither("{\"ok\":false,\"apiKey\":{}}", REPLY_WANTS_API_KEY, "ok is not true");
    expect_neither("{\"ok\":\"true\",\"apiKey\":{}}", REPLY_WANTS_API_KEY, "ok is not true");
    expect_neither("{\"ok\":true}", REPLY_WANTS_API_KEY, "apiKey is not an object");
    expect_neither("{\"ok\":true,\"apiKey\":null}", REPLY_WANTS_API_KEY, "apiKey is not an object");
    expect_neither("{\"ok\":true,\"apiKey\":{}}", REPLY_WANTS_LOBBY, "there is no Lobby");
}

static void expect_payload(const char *body, const char *payload, bool has_more)
{
    struct reply reply = read_as(body, REPLY_WANTS_ANY);
    if (reply.kind != REPLY_HAS_PAYLOAD)
        fail_msg("%s: %s", body, reply.fault.reason);
    struct json_slice raw = json_raw(&reply.document, reply.payload);
    if (raw.size != strlen(payload) || memcmp(raw.data, payload, raw.size) != 0)
        fail_msg("%s: %.*s", body, (int)raw.size, raw.data);
    if (reply.has_more != has_more)
        fail_msg("%s: more, or not", body);
    assert_int_equal(reply.code, JSON_NONE);
    assert_int_equal(reply.lobby.id, JSON_NONE);
    reply_free(&reply);
}

static void a_call_takes_any_json_and_its_data_where_it_has_some(void **state)
{
    (void)state;
    expect_payload("{\"data\":{\"a\":1}}", "{\"a\":1}", false);
    expect_payload(" {\"data\" : [1, 2] }\n", "[1, 2]", false);
    expect_payload("{\"data\":null}", "null", false);
    expect_payload("{\"data\":\"x\"}", "\"x\"", false);
    expect_payload("{\"data\":0,\"cursor\":null}", "0", true);
    expect_payload("{\"meta\":{},\"data\":[]}", "[]", true);
    expect_payload("{\"data\":1,\"\":2}", "1", true);
    expect_payload("{\"data\":1,\"data\":2}", "2", false); /* as JavaScript takes it */
    expect_payload("{\"d\\u0061ta\":1}", "1", false);
    expect_payload("{\"data\":1,\"Data\":2}", "1", true);
    expect_payload("{\"data\":{\"data\":1,\"b\":2}}", "{\"data\":1,\"b\":2}", false);
    expect_payload("{\"ok\":true,\"apiKey\":{}}", "{\"ok\":true,\"apiKey\":{}}", false);
    expect_payload("{}", "{}", false);
    expect_payload("[{\"data\":1}]", "[{\"data\":1}]", false);
    expect_payload(" null ", "null", false);
    expect_payload("7", "7", false);
    expect_payload("\"data\"", "\"data\"", false);
}

static void a_call_has_an_error_by_its_code_alone(void **state)
{
    (void)state;
    struct reply reply = read_as("{\"data\":1,\"error\":{\"code\":\"not_found\"}}", REPLY_WANTS_ANY);
    assert_int_equal(reply.kind, REPLY_HAS_ERROR);
    assert_int_equal(reply.payload, JSON_NONE);
    assert_false(reply.has_more);
    expect_text(&reply, reply.code, "not_found");
    reply_free(&reply);

    expect_payload("{\"error\":{\"code\":\"\"}}", "{\"error\":{\"code\":\"\"}}", false);
    expect_payload("{\"data\":1,\"error\":null}", "1", true);
    expect_payload("{\"data\":{\"error\":{\"code\":\"inner\"}}}", "{\"error\":{\"code\":\"inner\"}}", false);
    expect_neither("", REPLY_WANTS_ANY, "is empty");
    expect_neither("OK", REPLY_WANTS_ANY, "expected a value");
    expect_neither("{\"data\":1", REPLY_WANTS_ANY, "expected ',' or '}'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_what_the_vectors_say),
        cmocka_unit_test(a_lobby_is_taken_apart),
        cmocka_unit_test(every_known_field_has_its_type),
        cmocka_unit_test(filled_slots_are_the_smaller_sum),
        cmocka_unit_test(the_last_of_two_members_counts),
        cmocka_unit_test(an_error_code_is_an_error_whatever_else_there_is),
        cmocka_unit_test(message_and_details_are_taken_when_they_are_there),
        cmocka_unit_test(what_has_neither_says_why),
        cmocka_unit_test(a_ping_has_its_key_outside_data),
        cmocka_unit_test(a_call_takes_any_json_and_its_data_where_it_has_some),
        cmocka_unit_test(a_call_has_an_error_by_its_code_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
