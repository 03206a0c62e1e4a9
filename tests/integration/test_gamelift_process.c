/* SPDX-License-Identifier: Apache-2.0
 * A game server on GameLift as a process: how it ends, what the wrapper passes, what outlives it, and what it needs. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gamelift_rig.h"
#include "guest.h"

/* ---- the end ---- */

static void what_is_under_way_when_gamelift_ends_the_process_has_its_verdict(void **state)
{
    const struct flexmatch_rig *rig = *state;

    flexmatch_answer_late(rig);
    struct process *server = GAMELIFT(rig, "--drain-ms", "60000");
    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 2);
    flexmatch_await_stat(rig, "requests", 1);
    json_t *log = sandbox_log(rig->sandbox);
    assert_true(json_is_null(sandbox_at(log, "0.answered_us")));
    json_decref(log);
    struct process_result result = gamelift_end(server);
    assert_contains(result.output, MATCH ": applied lob_");
    process_result_clear(&result);
}

static void a_signal_ends_it_as_gamelift_does(int signal_number, const struct flexmatch_rig *rig)
{
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 3);
    process_signal(server, signal_number);
    process_await_errors(server, 3); /* while the script may go on */
    struct process_result result = process_finish(server);
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.errors, "stand-in: ProcessEnding\n");
    process_result_clear(&result);
}

static void a_signal_ends_it(void **state)
{
    a_signal_ends_it_as_gamelift_does(SIGTERM, *state);
    a_signal_ends_it_as_gamelift_does(SIGINT, *state);
}

static void a_script_in_a_file_is_played_to_its_end(void **state)
{
    struct flexmatch_rig *rig = *state;
    char path[64], variable[128], *more = gamelift_backfilled("u-104");

    snprintf(path, sizeof path, "%s/script", rig->folder);
    snprintf(variable, sizeof variable, "GAMELIFT_STAND_IN_SCRIPT=%s", path);
    rig->environment[4] = variable;
    FILE *script = fopen(path, "w");
    assert_non_null(script);
    json_t *steps = json_pack("[{s:o}, {s:{}}, {s:{s:s, s:o}}]", "start",
                              gamelift_session(8, flexmatch_document(GAMELIFT_ROSTER)), "health", "update",
                              "UpdateReason", "MATCHMAKING_DATA_UPDATED", "GameSession", gamelift_session(8, more));
    json_t *step;
    size_t i;
    json_array_foreach(steps, i, step)
    {
        assert_int_equal(json_dumpf(step, script, JSON_COMPACT), 0);
        fputc('\n', script);
    }
    json_decref(steps);
    free(more);
    fclose(script);

    struct process_result result =
        process_run((const char *[]){"gamelift", "--event", "battle_royale", NULL}, rig->environment, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, MATCH ": applied lob_");
    assert_contains(result.output, MATCH ": not_applied idempotency_conflict\n");
    process_result_clear(&result);
    json_decref(gamelift_one_lobby(rig));
}

/* ---- the wrapper's route ---- */

static struct process_result run_wrapped(const struct flexmatch_rig *rig, const char *matchmaker_data)
{
    const char *argv[] = {"gamelift",
                          "--matchmaker-data",
                          matchmaker_data,
                          "--max-players",
                          "6",
                          "--session-id",
                          "gs-9",
                          "--event",
                          "battle_royale",
                          NULL};
    struct process_result result = process_run(argv, rig->environment, NULL);
    assert_null(strstr(result.errors, "stand-in")); /* the wrapper speaks to GameLift */
    return result;
}

static void the_wrapper_passes_the_same_on_the_command_line(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process_result result = run_wrapped(rig, flexmatch_document(GAMELIFT_ROSTER));

    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, "session gs-9: its roster is on its way, as ticket 1\n" MATCH ": applied lob_");
    assert_int_equal(process_count_lines(result.output), 2);
    process_result_clear(&result);
    json_t *lobby = gamelift_one_lobby(rig);
    assert_int_equal(json_integer_value(json_object_get(lobby, "capacity")), 6);
    json_decref(lobby);
}

