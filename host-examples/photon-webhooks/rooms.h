/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is in which of Photon's rooms, and when a roster is final; out of webhooks that may come twice, late, and not in
 * their order. Pure: it knows no HTTP, no JSON and no clock; what time it is, it is told.
 *
 *     rooms_take(rooms, &hook, now_ms);
 *     while (rooms_next(rooms, now_ms, &roster))
 *         … push it, or say why not …, rooms_settle(rooms, now_ms);
 *     … wait for a webhook, or rooms_wait_ms() …
 *
 * An actor (Photon's word for one stay of a user in a room) has a number that never comes again in its room, so one
 * that is known to have left stays away whatever comes late: the same webhooks make the same roster in any order. A
 * join of Quantum or Fusion has no number yet: there a leave is matched with a join by the user, and a join that comes
 * again is known by the id of its request.
 *
 * Of one thread. */
#ifndef ROOMS_H
#define ROOMS_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rooms_limits {
    size_t rooms;       /* forming and remembered; the ones remembered longest make room for new ones */
    size_t actors;      /* of one room while it forms, those that left included; and users that it expects */
    size_t bytes;       /* of it all */
    uint64_t form_ms;   /* how long a room waits for its users, from its Create on */
    uint64_t forget_ms; /* how long a room that is final is remembered after its last webhook */
};

enum room_hook_kind { ROOM_CREATE, ROOM_JOIN, ROOM_LEAVE, ROOM_CLOSE };

#define ROOM_NO_INVOKE_ID (-1)

/* One webhook. Copied: its texts are the caller's. */
struct room_hook {
    enum room_hook_kind kind;
    klp_text game_id;
    klp_text region;    /* of Realtime, whose room names are one region's each; else empty */
    klp_text user_id;   /* who creates, joins, leaves */
    uint32_t actor_nr;  /* 0: not told */
    int64_t invoke_id;  /* of the request; the same when Photon sends it again */
    bool is_sent_again; /* Photon says so */
    bool is_inactive;   /* a leave after which the user may come back, and whose place is kept */
    bool is_failed;     /* a leave or a close because the room could not be created */

    /* Of a Create. */
    const klp_text *expected; /* beside who creates */
    size_t expected_count;
    uint32_t max_players; /* 0: no limit */
    klp_text metadata_json;
};

enum room_taken {
    ROOM_TAKEN,
    ROOM_REPEATED, /* nothing new */
    ROOM_LATE,     /* a join after the roster was final: it is not in it */
    ROOM_UNKNOWN,  /* a close of a room that nothing is known of */
    ROOM_NOT_KEPT  /* a limit is reached, or there is no memory. A room that is known, and lacks one of its webhooks for
                      this, is never pushed */
};

/* Why a room forms no longer. */
enum room_end {
    ROOM_ALL_IN, /* who was expected is there */
    ROOM_FULL,
    ROOM_TIME_UP,
    ROOM_CLOSED, /* or created anew by another user, before which Photon must have closed it */

    /* There is no roster to push: */
    ROOM_EMPTY,         /* all have left */
    ROOM_NEVER_CREATED, /* somebody joined, but no Create came: who created it, and its limit, are not known */
    ROOM_FAILED,        /* Photon could not create it */
    ROOM_INCOMPLETE,    /* see ROOM_NOT_KEPT */
    ROOM_ABANDONED      /* rooms_abandon() */
};

struct room_roster {
    klp_text game_id;
    enum room_end end;
    const klp_text *players; /* those who are in, in the order they were first heard of */
    size_t player_count;
    size_t missing_count; /* of the expected */
    uint32_t max_players;
    klp_text metadata_json;
};

struct rooms;

/* NULL: no memory. */
struct rooms *rooms_new(const struct rooms_limits *limits);
void rooms_free(struct rooms *rooms);

enum room_taken rooms_take(struct rooms *rooms, const struct room_hook *hook, uint64_t now_ms);

/* The next room that forms no longer. It comes again until it is settled; what *roster points into lives that long,
 * or until the next rooms_take(). */
bool rooms_next(struct rooms *rooms, uint64_t now_ms, struct room_roster *roster);

/* The room that came last is dealt with, and only remembered from here on. */
void rooms_settle(struct rooms *rooms, uint64_t now_ms);

/* How long until a room that nothing more is heard of forms no longer; UINT64_MAX: there is none. */
uint64_t rooms_wait_ms(const struct rooms *rooms, uint64_t now_ms);

/* Ends all that still form: ROOM_ABANDONED. */
void rooms_abandon(struct rooms *rooms);

#endif
