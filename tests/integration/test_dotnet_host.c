/* SPDX-License-Identifier: Apache-2.0
 * The host in C# as a program, under mono. */
/* valgrind does not follow: mono writes its own code, and moves its own stacks and objects */
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "mono_says.h"
#include "process.h"
#include "sandbox_client.h"

struct host {
    struct sandbox_client *sandbox;
    char program[4096], outbox[32], url[64];
    const char *environment[6]; /* the plugin, the key, the sandbox, and room for what a test says */
};

static int set_up(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    assert_non_null(host);
    guest_setup(state);
    host->sandbox = sandbox_start(NULL);
    snprintf(host->program, sizeof host->program, "%s/dotnet-host.exe", getenv("BUILD"));
    snprintf(host->outbox, sizeof host->outbox, "/tmp/dotnet-host-XXXXXX");
    assert_non_null(mkdtemp(host->outbox));
    snprintf(host->url, sizeof host->url, "KRATY_BASE_URL=%s", sandbox_url(host->sandbox));
    host->environment[0] = guest_environment[0];
    host->environment[1] = guest_environment[1];
    host->environment[2] = host->url;
    *state = host;
    return 0;
}

static int tear_down(void **state)
{
    struct host *host = *state;
    sandbox_stop(host->sandbox);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", host->outbox, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(host);
    return 0;
}

/* The library of a sanitized build loads only into a process that was built as it was, and mono was not. */
static void needs_the_library(void)
{
    if (IS_SANITIZED)
        skip();
}

/* mono dotnet-host.exe NAME OUTBOX */
static struct process *start(const struct host *host, const char *name, const char *outbox, const char *output_path)
{
    const char *argv[] = {"/usr/bin/env", "mono", host->program, name, outbox, NULL};
    return process_start(
        &(struct process_setup){.argv = argv, .environment = host->environment, .output_path = output_path});
}

static void give(struct process *process, const char *lines)
{
    process_give(process, lines, strlen(lines));
}

/* Ends its input; it must end so, and say so. */
static void ends(struct process *process, int exit_status, const char *output, const char *errors)
{
    struct process_result run = process_finish(process);
    drop_what_mono_says(run.output);
    if (run.exit_status != exit_status)
        fail_msg("exit status %d, signal %d\nstdout: %s\nstderr: %s", run.exit_status, run.signal_number, run.output,
                 run.errors);
    if (output)
        assert_string_equal(run.output, output);
    assert_string_equal(run.errors, errors);
    process_result_clear(&run);
}

static void rosters_from_stdin_are_pushed_and_told(void **state)
{
    needs_the_library();
    const struct host *host = *state;
    struct process *process = start(host, "eu-1", NULL, NULL);

    give(process, "{\"key\": \"m-1\", \"players\": [\"alice\", \"bob\"]}\n");
    assert_contains(process_await_output(process, 1), "m-1 applied lob_"); /* while its stdin is open */
    give(process, "{\"key\": \"m-1\", \"players\": [\"alice\", \"carol\"]}\n");
    assert_contains(process_await_output(process, 2), "\nm-1 not_applied (idempotency_conflict)\n");
    give(process, "{\"key\": \"m-1\", \"players\": [\"alice\", \"bob\"]}\n");
    assert_contains(process_await_output(process, 3), " replayed\n");
    give(process,
         "{\"key\": \"kéy-漢\", \"players\": [\"é\", \"漢\", \"😀\"], \"event\": \"battle_royale\"}"); /* its end */
    process_end_input(process);
    assert_contains(process_await_output(process, 4), "\nkéy-漢 applied lob_");
    ends(process, 1, NULL, "");

    json_t *lobbies = sandbox_lobbies(host->sandbox);
    assert_int_equal(json_array_size(lobbies), 2);
    json_t *players = json_pack("[s, s, s]", "é", "漢", "😀");
    assert_string_equal(sandbox_text_at(lobbies, "1.event"), "battle_royale");
    assert_true(json_equal(json_object_get(json_array_get(lobbies, 1), "players"), players));
    json_decref(players);
    json_decref(lobbies);
}

static void ids_do_not_depend_on_the_locale(void **state)
{
    needs_the_library();
    struct host *host = *state;

    host->environment[3] = "LC_ALL=C";
    struct process *process = start(host, "eu-1", NULL, NULL);
    give(process, "{\"key\": \"漢\", \"players\": [\"é\", \"è\"]}\n");
    assert_contains(process_await_output(process, 1), "漢 applied lob_");
    ends(process, 0, NULL, "");
}

