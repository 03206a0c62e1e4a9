/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/pointer_set.h"

#include <stdint.h>
#include <stdlib.h>

static size_t home_of(const struct pointer_set *set, const void *pointer)
{
    /* Fibonacci hashing: the low bits of addresses say little, the product's high bits depend on all of them */
    return (size_t)(((uint64_t)(uintptr_t)pointer * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & set->mask;
}

bool pointer_set_init(struct pointer_set *set, size_t most)
{
    size_t slots = 16;
    while (slots < 2 * most)
        slots *= 2;
    set->mask = slots - 1;
    set->slots = calloc(slots, sizeof(void *));
    return set->slots != NULL;
}

void pointer_set_destroy(struct pointer_set *set)
{
    free(set->slots);
}

void pointer_set_add(struct pointer_set *set, const void *pointer)
{
    size_t slot = home_of(set, pointer);
    while (set->slots[slot])
        slot = (slot + 1) & set->mask;
    set->slots[slot] = pointer;
}

/* Moves back what was pushed out of its place, so that no probe ends early at the hole. */
static void close_hole(struct pointer_set *set, size_t hole)
{
    for (size_t slot = (hole + 1) & set->mask; set->slots[slot]; slot = (slot + 1) & set->mask) {
        size_t home = home_of(set, set->slots[slot]);
        if (((slot - home) & set->mask) < ((slot - hole) & set->mask))
            continue; /* it would come before its home */
        set->slots[hole] = set->slots[slot];
        hole = slot;
    }
    set->slots[hole] = NULL;
}

bool pointer_set_remove(struct pointer_set *set, const void *pointer)
{
    if (!pointer)
        return false;
    size_t slot = home_of(set, pointer);
    while (set->slots[slot] && set->slots[slot] != pointer)
        slot = (slot + 1) & set->mask;
    if (!set->slots[slot])
        return false;
    close_hole(set, slot);
    return true;
}
