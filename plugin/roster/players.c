/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/players.h"

#include <stdlib.h>
#include <string.h>

#include "roster/member.h"
#include "roster/walk.h"

/* ─── One id ─────────────────────────────────────────────────────────────────────────────────────── */

bool players_check_id(const struct json_document *json, int value, const char *place, char out[KLP_MAX_ID_BYTES + 1],
                      size_t *bytes, struct roster_refusal *refusal)
{
    char kind = json_kind(json, value);

    if (kind == '\0' || kind == 'n')
        return roster_refuse(refusal, ROSTER_MISSING, "%s is %s", place, kind ? "null" : "missing");
    if (kind == '0')
        return roster_refuse(refusal, ROSTER_NOT_TEXT, "%s is a number, not a string", place);
    if (kind != '"')
        return roster_refuse(refusal, ROSTER_NOT_TEXT, "%s is not a string", place);
    *bytes = json_text(json, value, out, KLP_MAX_ID_BYTES + 1);
    if (*bytes == 0)
        return roster_refuse(refusal, ROSTER_EMPTY, "%s is empty", place);
    if (*bytes > KLP_MAX_ID_BYTES)
        return roster_refuse(refusal, ROSTER_TOO_LARGE, "%s is %zu bytes, more than %u", place, *bytes,
                             KLP_MAX_ID_BYTES);
    if (memchr(out, '\0', *bytes))
        return roster_refuse(refusal, ROSTER_SHAPE, "%s has a NUL byte", place);
    return true;
}

int players_team(struct team_finder *finder, const struct format_players *source, const struct walk *walk)
{
    if (!source->team)
        return JSON_NONE;
    int element = walk->elements[source->team_level];
    if (element != finder->element) {
        int team = member_at(walk->document, element, source->team);
        *finder = (struct team_finder){element, json_kind(walk->document, team) == '"' ? team : JSON_NONE};
    }
    return finder->team;
}

/* ─── Collecting ─────────────────────────────────────────────────────────────────────────────────── */

struct collector {
    const struct format *format;
    klp_text player_id_path;
    struct players *players;
    struct team_finder teams;
};

static bool append(struct players *players, struct player player, struct roster_refusal *refusal)
{
    if (players->count == KLP_MAX_PLAYERS)
        return roster_refuse(refusal, ROSTER_TOO_LARGE, "there are more than %u players", KLP_MAX_PLAYERS);
    if (players->count == players->room) {
        size_t room = players->room ? 2 * players->room : 16;
        struct player *items = realloc(players->items, room * sizeof *items);
        if (!items)
            return roster_refuse(refusal, ROSTER_NO_MEMORY, "out of memory");
        players->items = items;
        players->room = room;
    }
    players->items[players->count++] = player;
    return true;
}

static bool take_id(struct walk *walk, int value)
{
    struct collector *collector = walk->context;
    struct players *players = collector->players;
    const struct format_players *source = players->source;
    char id[KLP_MAX_ID_BYTES + 1];
    size_t bytes = 0;

    if (!players_check_id(walk->document, value, walk->place, id, &bytes, walk->refusal))
        return false;
    if (collector->format->is_player && !collector->format->is_player((klp_text){id, bytes}))
        return roster_refuse(walk->refusal, ROSTER_SHAPE, "%s is not %s", walk->place,
                             collector->format->what_player_is);
    players->id_bytes += bytes + 1;
    return append(players,
                  (struct player){.id = value,
                                  .team = players_team(&collector->teams, source, walk),
                                  .owner = walk->elements[source->attributes_level]},
                  walk->refusal);
}

/* What the table's path led to: the id, or what the host's path to it starts at. */
static bool take_place(struct walk *walk, int value)
{
    const struct collector *collector = walk->context;

    if (!collector->format->has_player_id_path)
        return take_id(walk, value);
    walk->visit = take_id;
    bool is_fine = walk_along_names(walk, value, collector->player_id_path);
    walk->visit = take_place;
    return is_fine;
}

bool players_are_there(const struct document *document, const char *path)
{
    char start[64];
    size_t size = strcspn(path, "[");

    if (size >= sizeof start)
        return false;
    memcpy(start, path, size);
    start[size] = '\0';
    int value = member_at(&document->json, document->envelope, start);
    return value != JSON_NONE && (json_kind(&document->json, value) != '[' || json_length(&document->json, value) > 0);
}

static const struct format_players *choose(const struct format *format, const struct document *document)
{
    size_t count = sizeof format->players / sizeof *format->players;

    for (size_t i = 0; i < count && format->players[i].ids; i++)
        if (players_are_there(document, format->players[i].ids))
            return &format->players[i];
    return &format->players[0];
}

static bool collect(const struct format *format, const struct document *document, struct walk *walk,
                    struct players *players)
{
    if (!walk_along(walk, document->envelope, players->source->ids))
        return false;
    players->expected_from = players->count;
    for (size_t i = 0; i < sizeof format->expected / sizeof *format->expected && format->expected[i]; i++)
        if (players_are_there(document, format->expected[i]) &&
            !walk_along(walk, document->envelope, format->expected[i]))
            return false;
    return players->count > 0 ||
           roster_refuse(walk->refusal, ROSTER_EMPTY, "nobody plays: there is no %s", players->source->ids);
}

bool players_find(const struct format *format, const struct document *document, klp_text player_id_path,
                  struct players *players, struct roster_refusal *refusal)
{
    struct collector collector = {
        .format = format, .player_id_path = player_id_path, .players = players, .teams = TEAM_FINDER_INIT};
    struct walk walk = {.document = &document->json, .refusal = refusal, .visit = take_place, .context = &collector};

    *players = (struct players){.source = choose(format, document)};
    if (collect(format, document, &walk, players))
        return true;
    players_free(players);
    return false;
}

void players_free(struct players *players)
{
    free(players->items);
    *players = (struct players){.items = NULL};
}
