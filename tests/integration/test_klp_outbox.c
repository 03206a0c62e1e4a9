/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line pushes through an outbox, and goes on with what an earlier run has left there. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_outbox.h"

/* Every one of m-1, m-2, … has one event in `events`, in any order. */
static void assert_each_is_told_once(json_t *events, int count)
{
    char key[16];

    assert_int_equal(json_array_size(events), count);
    for (int i = 1; i <= count; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        json_t *those = outbox_those(events, "key", key);
        if (json_array_size(those) != 1)
            fail_msg("%s is told %zu times", key, json_array_size(those));
        json_decref(those);
    }
}

/* ---- what a run leaves, the next goes on with ---- */

static void what_a_kill_leaves_the_next_run_pushes_and_tells(void **state)
{
    enum { ROSTERS = 6 };
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", ROSTERS);
    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 0, ROSTERS);
    assert_contains(run.errors, "klp: the outbox goes on with 6 calls without a verdict, and has 0 verdicts");
    assert_each_is_told_once(run.events, ROSTERS);
    for (size_t i = 0; i < ROSTERS; i++) {
        assert_true(json_is_true(json_object_get(json_array_get(run.events, i), "recovered")));
        assert_string_equal(sandbox_text_at(json_array_get(run.events, i), "outcome"), "applied");
    }
    run_clear(&run);
    assert_int_equal(sandbox_lobby_count(fixture->klp->sandbox), ROSTERS);

    run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture)); /* and tells it once */
    assert_ended(run, 0, 0);
    assert_null(strstr(run.errors, "the outbox goes on"));
    run_clear(&run);
}

static void one_push_goes_on_with_the_others_too(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    struct run run = RUN(fixture->klp->environment, NULL, ONE("m-3"), "--outbox", fixture->directory);
    assert_ended(run, 0, 3);
    assert_each_is_told_once(run.events, 3);
    json_t *recovered = outbox_those(run.events, "key", "m-3");
    assert_true(json_is_false(sandbox_at(recovered, "0.recovered")));
    json_decref(recovered);
    run_clear(&run);
}

static void what_a_signal_leaves_is_told_and_is_possibly_applied(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    fixture_await_requests(fixture->klp, 2);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 0);
    assert_contains(run.errors, "klp: 2 left in the outbox without a verdict");
    run_clear(&run);

    sandbox_unscript(fixture->klp->sandbox);
    run = RUN(fixture->klp->environment, ROW("m-3"), PUSH_MANY(fixture), "--quiet");
    assert_ended(run, 0, 3);
    assert_string_equal(run.errors, "");
    assert_each_is_told_once(run.events, 3);
    run_clear(&run);
}

/* An event leaves the outbox only when its line is out. */
static void what_stdout_did_not_take_the_next_run_tells(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct process_result result;

    struct process *process =
        process_start(&(struct process_setup){.argv = (const char *[]){"klp", PUSH_MANY(fixture), NULL},
                                              .environment = fixture->klp->environment,
                                              .output_path = "/dev/full"});
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "stdout: ");
    process_result_clear(&result);

    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 0, 2);
    assert_contains(run.errors, "klp: the outbox goes on with 0 calls without a verdict, and has 2 verdicts");
    assert_each_is_told_once(run.events, 2);
    assert_int_equal(sandbox_lobby_count(fixture->klp->sandbox), 2);
    run_clear(&run);
}

static void each_name_has_a_file_of_its_own(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 2);
    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 0, 0);
    run_clear(&run);

    run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture), "--name=night");
    assert_ended(run, 0, 2);
    assert_string_equal(sandbox_text_at(run.events, "0.pusher"), "night");
    run_clear(&run);
}

/* Two at once have a file each, and one that comes later takes up one of them. */
static void another_file_of_the_name_is_told_of(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct process *processes[2];

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    for (int i = 0; i < 2; i++) {
        processes[i] = START(fixture->klp, PUSH_MANY(fixture));
        process_give(processes[i], ROW("m-1"), strlen(ROW("m-1")));
        fixture_await_requests(fixture->klp, 1 + i);
    }
    for (int i = 0; i < 2; i++) {
        process_signal(processes[i], SIGKILL);
        struct process_result result = process_finish(processes[i]);
        process_result_clear(&result);
    }
    sandbox_unscript(fixture->klp->sandbox);
    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture), "--quiet");
    assert_ended(run, 0, 1);
    assert_contains(run.errors, ".outbox, of the same name, has 1 calls without a verdict and 0 verdicts, too");
    run_clear(&run);
}

/* ---- durable ---- */

