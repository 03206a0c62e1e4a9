/* SPDX-License-Identifier: Apache-2.0
 * Calls whose replies are bad or late or lost: the outcome, what is tried again, and how calls stand beside pushes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "calls.h"

/* ─── The outcome ───────────────────────────────────────────────────────────────────────────────── */

struct fault {
    const char *action, *code;
    int32_t origin, outcome; /* of a write */
    int http_status;
    unsigned attempts, attempts_of_get;
    unsigned curl_code; /* 1: some; 0: none */
};

static const struct fault faults[] = {
    {"{\"reset_before\":true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 0, 2, 2, 1},
    {"{\"reset_after\":true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 0, 2, 2, 1},
    {"{\"garbage\":true}", "network_error", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 0, 2, 2, 1},
    {"{\"cut_body\":true}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 200, 1, 2, 1},
    {"{\"big_body\":3000000}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 200, 1, 2, 1},
    {"{\"delay_ms\":20000}", "timeout", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 0, 2, 2, 1},
    {"{\"status\":200,\"body\":\"<html>\"}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 200, 1, 2,
     0},
    {"{\"status\":200,\"body\":\"\"}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED, 200, 1, 2, 0},
    {"{\"status\":200,\"body\":\"{\\\"data\\\":1}}\"}", "invalid_response", KLP_ORIGIN_TRANSPORT, KLP_POSSIBLY_APPLIED,
     200, 1, 2, 0},
    {"{\"status\":202,\"body\":\"{\\\"error\\\":{\\\"code\\\":\\\"queued\\\"}}\"}", "queued", KLP_ORIGIN_SERVER,
     KLP_POSSIBLY_APPLIED, 202, 1, 1, 0},
    {"{\"status\":302}", "internal_error", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 302, 1, 1, 0},
    {"{\"status\":400}", "validation_failed", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 400, 1, 1, 0},
    {"{\"status\":403}", "forbidden", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 403, 1, 1, 0},
    {"{\"status\":404,\"body\":\"nothing\"}", "internal_error", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 404, 1, 1, 0},
    {"{\"status\":409,\"code\":\"insufficient_funds\"}", "insufficient_funds", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 409,
     1, 1, 0},
    {"{\"status\":408}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, 408, 2, 2, 0},
    {"{\"status\":425}", "internal_error", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 425, 2, 2, 0},
    {"{\"status\":429}", "rate_limited", KLP_ORIGIN_SERVER, KLP_NOT_APPLIED, 429, 2, 2, 0},
    {"{\"status\":500}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, 500, 2, 2, 0},
    {"{\"status\":501}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, 501, 1, 1, 0},
    {"{\"status\":503}", "internal_error", KLP_ORIGIN_SERVER, KLP_POSSIBLY_APPLIED, 503, 2, 2, 0},
};

static void check_fault(struct rig *rig, const struct fault *fault, const char *method)
{
    klp_config config = rig_config_retrying(rig);
    bool is_get = strcmp(method, "GET") == 0;

    print_message("  %s %s\n", method, fault->action);
    config.max_attempts = 2;
    config.backoff_initial_ms = 1;
    if (strstr(fault->action, "delay_ms"))
        config.attempt_timeout_ms = 1000;
    sandbox_reset(rig->sandbox);
    rig_script(rig, -1, fault->action);
    rig_open(rig, &config); /* each fault meets fresh connections */
    const klp_event *event = call_and_take(rig, method, "players/p/thing", NULL);
    assert_false(event->ok);
    assert_text(event->error_code, fault->code);
    assert_int_equal(event->error_origin, fault->origin);
    assert_int_equal(event->outcome, is_get ? KLP_OUTCOME_NONE : fault->outcome);
    assert_int_equal(event->http_status, fault->http_status);
    assert_int_equal(event->attempts, is_get ? fault->attempts_of_get : fault->attempts);
    assert_int_equal(event->retryable, event->attempts > 1);
    assert_int_equal(event->curl_code != 0, fault->curl_code);
    assert_true(event->error_message.size > 0);
    assert_text(event->data_json, "");
    assert_reads_back(rig->klp, event);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).calls_failed, 1);
    rig_close(rig);
}

static void writes_end_with_an_honest_outcome(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        check_fault(*state, &faults[i], methods[i % 4]);
}

static void a_get_has_no_outcome_and_may_be_asked_again(void **state)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (!strstr(faults[i].action, "delay_ms")) /* two seconds, and nothing new */
            check_fault(*state, &faults[i], "GET");
}

static void a_call_that_never_reached_the_wire_is_not_applied(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config.base_url = klp_cstr(url);
    config.backoff_initial_ms = 1;
    rig_open(rig, &config);
    const klp_event *event = call_and_take(rig, "DELETE", "players/p", NULL);
    assert_text(event->error_code, "network_error");
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->attempts, 4);
    assert_int_equal(event->sends, 0);
    assert_int_equal(event->curl_code, 7); /* CURLE_COULDNT_CONNECT */
    json_t *line = json_loads(event->json.data, 0, NULL);
    assert_int_equal(json_integer_value(sandbox_at(line, "error.curl_code")), 7);
    json_decref(line);
    rig_ack(rig, event);
}

static void a_doubt_outlives_a_later_refusal(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.backoff_initial_ms = 1;
    rig_script(rig, 1, "{\"reset_after\":true}");
    rig_script(rig, 1, "{\"status\":409,\"code\":\"insufficient_funds\"}");
    rig_open(rig, &config);
    const klp_event *event = call_and_take(rig, "POST", "players/p/wallet/gold/debit", "{\"amount\":1}");
    assert_text(event->error_code, "insufficient_funds");
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
}

/* ─── Again ─────────────────────────────────────────────────────────────────────────────────────── */

static void what_is_tried_again_is_the_same_to_the_byte_and_has_one_effect(void **state)
{
    static const char *const bodies[] = {NULL, "{\"amount\":500,\"reason\":\"\xc3\xa9\"}",
                                         "{\"idempotencyKey\":\"receipt \\u0022 1\",\"amount\":1}"};
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    char before[512] = "";

    config.backoff_initial_ms = 1;
    rig_open(rig, &config);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        size_t applied = 0, replayed = 0, n;
        json_t *arrival;

        sandbox_reset(rig->sandbox);
        rig_script(rig, 1, "{\"status\":503}");
        rig_script(rig, 1, "{\"status\":500,\"apply\":true}");
        rig_script(rig, 1, "{\"cut_body\":true,\"status\":503}");
        const klp_event *event = call_and_take(rig, "POST", "players/p/wallet/gold/credit", bodies[i]);
        assert_true(event->ok && event->outcome == KLP_APPLIED);
        assert_int_equal(event->attempts, 4);
        assert_false(event->replayed); /* only a push is */
        rig_ack(rig, event);

        json_t *log = sandbox_log(rig->sandbox);
        const char *first = sandbox_text_at(log, "0.body");
        assert_int_equal(json_array_size(log), 4);
        assert_string_not_equal(first, before); /* the next call has a key of its own */
        json_array_foreach(log, n, arrival)
        {
            char key[64];
            arrival_idempotency_key(arrival, key, sizeof key);
            assert_true(i == 2 ? strcmp(key, "receipt \" 1") == 0 : is_uuid_4(key));
            assert_string_equal(sandbox_text_at(arrival, "body"), first);
            applied += json_is_true(json_object_get(arrival, "applied"));
            replayed += json_is_true(json_object_get(arrival, "replayed"));
        }
        assert_int_equal(applied, 1);
        assert_true(replayed >= 1);
        snprintf(before, sizeof before, "%s", first);
        json_decref(log);
    }
    assert_int_equal(rig_stats(rig).retries, 9);
}

/* On a kept connection that proves dead libcurl sends again by itself. */
static void a_silent_resend_of_a_call_is_counted(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_ack(rig, call_and_take(rig, "GET", "players/p", NULL));
    rig_script(rig, 1, "{\"close_after\":true}");
    const klp_event *event = call_and_take(rig, "PUT", "players/p/identity", "{\"name\":\"Ada\"}");
    assert_true(event->ok);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 2);
    rig_ack(rig, event);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 3);
    assert_string_equal(sandbox_text_at(log, "1.body"), sandbox_text_at(log, "2.body"));
    assert_string_equal(sandbox_text_at(log, "2.method"), "PUT");
    assert_true(json_is_true(sandbox_at(log, "2.replayed")));
    json_decref(log);
}

/* Handles are used again: what one call set must not stick to the next. */
static void a_connection_used_for_every_method_mixes_none_up(void **state)
{
    static const char *const methods[] = {"POST", "GET", "PUT", "DELETE", "PATCH", "GET", "DELETE", "POST"};
    enum { ROUNDS = 5, METHODS = sizeof methods / sizeof *methods };
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    for (size_t i = 0; i < ROUNDS * METHODS; i++) {
        bool has_body = i % METHODS == 3; /* one DELETE of the two */
        rig_ack(rig, call_and_take(rig, methods[i % METHODS], "a/b", has_body ? "{\"x\":1}" : NULL));
        if (i % 3 == 0)
            rig_ack(rig, rig_push_and_take(rig, "m"));
    }
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, seen = 0;
    json_array_foreach(log, i, arrival)
    {
        if (strcmp(sandbox_text_at(arrival, "path"), "/server/v1/a/b"))
            continue;
        const char *method = methods[seen++ % METHODS];
        bool has_body = strcmp(method, "GET") && (strcmp(method, "DELETE") || seen % METHODS == 4);
        assert_string_equal(sandbox_text_at(arrival, "method"), method);
        assert_int_equal(json_is_string(json_object_get(arrival, "body")), has_body);
        assert_int_equal(arrival_header(arrival, "Content-Type") != NULL, has_body);
        assert_int_equal(json_integer_value(json_object_get(arrival, "status")), 200);
    }
    assert_int_equal(seen, ROUNDS * METHODS);
    json_decref(log);
}

/* ─── Beside pushes ─────────────────────────────────────────────────────────────────────────────── */

static void calls_yield_to_pushes_and_are_not_starved_by_them(void **state)
{
    enum { PUSHES = 60, CALLS = 4 };
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    size_t since_call = 0, calls = 0, i;
    struct call_room room;
    json_t *arrival;

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"delay_ms\":60000}");
    rig_open(rig, &config);
    klp_ticket first = rig_push(rig, "first"); /* holds the one connection while the others come */
    arrivals_await(rig, 1);
    for (i = 0; i < CALLS; i++) {
        klp_call call = call_of(&room, "POST", "a/b", NULL);
        rig_call(rig, &call);
    }
    rig_push_many(rig, 0, PUSHES);
    assert_int_equal(rig->klp->cancel(rig->pusher, first), KLP_OK);
    for (i = 0; i < 1 + PUSHES + CALLS; i++)
        rig_ack(rig, rig_take(rig));

    json_t *log = sandbox_log(rig->sandbox);
    json_array_foreach(log, i, arrival)
    {
        bool is_call = strcmp(sandbox_text_at(arrival, "path"), "/server/v1/a/b") == 0;
        if (i > 0 && !is_call)
            since_call++;
        if (!is_call)
            continue;
        assert_in_range(since_call, 4, 10); /* they came before all of these pushes, and yet … */
        since_call = 0;
        calls++;
    }
    assert_int_equal(calls, CALLS);
    assert_int_equal(json_array_size(log), 1 + PUSHES + CALLS);
    json_decref(log);
}

