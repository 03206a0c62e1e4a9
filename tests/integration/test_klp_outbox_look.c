/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line looks at outboxes: what it says, and that nobody notices. */

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

/* For a person: stdout of `klp outbox …`. The caller frees it. */
static char *words_of(const struct outbox_fixture *fixture, const char *const argv[])
{
    struct process_result result = process_run(argv, fixture->klp->environment, NULL);
    char *words = strdup(result.output);

    if (result.exit_status)
        fail_msg("exit status %d: %s", result.exit_status, result.errors);
    process_result_clear(&result);
    return words;
}

#define WORDS(fixture, ...)                                                                                            \
    words_of(fixture, (const char *[]){"klp", "outbox", __VA_ARGS__, "--outbox", (fixture)->directory, NULL})

static int64_t number_at(json_t *json, const char *path)
{
    return json_integer_value(sandbox_at(json, path));
}

/* ---- list ---- */

static void an_empty_directory_has_nothing(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(json_array_size(lines), 0);
    json_decref(lines);
}

static void what_a_kill_leaves_is_listed(void **state)
{
    const struct outbox_fixture *fixture = *state;
    int64_t now_ms = (int64_t)time(NULL) * 1000;

    outbox_leave_pushes(fixture, "mm-eu-1", 3);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(json_array_size(lines), 4);
    assert_string_equal(sandbox_text_at(lines, "0.kind"), "file");
    assert_string_equal(sandbox_text_at(lines, "0.pusher"), "mm-eu-1");
    assert_true(json_is_false(sandbox_at(lines, "0.in_use")));
    assert_int_equal(number_at(lines, "0.undecided"), 3);
    assert_int_equal(number_at(lines, "0.verdicts"), 0);
    assert_string_equal(sandbox_text_at(lines, "3.kind"), "undecided");
    assert_string_equal(sandbox_text_at(lines, "3.pusher"), "mm-eu-1");
    assert_string_equal(sandbox_text_at(lines, "3.op"), "push");
    assert_string_equal(sandbox_text_at(lines, "3.key"), "m-3");
    assert_string_equal(sandbox_text_at(lines, "3.cookie"), "3");
    assert_int_equal(number_at(lines, "3.ticket"), 3);
    assert_int_equal(number_at(lines, "3.attempts"), 1);
    assert_true(json_is_true(sandbox_at(lines, "3.attempt_open")));
    assert_true(json_is_true(sandbox_at(lines, "3.possibly_applied")));
    assert_in_range(number_at(lines, "3.age_ms"), 0, 60000);
    assert_in_range(number_at(lines, "3.accepted_unix_ms"), now_ms - 60000, now_ms + 60000);
    assert_in_range(number_at(lines, "3.deadline_unix_ms"), now_ms + 7100000, now_ms + 7300000); /* two hours */
    json_decref(lines);

    char *words = WORDS(fixture, "list");
    assert_contains(words, ": pusher mm-eu-1, not in use; 3 undecided, 0 verdicts not acknowledged, 0 failed; ");
    assert_contains(words, "  possibly  -                     push duel m-2\n");
    assert_int_equal(process_count_lines(words), 1 + 1 + 3);
    free(words);
}

/* And it goes on all the same: nobody takes its lock, or its file, for a moment. */
static void a_pusher_at_work_is_looked_at(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"status\":503,\"delay_ms\":200}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    fixture_await_requests(fixture->klp, 3);
    for (int i = 0; i < 20; i++) {
        json_t *lines = OUTBOX(fixture, 0, "list", "--json");
        assert_int_equal(json_array_size(lines), 3);
        assert_true(json_is_true(sandbox_at(lines, "0.in_use")));
        json_decref(lines);
    }
    char *words = WORDS(fixture, "list");
    assert_contains(words, "pusher klp, in use; 2 undecided");
    assert_contains(words, "internal_error");
    free(words);
    sandbox_unscript(fixture->klp->sandbox);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 2);
    run_clear(&run);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(json_array_size(lines), 1);
    assert_true(json_is_false(sandbox_at(lines, "0.in_use")));
    assert_int_equal(number_at(lines, "0.undecided"), 0);
    json_decref(lines);
}

