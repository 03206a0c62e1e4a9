/* SPDX-License-Identifier: Apache-2.0 */
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY SIZE_MAX

/* ---- memory, all of it counted ---- */

static void *take(struct room *room, void *old, size_t old_bytes, size_t bytes, struct room_bounds *bounds)
{
    if (bytes - old_bytes > bounds->bytes)
        return NULL;
    void *block = realloc(old, bytes);
    if (!block)
        return NULL;
    bounds->bytes -= bytes - old_bytes;
    room->bytes += bytes - old_bytes;
    return block;
}

static char *copy(struct room *room, klp_text text, struct room_bounds *bounds)
{
    char *bytes = take(room, NULL, 0, text.size + 1, bounds);
    if (bytes) {
        if (text.size > 0)
            memcpy(bytes, text.data, text.size);
        bytes[text.size] = '\0';
    }
    return bytes;
}

struct room *room_new(klp_text game_id, klp_text region, struct room_bounds *bounds)
{
    struct room counted = {0};
    struct room *room = take(&counted, NULL, 0, sizeof *room, bounds);

    if (!room)
        return NULL;
    *room = counted;
    room->names = take(room, NULL, 0, game_id.size + region.size + 1, bounds);
    if (!room->names) {
        room_free(room, bounds);
        return NULL;
    }
    memcpy(room->names, game_id.data, game_id.size);
    if (region.size > 0)
        memcpy(room->names + game_id.size, region.data, region.size);
    room->game_id = (klp_text){room->names, game_id.size};
    room->region = (klp_text){room->names + game_id.size, region.size};
    return room;
}

void room_free(struct room *room, struct room_bounds *bounds)
{
    bounds->bytes += room->bytes;
    for (size_t i = 0; i < room->member_count; i++)
        free(room->members[i].id);
    free(room->members);
    free(room->actors);
    free(room->metadata_json);
    free(room->names);
    free(room);
}

/* ---- members and actors ---- */

static size_t find_member(const struct room *room, klp_text id)
{
    for (size_t i = 0; i < room->member_count; i++)
        if (room->members[i].id_bytes == id.size && memcmp(room->members[i].id, id.data, id.size) == 0)
            return i;
    return NOBODY;
}

static size_t find_or_add_member(struct room *room, klp_text id, struct room_bounds *bounds)
{
    size_t found = find_member(room, id);

    if (found != NOBODY || room->member_count == bounds->actors)
        return found;
    if (room->member_count == room->member_room) {
        size_t more = room->member_room ? 2 * room->member_room : 4;
        struct member *members =
            take(room, room->members, room->member_room * sizeof *members, more * sizeof *members, bounds);
        if (!members)
            return NOBODY;
        room->members = members;
        room->member_room = more;
    }
    char *bytes = copy(room, id, bounds);
    if (!bytes)
        return NOBODY;
    room->members[room->member_count] = (struct member){.id = bytes, .id_bytes = id.size};
    return room->member_count++;
}

static struct actor *find_actor(const struct room *room, uint32_t nr)
{
    for (size_t i = 0; nr > 0 && i < room->actor_count; i++)
        if (room->actors[i].nr == nr)
            return &room->actors[i];
    return NULL;
}

/* That of a member whose number is not known, and who is in. */
static struct actor *find_numberless_actor(const struct room *room, size_t member)
{
    for (size_t i = 0; i < room->actor_count; i++)
        if (room->actors[i].member == member && room->actors[i].nr == 0 && room->actors[i].is_in)
            return &room->actors[i];
    return NULL;
}

static void count_in(struct room *room, size_t member)
{
    room->in_count++;
    if (room->members[member].actors_in++ == 0 && room->members[member].is_expected)
        room->missing_count--;
}

static void count_out(struct room *room, size_t member)
{
    room->in_count--;
    if (--room->members[member].actors_in == 0 && room->members[member].is_expected)
        room->missing_count++;
}

static enum room_taken add_actor(struct room *room, const struct room_hook *hook, bool is_in,
                                 struct room_bounds *bounds)
{
    size_t member = find_or_add_member(room, hook->user_id, bounds);

    if (member == NOBODY || room->actor_count == bounds->actors)
        goto not_kept;
    if (room->actor_count == room->actor_room) {
        size_t more = room->actor_room ? 2 * room->actor_room : 4;
        struct actor *actors =
            take(room, room->actors, room->actor_room * sizeof *actors, more * sizeof *actors, bounds);
        if (!actors)
            goto not_kept;
        room->actors = actors;
        room->actor_room = more;
    }
    room->actors[room->actor_count++] = (struct actor){
        .member = member,
        .nr = hook->actor_nr,
        .invoke_id = is_in ? hook->invoke_id : ROOM_NO_INVOKE_ID,
        .is_in = is_in,
        .is_join_due = !is_in,
    };
    if (is_in)
        count_in(room, member);
    return ROOM_TAKEN;

not_kept:
    room->is_incomplete = true;
    return ROOM_NOT_KEPT;
}