static void matchmaker_data_may_stand_in_a_file(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char argument[80];

    snprintf(argument, sizeof argument, "@%s/data.json", rig->folder);
    struct process_result result = run_wrapped(rig, argument);
    assert_int_equal(result.exit_status, 2);
    assert_contains(result.errors, "data.json: No such file or directory\n");
    process_result_clear(&result);

    FILE *file = fopen(argument + 1, "w");
    assert_non_null(file);
    fputs(flexmatch_document(GAMELIFT_ROSTER), file);
    fclose(file);
    result = run_wrapped(rig, argument);
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.output, MATCH ": applied lob_");
    process_result_clear(&result);
}

static void the_wrapper_passes_no_data_of_a_session_without_flexmatch(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process_result result = run_wrapped(rig, "");

    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, "session gs-9: no roster to push: the document is empty: "
                                       "no matchmaker made this session\n");
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 0);
}

/* ---- the outbox ---- */

static void what_was_under_way_when_it_was_killed_goes_on_in_the_next_process(void **state)
{
    const struct flexmatch_rig *rig = *state;

    char url[80];

    snprintf(url, sizeof url, "ipc://%s/results.ipc", rig->folder); /* of its own folder nobody would rid us */
    gamelift_answer_too_late(rig);
    struct process *killed = GAMELIFT(rig, "--name", "eu-1", "--outbox", rig->outbox, "--results", url,
                                      "--matchmaker-data", flexmatch_document(GAMELIFT_ROSTER));
    flexmatch_await_stat(rig, "requests", 1);
    process_signal(killed, SIGKILL); /* as the wrapper ends a game */
    struct process_result result = process_finish(killed);
    assert_int_equal(result.signal_number, SIGKILL);
    assert_null(strstr(result.output, MATCH ": "));
    process_result_clear(&result);

    sandbox_unscript(rig->sandbox);
    struct process *next = GAMELIFT(rig, "--name", "eu-1", "--outbox", rig->outbox, "--drain-ms", "60000");
    assert_contains(process_await_output(next, 1), " replayed recovered\n");
    result = gamelift_end(next);
    assert_contains(result.output, MATCH ": applied lob_");
    process_result_clear(&result);
    json_decref(gamelift_one_lobby(rig));
}

static void a_verdict_that_stdout_did_not_take_is_told_to_the_next_process(void **state)
{
    const struct flexmatch_rig *rig = *state;
    const char *const argv[] = {"gamelift", "--name", "eu-1", "--outbox", rig->outbox, NULL};

    struct process *full = gamelift_start(rig, "/dev/full", argv);
    gamelift_start_session(full, 4, flexmatch_document(GAMELIFT_ROSTER));
    flexmatch_await_stat(rig, "lobbies", 1);
    struct process_result result = gamelift_end(full); /* a game does not end for that */
    process_result_clear(&result);

    struct process *next = gamelift_start(rig, NULL, argv);
    assert_contains(process_await_output(next, 1), MATCH ": applied lob_");
    result = gamelift_end(next);
    process_result_clear(&result);
    result = gamelift_end(gamelift_start(rig, NULL, argv));
    assert_string_equal(result.output, ""); /* acknowledged */
    process_result_clear(&result);
}

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    process_close_output(server);
    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    flexmatch_await_stat(rig, "lobbies", 1);
    struct process_result result = gamelift_end(server);
    assert_contains(result.errors, "stand-in: ActivateGameSession gs-1\n");
    process_result_clear(&result);
}

/* ---- the results' socket ---- */

/* Sends it like a plugin, and returns the reply. */
static void send_events(int socket, const char *lines, char reply[64])
{
    assert_int_equal(nn_send(socket, lines, strlen(lines), 0), strlen(lines));
    int size = nn_recv(socket, reply, 63, 0);
    assert_true(size >= 0);
    reply[size] = '\0';
}

#define EVENT(pusher)                                                                                                  \
    "{\"v\":1,\"pusher\":\"" pusher "\",\"epoch\":\"e\",\"seq\":7,\"op\":\"push\",\"ticket\":1,\"cookie\":\"1\","      \
    "\"game_id\":\"g\",\"event_key\":\"duel\",\"key\":\"of-" pusher "\",\"ok\":true,\"outcome\":\"applied\","          \
    "\"lobby_id\":\"lob_7\",\"lobby\":{\"id\":\"lob_7\",\"status\":\"active\",\"capacity\":2,"                         \
    "\"participantCount\":2}}\n"

