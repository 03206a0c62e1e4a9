/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/doubtful_keys.h"

#include <stdlib.h>

enum { NONE = 0, RING = 0 };

bool doubtful_keys_init(struct doubtful_keys *keys, size_t most)
{
    const size_t entry_bytes = sizeof *keys->keys + sizeof *keys->next + sizeof *keys->chains;

    *keys = (struct doubtful_keys){0};
    if (most >= UINT32_MAX)
        return false;
    keys->keys = calloc(most + 1, entry_bytes);
    if (!keys->keys)
        return false;
    keys->next = (uint32_t *)(keys->keys + most + 1);
    keys->chains = keys->next + most + 1;
    keys->most = (uint32_t)most;
    return true;
}

void doubtful_keys_destroy(struct doubtful_keys *keys)
{
    free(keys->keys);
    *keys = (struct doubtful_keys){0};
}

/* There is one when there is room for a key. */
static uint32_t *chain_of(const struct doubtful_keys *keys, uint64_t hash)
{
    /* the upper half of a product by the golden ratio, taken as a share of all chains */
    uint64_t share = (hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    return &keys->chains[(share * keys->most) >> 32];
}

static uint32_t find(const struct doubtful_keys *keys, uint64_t hash)
{
    if (keys->most == 0)
        return NONE;
    uint32_t place = *chain_of(keys, hash);
    while (place != NONE && keys->keys[place].hash != hash)
        place = keys->next[place];
    return place;
}

static void leave_ring(struct doubtful_keys *keys, uint32_t place)
{
    struct doubtful_key *key = &keys->keys[place];
    keys->keys[key->older].newer = key->newer;
    keys->keys[key->newer].older = key->older;
}

static void enter_ring_as_newest(struct doubtful_keys *keys, uint32_t place)
{
    struct doubtful_key *key = &keys->keys[place], *ring = &keys->keys[RING];
    key->newer = RING;
    key->older = ring->older;
    keys->keys[ring->older].newer = place;
    ring->older = place;
}

static void leave_chain(struct doubtful_keys *keys, uint32_t place)
{
    uint32_t *link = chain_of(keys, keys->keys[place].hash);
    while (*link != place)
        link = &keys->next[*link];
    *link = keys->next[place];
}

static void vacate(struct doubtful_keys *keys, uint32_t place)
{
    leave_ring(keys, place);
    leave_chain(keys, place);
    keys->next[place] = keys->vacant;
    keys->vacant = place;
}

static uint32_t take_place(struct doubtful_keys *keys)
{
    if (keys->vacant == NONE && keys->touched < keys->most)
        return ++keys->touched;
    if (keys->vacant == NONE)
        vacate(keys, keys->keys[RING].newer); /* the oldest */
    uint32_t place = keys->vacant;
    keys->vacant = keys->next[place];
    return place;
}

void doubtful_keys_add(struct doubtful_keys *keys, uint64_t hash)
{
    if (keys->most == 0)
        return;
    uint32_t place = find(keys, hash);
    if (place != NONE) {
        leave_ring(keys, place);
    } else {
        place = take_place(keys);
        uint32_t *chain = chain_of(keys, hash);
        keys->keys[place].hash = hash;
        keys->next[place] = *chain;
        *chain = place;
    }
    enter_ring_as_newest(keys, place);
}

void doubtful_keys_remove(struct doubtful_keys *keys, uint64_t hash)
{
    uint32_t place = find(keys, hash);
    if (place != NONE)
        vacate(keys, place);
}

bool doubtful_keys_has(const struct doubtful_keys *keys, uint64_t hash)
{
    return find(keys, hash) != NONE;
}
