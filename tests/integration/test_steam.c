/* SPDX-License-Identifier: Apache-2.0
 * The steam host and the clients of its lobbies, as programs: who may send a lobby, and what becomes of it. */
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
#include "process.h"
#include "sandbox_client.h"

#define LOBBY  "109775240917155841"
#define ALICE  "76561197960265729"
#define BOB    "76561197960265730"
#define CAROL  "76561197960265731"
#define SECRET "14000000ticket"

#define OF_ALICE                                                                                                       \
    "{\"lobby\":\"" LOBBY "\",\"owner\":\"" ALICE "\",\"limit\":4,\"members\":[\"" ALICE "\",\"" BOB "\"]}\n"

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
    snprintf(host->outbox, sizeof host->outbox, "/tmp/steam-test-XXXXXX");
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
    const char *argv[] = {"steam", "eu-1", host->outbox, NULL};
    return process_start(
        &(struct process_setup){.argv = argv, .environment = host->environment, .output_path = output_path});
}

static void give(struct process *process, const char *text)
{
    process_give(process, text, strlen(text));
}

static struct process_result run_host(const struct host *host, const char *messages)
{
    return process_run((const char *[]){"steam", "eu-1", NULL}, host->environment, messages);
}

/* What the clients send. They have neither a key nor the library. */
static struct process_result play(const char *steps)
{
    return process_run((const char *[]){"steam-client", NULL},
                       (const char *[]){"KRATY_SERVER_KEY", "KLP_LIBRARY", NULL}, steps);
}

/* ---- the clients ---- */

static void only_the_owner_has_a_snapshot_to_send(void **state)
{
    (void)state;
    struct process_result sent = play("lobby " LOBBY " 4\njoin " ALICE "\njoin " BOB "\ndata map dock\n"
                                      "start " BOB "\nstart " CAROL "\nstart " ALICE "\n");
    assert_int_equal(sent.exit_status, 0);
    assert_string_equal(sent.output,
                        ALICE " {\"lobby\":\"" LOBBY "\",\"owner\":\"" ALICE "\",\"limit\":4,\"members\":[\"" ALICE
                              "\",\"" BOB "\"],\"data\":{\"map\":\"dock\"}}\n");
    assert_string_equal(sent.errors, "steam-client: " BOB " sends nothing: the owner of lobby " LOBBY " is " ALICE "\n"
                                     "steam-client: " CAROL " sends nothing: it is not in lobby " LOBBY "\n");
    process_result_clear(&sent);
}

static void who_gave_the_lobby_away_has_none_any_more(void **state)
{
    (void)state;
    struct process_result sent = play("lobby " LOBBY " 0\njoin " ALICE "\njoin " BOB "\nowner " BOB "\n"
                                      "start " ALICE "\nstart " BOB "\nleave " BOB "\nstart " ALICE "\n");
    assert_int_equal(process_count_lines(sent.output), 2);
    assert_contains(sent.output, BOB " {\"lobby\":\"" LOBBY "\",\"owner\":\"" BOB "\",\"limit\":0,\"members\":[\"" ALICE
                                     "\",\"" BOB "\"],\"data\":{}}\n");
    assert_contains(sent.output, "\n" ALICE " {\"lobby\":\"" LOBBY "\",\"owner\":\"" ALICE
                                 "\",\"limit\":0,\"members\":[\"" ALICE "\"],\"data\":{}}\n");
    process_result_clear(&sent);
}

static void what_is_no_lobby_has_no_snapshot(void **state)
{
    (void)state;
    struct process_result sent = play("lobby " CAROL " 4\njoin " ALICE "\nstart " ALICE "\n");
    assert_string_equal(sent.output, "");
    assert_contains(sent.errors, CAROL " is not a lobby\n");
    process_result_clear(&sent);
}

