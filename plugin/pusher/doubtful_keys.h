/* SPDX-License-Identifier: Apache-2.0
 * Remembers, by their hashes, the keys whose last push may have been applied. Of fixed room: the oldest is forgotten.
 */
#ifndef KLP_PUSHER_DOUBTFUL_KEYS_H
#define KLP_PUSHER_DOUBTFUL_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doubtful_key {
    uint64_t hash;
    uint32_t older, newer; /* in a ring, which the key at 0 holds together: no key itself */
};

/* Keys are known by their place, 1…most; 0 is none. */
struct doubtful_keys {
    struct doubtful_key *keys; /* the one block; `most` and the one at 0 */
    uint32_t *next;            /* of the same chain, or of the places left behind by keys removed */
    uint32_t *chains;          /* the first key of each; as many as there is room for keys */
    uint32_t most;
    uint32_t touched; /* places ever used: what lies behind has cost no memory yet */
    uint32_t vacant;  /* the first place left behind */
};

/* Room for `most` hashes, at 24 bytes each, which are taken when they are used. False: out of memory, or `most` is 2^32
 * or more; nothing is ever remembered then. */
bool doubtful_keys_init(struct doubtful_keys *keys, size_t most);
void doubtful_keys_destroy(struct doubtful_keys *keys);

void doubtful_keys_add(struct doubtful_keys *keys, uint64_t hash); /* one that is there becomes the newest */
void doubtful_keys_remove(struct doubtful_keys *keys, uint64_t hash);
bool doubtful_keys_has(const struct doubtful_keys *keys, uint64_t hash);

#endif
