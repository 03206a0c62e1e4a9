/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/backoff.h"

enum { LITTLE_JITTER_PERMILLE = 100, MOST_LITTLE_JITTER_MS = 1000 };

static uint64_t saturating_shift(uint64_t value, unsigned bits, uint64_t most)
{
    if (bits >= 64 || value > most >> bits)
        return most;
    return value << bits;
}

/* share * random / 2^32, for a share below 2^32. */
static uint64_t scale(uint64_t share, uint32_t random)
{
    return share * random >> 32;
}

static uint64_t permille_of(uint64_t value, uint32_t permille)
{
    return value / 1000 * permille + value % 1000 * permille / 1000;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

uint64_t backoff_wait_ms(const struct backoff *backoff, unsigned next, uint32_t random)
{
    uint64_t ceiling = saturating_shift(backoff->initial_ms, next > 2 ? next - 2 : 0, backoff->max_ms);
    uint64_t share = permille_of(ceiling, backoff->jitter_permille);
    return ceiling - scale(at_most(share, UINT32_MAX), random);
}

uint64_t backoff_wait_at_least_ms(uint64_t wait_ms, int64_t retry_after_ms, uint32_t random)
{
    if (retry_after_ms < 0 || wait_ms > (uint64_t)retry_after_ms)
        return wait_ms;
    uint64_t named_ms = (uint64_t)retry_after_ms;
    uint64_t little_ms = at_most(permille_of(named_ms, LITTLE_JITTER_PERMILLE), MOST_LITTLE_JITTER_MS);
    return named_ms + scale(little_ms, random); /* below 2^63 and 1,000: no overflow */
}