static void data_of_any_kind_stays_json_and_what_was_not_asked_for_stays_behind(void **state)
{
    const struct host *host = *state;
    struct process_result sent =
        play("lobby " LOBBY " 4\njoin " ALICE "\ndata map a\"b\\c\td żółć\ndata ticket " SECRET "\nstart " ALICE "\n");
    assert_contains(sent.output, "\"data\":{\"map\":\"a\\\"b\\\\c\\u0009d żółć\"}");
    assert_null(strstr(sent.output, SECRET));

    struct process_result result = run_host(host, sent.output);
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
    process_result_clear(&sent);
    json_t *lobbies = sandbox_lobbies(host->sandbox);
    json_t *metadata = sandbox_at(lobbies, "0.metadata");
    assert_string_equal(json_string_value(sandbox_at(metadata, "properties.map")), "a\"b\\c\td żółć");
    json_decref(lobbies);
}

/* ---- the server ---- */

static void the_owners_snapshot_becomes_the_lobby(void **state)
{
    const struct host *host = *state;
    struct process_result result = run_host(host, ALICE " " OF_ALICE);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, LOBBY " applied from " ALICE "\n");
    assert_string_equal(result.errors, "");
    process_result_clear(&result);

    json_t *lobbies = sandbox_lobbies(host->sandbox);
    assert_int_equal(json_array_size(lobbies), 1);
    assert_string_equal(sandbox_text_at(lobbies, "0.key"), LOBBY);
    assert_string_equal(sandbox_text_at(lobbies, "0.players.0"), ALICE);
    assert_string_equal(sandbox_text_at(lobbies, "0.players.1"), BOB);
    assert_int_equal(json_integer_value(sandbox_at(lobbies, "0.capacity")), 4);
    json_decref(lobbies);
}

static void a_snapshot_of_anybody_but_the_owner_is_refused_by_name(void **state)
{
    static const struct {
        const char *message, *complaint;
    } cases[] = {
        {BOB " " OF_ALICE, "steam: from " BOB ": the owner of lobby " LOBBY " is " ALICE "\n"},
        {CAROL " " OF_ALICE, "steam: from " CAROL ": the owner of lobby " LOBBY " is " ALICE "\n"},
        {CAROL " {\"lobby\":\"" LOBBY "\",\"owner\":\"" CAROL "\",\"members\":[\"" ALICE "\"]}\n",
         "steam: from " CAROL ": the owner of lobby " LOBBY " is none of its members\n"},
        {ALICE " {\"lobby\":\"" LOBBY "\",\"members\":[\"" ALICE "\"]}\n",
         "steam: from " ALICE ": the owner of lobby " LOBBY " is none of its members\n"},
        {ALICE " {\"lobby\":\"" LOBBY "\",\"owner\":76561197960265729,\"members\":[\"" ALICE "\"]}\n",
         "steam: from " ALICE ": the owner of lobby " LOBBY " is none of its members\n"},
        {"0" ALICE " " OF_ALICE, "steam: from 0" ALICE ": the owner of lobby " LOBBY " is " ALICE "\n"},
        {OF_ALICE, "steam: a message without a sender\n"},
        {" " OF_ALICE, "steam: a message without a sender\n"},
        {ALICE ALICE " " OF_ALICE, "steam: a message without a sender\n"},
        {SECRET " " OF_ALICE, "steam: a message without a sender\n"},
    };
    const struct host *host = *state;
    char messages[8192] = "", complaints[8192] = "";

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strcat(messages, cases[i].message);
        strcat(complaints, cases[i].complaint);
    }
    struct process_result result = run_host(host, messages);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, "");
    assert_string_equal(result.errors, complaints);
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(host->sandbox, "requests"), 0);
}

