/* SPDX-License-Identifier: Apache-2.0 */
#include "row.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static bool refuse(struct row *row, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(row->why, sizeof row->why, format, arguments);
    va_end(arguments);
    for (char *at = row->why; *at; at++) /* parts of the line may be in it, and do what they like to a terminal */
        if (iscntrl((unsigned char)*at))
            *at = '?';
    return false;
}

static bool read_text(struct row *row, const char *field, klp_text *text)
{
    const json_t *value = json_object_get(row->document, field);

    if (!value)
        return true;
    if (!json_is_string(value))
        return refuse(row, "%s is not a string", field);
    *text = (klp_text){json_string_value(value), json_string_length(value)};
    return true;
}

static bool read_players(struct row *row)
{
    const json_t *players = json_object_get(row->document, "players"), *player;
    size_t count = json_array_size(players), i;

    if (!json_is_array(players))
        return refuse(row, players ? "players is not an array" : "players is missing");
    row->players = calloc(count + 1, sizeof *row->players);
    if (!row->players)
        return refuse(row, "out of memory");
    json_array_foreach(players, i, player)
    {
        if (!json_is_string(player))
            return refuse(row, "players[%zu] is not a string", i);
        row->players[i] = (klp_text){json_string_value(player), json_string_length(player)};
    }
    row->lobby.player_ids = row->players;
    row->lobby.player_count = count;
    return true;
}

static bool read_capacity(struct row *row)
{
    const json_t *capacity = json_object_get(row->document, "capacity");
    json_int_t number = json_integer_value(capacity);

    if (!capacity)
        return true;
    if (!json_is_integer(capacity) || number < 1 || number > (json_int_t)UINT32_MAX)
        return refuse(row, "capacity is not an integer from 1 to %u", UINT32_MAX);
    row->lobby.capacity = (uint32_t)number;
    return true;
}

static bool read_fill_bots(struct row *row)
{
    const json_t *fill_bots = json_object_get(row->document, "fill_bots");

    if (!fill_bots)
        return true;
    if (!json_is_boolean(fill_bots))
        return refuse(row, "fill_bots is neither true nor false");
    row->lobby.fill_bots = json_is_true(fill_bots) ? KLP_FILL_BOTS_YES : KLP_FILL_BOTS_NO;
    return true;
}

/* 15 digits write 0.1 as it was read, but not every double; 17 write every double, but 0.1 as 0.10000000000000001. */
static char *write_json(const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_t *again = text ? json_loads(text, JSON_ALLOW_NUL, NULL) : NULL;
    bool is_exact = json_equal(value, again);

    json_decref(again);
    if (is_exact)
        return text;
    free(text);
    return json_dumps(value, JSON_COMPACT);
}

static bool read_metadata(struct row *row)
{
    const json_t *metadata = json_object_get(row->document, "metadata");

    if (!metadata)
        return true;
    if (!json_is_object(metadata))
        return refuse(row, "metadata is not an object");
    row->metadata = write_json(metadata);
    if (!row->metadata)
        return refuse(row, "out of memory");
    row->lobby.metadata_json = klp_cstr(row->metadata);
    return true;
}

/* A slip in a name would otherwise push another lobby than was meant. */
static bool check_names(struct row *row)
{
    static const char *const names[] = {"key", "event", "players", "capacity", "fill_bots", "metadata"};
    const char *name;
    json_t *value;

    json_object_foreach(row->document, name, value)
    {
        size_t i = 0;
        while (i < sizeof names / sizeof *names && strcmp(name, names[i]) != 0)
            i++;
        if (i == sizeof names / sizeof *names)
            return refuse(row, "%.64s is not a field of a roster", name);
    }
    return true;
}

bool row_read(struct row *row, const char *line, size_t size, const char *event)
{
    json_error_t error;

    *row = (struct row){.lobby = KLP_LOBBY_INIT};
    row->lobby.event_key = klp_cstr(event);
    row->document = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!row->document)
        return refuse(row, "not JSON: %s (column %d)", error.text, error.column);
    if (!json_is_object(row->document))
        return refuse(row, "not a JSON object");

    if (!check_names(row) || !read_text(row, "key", &row->lobby.key) || !read_text(row, "event", &row->lobby.event_key))
        return false;
    if (!json_object_get(row->document, "key"))
        return refuse(row, "key is missing");
    if (row->lobby.event_key.size == 0)
        return refuse(row, "event is missing, and there is no --event");
    return read_players(row) && read_capacity(row) && read_fill_bots(row) && read_metadata(row);
}

void row_clear(struct row *row)
{
    json_decref(row->document);
    free(row->players);
    free(row->metadata);
    *row = (struct row){0};
}
