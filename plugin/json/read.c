/* SPDX-License-Identifier: Apache-2.0 */
#include "json/read.h"

#include <stdlib.h>
#include <string.h>

#include "json/escape.h"
#include "json/number.h"
#include "json/utf8.h"

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

/* ─── Tokens ─────────────────────────────────────────────────────────────────────────────────────── */

/* struct json_token is never defined: outside it is opaque, in here it is a jsmntok_t. Once jsmn is done `parent`
 * is of no more use and holds the next sibling instead, see link_siblings(). */
static const jsmntok_t *token_at(const struct json_document *document, int value)
{
    if (value < 0 || (size_t)value >= document->count)
        return NULL;
    return (const jsmntok_t *)document->tokens + value;
}

/* The root, a member name and a value in each container, and one leaf. */
#define PATH_TOKENS (2 * JSON_MAX_DEPTH + 1)

/* jsmn's tokens stand in the order of the text and know their parent. With the path from the root to the token
 * before kept at hand, what leaves the path for a token is the sibling before it. */
static void link_siblings(jsmntok_t *tokens, size_t count)
{
    int path[PATH_TOKENS];
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        int parent = tokens[i].parent;
        int before = JSON_NONE;
        while (length > 0 && path[length - 1] != parent)
            before = path[--length];
        if (before != JSON_NONE)
            tokens[before].parent = (int)i;
        tokens[i].parent = JSON_NONE;
        path[length++] = (int)i;
    }
}

/* jsmn, when strict, wants something to stand behind a number, true, false or null. */
static void take_lone_primitive(const char *text, size_t size, jsmntok_t *token)
{
    static const char space[] = " \t\r\n";
    size_t start = 0;
    while (memchr(space, text[start], sizeof space - 1))
        start++;
    size_t end = size;
    while (memchr(space, text[end - 1], sizeof space - 1))
        end--;
    *token = (jsmntok_t){.type = JSMN_PRIMITIVE, .start = (int)start, .end = (int)end, .parent = JSON_NONE};
}

static bool take_apart(const char *text, size_t size, const struct json_facts *facts, jsmntok_t *tokens)
{
    if (!strchr("{[\"", facts->kind)) {
        take_lone_primitive(text, size, tokens);
        return true;
    }
    jsmn_parser parser;
    jsmn_init(&parser);
    int count = jsmn_parse(&parser, text, size, tokens, (unsigned)facts->tokens);
    if (count < 0 || (size_t)count != facts->tokens)
        return false;
    link_siblings(tokens, facts->tokens);
    return true;
}

enum json_result json_read(const char *text, size_t size, struct json_document *document, struct json_fault *fault)
{
    struct json_facts facts;
    memset(document, 0, sizeof *document);
    if (!json_check(text, size, JSON_MAX_BYTES, JSON_MAX_DEPTH, &facts, fault))
        return JSON_MALFORMED;
    if (facts.tokens > SIZE_MAX / sizeof(jsmntok_t))
        return JSON_NO_MEMORY;
    jsmntok_t *tokens = malloc(facts.tokens * sizeof *tokens);
    if (!tokens)
        return JSON_NO_MEMORY;
    if (!take_apart(text, size, &facts, tokens)) {
        /* Never seen: what json_check() lets through jsmn takes. */
        free(tokens);
        if (fault)
            *fault = (struct json_fault){.reason = "cannot be taken apart", .at = 0};
        return JSON_MALFORMED;
    }
    document->text = text;
    document->size = size;
    document->tokens = (struct json_token *)tokens;
    document->count = facts.tokens;
    return JSON_OK;
}

void json_free(struct json_document *document)
{
    free(document->tokens);
    memset(document, 0, sizeof *document);
}

/* ─── Structure ──────────────────────────────────────────────────────────────────────────────────── */

char json_kind(const struct json_document *document, int value)
{
    const jsmntok_t *token = token_at(document, value);
    if (!token)
        return '\0';
    if (token->type == JSMN_STRING)
        return '"';
    char first = document->text[token->start];
    if (first == '-' || (first >= '0' && first <= '9'))
        return '0';
    return first;
}

size_t json_length(const struct json_document *document, int container)
{
    const jsmntok_t *token = token_at(document, container);
    if (!token || (token->type != JSMN_OBJECT && token->type != JSMN_ARRAY))
        return 0;
    return (size_t)token->size;
}

int json_first(const struct json_document *document, int container)
{
    return json_length(document, container) ? container + 1 : JSON_NONE;
}

int json_next(const struct json_document *document, int element)
{
    const jsmntok_t *token = token_at(document, element);
    return token ? token->parent : JSON_NONE;
}

