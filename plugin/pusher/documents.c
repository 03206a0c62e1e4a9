/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/documents.h"

#include <stdio.h>
#include <string.h>

#include "pusher/arguments.h"
#include "roster/roster.h"
#include "why.h"

/* ─── What a host hands in ───────────────────────────────────────────────────────────────────────── */

static klp_status check_attributes(const klp_roster_options *options, klp_text_buffer *why)
{
    const klp_text *attributes = options->attributes;
    char field[40];

    if (options->attribute_count > KLP_MAX_ATTRIBUTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "attribute_count is %zu, more than %u", options->attribute_count,
                       KLP_MAX_ATTRIBUTES);
    if (options->attribute_count && !attributes)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "attributes is NULL, attribute_count is %zu",
                       options->attribute_count);
    for (size_t i = 0; i < options->attribute_count; i++) {
        snprintf(field, sizeof field, "attributes[%zu]", i);
        if (attributes[i].size == 0)
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s is empty", field);
        klp_status status = argument_text(attributes[i], KLP_MAX_ID_BYTES, field, why);
        if (status)
            return status;
        for (size_t j = 0; j < i; j++)
            if (attributes[i].size == attributes[j].size &&
                memcmp(attributes[i].data, attributes[j].data, attributes[i].size) == 0)
                return why_say(why, KLP_E_INVALID_ARGUMENT, "attributes[%zu] and attributes[%zu] are the same", j, i);
    }
    return KLP_OK;
}

/* A name before, between and behind the dots. */
static klp_status check_path(klp_text path, klp_text_buffer *why)
{
    klp_status status = argument_text(path, KLP_MAX_ID_BYTES, "player_id_path", why);

    for (size_t i = 0; !status && i < path.size; i++)
        if (path.data[i] == '.' && (i == 0 || i + 1 == path.size || path.data[i + 1] == '.'))
            return why_say(why, KLP_E_INVALID_ARGUMENT, "player_id_path has an empty name at %zu", i);
    return status;
}

static klp_status check_options(const klp_roster_options *options, klp_text_buffer *why)
{
    if (options->reserved)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "reserved is not 0");
    if (options->fill_bots < KLP_FILL_BOTS_DEFAULT || options->fill_bots > KLP_FILL_BOTS_YES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "fill_bots is %d: not one of KLP_FILL_BOTS_…", options->fill_bots);
    klp_status status = check_path(options->player_id_path, why);
    if (!status)
        status = argument_text(options->key_annotation, KLP_MAX_ID_BYTES, "key_annotation", why);
    return status ? status : check_attributes(options, why);
}

static klp_status copy_options(const klp_roster_options *given, klp_roster_options *options, klp_text_buffer *why)
{
    static const klp_roster_options none = KLP_ROSTER_OPTIONS_INIT;
    klp_status status = argument_copy(given ? given : &none, options, sizeof *options, "klp_roster_options", why);
    return status ? status : check_options(options, why);
}

/* ─── Reading ────────────────────────────────────────────────────────────────────────────────────── */

static klp_status status_of(enum roster_fault fault)
{
    switch (fault) {
    case ROSTER_FINE:
        return KLP_OK;
    case ROSTER_NO_MEMORY:
        return KLP_E_NO_MEMORY;
    case ROSTER_BAD_OPTION:
        return KLP_E_INVALID_ARGUMENT;
    case ROSTER_NO_DOCUMENT:
    case ROSTER_NOT_JSON:
        return KLP_E_MALFORMED;
    case ROSTER_TRUNCATED:
        return KLP_E_TRUNCATED;
    case ROSTER_NOT_FINAL:
        return KLP_E_NOT_FINAL;
    case ROSTER_MISSING:
    case ROSTER_EMPTY:
    case ROSTER_NOT_TEXT:
    case ROSTER_SHAPE:
    case ROSTER_DUPLICATE:
    case ROSTER_OVER_CAPACITY:
    case ROSTER_TOO_LARGE:
        break;
    }
    return KLP_E_ROSTER;
}

static klp_status parse(klp_text format_name, klp_text document, const klp_roster_options *options, klp_roster **roster,
                        klp_text_buffer *why)
{
    struct roster_refusal refusal;

    klp_status status = argument_text(format_name, KLP_MAX_ID_BYTES, "format", why);
    if (status)
        return status;
    const struct format *format = format_named(format_name);
    if (!format)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "format is none of %s", format_names());
    if (document.size && !document.data)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "bytes is NULL, size is %zu", document.size);
    if (document.size > KLP_MAX_DOCUMENT_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "the document is %zu bytes, more than %u", document.size,
                       KLP_MAX_DOCUMENT_BYTES);
    if (roster_read(format, document.data, document.size, options, roster, &refusal))
        return KLP_OK;
    return why_say(why, status_of(refusal.fault), "%s", refusal.sentence);
}

klp_status document_parse(klp_text format, klp_text document, const klp_roster_options *given, klp_roster **roster,
                          klp_text_buffer *why)
{
    klp_roster_options options;

    *roster = NULL;
    klp_status status = copy_options(given, &options, why);
    return status ? status : parse(format, document, &options, roster, why);
}

/* ─── Pushing ────────────────────────────────────────────────────────────────────────────────────── */

klp_status pusher_push_document(klp_pusher *pusher, klp_text format, klp_text document, const klp_roster_options *given,
                                klp_ticket *ticket, klp_text_buffer *why)
{
    klp_roster_options options;
    klp_roster *roster = NULL;

    klp_status status = copy_options(given, &options, why);
    if (!status)
        status = parse(format, document, &options, &roster, why);
    if (!roster)
        return status;
    klp_lobby lobby = klp_roster_lobby(roster);
    lobby.flags = options.flags;
    lobby.game_id = options.game_id;
    if (lobby.event_key.size == 0)
        lobby.event_key = options.event_key;
    lobby.idempotency_key = options.idempotency_key;
    lobby.cookie = options.cookie;
    lobby.deadline_ms = options.deadline_ms;
    lobby.trace_parent = options.trace_parent;
    status = pusher_push(pusher, &lobby, ticket, why);
    roster_free(roster);
    return status;
}
