/* SPDX-License-Identifier: Apache-2.0
 * The verdict on every way an attempt can end, provoked over a real socket, and what the server did of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

static void applied_then_replayed_then_in_conflict(void **state)
{
    static const klp_text others[] = {KLP_LIT("alice"), KLP_LIT("carol")};
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("match-1");

    rig_open(rig, NULL);
    lobby.cookie = UINT64_MAX;
    klp_ticket ticket = rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->struct_size, sizeof *event);
    assert_int_equal(event->op, KLP_OP_PUSH);
    assert_int_equal(event->ticket, ticket);
    assert_true(event->cookie == UINT64_MAX);
    assert_text(event->pusher, "rig");
    assert_int_equal(event->epoch.size, 16);
    assert_text(event->game_id, "game_1");
    assert_text(event->event_key, "quick_brawl");
    assert_text(event->key, "match-1");
    assert_true(event->ok && event->outcome == KLP_APPLIED && !event->replayed && !event->recovered);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 1);
    assert_int_equal(event->http_status, 201);
    assert_int_equal(event->retry_after_ms, KLP_NO_RETRY_AFTER);
    assert_true(event->request_id.size > 0);
    assert_true(event->elapsed_us > 0);
    assert_text(event->lobby_status, "active");
    assert_int_equal(event->capacity, 8);
    assert_int_equal(event->participant_count, 2);
    assert_int_equal(event->filled_slots, 2);
    assert_text(event->error_code, "");
    assert_text(event->error_message, "");
    assert_int_equal(event->error_origin, KLP_ORIGIN_NONE);
    uint64_t seq = event->seq;
    rig_ack(rig, event);

    event = rig_push_and_take(rig, "match-1");
    assert_true(event->ok && event->outcome == KLP_APPLIED && event->replayed);
    assert_int_equal(event->http_status, 200);
    assert_true(event->seq > seq);
    rig_ack(rig, event);

    lobby = rig_lobby("match-1");
    lobby.player_ids = others;
    rig_push_lobby(rig, &lobby);
    event = rig_take(rig);
    assert_false(event->ok);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_text(event->error_code, "idempotency_conflict");
    assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
    assert_int_equal(event->http_status, 409);
    assert_false(event->retryable);
    assert_true(event->error_message.size > 0);
    assert_text(event->lobby_id, "");
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

/* ─── The vectors ───────────────────────────────────────────────────────────────────────────────── */

static void script_vector(struct rig *rig, json_t *vector)
{
    json_t *headers = json_object_get(vector, "headers");
    json_t *rule = json_pack("{s:{s:s}, s:i, s:{s:O, s:O, s:o}}", "match", "op", "push", "times", 1, "action", "status",
                             json_object_get(vector, "status"), "body", json_object_get(vector, "body"), "headers",
                             headers ? json_incref(headers) : json_object());
    assert_non_null(rule);
    char *text = json_dumps(rule, 0);
    sandbox_script(rig->sandbox, text);
    free(text);
    json_decref(rule);
}

static void check_vector(const klp_event *event, json_t *vector)
{
    json_t *code = json_object_get(vector, "error_code"), *wait = json_object_get(vector, "retry_after_ms");
    const char *origin = json_string_value(json_object_get(vector, "error_origin"));
    bool ok = json_is_true(json_object_get(vector, "ok"));

    print_message("  %s\n", sandbox_text_at(vector, "name"));
    assert_int_equal(event->ok, ok);
    assert_int_equal(event->http_status, json_integer_value(json_object_get(vector, "status")));
    assert_text(event->error_code, json_is_string(code) ? json_string_value(code) : "");
    assert_int_equal(event->replayed, json_is_true(json_object_get(vector, "replayed")));
    if (ok)
        assert_int_equal(event->filled_slots, json_integer_value(json_object_get(vector, "filled_slots")));
    assert_int_equal(event->error_origin, !origin                         ? KLP_ORIGIN_NONE
                                          : strcmp(origin, "server") == 0 ? KLP_ORIGIN_SERVER
                                                                          : KLP_ORIGIN_TRANSPORT);
    assert_int_equal(event->retry_after_ms, wait ? json_integer_value(wait) : KLP_NO_RETRY_AFTER);

    /* and the same in the line that the result socket would tell */
    json_t *line = json_loads(event->json.data, JSON_REJECT_DUPLICATES, NULL);
    assert_string_equal(sandbox_text_at(line, "outcome"), sandbox_text_at(vector, "outcome"));
    assert_int_equal(json_is_true(json_object_get(line, "ok")), ok);
    if (!ok) {
        assert_string_equal(sandbox_text_at(line, "error.code"), json_string_value(code));
        assert_string_equal(sandbox_text_at(line, "error.origin"), origin);
    }
    json_decref(line);
}

