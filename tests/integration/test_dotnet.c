/* SPDX-License-Identifier: Apache-2.0
 * The C# of host-examples/dotnet/Kraty/ under mono: each check a process of its own (tests/dotnet/), which says nothing
 * when all is well; the sandbox says what came of it. Of .NET nothing is run here. */
/* valgrind does not follow: mono writes its own code, and moves its own stacks and objects */
#include <jansson.h>
#include <setjmp.h>
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

struct fixture {
    struct sandbox_client *sandbox;
    char folder[32], url[64];
    const char *environment[6]; /* the plugin, the key, the sandbox, and room for what a test says */
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    guest_setup(state);
    fixture->sandbox = sandbox_start(NULL);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/dotnet-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    snprintf(fixture->url, sizeof fixture->url, "KRATY_BASE_URL=%s", sandbox_url(fixture->sandbox));
    fixture->environment[0] = guest_environment[0];
    fixture->environment[1] = guest_environment[1];
    fixture->environment[2] = fixture->url;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sandbox_stop(fixture->sandbox);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", fixture->folder, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(fixture);
    return 0;
}

/* The library of a sanitized build loads only into a process that was built as it was, and mono was not. */
static void needs_the_library(void)
{
    if (IS_SANITIZED)
        skip();
}

static uint64_t run(struct fixture *fixture, const char *name, const char *argument, const char *another)
{
    char path[4096];
    const char *argv[] = {"/usr/bin/env", "mono",   "--debug", guest_program("dotnet_checks.exe", path),
                          name,           argument, another,   NULL};

    struct process_result result = process_run(argv, fixture->environment, NULL);
    /* what it is about is whether the library lets a process end */
    for (int more = 2; more > 0 && strncmp(name, "exit-", 5) == 0 && mono_lost_its_threads(&result); more--) {
        process_result_clear(&result);
        result = process_run(argv, fixture->environment, NULL);
    }
    uint64_t elapsed_ms = result.elapsed_ms;
    drop_what_mono_says(result.output);
    if (result.exit_status != 0 || *result.output || result.errors_bytes > 0)
        fail_msg("%s: exit status %d, signal %d\nstdout: %s\nstderr: %s", name, result.exit_status,
                 result.signal_number, result.output, result.errors);
    process_result_clear(&result);
    return elapsed_ms;
}

/* One that loads it. */
static uint64_t check(struct fixture *fixture, const char *name, const char *argument)
{
    needs_the_library();
    return run(fixture, name, argument, NULL);
}

static json_t *only_lobby(const struct fixture *fixture)
{
    json_t *lobbies = sandbox_lobbies(fixture->sandbox), *lobby = json_incref(json_array_get(lobbies, 0));
    assert_int_equal(json_array_size(lobbies), 1);
    json_decref(lobbies);
    return lobby;
}

static void structs_numbers_and_names_are_those_of_the_c_header(void **state)
{
    run(*state, "layouts", "tests/abi/layout.h", "include/kraty/lobby_pusher.h");
}

/* ---- pushing ---- */

static void ids_of_any_script_arrive_as_they_are(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "ids", NULL);
    json_t *lobby = only_lobby(fixture);
    json_t *players = json_pack("[s, s, s, s, s]", "é", "漢", "😀", "e\xcc\x81", "😁x"),
           *metadata = json_pack("{s:s}", "ключ", "Aé");
    assert_string_equal(sandbox_text_at(lobby, "key"), "kéy-漢-😀");
    assert_true(json_equal(json_object_get(lobby, "players"), players));
    assert_true(json_equal(json_object_get(lobby, "metadata"), metadata));
    json_decref(metadata);
    json_decref(players);
    json_decref(lobby);
}

static void what_is_refused_says_why_and_is_not_pushed(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "refusals", NULL);
    json_decref(only_lobby(fixture)); /* the one that was not refused */
}

static void many_threads_push_while_garbage_is_collected(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "threads", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 2000);
}

/* As Unity's and older runtimes do: threads are stopped by signals, wherever they are. */
static void many_threads_push_while_signals_stop_them(void **state)
{
    struct fixture *fixture = *state;

    fixture->environment[3] = "MONO_THREADS_SUSPEND=preemptive";
    check(fixture, "threads", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 2000);
}

static void a_push_leaves_nothing_for_the_garbage_collector(void **state)
{
    check(*state, "garbage", NULL);
}

static void ten_thousand_players_are_pushed_at_once(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "big", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 2);
}

static void a_durable_push_is_written_down_when_it_returns(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "durable", fixture->folder);
}

/* ---- reading ---- */

static void an_async_stream_has_every_verdict_and_ends(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "stream", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 50);
}

static void every_reader_is_told_that_there_are_no_more(void **state)
{
    check(*state, "ends", NULL);
}

static void a_cancelled_wait_loses_no_verdict(void **state)
{
    check(*state, "cancellation", NULL);
}

static void the_last_verdict_is_told_before_the_end(void **state)
{
    check(*state, "last-one", NULL);
}

static void readers_share_what_comes(void **state)
{
    check(*state, "sharing", NULL);
}

