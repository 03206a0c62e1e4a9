/* SPDX-License-Identifier: Apache-2.0
 * What the sandbox's log says of requests; with cmocka and rig.h. */
#ifndef ARRIVAL_H
#define ARRIVAL_H

#include <ctype.h>

#include "rig.h"

/* The only request logged, as a new reference. */
static inline json_t *arrival_only(const struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 1);
    json_t *arrival = json_incref(json_array_get(log, 0));
    json_decref(log);
    return arrival;
}

/* Waits until so many requests have come. */
static inline void arrivals_await(const struct rig *rig, size_t count)
{
    for (uint64_t limit_ms = rig_now_ms() + 10000;;) {
        json_t *log = sandbox_log(rig->sandbox);
        size_t came = json_array_size(log);
        json_decref(log);
        if (came >= count)
            return;
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu requests came, not %zu", came, count);
        rig_blink();
    }
}

/* NULL: there is none. */
static inline const char *arrival_header(json_t *arrival, const char *name)
{
    json_t *headers = json_object_get(arrival, "headers"), *header;
    size_t i;

    json_array_foreach(headers, i, header)
    {
        if (strcmp(json_string_value(json_array_get(header, 0)), name) == 0)
            return json_string_value(json_array_get(header, 1));
    }
    return NULL;
}

/* The idempotencyKey in its body; "" when it has none. */
static inline void arrival_idempotency_key(json_t *arrival, char *key, size_t room)
{
    json_t *body = json_loads(sandbox_text_at(arrival, "body"), 0, NULL);
    const char *text = json_string_value(json_object_get(body, "idempotencyKey"));
    snprintf(key, room, "%s", text ? text : "");
    json_decref(body);
}

/* Its bytes on the wire, of which the log shows all but the API key. */
static inline size_t arrival_bytes(json_t *arrival)
{
    json_t *headers = json_object_get(arrival, "headers"), *header;
    size_t bytes = strlen(sandbox_text_at(arrival, "method")) + strlen(sandbox_text_at(arrival, "path")), i;

    bytes += strlen("  HTTP/1.1\r\n") + strlen("\r\n") + json_string_length(json_object_get(arrival, "body"));
    json_array_foreach(headers, i, header)
    {
        const char *name = json_string_value(json_array_get(header, 0));
        size_t value_bytes = json_string_length(json_array_get(header, 1));
        if (strcmp(name, "Authorization") == 0)
            value_bytes = strlen("Bearer " SANDBOX_KEY);
        bytes += strlen(name) + strlen(": \r\n") + value_bytes;
    }
    return bytes;
}

static inline bool is_uuid_4(const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";

    if (strlen(text) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        bool fits = pattern[i] == 'x'   ? isdigit((unsigned char)text[i]) || (text[i] >= 'a' && text[i] <= 'f')
                    : pattern[i] == 'y' ? strchr("89ab", text[i]) != NULL
                                        : text[i] == pattern[i];
        if (!fits)
            return false;
    }
    return true;
}

#endif
