/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/roster.h"

#include <stdlib.h>
#include <string.h>

#include "roster/document.h"
#include "roster/match.h"
#include "roster/member.h"
#include "roster/metadata.h"
#include "roster/players.h"
#include "roster/walk.h"
#include "json/check.h"

struct reading {
    const struct format *format;
    const klp_roster_options *options;
    struct document document;
    struct players players;
    struct match match;
    struct roster_refusal *refusal;
};

/* ─── The roster ─────────────────────────────────────────────────────────────────────────────────── */

/* One block: the roster, its players, their texts. The metadata is another. */
struct block {
    klp_roster roster;
    klp_text ids[];
};

static klp_text decode(const struct json_document *json, int text, size_t bytes, char **at)
{
    klp_text decoded = {*at, bytes};

    if (text == JSON_NONE)
        **at = '\0';
    else
        json_text(json, text, *at, bytes + 1);
    *at += bytes + 1;
    return decoded;
}

static struct block *build(const struct reading *reading)
{
    const struct json_document *json = &reading->document.json;
    size_t count = reading->players.count;
    size_t text_bytes = reading->players.id_bytes + reading->match.key_bytes + 1 + reading->match.event_bytes + 1;
    struct block *block = malloc(sizeof *block + count * sizeof *block->ids + text_bytes);

    if (!block)
        return NULL;
    char *at = (char *)(block->ids + count);
    char id[KLP_MAX_ID_BYTES + 1];
    for (size_t i = 0; i < count; i++) {
        int token = reading->players.items[i].id;
        block->ids[i] = decode(json, token, json_text(json, token, id, sizeof id), &at);
    }
    block->roster = (klp_roster){
        .struct_size = sizeof block->roster,
        .fill_bots = reading->match.fill_bots,
        .key = decode(json, reading->match.key, reading->match.key_bytes, &at),
        .event_key = decode(json, reading->match.event, reading->match.event_bytes, &at),
        .player_ids = block->ids,
        .player_count = count,
        .capacity = reading->match.capacity,
        .metadata_json = {"", 0},
    };
    return block;
}

/* Who was expected may be who is there already: the first player is then one and the same. */
static void drop_expected_first(struct reading *reading, struct block *block)
{
    struct players *players = &reading->players;

    for (size_t i = players->expected_from; i < players->count; i++) {
        if (block->ids[i].size != block->ids[0].size ||
            memcmp(block->ids[i].data, block->ids[0].data, block->ids[0].size) != 0)
            continue;
        memmove(block->ids + i, block->ids + i + 1, (players->count - i - 1) * sizeof *block->ids);
        memmove(players->items + i, players->items + i + 1, (players->count - i - 1) * sizeof *players->items);
        players->count--;
        block->roster.player_count--;
        return; /* once: who stands there twice is expected twice */
    }
}

/* ─── In order of their bytes ────────────────────────────────────────────────────────────────────── */

