/* SPDX-License-Identifier: Apache-2.0
 * Hosts before the stub: their own tests, and hosts that know nothing of it, each as its own process. */
/* valgrind does not follow: mono writes its own code; each of these hosts has a test in which it is watched */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agones_sidecar.h"
#include "mono_says.h"
#include "photon_rig.h"
#include "process.h"
#include "stub_rig.h"

static char library[600];

static int set_up(void **state)
{
    char *path = realpath(stub_library(), NULL);

    (void)state;
    assert_non_null(path);
    snprintf(library, sizeof library, "KLP_LIBRARY=%s", path);
    free(path);
    return 0;
}

static struct process_result run(const char *program, const char *script, const char *input)
{
    const char *argv[] = {program, NULL};
    const char *environment[] = {library, script, NULL};

    return process_run(argv, environment, input);
}

static void assert_output(struct process_result result, int exit_status, const char *output)
{
    if (result.exit_status != exit_status || strcmp(result.output, output) != 0)
        fail_msg("exit status %d, '%s', '%s'", result.exit_status, result.output, result.errors);
    process_result_clear(&result);
}

static void the_tests_of_a_host_in_c_are_well(void **state)
{
    (void)state;
    assert_output(run("match_log_test", NULL, NULL), 0, "all is well\n");
}

static void the_tests_of_a_host_in_cpp_are_well(void **state)
{
    (void)state;
    assert_output(run("game_test", NULL, NULL), 0, "all is well\n");
}

static void the_tests_of_a_host_in_csharp_are_well(void **state)
{
    const char *build = getenv("BUILD");
    char program[600];

    (void)state;
    if (IS_SANITIZED)
        skip(); /* mono was not built as the library was */
    snprintf(program, sizeof program, "%s/match_test.exe", build ? build : "build");
    const char *argv[] = {"/usr/bin/env", "mono", program, NULL}, *environment[] = {library, NULL};
    struct process_result result = process_run(argv, environment, NULL);
    drop_what_mono_says(result.output);
    assert_output(result, 0, "all is well\n");
}

static void the_tests_of_a_host_say_so_when_the_library_is_not_the_stub(void **state)
{
    const char *argv[] = {"match_log_test", NULL}, *environment[] = {NULL, NULL};
    char real[600], *end;

    (void)state;
    snprintf(real, sizeof real, "%s", library);
    end = strstr(real, "_stub.so");
    assert_non_null(end);
    strcpy(end, ".so");
    environment[0] = real;
    struct process_result result = process_run(argv, environment, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.output, "klp_stub_get_api");
    process_result_clear(&result);
}

static void the_smallest_host_needs_no_change(void **state)
{
    (void)state;
    assert_output(run("smallest", NULL, NULL), 0, "match-123: applied\n");
}

static void a_script_is_given_to_a_host_from_outside(void **state)
{
    struct process_result result = run("smallest", "KLP_STUB_SCRIPT=host-examples/testing/outage.json", NULL);

    (void)state;
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(process_count_lines(result.output), 2); /* in an order that the two threads decide */
    assert_contains(result.output, "match-122: applied\n");
    assert_contains(result.output, "match-123: applied\n");
    process_result_clear(&result);
}

static void a_script_that_is_wrong_is_told_by_open(void **state)
{
    (void)state;
    struct process_result result = run("smallest", "KLP_STUB_SCRIPT=host-examples/testing/README.md", NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "open: script: is no JSON");
    process_result_clear(&result);
}

static void a_game_server_hears_within_its_tick(void **state)
{
    (void)state;
    assert_output(run("game-tick", NULL, "match-1 alice bob\nmatch-1 alice eve\n"), 0,
                  "match-1 applied\nmatch-1 not_applied\n");
}

static void a_matchmaker_hears_over_nanomsg(void **state)
{
    struct process_result result = run("custom-matchmaker", NULL,
                                       "{\"key\": \"m-1\", \"event\": \"duel\", \"players\": [\"alice\", \"bob\"]}\n"
                                       "{\"key\": \"m-2\", \"event\": \"duel\", \"players\": [\"carol\", \"dave\"]}\n");
    (void)state;
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, "m-1");
    assert_contains(result.output, "m-2");
    process_result_clear(&result);
}

static void a_game_server_on_gamelift_is_told_of_a_backfill_that_conflicts(void **state)
{
    struct process_result result =
        run("gamelift", "GAMELIFT_STAND_IN_SCRIPT=host-examples/gamelift/session.ndjson", NULL);

    (void)state;
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, "session gs-1: activated\n");
    assert_contains(result.output, "match-1: applied lob_1\n");
    assert_contains(result.output, "match-1: not_applied idempotency_conflict\n");
    process_result_clear(&result);
}

