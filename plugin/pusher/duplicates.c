/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/duplicates.h"

#include <string.h>

#include "pusher/siphash.h"

enum { FEW = 8 }; /* up to here all pairs are compared */

static bool is_same(klp_text a, klp_text b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
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
        size_t slot = (size_t)siphash(secret, texts[i].data, texts[i].size) & mask;
        for (; slots[slot]; slot = (slot + 1) & mask)
            if (is_same(texts[slots[slot] - 1], texts[i])) {
                *first = slots[slot] - 1, *second = i;
                return true;
            }
        slots[slot] = (uint32_t)i + 1;
    }
    return false;
}