static int compare_texts(klp_text a, klp_text b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* The same text by its place. */
static int compare_places(const void *a, const void *b)
{
    const klp_text *one = *(const klp_text *const *)a, *other = *(const klp_text *const *)b;
    int order = compare_texts(*one, *other);
    return order ? order : (one > other) - (one < other);
}

static int compare_with_text(const void *text, const void *place)
{
    return compare_texts(*(const klp_text *)text, **(const klp_text *const *)place);
}

static bool refuse_duplicates(const klp_text **sorted, size_t count, struct roster_refusal *refusal)
{
    const klp_text *second = NULL;
    char printable[ROSTER_PRINTABLE_BYTES];

    for (size_t i = 1; i < count; i++)
        if (compare_texts(*sorted[i - 1], *sorted[i]) == 0 && (!second || sorted[i] < second))
            second = sorted[i];
    return !second || roster_refuse(refusal, ROSTER_DUPLICATE, "duplicate player %s",
                                    roster_printable(second->data, second->size, printable));
}

/* ─── Teams that list their members ──────────────────────────────────────────────────────────────── */

struct team_search {
    const klp_text **sorted;
    const klp_text *ids;
    struct reading *reading;
    struct team_finder teams;
};

static bool take_member(struct walk *walk, int value)
{
    struct team_search *search = walk->context;
    struct players *players = &search->reading->players;
    const struct format_players *lists = &search->reading->format->team_lists;
    char id[KLP_MAX_ID_BYTES + 1];
    size_t bytes = 0;

    if (!players_check_id(walk->document, value, walk->place, id, &bytes, walk->refusal))
        return false;
    klp_text text = {id, bytes};
    const klp_text **found = bsearch(&text, search->sorted, players->count, sizeof *search->sorted, compare_with_text);
    if (found)
        players->items[*found - search->ids].team = players_team(&search->teams, lists, walk);
    return true;
}

static bool find_teams(struct reading *reading, const klp_text *ids, const klp_text **sorted)
{
    const struct format_players *lists = &reading->format->team_lists;
    struct team_search search = {.sorted = sorted, .ids = ids, .reading = reading, .teams = TEAM_FINDER_INIT};
    struct walk walk = {
        .document = &reading->document.json, .refusal = reading->refusal, .visit = take_member, .context = &search};

    if (!lists->ids || !players_are_there(&reading->document, lists->ids))
        return true;
    return walk_along(&walk, reading->document.envelope, lists->ids);
}

static bool check_players(struct reading *reading, const struct block *block)
{
    size_t count = reading->players.count;
    const klp_text **sorted = calloc(count ? count : 1, sizeof *sorted);

    if (!sorted)
        return roster_refuse(reading->refusal, ROSTER_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++)
        sorted[i] = &block->ids[i];
    qsort(sorted, count, sizeof *sorted, compare_places);
    bool is_fine = refuse_duplicates(sorted, count, reading->refusal) && find_teams(reading, block->ids, sorted);
    free(sorted);
    if (is_fine && reading->match.capacity && reading->match.capacity < count)
        return roster_refuse(reading->refusal, ROSTER_OVER_CAPACITY, "%zu players, more than the capacity of %u", count,
                             reading->match.capacity);
    return is_fine;
}

/* ─── Metadata ───────────────────────────────────────────────────────────────────────────────────── */

static bool add_metadata(const struct reading *reading, klp_roster *roster)
{
    const struct metadata metadata = {.format = reading->format,
                                      .document = &reading->document,
                                      .players = &reading->players,
                                      .attributes = reading->options->attributes,
                                      .attribute_count = reading->options->attribute_count};
    struct json_writer measure = {.data = NULL};
    struct json_fault fault;

    if (!metadata_write(&metadata, &measure))
        return true;
    if (measure.size > KLP_MAX_METADATA_BYTES)
        return roster_refuse(reading->refusal, ROSTER_TOO_LARGE, "the metadata is %zu bytes, more than %u",
                             measure.size, KLP_MAX_METADATA_BYTES);
    struct json_writer writer = {.data = malloc(measure.size + 1), .capacity = measure.size};
    if (!writer.data)
        return roster_refuse(reading->refusal, ROSTER_NO_MEMORY, "out of memory");
    metadata_write(&metadata, &writer);
    writer.data[writer.size] = '\0';
    roster->metadata_json = (klp_text){writer.data, writer.size};
    return json_check(writer.data, writer.size, KLP_MAX_METADATA_BYTES, KLP_MAX_METADATA_DEPTH, NULL, &fault) ||
           roster_refuse(reading->refusal, ROSTER_TOO_LARGE, "the metadata is %s at %zu", fault.reason, fault.at);
}

/* ─── All of it ──────────────────────────────────────────────────────────────────────────────────── */

static bool make_roster(struct reading *reading, klp_roster **roster)
{
    struct block *block = build(reading);

    if (!block)
        return roster_refuse(reading->refusal, ROSTER_NO_MEMORY, "out of memory");
    drop_expected_first(reading, block);
    if (check_players(reading, block) && add_metadata(reading, &block->roster)) {
        *roster = &block->roster;
        return true;
    }
    roster_free(&block->roster);
    return false;
}

bool roster_read(const struct format *format, const char *text, size_t size, const klp_roster_options *options,
                 klp_roster **roster, struct roster_refusal *refusal)
{
    struct reading reading = {.format = format, .options = options, .refusal = refusal};
    bool is_read = false;

    *roster = NULL;
    *refusal = (struct roster_refusal){.fault = ROSTER_FINE};
    if (format->has_player_id_path && options->player_id_path.size == 0)
        return roster_refuse(refusal, ROSTER_BAD_OPTION,
                             "player_id_path is not given: a ticket of %s has no place of its own for it",
                             format->name);
    if (!document_read(format, text, size, &reading.document, refusal))
        return false;
    if (match_read(format, &reading.document, options, &reading.match, refusal) &&
        players_find(format, &reading.document, options->player_id_path, &reading.players, refusal)) {
        is_read = make_roster(&reading, roster);
        players_free(&reading.players);
    }
    document_free(&reading.document);
    return is_read;
}

void roster_free(klp_roster *roster)
{
    if (roster && roster->metadata_json.size > 0)
        free((char *)(uintptr_t)roster->metadata_json.data);
    free(roster);
}
