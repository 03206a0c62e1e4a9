/* SPDX-License-Identifier: Apache-2.0
 * Whether the API key is the one that is meant is asked before anything else is sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "key_rig.h"

/* The sandbox's own key is of "test" and of game_1. */
static klp_config config_expecting(const struct rig *rig, const char *environment)
{
    klp_config config = key_rig_config(rig);
    config.expect_environment = klp_cstr(environment);
    config.jitter_permille = KLP_JITTER_NONE;
    return config;
}

static void open_expecting(struct rig *rig, const char *environment)
{
    klp_config config = config_expecting(rig, environment);
    rig_open(rig, &config);
}

static void script_pings(struct rig *rig, int times, const char *action)
{
    char rule[512];
    snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"ping\"},\"times\":%d,\"action\":%s}", times, action);
    sandbox_script(rig->sandbox, rule);
}

static void take_mismatch(struct rig *rig, int32_t op, const char *code)
{
    const klp_event *event = take(rig);
    assert_int_equal(event->op, op);
    assert_text(event->error_code, code);
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->attempts, 0);
    assert_int_equal(event->sends, 0);
    assert_false(event->retryable);
    rig_ack(rig, event);
}

static void take_ok(struct rig *rig, int32_t op)
{
    const klp_event *event = take(rig);
    assert_int_equal(event->op, op);
    assert_true(event->ok);
    rig_ack(rig, event);
}

/* ─── What the key is ───────────────────────────────────────────────────────────────────────────── */

static void one_ping_goes_before_the_first_call_and_none_before_the_next(void **state)
{
    enum { PUSHES = 30 };
    struct rig *rig = *state;

    script_pings(rig, 1, "{\"delay_ms\":200}");
    open_expecting(rig, "test");
    assert_int_equal(rig->klp->flush(rig->pusher, 100), KLP_OK);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 0); /* nobody wants to know yet */
    rig_push_many(rig, 0, PUSHES);
    take_applied(rig, PUSHES);
    rig_push_many(rig, PUSHES, 2 * PUSHES);
    take_applied(rig, PUSHES);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 2 * PUSHES + 1);
    assert_true(is_ping(log, 0));
    assert_true(arrival_ms(log, 1, "at_us") >= arrival_ms(log, 0, "answered_us"));
    json_decref(log);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 1);
    klp_stats stats = rig_stats(rig); /* it is nobody's call */
    assert_int_equal(stats.accepted, 2 * PUSHES);
    assert_int_equal(stats.queries_ok + stats.queries_failed, 0);
}

static void of_another_environment_nothing_is_written_and_all_else_goes_on(void **state)
{
    static const klp_text segments[] = {KLP_LIT("players"), KLP_LIT("p")};
    struct rig *rig = *state;
    klp_call call = KLP_CALL_INIT;
    klp_text none = KLP_TEXT_NONE, lobby = KLP_LIT("lob_x");

    open_expecting(rig, "live");
    rig_push_many(rig, 0, 20);
    for (int i = 0; i < 20; i++)
        take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_ENVIRONMENT_MISMATCH);
    call.method = klp_cstr("POST");
    call.segments = segments;
    call.segment_count = 2;
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_OK);
    take_mismatch(rig, KLP_OP_CALL, KLP_CODE_ENVIRONMENT_MISMATCH);
    call.method = klp_cstr("GET");
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_OK);
    take_ok(rig, KLP_OP_CALL);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    take_ok(rig, KLP_OP_PING);
    assert_int_equal(rig->klp->read(rig->pusher, none, lobby, 0, NULL, NULL), KLP_OK);
    take_failed(rig, KLP_OUTCOME_NONE, KLP_CODE_NOT_FOUND);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 0);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 2); /* ours, and the host's */
    assert_true(has_line(KLP_LOG_ERROR, "not of the environment \"live\""));
    assert_int_equal(rig_stats(rig).not_applied, 20);
}

static void of_another_game_only_its_pushes_go_out(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");
    klp_lobby lobby = rig_lobby("of-the-keys-game");

    config.game_id = klp_cstr("game_2");
    rig_open(rig, &config);
    lobby.game_id = klp_cstr("game_1");
    for (int i = 0; i < 3; i++) {
        rig_push(rig, "of-the-pushers-game");
        take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_GAME_MISMATCH);
        rig_push_lobby(rig, &lobby);
        take_ok(rig, KLP_OP_PUSH);
    }
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 3);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 1);
    assert_true(has_line(KLP_LOG_ERROR, "not of the game \"game_2\""));
}

