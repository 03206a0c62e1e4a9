/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/member.h"

#include <string.h>

static bool is_same(klp_text a, klp_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

/* Takes the next character of a name in camel case: an underscore goes, and raises what follows it. */
static bool take_camel(klp_text *name, char *character)
{
    bool is_raised = false;

    for (; name->size > 0 && *name->data == '_'; name->data++, name->size--)
        is_raised = true;
    if (name->size == 0)
        return false;
    *character = *name->data;
    if (is_raised && *character >= 'a' && *character <= 'z')
        *character = (char)(*character - 'a' + 'A');
    name->data++;
    name->size--;
    return true;
}

static bool is_same_in_camel_case(klp_text a, klp_text b)
{
    char of_a, of_b;

    for (;;) {
        bool has_a = take_camel(&a, &of_a), has_b = take_camel(&b, &of_b);
        if (!has_a || !has_b)
            return has_a == has_b;
        if (of_a != of_b)
            return false;
    }
}

/* A key's name, decoded if it must be. False: it is longer than any name that is looked for. */
static bool read_name(const struct json_document *document, int key, char room[KLP_MAX_ID_BYTES + 1], klp_text *name)
{
    struct json_slice raw = json_raw(document, key);

    *name = (klp_text){raw.data + 1, raw.size - 2};
    if (name->size == 0 || !memchr(name->data, '\\', name->size))
        return true;
    *name = (klp_text){room, json_text(document, key, room, KLP_MAX_ID_BYTES + 1)};
    return name->size <= KLP_MAX_ID_BYTES;
}

/* *named and *alike become keys: the last of that name, and the last that is alike. */
static void find(const struct json_document *document, int object, klp_text wanted, int *named, int *alike)
{
    char room[KLP_MAX_ID_BYTES + 1];
    klp_text name;

    *named = *alike = JSON_NONE;
    if (json_kind(document, object) != '{')
        return;
    for (int key = json_first(document, object); key != JSON_NONE; key = json_next(document, key)) {
        if (!read_name(document, key, room, &name))
            continue;
        if (is_same(name, wanted))
            *named = key;
        else if (is_same_in_camel_case(name, wanted))
            *alike = key;
    }
}

int member_named(const struct json_document *document, int object, klp_text name)
{
    int named, alike;

    find(document, object, name, &named, &alike);
    return json_value_of_key(document, named);
}

int member_like(const struct json_document *document, int object, klp_text name)
{
    int named, alike;

    find(document, object, name, &named, &alike);
    return json_value_of_key(document, named != JSON_NONE ? named : alike);
}

klp_text member_take_name(klp_text *path)
{
    const char *dot = memchr(path->data, '.', path->size);
    klp_text name = {path->data, dot ? (size_t)(dot - path->data) : path->size};
    size_t taken = name.size + (dot != NULL);

    path->data += taken;
    path->size -= taken;
    return name;
}

int member_at(const struct json_document *document, int from, const char *path)
{
    klp_text rest = klp_cstr(path);
    int value = from;

    while (rest.size > 0) {
        klp_text name = member_take_name(&rest);
        bool is_first = name.size > 3 && memcmp(name.data + name.size - 3, "[0]", 3) == 0;
        name.size -= is_first ? 3 : 0;
        value = member_like(document, value, name);
        if (is_first)
            value = json_kind(document, value) == '[' ? json_first(document, value) : JSON_NONE;
    }
    return json_kind(document, value) == 'n' ? JSON_NONE : value;
}
