/* SPDX-License-Identifier: Apache-2.0
 * The escapes of JSON strings. */
#ifndef KLP_JSON_ESCAPE_H
#define KLP_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the escape whose backslash is at text. Returns its bytes: 2, 6, or 12 for a pair of surrogates; 0 for
 * what is no escape. A surrogate that is not half of a pair comes back as itself, with 6. */
size_t json_escape_read(const char *text, size_t size, uint32_t *code_point);

static inline bool json_is_surrogate(uint32_t code_point)
{
    return code_point >= 0xD800 && code_point <= 0xDFFF;
}

#endif
