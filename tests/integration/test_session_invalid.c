/* SPDX-License-Identifier: Apache-2.0
 * The server refuses the API key: one call is lost by it, and the others wait for another key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "key_rig.h"

enum { WAITING = 200, IN_FLIGHT = 4 };

static void open_refused(struct rig *rig, klp_config *config)
{
    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    rig_open(rig, config);
}

/* With one request in flight one call is lost, and it is the first. */
static void lose_the_first(struct rig *rig)
{
    rig_push(rig, "first");
    const klp_event *event = take(rig);
    assert_string_equal(event->key.data, "first");
    assert_true(klp_event_is_session_invalid(event));
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
    assert_int_equal(event->http_status, 401);
    assert_int_equal(event->attempts, 1);
    assert_false(event->retryable);
    rig_ack(rig, event);
}

static void the_call_that_met_it_is_lost_and_the_others_wait_for_another_key(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    size_t lost = 0, applied = 0;

    config.max_in_flight = IN_FLIGHT;
    open_refused(rig, &config);
    rig_push_many(rig, 0, WAITING);
    await_gate(rig, KLP_GATE_KEY_REFUSED);
    while (rig_stats(rig).in_flight > 0)
        rig_blink();
    size_t refused = arrivals(rig, ANY_ARRIVAL);
    assert_in_range(refused, 1, IN_FLIGHT);
    assert_in_range(rig_stats(rig).gate_opens_in_ms, 30000, 60000);
    assert_true(has_line(KLP_LOG_ERROR, "refuses the API key (401 session_invalid): waiting for another one"));
    rig_push_many(rig, WAITING, WAITING + 10); /* these come too late to be lost */
    assert_int_equal(rig->klp->flush(rig->pusher, 300), KLP_E_TIMEOUT);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), refused);

    set_key(rig, SECOND_KEY);
    for (size_t i = 0; i < WAITING + 10; i++) {
        const klp_event *event = take(rig);
        applied += event->outcome == KLP_APPLIED;
        if (event->outcome != KLP_APPLIED) {
            assert_true(klp_event_is_session_invalid(event));
            assert_int_equal(event->outcome, KLP_NOT_APPLIED);
            lost++;
        } else {
            assert_int_equal(event->attempts, 1); /* being held costs none */
        }
        rig_ack(rig, event);
    }
    assert_int_equal(lost, refused);
    assert_int_equal(applied, sandbox_lobby_count(rig->sandbox));
    assert_int_equal(arrivals_refused(rig), refused);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
    assert_int_equal(rig_stats(rig).gate_opens_in_ms, 0);
    assert_true(has_line(KLP_LOG_INFO, "takes the API key again"));
}

/* A key that is no better costs one call, not as many as there is room for. */
static void another_key_is_tried_by_one_call_before_the_others_follow(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = IN_FLIGHT;
    open_refused(rig, &config);
    rig_push(rig, "first");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push_many(rig, 0, PUSHES);
    set_key(rig, THIRD_KEY); /* which the server does not know */
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    assert_int_equal(rig->klp->flush(rig->pusher, 200), KLP_E_TIMEOUT);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 2);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_KEY_REFUSED);
    set_key(rig, SECOND_KEY);
    take_applied(rig, PUSHES - 1);
    json_t *log = sandbox_log(rig->sandbox);
    assert_true(arrival_ms(log, 3, "at_us") >= arrival_ms(log, 2, "answered_us"));
    json_decref(log);
}

static void reads_pings_calls_and_awaits_are_held_as_well(void **state)
{
    static const klp_text segments[] = {KLP_LIT("players"), KLP_LIT("p")};
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    klp_await await = KLP_AWAIT_INIT;
    klp_call call = KLP_CALL_INIT;
    klp_text none = KLP_TEXT_NONE, lobby = KLP_LIT("lob_x");
    unsigned ops = 0;

    config.max_in_flight = 1;
    open_refused(rig, &config);
    lose_the_first(rig);
    await.lobby_id = lobby;
    call.method = klp_cstr("GET");
    call.segments = segments;
    call.segment_count = 2;
    assert_int_equal(rig->klp->read(rig->pusher, none, lobby, 0, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->flush(rig->pusher, 300), KLP_E_TIMEOUT);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 1);
    set_key(rig, SECOND_KEY);
    for (int i = 0; i < 4; i++) {
        const klp_event *event = take(rig);
        assert_true(event->ok || klp_event_is_not_found(event)); /* there is no such lobby */
        ops |= 1u << event->op;
        rig_ack(rig, event);
    }
    assert_int_equal(ops, 1 << KLP_OP_READ | 1 << KLP_OP_PING | 1 << KLP_OP_AWAIT | 1 << KLP_OP_CALL);
}