static void a_tick_polls_so_many_and_keeps_what_it_threw_at(void **state)
{
    check(*state, "poll", NULL);
}

static void what_was_not_acknowledged_is_told_to_the_next_process(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "keep", fixture->folder);
    check(fixture, "told-again", fixture->folder);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 2);
}

static void the_descriptor_is_readable_while_there_is_a_verdict(void **state)
{
    check(*state, "descriptor", NULL);
}

static void with_a_results_socket_the_rest_is_had_after_stop(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "socket", fixture->folder);
}

/* ---- the other calls ---- */

static void every_kind_of_call_ends_in_its_verdict(void **state)
{
    check(*state, "calls", NULL);
}

static void a_cancelled_push_ends_honestly(void **state)
{
    struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\": {\"op\": \"push\"}, \"action\": {\"delay_ms\": 20000}}");
    check(fixture, "cancel", NULL);
}

static void figures_are_those_of_the_library(void **state)
{
    check(*state, "figures", NULL);
}

static void another_api_key_is_taken(void **state)
{
    struct fixture *fixture = *state;

    fixture->environment[1] = "KRATY_SERVER_KEY=another.key-that-is-not-known";
    check(fixture, "api-key", SANDBOX_KEY);
    json_decref(only_lobby(fixture));
}

static void documents_become_rosters_and_pushes(void **state)
{
    struct fixture *fixture = *state;

    check(fixture, "rosters", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 2);
}

static void webhooks_are_verified(void **state)
{
    check(*state, "webhooks", NULL);
}

static void what_a_results_socket_tells_is_decoded(void **state)
{
    check(*state, "decode", NULL);
}

/* ---- lifetimes ---- */

static void after_dispose_nothing_is_done_and_nothing_breaks(void **state)
{
    check(*state, "dispose", NULL);
}

static void dispose_ends_every_wait(void **state)
{
    struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\": {\"op\": \"push\"}, \"action\": {\"delay_ms\": 20000}}");
    assert_true(check(fixture, "dispose-while-waiting", NULL) < 20000);
}

static void a_forgotten_pusher_is_closed_by_the_finalizer(void **state)
{
    check(*state, "forget", NULL);
}

static void a_late_acknowledgement_does_no_harm(void **state)
{
    check(*state, "acknowledge-late", NULL);
}

static void stop_drains_what_is_under_way(void **state)
{
    struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\": {\"op\": \"push\"}, \"times\": -1, \"action\": {\"delay_ms\": 20}}");
    check(fixture, "stop", NULL);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), 100);
}

static void a_process_ends_while_others_wait_for_verdicts(void **state)
{
    check(*state, "exit-while-waiting", NULL);
}

static void a_process_ends_while_others_push(void **state)
{
    check(*state, "exit-while-pushing", NULL);
}

static void a_process_that_exits_at_once_does_so(void **state)
{
    check(*state, "exit-at-once", NULL);
}

static void pushers_come_and_go_with_readers_that_wait(void **state)
{
    check(*state, "churn", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(structs_numbers_and_names_are_those_of_the_c_header),
        TEST(ids_of_any_script_arrive_as_they_are),
        TEST(what_is_refused_says_why_and_is_not_pushed),
        TEST(many_threads_push_while_garbage_is_collected),
        TEST(many_threads_push_while_signals_stop_them),
        TEST(a_push_leaves_nothing_for_the_garbage_collector),
        TEST(ten_thousand_players_are_pushed_at_once),
        TEST(a_durable_push_is_written_down_when_it_returns),
        TEST(an_async_stream_has_every_verdict_and_ends),
        TEST(every_reader_is_told_that_there_are_no_more),
        TEST(a_cancelled_wait_loses_no_verdict),
        TEST(the_last_verdict_is_told_before_the_end),
        TEST(readers_share_what_comes),
        TEST(a_tick_polls_so_many_and_keeps_what_it_threw_at),
        TEST(what_was_not_acknowledged_is_told_to_the_next_process),
        TEST(the_descriptor_is_readable_while_there_is_a_verdict),
        TEST(with_a_results_socket_the_rest_is_had_after_stop),
        TEST(every_kind_of_call_ends_in_its_verdict),
        TEST(a_cancelled_push_ends_honestly),
        TEST(figures_are_those_of_the_library),
        TEST(another_api_key_is_taken),
        TEST(documents_become_rosters_and_pushes),
        TEST(webhooks_are_verified),
        TEST(what_a_results_socket_tells_is_decoded),
        TEST(after_dispose_nothing_is_done_and_nothing_breaks),
        TEST(dispose_ends_every_wait),
        TEST(a_forgotten_pusher_is_closed_by_the_finalizer),
        TEST(a_late_acknowledgement_does_no_harm),
        TEST(stop_drains_what_is_under_way),
        TEST(a_process_ends_while_others_wait_for_verdicts),
        TEST(a_process_ends_while_others_push),
        TEST(a_process_that_exits_at_once_does_so),
        TEST(pushers_come_and_go_with_readers_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
