/* SPDX-License-Identifier: Apache-2.0
 * What a pusher tries again and when, as the server's log of arrivals has it. */

/* runs alone: measures how late attempts come */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

/* Milliseconds between the arrivals number i and i + 1. */
static double gap_ms(json_t *log, size_t i)
{
    double from = json_number_value(json_object_get(json_array_get(log, i), "at_us"));
    return (json_number_value(json_object_get(json_array_get(log, i + 1), "at_us")) - from) / 1000;
}

static void assert_gap(json_t *log, size_t i, double due_ms)
{
    double gap = gap_ms(log, i);
    if (gap < due_ms - 1 || gap > due_ms + STALL_MS)
        fail_msg("attempt %zu came after %.1f ms, due after %.1f", i + 2, gap, due_ms);
}

static void attempts_follow_the_schedule_with_the_same_bytes(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    rig_script(rig, 3, "{\"status\":503}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_true(event->ok && event->outcome == KLP_APPLIED && !event->replayed);
    assert_int_equal(event->attempts, 4);
    assert_int_equal(event->sends, 4);
    assert_int_equal(event->http_status, 201);
    rig_ack(rig, event);

    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 4);
    assert_gap(log, 0, 200);
    assert_gap(log, 1, 400);
    assert_gap(log, 2, 800);
    for (size_t i = 1; i < 4; i++)
        assert_string_equal(sandbox_text_at(json_array_get(log, i), "body"),
                            sandbox_text_at(json_array_get(log, 0), "body"));
    json_decref(log);
    assert_int_equal(rig_stats(rig).attempts, 4);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void just_what_the_contract_names_is_tried_again(void **state)
{
    static const struct {
        int status;
        bool is_retried;
    } statuses[] = {{408, true},  {425, true},  {429, true},  {500, true},  {502, true},  {503, true},
                    {504, true},  {302, false}, {400, false}, {401, false}, {403, false}, {404, false},
                    {409, false}, {410, false}, {422, false}, {501, false}, {505, false}};
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.max_attempts = 2;
    config.backoff_initial_ms = 1;
    rig_open(rig, &config);
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char action[64], key[32];
        snprintf(action, sizeof action, "{\"status\":%d}", statuses[i].status);
        snprintf(key, sizeof key, "m-%zu", i);
        rig_script(rig, 1, action);
        print_message("  %d\n", statuses[i].status);
        const klp_event *event = rig_push_and_take(rig, key);
        assert_int_equal(event->attempts, statuses[i].is_retried ? 2 : 1);
        assert_int_equal(event->ok, statuses[i].is_retried);
        rig_ack(rig, event);
    }
}

static void what_fails_below_http_is_tried_again(void **state)
{
    static const char *const actions[] = {
        "{\"reset_before\":true}", "{\"reset_after\":true}",           "{\"close_before\":true}", "{\"cut_body\":true}",
        "{\"garbage\":true}",      "{\"status\":201,\"body\":\"{}\"}", /* a push is sent again, its key makes that safe
                                                                        */
    };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.backoff_initial_ms = 1;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        print_message("  %s\n", actions[i]);
        sandbox_reset(rig->sandbox);
        rig_script(rig, 1, actions[i]);
        rig_open(rig, &config);
        const klp_event *event = rig_push_and_take(rig, "match-7");
        assert_true(event->ok && event->outcome == KLP_APPLIED);
        assert_int_equal(event->attempts, 2);
        rig_ack(rig, event);
        rig_close(rig);
        assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    }
}