static void ids_that_are_none_of_steams_are_refused_by_name(void **state)
{
    static const struct {
        const char *snapshot, *complaint;
    } cases[] = {
        {"{\"lobby\":\"" LOBBY "\",\"members\":[76561197960265729]}", "members[0] is a number, not a string"},
        {"{\"lobby\":109775240917155841,\"members\":[\"" ALICE "\"]}", "lobby is a number, not a string"},
        {"{\"lobby\":\"" LOBBY "\",\"members\":[\"" LOBBY "\"]}", "members[0] is not an individual's SteamID64"},
        {"{\"lobby\":\"" LOBBY "\",\"members\":[\"STEAM_0:1:1\"]}", "members[0] is not an individual's SteamID64"},
        {"{\"lobby\":\"" LOBBY "\",\"members\":[\"" ALICE "\",\"" ALICE "\"]}", "duplicate player " ALICE},
        {"{\"lobby\":\"" LOBBY "\",\"limit\":1,\"members\":[\"" ALICE "\",\"" BOB "\"]}",
         "2 players, more than the capacity of 1"},
        {"{\"lobby\":\"" LOBBY "\",\"members\":[]}", "nobody plays: there is no members[]"},
        {"{\"lobby\":\"" ALICE "\",\"owner\":\"" ALICE "\",\"members\":[\"" ALICE "\"]}", ALICE " is not a lobby"},
        {"{\"lobby\":\"" LOBBY "\",\"members\":[\"" ALICE, "truncated"},
        {"no JSON, but a " SECRET, "JSON"},
        {"", "empty"},
    };
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        give(process, ALICE " ");
        give(process, cases[i].snapshot);
        give(process, "\n");
        const char *errors = process_await_errors(process, i + 1);
        const char *last = memrchr(errors, '\n', strlen(errors) - 1);
        last = last ? last + 1 : errors;
        assert_int_equal(strncmp(last, "steam: from " ALICE ": ", 31), 0);
        assert_contains(last, cases[i].complaint);
    }
    struct process_result result = process_finish(process);
    assert_int_equal(process_count_lines(result.errors), sizeof cases / sizeof *cases);
    assert_null(strstr(result.errors, SECRET));
    assert_string_equal(result.output, "");
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(host->sandbox, "requests"), 0);
}

