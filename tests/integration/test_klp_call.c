/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, making any other call. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_fixture.h"

#define MIB    ((size_t)1 << 20)
#define CREDIT "players", "alice", "wallet", "gold", "credit"

/* What the server saw of call `nth`, from 0. New reference. */
static json_t *arrival(const struct fixture *fixture, size_t nth)
{
    json_t *log = sandbox_log(fixture->sandbox);
    json_t *one = json_incref(json_array_get(log, nth));
    if (!one)
        fail_msg("the sandbox saw %zu calls only", json_array_size(log));
    json_decref(log);
    return one;
}

/* ---- every kind of method ---- */

static void every_method_comes_back_as_it_was_sent(void **state)
{
    static const struct {
        const char *method, *body, *outcome;
        bool is_stamped;
    } calls[] = {
        {"GET", NULL, NULL, false},
        {"POST", "{\"amount\":5,\"reason\":\"x\"}", "applied", true},
        {"POST", NULL, "applied", true},
        {"PUT", "{\"a\":[1,null,\"ż\"]}", "applied", true},
        {"PATCH", "{\"a\":{}}", "applied", true},
        {"DELETE", NULL, "applied", false},
        {"DELETE", "{\"a\":1}", "applied", false},
    };
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct run run = calls[i].body
                             ? RUN(fixture->environment, NULL, "call", calls[i].method, CREDIT, "--body", calls[i].body)
                             : RUN(fixture->environment, NULL, "call", calls[i].method, CREDIT);
        assert_ended(run, 0, 1);
        assert_string_equal(run.errors, "");
        assert_string_equal(sandbox_text_at(run.events, "0.op"), "call");
        assert_string_equal(sandbox_text_at(run.events, "0.method"), calls[i].method);
        assert_string_equal(sandbox_text_at(run.events, "0.path"), "/server/v1/players/alice/wallet/gold/credit");
        if (calls[i].outcome)
            assert_string_equal(sandbox_text_at(run.events, "0.outcome"), calls[i].outcome);
        else
            assert_null(sandbox_at(run.events, "0.outcome"));

        json_t *echo = sandbox_at(run.events, "0.data.echo");
        assert_string_equal(sandbox_text_at(echo, "method"), calls[i].method);
        assert_string_equal(sandbox_text_at(echo, "path"), "/server/v1/players/alice/wallet/gold/credit");

        json_t *body = json_object_get(echo, "body");
        assert_int_equal(json_is_object(body), calls[i].body || calls[i].is_stamped);
        assert_int_equal(json_object_size(json_object_get(body, "idempotencyKey")), 0);
        assert_int_equal(json_is_string(json_object_get(body, "idempotencyKey")), calls[i].is_stamped);
        json_object_del(body, "idempotencyKey");
        json_t *expected = calls[i].body ? json_loads(calls[i].body, 0, NULL) : json_object();
        assert_true(!json_is_object(body) || json_equal(body, expected));
        json_decref(expected);
        run_clear(&run);
    }
}

static void an_idempotency_key_of_ones_own_is_kept(void **state)
{
    const struct fixture *fixture = *state;

    for (int round = 0; round < 2; round++) {
        struct run run = RUN(fixture->environment, NULL, "call", "POST", CREDIT, "--body",
                             "{\"amount\":5,\"idempotencyKey\":\"order-77\"}");
        assert_ended(run, 0, 1);
        assert_string_equal(sandbox_text_at(run.events, "0.data.echo.body.idempotencyKey"), "order-77");
        run_clear(&run);
    }
}

static void a_retry_has_the_idempotency_key_of_the_first_attempt(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"op\":\"call\"},\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->environment, NULL, "call", "POST", CREDIT, "--body", "{\"amount\":5}");
    assert_ended(run, 0, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "applied");
    assert_true(json_integer_value(sandbox_at(run.events, "0.sends")) >= 2);
    run_clear(&run);

    json_t *first = arrival(fixture, 0), *second = arrival(fixture, 1);
    assert_contains(sandbox_text_at(first, "body"), "\"idempotencyKey\":\"");
    assert_string_equal(sandbox_text_at(second, "body"), sandbox_text_at(first, "body"));
    json_decref(first);
    json_decref(second);
}

