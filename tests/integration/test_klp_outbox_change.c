/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line puts outboxes right: hastens, gives up and sends again. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "klp_outbox.h"

static int64_t number_at(json_t *json, const char *path)
{
    return json_integer_value(sandbox_at(json, path));
}

/* In the file as it is: undecided, verdicts, failed. */
static void assert_holds(const struct outbox_fixture *fixture, int64_t undecided, int64_t verdicts, int64_t failed)
{
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");

    assert_int_equal(number_at(lines, "0.undecided"), undecided);
    assert_int_equal(number_at(lines, "0.verdicts"), verdicts);
    assert_int_equal(number_at(lines, "0.failed"), failed);
    json_decref(lines);
}

/* Until list has so many lines with this member. */
static void await_lines(const struct outbox_fixture *fixture, const char *member, size_t count)
{
    uint64_t from_ms = guest_now_ms();

    for (size_t found = 0, at; found < count;) {
        json_t *lines = OUTBOX(fixture, 0, "list", "--json"), *line;
        found = 0;
        json_array_foreach(lines, at, line) found += json_object_get(line, member) != NULL;
        json_decref(lines);
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
    }
}

/* Leaves pushes m-1, m-2, … of which the first was refused with a pause that holds back the others. */
static void leave_waiting(const struct outbox_fixture *fixture, int count)
{
    char row[64];

    sandbox_script(fixture->klp->sandbox,
                   "{\"times\":-1,\"action\":{\"status\":429,\"headers\":{\"Retry-After\":\"100\"}}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    for (int i = 1; i <= count; i++) {
        snprintf(row, sizeof row, NUMBERED_ROW, i);
        process_give(process, row, strlen(row));
        await_lines(fixture, "last_error", 1);
    }
    await_lines(fixture, "ticket", (size_t)count);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 0);
    run_clear(&run);
    sandbox_unscript(fixture->klp->sandbox);
}

/* ---- retry-now ---- */

static void what_waits_is_due_at_once(void **state)
{
    const struct outbox_fixture *fixture = *state;
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    leave_waiting(fixture, 1);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_true(number_at(lines, "1.next_unix_ms") > now_ms + 60000);
    char *before = json_dumps(json_array_get(lines, 1), JSON_SORT_KEYS);
    json_decref(lines);

    json_decref(OUTBOX(fixture, 1, "retry-now", "7"));
    lines = OUTBOX(fixture, 0, "list", "--json");
    assert_true(number_at(lines, "1.next_unix_ms") > now_ms + 60000);
    json_decref(lines);

    json_decref(OUTBOX(fixture, 0, "retry-now", "1"));
    lines = OUTBOX(fixture, 0, "list", "--json");
    assert_true(number_at(lines, "1.next_unix_ms") <= (int64_t)time(NULL) * 1000 + 1000);
    assert_string_equal(sandbox_text_at(lines, "1.last_error"), "rate_limited");
    /* all else is as it was */
    json_object_set(json_array_get(lines, 1), "age_ms", json_null());
    json_object_set(json_array_get(lines, 1), "next_unix_ms", json_null());
    json_t *was = json_loads(before, 0, NULL);
    json_object_set(was, "age_ms", json_null());
    json_object_set(was, "next_unix_ms", json_null());
    assert_true(json_equal(was, json_array_get(lines, 1)));
    json_decref(was);
    json_decref(lines);
    free(before);

    struct process_result result = process_run(
        (const char *[]){"klp", "outbox", "retry-now", "--all", "--outbox", fixture->directory, NULL}, NULL, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.errors, "klp: 0 that waited for a later time are due at once\n");
    process_result_clear(&result);
}

/* ---- drop ---- */

