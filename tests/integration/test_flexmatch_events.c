/* SPDX-License-Identifier: Apache-2.0
 * The host of FlexMatch's events with what comes on stdin. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flexmatch_events_rig.h"
#include "guest.h"

/* ---- stdin ---- */

static void a_match_is_one_lobby_whatever_carries_its_event(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    events_give(host, EVENT_BARE);
    const char *said = process_await_output(host, 1); /* while more may come */
    assert_contains(said, MATCH " applied lob_");
    assert_null(strstr(said, "replayed"));
    events_give(host, EVENT_SNS);
    assert_contains(process_await_output(host, 2), " ms replayed\n");
    events_give(host, EVENT_LAMBDA);
    process_await_output(host, 3);
    json_t *record = json_pack("{s:[{s:s}]}", "Records", "body", flexmatch_document(EVENT_SNS)); /* of a queue */
    char *queued = json_dumps(record, JSON_COMPACT);
    assert_non_null(queued);
    events_give_line(host, queued);
    free(queued);
    json_decref(record);
    process_await_output(host, 4);
    events_end(host, 0, "4 pushed, 3 repeated, 0 failed; 0 not final, 0 refused\n");
    events_assert_lobby(rig, 4);
}

static void events_that_are_not_final_push_nothing(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    for (size_t i = 0; i < EVENTS_NOT_FINAL; i++)
        events_give(host, events_not_final[i]);
    events_end(host, 0, "0 pushed, 0 repeated, 0 failed; 7 not final, 0 refused\n");
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 0);
}

static void repeated_and_reordered_events_have_one_effect(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    events_give(host, EVENT_BARE); /* before those that led to it */
    process_await_output(host, 1);
    for (size_t i = EVENTS_NOT_FINAL; i-- > 0;) {
        events_give(host, events_not_final[i]);
        events_give(host, i % 2 ? EVENT_SNS : EVENT_BARE);
    }
    events_end(host, 0, "8 pushed, 7 repeated, 0 failed; 7 not final, 0 refused\n");
    json_t *lobby = flexmatch_one_lobby(rig);
    assert_string_equal(sandbox_text_at(lobby, "key"), MATCH);
    json_decref(lobby);
}

static void a_repeat_of_what_is_on_its_way_joins_it(void **state)
{
    const struct flexmatch_rig *rig = *state;

    flexmatch_answer_late(rig);
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");
    events_give(host, EVENT_BARE);
    flexmatch_await_stat(rig, "requests", 1);
    events_give(host, EVENT_SNS);
    events_give(host, EVENT_LAMBDA);
    const char *said = process_await_output(host, 3);
    assert_contains(said, " ms joined\n");
    assert_null(strstr(said, "replayed"));
    events_end(host, 0, "3 pushed, 2 repeated, 0 failed; 0 not final, 0 refused\n");
    events_assert_lobby(rig, 1);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void another_roster_under_the_same_match_is_a_conflict_and_the_first_one_stands(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char *other = events_of(MATCH, "u-999");
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    events_give(host, EVENT_BARE);
    process_await_output(host, 1);
    events_give_line(host, other);
    free(other);
    assert_contains(process_await_output(host, 2), MATCH " not_applied idempotency_conflict ");
    events_end(host, 1,
               MATCH ": Kraty has this match with the roster that was pushed first, and that one stands\n"
                     "2 pushed, 0 repeated, 1 failed; 0 not final, 0 refused\n");
    events_assert_lobby(rig, 1);
}

static void lines_that_are_no_events_are_told_by_number_and_keep_no_other_back(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char *last = events_of("match-2", "u-1");
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    events_give_line(host, "no event");
    events_give(host, EVENT_BARE);
    events_give_line(host, "");
    events_give_line(host, "{\"detail\":{\"type\":\"MatchmakingSucceeded\"}}");
    events_give_line(host, "{\"Records\":[]}");
    process_give(host, last, strlen(last) - 20); /* and stdin ends within a line */
    free(last);
    struct process_result result = process_finish(host);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "line 1: not JSON: ");
    assert_contains(result.errors, "line 4: detail.matchId is missing\n");
    assert_contains(result.errors, "line 5: Records is not one record");
    assert_contains(result.errors, "line 6: truncated at ");
    assert_contains(result.errors, "1 pushed, 0 repeated, 0 failed; 0 not final, 4 refused\n");
    process_result_clear(&result);
    events_assert_lobby(rig, 1);
}

static void a_line_that_is_longer_than_any_event_is_refused_and_those_behind_it_are_not(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");
    char *spaces = malloc(5 << 20);

    assert_non_null(spaces);
    memset(spaces, ' ', 5 << 20);
    process_give(host, spaces, 5 << 20);
    free(spaces);
    events_give_line(host, "{}");
    events_give(host, EVENT_BARE);
    struct process_result result = process_finish(host);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "line 1: longer than an event may be\n");
    assert_contains(result.errors, "1 pushed, 0 repeated, 0 failed; 0 not final, 1 refused\n");
    process_result_clear(&result);
    events_assert_lobby(rig, 1);
}