static void every_reply_of_the_vectors_is_judged_as_they_say(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/push_responses.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    char key[32];
    size_t i;

    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, vector)
    {
        rig_open(rig, NULL); /* afresh: a 429 holds what comes after it */
        script_vector(rig, vector);
        snprintf(key, sizeof key, "vector-%zu", i);
        const klp_event *event = rig_push_and_take(rig, key);
        check_vector(event, vector);
        assert_string_equal(rig->klp->outcome_text(event->outcome), sandbox_text_at(vector, "outcome"));
        rig_ack(rig, event);
        rig_close(rig);
    }
    json_decref(vectors);
}

static void retry_after_is_read_as_the_vectors_say(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/retry_after.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    size_t i;

    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, vector)
    {
        json_t *value = json_object_get(vector, "value"), *wait = json_object_get(vector, "wait_ms");
        if (json_string_length(value) == 0)
            continue; /* the sandbox's server sends no header without a value; the unit test has this one */
        json_t *rule =
            json_pack("{s:{s:s}, s:i, s:{s:i, s:{s:O, s:O}}}", "match", "op", "push", "times", 1, "action", "status",
                      429, "headers", "Retry-After", value, "Date", json_object_get(vectors, "now"));
        char *text = json_dumps(rule, 0);
        sandbox_script(rig->sandbox, text);
        rig_open(rig, NULL);
        const klp_event *event = rig_push_and_take(rig, "m");
        print_message("  %s\n", json_string_value(value));
        if (json_is_string(wait))
            assert_true(event->retry_after_ms >= INT64_C(31536000000)); /* "max": at least a year */
        else
            assert_int_equal(event->retry_after_ms, json_is_null(wait) ? KLP_NO_RETRY_AFTER : json_integer_value(wait));
        rig_ack(rig, event);
        rig_close(rig);
        free(text);
        json_decref(rule);
    }
    json_decref(vectors);
}

/* ─── Below HTTP ────────────────────────────────────────────────────────────────────────────────── */

struct fault {
    const char *action;
    const char *code;
    int32_t origin, outcome;
    bool retryable;
    unsigned sends;
    size_t lobbies; /* on the server afterwards */
};

static void check_fault(struct rig *rig, const struct fault *fault)
{
    klp_config config = rig_config(rig);

    print_message("  %s\n", fault->action);
    sandbox_reset(rig->sandbox);
    rig_script(rig, 1, fault->action);
    config.attempt_timeout_ms = strcmp(fault->code, "timeout") == 0 ? 1500 : 8000;
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_false(event->ok);
    assert_text(event->error_code, fault->code);
    assert_int_equal(event->error_origin, fault->origin);
    assert_int_equal(event->outcome, fault->outcome);
    assert_int_equal(event->retryable, fault->retryable);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, fault->sends);
    assert_true(event->error_message.size > 0);
    rig_ack(rig, event);
    rig_close(rig); /* each fault meets fresh connections */
    assert_int_equal(sandbox_lobby_count(rig->sandbox), fault->lobbies);
}

