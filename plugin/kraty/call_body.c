/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/call_body.h"

#include <string.h>

#include "kraty/lobby_pusher.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define KEY_NAME "idempotencyKey"

/* ─── Methods ────────────────────────────────────────────────────────────────────────────────────── */

static const char *const names[] = {
    "", [CALL_GET] = "GET", [CALL_POST] = "POST", [CALL_PUT] = "PUT", [CALL_PATCH] = "PATCH", [CALL_DELETE] = "DELETE"};

enum call_method call_method_of(const char *text, size_t size)
{
    for (size_t i = CALL_GET; i < COUNT(names); i++)
        if (size == strlen(names[i]) && memcmp(text, names[i], size) == 0)
            return (enum call_method)i;
    return CALL_NONE;
}

const char *call_method_name(enum call_method method)
{
    return (size_t)method < COUNT(names) ? names[method] : "";
}

bool call_method_is_write(enum call_method method)
{
    return method != CALL_NONE && method != CALL_GET;
}

bool call_method_is_stamped(enum call_method method)
{
    return method == CALL_POST || method == CALL_PUT || method == CALL_PATCH;
}

/* ─── What may be given ──────────────────────────────────────────────────────────────────────────── */

#define NO_OBJECT "is not one JSON object"

#define FAULT(reason)                                                                                                  \
    {                                                                                                                  \
        (reason), NO_OBJECT ": " reason                                                                                \
    }

/* json_check()'s reasons as sentences. */
static const char *sentence_of(const char *reason)
{
    static const struct {
        const char *reason, *sentence;
    } sentences[] = {
        FAULT("bad escape"),
        FAULT("bad number"),
        FAULT("control byte in a string"),
        FAULT("expected ',' or '}'"),
        FAULT("expected ',' or ']'"),
        FAULT("expected ':'"),
        FAULT("expected a member name"),
        FAULT("expected a value"),
        FAULT("invalid UTF-8"),
        FAULT("lone surrogate"),
        FAULT("nested too deep"),
        FAULT("NUL byte"),
        FAULT("text after the end"),
        FAULT("unfinished string"),
    };

    for (size_t i = 0; i < COUNT(sentences); i++)
        if (strcmp(sentences[i].reason, reason) == 0)
            return sentences[i].sentence;
    return NO_OBJECT;
}

const char *call_body_fault(enum call_method method, const char *body, size_t size, size_t *at)
{
    struct json_fault fault;

    *at = 0;
    if (size == 0)
        return NULL;
    if (method == CALL_GET)
        return "is given, and a GET has none";
    if (size > KLP_MAX_BODY_BYTES) {
        *at = KLP_MAX_BODY_BYTES;
        return "is more than 1048576 bytes";
    }
    while (*at < size && memchr(" \t\r\n", body[*at], 4))
        ++*at;
    if (*at == size || body[*at] != '{')
        return NO_OBJECT ": expected '{'";
    if (json_check(body, size, KLP_MAX_BODY_BYTES, KLP_MAX_METADATA_DEPTH, NULL, &fault))
        return NULL;
    *at = fault.at;
    return sentence_of(fault.reason);
}

_Static_assert(KLP_MAX_BODY_BYTES == 1048576u, "a sentence above names it");

/* ─── What is sent ───────────────────────────────────────────────────────────────────────────────── */

/* A piece of the body as it is, of which the writer need not know what it is. */
static void put_piece(struct json_writer *writer, const char *piece, const char *end)
{
    writer->has_value = false;
    json_put_raw(writer, piece, (size_t)(end - piece));
}

static void put_placeholder(struct json_writer *writer, const char *placeholder, size_t placeholder_bytes,
                            struct call_body *result)
{
    writer->has_value = false;
    result->key_offset = writer->size + 1; /* behind its quote */
    json_put_string(writer, placeholder, placeholder_bytes);
    result->key_bytes = writer->size - 1 - result->key_offset;
    result->is_ours = true;
}

static void keep_key(struct json_writer *writer, const char *body, size_t size, struct json_slice key,
                     struct call_body *result)
{
    size_t start = writer->size;
    put_piece(writer, body, body + size);
    result->key_offset = start + (size_t)(key.data - body) + 1;
    result->key_bytes = key.size - 2;
}

/* One in place of what is no string; a second one would leave it to the server which of them it takes. */
static void replace_key(struct json_writer *writer, const char *body, size_t size, struct json_slice value,
                        const char *placeholder, size_t placeholder_bytes, struct call_body *result)
{
    put_piece(writer, body, value.data);
    put_placeholder(writer, placeholder, placeholder_bytes, result);
    put_piece(writer, value.data + value.size, body + size);
}

static void add_key(struct json_writer *writer, const char *body, size_t size, const struct json_document *document,
                    const char *placeholder, size_t placeholder_bytes, struct call_body *result)
{
    struct json_slice object = json_raw(document, JSON_ROOT);
    const char *brace = object.data + object.size - 1;

    put_piece(writer, body, brace);
    writer->has_value = json_length(document, JSON_ROOT) > 0;
    json_name(writer, KEY_NAME);
    put_placeholder(writer, placeholder, placeholder_bytes, result);
    put_piece(writer, brace, body + size);
}

enum json_result call_body_write(struct json_writer *writer, enum call_method method, const char *body, size_t size,
                                 const char *placeholder, size_t placeholder_bytes, struct call_body *result)
{
    struct json_document document;

    *result = (struct call_body){0};
    if (!call_method_is_stamped(method)) {
        if (size > 0)
            put_piece(writer, body, body + size);
        return JSON_OK;
    }
    if (size == 0)
        body = "{}", size = 2;
    enum json_result read = json_read(body, size, &document, NULL);
    if (read != JSON_OK)
        return read;

    int key = json_member(&document, JSON_ROOT, KEY_NAME);
    if (key == JSON_NONE)
        add_key(writer, body, size, &document, placeholder, placeholder_bytes, result);
    else if (json_kind(&document, key) == '"')
        keep_key(writer, body, size, json_raw(&document, key), result);
    else
        replace_key(writer, body, size, json_raw(&document, key), placeholder, placeholder_bytes, result);
    json_free(&document);
    return JSON_OK;
}
