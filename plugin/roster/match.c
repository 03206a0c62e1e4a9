/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/match.h"

#include <string.h>

#include "roster/member.h"
#include "roster/players.h"
#include "json/number.h"

/* What the parts below read for and into. */
struct reading {
    const struct format *format;
    const struct document *document;
    const klp_roster_options *options;
    struct match *match;
    struct roster_refusal *refusal;
};

/* The key is an annotation, where a format has no id of the match. */
static bool find_annotation(struct reading *reading, int *key)
{
    const struct document *document = reading->document;
    klp_text name = reading->options->key_annotation;

    if (name.size == 0)
        return roster_refuse(reading->refusal, ROSTER_BAD_OPTION,
                             "key_annotation is not given: a document of %s has no other key", reading->format->name);
    *key = JSON_NONE;
    for (size_t i = 0; i < 2 && reading->format->properties[i] && *key == JSON_NONE; i++)
        *key = member_named(&document->json,
                            member_at(&document->json, document->envelope, reading->format->properties[i]), name);
    return true;
}

static bool read_key(struct reading *reading)
{
    const struct format *format = reading->format;
    const struct json_document *json = &reading->document->json;
    char id[KLP_MAX_ID_BYTES + 1], place[96] = "annotation ", name[ROSTER_PRINTABLE_BYTES];

    if (format->key)
        reading->match->key = member_at(json, reading->document->envelope, format->key);
    else if (!find_annotation(reading, &reading->match->key))
        return false;
    klp_text annotation = reading->options->key_annotation;
    if (!format->key)
        strcat(place, roster_printable(annotation.data, annotation.size, name));
    if (reading->match->key == JSON_NONE && format->without_key)
        return roster_refuse(reading->refusal, ROSTER_MISSING, "%s is missing%s", format->key, format->without_key);
    if (!players_check_id(json, reading->match->key, format->key ? format->key : place, id, &reading->match->key_bytes,
                          reading->refusal))
        return false;
    if (format->is_key && !format->is_key((klp_text){id, reading->match->key_bytes}))
        return roster_refuse(reading->refusal, ROSTER_SHAPE, "%s is not %s", format->key, format->what_key_is);
    return true;
}

static bool read_event(struct reading *reading)
{
    const struct format *format = reading->format;
    char id[KLP_MAX_ID_BYTES + 1];

    if (format->event)
        reading->match->event = member_at(&reading->document->json, reading->document->envelope, format->event);
    return reading->match->event == JSON_NONE ||
           players_check_id(&reading->document->json, reading->match->event, format->event, id,
                            &reading->match->event_bytes, reading->refusal);
}

static bool read_uint32(const struct json_document *json, int value, bool may_be_text, uint32_t *number)
{
    char digits[24];
    uint64_t integer;
    bool is_negative = false;
    size_t size = may_be_text ? json_text(json, value, digits, sizeof digits) : 0;

    if (size > 0) {
        if (size >= sizeof digits || strspn(digits, "0123456789") != size ||
            !json_number_read(digits, size, &is_negative, &integer))
            return false;
    } else if (!json_unsigned(json, value, &integer)) {
        return false;
    }
    *number = (uint32_t)integer;
    return integer <= UINT32_MAX;
}

/* What the host says goes before what the document says. */
static bool read_capacity(struct reading *reading)
{
    const struct format *format = reading->format;
    const struct document *document = reading->document;

    for (size_t i = 0; i < sizeof format->capacities / sizeof *format->capacities && format->capacities[i]; i++) {
        int value = member_at(&document->json, document->envelope, format->capacities[i]);
        if (value == JSON_NONE)
            continue;
        if (!read_uint32(&document->json, value, format->is_capacity_text, &reading->match->capacity))
            return roster_refuse(reading->refusal, ROSTER_SHAPE, "%s, the capacity, is not an integer from 0 to %u",
                                 format->capacities[i], UINT32_MAX);
        break;
    }
    if (reading->options->capacity)
        reading->match->capacity = reading->options->capacity;
    return true;
}

static bool read_fill_bots(struct reading *reading)
{
    const struct document *document = reading->document;
    const char *path = reading->format->fill_bots;
    int value = path ? member_at(&document->json, document->envelope, path) : JSON_NONE;
    char kind = json_kind(&document->json, value);

    if (kind && kind != 't' && kind != 'f')
        return roster_refuse(reading->refusal, ROSTER_SHAPE, "%s is neither true nor false", path);
    if (kind)
        reading->match->fill_bots = kind == 't' ? KLP_FILL_BOTS_YES : KLP_FILL_BOTS_NO;
    if (reading->options->fill_bots)
        reading->match->fill_bots = reading->options->fill_bots;
    return true;
}

static bool check_metadata_object(const struct reading *reading)
{
    const struct document *document = reading->document;
    const char *path = reading->format->metadata_object;
    int object = path ? member_at(&document->json, document->envelope, path) : JSON_NONE;

    return object == JSON_NONE || json_kind(&document->json, object) == '{' ||
           roster_refuse(reading->refusal, ROSTER_SHAPE, "%s is not an object", path);
}

bool match_read(const struct format *format, const struct document *document, const klp_roster_options *options,
                struct match *match, struct roster_refusal *refusal)
{
    struct reading reading = {format, document, options, match, refusal};

    *match = (struct match){.event = JSON_NONE};
    if (format->check && !format->check(&document->json, document->envelope, refusal))
        return false;
    return read_key(&reading) && read_event(&reading) && read_capacity(&reading) && read_fill_bots(&reading) &&
           check_metadata_object(&reading);
}