/* Only a member's name has something in it without being a container. */
int json_value_of_key(const struct json_document *document, int key)
{
    const jsmntok_t *token = token_at(document, key);
    return token && token->type == JSMN_STRING && token->size == 1 ? key + 1 : JSON_NONE;
}

int json_member(const struct json_document *document, int object, const char *name)
{
    int found = JSON_NONE;
    if (json_kind(document, object) != '{')
        return JSON_NONE;
    for (int key = json_first(document, object); key != JSON_NONE; key = json_next(document, key)) {
        if (json_text_is(document, key, name))
            found = key;
    }
    return json_value_of_key(document, found);
}

struct json_slice json_raw(const struct json_document *document, int value)
{
    const jsmntok_t *token = token_at(document, value);
    if (!token)
        return (struct json_slice){.data = "", .size = 0};
    size_t quote = token->type == JSMN_STRING;
    return (struct json_slice){.data = document->text + token->start - quote,
                               .size = (size_t)(token->end - token->start) + 2 * quote};
}

/* ─── Strings ────────────────────────────────────────────────────────────────────────────────────── */

/* What stands between the quotes. */
static struct json_slice content_of(const struct json_document *document, int string)
{
    const jsmntok_t *token = token_at(document, string);
    if (!token || token->type != JSMN_STRING)
        return (struct json_slice){.data = "", .size = 0};
    return (struct json_slice){.data = document->text + token->start, .size = (size_t)(token->end - token->start)};
}

/* Takes the next stretch of a string's content off `rest`, decoded: all up to an escape as it stands, or one
 * escaped character, for which `character` has room. False at the end. */
static bool next_stretch(struct json_slice *rest, char character[4], struct json_slice *stretch)
{
    if (rest->size == 0)
        return false;
    *stretch = *rest;
    size_t raw_bytes = rest->size;
    const char *escape = memchr(rest->data, '\\', rest->size);
    if (escape == rest->data) {
        uint32_t code_point = 0;
        raw_bytes = json_escape_read(rest->data, rest->size, &code_point);
        *stretch = (struct json_slice){.data = character, .size = utf8_put(character, code_point)};
    } else if (escape) {
        raw_bytes = (size_t)(escape - rest->data);
        stretch->size = raw_bytes;
    }
    rest->data += raw_bytes;
    rest->size -= raw_bytes;
    return true;
}

size_t json_text(const struct json_document *document, int string, char *out, size_t capacity)
{
    char character[4];
    struct json_slice stretch;
    size_t size = 0;
    if (json_kind(document, string) != '"')
        return 0;
    struct json_slice rest = content_of(document, string);
    while (next_stretch(&rest, character, &stretch))
        size += stretch.size;
    if (size >= capacity)
        return size;

    rest = content_of(document, string);
    while (next_stretch(&rest, character, &stretch)) {
        memcpy(out, stretch.data, stretch.size);
        out += stretch.size;
    }
    *out = '\0';
    return size;
}

bool json_text_is(const struct json_document *document, int string, const char *text)
{
    char character[4];
    struct json_slice stretch;
    size_t size = strlen(text);
    if (json_kind(document, string) != '"')
        return false;
    struct json_slice rest = content_of(document, string);
    if (rest.size < size) /* decoding does not lengthen */
        return false;
    while (next_stretch(&rest, character, &stretch)) {
        if (stretch.size > size || memcmp(stretch.data, text, stretch.size) != 0)
            return false;
        text += stretch.size;
        size -= stretch.size;
    }
    return size == 0;
}

/* ─── Integers ───────────────────────────────────────────────────────────────────────────────────── */

static bool read_number(const struct json_document *document, int value, bool *is_negative, uint64_t *magnitude)
{
    struct json_slice raw = json_raw(document, value);
    return json_kind(document, value) == '0' && json_number_read(raw.data, raw.size, is_negative, magnitude);
}

bool json_signed(const struct json_document *document, int value, int64_t *integer)
{
    bool is_negative;
    uint64_t magnitude;
    if (!read_number(document, value, &is_negative, &magnitude))
        return false;
    if (magnitude <= INT64_MAX)
        *integer = is_negative ? -(int64_t)magnitude : (int64_t)magnitude;
    else if (is_negative && magnitude == (uint64_t)INT64_MAX + 1)
        *integer = INT64_MIN;
    else
        return false;
    return true;
}

bool json_unsigned(const struct json_document *document, int value, uint64_t *integer)
{
    bool is_negative;
    uint64_t magnitude;
    if (!read_number(document, value, &is_negative, &magnitude) || (is_negative && magnitude > 0))
        return false;
    *integer = magnitude;
    return true;
}
