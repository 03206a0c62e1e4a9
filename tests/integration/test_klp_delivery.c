/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line: how often, how long and with which key it may be tried. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "klp_fixture.h"

/* ---- the waits between attempts ---- */

static void assert_gaps(const struct fixture *fixture, double least_share, const double due_ms[], size_t count)
{
    json_t *log = sandbox_log(fixture->sandbox);

    assert_int_equal(json_array_size(log), count + 1);
    for (size_t i = 0; i < count; i++) {
        double from_us = json_number_value(sandbox_at(json_array_get(log, i), "at_us"));
        double gap_ms = (json_number_value(sandbox_at(json_array_get(log, i + 1), "at_us")) - from_us) / 1000;
        if (gap_ms < due_ms[i] * least_share - 1 || gap_ms > due_ms[i] + STALL_MS)
            fail_msg("attempt %zu came after %.1f ms, due after %.1f", i + 2, gap_ms, due_ms[i]);
    }
    json_decref(log);
}

static void without_jitter_the_waits_are_those_of_the_backoff(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->environment, NULL, ONE("m-1"), "--jitter", "0", "--attempts", "3");
    assert_ended(run, 3, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.attempts")), 3);
    run_clear(&run);
    assert_gaps(fixture, 1.0, (const double[]){200, 400}, 2);
}

/* Of jitter in full both gaps would be as long in one of 100 × 100 runs. */
static void a_little_jitter_is_a_little(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->environment, NULL, "ping", "--jitter=0.01", "--attempts=3");
    assert_ended(run, 1, 1);
    run_clear(&run);
    assert_gaps(fixture, 0.99, (const double[]){200, 400}, 2);
}

static void jitter_is_a_share_with_at_most_three_decimals(void **state)
{
    static const char *const wrong[] = {"2",   "1.001",  "1.5",    "0.0001", "0.",    ".5",       "-0", "-1",
                                        "+1",  "0.1234", "0.1e-3", "1e0",    "0x1",   "0,5",      "00", "01",
                                        "nan", " 0",     "0 ",     "10",     "0.5.5", SANDBOX_KEY};
    static const char *const right[] = {"0", "1", "0.5", "0.25", "0.125", "1.000", "0.000", "0.001", "1.0"};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_refused(fixture, "--jitter is not a number from 0 to 1 with at most three decimals", "ping", "--jitter",
                       wrong[i]);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct run run = RUN(fixture->environment, NULL, "ping", "--jitter", right[i]);
        assert_ended(run, 0, 1);
        run_clear(&run);
    }
}

/* ---- the deadline ---- */

static void the_deadline_is_over_all_attempts(void **state)
{
    static const struct {
        const char *arguments[16];
        int exit_status;
    } calls[] = {
        {{"klp", ONE("m-1"), "--deadline-ms", "700"}, 3},
        {{"klp", "read", "--game=game_1", "--lobby=lob_1", "--deadline-ms=700"}, 1},
        {{"klp", "ping", "--deadline-ms=700"}, 1},
        {{"klp", "call", "POST", "players", "--deadline-ms=700"}, 3},
    };
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct run run = run_of(process_run(calls[i].arguments, fixture->environment, NULL));
        assert_ended(run, calls[i].exit_status, 1);
        assert_in_range(run.elapsed_ms, 700, 14000);
        run_clear(&run);
    }

    sandbox_unscript(fixture->sandbox);
    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->environment, NULL, "ping", "--deadline-ms=1000", "--jitter=0", "--attempts=100");
    assert_ended(run, 1, 1);
    /* a wait of 800 ms is too long */
    assert_in_range(json_integer_value(sandbox_at(run.events, "0.attempts")), 0, 3);
    run_clear(&run);
}

static void a_deadline_is_a_number(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "--deadline-ms is not a number from 1 to 604800000", "ping", "--deadline-ms=0");
    assert_refused(fixture, "--deadline-ms is not a number from 1 to 604800000", "ping", "--deadline-ms=604800001");
    assert_refused(fixture, "--deadline-ms is not a number", "ping", "--deadline-ms", SANDBOX_KEY);
}

