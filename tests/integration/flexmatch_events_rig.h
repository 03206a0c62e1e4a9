/* SPDX-License-Identifier: Apache-2.0
 *
 * The host of FlexMatch's events as a program.
 *
 *     struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel");
 *     events_give(host, EVENT_BARE);
 *     events_end(host, 0, "1 pushed"); */
#ifndef FLEXMATCH_EVENTS_RIG_H
#define FLEXMATCH_EVENTS_RIG_H

#include "flexmatch_rig.h"

/* Vectors: MatchmakingSucceeded of MATCH with u-100 and u-101. */
#define EVENT_BARE   "MatchmakingSucceeded"
#define EVENT_SNS    "inside an SNS notification"
#define EVENT_LAMBDA "inside a Lambda invocation"

/* Vectors of all the other types. */
#define EVENTS_NOT_FINAL 7
extern const char *const events_not_final[EVENTS_NOT_FINAL];

/* Starts it with these arguments, of which there is one at least. */
#define FLEXMATCH_EVENTS(rig, ...) events_start(rig, NULL, (const char *[]){"flexmatch-events", __VA_ARGS__, NULL})
struct process *events_start(const struct flexmatch_rig *rig, const char *output_path, const char *const argv[]);

/* A line of its stdin: a vector, or any text. */
void events_give(struct process *host, const char *vector);
void events_give_line(struct process *host, const char *line);

/* It ends by itself now, with this status, and `said` in its stderr. */
void events_end(struct process *host, int exit_status, const char *said);

/* MatchmakingSucceeded of another match, or with another player: the caller's to free. */
char *events_of(const char *match_id, const char *player_id);

/* The sandbox has one lobby, which is that of the vectors, and was pushed so often. */
void events_assert_lobby(const struct flexmatch_rig *rig, int times_pushed);

#endif