static void more_events_than_the_queue_has_places_are_all_pushed(void **state)
{
    const int EVENTS = 200;
    const struct flexmatch_rig *rig = *state;
    char match_id[32], summary[96];
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--max-queued", "3");

    for (int i = 0; i < EVENTS; i++) {
        snprintf(match_id, sizeof match_id, "match-%d", i);
        char *event = events_of(match_id, "u-1");
        events_give_line(host, event);
        free(event);
    }
    snprintf(summary, sizeof summary, "%d pushed, 0 repeated, 0 failed; 0 not final, 0 refused\n", EVENTS);
    events_end(host, 0, summary);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), EVENTS);
}

static void a_match_id_cannot_forge_a_line_of_the_output(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char *event = events_of("match-1\nmatch-2 applied lob_0 0.1 ms", "u-1");
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    events_give_line(host, event);
    free(event);
    assert_contains(process_await_output(host, 1), "match-1?match-2 applied lob_0 0.1 ms applied lob_");
    events_end(host, 0, "1 pushed, ");
}

static void the_command_line_says_which_event_and_what_capacity(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--game", "game_1", "--event", "battle_royale", "--capacity", "12");

    events_give(host, EVENT_BARE);
    events_end(host, 0, "1 pushed, 0 repeated, 0 failed");
    json_t *lobby = flexmatch_one_lobby(rig);
    assert_string_equal(sandbox_text_at(lobby, "event"), "battle_royale");
    assert_int_equal(json_integer_value(json_object_get(lobby, "capacity")), 12);
    json_decref(lobby);
}

/* ---- the outbox ---- */

static void a_verdict_that_stdout_did_not_take_is_told_to_the_next_process(void **state)
{
    const struct flexmatch_rig *rig = *state;
    const char *const argv[] = {"flexmatch-events", "--event", "duel", "--outbox", rig->outbox, "--name", "eu-1", NULL};

    struct process *full = events_start(rig, "/dev/full", argv);
    events_give(full, EVENT_BARE);
    struct process_result result = process_finish(full);
    assert_int_equal(result.exit_status, 1);
    process_result_clear(&result);

    struct process *next = events_start(rig, NULL, argv);
    assert_contains(process_await_output(next, 1), MATCH " applied lob_");
    events_end(next, 0, "0 pushed, ");
    result = process_run(argv, rig->environment, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, ""); /* acknowledged */
    process_result_clear(&result);
    events_assert_lobby(rig, 1);
}

/* ---- the end ---- */

static void a_signal_ends_it_in_time_with_every_verdict(void **state)
{
    const struct flexmatch_rig *rig = *state;

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");
    events_give(host, EVENT_BARE);
    flexmatch_await_stat(rig, "requests", 1);
    process_signal(host, SIGINT);
    struct process_result result = process_finish(host);
    assert_int_equal(result.exit_status, 1); /* not all of stdin was read */
    assert_contains(result.output, MATCH " possibly_applied shutdown ");
    assert_true(result.elapsed_ms < 30000);
    process_result_clear(&result);
}

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");

    process_close_output(host);
    events_give(host, EVENT_BARE);
    struct process_result result = process_finish(host);
    assert_int_equal(result.signal_number, 0);
    assert_int_equal(result.exit_status, 1);
    process_result_clear(&result);
}

static void wrong_usage_ends_it_with_2(void **state)
{
    static const char *const cases[][4] = {{"flexmatch-events", "--help"},
                                           {"flexmatch-events", "--outbox"},
                                           {"flexmatch-events", "events.ndjson"},
                                           {"flexmatch-events", "--capacity", "0"},
                                           {"flexmatch-events", "--max-queued", "many"}};
    const struct flexmatch_rig *rig = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process_result result = process_run(cases[i], rig->environment, NULL);
        assert_int_equal(result.exit_status, 2);
        assert_contains(result.errors, "Usage: ");
        assert_string_equal(result.output, "");
        process_result_clear(&result);
    }
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    struct flexmatch_rig *rig = *state;

    events_end(FLEXMATCH_EVENTS(rig, "--outbox", "/nonexistent"), 1, "open: ");
    rig->environment[0] = "KLP_LIBRARY=/nonexistent.so";
    events_end(FLEXMATCH_EVENTS(rig, "--event", "duel"), 1, "load: /nonexistent.so: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEXMATCH_TEST(a_match_is_one_lobby_whatever_carries_its_event),
        FLEXMATCH_TEST(events_that_are_not_final_push_nothing),
        FLEXMATCH_TEST(repeated_and_reordered_events_have_one_effect),
        FLEXMATCH_TEST(a_repeat_of_what_is_on_its_way_joins_it),
        FLEXMATCH_TEST(another_roster_under_the_same_match_is_a_conflict_and_the_first_one_stands),
        FLEXMATCH_TEST(lines_that_are_no_events_are_told_by_number_and_keep_no_other_back),
        FLEXMATCH_TEST(a_line_that_is_longer_than_any_event_is_refused_and_those_behind_it_are_not),
        FLEXMATCH_TEST(more_events_than_the_queue_has_places_are_all_pushed),
        FLEXMATCH_TEST(a_match_id_cannot_forge_a_line_of_the_output),
        FLEXMATCH_TEST(the_command_line_says_which_event_and_what_capacity),
        FLEXMATCH_TEST(a_verdict_that_stdout_did_not_take_is_told_to_the_next_process),
        FLEXMATCH_TEST(a_signal_ends_it_in_time_with_every_verdict),
        FLEXMATCH_TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        FLEXMATCH_TEST(wrong_usage_ends_it_with_2),
        FLEXMATCH_TEST(what_keeps_it_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
