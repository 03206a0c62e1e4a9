/* SPDX-License-Identifier: Apache-2.0
 * Numbers that look random and are the same in every run. */
#ifndef KLP_TESTS_RANDOM_H
#define KLP_TESTS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; /* not 0 */
};

/* xorshift64*; 0…bound - 1. */
static inline uint32_t random_below(struct random *random, uint32_t bound)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (uint32_t)((random->state * UINT64_C(0x2545F4914F6CDD1D)) >> 33) % bound;
}

#endif