static void a_call_waits_no_longer_than_its_deadline(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct call_room room;
    klp_call call = call_of(&room, "POST", "a/b", NULL);

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"delay_ms\":60000}");
    rig_open(rig, &config);
    klp_ticket slow = rig_push(rig, "slow");
    call.deadline_ms = 200;
    klp_ticket ticket = rig_call(rig, &call);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, ticket); /* at its time, not when the slow one is done */
    assert_true(klp_event_is_deadline_exceeded(event));
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->attempts, 0);
    assert_reads_back(rig->klp, event);
    rig_ack(rig, event);
    assert_int_equal(rig->klp->cancel(rig->pusher, slow), KLP_OK);
    event = rig_take(rig);
    assert_int_equal(event->ticket, slow);
    rig_ack(rig, event);
}

/* ─── Given up ──────────────────────────────────────────────────────────────────────────────────── */

struct three {
    klp_ticket write, get, waiting;
};

/* A write and a GET on the wire, and a write that waits for a place. */
static struct three start_three(struct rig *rig)
{
    klp_config config = rig_config(rig);
    struct call_room room;
    struct three three;

    config.max_in_flight = 2;
    rig_script(rig, -1, "{\"delay_ms\":20000}");
    rig_open(rig, &config);
    klp_call call = call_of(&room, "DELETE", "a/b", NULL);
    three.write = rig_call(rig, &call);
    call = call_of(&room, "GET", "a/b", NULL);
    three.get = rig_call(rig, &call);
    arrivals_await(rig, 2);
    call = call_of(&room, "POST", "a/b", NULL);
    three.waiting = rig_call(rig, &call);
    return three;
}