/* ---- the words of its path ---- */

static void options_may_stand_anywhere_before_two_dashes(void **state)
{
    static const char *const arguments[][14] = {
        {"klp", "call", "--body={\"a\":1}", "POST", "players", "--attempts", "1", "--body", "x y"},
        {"klp", "call", "POST", "--attempts=1", "--body", "{\"a\":1}", "--", "players", "--body", "x y"},
        {"klp", "call", "--body", "{\"a\":1}", "--attempts=1", "--", "POST", "players", "--body", "x y"},
        {"klp", "call", "POST", "players", "--body", "{\"a\":1}", "--", "--body", "x y", "--attempts=1"},
    };
    static const char *const paths[] = {NULL, "/server/v1/players/--body/x%20y", "/server/v1/players/--body/x%20y",
                                        "/server/v1/players/--body/x%20y/--attempts%3D1"};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        struct run run = run_of(process_run(arguments[i], fixture->environment, NULL));
        if (!paths[i]) { /* without the dashes it is an option, here one that is given twice */
            assert_contains(run.errors, "--body is given twice");
            assert_ended(run, 2, 0);
        } else {
            assert_ended(run, 0, 1);
            assert_string_equal(sandbox_text_at(run.events, "0.path"), paths[i]);
            assert_int_equal(json_integer_value(sandbox_at(run.events, "0.data.echo.body.a")), 1);
        }
        run_clear(&run);
    }
}

static void every_segment_is_one_part_of_the_path(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "call", "GET", "players", "a/b?c#d%", "żółć", "a=b");
    assert_ended(run, 0, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.path"),
                        "/server/v1/players/a%2Fb%3Fc%23d%25/%C5%BC%C3%B3%C5%82%C4%87/a%3Db");
    run_clear(&run);
}

/* ---- its body ---- */

static void a_body_may_come_from_stdin(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, "\n{\"amount\": 7}\n", "call", "POST", CREDIT, "--body", "-");
    assert_ended(run, 0, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.data.echo.body.amount")), 7);
    run_clear(&run);

    run = RUN(fixture->environment, "not to be read", "call", "POST", CREDIT);
    assert_ended(run, 0, 1);
    run_clear(&run);
}

static void a_body_that_cannot_be_is_never_sent(void **state)
{
    const struct fixture *fixture = *state;
    char *body = malloc(MIB + 2);

    assert_non_null(body);
    memset(body, ' ', MIB + 1);
    memcpy(body, "{}", 2);
    body[MIB + 1] = '\0';
    struct run run = RUN(fixture->environment, body, "call", "POST", CREDIT, "--body=-");
    free(body);
    assert_contains(run.errors, "stdin has more than 1 MiB");
    assert_ended(run, 2, 0);
    run_clear(&run);

    run = RUN(fixture->environment, "", "call", "POST", CREDIT, "--body=-");
    assert_contains(run.errors, "stdin is empty");
    assert_ended(run, 2, 0);
    run_clear(&run);

    run = RUN(fixture->environment, "[]", "call", "POST", CREDIT, "--body=-");
    assert_contains(run.errors, "body_json");
    assert_ended(run, 2, 0);
    run_clear(&run);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 0);
}

static void a_signal_ends_the_reading_of_a_body(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, "call", "POST", CREDIT, "--body=-");
    process_give(process, "{", 1);
    process_signal(process, SIGTERM);
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, SIGTERM);
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 0);
}

/* ---- what became of it ---- */

