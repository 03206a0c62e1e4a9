/* SPDX-License-Identifier: Apache-2.0
 *
 * Rooms are found by a tree, not by a hash: their names come from players. Each is in one of three queues, all of which
 * are in the order of their times by themselves, since every room waits equally long. */
#include "rooms.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "room.h"

TAILQ_HEAD(queue, room);

struct rooms {
    struct rooms_limits limits;
    struct room_bounds bounds;
    void *tree;
    size_t count;
    struct queue queues[3]; /* by enum room_state */
    klp_text *players;      /* of the roster that was handed out last */
};

/* ---- the tree ---- */

static int compare_texts(klp_text a, klp_text b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare(const void *a, const void *b)
{
    const struct room *one = a, *other = b;
    int order = compare_texts(one->game_id, other->game_id);
    return order ? order : compare_texts(one->region, other->region);
}

static struct room *find(const struct rooms *rooms, const struct room_hook *hook)
{
    const struct room wanted = {.game_id = hook->game_id, .region = hook->region};
    void *const *found = tfind(&wanted, &rooms->tree, compare);
    return found ? *found : NULL;
}

/* ---- the queues ---- */

static void move_to(struct rooms *rooms, struct room *room, enum room_state state, uint64_t until_ms)
{
    TAILQ_REMOVE(&rooms->queues[room->state], room, link);
    room->state = state;
    room->until_ms = until_ms;
    TAILQ_INSERT_TAIL(&rooms->queues[state], room, link);
}

static void end_forming(struct rooms *rooms, struct room *room, enum room_end end)
{
    room->end = room_conclude(room, end);
    move_to(rooms, room, ROOM_DUE, 0);
}

static void drop(struct rooms *rooms, struct room *room)
{
    if (!room->is_replaced)
        tdelete(room, &rooms->tree, compare);
    TAILQ_REMOVE(&rooms->queues[room->state], room, link);
    rooms->count--;
    room_free(room, &rooms->bounds);
}

/* What a webhook may take at most, of a room that is there or not. */
static size_t bytes_for(const struct room *room, const struct room_hook *hook)
{
    const size_t each = sizeof(struct member) + sizeof(struct actor);
    size_t bytes =
        sizeof *room + hook->game_id.size + hook->region.size + hook->user_id.size + hook->metadata_json.size;

    for (size_t i = 0; i < hook->expected_count; i++)
        bytes += hook->expected[i].size + 1;
    return bytes + each * (4 + 2 * hook->expected_count + (room ? room->member_room + room->actor_room : 0));
}

/* Forgets what has been final longest until there is room. False: there is nothing left to forget. */
static bool make_room(struct rooms *rooms, const struct room *room, const struct room_hook *hook)
{
    const size_t bytes = bytes_for(room, hook);

    while ((!room && rooms->count >= rooms->limits.rooms) || rooms->bounds.bytes < bytes) {
        struct room *oldest = TAILQ_FIRST(&rooms->queues[ROOM_REMEMBERED]);
        if (!oldest)
            return false;
        drop(rooms, oldest);
    }
    return true;
}

static struct room *add(struct rooms *rooms, const struct room_hook *hook, uint64_t now_ms)
{
    if (!make_room(rooms, NULL, hook))
        return NULL;
    struct room *room = room_new(hook->game_id, hook->region, &rooms->bounds);
    if (!room)
        return NULL;
    if (!tsearch(room, &rooms->tree, compare)) {
        room_free(room, &rooms->bounds);
        return NULL;
    }
    room->state = ROOM_FORMING;
    room->until_ms = now_ms + rooms->limits.form_ms;
    TAILQ_INSERT_TAIL(&rooms->queues[ROOM_FORMING], room, link);
    rooms->count++;
    return room;
}

/* The room that forms, with space for what the webhook brings; a new one if there is none. */
static struct room *have(struct rooms *rooms, struct room *room, const struct room_hook *hook, uint64_t now_ms)
{
    if (!room)
        return add(rooms, hook, now_ms);
    make_room(rooms, room, hook); /* where it cannot, the room sees by itself how much it lacks */
    return room;
}

/* ---- webhooks ---- */

/* A room of this name that is not the one that is being created: it must be gone, or Photon would not create it. */
static void replace(struct rooms *rooms, struct room *old)
{
    if (old->state == ROOM_REMEMBERED) {
        drop(rooms, old);
        return;
    }
    if (old->state == ROOM_FORMING)
        end_forming(rooms, old, ROOM_CLOSED);
    tdelete(old, &rooms->tree, compare);
    old->is_replaced = true;
}

static bool is_another_room(const struct room *room, const struct room_hook *hook)
{
    if (hook->is_sent_again)
        return false;
    if (room->state == ROOM_FORMING)
        return room->is_created && !room_was_created_by(room, hook->user_id);
    return room->is_closed || !room_was_created_by(room, hook->user_id);
}

static enum room_taken take_create(struct rooms *rooms, struct room *room, const struct room_hook *hook,
                                   uint64_t now_ms)
{
    if (room && is_another_room(room, hook)) {
        replace(rooms, room);
        room = NULL;
    }
    if (room && (room->is_created || room->state != ROOM_FORMING))
        return ROOM_REPEATED;
    room = have(rooms, room, hook, now_ms);
    if (!room)
        return ROOM_NOT_KEPT;
    move_to(rooms, room, ROOM_FORMING, now_ms + rooms->limits.form_ms); /* it waits from now on */
    return room_create(room, hook, &rooms->bounds);
}

static enum room_taken take_close(struct room *room, const struct room_hook *hook)
{
    if (!room)
        return ROOM_UNKNOWN;
    if (room->is_closed)
        return ROOM_REPEATED;
    room->is_closed = true;
    room->is_failed |= hook->is_failed;
    return ROOM_TAKEN;
}

static enum room_taken take_actor(struct rooms *rooms, struct room *room, const struct room_hook *hook, uint64_t now_ms)
{
    if (room && room->state != ROOM_FORMING) {
        if (hook->kind == ROOM_LEAVE)
            return ROOM_TAKEN;
        return room_has_in(room, hook->user_id) ? ROOM_REPEATED : ROOM_LATE;
    }
    if (hook->kind == ROOM_LEAVE && (hook->is_failed || hook->is_inactive)) {
        if (room)
            room->is_failed |= hook->is_failed;
        return room ? ROOM_TAKEN : ROOM_UNKNOWN;
    }
    room = have(rooms, room, hook, now_ms);
    if (!room)
        return ROOM_NOT_KEPT;
    return hook->kind == ROOM_JOIN ? room_join(room, hook, &rooms->bounds) : room_leave(room, hook, &rooms->bounds);
}

enum room_taken rooms_take(struct rooms *rooms, const struct room_hook *hook, uint64_t now_ms)
{
    struct room *room = find(rooms, hook);
    enum room_taken taken;
    enum room_end end;

    if (hook->kind == ROOM_CREATE)
        taken = take_create(rooms, room, hook, now_ms);
    else if (hook->kind == ROOM_CLOSE)
        taken = take_close(room, hook);
    else
        taken = take_actor(rooms, room, hook, now_ms);

    room = find(rooms, hook);
    if (room && room->state == ROOM_FORMING && room_is_final(room, &end))
        end_forming(rooms, room, end);
    else if (room && room->state == ROOM_REMEMBERED)
        move_to(rooms, room, ROOM_REMEMBERED, now_ms + rooms->limits.forget_ms);
    return taken;
}

/* ---- rosters ---- */

/* Rooms whose time is up. Of those that nobody ever was in, as after a restart, in which people only leave rooms that
 * are not known, there is nothing to tell. */
static void pass_time(struct rooms *rooms, uint64_t now_ms)
{
    struct room *room;

    while ((room = TAILQ_FIRST(&rooms->queues[ROOM_REMEMBERED])) && room->until_ms <= now_ms)
        drop(rooms, room);
    while ((room = TAILQ_FIRST(&rooms->queues[ROOM_FORMING])) && room->until_ms <= now_ms) {
        if (room->is_created || room->in_count > 0)
            end_forming(rooms, room, ROOM_TIME_UP);
        else
            drop(rooms, room);
    }
}

bool rooms_next(struct rooms *rooms, uint64_t now_ms, struct room_roster *roster)
{
    size_t count = 0;

    pass_time(rooms, now_ms);
    const struct room *room = TAILQ_FIRST(&rooms->queues[ROOM_DUE]);
    if (!room)
        return false;
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i].actors_in > 0)
            rooms->players[count++] = (klp_text){room->members[i].id, room->members[i].id_bytes};
    *roster = (struct room_roster){
        .game_id = room->game_id,
        .end = room->end,
        .players = rooms->players,
        .player_count = count,
        .missing_count = room->missing_count,
        .max_players = room->max_players,
        .metadata_json = {room->metadata_json, room->metadata_bytes},
    };
    return true;
}