static void an_event_is_told_once_however_often_it_comes_and_whoever_else_has_its_number(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char url[80], reply[64];

    snprintf(url, sizeof url, "ipc://%s/results.ipc", rig->folder);
    struct process *server = GAMELIFT(rig, "--results", url);
    int timeout_ms = 10000, socket = nn_socket(AF_SP, NN_REQ);
    assert_true(socket >= 0);
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    assert_true(nn_connect(socket, url) >= 0);

    send_events(socket, EVENT("a"), reply);
    assert_string_equal(reply, "ok");
    send_events(socket, EVENT("a") EVENT("b") "no event\n", reply);
    assert_string_equal(reply, "ok");
    nn_close(socket);
    struct process_result result = gamelift_end(server);
    assert_string_equal(result.output, "of-a: applied lob_7\nof-b: applied lob_7\n");
    assert_contains(result.errors, "gamelift: not an event: ");
    process_result_clear(&result);
}

/* ---- what it needs ---- */

static void fails(const struct flexmatch_rig *rig, int exit_status, const char *complaint, const char *const argv[])
{
    struct process_result result = process_run(argv, rig->environment, NULL);
    assert_int_equal(result.exit_status, exit_status);
    assert_contains(result.errors, complaint);
    assert_string_equal(result.output, "");
    process_result_clear(&result);
}

#define FAILS(exit_status, complaint, ...)                                                                             \
    fails(rig, exit_status, complaint, (const char *[]){"gamelift", __VA_ARGS__, NULL})

static void wrong_usage_ends_it_with_2(void **state)
{
    const struct flexmatch_rig *rig = *state;

    FAILS(2, "Usage: ", "--help");
    FAILS(2, "Usage: ", "--key", "x");
    FAILS(2, "Usage: ", "what");
    FAILS(2, "--port is a number up to 65535, not \"65536\"", "--port", "65536");
    FAILS(2, "--drain-ms is a number up to 3600000, not \"-1\"", "--drain-ms", "-1");
    FAILS(2, "--max-players is a number up to 10000, not \"\"", "--max-players", "");
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    struct flexmatch_rig *rig = *state;

    FAILS(1, "/nonexistent/results.ipc", "--results", "ipc:///nonexistent/results.ipc");
    FAILS(1, "gamelift: open: ", "--outbox", "/nonexistent");
    FAILS(1, "gamelift: open: api_key_file", "--api-key-file", "/nonexistent/key");
    rig->environment[4] = "GAMELIFT_STAND_IN_SCRIPT=/nonexistent";
    FAILS(1, "gamelift: InitSDK: /nonexistent: No such file or directory\n", "--port", "1");
    rig->environment[4] = "GAMELIFT_STAND_IN_SCRIPT";
    FAILS(1, "gamelift: InitSDK: GAMELIFT_STAND_IN_SCRIPT names no script", "--port", "1");
    rig->environment[0] = "KLP_LIBRARY=/nonexistent.so";
    FAILS(1, "gamelift: open: /nonexistent.so: ", "--port", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GAMELIFT_TEST(what_is_under_way_when_gamelift_ends_the_process_has_its_verdict),
        GAMELIFT_TEST(a_signal_ends_it),
        GAMELIFT_TEST(a_script_in_a_file_is_played_to_its_end),
        GAMELIFT_TEST(the_wrapper_passes_the_same_on_the_command_line),
        GAMELIFT_TEST(matchmaker_data_may_stand_in_a_file),
        GAMELIFT_TEST(the_wrapper_passes_no_data_of_a_session_without_flexmatch),
        GAMELIFT_TEST(what_was_under_way_when_it_was_killed_goes_on_in_the_next_process),
        GAMELIFT_TEST(a_verdict_that_stdout_did_not_take_is_told_to_the_next_process),
        GAMELIFT_TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        GAMELIFT_TEST(an_event_is_told_once_however_often_it_comes_and_whoever_else_has_its_number),
        GAMELIFT_TEST(wrong_usage_ends_it_with_2),
        GAMELIFT_TEST(what_keeps_it_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