static void an_incomplete_answer_leaves_the_outcome_open(void **state)
{
    static const struct fault faults[] = {
        {"{\"reset_before\": true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 0},
        {"{\"reset_after\": true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"close_before\": true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 0},
        {"{\"close_after\": true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"cut_body\": true}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"garbage\": true, \"apply\": true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1,
         1},
        {"{\"garbage\": true, \"apply\": false}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1,
         0},
        {"{\"slow_drip\": true, \"drip_ms\": 400}", "timeout", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"delay_ms\": 5000}", "timeout", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"big_body\": 3000000}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"endless_headers\": true}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, true, 1, 0},
        {"{\"status\": 500, \"apply\": true}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, true, 1, 1},
        {"{\"status\": 503, \"body\": \"<html>\"}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, true, 1,
         0},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        check_fault(rig, &faults[i]);
}

static void nothing_on_the_wire_is_not_applied(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config.base_url = klp_cstr(url);
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_text(event->error_code, "network_error");
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->http_status, 0);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 0);
    assert_true(event->retryable);
    rig_ack(rig, event);
    rig_close(rig);

    config.base_url = klp_cstr("https://no-such-host.invalid");
    rig_open(rig, &config);
    event = rig_push_and_take(rig, "m");
    assert_text(event->error_code, "network_error");
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->sends, 0);
    rig_ack(rig, event);
}

/* libcurl resends by itself when a kept connection proves dead. That is one attempt, and two sends. */
static void a_silent_resend_is_counted_as_a_send(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "first"));
    rig_script(rig, 1, "{\"close_before\": true}");
    const klp_event *event = rig_push_and_take(rig, "second");
    assert_true(event->ok);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 2);
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 3);
    assert_string_equal(sandbox_text_at(json_array_get(log, 1), "body"),
                        sandbox_text_at(json_array_get(log, 2), "body"));
    json_decref(log);
}

static void a_refusal_after_a_silent_resend_does_not_say_not_applied(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "first"));
    rig_script(rig, 1, "{\"close_after\": true}"); /* it is applied, and the answer is lost with the connection */
    rig_script(rig, 1, "{\"status\": 409, \"code\": \"event_disabled\"}");
    const klp_event *event = rig_push_and_take(rig, "second");
    assert_text(event->error_code, "event_disabled");
    assert_int_equal(event->sends, 2);
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2);
}

static void a_push_that_waits_past_its_deadline_was_never_sent(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby waiting = rig_lobby("waiting");
    size_t expired = 0;

    config.max_in_flight = 1;
    waiting.deadline_ms = 200;
    rig_script(rig, 1, "{\"delay_ms\": 1500}");
    rig_open(rig, &config);
    rig_push(rig, "slow");
    klp_ticket ticket = rig_push_lobby(rig, &waiting);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        if (event->ticket == ticket) {
            assert_text(event->error_code, "deadline_exceeded");
            assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
            assert_int_equal(event->outcome, KLP_NOT_APPLIED);
            assert_int_equal(event->attempts, 0);
            assert_int_equal(event->sends, 0);
            assert_int_equal(i, 0); /* at its time, not when the other one is done */
            expired++;
        } else {
            assert_true(event->ok);
        }
        rig_ack(rig, event);
    }
    assert_int_equal(expired, 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void an_attempt_lasts_no_longer_than_its_deadline(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");

    lobby.deadline_ms = is_under_valgrind() ? 3000 : 1000; /* it has to be sent by then */
    rig_script(rig, 1, "{\"delay_ms\": 30000}");
    rig_open(rig, NULL);
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_text(event->error_code, "timeout");
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_in_range(event->elapsed_us, lobby.deadline_ms * 1000 - 50000, 12000000);
    rig_ack(rig, event);
}

/* ─── Reads and pings ───────────────────────────────────────────────────────────────────────────── */

static void a_lobby_is_read_as_it_forms_and_when_it_is_not_there(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");
    char id[128];

    lobby.event_key = klp_cstr("bot_brawl");
    rig_open(rig, NULL);
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_text(event->lobby_status, "forming");
    snprintf(id, sizeof id, "%s", event->lobby_id.data);
    rig_ack(rig, event);

    sandbox_advance_clock(rig->sandbox, 3600);
    assert_int_equal(rig->klp->read(rig->pusher, none, klp_cstr(id), 9, NULL, NULL), KLP_OK);
    event = rig_take(rig);
    assert_int_equal(event->op, KLP_OP_READ);
    assert_true(event->ok);
    assert_int_equal(event->outcome, KLP_OUTCOME_NONE);
    assert_int_equal(event->cookie, 9);
    assert_text(event->lobby_status, "active");
    assert_int_equal(event->filled_slots, 8);
    assert_int_equal(event->bot_slots, 6);
    assert_non_null(strstr(event->lobby_json.data, id));
    assert_null(strstr(event->json.data, "outcome"));
    rig_ack(rig, event);

    assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 0, NULL, NULL), KLP_OK);
    event = rig_take(rig);
    assert_false(event->ok);
    assert_text(event->error_code, "not_found");
    assert_text(event->lobby_id, "lob_nowhere");
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).queries_ok, 1);
    assert_int_equal(rig_stats(rig).queries_failed, 1);
}