static void a_host_of_flexmatch_events_drops_what_is_not_final(void **state)
{
    static const char events[] =
        "{\"detail\": {\"type\": \"MatchmakingSearching\", \"tickets\": []}}\n"
        "{\"detail\": {\"type\": \"MatchmakingSucceeded\", \"matchId\": \"match-1\", \"tickets\":"
        " [{\"ticketId\": \"t-1\", \"players\": [{\"playerId\": \"alice\"}, {\"playerId\": \"bob\"}]}]}}\n";
    const char *argv[] = {"flexmatch-events", "--event", "duel", NULL}, *environment[] = {library, NULL};
    struct process_result result = process_run(argv, environment, events);

    (void)state;
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(process_count_lines(result.output), 1);
    assert_contains(result.output, "match-1 applied lob_1 1.000 ms\n");
    process_result_clear(&result);
}

/* The rigs of these hosts have a sandbox each: nothing may come to it. */
static void a_receiver_of_photons_webhooks_pushes_a_full_room(void **state)
{
    struct photon *photon = *state;

    photon->environment[0] = library; /* in the place of the real one */
    photon_start(photon, NULL);
    photon_realtime(photon, "Create", "room-1", "alice", 1, "{\"MaxPlayers\":2}");
    photon_realtime(photon, "Join", "room-1", "bob", 2, NULL);
    photon_await_output(photon, "room-1 applied lob_1");
    photon_stop(photon, 1);
    assert_int_equal(sandbox_stat(photon->sandbox, "requests"), 0);
}

static void a_game_server_on_agones_pushes_when_it_is_allocated(void **state)
{
    struct agones_rig *rig = *state;

    rig->environment[0] = library;
    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Ready", NULL, NULL);
    sidecar_say_state(rig, "Allocated", "m-1", "\"alice\",\"bob\"");
    assert_contains(process_await_output(rig->host, 1), "m-1 applied lob_1");
    struct process_result result = agones_end_host(rig);
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 0);
}

static void a_game_server_on_steam_pushes_what_the_owner_says(void **state)
{
    const char *build = getenv("BUILD");
    char command[700];

    (void)state;
    snprintf(command, sizeof command, "%s/steam-client < host-examples/steam/lobby.txt | %s/steam eu-1",
             build ? build : "build", build ? build : "build");
    const char *argv[] = {"/bin/sh", "-c", command, NULL}, *environment[] = {library, NULL};
    struct process_result result = process_run(argv, environment, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, "109775240917155841 applied from 76561197960265729\n");
    assert_contains(result.output, "109775240917155841 not_applied idempotency_conflict from 76561197960265730\n");
    process_result_clear(&result);
}

static void a_host_in_dotnet_hears_of_a_conflict(void **state)
{
    const char *build = getenv("BUILD");
    char program[600];

    (void)state;
    if (IS_SANITIZED)
        skip(); /* mono was not built as the library was */
    snprintf(program, sizeof program, "%s/dotnet-host.exe", build ? build : "build");
    const char *argv[] = {"/usr/bin/env", "mono", program, "eu-1", NULL}, *environment[] = {library, NULL};
    struct process_result result = process_run(argv, environment,
                                               "{\"key\": \"m-1\", \"players\": [\"alice\", \"bob\"]}\n"
                                               "{\"key\": \"m-1\", \"players\": [\"alice\", \"eve\"]}\n");
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.output, "m-1 applied lob_1");
    assert_contains(result.output, "m-1 not_applied (idempotency_conflict)\n");
    process_result_clear(&result);
}

static void klp_pushes_to_it_too(void **state)
{
    const char *argv[] = {"klp",   "push", "--game",   "game_1", "--event", "duel",
                          "--key", "k",    "--player", "alice",  NULL};
    const char *environment[] = {library, NULL};
    struct process_result result = process_run(argv, environment, NULL);

    (void)state;
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, "\"outcome\":\"applied\"");
    process_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tests_of_a_host_in_c_are_well),
        cmocka_unit_test(the_tests_of_a_host_in_cpp_are_well),
        cmocka_unit_test(the_tests_of_a_host_in_csharp_are_well),
        cmocka_unit_test(the_tests_of_a_host_say_so_when_the_library_is_not_the_stub),
        cmocka_unit_test(the_smallest_host_needs_no_change),
        cmocka_unit_test(a_script_is_given_to_a_host_from_outside),
        cmocka_unit_test(a_script_that_is_wrong_is_told_by_open),
        cmocka_unit_test(a_game_server_hears_within_its_tick),
        cmocka_unit_test(a_matchmaker_hears_over_nanomsg),
        cmocka_unit_test(a_game_server_on_gamelift_is_told_of_a_backfill_that_conflicts),
        cmocka_unit_test(a_host_of_flexmatch_events_drops_what_is_not_final),
        cmocka_unit_test_setup_teardown(a_receiver_of_photons_webhooks_pushes_a_full_room, photon_set_up,
                                        photon_tear_down),
        cmocka_unit_test_setup_teardown(a_game_server_on_agones_pushes_when_it_is_allocated, agones_set_up,
                                        agones_tear_down),
        cmocka_unit_test(a_game_server_on_steam_pushes_what_the_owner_says),
        cmocka_unit_test(a_host_in_dotnet_hears_of_a_conflict),
        cmocka_unit_test(klp_pushes_to_it_too),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