static void written_down_one_after_the_other(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char rows[20 * 64] = "";

    for (int i = 1; i <= 20; i++)
        sprintf(rows + strlen(rows), NUMBERED_ROW, i);
    struct run run = RUN(fixture->klp->environment, rows, PUSH_MANY(fixture), "--durable", "--outbox-sync=normal",
                         "--outbox-max-bytes=16777216");
    assert_ended(run, 0, 20);
    run_clear(&run);
    run = RUN(fixture->klp->environment, NULL, ONE("m-21"), "--outbox", fixture->directory, "--durable");
    assert_ended(run, 0, 1);
    run_clear(&run);
}

/* The disk takes files of some 40 KiB. */
static void what_cannot_be_written_down_is_told_by_its_line(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char rows[40 * 64] = "", script[256];

    for (int i = 1; i <= 40; i++)
        sprintf(rows + strlen(rows), NUMBERED_ROW, i);
    /* no verdicts to be written meanwhile: it is a push that the disk refuses first */
    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":20000}}");
    snprintf(script, sizeof script,
             "trap '' XFSZ; ulimit -f 80; exec \"$BUILD/klp\" push --game game_1 --event duel --outbox %s --durable "
             "--quiet --deadline-ms 8000",
             fixture->directory);
    struct run run =
        run_of(process_run((const char *[]){"/bin/sh", "-c", script, NULL}, fixture->klp->environment, rows));
    assert_contains(run.errors, ": accepted, but not yet written into the outbox after 5000 ms\n");
    assert_contains(run.errors, "klp: line 40: the outbox cannot be written at present\n");
    assert_int_not_equal(run.exit_status, 0);
    run_clear(&run);
}

/* ---- patience ---- */

static void with_an_outbox_a_server_that_is_away_is_waited_for(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":6,\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->klp->environment, ROW("m-1"), PUSH_MANY(fixture), "--jitter=0.001");
    assert_ended(run, 0, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.attempts")), 7); /* without it there are four */
    run_clear(&run);

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    run = RUN(fixture->klp->environment, ROW("m-2"), PUSH_MANY(fixture), "--attempts=2");
    assert_ended(run, 3, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.attempts")), 2);
    run_clear(&run);
}

/* ---- what is refused ---- */

static void an_outbox_is_asked_for_by_name(void **state)
{
    const struct outbox_fixture *fixture = *state;
    const struct fixture *klp = fixture->klp;

    assert_refused(klp, "--durable needs --outbox", MANY, "--durable");
    assert_refused(klp, "--outbox-sync needs --outbox", MANY, "--outbox-sync=full");
    assert_refused(klp, "--outbox-max-bytes needs --outbox", MANY, "--outbox-max-bytes=2000000");
    assert_refused(klp, "--outbox-sync is neither normal nor full", PUSH_MANY(fixture), "--outbox-sync=off");
    assert_refused(klp, "--outbox-max-bytes is not a number from 1048576 to", PUSH_MANY(fixture),
                   "--outbox-max-bytes=1048575");
    assert_refused(klp, "--outbox-max-bytes is not a number", PUSH_MANY(fixture),
                   "--outbox-max-bytes=36893488147419103233"); /* 2^65 + 1 */
    assert_refused(klp, "--outbox is not an option here", "ping", "--outbox=x");
    assert_refused(klp, "outbox directory /nonexistent", MANY, "--outbox=/nonexistent");
}

static void an_outbox_of_another_server_is_not_sent(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 1);
    assert_refused_after(fixture->klp, 1, "it is for http://127.0.0.1:", PUSH_MANY(fixture), "--base-url",
                         "http://127.0.0.1:1");
}

static void the_key_is_in_no_file(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char command[160];

    outbox_leave_pushes(fixture, "klp", 2);
    snprintf(command, sizeof command, "grep -rq key-for-tests-only %s", fixture->directory);
    assert_int_not_equal(system(command), 0);
    snprintf(command, sizeof command, "grep -rq m-2 %s", fixture->directory); /* there is something to be found */
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(what_a_kill_leaves_the_next_run_pushes_and_tells),
        OUTBOX_TEST(one_push_goes_on_with_the_others_too),
        OUTBOX_TEST(what_a_signal_leaves_is_told_and_is_possibly_applied),
        OUTBOX_TEST(what_stdout_did_not_take_the_next_run_tells),
        OUTBOX_TEST(each_name_has_a_file_of_its_own),
        OUTBOX_TEST(another_file_of_the_name_is_told_of),
        OUTBOX_TEST(written_down_one_after_the_other),
        OUTBOX_TEST(what_cannot_be_written_down_is_told_by_its_line),
        OUTBOX_TEST(with_an_outbox_a_server_that_is_away_is_waited_for),
        OUTBOX_TEST(an_outbox_is_asked_for_by_name),
        OUTBOX_TEST(an_outbox_of_another_server_is_not_sent),
        OUTBOX_TEST(the_key_is_in_no_file),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
