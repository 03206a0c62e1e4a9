/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line sends what outboxes hold, in the place of pushers that are gone. */

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

#define DRAIN(fixture) "outbox", "drain", "--outbox", (fixture)->directory

/* Of all files together. */
static void assert_hold(const struct outbox_fixture *fixture, int64_t undecided, int64_t verdicts)
{
    json_t *lines = OUTBOX(fixture, 0, "list", "--json"), *line;
    size_t at;

    json_array_foreach(lines, at, line)
    {
        undecided -= json_integer_value(json_object_get(line, "undecided"));
        verdicts -= json_integer_value(json_object_get(line, "verdicts"));
    }
    assert_int_equal(undecided, 0);
    assert_int_equal(verdicts, 0);
    json_decref(lines);
}

static void assert_count(json_t *events, const char *name, const char *value, size_t count)
{
    json_t *those = outbox_those(events, name, value);
    assert_int_equal(json_array_size(those), count);
    json_decref(those);
}

/* ---- what comes of it ---- */

static void all_is_sent_and_the_verdicts_are_left(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 3);
    outbox_leave_pushes(fixture, "day", 2);
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--deadline-ms=20000");
    assert_ended(run, 0, 5);
    assert_contains(run.errors, "not applied, 0 possibly applied; 0 left without a verdict\n");
    assert_count(run.events, "outcome", "applied", 5);
    assert_count(run.events, "pusher", "night", 3);
    assert_count(run.events, "pusher", "day", 2);
    run_clear(&run);
    assert_hold(fixture, 0, 5);

    run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture), "--name=night"); /* its own host is told */
    assert_ended(run, 0, 3);
    run_clear(&run);
    assert_hold(fixture, 0, 2);
    assert_int_equal(sandbox_lobby_count(fixture->klp->sandbox), 3); /* m-1 to m-3, of both */
}

static void with_ack_they_are_taken(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 2);
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture));
    assert_ended(run, 0, 2);
    run_clear(&run);
    run = RUN(fixture->klp->environment, NULL, DRAIN(fixture)); /* there is nothing to be done */
    assert_ended(run, 0, 0);
    run_clear(&run);
    run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--ack");
    assert_ended(run, 0, 2);
    run_clear(&run);
    assert_hold(fixture, 0, 0);
}

/* A pusher is opened by its name, and takes one of its files. */
static void two_files_of_one_name_are_both_sent(void **state)
{
    const struct outbox_fixture *fixture = *state;
    static const char *const rows[] = {ROW("m-1"), ROW("m-2")};
    struct process *processes[2];

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    for (int i = 0; i < 2; i++) {
        processes[i] = START(fixture->klp, PUSH_MANY(fixture));
        process_give(processes[i], rows[i], strlen(rows[i]));
        fixture_await_requests(fixture->klp, 1 + i);
    }
    for (int i = 0; i < 2; i++) {
        process_signal(processes[i], SIGKILL);
        struct process_result result = process_finish(processes[i]);
        process_result_clear(&result);
    }
    sandbox_unscript(fixture->klp->sandbox);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_count(lines, "kind", "file", 2);
    json_decref(lines);

    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture));
    assert_ended(run, 0, 2);
    assert_count(run.events, "key", "m-1", 1);
    assert_count(run.events, "key", "m-2", 1);
    run_clear(&run);
    assert_hold(fixture, 0, 2);
    lines = OUTBOX(fixture, 0, "list", "--json");
    assert_count(lines, "kind", "file", 2); /* and no third one was made */
    json_decref(lines);
}

static void one_pusher_can_be_chosen(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 3);
    outbox_leave_pushes(fixture, "day", 2);
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--pusher=day");
    assert_ended(run, 0, 2);
    run_clear(&run);
    assert_hold(fixture, 3, 2);
}

static void what_the_server_refuses_is_not_applied(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    sandbox_script(fixture->klp->sandbox,
                   "{\"match\":{\"op\":\"push\"},\"action\":{\"status\":409,\"code\":\"event_disabled\"}}");
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture));
    assert_ended(run, 3, 2); /* since it was sent before, and may have been applied then */
    assert_count(run.events, "outcome", "possibly_applied", 1);
    assert_count(run.events, "outcome", "applied", 1);
    run_clear(&run);
}

/* ---- how it ends ---- */

static void what_is_not_done_in_time_is_left(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--deadline-ms=1500");
    assert_ended(run, 3, 0);
    assert_contains(run.errors, "; 2 left without a verdict\n");
    assert_in_range(run.elapsed_ms, 1500, 1500 + 2000 + 10000);
    run_clear(&run);
    assert_hold(fixture, 2, 0);
}