static void one_pusher_or_one_file_can_be_chosen(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "night", 2);
    outbox_leave_pushes(fixture, "day", 1);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(json_array_size(lines), 2 + 3);
    json_decref(lines);

    lines = OUTBOX(fixture, 0, "list", "--json", "--pusher", "night");
    assert_int_equal(json_array_size(lines), 3);
    char *file = strdup(sandbox_text_at(lines, "0.file"));
    json_decref(lines);
    lines = OUTBOX(fixture, 0, "list", "--json", "--file", file);
    assert_int_equal(json_array_size(lines), 3);
    assert_string_equal(sandbox_text_at(lines, "2.pusher"), "night");
    json_decref(lines);
    free(file);
    json_decref(OUTBOX(fixture, 2, "list", "--pusher", "noon"));
    json_decref(OUTBOX(fixture, 2, "list", "--file", "noon"));

    /* Both have a ticket 1. */
    struct process_result result =
        process_run((const char *[]){"klp", "outbox", "show", "1", "--outbox", fixture->directory, NULL}, NULL, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "klp: ticket 1 is in day-");
    assert_contains(result.errors, ": choose with --file");
    process_result_clear(&result);
    lines = OUTBOX(fixture, 0, "show", "1", "--json", "--pusher=day");
    assert_int_equal(json_array_size(lines), 1);
    json_decref(lines);
}

static void a_damaged_file_is_told_beside_the_others(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char path[160];

    outbox_leave_pushes(fixture, "klp", 1);
    snprintf(path, sizeof path, "%s/bad-0123456789abcdef.outbox", fixture->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("no database at all", file);
    fclose(file);
    json_t *lines = OUTBOX(fixture, 1, "list", "--json");
    assert_int_equal(json_array_size(lines), 3);
    assert_contains(sandbox_text_at(lines, "0.error"), "bad-0123456789abcdef.outbox: ");
    assert_string_equal(sandbox_text_at(lines, "2.key"), "m-1");
    json_decref(lines);
}

/* ---- show ---- */

static void one_is_shown_with_its_body(void **state)
{
    const struct outbox_fixture *fixture = *state;
    json_error_t error;

    outbox_leave_pushes(fixture, "klp", 2);
    json_t *lines = OUTBOX(fixture, 0, "show", "2", "--json");
    assert_int_equal(json_array_size(lines), 1);
    json_t *body = json_loads(sandbox_text_at(lines, "0.body"), 0, &error);
    assert_string_equal(sandbox_text_at(body, "key"), "m-2");
    assert_string_equal(sandbox_text_at(body, "idempotencyKey"), sandbox_text_at(lines, "0.idempotency_key"));
    assert_int_equal(strlen(sandbox_text_at(lines, "0.fingerprint")), 64);
    json_decref(body);
    json_decref(lines);

    char *words = WORDS(fixture, "show", "2");
    assert_contains(words, "ticket          2, undecided\n");
    assert_contains(words, "key             m-2\n");
    assert_contains(words, "body            {\"key\":\"m-2\",");
    free(words);
    json_decref(OUTBOX(fixture, 1, "show", "3"));
}

static void a_verdict_that_nobody_read_is_shown(void **state)
{
    const struct outbox_fixture *fixture = *state;

    struct process *process =
        process_start(&(struct process_setup){.argv = (const char *[]){"klp", PUSH_MANY(fixture), NULL},
                                              .environment = fixture->klp->environment,
                                              .output_path = "/dev/full"});
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    struct process_result result = process_finish(process);
    process_result_clear(&result);

    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_int_equal(number_at(lines, "0.verdicts"), 1);
    json_decref(lines);
    lines = OUTBOX(fixture, 0, "show", "1", "--json");
    assert_string_equal(sandbox_text_at(lines, "0.kind"), "verdict");
    assert_string_equal(sandbox_text_at(lines, "0.event.outcome"), "applied");
    json_decref(lines);
    char *words = WORDS(fixture, "show", "1");
    assert_contains(words, "ticket          1, has its verdict, which is not acknowledged\n");
    free(words);
}

/* What others have chosen does nothing to a terminal: not in one byte, nor in two. */
static void control_characters_are_made_harmless(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture), "--name=a\x1b[2J");
    const char row[] = "{\"key\":\"\\u001b[31m\\u009b2J\\u00e4\",\"players\":[\"alice\"]}\n";
    process_give(process, row, strlen(row));
    fixture_await_requests(fixture->klp, 1);
    process_signal(process, SIGKILL);
    struct process_result result = process_finish(process);
    process_result_clear(&result);

    char *words = WORDS(fixture, "list");
    assert_contains(words, "push duel ?[31m?2J\xc3\xa4\n");
    assert_contains(words, "pusher a?[2J, ");
    assert_null(strchr(words, '\x1b'));
    free(words);
    words = WORDS(fixture, "show", "1");
    assert_null(strchr(words, '\x1b'));
    assert_null(strstr(words, "\xc2\x9b"));
    free(words);
    json_t *lines = OUTBOX(fixture, 0, "list", "--json");
    assert_string_equal(sandbox_text_at(lines, "1.key"), "\x1b[31m\xc2\x9b"
                                                         "2J\xc3\xa4");
    json_decref(lines);
}

