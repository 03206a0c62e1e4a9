/* SPDX-License-Identifier: Apache-2.0
 * One room: its users, and which of their actors are in. */
#ifndef ROOM_H
#define ROOM_H

#include <sys/queue.h>

#include "rooms.h"

/* A user that was heard of. */
struct member {
    char *id;
    size_t id_bytes;
    size_t actors_in;
    bool is_expected;
};

/* One stay of a user. */
struct actor {
    size_t member;
    uint32_t nr; /* 0: not known yet */
    int64_t invoke_id;
    bool is_in;
    bool is_join_due; /* its leave came first */
};

enum room_state { ROOM_FORMING, ROOM_DUE, ROOM_REMEMBERED };

struct room {
    klp_text game_id, region; /* what it is found by */
    char *names;              /* both of them */

    struct member *members;
    struct actor *actors;
    size_t member_count, member_room, actor_count, actor_room;
    size_t in_count, expected_count, missing_count;
    size_t creator; /* a member, once is_created */
    char *metadata_json;
    size_t metadata_bytes;
    uint32_t max_players;
    bool is_created, is_closed, is_failed, is_incomplete;
    size_t bytes; /* all that it takes */

    /* Of the table. */
    enum room_state state;
    enum room_end end;
    uint64_t until_ms;
    bool is_replaced; /* not found any more */
    TAILQ_ENTRY(room) link;
};

/* What may still be taken. */
struct room_bounds {
    size_t actors; /* of one room */
    size_t bytes;  /* of all */
};

/* NULL: a bound, or no memory. */
struct room *room_new(klp_text game_id, klp_text region, struct room_bounds *bounds);
void room_free(struct room *room, struct room_bounds *bounds);

enum room_taken room_create(struct room *room, const struct room_hook *hook, struct room_bounds *bounds);
enum room_taken room_join(struct room *room, const struct room_hook *hook, struct room_bounds *bounds);
enum room_taken room_leave(struct room *room, const struct room_hook *hook, struct room_bounds *bounds);

bool room_has_in(const struct room *room, klp_text user_id);
bool room_was_created_by(const struct room *room, klp_text user_id);

/* Whether there is nobody to wait for, and why. */
bool room_is_final(const struct room *room, enum room_end *end);

/* What there is to push now that the wait is over for this reason, or why there is nothing. */
enum room_end room_conclude(const struct room *room, enum room_end end);

#endif