static void a_lobby_that_names_another_game_is_not_sent(void **state)
{
    static const char *const games[] = {"game_2", "game_", "game_11", "Game_1"};
    struct rig *rig = *state;

    open_expecting(rig, "test");
    for (size_t i = 0; i < sizeof games / sizeof *games; i++) {
        klp_lobby lobby = rig_lobby("m");
        lobby.game_id = klp_cstr(games[i]);
        rig_push_lobby(rig, &lobby);
        take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_GAME_MISMATCH);
    }
    rig_push(rig, "m");
    take_applied(rig, 1);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 1);
}

static void another_key_is_asked_about_again(void **state)
{
    struct rig *rig = *state;

    key_add_of(rig, SECOND_KEY, "live", "game_1");
    key_add_of(rig, THIRD_KEY, "test", "game_2");
    open_expecting(rig, "live");
    rig_push(rig, "a");
    take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_ENVIRONMENT_MISMATCH);
    set_key(rig, SECOND_KEY);
    rig_push(rig, "b");
    take_applied(rig, 1);
    set_key(rig, THIRD_KEY);
    rig_push(rig, "c");
    take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_ENVIRONMENT_MISMATCH);
    set_key(rig, SECOND_KEY);
    set_key(rig, SECOND_KEY); /* the same again is no other */
    rig_push(rig, "d");
    take_applied(rig, 1);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 4);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 2);
}

static void a_key_that_changes_in_its_file_is_asked_about_again(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);
    klp_config config = config_expecting(rig, "test");

    key_add_of(rig, SECOND_KEY, "live", "game_1");
    config.api_key = klp_cstr(NULL);
    config.api_key_file = klp_cstr(file.path);
    rig_open(rig, &config);
    rig_push(rig, "a");
    take_applied(rig, 1);
    key_file_replace(&file, SECOND_KEY);
    await_next_look();
    rig_push(rig, "b");
    take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_ENVIRONMENT_MISMATCH);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 2);
    key_file_remove(&file);
}

/* ─── It cannot be asked yet ────────────────────────────────────────────────────────────────────── */

static void while_the_ping_fails_in_passing_the_calls_wait(void **state)
{
    enum { PUSHES = 10 };
    static const struct {
        const char *rule;
        size_t failures;
        double gap_ms;
    } passing[] = {
        {"{\"match\":{\"op\":\"ping\"},\"times\":3,\"action\":{\"status\":503}}", 3, 99},
        {"{\"match\":{\"op\":\"ping\"},\"times\":2,\"action\":{\"reset_before\":true}}", 2, 99},
        {"{\"match\":{\"op\":\"ping\"},\"times\":2,\"action\":{\"body\":\"{}\"}}", 2, 99},
        {"{\"match\":{\"op\":\"ping\"},\"times\":1,\"action\":{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}}", 1,
         999},
        {"{\"match\":{\"op\":\"ping\"},\"times\":1,\"action\":{\"status\":503,\"headers\":{\"Retry-After\":\"1\"}}}", 1,
         999},
    };
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        klp_config config = config_expecting(rig, "test");
        config.backoff_initial_ms = 100;
        sandbox_reset(rig->sandbox);
        sandbox_script(rig->sandbox, passing[i].rule);
        rig_open(rig, &config);
        rig_push_many(rig, 0, PUSHES);
        take_applied(rig, PUSHES);
        json_t *log = sandbox_log(rig->sandbox);
        assert_int_equal(json_array_size(log), PUSHES + passing[i].failures + 1);
        for (size_t n = 1; n <= passing[i].failures; n++) {
            assert_true(is_ping(log, n));
            assert_true(arrival_ms(log, n, "at_us") - arrival_ms(log, n - 1, "answered_us") >= passing[i].gap_ms);
        }
        assert_false(is_ping(log, passing[i].failures + 1));
        json_decref(log);
        rig_close(rig);
    }
    assert_true(has_line(KLP_LOG_WARNING, "environment could not be asked for: HTTP 503"));
}