static void a_reply_lost_after_apply_is_found_again(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    rig_script(rig, 1, "{\"reset_after\":true}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "match-7");
    assert_true(event->ok && event->outcome == KLP_APPLIED && event->replayed);
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void what_may_have_been_applied_stays_so(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.backoff_initial_ms = 1;
    rig_script(rig, 1, "{\"reset_after\":true}");
    rig_script(rig, 1, "{\"status\":409,\"code\":\"event_disabled\"}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_false(event->ok);
    assert_text(event->error_code, "event_disabled"); /* the last attempt's error … */
    assert_int_equal(event->http_status, 409);
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED); /* … and the first one's doubt */
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void attempts_that_are_used_up_end_with_the_last_error(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    char url[64];

    config.backoff_initial_ms = 1;
    rig_script(rig, 3, "{\"status\":429}");
    rig_script(rig, 1, "{\"status\":503,\"code\":\"maintenance\"}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_text(event->error_code, "maintenance");
    assert_int_equal(event->attempts, 4);
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_true(event->retryable);
    rig_ack(rig, event);
    rig_close(rig);

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config.base_url = klp_cstr(url);
    rig_open(rig, &config);
    event = rig_push_and_take(rig, "m");
    assert_text(event->error_code, "network_error");
    assert_int_equal(event->attempts, 4);
    assert_int_equal(event->sends, 0);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    rig_ack(rig, event);
}

static void retry_after_is_a_floor_under_the_wait(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    rig_open(rig, &config);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_true(event->ok);
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
    json_t *log = sandbox_log(rig->sandbox);
    assert_gap(log, 0, 1000);
    json_decref(log);
}

static void a_wait_past_the_deadline_ends_the_push_at_once(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_lobby lobby = rig_lobby("m");

    lobby.deadline_ms = 20000;
    rig_script(rig, -1, "{\"status\":429,\"headers\":{\"Retry-After\":\"60\"}}");
    rig_open(rig, &config);
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig); /* within ten seconds */
    assert_text(event->error_code, "rate_limited");
    assert_int_equal(event->retry_after_ms, 60000);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    rig_ack(rig, event);
}

static void reads_and_pings_are_tried_again_too(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");

    config.backoff_initial_ms = 1;
    rig_open(rig, &config);
    rig_script(rig, 2, "{\"reset_before\":true}");
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_true(event->ok);
    assert_int_equal(event->attempts, 3);
    rig_ack(rig, event);
    rig_script(rig, 1, "{\"status\":500}");
    assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 0, NULL, NULL), KLP_OK);
    event = rig_take(rig);
    assert_text(event->error_code, "not_found");
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
}

static void stop_decides_what_waits_for_its_next_attempt(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    const klp_event *event;

    config.backoff_initial_ms = 20000;
    config.backoff_max_ms = 20000;
    rig_script(rig, 1, "{\"reset_after\":true}"); /* first: on a kept connection libcurl would resend by itself */
    rig_script(rig, 1, "{\"status\":429}");
    rig_open(rig, &config);
    rig_push(rig, "doubtful");
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (rig_stats(rig).attempts < 1 && rig_now_ms() < limit_ms)
        rig_blink();
    rig_push(rig, "refused");
    while (rig_stats(rig).attempts < 2 && rig_now_ms() < limit_ms)
        rig_blink();
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    for (int i = 0; i < 2; i++) {
        event = rig_take(rig);
        bool is_refused = strcmp(event->key.data, "refused") == 0;
        assert_text(event->error_code, "shutdown");
        assert_int_equal(event->attempts, 1);
        assert_int_equal(event->outcome, is_refused ? KLP_NOT_APPLIED : KLP_POSSIBLY_APPLIED);
        rig_ack(rig, event);
    }
}

/* A server that loses a third of the connections, half of them after it applied what came: each roster once, each push
 * one verdict, and none that contradicts the server. */
static void no_verdict_contradicts_a_server_that_loses_connections(void **state)
{
#ifdef __SANITIZE_THREAD__
    enum { PUSHES = 200 };
#else
    enum { PUSHES = 500 };
#endif
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    json_t *told = json_object();
    char key[32];

    config.jitter_permille = 1000;
    config.backoff_initial_ms = 5;
    sandbox_script(rig->sandbox, "[{\"match\":{\"op\":\"push\"},\"times\":-1,\"share_permille\":167,\"seed\":1,"
                                 "\"action\":{\"reset_before\":true}},"
                                 "{\"match\":{\"op\":\"push\"},\"times\":-1,\"share_permille\":200,\"seed\":2,"
                                 "\"action\":{\"reset_after\":true}},"
                                 "{\"match\":{\"op\":\"push\"},\"times\":-1,\"share_permille\":100,\"seed\":3,"
                                 "\"action\":{\"status\":429}}]");
    rig_open(rig, &config);
    for (int i = 0; i < PUSHES; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(rig, key);
    }
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(json_object_set_new_nocheck(told, event->key.data, json_integer(event->outcome)), 0);
        assert_int_equal(event->ok, event->outcome == KLP_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(json_object_size(told), PUSHES);

    json_t *lobbies = sandbox_lobbies(rig->sandbox), *lobby;
    json_t *there = json_object();
    size_t i;
    json_array_foreach(lobbies, i, lobby)
    {
        assert_null(json_object_get(there, sandbox_text_at(lobby, "key"))); /* exactly once */
        json_object_set(there, sandbox_text_at(lobby, "key"), lobby);
    }
    const char *name;
    json_t *outcome;
    json_object_foreach(told, name, outcome)
    {
        bool is_there = json_object_get(there, name) != NULL;
        if (json_integer_value(outcome) == KLP_APPLIED)
            assert_true(is_there);
        if (json_integer_value(outcome) == KLP_NOT_APPLIED)
            assert_false(is_there);
    }
    assert_true(rig_stats(rig).attempts > PUSHES * 5 / 4); /* there was something to try again */
    assert_true(rig_stats(rig).applied > PUSHES * 9 / 10);
    json_decref(lobbies);
    json_decref(there);
    json_decref(told);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(attempts_follow_the_schedule_with_the_same_bytes),
        test(just_what_the_contract_names_is_tried_again),
        test(what_fails_below_http_is_tried_again),
        test(a_reply_lost_after_apply_is_found_again),
        test(what_may_have_been_applied_stays_so),
        test(attempts_that_are_used_up_end_with_the_last_error),
        test(retry_after_is_a_floor_under_the_wait),
        test(a_wait_past_the_deadline_ends_the_push_at_once),
        test(reads_and_pings_are_tried_again_too),
        test(stop_decides_what_waits_for_its_next_attempt),
        test(no_verdict_contradicts_a_server_that_loses_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
