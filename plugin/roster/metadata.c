/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/metadata.h"

#include <string.h>

#include "roster/member.h"

/* An object that is written once there is something in it. */
struct late_object {
    struct json_writer *writer;
    struct late_object *within; /* NULL: the whole */
    struct json_slice name;     /* a JSON string, of the whole none */
    bool is_open;
};

static void open_late(struct late_object *object)
{
    if (object->is_open)
        return;
    if (object->within) {
        open_late(object->within);
        json_name_raw(object->writer, object->name.data, object->name.size);
    }
    json_open(object->writer, '{');
    object->is_open = true;
}

static void close_late(const struct late_object *object)
{
    if (object->is_open)
        json_close(object->writer, '}');
}

static struct late_object within(struct late_object *outer, const char *data, size_t size)
{
    return (struct late_object){.writer = outer->writer, .within = outer, .name = {data, size}};
}

#define WITHIN(outer, literal) within(outer, "\"" literal "\"", sizeof "\"" literal "\"" - 1)

static void put_value(struct late_object *object, const struct json_document *json, int value)
{
    struct json_slice raw = json_raw(json, value);
    json_put_raw_on_one_line(object->writer, raw.data, raw.size);
}

/* ─── Fields of the match ────────────────────────────────────────────────────────────────────────── */

/* "arn:…:matchmakingconfiguration/duel-2v2" is called duel-2v2. */
static void put_resource(struct late_object *whole, const struct json_document *json, int arn)
{
    char text[2 * KLP_MAX_ID_BYTES];
    size_t size = json_text(json, arn, text, sizeof text);
    const char *slash = size < sizeof text ? memrchr(text, '/', size) : NULL;
    const char *name = slash ? slash + 1 : text;

    if (size >= sizeof text)
        put_value(whole, json, arn);
    else
        json_put_string(whole->writer, name, size - (size_t)(name - text));
}

static void put_fields(const struct metadata *metadata, struct late_object *whole)
{
    const struct json_document *json = &metadata->document->json;
    const struct format_metadata *fields = metadata->format->metadata;
    const char *before = "";

    for (size_t i = 0; i < sizeof metadata->format->metadata / sizeof *fields && fields[i].name; i++) {
        int value = member_at(json, metadata->document->envelope, fields[i].path);
        if (json_kind(json, value) != '"' || strcmp(before, fields[i].name) == 0)
            continue;
        before = fields[i].name; /* the first path of a name that leads somewhere */
        open_late(whole);
        json_name(whole->writer, fields[i].name);
        if (fields[i].is_resource)
            put_resource(whole, json, value);
        else
            put_value(whole, json, value);
    }
}

static void put_teams(const struct metadata *metadata, struct late_object *whole)
{
    const struct json_document *json = &metadata->document->json;
    struct late_object teams = WITHIN(whole, "teams");

    for (size_t i = 0; i < metadata->players->count; i++) {
        const struct player *player = &metadata->players->items[i];
        if (player->team == JSON_NONE)
            continue;
        struct json_slice id = json_raw(json, player->id);
        open_late(&teams);
        json_name_raw(whole->writer, id.data, id.size);
        put_value(&teams, json, player->team);
    }
    close_late(&teams);
}

/* ─── What was asked for by name ─────────────────────────────────────────────────────────────────── */

/* FlexMatch puts a value beside its type. */
static int value_of(const struct json_document *json, int attribute)
{
    int value = member_at(json, attribute, "valueAttribute");
    return value == JSON_NONE ? attribute : value;
}

/* Of each wanted name its value in one of the objects, or JSON_NONE. */
static void find_wanted(const struct metadata *metadata, int from, const char *const objects[2],
                        int values[KLP_MAX_ATTRIBUTES])
{
    const struct json_document *json = &metadata->document->json;

    for (size_t i = 0; i < metadata->attribute_count; i++)
        values[i] = JSON_NONE;
    for (size_t j = 0; j < 2 && objects[j]; j++) {
        int object = member_at(json, from, objects[j]);
        for (size_t i = 0; i < metadata->attribute_count; i++)
            if (values[i] == JSON_NONE)
                values[i] = value_of(json, member_named(json, object, metadata->attributes[i]));
    }
}

static void put_wanted(const struct metadata *metadata, const int values[KLP_MAX_ATTRIBUTES], struct late_object *into)
{
    const struct json_document *json = &metadata->document->json;

    for (size_t i = 0; i < metadata->attribute_count; i++) {
        if (values[i] == JSON_NONE)
            continue;
        open_late(into);
        json_name_text(into->writer, metadata->attributes[i].data, metadata->attributes[i].size);
        put_value(into, json, values[i]);
    }
    close_late(into);
}

static void put_properties(const struct metadata *metadata, struct late_object *whole)
{
    struct late_object properties = WITHIN(whole, "properties");
    int values[KLP_MAX_ATTRIBUTES];

    find_wanted(metadata, metadata->document->envelope, metadata->format->properties, values);
    put_wanted(metadata, values, &properties);
}

static void put_attributes(const struct metadata *metadata, struct late_object *whole)
{
    struct late_object attributes = WITHIN(whole, "attributes");
    int values[KLP_MAX_ATTRIBUTES];
    int owner = JSON_NONE; /* players that share one stand in a row: it is searched once, however large it is */

    for (size_t i = 0; metadata->attribute_count && i < metadata->players->count; i++) {
        const struct player *player = &metadata->players->items[i];
        struct json_slice id = json_raw(&metadata->document->json, player->id);
        struct late_object of_player = within(&attributes, id.data, id.size);
        if (player->owner == JSON_NONE)
            continue;
        if (player->owner != owner)
            find_wanted(metadata, player->owner, metadata->players->source->attributes, values);
        owner = player->owner;
        put_wanted(metadata, values, &of_player);
    }
    close_late(&attributes);
}

bool metadata_write(const struct metadata *metadata, struct json_writer *writer)
{
    const struct json_document *json = &metadata->document->json;
    struct late_object whole = {.writer = writer};

    if (metadata->format->metadata_object) {
        int object = member_at(json, metadata->document->envelope, metadata->format->metadata_object);
        if (object != JSON_NONE)
            put_value(&whole, json, object);
        return object != JSON_NONE;
    }
    put_fields(metadata, &whole);
    put_teams(metadata, &whole);
    put_properties(metadata, &whole);
    put_attributes(metadata, &whole);
    close_late(&whole);
    return whole.is_open;
}