static void who_cannot_wait_that_long_is_told_at_its_deadline(void **state)
{
    static const char *const actions[] = {"{\"status\":503}", "{\"delay_ms\":20000}"};
    struct rig *rig = *state;

    for (size_t i = 0; i < 3; i++) {
        klp_config config = config_expecting(rig, "test");
        char url[64];
        snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
        config.deadline_ms = 400;
        if (i < 2)
            script_pings(rig, -1, actions[i]);
        else
            config.base_url = klp_cstr(url);
        rig_open(rig, &config);
        rig_push_many(rig, 0, 5);
        for (int n = 0; n < 5; n++) {
            const klp_event *event = take(rig);
            assert_true(klp_event_is_deadline_exceeded(event));
            assert_int_equal(event->outcome, KLP_NOT_APPLIED);
            assert_int_equal(event->attempts, 0);
            assert_true(event->retryable);
            assert_in_range(event->elapsed_us, 400000, 5400000);
            rig_ack(rig, event);
        }
        rig_close(rig);
        sandbox_unscript(rig->sandbox);
    }
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 0);
}

static void stop_does_not_wait_for_the_answer(void **state)
{
    enum { DRAIN_MS = 200 };
    struct rig *rig = *state;

    for (int pushes = 0; pushes < 4; pushes += 3) {
        klp_config config = config_expecting(rig, "test");
        config.deadline_ms = 100;
        sandbox_reset(rig->sandbox);
        script_pings(rig, -1, "{\"delay_ms\":20000}");
        rig_open(rig, &config);
        rig_push(rig, "asks");
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_DEADLINE_EXCEEDED); /* and leaves the ping on the wire */
        for (int i = 0; i < pushes; i++) {
            klp_lobby lobby = rig_lobby("m");
            lobby.deadline_ms = 20000;
            rig_push_lobby(rig, &lobby);
        }
        uint64_t start_ms = rig_now_ms();
        assert_int_equal(rig->klp->stop(rig->pusher, DRAIN_MS), KLP_OK);
        assert_in_range(rig_now_ms() - start_ms, 0, DRAIN_MS + 5000);
        for (int i = 0; i < pushes; i++)
            take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SHUTDOWN);
        rig_close(rig);
    }
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 0);
}

/* ─── It is not answered ────────────────────────────────────────────────────────────────────────── */

static void when_the_ping_is_refused_all_that_wait_are_told_and_the_next_asks_again(void **state)
{
    static const struct {
        const char *action, *code;
    } refusals[] = {
        {"{\"status\":403,\"code\":\"forbidden\",\"message\":\"not you\"}", "forbidden"},
        {"{\"status\":404,\"code\":\"not_found\",\"message\":\"not here\"}", "not_found"},
        {"{\"status\":401,\"code\":\"unauthenticated\",\"message\":\"who?\"}", "unauthenticated"},
        {"{\"status\":302,\"body\":\"elsewhere\"}", "internal_error"},
    };
    struct rig *rig = *state;
    klp_text none = KLP_TEXT_NONE, lobby = KLP_LIT("lob_x");

    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        sandbox_reset(rig->sandbox);
        script_pings(rig, -1, refusals[i].action);
        open_expecting(rig, "test");
        rig_push_many(rig, 0, 5);
        rig_push(rig, "m-0"); /* joins */
        for (int n = 0; n < 6; n++) {
            const klp_event *event = take(rig);
            assert_text(event->error_code, refusals[i].code);
            assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
            assert_int_equal(event->outcome, KLP_NOT_APPLIED);
            assert_int_equal(event->attempts, 0);
            assert_int_equal(event->sends, 0);
            rig_ack(rig, event);
        }
        assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
        assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 0);
        size_t asked = arrivals(rig, PINGS_ARRIVED);
        assert_in_range(asked, 1, 6); /* some may have come after the answer */
        sandbox_unscript(rig->sandbox);
        assert_int_equal(rig->klp->read(rig->pusher, none, lobby, 0, NULL, NULL), KLP_OK);
        take_failed(rig, KLP_OUTCOME_NONE, KLP_CODE_NOT_FOUND);
        rig_push(rig, "later");
        take_applied(rig, 1);
        assert_int_equal(arrivals(rig, PINGS_ARRIVED), asked + 1);
        rig_close(rig);
    }
}

/* It set out with a key that was found good, and is not to be told of the next one's trouble. */
static void a_push_on_the_wire_and_what_has_joined_it_are_left_alone(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");

    config.deadline_ms = 20000;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"slow\"},\"times\":1,\"action\":{\"delay_ms\":3000}}");
    key_add(rig, SECOND_KEY);
    rig_open(rig, &config);
    klp_ticket leader = rig_push(rig, "slow");
    await_arrivals(rig, 2);
    klp_ticket follower = rig_push(rig, "slow");
    script_pings(rig, 1, "{\"status\":403,\"code\":\"forbidden\"}");
    set_key(rig, SECOND_KEY);
    rig_push(rig, "refused");
    const klp_event *event = take(rig);
    assert_text(event->key, "refused");
    assert_true(klp_event_is_forbidden(event));
    rig_ack(rig, event);
    for (int i = 0; i < 2; i++) {
        event = take(rig);
        assert_true(event->ticket == leader || event->ticket == follower);
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(rig_stats(rig).queued + rig_stats(rig).in_flight, 0);
    rig_push(rig, "later");
    take_applied(rig, 1);
}