static void one_that_was_sent_is_dropped_as_possibly_applied(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "mm-eu-1", 3);
    json_t *lines = OUTBOX(fixture, 0, "drop", "2", "--yes");
    assert_int_equal(json_array_size(lines), 1);
    assert_int_equal(number_at(lines, "0.v"), 1);
    assert_int_equal(number_at(lines, "0.ticket"), 2);
    assert_string_equal(sandbox_text_at(lines, "0.pusher"), "mm-eu-1");
    assert_string_equal(sandbox_text_at(lines, "0.op"), "push");
    assert_string_equal(sandbox_text_at(lines, "0.cookie"), "2");
    assert_string_equal(sandbox_text_at(lines, "0.key"), "m-2");
    assert_string_equal(sandbox_text_at(lines, "0.outcome"), "possibly_applied");
    assert_string_equal(sandbox_text_at(lines, "0.error.code"), "cancelled");
    assert_string_equal(sandbox_text_at(lines, "0.error.origin"), "local");
    assert_int_equal(number_at(lines, "0.attempts"), 1);
    assert_holds(fixture, 2, 1, 0);
    json_decref(OUTBOX(fixture, 1, "drop", "2", "--yes")); /* it has its verdict */

    /* It is left for its host, who is told just that, once, and the others with numbers of their own. */
    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture), "--name=mm-eu-1");
    assert_ended(run, 3, 3);
    json_t *dropped = outbox_those(run.events, "key", "m-2");
    assert_int_equal(json_array_size(dropped), 1);
    assert_true(json_equal(json_array_get(dropped, 0), json_array_get(lines, 0)));
    json_decref(dropped);
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_not_equal(json_integer_value(json_object_get(json_array_get(run.events, i), "seq")),
                                 json_integer_value(json_object_get(json_array_get(run.events, k), "seq")));
    run_clear(&run);
    json_decref(lines);
    assert_holds(fixture, 0, 0, 0);
    assert_int_equal(sandbox_stat(fixture->klp->sandbox, "requests"), 3 + 2);
}

static void one_that_was_not_sent_is_dropped_as_not_applied(void **state)
{
    const struct outbox_fixture *fixture = *state;

    leave_waiting(fixture, 2); /* the first was refused, the second held back */
    json_t *lines = OUTBOX(fixture, 0, "drop", "2", "--yes", "--ack");
    assert_string_equal(sandbox_text_at(lines, "0.outcome"), "not_applied");
    assert_int_equal(number_at(lines, "0.attempts"), 0);
    json_decref(lines);
    assert_holds(fixture, 1, 0, 0); /* acknowledged */
}

static void of_two_that_share_a_request_one_can_be_dropped(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("m-1") ROW("m-1"), strlen(ROW("m-1") ROW("m-1")));
    await_lines(fixture, "ticket", 2);
    fixture_await_requests(fixture->klp, 1);
    process_signal(process, SIGKILL);
    struct process_result result = process_finish(process);
    process_result_clear(&result);
    sandbox_unscript(fixture->klp->sandbox);

    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(number_at(lines, "2.joined"), 1);
    json_decref(lines);
    lines = OUTBOX(fixture, 0, "drop", "1", "--yes");
    assert_string_equal(sandbox_text_at(lines, "0.outcome"), "possibly_applied");
    assert_contains(sandbox_text_at(lines, "0.error.message"), "an equal push, whose request it shares, goes on");
    json_decref(lines);
    assert_holds(fixture, 1, 1, 0);

    struct run run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 3, 2);
    json_t *applied = outbox_those(run.events, "outcome", "applied");
    assert_int_equal(json_integer_value(sandbox_at(applied, "0.ticket")), 2);
    json_decref(applied);
    run_clear(&run);
}

static void a_file_in_use_is_refused_by_name(void **state)
{
    static const char *const commands[][3] = {
        {"retry-now", "--all", NULL}, {"retry-now", "1", NULL}, {"drop", "1", "--yes"}};
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":3000}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    fixture_await_requests(fixture->klp, 1);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const char *argv[] = {"klp",          "outbox", commands[i][0], "--outbox", fixture->directory, commands[i][1],
                              commands[i][2], NULL};
        struct process_result result = process_run(argv, NULL, NULL);
        assert_int_equal(result.exit_status, 1);
        assert_string_equal(result.output, "");
        assert_contains(result.errors, ".outbox is in use: nothing in it is changed while a pusher has it\n");
        process_result_clear(&result);
    }
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    run_clear(&run);
}

/* ---- failed and requeue ---- */

static char *key_sent(struct sandbox_client *sandbox, size_t at)
{
    json_t *log = sandbox_log(sandbox);
    const char *body = sandbox_text_at(json_array_get(log, at), "body");
    json_t *parsed = body ? json_loads(body, 0, NULL) : NULL;
    char *key = strdup(parsed ? sandbox_text_at(parsed, "idempotencyKey") : "");

    json_decref(parsed);
    json_decref(log);
    return key;
}

