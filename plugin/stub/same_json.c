/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/same_json.h"

#include <stdlib.h>
#include <string.h>

static bool same_raw(const struct json_document *a, int value_a, const struct json_document *b, int value_b)
{
    struct json_slice raw_a = json_raw(a, value_a), raw_b = json_raw(b, value_b);
    return raw_a.size == raw_b.size && memcmp(raw_a.data, raw_b.data, raw_a.size) == 0;
}

/* As decoded. Out of memory: as they are written, which is the common case anyhow. */
static bool same_text(const struct json_document *a, int text_a, const struct json_document *b, int text_b)
{
    if (same_raw(a, text_a, b, text_b))
        return true;
    size_t size = json_text(a, text_a, NULL, 0);
    if (size != json_text(b, text_b, NULL, 0))
        return false;
    char *decoded = malloc(2 * (size + 1));
    if (!decoded)
        return false;
    json_text(a, text_a, decoded, size + 1);
    json_text(b, text_b, decoded + size + 1, size + 1);
    bool is_same = memcmp(decoded, decoded + size + 1, size) == 0;
    free(decoded);
    return is_same;
}

static bool same_number(const struct json_document *a, int value_a, const struct json_document *b, int value_b)
{
    int64_t signed_a, signed_b;
    uint64_t unsigned_a, unsigned_b;

    if (json_signed(a, value_a, &signed_a) && json_signed(b, value_b, &signed_b))
        return signed_a == signed_b;
    if (json_unsigned(a, value_a, &unsigned_a) && json_unsigned(b, value_b, &unsigned_b))
        return unsigned_a == unsigned_b;
    return same_raw(a, value_a, b, value_b);
}

static bool same_list(const struct json_document *a, int list_a, const struct json_document *b, int list_b)
{
    if (json_length(a, list_a) != json_length(b, list_b))
        return false;
    int element_b = json_first(b, list_b);
    for (int element_a = json_first(a, list_a); element_a != JSON_NONE; element_a = json_next(a, element_a)) {
        if (!same_json(a, element_a, b, element_b))
            return false;
        element_b = json_next(b, element_b);
    }
    return true;
}

/* The last member of a name counts, as everywhere. */
static int member_of_key(const struct json_document *of, int object, const struct json_document *document, int key)
{
    int found = JSON_NONE;

    for (int other = json_first(of, object); other != JSON_NONE; other = json_next(of, other))
        if (same_text(of, other, document, key))
            found = json_value_of_key(of, other);
    return found;
}

static bool has_all(const struct json_document *a, int object_a, const struct json_document *b, int object_b)
{
    for (int key = json_first(b, object_b); key != JSON_NONE; key = json_next(b, key)) {
        int in_a = member_of_key(a, object_a, b, key), in_b = member_of_key(b, object_b, b, key);
        if (in_a == JSON_NONE || !same_json(a, in_a, b, in_b))
            return false;
    }
    return true;
}

/* It nests as deep as the reader lets it. */
bool same_json(const struct json_document *a, int value_a, const struct json_document *b, int value_b)
{
    char kind = json_kind(a, value_a);

    if (kind != json_kind(b, value_b))
        return false;
    switch (kind) {
    case '{':
        return has_all(a, value_a, b, value_b) && has_all(b, value_b, a, value_a);
    case '[':
        return same_list(a, value_a, b, value_b);
    case '"':
        return same_text(a, value_a, b, value_b);
    case '0':
        return same_number(a, value_a, b, value_b);
    default:
        return true;
    }
}