static void a_ping_tells_what_the_key_is_for(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    rig_open(rig, NULL);
    assert_int_equal(rig->klp->ping(rig->pusher, 3, NULL, NULL), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->op, KLP_OP_PING);
    assert_true(event->ok);
    json_t *key = json_loads(event->api_key_json.data, 0, NULL);
    assert_string_equal(sandbox_text_at(key, "gameId"), "game_1");
    assert_string_equal(sandbox_text_at(key, "environment"), "test");
    json_decref(key);
    json_t *line = json_loads(event->json.data, 0, NULL);
    assert_string_equal(sandbox_text_at(line, "api_key.gameId"), "game_1");
    json_decref(line);
    rig_ack(rig, event);
    rig_close(rig);

    config.api_key = klp_cstr("sandbox.but-of-another-kind");
    rig_open(rig, &config);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    event = rig_take(rig);
    assert_text(event->error_code, "session_invalid");
    assert_int_equal(event->http_status, 401);
    rig_ack(rig, event);
}

/* ─── Replies without measure ────────────────────────────────────────────────────────────────────── */

static void script_body(struct rig *rig, int status, const char *start, size_t size, const char *end)
{
    char *body = malloc(strlen(start) + size + strlen(end) + 1);
    assert_non_null(body);
    memset(stpcpy(body, start), 'x', size);
    strcpy(body + strlen(start) + size, end);
    json_t *rule = json_pack("{s:{s:s}, s:i, s:{s:i, s:s}}", "match", "op", "push", "times", 1, "action", "status",
                             status, "body", body);
    char *text = json_dumps(rule, 0);
    sandbox_script(rig->sandbox, text);
    free(text);
    json_decref(rule);
    free(body);
}

static void texts_without_measure_are_cut_to_what_an_event_holds(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    script_body(rig, 400, "{\"error\":{\"code\":\"", 700000, "\",\"message\":\"m\"}}");
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_int_equal(event->error_code.size, 1024);
    assert_int_equal(strlen(event->error_code.data), 1024);
    assert_text(event->error_message, "m");
    assert_true(event->json.size < KLP_MAX_EVENT_BYTES);
    rig_ack(rig, event);

    script_body(rig, 400, "{\"error\":{\"code\":\"c\",\"message\":\"", 700000, "\"}}");
    event = rig_push_and_take(rig, "m");
    assert_int_equal(event->error_message.size, 4096);
    assert_int_equal(strlen(event->error_message.data), 4096);
    rig_ack(rig, event);

    script_body(rig, 201, "{\"data\":{\"id\":\"", 700000,
                "\",\"status\":\"active\",\"capacity\":1,\"participantCount\":1}}");
    event = rig_push_and_take(rig, "m");
    assert_true(event->ok);
    assert_text(event->lobby_id, "");             /* half an id names another lobby */
    assert_true(event->lobby_json.size > 700000); /* whole, here */
    rig_ack(rig, event);
}

/* ─── Secrets ───────────────────────────────────────────────────────────────────────────────────── */

