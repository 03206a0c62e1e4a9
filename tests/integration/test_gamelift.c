/* SPDX-License-Identifier: Apache-2.0
 * A game server on GameLift: sessions of FlexMatch and without, backfill, and a Kraty that is slow or away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gamelift_rig.h"
#include "guest.h"

/* ---- a session begins ---- */

static void a_session_of_flexmatch_is_activated_and_its_roster_is_a_lobby(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 6, flexmatch_document(GAMELIFT_ROSTER));
    const char *said = process_await_output(server, 3);
    assert_contains(said, "session gs-1: its roster is on its way, as ticket 1\n");
    assert_contains(said, "session gs-1: activated\n");
    assert_contains(said, MATCH ": applied lob_");
    struct process_result result = gamelift_end(server);
    assert_int_equal(process_count_lines(result.output), 3);
    assert_contains(result.errors, "stand-in: ActivateGameSession gs-1\n");
    assert_contains(result.errors, "stand-in: ProcessEnding\n");
    process_result_clear(&result);

    json_t *lobby = gamelift_one_lobby(rig);
    assert_string_equal(sandbox_text_at(lobby, "event"), "battle_royale");
    assert_int_equal(json_integer_value(json_object_get(lobby, "capacity")), 6);
    assert_string_equal(sandbox_text_at(lobby, "metadata.configuration"), "duel-2v2");
    assert_string_equal(sandbox_text_at(lobby, "metadata.teams.u-103"), "south");
    json_decref(lobby);
}

static void a_session_without_a_roster_is_activated_and_told_why(const struct flexmatch_rig *rig, int max_players,
                                                                 const char *matchmaker_data, const char *reason)
{
    struct process *server = GAMELIFT(rig, "--port", "7778");

    gamelift_start_session(server, max_players, matchmaker_data);
    const char *said = process_await_output(server, 2);
    assert_contains(said, reason);
    assert_contains(said, "session gs-1: activated\n");
    struct process_result result = gamelift_end(server);
    assert_int_equal(process_count_lines(result.output), 2);
    assert_contains(result.errors, "stand-in: ProcessReady, port 7778\n");
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 0);
}

static void a_session_that_no_matchmaker_made_is_activated_and_told(void **state)
{
    a_session_without_a_roster_is_activated_and_told_why(
        *state, 4, "", "session gs-1: no roster to push: the document is empty: no matchmaker made this session\n");
}

static void matchmaker_data_that_the_sdk_has_cut_is_told_by_name_and_the_session_activated(void **state)
{
    char cut[4097];

    snprintf(cut, sizeof cut, "%s", flexmatch_document("cut at 4096 bytes by an SDK build"));
    assert_int_equal(strlen(cut), 4096);
    a_session_without_a_roster_is_activated_and_told_why(
        *state, 200, cut,
        "session gs-1: no roster to push: truncated at 4096 bytes: some builds of the GameLift server SDK cut at 4096");
}

static void more_players_than_the_session_has_room_for_are_told_and_the_session_activated(void **state)
{
    a_session_without_a_roster_is_activated_and_told_why(*state, 3, flexmatch_document(GAMELIFT_ROSTER),
                                                         "session gs-1: no roster to push: ");
}

/* ---- Kraty is slow, or away ---- */

/* A host that waited for the verdict would be active only after the answer, which takes ten seconds. */
static void a_session_is_activated_before_kraty_answers(void **state)
{
    const struct flexmatch_rig *rig = *state;

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"action\":{\"delay_ms\":10000}}");
    struct process *server = GAMELIFT(rig, "--drain-ms", "100");
    process_await_errors(server, 1);
    uint64_t from_ms = guest_now_ms();
    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 2);
    uint64_t elapsed_ms = guest_now_ms() - from_ms;
    flexmatch_await_stat(rig, "requests", 1);
    json_t *log = sandbox_log(rig->sandbox);
    assert_true(json_is_null(sandbox_at(log, "0.answered_us")));
    json_decref(log);
    assert_true(elapsed_ms < 5000 || is_slowed()); /* nor did it wait a while, and then give up */
    gamelift_give(server, "{\"health\":{}}");
    process_await_errors(server, 3);
    struct process_result result = gamelift_end(server);
    assert_string_equal(result.output, "session gs-1: its roster is on its way, as ticket 1\n"
                                       "session gs-1: activated\n" MATCH ": possibly_applied shutdown\n");
    assert_contains(result.errors, "stand-in: onHealthCheck said yes\n");
    process_result_clear(&result);
}

