/* SPDX-License-Identifier: Apache-2.0 */
#include "gamelift_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int gamelift_set_up(void **state)
{
    if (flexmatch_set_up(state))
        return -1;
    struct flexmatch_rig *rig = *state;
    rig->environment[4] = "GAMELIFT_STAND_IN_SCRIPT=-";
    return 0;
}

struct process *gamelift_start(const struct flexmatch_rig *rig, const char *output_path, const char *const argv[])
{
    return process_start(
        &(struct process_setup){.argv = argv, .environment = rig->environment, .output_path = output_path});
}

void gamelift_give(struct process *server, const char *step)
{
    process_give(server, step, strlen(step));
    process_give(server, "\n", 1);
}

static void give_json(struct process *server, json_t *step)
{
    char *line = json_dumps(step, JSON_COMPACT);

    assert_non_null(line);
    gamelift_give(server, line);
    free(line);
    json_decref(step);
}

json_t *gamelift_session(int max_players, const char *matchmaker_data)
{
    return json_pack("{s:s, s:i, s:s}", "GameSessionId", "gs-1", "MaximumPlayerSessionCount", max_players,
                     "MatchmakerData", matchmaker_data);
}

void gamelift_start_session(struct process *server, int max_players, const char *matchmaker_data)
{
    give_json(server, json_pack("{s:o}", "start", gamelift_session(max_players, matchmaker_data)));
}

void gamelift_update_session(struct process *server, const char *reason, int max_players, const char *matchmaker_data)
{
    give_json(server, json_pack("{s:{s:s, s:s, s:o}}", "update", "UpdateReason", reason, "BackfillTicketId",
                                "backfill-1", "GameSession", gamelift_session(max_players, matchmaker_data)));
}

struct process_result gamelift_end(struct process *server)
{
    gamelift_give(server, "{\"terminate\":{}}");
    struct process_result result = process_finish(server);
    if (result.exit_status)
        fail_msg("exit status %d, signal %d\n%s%s", result.exit_status, result.signal_number, result.output,
                 result.errors);
    return result;
}

char *gamelift_backfilled(const char *player_id)
{
    json_t *data = json_loads(flexmatch_document(GAMELIFT_ROSTER), 0, NULL);

    json_array_append_new(sandbox_at(data, "teams.1.players"), json_pack("{s:s}", "playerId", player_id));
    char *text = json_dumps(data, JSON_COMPACT);
    json_decref(data);
    assert_non_null(text);
    return text;
}

json_t *gamelift_one_lobby(const struct flexmatch_rig *rig)
{
    json_t *lobby = flexmatch_one_lobby(rig), *players = json_pack("[s,s,s,s]", "u-100", "u-101", "u-102", "u-103");

    assert_string_equal(sandbox_text_at(lobby, "key"), MATCH);
    assert_true(json_equal(json_object_get(lobby, "players"), players));
    json_decref(players);
    return lobby;
}

void gamelift_answer_too_late(const struct flexmatch_rig *rig)
{
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
}
