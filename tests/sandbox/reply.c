/* SPDX-License-Identifier: Apache-2.0 */
#include "reply.h"

#include <stdlib.h>
#include <string.h>

void reply_clear(struct reply *reply)
{
    free(reply->body);
    *reply = (struct reply){0};
}

void reply_set_json(struct reply *reply, unsigned status, json_t *json)
{
    reply_clear(reply);
    char *body = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    json_decref(json);

    reply->status = body ? status : 500;
    reply->body = body;
    reply->body_bytes = body ? strlen(body) : 0;
}

void reply_set_bytes(struct reply *reply, unsigned status, const void *bytes, size_t size)
{
    reply_clear(reply);
    char *body = malloc(size + 1);

    reply->status = body ? status : 500;
    reply->body = body;
    reply->body_bytes = body ? size : 0;
    if (body && size)
        memcpy(body, bytes, size);
}

void reply_set_error(struct reply *reply, unsigned status, const char *code, const char *message, json_t *details)
{
    json_t *json = details
                       ? json_pack("{s:{s:s, s:s, s:o}}", "error", "code", code, "message", message, "details", details)
                       : json_pack("{s:{s:s, s:s}}", "error", "code", code, "message", message);
    reply_set_json(reply, status, json);
}

const char *reply_usual_code(unsigned status)
{
    switch (status) {
    case 400:
        return "validation_failed";
    case 401:
        return "session_invalid";
    case 403:
        return "forbidden";
    case 404:
        return "not_found";
    case 409:
        return "conflict";
    case 429:
        return "rate_limited";
    default:
        return "internal_error";
    }
}

static json_t *json_from_latin1(const char *bytes, size_t size)
{
    char *utf8 = malloc(2 * size + 1);
    if (!utf8)
        return NULL;

    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < 0x80) {
            utf8[used++] = (char)byte;
        } else {
            utf8[used++] = (char)(0xc0 | byte >> 6);
            utf8[used++] = (char)(0x80 | (byte & 0x3f));
        }
    }
    json_t *text = json_stringn(utf8, used);
    free(utf8);
    return text;
}

json_t *json_from_bytes(const char *bytes, size_t size)
{
    json_t *text = json_stringn(bytes ? bytes : "", size);
    return text ? text : json_from_latin1(bytes, size);
}
