/* SPDX-License-Identifier: Apache-2.0
 * What stands before everything a pusher sends, as the server's log of arrivals has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

static double time_ms(json_t *log, size_t i, const char *name)
{
    return json_number_value(json_object_get(json_array_get(log, i), name)) / 1000;
}

static void a_429_holds_pushes_reads_and_pings_until_its_time(void **state)
{
    enum { CALLS = 40 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_text none = KLP_TEXT_NONE, lobby = KLP_LIT("lob_x");
    size_t refused = 0, probe = 0;

    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    rig_open(rig, &config);
    rig_push(rig, "first");
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (rig_stats(rig).gate != KLP_GATE_HELD && rig_now_ms() < limit_ms)
        rig_blink();
    assert_in_range(rig_stats(rig).gate_opens_in_ms, 1, 1000);
    rig_push_many(rig, 0, CALLS - 2);
    assert_int_equal(rig->klp->read(rig->pusher, none, lobby, 0, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    for (int i = 0; i < CALLS + 1; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok || event->op == KLP_OP_READ);
        assert_int_equal(event->attempts, strcmp(event->key.data, "first") == 0 ? 2 : 1); /* being held costs none */
        rig_ack(rig, event);
    }
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);

    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), CALLS + 2);
    refused = 0, probe = 1;
    assert_true(time_ms(log, probe, "at_us") - time_ms(log, refused, "answered_us") >= 999);
    /* one request asks whether it is over; the rest waits for its answer */
    assert_true(time_ms(log, probe + 1, "at_us") >= time_ms(log, probe, "answered_us"));
    json_decref(log);
}

static void the_429s_of_one_moment_cost_one_attempt(void **state)
{
    enum { IN_FLIGHT = 8 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    int applied = 0, limited = 0;

    config.max_attempts = 1;
    config.max_in_flight = IN_FLIGHT;
    rig_script(rig, 8,
               "{\"status\":429,\"delay_ms\":2000,\"headers\":{\"Retry-After\":\"1\"}}"); /* all are out by then */
    rig_open(rig, &config);
    rig_push_many(rig, 0, IN_FLIGHT);
    for (int i = 0; i < IN_FLIGHT; i++) {
        const klp_event *event = rig_take(rig);
        applied += event->outcome == KLP_APPLIED;
        if (event->outcome != KLP_APPLIED) {
            assert_text(event->error_code, "rate_limited");
            limited++;
        }
        rig_ack(rig, event);
    }
    assert_int_equal(limited, 1);
    assert_int_equal(applied, IN_FLIGHT - 1);
}

/* A clock that is behind, a rounded-down wait: each request sent too early is a call lost. */
static void a_429_with_a_time_of_the_past_still_gives_the_server_a_pause(void **state)
{
    enum { PUSHES = 100 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    int lost = 0;

    config.max_attempts = 1;
    rig_script(rig, 3, "{\"status\":429,\"headers\":{\"Retry-After\":\"0\"}}");
    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        lost += event->outcome != KLP_APPLIED;
        rig_ack(rig, event);
    }
    assert_int_equal(lost, 3);
    json_t *log = sandbox_log(rig->sandbox);
    assert_true(time_ms(log, 1, "at_us") - time_ms(log, 0, "answered_us") >= 199);
    assert_true(time_ms(log, 2, "at_us") - time_ms(log, 1, "answered_us") >= 399);
    assert_true(time_ms(log, 3, "at_us") - time_ms(log, 2, "answered_us") >= 799);
    json_decref(log);
}

static void a_slow_request_of_before_does_not_keep_the_gate_closed(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.deadline_ms = 9000;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"slow\"},\"times\":-1,\"action\":{\"delay_ms\":20000}}");
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"limited\"},\"times\":1,\"action\":{\"status\":429,"
                                 "\"headers\":{\"Retry-After\":\"1\"}}}");
    rig_open(rig, &config);
    rig_push(rig, "slow");
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (sandbox_stat(rig->sandbox, "requests") < 1 && rig_now_ms() < limit_ms)
        rig_blink();
    rig_push(rig, "limited");
    while (rig_stats(rig).gate != KLP_GATE_HELD && rig_now_ms() < limit_ms)
        rig_blink();
    rig_push_many(rig, 0, PUSHES);
    for (int i = 0; i < PUSHES + 1; i++) { /* all but the slow one, which is still out */
        const klp_event *event = rig_take(rig);
        assert_string_not_equal(event->key.data, "slow");
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
}