static void what_was_not_applied_is_sent_again_with_a_fresh_key(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"action\":{\"status\":409,\"code\":\"event_disabled\"}}");
    struct run run = RUN(fixture->klp->environment, ROW("m-1"), PUSH_MANY(fixture));
    assert_ended(run, 1, 1);
    run_clear(&run);

    json_t *lines = OUTBOX(fixture, 0, "failed", "--json");
    assert_int_equal(json_array_size(lines), 1);
    assert_string_equal(sandbox_text_at(lines, "0.kind"), "failed");
    assert_string_equal(sandbox_text_at(lines, "0.key"), "m-1");
    assert_string_equal(sandbox_text_at(lines, "0.outcome"), "not_applied");
    assert_string_equal(sandbox_text_at(lines, "0.error_code"), "event_disabled");
    json_decref(lines);

    lines = OUTBOX(fixture, 0, "requeue", "1");
    assert_int_equal(json_array_size(lines), 1);
    assert_string_equal(sandbox_text_at(lines, "0.key"), "m-1");
    assert_true(json_is_true(sandbox_at(lines, "0.fresh_idempotency_key")));
    int64_t ticket = number_at(lines, "0.ticket");
    assert_true(ticket > 1);
    json_decref(lines);
    assert_holds(fixture, 1, 0, 0);
    json_decref(OUTBOX(fixture, 1, "requeue", "1")); /* it is no longer among them */

    run = RUN(fixture->klp->environment, ROW("m-2"), PUSH_MANY(fixture));
    assert_ended(run, 0, 2);
    json_t *again = outbox_those(run.events, "key", "m-1");
    assert_int_equal(json_integer_value(sandbox_at(again, "0.ticket")), ticket);
    assert_string_equal(sandbox_text_at(again, "0.cookie"), "1");
    json_decref(again);
    again = outbox_those(run.events, "key", "m-2");
    assert_true(json_integer_value(sandbox_at(again, "0.ticket")) > ticket); /* no number twice */
    json_decref(again);
    run_clear(&run);

    char *first = key_sent(fixture->klp->sandbox, 0), *second = key_sent(fixture->klp->sandbox, 1);
    assert_int_equal(strlen(first), 36);
    assert_int_equal(strlen(second), 36);
    assert_string_not_equal(first, second);
    assert_int_equal(second[14], '4'); /* a random one, by its version */
    free(first);
    free(second);
}

static void what_was_possibly_applied_is_sent_again_as_it_was(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->klp->environment, ROW("m-1"), PUSH_MANY(fixture), "--attempts=1");
    assert_ended(run, 3, 1);
    run_clear(&run);

    json_t *lines = OUTBOX(fixture, 0, "show", "1", "--json");
    assert_string_equal(sandbox_text_at(lines, "0.kind"), "failed");
    assert_string_equal(sandbox_text_at(lines, "0.outcome"), "possibly_applied");
    json_decref(lines);
    lines = OUTBOX(fixture, 0, "requeue", "--all");
    assert_true(json_is_false(sandbox_at(lines, "0.fresh_idempotency_key")));
    json_decref(lines);
    lines = OUTBOX(fixture, 0, "list", "--json");
    assert_true(json_is_true(sandbox_at(lines, "1.possibly_applied")));
    json_decref(lines);

    run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 0, 1);
    run_clear(&run);
    char *first = key_sent(fixture->klp->sandbox, 0), *second = key_sent(fixture->klp->sandbox, 1);
    assert_string_equal(first, second);
    free(first);
    free(second);
    assert_int_equal(sandbox_lobby_count(fixture->klp->sandbox), 1);
}

static void all_that_failed_are_sent_again(void **state)
{
    enum { ROSTERS = 5 };
    const struct outbox_fixture *fixture = *state;
    char rows[ROSTERS * 64] = "";

    for (int i = 1; i <= ROSTERS; i++)
        sprintf(rows + strlen(rows), NUMBERED_ROW, i);
    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"status\":409,\"code\":\"event_disabled\"}}");
    struct run run = RUN(fixture->klp->environment, rows, PUSH_MANY(fixture));
    assert_ended(run, 1, ROSTERS);
    run_clear(&run);
    sandbox_unscript(fixture->klp->sandbox);

    json_t *lines = OUTBOX(fixture, 0, "requeue", "--all");
    assert_int_equal(json_array_size(lines), ROSTERS);
    json_decref(lines);
    assert_holds(fixture, ROSTERS, 0, 0);
    run = RUN(fixture->klp->environment, NULL, PUSH_MANY(fixture));
    assert_ended(run, 0, ROSTERS);
    run_clear(&run);
    assert_int_equal(sandbox_lobby_count(fixture->klp->sandbox), ROSTERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(what_waits_is_due_at_once),
        OUTBOX_TEST(one_that_was_sent_is_dropped_as_possibly_applied),
        OUTBOX_TEST(one_that_was_not_sent_is_dropped_as_not_applied),
        OUTBOX_TEST(of_two_that_share_a_request_one_can_be_dropped),
        OUTBOX_TEST(a_file_in_use_is_refused_by_name),
        OUTBOX_TEST(what_was_not_applied_is_sent_again_with_a_fresh_key),
        OUTBOX_TEST(what_was_possibly_applied_is_sent_again_as_it_was),
        OUTBOX_TEST(all_that_failed_are_sent_again),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
