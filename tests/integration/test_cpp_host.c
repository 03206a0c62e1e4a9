/* SPDX-License-Identifier: Apache-2.0
 * The host in C++ as a program: pushes and verdicts within its tick; what it could not store is told to the next one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "process.h"
#include "sandbox_client.h"

struct host {
    struct sandbox_client *sandbox;
    char outbox[32], url[64];
    const char *environment[4];
};

static int start(void **state)
{
    struct host *host = calloc(1, sizeof *host);
    assert_non_null(host);
    guest_setup(state);
    host->sandbox = sandbox_start(NULL);
    snprintf(host->outbox, sizeof host->outbox, "/tmp/game-tick-XXXXXX");
    assert_non_null(mkdtemp(host->outbox));
    snprintf(host->url, sizeof host->url, "KRATY_BASE_URL=%s", sandbox_url(host->sandbox));
    host->environment[0] = guest_environment[0];
    host->environment[1] = guest_environment[1];
    host->environment[2] = host->url;
    *state = host;
    return 0;
}

static int end(void **state)
{
    struct host *host = *state;
    sandbox_stop(host->sandbox);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", host->outbox, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(host);
    return 0;
}

static struct process *start_host(const struct host *host, const char *output_path)
{
    const char *argv[] = {"game-tick", "eu-1", host->outbox, NULL};
    return process_start(
        &(struct process_setup){.argv = argv, .environment = host->environment, .output_path = output_path});
}

static void give(struct process *process, const char *lines)
{
    process_give(process, lines, strlen(lines));
}

static void ends_well(struct process *process, const char *said)
{
    struct process_result run = process_finish(process);
    assert_int_equal(run.exit_status, 0);
    assert_string_equal(run.output, said);
    assert_string_equal(run.errors, "");
    process_result_clear(&run);
}

static void verdicts_come_within_the_tick(void **state)
{
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    give(process, "match-1 alice bob\n");
    process_await_output(process, 1); /* while its stdin is open */
    give(process, "match-2 carol dave\nmatch-3 erin\n");
    process_await_output(process, 3);
    process_end_input(process);
    struct process_result run = process_finish(process);
    assert_int_equal(run.exit_status, 0);
    assert_contains(run.output, "match-1 applied\n");
    assert_contains(run.output, "match-2 applied\n");
    assert_contains(run.output, "match-3 applied\n");
    assert_int_equal(process_count_lines(run.output), 3);
    process_result_clear(&run);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 3);
}

static void what_was_not_stored_is_told_to_the_next_process(void **state)
{
    const struct host *host = *state;
    struct process *full = start_host(host, "/dev/full");

    give(full, "match-1 alice bob\n");
    ends_well(full, ""); /* kept */
    ends_well(start_host(host, NULL), "match-1 applied\n");
    ends_well(start_host(host, NULL), ""); /* acknowledged */
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void a_session_that_is_refused_is_a_warning(void **state)
{
    struct process *process = start_host(*state, NULL);

    give(process, "match-1 alice alice\n");
    struct process_result run = process_finish(process);
    assert_int_equal(run.exit_status, 0);
    assert_string_equal(run.output, "");
    assert_string_equal(run.errors, "game-tick: player_ids[1] is the same as player_ids[0]\n");
    process_result_clear(&run);
}

static void an_outbox_that_is_not_there_is_the_end(void **state)
{
    struct host *host = *state;
    const char *argv[] = {"game-tick", "eu-1", "/nowhere/at/all", NULL};
    struct process_result run = process_run(argv, host->environment, NULL);

    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, "/nowhere/at/all");
    process_result_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(verdicts_come_within_the_tick, start, end),
        cmocka_unit_test_setup_teardown(what_was_not_stored_is_told_to_the_next_process, start, end),
        cmocka_unit_test_setup_teardown(a_session_that_is_refused_is_a_warning, start, end),
        cmocka_unit_test_setup_teardown(an_outbox_that_is_not_there_is_the_end, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
