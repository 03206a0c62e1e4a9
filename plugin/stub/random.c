/* SPDX-License-Identifier: Apache-2.0
 * Randomness that comes again: of the world's seed and name, and of how many worlds of it there were before. */
#include <string.h>
#include <sys/random.h>

#include "pusher/random.h"
#include "pusher/siphash.h"
#include "stub/world.h"

bool random_fill(void *bytes, size_t size)
{
    struct world *world = world_entered();
    unsigned char *at = bytes;

    if (!world) /* out of a world nothing is to come again */
        return getrandom(bytes, size, 0) == (ssize_t)size;
    const uint64_t key[2] = {world->seed ^ world->name, world->number};
    while (size > 0) {
        uint64_t number = world->random_count++, word = siphash(key, &number, sizeof number);
        size_t used = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, used);
        at += used;
        size -= used;
    }
    return true;
}
