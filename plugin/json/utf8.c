/* SPDX-License-Identifier: Apache-2.0 */
#include "json/utf8.h"

#include "json/word.h"

static bool is_between(unsigned char byte, unsigned char lowest, unsigned char highest)
{
    return byte >= lowest && byte <= highest;
}

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* RFC 3629, section 4: what an overlong form, a surrogate or a too large character would need is shut out by
 * the range of the second byte. */
size_t utf8_character(const char *text, size_t size)
{
    const unsigned char *byte = (const unsigned char *)text;
    if (size == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if (byte[0] < 0xC2)
        return 0;
    if (byte[0] < 0xE0)
        return size >= 2 && is_continuation(byte[1]) ? 2 : 0;
    if (byte[0] < 0xF0) {
        unsigned char lowest = byte[0] == 0xE0 ? 0xA0 : 0x80;
        unsigned char highest = byte[0] == 0xED ? 0x9F : 0xBF;
        return size >= 3 && is_between(byte[1], lowest, highest) && is_continuation(byte[2]) ? 3 : 0;
    }
    if (byte[0] < 0xF5) {
        unsigned char lowest = byte[0] == 0xF0 ? 0x90 : 0x80;
        unsigned char highest = byte[0] == 0xF4 ? 0x8F : 0xBF;
        bool is_whole = size >= 4 && is_between(byte[1], lowest, highest);
        return is_whole && is_continuation(byte[2]) && is_continuation(byte[3]) ? 4 : 0;
    }
    return 0;
}

/* From `at` to the first byte that is not ASCII, or to less than a word before the end. */
static size_t skip_ascii(const char *text, size_t size, size_t at)
{
    while (size - at >= WORD_BYTES) {
        uint64_t marks = word_mark_non_ascii(word_load(text + at));
        if (marks)
            return at + word_first(marks);
        at += WORD_BYTES;
    }
    return at;
}

bool utf8_check(const char *text, size_t size, struct utf8_fault *fault)
{
    size_t at = 0;
    size_t bytes = 0;
    while (at < size) {
        at = skip_ascii(text, size, at);
        /* Characters that are not ASCII come in runs: no new word for each of them. */
        do {
            bytes = utf8_character(text + at, size - at);
            at += bytes;
        } while (bytes > 1);
        if (bytes == 0 && at < size)
            break;
    }
    if (at == size)
        return true;

    if (fault) {
        size_t end = at + 1;
        while (end < size && utf8_character(text + end, size - end) == 0)
            end++;
        *fault = (struct utf8_fault){.at = at, .bytes = end - at};
    }
    return false;
}

size_t utf8_put(char *out, uint32_t code_point)
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xC0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3F));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xE0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code_point & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code_point & 0x3F));
    return 4;
}

size_t utf8_cut(const char *text, size_t size, size_t limit)
{
    if (size <= limit)
        return size;
    for (size_t back = 1; back <= 3 && back <= limit; back++) {
        size_t start = limit - back;
        if (utf8_character(text + start, size - start) > back)
            return start;
    }
    return limit;
}