static void the_exit_status_is_the_outcome(void **state)
{
    static const struct {
        const char *method, *action;
        int exit_status;
        const char *outcome, *code;
    } calls[] = {
        {"POST", "{\"status\":422,\"code\":\"too_poor\"}", 1, "not_applied", "too_poor"},
        {"DELETE", "{\"status\":409,\"code\":\"conflict\"}", 1, "not_applied", "conflict"},
        {"GET", "{\"status\":404,\"code\":\"not_found\"}", 1, NULL, "not_found"},
        {"GET", "{\"reset_after\":true}", 1, NULL, "network_error"},
        {"POST", "{\"reset_after\":true}", 3, "possibly_applied", "network_error"},
        {"PATCH", "{\"status\":503}", 3, "possibly_applied", "internal_error"},
        {"PUT", "{\"body\":\"no JSON\"}", 3, "possibly_applied", "invalid_response"},
    };
    const struct fixture *fixture = *state;
    char rule[256];

    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        snprintf(rule, sizeof rule, "{\"times\":-1,\"action\":%s}", calls[i].action);
        sandbox_unscript(fixture->sandbox);
        sandbox_script(fixture->sandbox, rule);
        struct run run = RUN(fixture->environment, NULL, "call", calls[i].method, CREDIT, "--attempts=2", "--jitter=0");
        assert_ended(run, calls[i].exit_status, 1);
        assert_string_equal(sandbox_text_at(run.events, "0.error.code"), calls[i].code);
        if (calls[i].outcome)
            assert_string_equal(sandbox_text_at(run.events, "0.outcome"), calls[i].outcome);
        run_clear(&run);
    }
}

static void a_server_that_is_not_there_changed_nothing(void **state)
{
    const struct fixture *fixture = *state;

    struct run run =
        RUN(fixture->environment, NULL, "call", "POST", CREDIT, "--attempts=1", "--base-url", "http://127.0.0.1:1");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "not_applied");
    run_clear(&run);
}

/* ---- wrong usage ---- */

static void wrong_usage_is_refused_without_what_was_given(void **state)
{
    const struct fixture *fixture = *state;
    const char *many[24] = {"klp", "call", "POST"};

    assert_refused(fixture, "the method is missing", "call");
    assert_refused(fixture, "the method is missing", "call", "--body={}");
    assert_refused(fixture, "a segment of the path is missing", "call", "POST");
    assert_refused(fixture, "none of GET, POST", "call", "post", CREDIT);
    assert_refused(fixture, "none of GET, POST", "call", "HEAD", CREDIT);
    assert_refused(fixture, "none of GET, POST", "call", SANDBOX_KEY, CREDIT);
    assert_refused(fixture, "none of GET, POST", "call", "--", SANDBOX_KEY);
    assert_refused(fixture, "KRATY_SERVER_KEY instead", "call", "GET", "players", "--api-key", SANDBOX_KEY);
    assert_refused(fixture, "belongs to no option", "call", "GET", "players", "-x");
    assert_refused(fixture, "--game is not an option", "call", "GET", "players", "--game=game_1");
    assert_refused(fixture, "--body is empty", "call", "POST", "players", "--body=");
    assert_refused(fixture, "body_json", "call", "POST", "players", "--body=[]");
    assert_refused(fixture, "body_json", "call", "POST", "players", "--body={\"a\":}");
    assert_refused(fixture, "body_json", "call", "GET", "players", "--body={}");
    assert_refused(fixture, "segments[1]", "call", "GET", "players", "..");
    assert_refused(fixture, "segments[1]", "call", "GET", "players", "");
    assert_refused(fixture, "segments[0]", "call", "GET", "\xff");
    for (size_t i = 3; i < 3 + 17; i++)
        many[i] = "a";
    struct run run = run_of(process_run(many, fixture->environment, NULL));
    assert_contains(run.errors, "16");
    assert_ended(run, 2, 0);
    run_clear(&run);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_method_comes_back_as_it_was_sent),
        TEST(an_idempotency_key_of_ones_own_is_kept),
        TEST(a_retry_has_the_idempotency_key_of_the_first_attempt),
        TEST(options_may_stand_anywhere_before_two_dashes),
        TEST(every_segment_is_one_part_of_the_path),
        TEST(a_body_may_come_from_stdin),
        TEST(a_body_that_cannot_be_is_never_sent),
        TEST(a_signal_ends_the_reading_of_a_body),
        TEST(the_exit_status_is_the_outcome),
        TEST(a_server_that_is_not_there_changed_nothing),
        TEST(wrong_usage_is_refused_without_what_was_given),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