static void take_three(struct rig *rig, const struct three *three, const char *code)
{
    unsigned seen = 0;

    for (int i = 0; i < 3; i++) {
        const klp_event *event = rig_take(rig);
        assert_false(event->ok);
        assert_text(event->error_code, code);
        assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
        assert_int_equal(event->curl_code, 0);
        assert_int_equal(event->sends, event->ticket != three->waiting);
        assert_int_equal(event->outcome, event->ticket == three->write ? KLP_POSSIBLY_APPLIED
                                         : event->ticket == three->get ? KLP_OUTCOME_NONE
                                                                       : KLP_NOT_APPLIED);
        assert_reads_back(rig->klp, event);
        seen |= event->ticket == three->write ? 1u : event->ticket == three->get ? 2u : 4u;
        rig_ack(rig, event);
    }
    assert_int_equal(seen, 7);
    assert_int_equal(rig_stats(rig).calls_failed, 3);
}

static void calls_are_cancelled_wherever_they_are(void **state)
{
    struct rig *rig = *state;
    struct three three = start_three(rig);

    assert_int_equal(rig->klp->cancel(rig->pusher, three.waiting), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, three.write), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, three.get), KLP_OK);
    take_three(rig, &three, "cancelled");
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK);
}

static void stop_ends_calls_with_a_verdict_each(void **state)
{
    struct rig *rig = *state;
    struct three three = start_three(rig);
    struct call_room room;
    klp_call call = call_of(&room, "POST", "a/b", NULL);
    const klp_event *event;

    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    take_three(rig, &three, "shutdown");
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_E_STOPPED);
}