static void what_was_in_doubt_stays_so_when_the_ping_is_refused(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");

    config.max_attempts = 3;
    config.backoff_initial_ms = 2000;
    key_add(rig, SECOND_KEY);
    sandbox_script(rig->sandbox,
                   "{\"match\":{\"op\":\"push\"},\"times\":1,\"action\":{\"status\":500,\"apply\":true}}");
    rig_open(rig, &config);
    rig_push(rig, "m");
    await_arrivals(rig, 2);
    script_pings(rig, 1, "{\"status\":403,\"code\":\"forbidden\"}");
    set_key(rig, SECOND_KEY);
    const klp_event *event = take(rig);
    assert_true(klp_event_is_forbidden(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 1);
    rig_ack(rig, event);
}

static void what_was_in_doubt_stays_so_when_the_key_is_of_another_environment(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");

    config.max_attempts = 3;
    config.backoff_initial_ms = 2000;
    key_add_of(rig, SECOND_KEY, "live", "game_1");
    sandbox_script(rig->sandbox,
                   "{\"match\":{\"op\":\"push\"},\"times\":1,\"action\":{\"status\":500,\"apply\":true}}");
    rig_open(rig, &config);
    rig_push(rig, "m");
    await_arrivals(rig, 2);
    set_key(rig, SECOND_KEY);
    const klp_event *event = take(rig);
    assert_true(klp_event_is_environment_mismatch(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 1);
    rig_ack(rig, event);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 1);
}

/* ─── A key that the server refuses ─────────────────────────────────────────────────────────────── */

static void a_refused_key_costs_no_call_while_its_grace_runs(void **state)
{
    enum { PUSHES = 20 };
    struct rig *rig = *state;

    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    open_expecting(rig, "test");
    rig_push_many(rig, 0, PUSHES);
    await_gate(rig, KLP_GATE_KEY_REFUSED);
    assert_int_equal(rig->klp->flush(rig->pusher, 200), KLP_E_TIMEOUT);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 1);
    set_key(rig, SECOND_KEY);
    take_applied(rig, PUSHES);
    assert_int_equal(arrivals(rig, PINGS_ARRIVED), 2);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
}

static void after_the_grace_it_is_asked_again(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");
    klp_lobby hasty = rig_lobby("hasty");

    config.session_grace_ms = 400;
    key_revoke(rig, SANDBOX_KEY);
    rig_open(rig, &config);
    rig_push(rig, "patient");
    await_gate(rig, KLP_GATE_KEY_REFUSED);
    hasty.deadline_ms = 250;
    rig_push_lobby(rig, &hasty);
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID); /* at its deadline */
    await_arrivals(rig, 2);
    key_add(rig, SANDBOX_KEY);
    take_applied(rig, 1);
    json_t *log = sandbox_log(rig->sandbox);
    assert_true(arrival_ms(log, 1, "at_us") - arrival_ms(log, 0, "answered_us") >= 399);
    json_decref(log);
}

static void without_a_grace_a_refused_key_ends_all_that_wait(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");

    config.session_grace_ms = KLP_GRACE_NONE;
    script_pings(rig, 1, "{\"delay_ms\":300,\"apply_late\":true}");
    key_revoke(rig, SANDBOX_KEY);
    rig_open(rig, &config);
    rig_push_many(rig, 0, 5);
    for (int i = 0; i < 5; i++)
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), 0);
}

/* Neither good news nor another refusal: asked again without a pause it would be asked for ever. */
static void a_suspect_keys_ping_that_is_refused_otherwise_is_not_repeated(void **state)
{
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");

    config.session_grace_ms = 200;
    script_pings(rig, 1, "{\"status\":401,\"code\":\"session_invalid\"}");
    script_pings(rig, -1, "{\"status\":401,\"code\":\"unauthenticated\"}");
    rig_open(rig, &config);
    rig_push_many(rig, 0, 5);
    for (int i = 0; i < 5; i++)
        take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_UNAUTHENTICATED);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 2);
}

/* ─── While the ping is out ─────────────────────────────────────────────────────────────────────── */