void rooms_settle(struct rooms *rooms, uint64_t now_ms)
{
    struct room *room = TAILQ_FIRST(&rooms->queues[ROOM_DUE]);

    if (room && room->is_replaced)
        drop(rooms, room);
    else if (room)
        move_to(rooms, room, ROOM_REMEMBERED, now_ms + rooms->limits.forget_ms);
}

uint64_t rooms_wait_ms(const struct rooms *rooms, uint64_t now_ms)
{
    const struct room *room = TAILQ_FIRST(&rooms->queues[ROOM_FORMING]);

    if (!TAILQ_EMPTY(&rooms->queues[ROOM_DUE]))
        return 0;
    return !room ? UINT64_MAX : room->until_ms > now_ms ? room->until_ms - now_ms : 0;
}

void rooms_abandon(struct rooms *rooms)
{
    struct room *room;

    while ((room = TAILQ_FIRST(&rooms->queues[ROOM_FORMING]))) {
        if (room->is_created || room->in_count > 0)
            end_forming(rooms, room, ROOM_ABANDONED);
        else
            drop(rooms, room);
    }
}

/* ---- the table ---- */

struct rooms *rooms_new(const struct rooms_limits *limits)
{
    struct rooms *rooms = calloc(1, sizeof *rooms);

    if (!rooms)
        return NULL;
    rooms->players = calloc(limits->actors, sizeof *rooms->players);
    if (!rooms->players) {
        free(rooms);
        return NULL;
    }
    rooms->limits = *limits;
    rooms->bounds = (struct room_bounds){.actors = limits->actors, .bytes = limits->bytes};
    for (size_t i = 0; i < sizeof rooms->queues / sizeof *rooms->queues; i++)
        TAILQ_INIT(&rooms->queues[i]);
    return rooms;
}

void rooms_free(struct rooms *rooms)
{
    if (!rooms)
        return;
    for (size_t i = 0; i < sizeof rooms->queues / sizeof *rooms->queues; i++)
        while (!TAILQ_EMPTY(&rooms->queues[i]))
            drop(rooms, TAILQ_FIRST(&rooms->queues[i]));
    free(rooms->players);
    free(rooms);
}
