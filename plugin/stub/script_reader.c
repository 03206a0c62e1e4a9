/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/script_reader.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "why.h"

enum { PLACE_BYTES = 160, REASON_BYTES = 256 };

static void name_place(const struct script_reader *reader, const char *member, char place[PLACE_BYTES])
{
    int size = 0;

    if (reader->part)
        size = snprintf(place, PLACE_BYTES, "%s[%zu]", reader->part, reader->index);
    if (size < PLACE_BYTES && reader->sub)
        size += snprintf(place + size, (size_t)(PLACE_BYTES - size), ".%s", reader->sub);
    if (size < PLACE_BYTES && member)
        size += snprintf(place + size, (size_t)(PLACE_BYTES - size), "%s%s", size ? "." : "", member);
    if (size == 0)
        snprintf(place, PLACE_BYTES, "the script");
}

void script_refuse(struct script_reader *reader, const char *member, const char *format, ...)
{
    char place[PLACE_BYTES], reason[REASON_BYTES];
    va_list arguments;

    if (reader->status)
        return;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    name_place(reader, member, place);
    reader->status = why_say(reader->why, KLP_E_INVALID_ARGUMENT, "script: %s %s", place, reason);
}

void script_take_members(struct script_reader *reader, int object, const struct script_member *members, size_t count,
                         void *into)
{
    const struct json_document *document = &reader->document;

    if (json_kind(document, object) != '{') {
        script_refuse(reader, NULL, "is no object");
        return;
    }
    for (int key = json_first(document, object); key != JSON_NONE && !reader->status; key = json_next(document, key)) {
        size_t i = 0;
        while (i < count && !json_text_is(document, key, members[i].name))
            i++;
        if (i == count) {
            struct json_slice name = json_raw(document, key);
            int size = name.size < 64 ? (int)name.size : 64;
            script_refuse(reader, NULL, "has no member %.*s", size, name.data);
            return;
        }
        if (json_member(document, object, members[i].name) != json_value_of_key(document, key)) {
            script_refuse(reader, members[i].name, "stands twice");
            return;
        }
        members[i].take(reader, members[i].name, json_value_of_key(document, key), into);
    }
}

klp_text script_any_text(struct script_reader *reader, const char *member, int value)
{
    klp_text text = {reader->texts_end, 0};

    if (json_kind(&reader->document, value) != '"') {
        script_refuse(reader, member, "is no text");
        return (klp_text){"", 0};
    }
    /* decoded it is no longer than it stands there, and its NUL has the place of a quote */
    text.size = json_text(&reader->document, value, reader->texts_end, json_raw(&reader->document, value).size);
    reader->texts_end += text.size + 1;
    return text;
}

klp_text script_text(struct script_reader *reader, const char *member, int value)
{
    klp_text text = script_any_text(reader, member, value);

    if (!text.size)
        script_refuse(reader, member, "is empty");
    else if (memchr(text.data, '\0', text.size))
        script_refuse(reader, member, "holds a NUL");
    return text;
}

klp_text script_raw(struct script_reader *reader, int value)
{
    struct json_slice raw = json_raw(&reader->document, value);
    klp_text text = {reader->texts_end, raw.size};

    memcpy(reader->texts_end, raw.data, raw.size);
    reader->texts_end[raw.size] = '\0';
    reader->texts_end += raw.size + 1;
    return text;
}

uint64_t script_number(struct script_reader *reader, const char *member, int value, uint64_t least, uint64_t most)
{
    uint64_t number = 0;

    if (!json_unsigned(&reader->document, value, &number) || number < least || number > most)
        script_refuse(reader, member, "is no whole number within %" PRIu64 " and %" PRIu64, least, most);
    return number;
}

bool script_bool(struct script_reader *reader, const char *member, int value)
{
    char kind = json_kind(&reader->document, value);

    if (kind != 't' && kind != 'f')
        script_refuse(reader, member, "is neither true nor false");
    return kind == 't';
}

bool script_text_is(const struct script_reader *reader, int value, const char *text)
{
    return json_kind(&reader->document, value) == '"' && json_text_is(&reader->document, value, text);
}