static void who_cannot_outlast_the_pause_is_told_at_once(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_lobby patient = rig_lobby("patient");
    const klp_event *event;

    config.deadline_ms = 20000;
    patient.deadline_ms = 3600000;
    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"120\"}}");
    rig_open(rig, &config);
    event = rig_push_and_take(rig, "first");
    assert_text(event->error_code, "rate_limited");
    assert_int_equal(event->retry_after_ms, 120000);
    rig_ack(rig, event);
    for (int i = 0; i < 5; i++) { /* neither those that come while it is held */
        event = rig_push_and_take(rig, "later");
        assert_text(event->error_code, "rate_limited");
        assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
        assert_int_equal(event->outcome, KLP_NOT_APPLIED);
        assert_int_equal(event->attempts, 0);
        assert_true(event->retryable);
        assert_in_range(event->retry_after_ms, 60000, 120000);
        assert_in_range(event->elapsed_us, 0, 5000000);
        rig_ack(rig, event);
    }
    rig_push_lobby(rig, &patient);
    assert_int_equal(rig->klp->next_event(rig->pusher, 300, &event), KLP_E_TIMEOUT);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void a_server_that_is_away_is_asked_by_one_request_at_a_time(void **state)
{
    enum { PUSHES = 60, AWAY = 12, IN_FLIGHT = 4 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.max_in_flight = IN_FLIGHT;
    config.max_attempts = 10;
    config.backoff_initial_ms = 50;
    config.backoff_max_ms = 200;
    rig_script(rig, 12, "{\"status\":503}");
    rig_open(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), PUSHES + AWAY);
    for (size_t i = 5 + IN_FLIGHT; i < AWAY; i++) /* none before the answer to the one before, and a pause between */
        assert_true(time_ms(log, i, "at_us") - time_ms(log, i - 1, "answered_us") >= 45);
    assert_true(time_ms(log, AWAY + 1, "at_us") >= time_ms(log, AWAY, "answered_us"));
    json_decref(log);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
    assert_int_equal(rig_stats(rig).retries, AWAY);
}

static void a_lone_push_is_not_slowed_by_the_probing(void **state)
{
    static const double gaps_ms[] = {20, 40, 80, 160, 320, 640};
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.max_attempts = 7;
    config.backoff_initial_ms = 20;
    rig_script(rig, 6, "{\"status\":503}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->attempts, 7);
    rig_ack(rig, event);
    json_t *log = sandbox_log(rig->sandbox);
    for (size_t i = 0; i < 6; i++) {
        double gap_ms = time_ms(log, i + 1, "at_us") - time_ms(log, i, "at_us");
        assert_true(gap_ms >= gaps_ms[i] - 1 && gap_ms <= gaps_ms[i] + STALL_MS);
    }
    json_decref(log);
}

static void calls_too_short_for_a_slow_server_do_not_hold_up_the_others(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("short");

    lobby.deadline_ms = 2000; /* time to send them all */
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":8,\"action\":{\"delay_ms\":20000}}");
    rig_open(rig, NULL);
    for (int i = 0; i < 8; i++) {
        char key[32];
        snprintf(key, sizeof key, "short-%d", i);
        lobby.key = klp_cstr(key);
        rig_push_lobby(rig, &lobby);
    }
    for (int i = 0; i < 8; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
}

/* The attempt was given the time of the first ticket; the second one, which has more, is not the worse for it. */
static void who_joins_a_push_that_has_less_time_loses_nothing_by_it(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":1,\"action\":{\"delay_ms\":60000}}");
    rig_open(rig, NULL); /* one attempt */
    lobby.deadline_ms = 2000;
    klp_ticket first = rig_push_lobby(rig, &lobby);
    while (rig_stats(rig).in_flight == 0)
        rig_blink();
    lobby.deadline_ms = 20000;
    klp_ticket second = rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, first);
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    rig_ack(rig, event);
    event = rig_take(rig);
    assert_int_equal(event->ticket, second);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
}

/* 408 is an answer, so the gate stays open; it is the budget alone that spaces these retries. */
static void retries_beyond_the_budget_are_put_off(void **state)
{
    enum { PUSHES = 240, BURST = 200, A_SECOND = 20 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.max_attempts = 2;
    config.backoff_initial_ms = 1;
    rig_script(rig, -1, "{\"status\":408}"); /* no success to pay for any */
    rig_open(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->attempts, 2); /* put off, and none given up */
        rig_ack(rig, event);
    }
    assert_int_equal(rig_stats(rig).retries, PUSHES);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 2 * PUSHES);
    double took_ms = time_ms(log, 2 * PUSHES - 1, "at_us") - time_ms(log, 0, "at_us");
    assert_true(took_ms >= (PUSHES - BURST - 1) * 1000.0 / A_SECOND);
    json_decref(log);
}

static void the_budget_starves_nobody(void **state)
{
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
    enum { PUSHES = 300 };
#else
    enum { PUSHES = 1000 };
#endif
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    int applied = 0;

    config.jitter_permille = 0; /* the default: full */
    rig_script(rig, -1, "{\"status\":503},\"share_permille\":400,\"seed\":7");
    rig_open(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    assert_int_equal(rig->klp->flush(rig->pusher, 60000), KLP_OK);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->elapsed_us < 31000000);
        applied += event->outcome == KLP_APPLIED;
        rig_ack(rig, event);
    }
    assert_true(applied > PUSHES * 9 / 10);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_429_holds_pushes_reads_and_pings_until_its_time),
        test(the_429s_of_one_moment_cost_one_attempt),
        test(a_429_with_a_time_of_the_past_still_gives_the_server_a_pause),
        test(a_slow_request_of_before_does_not_keep_the_gate_closed),
        test(who_cannot_outlast_the_pause_is_told_at_once),
        test(a_server_that_is_away_is_asked_by_one_request_at_a_time),
        test(a_lone_push_is_not_slowed_by_the_probing),
        test(who_joins_a_push_that_has_less_time_loses_nothing_by_it),
        test(calls_too_short_for_a_slow_server_do_not_hold_up_the_others),
        test(retries_beyond_the_budget_are_put_off),
        test(the_budget_starves_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
