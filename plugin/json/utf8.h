/* SPDX-License-Identifier: Apache-2.0
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef KLP_JSON_UTF8_H
#define KLP_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8_fault {
    size_t at;    /* offset of the first byte that belongs to no character */
    size_t bytes; /* how many such bytes stand there in a row */
};

/* Whether all of the text is valid; if not, where not (fault may be NULL). */
bool utf8_check(const char *text, size_t size, struct utf8_fault *fault);

/* Bytes of the valid character that starts at text, 1…4; 0 when none starts there. */
size_t utf8_character(const char *text, size_t size);

/* Writes the character, which must be no surrogate and at most U+10FFFF; returns its bytes, 1…4. */
size_t utf8_put(char *out, uint32_t code_point);

/* The largest size not above `limit` at which the text can be cut without splitting a character. */
size_t utf8_cut(const char *text, size_t size, size_t limit);

#endif
