/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/document.h"

#include <stdlib.h>
#include <string.h>

#include "roster/member.h"
#include "roster/truncated.h"

enum { MAX_WRAPS = 3 /* Lambda's record of a queue's message of a notification */ };

/* ─── One text ───────────────────────────────────────────────────────────────────────────────────── */

static bool refuse_text(const struct format *format, const char *text, size_t size, const struct json_fault *fault,
                        struct roster_refusal *refusal)
{
    if (!truncated_is(text, size, fault))
        return roster_refuse(refusal, ROSTER_NOT_JSON, "not JSON: %s at %zu", fault->reason, fault->at);
    /* 4096 bytes, or as many with the NUL */
    if (format->is_cut_at && (size == format->is_cut_at || size + 1 == format->is_cut_at))
        return roster_refuse(refusal, ROSTER_TRUNCATED, "truncated at %zu bytes: %s", size, format->cut_by);
    return roster_refuse(refusal, ROSTER_TRUNCATED, "truncated at %zu bytes: the JSON object does not end", size);
}

static bool read_object(const struct format *format, const char *text, size_t size, struct json_document *json,
                        struct roster_refusal *refusal)
{
    struct json_fault fault;

    switch (json_read(text, size, json, &fault)) {
    case JSON_OK:
        break;
    case JSON_NO_MEMORY:
        return roster_refuse(refusal, ROSTER_NO_MEMORY, "out of memory");
    case JSON_MALFORMED:
        return refuse_text(format, text, size, &fault, refusal);
    }
    if (json_kind(json, JSON_ROOT) == '{')
        return true;
    json_free(json);
    return roster_refuse(refusal, ROSTER_NOT_JSON, "the document is JSON, but not an object");
}

/* ─── What carried it ────────────────────────────────────────────────────────────────────────────── */

/* *carried: the text within, JSON_NONE when this is the document itself. False: refused. */
static bool find_carried(const struct json_document *json, int *carried, struct roster_refusal *refusal)
{
    int records = member_at(json, JSON_ROOT, "Records"), notification = JSON_ROOT;

    *carried = JSON_NONE;
    if (records != JSON_NONE) {
        if (json_kind(json, records) != '[' || json_length(json, records) != 1)
            return roster_refuse(refusal, ROSTER_SHAPE, "Records is not one record: it has %zu, and a roster is one",
                                 json_length(json, records));
        *carried = member_at(json, json_first(json, records), "body");
        notification = member_at(json, json_first(json, records), "Sns");
        if (*carried == JSON_NONE && notification == JSON_NONE)
            return roster_refuse(refusal, ROSTER_MISSING, "Records[0].Sns is missing");
    }
    if (*carried == JSON_NONE) {
        int type = member_at(json, notification, "Type");
        /* a SubscriptionConfirmation has a Message, too, and a token */
        if (type != JSON_NONE && !json_text_is(json, type, "Notification"))
            return roster_refuse(refusal, ROSTER_NOT_FINAL, "not a final roster: Type is not Notification");
        *carried = member_at(json, notification, "Message");
        if (*carried == JSON_NONE && notification == JSON_ROOT && type == JSON_NONE)
            return true;
    }
    if (json_kind(json, *carried) == '"')
        return true;
    return roster_refuse(refusal, *carried == JSON_NONE ? ROSTER_MISSING : ROSTER_NOT_TEXT, "Message is not a string");
}

/* Takes the document out of one that carries it. */
static bool unwrap(const struct format *format, int carried, struct document *document, struct roster_refusal *refusal)
{
    size_t size = json_text(&document->json, carried, NULL, 0);
    char *text = malloc(size + 1);

    if (!text)
        return roster_refuse(refusal, ROSTER_NO_MEMORY, "out of memory");
    json_text(&document->json, carried, text, size + 1);
    document_free(document);
    document->unwrapped = text;
    if (size == 0)
        return roster_refuse(refusal, ROSTER_NO_DOCUMENT, "the document within is empty");
    return read_object(format, text, size, &document->json, refusal);
}

static bool unwrap_all(const struct format *format, struct document *document, struct roster_refusal *refusal)
{
    int carried;

    for (int wraps = 0; wraps <= MAX_WRAPS; wraps++) {
        if (!find_carried(&document->json, &carried, refusal))
            return false;
        if (carried == JSON_NONE)
            return true;
        if (!unwrap(format, carried, document, refusal))
            return false;
    }
    return roster_refuse(refusal, ROSTER_SHAPE, "wrapped more than %d times", MAX_WRAPS);
}

/* ─── All of it ──────────────────────────────────────────────────────────────────────────────────── */

static int find_envelope(const struct format *format, const struct json_document *json)
{
    for (size_t i = 0; i < sizeof format->envelopes / sizeof *format->envelopes && format->envelopes[i]; i++) {
        int envelope = member_at(json, JSON_ROOT, format->envelopes[i]);
        if (json_kind(json, envelope) == '{')
            return envelope;
    }
    return JSON_ROOT;
}

bool document_read(const struct format *format, const char *text, size_t size, struct document *document,
                   struct roster_refusal *refusal)
{
    *document = (struct document){.unwrapped = NULL};
    if (size == 0)
        return roster_refuse(refusal, ROSTER_NO_DOCUMENT, "the document is empty%s",
                             format->when_empty ? format->when_empty : "");
    if (!read_object(format, text, size, &document->json, refusal))
        return false;
    if (format->is_wrapped && !unwrap_all(format, document, refusal)) {
        document_free(document);
        return false;
    }
    document->envelope = find_envelope(format, &document->json);
    return true;
}

void document_free(struct document *document)
{
    json_free(&document->json);
    free(document->unwrapped);
    document->unwrapped = NULL;
}