/* ---- what webhooks say ---- */

enum room_taken room_join(struct room *room, const struct room_hook *hook, struct room_bounds *bounds)
{
    size_t member = find_member(room, hook->user_id);

    if (hook->actor_nr > 0)
        return find_actor(room, hook->actor_nr) ? ROOM_REPEATED : add_actor(room, hook, true, bounds);
    if (member != NOBODY && room->members[member].actors_in > 0)
        return ROOM_REPEATED;
    for (size_t i = 0; member != NOBODY && i < room->actor_count; i++) {
        struct actor *actor = &room->actors[i];
        if (actor->member != member)
            continue;
        if (hook->is_sent_again && hook->invoke_id != ROOM_NO_INVOKE_ID && actor->invoke_id == hook->invoke_id)
            return ROOM_REPEATED;
        if (actor->is_join_due) {
            actor->is_join_due = false;
            actor->invoke_id = hook->invoke_id;
            return ROOM_TAKEN;
        }
    }
    return add_actor(room, hook, true, bounds);
}

enum room_taken room_leave(struct room *room, const struct room_hook *hook, struct room_bounds *bounds)
{
    struct actor *actor = find_actor(room, hook->actor_nr);

    if (actor && !actor->is_in)
        return ROOM_REPEATED;
    if (!actor)
        actor = find_numberless_actor(room, find_member(room, hook->user_id));
    if (!actor)
        return add_actor(room, hook, false, bounds); /* so that its join, which is to come, changes nothing */
    actor->is_in = false;
    actor->nr = hook->actor_nr;
    count_out(room, actor->member);
    return ROOM_TAKEN;
}

static bool expect(struct room *room, klp_text user_id, struct room_bounds *bounds)
{
    size_t member = find_or_add_member(room, user_id, bounds);

    if (member == NOBODY)
        return false;
    if (!room->members[member].is_expected) {
        room->members[member].is_expected = true;
        room->expected_count++;
        room->missing_count += room->members[member].actors_in == 0;
    }
    return true;
}

enum room_taken room_create(struct room *room, const struct room_hook *hook, struct room_bounds *bounds)
{
    enum room_taken taken = room_join(room, hook, bounds); /* who creates, is in */

    if (taken == ROOM_NOT_KEPT)
        return taken;
    room->is_created = true;
    room->creator = find_member(room, hook->user_id);
    room->max_players = hook->max_players;
    for (size_t i = 0; i < hook->expected_count; i++)
        if (!expect(room, hook->expected[i], bounds))
            room->is_incomplete = true;
    if (hook->metadata_json.size > 0) {
        room->metadata_json = copy(room, hook->metadata_json, bounds);
        room->metadata_bytes = room->metadata_json ? hook->metadata_json.size : 0;
        room->is_incomplete |= !room->metadata_json;
    }
    return room->is_incomplete ? ROOM_NOT_KEPT : ROOM_TAKEN;
}

/* ---- what is known ---- */

bool room_has_in(const struct room *room, klp_text user_id)
{
    size_t member = find_member(room, user_id);
    return member != NOBODY && room->members[member].actors_in > 0;
}

bool room_was_created_by(const struct room *room, klp_text user_id)
{
    return room->is_created && find_member(room, user_id) == room->creator;
}

bool room_is_final(const struct room *room, enum room_end *end)
{
    bool is_all_in = room->is_created && room->expected_count > 0 && room->missing_count == 0;
    bool is_full = room->is_created && room->max_players > 0 && room->in_count >= room->max_players;

    *end = room->is_failed ? ROOM_FAILED : is_all_in ? ROOM_ALL_IN : is_full ? ROOM_FULL : ROOM_CLOSED;
    return room->is_failed || is_all_in || is_full || (room->is_created && room->is_closed);
}

enum room_end room_conclude(const struct room *room, enum room_end end)
{
    if (end == ROOM_FAILED || end == ROOM_ABANDONED)
        return end;
    if (room->is_incomplete)
        return ROOM_INCOMPLETE;
    if (!room->is_created)
        return ROOM_NEVER_CREATED;
    return room->in_count > 0 ? end : ROOM_EMPTY;
}
