/* SPDX-License-Identifier: Apache-2.0
 * Whether a text is exactly one JSON value by RFC 8259, with bounds. No allocation, no recursion.
 * What passes here is what jsmn (which is lenient even when strict) may be trusted to take apart. */
#ifndef KLP_JSON_CHECK_H
#define KLP_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_MAX_BYTES 1048576u /* KLP_MAX_BODY_BYTES and KLP_MAX_REPLY_BYTES */
#define JSON_MAX_DEPTH 32u

struct json_fault {
    const char *reason; /* static: "expected ':'", "lone surrogate", "nested too deep", … */
    size_t at;          /* the first byte that should not be there, or the start of the string or escape that is bad */
};

struct json_facts {
    size_t tokens; /* jsmn's count: every value and every key is one */
    char kind;     /* of the root: '{' '[' '"' '0' (a number) 't' 'f' 'n' */
};

/* True when the text is one JSON value (white space around it allowed), valid UTF-8 without NUL, with
 * surrogates paired, no control bytes in strings, at most max_bytes long and max_depth deep (a root object is
 * depth 1; more than 64 is taken as 64). facts and fault may be NULL. */
bool json_check(const char *text, size_t size, size_t max_bytes, unsigned max_depth, struct json_facts *facts,
                struct json_fault *fault);

#endif
