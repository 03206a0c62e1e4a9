/* SPDX-License-Identifier: Apache-2.0
 * Eight bytes of text at a time. A mark is the high bit of a byte; the lowest mark is always a true one, those
 * above it may be echoes of its borrow, so word_first() is the only question to ask of them. */
#ifndef KLP_JSON_WORD_H
#define KLP_JSON_WORD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WORD_BYTES       sizeof(uint64_t)
#define WORD_EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The text's first byte is the word's lowest, on every machine. */
static inline uint64_t word_load(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Index of the first marked byte. */
static inline size_t word_first(uint64_t marks)
{
    return (size_t)__builtin_ctzll(marks) / 8;
}

static inline uint64_t word_mark_non_ascii(uint64_t word)
{
    return word & WORD_EVERY(0x80);
}

/* Bytes below `bound`, which is 1…0x80. */
static inline uint64_t word_mark_below(uint64_t word, uint8_t bound)
{
    return (word - WORD_EVERY(bound)) & ~word & WORD_EVERY(0x80);
}

/* What may not stand in a JSON string as it is: control bytes, quote, backslash. */
static inline uint64_t word_mark_to_escape(uint64_t word)
{
    return word_mark_below(word, 0x20) | word_mark_below(word ^ WORD_EVERY('"'), 1) |
           word_mark_below(word ^ WORD_EVERY('\\'), 1);
}

#endif