static void a_signal_ends_it(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    int64_t requests = sandbox_stat(fixture->klp->sandbox, "requests");
    struct process *process = START(fixture->klp, DRAIN(fixture));
    fixture_await_requests(fixture->klp, requests + 2);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 0);
    assert_true(run.elapsed_ms < 20000);
    run_clear(&run);
    assert_hold(fixture, 2, 0);
}

static void what_stdout_does_not_take_stays(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    struct process *process =
        process_start(&(struct process_setup){.argv = (const char *[]){"klp", DRAIN(fixture), "--ack", NULL},
                                              .environment = fixture->klp->environment,
                                              .output_path = "/dev/full"});
    struct process_result result = process_finish(process);
    assert_int_not_equal(result.exit_status, 0);
    assert_contains(result.errors, "klp: stdout: ");
    process_result_clear(&result);

    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--ack");
    assert_ended(run, 0, 2);
    run_clear(&run);
    assert_hold(fixture, 0, 0);
}

static void progress_is_shown_on_a_terminal(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "klp", 2);
    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process =
        process_start(&(struct process_setup){.argv = (const char *[]){"klp", DRAIN(fixture), NULL},
                                              .environment = fixture->klp->environment,
                                              .errors_on_terminal = true});
    process_await_errors_with(process, "\r\x1b[K2 undecided, 0 applied, 0 not applied, 0 possibly applied");
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 0);
    run_clear(&run);
}

/* ---- what is refused ---- */

static void a_key_that_is_refused_sends_nothing(void **state)
{
    const struct outbox_fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=sandbox.key-that-nobody-may-see", fixture->klp->url, NULL};

    outbox_leave_pushes(fixture, "klp", 2);
    int64_t requests = sandbox_stat(fixture->klp->sandbox, "requests");
    struct run run = RUN(environment, NULL, DRAIN(fixture));
    assert_ended(run, 2, 0);
    assert_contains(run.errors, "klp: the server refused the API key (session_invalid): nothing was sent\n");
    run_clear(&run);
    assert_int_equal(sandbox_stat(fixture->klp->sandbox, "requests"), requests + 1); /* the look at the key */
    assert_hold(fixture, 2, 0);

    run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--expect-environment=live");
    assert_ended(run, 2, 0);
    assert_contains(run.errors, "klp: the API key is not of the environment expected: nothing was sent\n");
    run_clear(&run);
    assert_hold(fixture, 2, 0);
    run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--expect-environment=test");
    assert_ended(run, 0, 2);
    run_clear(&run);
}

static void another_server_is_not_sent_to(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct sandbox_client *other = sandbox_start(NULL);

    outbox_leave_pushes(fixture, "klp", 2);
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture), "--base-url", sandbox_url(other));
    assert_ended(run, 2, 0);
    assert_contains(run.errors, "it is for http://127.0.0.1:");
    run_clear(&run);
    assert_int_equal(sandbox_lobby_count(other), 0);
    sandbox_stop(other);
    assert_hold(fixture, 2, 0);
}

static void a_file_in_use_is_left_to_its_pusher(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 2);
    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"key\":\"slow\"},\"times\":-1,\"action\":{\"delay_ms\":4000}}");
    int64_t requests = sandbox_stat(fixture->klp->sandbox, "requests");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("slow"), strlen(ROW("slow")));
    fixture_await_requests(fixture->klp, requests + 1);
    struct run run = RUN(fixture->klp->environment, NULL, DRAIN(fixture));
    assert_ended(run, 1, 2);
    assert_contains(run.errors, ".outbox is in use: it is left to the pusher that has it\n");
    run_clear(&run);
    run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(all_is_sent_and_the_verdicts_are_left),
        OUTBOX_TEST(with_ack_they_are_taken),
        OUTBOX_TEST(two_files_of_one_name_are_both_sent),
        OUTBOX_TEST(one_pusher_can_be_chosen),
        OUTBOX_TEST(what_the_server_refuses_is_not_applied),
        OUTBOX_TEST(what_is_not_done_in_time_is_left),
        OUTBOX_TEST(a_signal_ends_it),
        OUTBOX_TEST(what_stdout_does_not_take_stays),
        OUTBOX_TEST(progress_is_shown_on_a_terminal),
        OUTBOX_TEST(a_key_that_is_refused_sends_nothing),
        OUTBOX_TEST(another_server_is_not_sent_to),
        OUTBOX_TEST(a_file_in_use_is_left_to_its_pusher),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
