/* SPDX-License-Identifier: Apache-2.0 */
#include "flexmatch_events_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *const events_not_final[EVENTS_NOT_FINAL] = {
    "MatchmakingSearching is no final roster", "PotentialMatchCreated is no final roster",
    "AcceptMatch is no final roster",          "AcceptMatchCompleted is no final roster",
    "MatchmakingTimedOut is no final roster",  "MatchmakingCancelled is no final roster",
    "MatchmakingFailed is no final roster"};

struct process *events_start(const struct flexmatch_rig *rig, const char *output_path, const char *const argv[])
{
    return process_start(
        &(struct process_setup){.argv = argv, .environment = rig->environment, .output_path = output_path});
}

void events_give_line(struct process *host, const char *line)
{
    process_give(host, line, strlen(line));
    process_give(host, "\n", 1);
}

void events_give(struct process *host, const char *vector)
{
    events_give_line(host, flexmatch_document(vector));
}

void events_end(struct process *host, int exit_status, const char *said)
{
    struct process_result result = process_finish(host);

    if (result.exit_status != exit_status)
        fail_msg("exit status %d, signal %d\n%s%s", result.exit_status, result.signal_number, result.output,
                 result.errors);
    assert_contains(result.errors, said);
    process_result_clear(&result);
}

char *events_of(const char *match_id, const char *player_id)
{
    json_t *event = json_loads(flexmatch_document(EVENT_BARE), 0, NULL);

    json_object_set_new(json_object_get(event, "detail"), "matchId", json_string(match_id));
    json_object_set_new(sandbox_at(event, "detail.tickets.0.players.0"), "playerId", json_string(player_id));
    char *text = json_dumps(event, JSON_COMPACT);
    json_decref(event);
    assert_non_null(text);
    return text;
}

void events_assert_lobby(const struct flexmatch_rig *rig, int times_pushed)
{
    json_t *lobby = flexmatch_one_lobby(rig), *players = json_pack("[s,s]", "u-100", "u-101");

    assert_string_equal(sandbox_text_at(lobby, "key"), MATCH);
    assert_true(json_equal(json_object_get(lobby, "players"), players));
    assert_string_equal(sandbox_text_at(lobby, "metadata.configuration"), "duel-2v2");
    assert_string_equal(sandbox_text_at(lobby, "metadata.teams.u-101"), "south");
    assert_int_equal(json_integer_value(json_object_get(lobby, "times_pushed")), times_pushed);
    json_decref(players);
    json_decref(lobby);
}
