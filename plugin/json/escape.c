/* SPDX-License-Identifier: Apache-2.0 */
#include "json/escape.h"

#define SHORT_BYTES 2u /* \n */
#define HEX_BYTES   6u /* \u000a */
#define PAIR_BYTES  12u

static bool hex_digit(char character, uint32_t *digit)
{
    if (character >= '0' && character <= '9')
        *digit = (uint32_t)(character - '0');
    else if (character >= 'a' && character <= 'f')
        *digit = (uint32_t)(character - 'a') + 10;
    else if (character >= 'A' && character <= 'F')
        *digit = (uint32_t)(character - 'A') + 10;
    else
        return false;
    return true;
}

static bool read_hex(const char *text, size_t size, uint32_t *unit)
{
    if (size < HEX_BYTES || text[0] != '\\' || text[1] != 'u')
        return false;
    *unit = 0;
    for (size_t i = 2; i < HEX_BYTES; i++) {
        uint32_t digit;
        if (!hex_digit(text[i], &digit))
            return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

static size_t read_pair(const char *text, size_t size, uint32_t *code_point)
{
    uint32_t high;
    uint32_t low;
    if (!read_hex(text, size, &high))
        return 0;
    *code_point = high;
    bool is_high = json_is_surrogate(high) && high < 0xDC00;
    if (!is_high || !read_hex(text + HEX_BYTES, size - HEX_BYTES, &low) || low < 0xDC00 || low > 0xDFFF)
        return HEX_BYTES;
    *code_point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    return PAIR_BYTES;
}

size_t json_escape_read(const char *text, size_t size, uint32_t *code_point)
{
    if (size < SHORT_BYTES || text[0] != '\\')
        return 0;
    switch (text[1]) {
    case '"':
    case '\\':
    case '/':
        *code_point = (uint32_t)text[1];
        return SHORT_BYTES;
    case 'b':
        *code_point = '\b';
        return SHORT_BYTES;
    case 'f':
        *code_point = '\f';
        return SHORT_BYTES;
    case 'n':
        *code_point = '\n';
        return SHORT_BYTES;
    case 'r':
        *code_point = '\r';
        return SHORT_BYTES;
    case 't':
        *code_point = '\t';
        return SHORT_BYTES;
    case 'u':
        return read_pair(text, size, code_point);
    default:
        return 0;
    }
}