static void stop_lets_calls_end_by_themselves_in_the_time_it_is_given(void **state)
{
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "a/b", NULL);

    rig_script(rig, 1, "{\"delay_ms\":200}");
    rig_open(rig, NULL);
    rig_call(rig, &call);
    rig_call(rig, &call);
    assert_int_equal(rig->klp->stop(rig->pusher, 10000), KLP_OK);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok);
        rig_ack(rig, event);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

static void below_another_game_nothing_is_written_where_the_key_is_checked(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.expect_environment = klp_cstr("test");
    rig_open(rig, &config);
    const klp_event *event = call_and_take(rig, "POST", "games/game_1/x", NULL);
    assert_int_equal(event->outcome, KLP_APPLIED);
    rig_ack(rig, event);
    event = call_and_take(rig, "POST", "games/game_2/x", NULL);
    assert_true(klp_event_is_game_mismatch(event));
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->sends, 0);
    rig_ack(rig, event);
    event = call_and_take(rig, "GET", "games/game_2/x", NULL); /* changes nothing: the server says what it thinks */
    assert_int_equal(event->sends, 1);
    rig_ack(rig, event);
    event = call_and_take(rig, "POST", "players/game_2/ban", NULL);
    assert_int_equal(event->outcome, KLP_APPLIED);
    rig_ack(rig, event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(writes_end_with_an_honest_outcome),
        test(a_get_has_no_outcome_and_may_be_asked_again),
        test(a_call_that_never_reached_the_wire_is_not_applied),
        test(a_doubt_outlives_a_later_refusal),
        test(what_is_tried_again_is_the_same_to_the_byte_and_has_one_effect),
        test(a_silent_resend_of_a_call_is_counted),
        test(a_connection_used_for_every_method_mixes_none_up),
        test(calls_yield_to_pushes_and_are_not_starved_by_them),
        test(a_call_waits_no_longer_than_its_deadline),
        test(calls_are_cancelled_wherever_they_are),
        test(stop_ends_calls_with_a_verdict_each),
        test(stop_lets_calls_end_by_themselves_in_the_time_it_is_given),
        test(below_another_game_nothing_is_written_where_the_key_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