/* ---- wrong usage ---- */

static void wrong_usage_is_refused(void **state)
{
    const struct outbox_fixture *fixture = *state;
    const struct fixture *klp = fixture->klp;

    assert_refused(klp, "the command of outbox is none of list, show, retry-now, drop, failed, requeue and drain",
                   "outbox");
    assert_refused(klp, "the command of outbox is none of", "outbox", "lst");
    assert_refused(klp, "--outbox is missing", "outbox", "list");
    assert_refused(klp, "--outbox is no directory that can be read", "outbox", "list", "--outbox=/nonexistent");
    assert_refused(klp, "the ticket is missing", "outbox", "show", "--outbox", fixture->directory);
    assert_refused(klp, "the ticket is missing", "outbox", "drop", "--outbox", fixture->directory);
    assert_refused(klp, "a ticket is missing, or --all", "outbox", "requeue", "--outbox", fixture->directory);
    assert_refused(klp, "there is a ticket beside --all", "outbox", "requeue", "1", "--all", "--outbox",
                   fixture->directory);
    assert_refused(klp, "there is more than one ticket", "outbox", "show", "1", "2", "--outbox", fixture->directory);
    assert_refused(klp, "that is no ticket", "outbox", "show", "0", "--outbox", fixture->directory);
    assert_refused(klp, "that is no ticket", "outbox", "show", "m-1", "--outbox", fixture->directory);
    assert_refused(klp, "that is no ticket", "outbox", "show", "9223372036854775808", "--outbox", fixture->directory);
    assert_refused(klp, "that is no ticket", "outbox", "show", SANDBOX_KEY, "--outbox", fixture->directory);
    assert_refused(klp, "--file is not an option here", "outbox", "drain", "--file=x", "--outbox", fixture->directory);
    assert_refused(klp, "--yes is missing", "outbox", "drop", "1", "--outbox", fixture->directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(an_empty_directory_has_nothing),
        OUTBOX_TEST(what_a_kill_leaves_is_listed),
        OUTBOX_TEST(a_pusher_at_work_is_looked_at),
        OUTBOX_TEST(one_pusher_or_one_file_can_be_chosen),
        OUTBOX_TEST(a_damaged_file_is_told_beside_the_others),
        OUTBOX_TEST(one_is_shown_with_its_body),
        OUTBOX_TEST(a_verdict_that_nobody_read_is_shown),
        OUTBOX_TEST(control_characters_are_made_harmless),
        OUTBOX_TEST(wrong_usage_is_refused),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
