/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/duplicates.h"

#include <string.h>

enum { FEW = 8 }; /* up to here all pairs are compared */

static bool is_same(klp_text a, klp_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3. */
static uint64_t hash(klp_text text, const uint64_t secret[2])
{
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575u, secret[1] ^ 0x646f72616e646f6du, secret[0] ^ 0x6c7967656e657261u,
                     secret[1] ^ 0x7465646279746573u};
    uint64_t word;
    size_t at = 0;

    for (; text.size - at >= 8; at += 8) {
        memcpy(&word, text.data + at, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = (uint64_t)text.size << 56;
    for (unsigned shift = 0; at < text.size; at++, shift += 8)
        word |= (uint64_t)(unsigned char)text.data[at] << shift;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* A power of two at least twice the count, so that probing ends soon. */
static size_t slots_for(size_t count)
{
    size_t slots = 16;
    while (slots < 2 * count)
        slots *= 2;
    return slots;
}

size_t duplicates_scratch_bytes(size_t count)
{
    return count <= FEW ? 0 : slots_for(count) * sizeof(uint32_t);
}

static bool find_among_few(const klp_text *texts, size_t count, size_t *first, size_t *second)
{
    for (size_t b = 1; b < count; b++)
        for (size_t a = 0; a < b; a++)
            if (is_same(texts[a], texts[b])) {
                *first = a, *second = b;
                return true;
            }
    return false;
}

bool duplicates_find(const klp_text *texts, size_t count, const uint64_t secret[2], void *scratch, size_t *first,
                     size_t *second)
{
    if (count <= FEW)
        return find_among_few(texts, count, first, second);

    uint32_t *slots = scratch; /* index + 1; 0: empty */
    size_t mask = slots_for(count) - 1;
    memset(slots, 0, (mask + 1) * sizeof *slots);
    for (size_t i = 0; i < count; i++) {
        size_t slot = (size_t)hash(texts[i], secret) & mask;
        for (; slots[slot]; slot = (slot + 1) & mask)
            if (is_same(texts[slots[slot] - 1], texts[i])) {
                *first = slots[slot] - 1, *second = i;
                return true;
            }
        slots[slot] = (uint32_t)i + 1;
    }
    return false;
}
