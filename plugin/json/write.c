/* SPDX-License-Identifier: Apache-2.0 */
#include "json/write.h"

#include <string.h>

#include "json/word.h"

/* ─── Bytes ──────────────────────────────────────────────────────────────────────────────────────── */

static void append(struct json_writer *writer, const char *bytes, size_t size)
{
    size_t room = writer->capacity > writer->size ? writer->capacity - writer->size : 0;
    size_t fitting = size < room ? size : room;
    if (fitting > 0)
        memcpy(writer->data + writer->size, bytes, fitting);
    writer->size += size;
}

static void append_byte(struct json_writer *writer, char byte)
{
    if (writer->size < writer->capacity)
        writer->data[writer->size] = byte;
    writer->size++;
}

static void begin_value(struct json_writer *writer)
{
    if (writer->has_value)
        append_byte(writer, ',');
    writer->has_value = true;
}

/* ─── Structure ──────────────────────────────────────────────────────────────────────────────────── */

void json_open(struct json_writer *writer, char bracket)
{
    begin_value(writer);
    append_byte(writer, bracket);
    writer->has_value = false;
}

void json_close(struct json_writer *writer, char bracket)
{
    append_byte(writer, bracket);
    writer->has_value = true;
}

void json_name(struct json_writer *writer, const char *name)
{
    begin_value(writer);
    append_byte(writer, '"');
    append(writer, name, strlen(name));
    append(writer, "\":", 2);
    writer->has_value = false;
}

/* ─── Values ─────────────────────────────────────────────────────────────────────────────────────── */

static void append_escape(struct json_writer *writer, char byte)
{
    static const char digits[] = "0123456789abcdef";
    static const char escapable[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = memchr(escapable, byte, sizeof escapable - 1);
    if (found) {
        char escape[2] = {'\\', letters[found - escapable]};
        append(writer, escape, sizeof escape);
    } else {
        char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4 & 15], digits[byte & 15]};
        append(writer, escape, sizeof escape);
    }
}

/* Bytes from the start that may stand as they are. */
static size_t plain_bytes(const char *text, size_t size)
{
    size_t at = 0;
    while (size - at >= WORD_BYTES) {
        uint64_t marks = word_mark_to_escape(word_load(text + at));
        if (marks)
            return at + word_first(marks);
        at += WORD_BYTES;
    }
    while (at < size && (unsigned char)text[at] >= 0x20 && text[at] != '"' && text[at] != '\\')
        at++;
    return at;
}

void json_put_string(struct json_writer *writer, const char *text, size_t size)
{
    begin_value(writer);
    append_byte(writer, '"');
    for (size_t at = 0; at < size; at++) {
        size_t plain = plain_bytes(text + at, size - at);
        append(writer, text + at, plain);
        at += plain;
        if (at < size)
            append_escape(writer, text[at]);
    }
    append_byte(writer, '"');
}

void json_name_text(struct json_writer *writer, const char *name, size_t size)
{
    json_put_string(writer, name, size);
    append_byte(writer, ':');
    writer->has_value = false;
}

#define DECIMAL_BYTES 20u /* 2^64 - 1 */

static void append_decimal(struct json_writer *writer, uint64_t value)
{
    char digits[DECIMAL_BYTES];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    append(writer, digits + at, sizeof digits - at);
}

void json_put_unsigned(struct json_writer *writer, uint64_t value)
{
    begin_value(writer);
    append_decimal(writer, value);
}

void json_put_signed(struct json_writer *writer, int64_t value)
{
    begin_value(writer);
    if (value < 0)
        append_byte(writer, '-');
    append_decimal(writer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_put_bool(struct json_writer *writer, bool value)
{
    json_put_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_put_raw(struct json_writer *writer, const char *json, size_t size)
{
    begin_value(writer);
    append(writer, json, size);
}

void json_name_raw(struct json_writer *writer, const char *json_string, size_t size)
{
    json_put_raw(writer, json_string, size);
    append_byte(writer, ':');
    writer->has_value = false;
}

static void blank_out(char *text, size_t size, char byte)
{
    for (const char *end = text + size; (text = memchr(text, byte, (size_t)(end - text))) != NULL; text++)
        *text = ' ';
}

void json_put_raw_on_one_line(struct json_writer *writer, const char *json, size_t size)
{
    begin_value(writer);
    size_t start = writer->size;
    append(writer, json, size);
    size_t end = writer->size < writer->capacity ? writer->size : writer->capacity;
    if (start < end) {
        blank_out(writer->data + start, end - start, '\n');
        blank_out(writer->data + start, end - start, '\r');
    }
}