static void rows_that_are_no_rosters_are_told_by_number(void **state)
{
    needs_the_library();
    const struct host *host = *state;
    struct process *process = start(host, "eu-1", NULL, NULL);
    char *row = calloc(1, (2 << 20) + 2);

    give(process,
         "nope\n\n{\"key\": \"m-1\", \"players\": [\"a\", \"a\"]}\n{\"key\": \"m-2\", \"players\": [\"\xff\"]}\n");
    assert_non_null(row);
    memset(row, ' ', 2 << 20);
    row[2 << 20] = '\n';
    give(process, row);
    free(row);
    const char *errors = process_await_errors(process, 5);
    assert_contains(errors, "row 1: not JSON");
    assert_contains(errors, "\nrow 2: the document is empty");
    assert_contains(errors, "\nrow 3: duplicate player a");
    assert_contains(errors, "\nrow 4: not JSON: invalid UTF-8");
    assert_contains(errors, "\nrow 5: the document is 1048577 bytes");
    give(process, "{\"key\": \"m-3\", \"players\": [\"a\"]}\n");
    assert_contains(process_await_output(process, 1), "m-3 applied");
    struct process_result run = process_finish(process);
    assert_int_equal(run.exit_status, 1);
    assert_int_equal(process_count_lines(run.errors), 5);
    process_result_clear(&run);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void what_stdout_did_not_take_is_told_to_the_next_process(void **state)
{
    needs_the_library();
    const struct host *host = *state;
    struct process *full = start(host, "eu-1", host->outbox, "/dev/full");

    give(full, "{\"key\": \"m-1\", \"players\": [\"alice\", \"bob\"]}\n");
    struct process_result run = process_finish(full);
    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, "dotnet-host: ");
    process_result_clear(&run);

    struct process *next = start(host, "eu-1", host->outbox, NULL);
    assert_contains(process_await_output(next, 1), "m-1 applied lob_");
    ends(next, 0, NULL, "");
    ends(start(host, "eu-1", host->outbox, NULL), 0, "", ""); /* acknowledged */
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

/* SIGKILL while the server is held up: the push goes on in the next process, and has one effect. */
static void a_killed_process_leaves_its_pushes_to_the_next(void **state)
{
    needs_the_library();
    const struct host *host = *state;

    sandbox_script(host->sandbox,
                   "{\"match\": {\"op\": \"push\"}, \"action\": {\"delay_ms\": 600000, \"apply\": true}}");
    struct process *killed = start(host, "eu-1", host->outbox, NULL);
    give(killed, "{\"key\": \"m-1\", \"players\": [\"alice\", \"bob\"]}\n");
    while (sandbox_stat(host->sandbox, "requests") == 0) /* so it is written down */
        usleep(1000);
    process_signal(killed, SIGKILL);
    struct process_result run = process_finish(killed);
    assert_int_equal(run.signal_number, SIGKILL);
    process_result_clear(&run);

    struct process *next = start(host, "eu-1", host->outbox, NULL);
    assert_contains(process_await_output(next, 1), "m-1 applied lob_");
    ends(next, 0, NULL, "");
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    needs_the_library();
    struct process *process = start(*state, "eu-1", NULL, NULL);

    process_close_output(process);
    give(process, "{\"key\": \"m-1\", \"players\": [\"a\"]}\n");
    struct process_result run = process_finish(process);
    assert_int_equal(run.signal_number, 0);
    assert_int_equal(run.exit_status, 1);
    process_result_clear(&run);
}

static void more_rosters_than_the_terminal_shows_are_all_told(void **state)
{
    needs_the_library();
    const struct host *host = *state;
    struct process *process = start(host, "eu-1", NULL, NULL);
    char row[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(row, sizeof row, "{\"key\": \"m-%d\", \"players\": [\"a\", \"b\"]}\n", i);
        give(process, row);
    }
    process_await_output(process, 1000);
    ends(process, 0, NULL, "");
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1000);
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    needs_the_library();
    struct host *host = *state;

    struct process *process = start(host, "eu-1", "/nowhere/at/all", NULL);
    struct process_result run = process_finish(process);
    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, "/nowhere/at/all");
    process_result_clear(&run);

    host->environment[1] = "KRATY_SERVER_KEY";
    process = start(host, "eu-1", NULL, NULL);
    run = process_finish(process);
    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, "KRATY_SERVER_KEY");
    process_result_clear(&run);
}

static void a_library_that_is_none_is_told(void **state)
{
    static const char *const cases[][2] = {{"KLP_LIBRARY=/nonexistent.so", "/nonexistent.so: cannot open"},
                                           {"KLP_LIBRARY=libz.so.1", "klp_get_api"},
                                           {"KLP_LIBRARY=Makefile", "Makefile"}};
    struct host *host = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        host->environment[0] = cases[i][0];
        struct process *process = start(host, "eu-1", NULL, NULL);
        struct process_result run = process_finish(process);
        assert_int_equal(run.exit_status, 1);
        assert_contains(run.errors, "dotnet-host: ");
        assert_contains(run.errors, cases[i][1]);
        assert_int_equal(process_count_lines(run.errors), 1);
        process_result_clear(&run);
    }
}

static void wrong_usage_ends_it_with_2(void **state)
{
    const struct host *host = *state;
    static const char usage[] = "Usage: dotnet-host NAME [OUTBOX] < rosters.ndjson\n";

    ends(start(host, NULL, NULL, NULL), 2, "", usage);
    ends(start(host, "--help", NULL, NULL), 2, "", usage);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rosters_from_stdin_are_pushed_and_told),
        TEST(ids_do_not_depend_on_the_locale),
        TEST(rows_that_are_no_rosters_are_told_by_number),
        TEST(what_stdout_did_not_take_is_told_to_the_next_process),
        TEST(a_killed_process_leaves_its_pushes_to_the_next),
        TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        TEST(more_rosters_than_the_terminal_shows_are_all_told),
        TEST(what_keeps_it_from_starting_is_told),
        TEST(a_library_that_is_none_is_told),
        TEST(wrong_usage_ends_it_with_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
