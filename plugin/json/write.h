/* SPDX-License-Identifier: Apache-2.0
 * Writes JSON into a buffer of fixed size, as snprintf does: what does not fit is counted and not written, so
 * a first pass with capacity 0 measures and a second one writes. No allocation. */
#ifndef KLP_JSON_WRITE_H
#define KLP_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_writer {
    char *data;
    size_t capacity;
    size_t size;    /* needed so far; complete when not above capacity */
    bool has_value; /* the next one in this container wants a comma */
};

void json_open(struct json_writer *writer, char bracket);                             /* '{' or '[' */
void json_close(struct json_writer *writer, char bracket);                            /* '}' or ']' */
void json_name(struct json_writer *writer, const char *name);                         /* needs no escaping */
void json_name_text(struct json_writer *writer, const char *name, size_t size);       /* valid UTF-8, is escaped */
void json_name_raw(struct json_writer *writer, const char *json_string, size_t size); /* is a JSON string already */

/* Valid UTF-8. Quote, backslash and control bytes are escaped, nothing else. */
void json_put_string(struct json_writer *writer, const char *text, size_t size);
void json_put_unsigned(struct json_writer *writer, uint64_t value);
void json_put_signed(struct json_writer *writer, int64_t value);
void json_put_bool(struct json_writer *writer, bool value);

/* A value that is JSON already, as it is. */
void json_put_raw(struct json_writer *writer, const char *json, size_t size);
/* The same on one line: line breaks, which in JSON stand between tokens only, become spaces. */
void json_put_raw_on_one_line(struct json_writer *writer, const char *json, size_t size);

#endif
