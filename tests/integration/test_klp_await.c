/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, waiting for a lobby. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "klp_fixture.h"

#define AWAIT(id, ...) "await", "--game=game_1", "--lobby", id, __VA_ARGS__

/* A lobby of two players, which bots fill up, one in 50 ms. */
static void push_forming(const struct fixture *fixture, const char *capacity, char id[64])
{
    struct run run = RUN(fixture->environment, NULL, "push", "--game=game_1", "--event=bot_brawl", "--key=match-1",
                         "--player=alice", "--player=bob", "--capacity", capacity);
    assert_ended(run, 0, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.status"), "forming");
    snprintf(id, 64, "%s", sandbox_text_at(run.events, "0.lobby_id"));
    run_clear(&run);
}

static void it_ends_with_0_once_the_lobby_is_active(void **state)
{
    const struct fixture *fixture = *state;
    char id[64];

    push_forming(fixture, "1000", id);
    struct process *process = START(fixture, AWAIT(id, "--interval-ms=100"));
    fixture_await_requests(fixture, 1 + 2); /* it looks more than once */
    sandbox_advance_clock(fixture->sandbox, 120);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    assert_string_equal(run.errors, "");
    assert_string_equal(sandbox_text_at(run.events, "0.op"), "await");
    assert_true(json_is_true(sandbox_at(run.events, "0.ok")));
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.status"), "active");
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.id"), id);
    run_clear(&run);

    run = RUN(fixture->environment, NULL, AWAIT(id, "--timeout-ms=9000")); /* at the first look */
    assert_ended(run, 0, 1);
    assert_true(run.elapsed_ms < 9000);
    run_clear(&run);
}

static void it_ends_with_1_and_the_last_state_when_its_time_is_up(void **state)
{
    const struct fixture *fixture = *state;
    char id[64];

    push_forming(fixture, "5000", id);
    struct run run = RUN(fixture->environment, NULL, AWAIT(id, "--timeout-ms=700", "--interval-ms=50"));
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "await_timeout");
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.status"), "forming");
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.id"), id);
    assert_in_range(run.elapsed_ms, 700, 14000);
    run_clear(&run);
}

static void the_interval_is_the_one_that_is_given(void **state)
{
    const struct fixture *fixture = *state;
    char id[64];

    push_forming(fixture, "5000", id);
    struct run run = RUN(fixture->environment, NULL, AWAIT(id, "--timeout-ms=2700", "--interval-ms=3600000"));
    assert_ended(run, 1, 1);
    run_clear(&run);
    assert_in_range(sandbox_stat(fixture->sandbox, "requests"), 2, 3); /* a last look before it gives up is fine */
}

static void a_lobby_that_is_not_there_ends_it_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, AWAIT("lob_none", "--timeout-ms=30000"));
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "not_found");
    assert_true(run.elapsed_ms < 20000);
    run_clear(&run);
}

static void reads_that_fail_in_passing_are_made_up_for(void **state)
{
    const struct fixture *fixture = *state;
    char id[64];

    push_forming(fixture, "8", id);
    sandbox_script(fixture->sandbox, "[{\"match\":{\"op\":\"read\"},\"times\":2,\"action\":{\"status\":503}},"
                                     "{\"match\":{\"op\":\"read\"},\"action\":{\"reset_before\":true}}]");
    struct run run = RUN(fixture->environment, NULL, AWAIT(id, "--interval-ms=50"));
    assert_ended(run, 0, 1);
    run_clear(&run);
}

static void a_signal_ends_it(void **state)
{
    const struct fixture *fixture = *state;
    char id[64];

    push_forming(fixture, "5000", id);
    struct process *process = START(fixture, AWAIT(id, "--interval-ms=50"));
    fixture_await_requests(fixture, 2);
    process_signal(process, SIGINT);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "shutdown");
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);
}

static void wrong_usage_is_refused(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "--game is missing", "await", "--lobby=x");
    assert_refused(fixture, "--lobby is missing", "await", "--game=x");
    assert_refused(fixture, "--timeout-ms is not a number from 1 to 604800000", AWAIT("x", "--timeout-ms=0"));
    assert_refused(fixture, "--timeout-ms is not a number from 1 to 604800000", AWAIT("x", "--timeout-ms=604800001"));
    assert_refused(fixture, "--interval-ms is not a number from 10 to 3600000", AWAIT("x", "--interval-ms=9"));
    assert_refused(fixture, "--interval-ms is not a number from 10 to 3600000", AWAIT("x", "--interval-ms=3600001"));
    assert_refused(fixture, "--interval-ms is not a number", AWAIT("x", "--interval-ms", SANDBOX_KEY));
    assert_refused(fixture, "--attempts is not an option here", AWAIT("x", "--attempts=2"));
    assert_refused(fixture, "--deadline-ms is not an option here", AWAIT("x", "--deadline-ms=2"));
    assert_refused(fixture, "lobby_id", AWAIT("..", "--timeout-ms=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_ends_with_0_once_the_lobby_is_active),
        TEST(it_ends_with_1_and_the_last_state_when_its_time_is_up),
        TEST(the_interval_is_the_one_that_is_given),
        TEST(a_lobby_that_is_not_there_ends_it_with_1),
        TEST(reads_that_fail_in_passing_are_made_up_for),
        TEST(a_signal_ends_it),
        TEST(wrong_usage_is_refused),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