/* ─── No other key ──────────────────────────────────────────────────────────────────────────────── */

static void without_another_key_one_call_at_a_time_tries_after_the_grace(void **state)
{
    enum { PUSHES = 5, GRACE_MS = 300 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.session_grace_ms = GRACE_MS;
    config.max_in_flight = IN_FLIGHT;
    open_refused(rig, &config);
    rig_push(rig, "first");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push_many(rig, 0, PUSHES - 1);
    for (int i = 1; i < PUSHES; i++)
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), PUSHES);
    for (size_t i = 1; i < PUSHES; i++)
        assert_true(arrival_ms(log, i, "at_us") - arrival_ms(log, i - 1, "answered_us") >= GRACE_MS - 1);
    json_decref(log);
}

/* The server has changed its mind: what it was that it refused need not change. */
static void the_old_key_does_when_the_server_takes_it_again(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.session_grace_ms = 500;
    config.max_in_flight = 1;
    open_refused(rig, &config);
    lose_the_first(rig);
    rig_push_many(rig, 0, PUSHES);
    key_add(rig, SANDBOX_KEY);
    take_applied(rig, PUSHES);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
}

static void who_waits_in_vain_is_told_at_its_own_deadline(void **state)
{
    static const uint32_t deadlines_ms[] = {300, 900, 600};
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    klp_await await = KLP_AWAIT_INIT;
    klp_text none = KLP_TEXT_NONE, lobby_id = KLP_LIT("lob_x");

    config.deadline_ms = 700; /* the read's */
    config.max_in_flight = 1;
    open_refused(rig, &config);
    lose_the_first(rig);
    for (size_t i = 0; i < sizeof deadlines_ms / sizeof *deadlines_ms; i++) {
        char key[16];
        snprintf(key, sizeof key, "m-%zu", i);
        klp_lobby lobby = rig_lobby(key);
        lobby.deadline_ms = deadlines_ms[i];
        lobby.cookie = deadlines_ms[i];
        rig_push_lobby(rig, &lobby);
    }
    await.lobby_id = lobby_id;
    await.timeout_ms = 400;
    await.cookie = 400;
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->read(rig->pusher, none, lobby_id, 700, NULL, NULL), KLP_OK);
    for (int i = 0; i < 5; i++) {
        const klp_event *event = take(rig);
        assert_in_range(event->elapsed_us, event->cookie * 1000, event->cookie * 1000 + 5000000);
        assert_int_equal(event->attempts, 0);
        if (event->op == KLP_OP_AWAIT) {
            assert_true(klp_event_is_await_timeout(event));
        } else {
            assert_true(klp_event_is_session_invalid(event));
            assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
            assert_int_equal(event->http_status, 0);
            assert_int_equal(event->outcome, event->op == KLP_OP_PUSH ? KLP_NOT_APPLIED : KLP_OUTCOME_NONE);
        }
        rig_ack(rig, event);
    }
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 1);
}

/* The grace is over, and the one call that tries hangs. */
static void who_waits_for_the_call_that_tries_is_told_so_as_well(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    klp_lobby hasty = rig_lobby("hasty"), probe = rig_lobby("probe");

    config.session_grace_ms = 100;
    config.max_in_flight = IN_FLIGHT;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"probe\"},\"action\":{\"delay_ms\":20000}}");
    open_refused(rig, &config);
    rig_push(rig, "first");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    probe.deadline_ms = 30000;
    rig_push_lobby(rig, &probe);
    await_arrivals(rig, 2);
    hasty.deadline_ms = 300;
    rig_push_lobby(rig, &hasty);
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_KEY_REFUSED);
    assert_int_equal(rig_stats(rig).gate_opens_in_ms, 0);
}

static void what_was_in_doubt_before_stays_so(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_attempts = 3;
    config.backoff_initial_ms = 1000;
    config.jitter_permille = KLP_JITTER_NONE;
    config.deadline_ms = 6000;
    rig_script(rig, 2, "{\"status\":500,\"apply\":true}");
    rig_open(rig, &config);
    rig_push(rig, "refused");
    rig_push(rig, "waits");
    await_decided(rig, 2);
    key_revoke(rig, SANDBOX_KEY);
    for (int i = 0; i < 2; i++)
        take_failed(rig, KLP_POSSIBLY_APPLIED, KLP_CODE_SESSION_INVALID);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2);
}

static void without_a_grace_each_call_is_refused_for_itself(void **state)
{
    enum { PUSHES = 50 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.session_grace_ms = KLP_GRACE_NONE;
    open_refused(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    for (int i = 0; i < PUSHES; i++) {
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
        assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
    }
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), PUSHES);
    set_key(rig, SECOND_KEY);
    rig_push(rig, "m");
    take_applied(rig, 1);
}

