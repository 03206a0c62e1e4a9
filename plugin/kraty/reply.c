/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/reply.h"

#include <string.h>

/* {"error": {"code", "message", "details"?}}: whether there is one, whatever else there is. */
static bool take_error(struct reply *reply)
{
    const struct json_document *document = &reply->document;
    int error = json_member(document, JSON_ROOT, "error");
    int code = json_member(document, error, "code");
    if (json_text(document, code, NULL, 0) == 0)
        return false;
    int message = json_member(document, error, "message");
    int details = json_member(document, error, "details");
    reply->code = code;
    reply->message = json_kind(document, message) == '"' ? message : JSON_NONE;
    reply->details = json_kind(document, details) != 'n' ? details : JSON_NONE;
    return true;
}

/* Why there is no payload, at the value that should have been one. */
static bool has_no_payload(struct reply *reply, int value, const char *reason)
{
    struct json_slice raw = json_raw(&reply->document, value == JSON_NONE ? JSON_ROOT : value);
    reply->fault.reason = reason;
    reply->fault.at = (size_t)(raw.data - reply->document.text);
    return false;
}

static bool take_lobby(struct reply *reply)
{
    const char *missing = NULL;
    int data = json_member(&reply->document, JSON_ROOT, "data");
    if (!lobby_read(&reply->document, data, &reply->lobby, &missing))
        return has_no_payload(reply, data, missing);
    reply->payload = data;
    return true;
}

static bool take_api_key(struct reply *reply)
{
    int ok = json_member(&reply->document, JSON_ROOT, "ok");
    int api_key = json_member(&reply->document, JSON_ROOT, "apiKey");
    if (json_kind(&reply->document, ok) != 't')
        return has_no_payload(reply, ok, "ok is not true");
    if (json_kind(&reply->document, api_key) != '{')
        return has_no_payload(reply, api_key, "apiKey is not an object");
    reply->payload = api_key;
    return true;
}

static bool has_others_than(const struct json_document *document, int object, const char *name)
{
    for (int key = json_first(document, object); key != JSON_NONE; key = json_next(document, key))
        if (!json_text_is(document, key, name))
            return true;
    return false;
}

static bool take_any(struct reply *reply)
{
    int data = json_member(&reply->document, JSON_ROOT, "data");
    reply->payload = data == JSON_NONE ? JSON_ROOT : data;
    reply->has_more = data != JSON_NONE && has_others_than(&reply->document, JSON_ROOT, "data");
    return true;
}

static bool take_payload(struct reply *reply, enum reply_payload wanted)
{
    switch (wanted) {
    case REPLY_WANTS_LOBBY:
        return take_lobby(reply);
    case REPLY_WANTS_API_KEY:
        return take_api_key(reply);
    case REPLY_WANTS_ANY:
        break;
    }
    return take_any(reply);
}

bool reply_read(const char *body, size_t size, enum reply_payload wanted, struct reply *reply)
{
    *reply = (struct reply){.kind = REPLY_HAS_NEITHER,
                            .payload = JSON_NONE,
                            .lobby = {.id = JSON_NONE, .status = JSON_NONE},
                            .code = JSON_NONE,
                            .message = JSON_NONE,
                            .details = JSON_NONE,
                            .fault = {.reason = "", .at = 0}};
    switch (json_read(body, size, &reply->document, &reply->fault)) {
    case JSON_OK:
        break;
    case JSON_MALFORMED:
        return true;
    case JSON_NO_MEMORY:
        return false;
    }
    if (take_error(reply))
        reply->kind = REPLY_HAS_ERROR;
    else if (take_payload(reply, wanted))
        reply->kind = REPLY_HAS_PAYLOAD;
    return true;
}

void reply_free(struct reply *reply)
{
    json_free(&reply->document);
}
