/* SPDX-License-Identifier: Apache-2.0 */
#include "json/check.h"

#include <string.h>

#include "json/escape.h"
#include "json/utf8.h"
#include "json/word.h"

/* Each room below reads one thing at `at` and leaves `at` behind it. It returns NULL, or why it cannot, with
 * `at` on the fault: the first byte that should not be there, or the start of the escape or string that is bad. */
struct scan {
    const char *at;
    const char *end;
    size_t tokens;
};

/* What is open around `at`. */
struct containers {
    uint64_t kinds; /* a bit each, the innermost lowest: 1 for an object, 0 for an array */
    unsigned depth;
};

#define CONTAINERS_MAX 64u

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

static bool is_space(char character)
{
    return character == ' ' || character == '\n' || character == '\r' || character == '\t';
}

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && is_space(*scan->at))
        scan->at++;
}

static bool skip_one(struct scan *scan, char one)
{
    if (scan->at == scan->end || *scan->at != one)
        return false;
    scan->at++;
    return true;
}

/* Something else was expected at `at`. A byte that may stand nowhere in JSON is the better reason. */
static const char *unexpected(const struct scan *scan, const char *reason)
{
    if (scan->at == scan->end)
        return reason;
    if (*scan->at == '\0')
        return "NUL byte";
    return utf8_character(scan->at, (size_t)(scan->end - scan->at)) ? reason : "invalid UTF-8";
}

static const char *check_escape(struct scan *scan)
{
    uint32_t code_point = 0;
    size_t bytes = json_escape_read(scan->at, (size_t)(scan->end - scan->at), &code_point);
    if (bytes == 0)
        return "bad escape";
    if (json_is_surrogate(code_point))
        return "lone surrogate";
    scan->at += bytes;
    return NULL;
}

static const char *check_non_ascii(struct scan *scan)
{
    do {
        size_t bytes = utf8_character(scan->at, (size_t)(scan->end - scan->at));
        if (bytes == 0)
            return "invalid UTF-8";
        scan->at += bytes;
    } while (scan->at < scan->end && (unsigned char)*scan->at >= 0x80);
    return NULL;
}

/* To the next byte that is not plain: what ends the string, is escaped, or may not be there. */
static void skip_plain(struct scan *scan)
{
    const char *at = scan->at;
    while ((size_t)(scan->end - at) >= WORD_BYTES) {
        uint64_t word = word_load(at);
        uint64_t marks = word_mark_to_escape(word) | word_mark_non_ascii(word);
        if (marks) {
            scan->at = at + word_first(marks);
            return;
        }
        at += WORD_BYTES;
    }
    while (at < scan->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80)
        at++;
    scan->at = at;
}

static const char *check_string(struct scan *scan)
{
    const char *start = scan->at++;
    scan->tokens++;
    for (;;) {
        const char *reason = NULL;
        skip_plain(scan);
        if (scan->at == scan->end) {
            scan->at = start;
            return "unfinished string";
        }
        if (*scan->at == '"') {
            scan->at++;
            return NULL;
        }
        if (*scan->at == '\\')
            reason = check_escape(scan);
        else if ((unsigned char)*scan->at >= 0x80)
            reason = check_non_ascii(scan);
        else
            reason = *scan->at == '\0' ? "NUL byte" : "control byte in a string";
        if (reason)
            return reason;
    }
}

static bool skip_digits(struct scan *scan)
{
    const char *start = scan->at;
    while (scan->at < scan->end && is_digit(*scan->at))
        scan->at++;
    return scan->at > start;
}

static const char *check_number(struct scan *scan)
{
    skip_one(scan, '-');
    if (skip_one(scan, '0')) {
        if (scan->at < scan->end && is_digit(*scan->at))
            return "bad number";
    } else if (!skip_digits(scan)) {
        return "bad number";
    }
    if (skip_one(scan, '.') && !skip_digits(scan))
        return "bad number";
    if (skip_one(scan, 'e') || skip_one(scan, 'E')) {
        if (!skip_one(scan, '-'))
            skip_one(scan, '+');
        if (!skip_digits(scan))
            return "bad number";
    }
    scan->tokens++;
    return NULL;
}