static void the_same_snapshot_again_is_the_same_lobby(void **state)
{
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    give(process, ALICE " " OF_ALICE);
    process_await_output(process, 1);
    give(process, ALICE " " OF_ALICE);
    process_await_output(process, 2);
    struct process_result result = process_finish(process);
    assert_string_equal(result.output, LOBBY " applied from " ALICE "\n" LOBBY " applied from " ALICE ", replayed\n");
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void of_a_lobby_that_changed_hands_the_first_snapshot_stands(void **state)
{
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    give(process, ALICE " " OF_ALICE);
    process_await_output(process, 1);
    struct process_result sent =
        play("lobby " LOBBY " 4\njoin " ALICE "\njoin " BOB "\nleave " ALICE "\nstart " BOB "\n");
    give(process, sent.output);
    process_await_output(process, 2);
    process_result_clear(&sent);
    struct process_result result = process_finish(process);
    assert_string_equal(result.output,
                        LOBBY " applied from " ALICE "\n" LOBBY " not_applied idempotency_conflict from " BOB "\n");
    process_result_clear(&result);

    json_t *lobbies = sandbox_lobbies(host->sandbox);
    assert_int_equal(json_array_size(lobbies), 1);
    assert_int_equal(json_array_size(sandbox_at(lobbies, "0.players")), 2);
    json_decref(lobbies);
}

static void the_lobby_of_the_readme_is_played_as_it_says(void **state)
{
    const struct host *host = *state;
    struct process_result sent = process_run(
        (const char *[]){"/bin/sh", "-c", "exec \"$BUILD/steam-client\" < host-examples/steam/lobby.txt", NULL}, NULL,
        NULL);
    assert_int_equal(sent.exit_status, 0);
    struct process_result result = run_host(host, sent.output);
    process_result_clear(&sent);
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(process_count_lines(result.output), 3);
    assert_contains(result.output, LOBBY " applied from " ALICE "\n");
    assert_contains(result.output, LOBBY " not_applied idempotency_conflict from " BOB "\n");
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void a_message_without_end_is_told_and_skipped(void **state)
{
    static char spaces[3 * 65536];
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    memset(spaces, ' ', sizeof spaces);
    give(process, ALICE);
    process_give(process, spaces, sizeof spaces);
    give(process, OF_ALICE); /* its end, and no message */
    give(process, ALICE " {\"lobby\":\"109775240917155842\",\"owner\":\"" ALICE "\",\"members\":[\"" ALICE "\"]}");
    struct process_result result = process_finish(process); /* the last one came without a line break */
    assert_string_equal(result.output, "109775240917155842 applied from " ALICE "\n");
    assert_string_equal(result.errors, "steam: a message is too long\n");
    process_result_clear(&result);
}

static void what_could_not_be_written_is_told_to_the_next_process(void **state)
{
    const struct host *host = *state;
    struct process *full = start_host(host, "/dev/full");

    give(full, ALICE " " OF_ALICE);
    struct process_result result = process_finish(full);
    assert_int_equal(result.exit_status, 0);
    process_result_clear(&result);
    struct process *next = start_host(host, NULL);
    process_await_output(next, 1);
    result = process_finish(next);
    assert_string_equal(result.output, LOBBY " applied from " ALICE "\n");
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void sigterm_ends_it_in_time_with_an_honest_verdict(void **state)
{
    const struct host *host = *state;
    const char *argv[] = {"steam", "eu-1", NULL};

    sandbox_script(host->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = process_start(&(struct process_setup){.argv = argv, .environment = host->environment});
    give(process, ALICE " " OF_ALICE);
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(host->sandbox, "requests") < 1)
        assert_true(guest_now_ms() - from_ms < (uint64_t)PROCESS_LIMIT_MS);
    from_ms = guest_now_ms();
    process_signal(process, SIGTERM);
    process_await_output(process, 1); /* with its stdin open */
    assert_true(guest_now_ms() - from_ms < 5000 + patience_ms(5000));
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, 0);
    assert_string_equal(result.output, LOBBY " possibly_applied shutdown from " ALICE "\n");
    process_result_clear(&result);
}

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    const struct host *host = *state;
    struct process *process = start_host(host, NULL);

    process_close_output(process);
    give(process, ALICE " " OF_ALICE);
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, 0);
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(host->sandbox), 1);
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    const struct host *host = *state;
    struct process_result result =
        process_run((const char *[]){"steam", "eu-1", "/nowhere/at/all", NULL}, host->environment, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "steam: ");
    assert_contains(result.errors, "/nowhere/at/all");
    process_result_clear(&result);

    result = process_run((const char *[]){"steam-client", NULL}, NULL, "lobby " LOBBY " 4\njoin\n");
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "steam-client: line 2 ");
    process_result_clear(&result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        TEST(only_the_owner_has_a_snapshot_to_send),
        TEST(who_gave_the_lobby_away_has_none_any_more),
        TEST(what_is_no_lobby_has_no_snapshot),
        TEST(data_of_any_kind_stays_json_and_what_was_not_asked_for_stays_behind),
        TEST(the_owners_snapshot_becomes_the_lobby),
        TEST(a_snapshot_of_anybody_but_the_owner_is_refused_by_name),
        TEST(ids_that_are_none_of_steams_are_refused_by_name),
        TEST(the_same_snapshot_again_is_the_same_lobby),
        TEST(of_a_lobby_that_changed_hands_the_first_snapshot_stands),
        TEST(the_lobby_of_the_readme_is_played_as_it_says),
        TEST(a_message_without_end_is_told_and_skipped),
        TEST(what_could_not_be_written_is_told_to_the_next_process),
        TEST(sigterm_ends_it_in_time_with_an_honest_verdict),
        TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        TEST(what_keeps_it_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
