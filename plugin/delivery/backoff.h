/* SPDX-License-Identifier: Apache-2.0
 * How long to wait before the next attempt. Pure: randomness is given, arithmetic saturates. */
#ifndef KLP_DELIVERY_BACKOFF_H
#define KLP_DELIVERY_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint64_t initial_ms;      /* the ceiling of the first wait; each further one is twice the one before … */
    uint64_t max_ms;          /* … up to this */
    uint32_t jitter_permille; /* the random share of the wait: 1000 is full jitter, 0 none */
};

/* The wait before attempt `next` (2, 3, …). `random` is any 32 bits, all equally likely. */
uint64_t backoff_wait_ms(const struct backoff *backoff, unsigned next, uint32_t random);

/* The wait where the server named a time (retry_after_ms, or -1): never less than that, and a little more than just
 * that, so that all whom it told the same do not come back in step. */
uint64_t backoff_wait_at_least_ms(uint64_t wait_ms, int64_t retry_after_ms, uint32_t random);

#endif