static void an_answer_about_a_key_of_before_is_no_answer(void **state)
{
    struct rig *rig = *state;

    key_add_of(rig, SECOND_KEY, "live", "game_1");
    script_pings(rig, 1, "{\"delay_ms\":60000}");
    open_expecting(rig, "test");
    rig_push_many(rig, 0, 5);
    await_arrivals(rig, 1);
    set_key(rig, SECOND_KEY);
    for (int i = 0; i < 5; i++)
        take_mismatch(rig, KLP_OP_PUSH, KLP_CODE_ENVIRONMENT_MISMATCH);
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 2);
}

static void a_refusal_of_a_key_of_before_ends_nobody(void **state)
{
    static const char *const actions[] = {"{\"delay_ms\":60000,\"apply_late\":true}",
                                          "{\"delay_ms\":60000,\"status\":403,\"code\":\"forbidden\"}"};
    struct rig *rig = *state;

    for (size_t i = 0; i < 2; i++) {
        sandbox_reset(rig->sandbox);
        key_add(rig, SANDBOX_KEY);
        key_add(rig, SECOND_KEY);
        script_pings(rig, 1, actions[i]);
        open_expecting(rig, "test");
        rig_push_many(rig, 0, 5);
        arrivals_await(rig, 1);
        set_key(rig, SECOND_KEY);
        key_revoke(rig, SANDBOX_KEY);
        take_applied(rig, 5);
        assert_int_equal(arrivals(rig, PINGS_ARRIVED), 2);
        rig_close(rig);
    }
}

/* The third key is of another game, where the server refuses pushes: none is ever sent with it. */
static void however_the_keys_change_no_push_goes_out_with_the_wrong_one(void **state)
{
    enum { ROUNDS = 60, PUSHES = 10 };
    static const char *const keys[] = {SANDBOX_KEY, THIRD_KEY, SECOND_KEY, THIRD_KEY, THIRD_KEY};
    struct rig *rig = *state;
    klp_config config = config_expecting(rig, "test");
    size_t applied = 0;

    config.on_log = NULL;
    key_add(rig, SECOND_KEY);
    key_add_of(rig, THIRD_KEY, "live", "game_2");
    rig_open(rig, &config);
    for (int round = 0; round < ROUNDS; round++) {
        set_key(rig, keys[round % 5]);
        rig_push_many(rig, round * PUSHES, (round + 1) * PUSHES);
        if (round % 3 == 0)
            set_key(rig, keys[(round + 2) % 5]);
        if (round % 2)
            assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    }
    for (int i = 0; i < ROUNDS * PUSHES; i++) {
        const klp_event *event = take(rig);
        applied += event->outcome == KLP_APPLIED;
        assert_true(event->outcome == KLP_APPLIED || klp_event_is_environment_mismatch(event));
        rig_ack(rig, event);
    }
    assert_true(applied > 0);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), applied);
    assert_int_equal(arrivals(rig, PUSHES_ARRIVED), applied);
}

#define test(name) cmocka_unit_test_setup_teardown(name, key_rig_setup, key_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(one_ping_goes_before_the_first_call_and_none_before_the_next),
        test(of_another_environment_nothing_is_written_and_all_else_goes_on),
        test(of_another_game_only_its_pushes_go_out),
        test(a_lobby_that_names_another_game_is_not_sent),
        test(another_key_is_asked_about_again),
        test(a_key_that_changes_in_its_file_is_asked_about_again),
        test(while_the_ping_fails_in_passing_the_calls_wait),
        test(who_cannot_wait_that_long_is_told_at_its_deadline),
        test(stop_does_not_wait_for_the_answer),
        test(when_the_ping_is_refused_all_that_wait_are_told_and_the_next_asks_again),
        test(a_push_on_the_wire_and_what_has_joined_it_are_left_alone),
        test(what_was_in_doubt_stays_so_when_the_ping_is_refused),
        test(what_was_in_doubt_stays_so_when_the_key_is_of_another_environment),
        test(a_refused_key_costs_no_call_while_its_grace_runs),
        test(after_the_grace_it_is_asked_again),
        test(without_a_grace_a_refused_key_ends_all_that_wait),
        test(a_suspect_keys_ping_that_is_refused_otherwise_is_not_repeated),
        test(an_answer_about_a_key_of_before_is_no_answer),
        test(a_refusal_of_a_key_of_before_ends_nobody),
        test(however_the_keys_change_no_push_goes_out_with_the_wrong_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
