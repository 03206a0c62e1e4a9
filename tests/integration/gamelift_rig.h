/* SPDX-License-Identifier: Apache-2.0
 *
 * The game server on GameLift as a program, with the SDK's stand-in, which is told on stdin what GameLift does.
 *
 *     struct process *server = GAMELIFT(rig, "--event", "battle_royale");
 *     gamelift_start_session(server, 6, flexmatch_document(GAMELIFT_ROSTER));
 *     …
 *     struct process_result result = gamelift_end(server); */
#ifndef GAMELIFT_RIG_H
#define GAMELIFT_RIG_H

#include "flexmatch_rig.h"

/* A vector: MATCH with u-100, u-101, u-102 and u-103 in two teams. */
#define GAMELIFT_ROSTER "matchmakerData of a game session"

int gamelift_set_up(void **state);

#define GAMELIFT_TEST(name) cmocka_unit_test_setup_teardown(name, gamelift_set_up, flexmatch_tear_down)

/* Starts it with these arguments, of which there is one at least. */
#define GAMELIFT(rig, ...) gamelift_start(rig, NULL, (const char *[]){"gamelift", __VA_ARGS__, NULL})
struct process *gamelift_start(const struct flexmatch_rig *rig, const char *output_path, const char *const argv[]);

/* One step of the script, and those of a session gs-1. */
void gamelift_give(struct process *server, const char *step);
void gamelift_start_session(struct process *server, int max_players, const char *matchmaker_data);
void gamelift_update_session(struct process *server, const char *reason, int max_players, const char *matchmaker_data);

/* The session as GameLift describes it. New reference. */
json_t *gamelift_session(int max_players, const char *matchmaker_data);

/* Has GameLift end it, which is no failure. */
struct process_result gamelift_end(struct process *server);

/* The roster, and a player who came by backfill: the caller's to free. */
char *gamelift_backfilled(const char *player_id);

/* The sandbox has one lobby, which is the roster. Returns it, a new reference. */
json_t *gamelift_one_lobby(const struct flexmatch_rig *rig);

/* Every push is answered too late for any test; the lobby is there at once. */
void gamelift_answer_too_late(const struct flexmatch_rig *rig);

#endif