/* ─── What does not hold, and what does not let go ──────────────────────────────────────────────── */

static void other_401s_hold_nobody(void **state)
{
    static const char *const replies[] = {"{\"status\":401,\"code\":\"unauthenticated\"}",
                                          "{\"status\":401,\"body\":\"<html>who are you?</html>\"}"};
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    rig_open(rig, &config);
    for (size_t i = 0; i < 2; i++) {
        rig_script(rig, 1, replies[i]);
        rig_push(rig, "m");
        take_failed(rig, KLP_NOT_APPLIED, i == 0 ? KLP_CODE_UNAUTHENTICATED : KLP_CODE_INTERNAL_ERROR);
        assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
        rig_push(rig, "m");
        take_applied(rig, 1);
    }
}

/* It set out with a key that was good then: that says nothing about now. */
static void a_late_success_of_before_does_not_let_the_others_go(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = IN_FLIGHT;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"slow\"},\"action\":{\"delay_ms\":2000}}");
    rig_open(rig, &config);
    rig_push(rig, "slow");
    await_decided(rig, 1);
    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    rig_push(rig, "lost");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push_many(rig, 0, PUSHES);
    take_applied(rig, 1); /* the slow one */
    assert_int_equal(rig->klp->flush(rig->pusher, 200), KLP_E_TIMEOUT);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 2);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_KEY_REFUSED);
    set_key(rig, SECOND_KEY);
    take_applied(rig, PUSHES);
}

static void slow_requests_of_before_do_not_keep_a_new_key_waiting(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = IN_FLIGHT;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"slow\"},\"action\":{\"delay_ms\":20000}}");
    rig_open(rig, &config);
    rig_push(rig, "slow");
    await_decided(rig, 1);
    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    rig_push(rig, "lost");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push_many(rig, 0, PUSHES);
    set_key(rig, SECOND_KEY);
    take_applied(rig, PUSHES); /* the slow one is still out */
    assert_int_equal(rig_stats(rig).in_flight, 1);
}

static void neither_do_they_keep_the_grace_from_ending(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = IN_FLIGHT;
    config.session_grace_ms = 300;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"slow\"},\"action\":{\"delay_ms\":20000}}");
    rig_open(rig, &config);
    rig_push(rig, "slow");
    await_arrivals(rig, 1);
    key_revoke(rig, SANDBOX_KEY);
    rig_push(rig, "lost");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    key_add(rig, SANDBOX_KEY);
    rig_push_many(rig, 0, 20);
    take_applied(rig, 20);
}

/* The one call that tries is given up: the next one tries instead. */
static void a_try_that_is_cancelled_leaves_it_to_the_next(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = IN_FLIGHT;
    config.session_grace_ms = 100;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"probe\"},\"action\":{\"delay_ms\":20000}}");
    open_refused(rig, &config);
    rig_push(rig, "first");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    klp_ticket probe = rig_push(rig, "probe");
    await_arrivals(rig, 2);
    key_add(rig, SANDBOX_KEY);
    rig_push(rig, "next");
    assert_int_equal(rig->klp->cancel(rig->pusher, probe), KLP_OK);
    take_failed(rig, KLP_POSSIBLY_APPLIED, KLP_CODE_CANCELLED);
    take_applied(rig, 1);
}

static void stop_does_not_wait_for_another_key(void **state)
{
    enum { PUSHES = 30, DRAIN_MS = 300 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_in_flight = 1;
    open_refused(rig, &config);
    lose_the_first(rig);
    rig_push_many(rig, 0, PUSHES);
    uint64_t start_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, DRAIN_MS), KLP_OK);
    assert_in_range(rig_now_ms() - start_ms, 0, DRAIN_MS + 5000);
    for (int i = 0; i < PUSHES; i++)
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SHUTDOWN);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, key_rig_setup, key_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_call_that_met_it_is_lost_and_the_others_wait_for_another_key),
        test(another_key_is_tried_by_one_call_before_the_others_follow),
        test(reads_pings_calls_and_awaits_are_held_as_well),
        test(without_another_key_one_call_at_a_time_tries_after_the_grace),
        test(the_old_key_does_when_the_server_takes_it_again),
        test(who_waits_in_vain_is_told_at_its_own_deadline),
        test(who_waits_for_the_call_that_tries_is_told_so_as_well),
        test(what_was_in_doubt_before_stays_so),
        test(without_a_grace_each_call_is_refused_for_itself),
        test(other_401s_hold_nobody),
        test(a_late_success_of_before_does_not_let_the_others_go),
        test(slow_requests_of_before_do_not_keep_a_new_key_waiting),
        test(neither_do_they_keep_the_grace_from_ending),
        test(a_try_that_is_cancelled_leaves_it_to_the_next),
        test(stop_does_not_wait_for_another_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