/* ---- the key ---- */

static void a_key_of_another_environment_sends_nothing(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("m-1"), "--expect-environment", "live");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "environment_mismatch");
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "not_applied");
    run_clear(&run);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 0);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 1); /* the look at the key */

    run = RUN(fixture->environment, NULL, ONE("m-1"), "--expect-environment=test");
    assert_ended(run, 0, 1);
    run_clear(&run);

    assert_refused_after(fixture, 3, "--expect-environment is neither live nor test", "ping",
                         "--expect-environment=Test");
    assert_refused_after(fixture, 3, "--expect-environment is neither live nor test", "ping", "--expect-environment",
                         SANDBOX_KEY);
}

static void a_server_that_is_away_is_not_waited_for_to_check_the_key(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("m-1"), "--expect-environment=test", "--base-url",
                         "http://127.0.0.1:1", "--attempts=1", "--timeout-ms=700");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "not_applied");
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);
}

static void a_refused_key_is_not_waited_for(void **state)
{
    const struct fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=late.key-that-nobody-may-see", fixture->url, NULL};
    char rows[40 * 64] = "";

    for (int i = 0; i < 40; i++)
        sprintf(rows + strlen(rows), "{\"key\":\"m-%d\",\"players\":[\"a\"]}\n", i);
    struct run run = RUN(environment, rows, MANY);
    assert_ended(run, 1, 40);
    assert_contains(run.errors, "0 applied (0 of them known before), 40 not applied, 0 possibly applied");
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 40);
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);
}

static void with_a_grace_a_key_may_come_late(void **state)
{
    enum { ROSTERS = 40, AT_ONCE = 8, PROBES = 2 /* in vain, each after a grace */ };
    const struct fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=late.key-that-nobody-may-see", fixture->url, NULL};
    char rows[ROSTERS * 64] = "";

    for (int i = 0; i < ROSTERS; i++)
        sprintf(rows + strlen(rows), "{\"key\":\"m-%d\",\"players\":[\"a\"]}\n", i);
    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, "--grace-ms=3000", NULL}, .environment = environment});
    process_give(process, rows, strlen(rows));
    process_await_output(process, 1);
    nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL); /* for those that were on the wire with it */
    sandbox_change_keys(fixture->sandbox, "{\"add\":[{\"key\":\"late.key-that-nobody-may-see\"}]}");
    struct run run = run_of(process_finish(process));
    assert_int_equal(run.exit_status, 1);
    assert_int_equal(json_array_size(run.events), ROSTERS);
    assert_in_range(sandbox_lobby_count(fixture->sandbox), ROSTERS - AT_ONCE - PROBES, ROSTERS - 1);
    assert_in_range(run.elapsed_ms, 3000, 30000);
    run_clear(&run);
}

static void a_grace_is_for_many_rosters(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "--grace-ms is for many rosters", ONE("m-1"), "--grace-ms=5");
    assert_refused(fixture, "--grace-ms is not a number from 1 to 3600000", MANY, "--grace-ms=0");
    assert_refused(fixture, "--grace-ms is not a number from 1 to 3600000", MANY, "--grace-ms=3600001");
    assert_refused(fixture, "--grace-ms is not an option here", "ping", "--grace-ms=5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_jitter_the_waits_are_those_of_the_backoff),
        TEST(a_little_jitter_is_a_little),
        TEST(jitter_is_a_share_with_at_most_three_decimals),
        TEST(the_deadline_is_over_all_attempts),
        TEST(a_deadline_is_a_number),
        TEST(a_key_of_another_environment_sends_nothing),
        TEST(a_server_that_is_away_is_not_waited_for_to_check_the_key),
        TEST(a_refused_key_is_not_waited_for),
        TEST(with_a_grace_a_key_may_come_late),
        TEST(a_grace_is_for_many_rosters),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