static void a_session_is_activated_though_nobody_listens_where_kraty_should(void **state)
{
    struct flexmatch_rig *rig = *state;
    char dead[96];

    int holder = flexmatch_dead_url(dead);
    rig->environment[3] = dead;
    struct process *server = GAMELIFT(rig, "--drain-ms", "100");
    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 2);
    struct process_result result = gamelift_end(server);
    const char *activated = strstr(result.output, "session gs-1: activated\n");
    const char *verdict = strstr(result.output, MATCH ": not_applied ");
    assert_true(activated && verdict && activated < verdict);
    process_result_clear(&result);
    close(holder);
}

/* ---- backfill ---- */

static void a_roster_that_changes_by_backfill_is_a_conflict_and_the_first_one_stands(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char *more = gamelift_backfilled("u-104");
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 8, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 3);
    gamelift_update_session(server, "MATCHMAKING_DATA_UPDATED", 8, more);
    const char *said = process_await_output(server, 6);
    assert_contains(said, "session gs-1: its roster is on its way, as ticket 2\n");
    assert_contains(said, MATCH ": not_applied idempotency_conflict\n" MATCH
                                ": Kraty has this match with the roster that was pushed first, and that one stands: "
                                "who came by backfill plays, and is not in the lobby\n");
    struct process_result result = gamelift_end(server);
    assert_int_equal(process_count_lines(result.output), 6);
    process_result_clear(&result);
    free(more);

    json_decref(gamelift_one_lobby(rig));
}

static void an_update_that_changes_no_player_is_replayed(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 3);
    gamelift_update_session(server, "MATCHMAKING_DATA_UPDATED", 4, flexmatch_document(GAMELIFT_ROSTER));
    const char *said = process_await_output(server, 5);
    assert_contains(said, " replayed\n");
    assert_null(strstr(said, "conflict"));
    struct process_result result = gamelift_end(server);
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void an_update_for_another_reason_pushes_nothing(void **state)
{
    static const char *const reasons[] = {"BACKFILL_FAILED", "BACKFILL_TIMED_OUT", "BACKFILL_CANCELLED", "UNKNOWN"};
    const struct flexmatch_rig *rig = *state;
    char *more = gamelift_backfilled("u-104");
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 8, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 3);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        gamelift_update_session(server, reasons[i], 8, more);
    /* one that does push has the ticket behind the first */
    gamelift_update_session(server, "MATCHMAKING_DATA_UPDATED", 8, flexmatch_document(GAMELIFT_ROSTER));
    assert_contains(process_await_output(server, 5), "as ticket 2\n");
    struct process_result result = gamelift_end(server);
    assert_int_equal(process_count_lines(result.output), 5);
    process_result_clear(&result);
    free(more);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 2);
}

static void an_update_whose_data_was_cut_is_told(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *server = GAMELIFT(rig, "--event", "battle_royale");

    gamelift_start_session(server, 4, flexmatch_document(GAMELIFT_ROSTER));
    process_await_output(server, 3);
    gamelift_update_session(server, "MATCHMAKING_DATA_UPDATED", 4, "{\"matchId\":\"" MATCH "\",\"teams\":[");
    assert_contains(process_await_output(server, 4), "session gs-1: no roster to push: truncated at ");
    struct process_result result = gamelift_end(server);
    process_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        GAMELIFT_TEST(a_session_of_flexmatch_is_activated_and_its_roster_is_a_lobby),
        GAMELIFT_TEST(a_session_that_no_matchmaker_made_is_activated_and_told),
        GAMELIFT_TEST(matchmaker_data_that_the_sdk_has_cut_is_told_by_name_and_the_session_activated),
        GAMELIFT_TEST(more_players_than_the_session_has_room_for_are_told_and_the_session_activated),
        GAMELIFT_TEST(a_session_is_activated_before_kraty_answers),
        GAMELIFT_TEST(a_session_is_activated_though_nobody_listens_where_kraty_should),
        GAMELIFT_TEST(a_roster_that_changes_by_backfill_is_a_conflict_and_the_first_one_stands),
        GAMELIFT_TEST(an_update_that_changes_no_player_is_replayed),
        GAMELIFT_TEST(an_update_for_another_reason_pushes_nothing),
        GAMELIFT_TEST(an_update_whose_data_was_cut_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
