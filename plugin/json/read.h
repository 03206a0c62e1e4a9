/* SPDX-License-Identifier: Apache-2.0
 * A strict reader: json_check(), then jsmn for the structure. Values are named by their token's index. */
#ifndef KLP_JSON_READ_H
#define KLP_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "json/check.h"

struct json_token; /* jsmn's, kept out of sight */

struct json_document {
    const char *text; /* the caller's, which must outlive the document */
    size_t size;
    struct json_token *tokens;
    size_t count;
};

/* A piece of the document's text. */
struct json_slice {
    const char *data;
    size_t size;
};

enum json_result { JSON_OK = 0, JSON_MALFORMED, JSON_NO_MEMORY };

#define JSON_NONE (-1)
#define JSON_ROOT 0

/* Reads a whole text. On JSON_OK json_free() releases it; otherwise there is nothing to release and,
 * for JSON_MALFORMED, *fault (may be NULL) says why. Bounds: JSON_MAX_BYTES, JSON_MAX_DEPTH. */
enum json_result json_read(const char *text, size_t size, struct json_document *document, struct json_fault *fault);
void json_free(struct json_document *document); /* legal on a zeroed one, too */

/* '{' '[' '"' '0' 't' 'f' 'n'; '\0' for JSON_NONE, so that a look-up's result can be asked directly. */
char json_kind(const struct json_document *document, int value);

/* The value of an object's member; the last one where the name stands twice, as JavaScript takes it.
 * JSON_NONE when there is none or `object` is no object. Names are compared after decoding escapes. */
int json_member(const struct json_document *document, int object, const char *name);

/* The first element of an array / the first key of an object, and the next one; JSON_NONE at the end.
 * Over an object these walk the keys; json_value_of_key() gives a key's value. */
int json_first(const struct json_document *document, int container);
int json_next(const struct json_document *document, int element);
int json_value_of_key(const struct json_document *document, int key);
size_t json_length(const struct json_document *document, int container); /* elements or members */

/* The value as it stands in the text; a string with its quotes. */
struct json_slice json_raw(const struct json_document *document, int value);

/* A string's text, decoded. Bytes needed (no NUL counted); written to `out` with a NUL when that many and the
 * NUL fit into capacity, else nothing is written. A decoded text is never longer than its raw slice. 0 for
 * what is no string. */
size_t json_text(const struct json_document *document, int string, char *out, size_t capacity);
bool json_text_is(const struct json_document *document, int string, const char *text);

/* An integer's value: a number that is integral (7, -3, 7.0, 1e2) and fits. False for everything else. */
bool json_signed(const struct json_document *document, int value, int64_t *integer);
/* An integer's value where it may be as large as 2^64 - 1. */
bool json_unsigned(const struct json_document *document, int value, uint64_t *integer);

#endif