static void a_key_that_the_server_echoes_is_not_passed_on(void **state)
{
    static const char *const actions[] = {
        "{\"status\": 400, \"body\": \"{\\\"error\\\":{\\\"code\\\":\\\"bad\\\",\\\"message\\\":\\\"key " SANDBOX_KEY
        " no\\\",\\\"details\\\":{\\\"k\\\":[\\\"" SANDBOX_KEY "\\\"],\\\"" SANDBOX_KEY "\\\":1}}}\"}",
        "{\"status\": 400, \"body\": \"{\\\"error\\\":{\\\"code\\\":\\\"" SANDBOX_KEY
        "\\\",\\\"message\\\":\\\"\\\"}}\"}",
        "{\"status\": 400, \"body\": "
        "\"{\\\"error\\\":{\\\"code\\\":\\\"x\\\",\\\"details\\\":\\\"sandbox.key\\\\u002dfor\\\\u002D"
        "tests-\\\\u006fnly\\\"}}\"}",
        "{\"status\": 201, \"headers\": {\"x-request-id\": \"" SANDBOX_KEY
        "\"}, \"body\": \"{\\\"data\\\":{\\\"id\\\":\\\"" SANDBOX_KEY "\\\",\\\"status\\\":\\\"" SANDBOX_KEY
        "\\\",\\\"capacity\\\":1,\\\"participantCount\\\":1,\\\"x\\\":\\\"" SANDBOX_KEY "\\\"}}\"}",
    };
    static const char *const needles[] = {SANDBOX_KEY, "key-for-tests-only", "key\\u002dfor"};
    struct rig *rig = *state;

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        rig_script(rig, 1, actions[i]);
        const klp_event *event = rig_push_and_take(rig, "m");
        const klp_text texts[] = {event->json,       event->error_code, event->error_message, event->error_details_json,
                                  event->request_id, event->lobby_id,   event->lobby_status,  event->lobby_json};
        for (size_t text = 0; text < sizeof texts / sizeof *texts; text++)
            for (size_t needle = 0; needle < sizeof needles / sizeof *needles; needle++)
                assert_null(memmem(texts[text].data, texts[text].size, needles[needle], strlen(needles[needle])));
        assert_non_null(strstr(event->json.data, "***"));
        json_t *line = json_loads(event->json.data, 0, NULL);
        assert_non_null(line);
        json_decref(line);
        rig_ack(rig, event);
    }
}

static void what_the_server_puts_on_many_lines_is_told_on_one(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    rig_script(rig, 1,
               "{\"status\": 201, \"body\": \"{\\n \\\"data\\\": {\\r\\n \\\"id\\\": "
               "\\\"l\\\\n1\\\",\\n\\\"status\\\":\\\"active\\\","
               "\\\"capacity\\\":4.0,\\\"participantCount\\\":1e0,\\\"botSlots\\\":9}\\n}\\n\"}");
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_true(event->ok);
    assert_null(strpbrk(event->json.data, "\r\n"));
    assert_text(event->lobby_id, "l\n1");
    assert_int_equal(event->filled_slots, 4);
    rig_ack(rig, event);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(applied_then_replayed_then_in_conflict),
        test(every_reply_of_the_vectors_is_judged_as_they_say),
        test(retry_after_is_read_as_the_vectors_say),
        test(an_incomplete_answer_leaves_the_outcome_open),
        test(nothing_on_the_wire_is_not_applied),
        test(a_silent_resend_is_counted_as_a_send),
        test(a_refusal_after_a_silent_resend_does_not_say_not_applied),
        test(a_push_that_waits_past_its_deadline_was_never_sent),
        test(an_attempt_lasts_no_longer_than_its_deadline),
        test(a_lobby_is_read_as_it_forms_and_when_it_is_not_there),
        test(a_ping_tells_what_the_key_is_for),
        test(texts_without_measure_are_cut_to_what_an_event_holds),
        test(a_key_that_the_server_echoes_is_not_passed_on),
        test(what_the_server_puts_on_many_lines_is_told_on_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