static const char *check_word(struct scan *scan, const char *word, size_t size)
{
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return "expected a value";
    scan->at += size;
    scan->tokens++;
    return NULL;
}

/* A value that is no container. */
static const char *check_scalar(struct scan *scan)
{
    if (scan->at == scan->end)
        return "expected a value";
    switch (*scan->at) {
    case '"':
        return check_string(scan);
    case 't':
        return check_word(scan, "true", 4);
    case 'f':
        return check_word(scan, "false", 5);
    case 'n':
        return check_word(scan, "null", 4);
    default:
        if (*scan->at == '-' || is_digit(*scan->at))
            return check_number(scan);
        return unexpected(scan, "expected a value");
    }
}

/* A member's name and its colon. */
static const char *check_name(struct scan *scan)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != '"')
        return unexpected(scan, "expected a member name");
    const char *reason = check_string(scan);
    if (reason)
        return reason;
    skip_space(scan);
    return skip_one(scan, ':') ? NULL : unexpected(scan, "expected ':'");
}

static void open_container(struct scan *scan, struct containers *open)
{
    open->kinds = open->kinds << 1 | (*scan->at == '{');
    open->depth++;
    scan->at++;
    scan->tokens++;
}

/* Behind a value, or behind a bracket just opened: closes what closes here and goes on to where the next value
 * starts. With nothing left open there is none. */
static const char *find_next_value(struct scan *scan, struct containers *open, bool just_opened)
{
    while (open->depth > 0) {
        bool in_object = open->kinds & 1;
        skip_space(scan);
        if (skip_one(scan, in_object ? '}' : ']')) {
            open->kinds >>= 1;
            open->depth--;
            just_opened = false;
            continue;
        }
        if (!just_opened && !skip_one(scan, ','))
            return unexpected(scan, in_object ? "expected ',' or '}'" : "expected ',' or ']'");
        return in_object ? check_name(scan) : NULL;
    }
    return NULL;
}

/* A value with all that is in it. */
static const char *check_value(struct scan *scan, unsigned max_depth)
{
    struct containers open = {0, 0};
    do {
        const char *reason = NULL;
        skip_space(scan);
        bool opens = scan->at < scan->end && (*scan->at == '{' || *scan->at == '[');
        if (!opens)
            reason = check_scalar(scan);
        else if (open.depth == max_depth)
            reason = "nested too deep";
        else
            open_container(scan, &open);
        if (!reason)
            reason = find_next_value(scan, &open, opens);
        if (reason)
            return reason;
    } while (open.depth > 0);
    return NULL;
}

static char kind_of(char first)
{
    if (first == '-' || is_digit(first))
        return '0';
    return first;
}

static const char *check_text(struct scan *scan, unsigned max_depth, char *kind)
{
    skip_space(scan);
    if (scan->at == scan->end)
        return "is empty";
    *kind = kind_of(*scan->at);
    const char *reason = check_value(scan, max_depth < CONTAINERS_MAX ? max_depth : CONTAINERS_MAX);
    if (reason)
        return reason;
    skip_space(scan);
    return scan->at < scan->end ? unexpected(scan, "text after the end") : NULL;
}

bool json_check(const char *text, size_t size, size_t max_bytes, unsigned max_depth, struct json_facts *facts,
                struct json_fault *fault)
{
    if (size > max_bytes) {
        if (fault)
            *fault = (struct json_fault){.reason = "too large", .at = max_bytes};
        return false;
    }
    struct scan scan = {.at = text, .end = size ? text + size : text, .tokens = 0};
    char kind = '\0';
    const char *reason = check_text(&scan, max_depth, &kind);
    if (reason) {
        if (fault)
            *fault = (struct json_fault){.reason = reason, .at = size ? (size_t)(scan.at - text) : 0};
        return false;
    }
    if (facts)
        *facts = (struct json_facts){.tokens = scan.tokens, .kind = kind};
    return true;
}
