/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/histogram.h"

/* The inverse of klp_histogram_bound_us(): by the place of the highest bit, and the two bits behind it. */
static uint32_t bucket_of(uint64_t us)
{
    if (us < 4)
        return (uint32_t)us;
    uint32_t highest = 63u - (uint32_t)__builtin_clzll(us);
    uint32_t bucket = 4 * (highest - 1) + (uint32_t)(us >> (highest - 2) & 3);
    return bucket < KLP_HISTOGRAM_BUCKETS ? bucket : KLP_HISTOGRAM_BUCKETS - 1;
}

void histogram_note(klp_histogram *histogram, uint64_t us)
{
    histogram->count++;
    histogram->sum_us = histogram->sum_us > UINT64_MAX - us ? UINT64_MAX : histogram->sum_us + us;
    if (us > histogram->max_us)
        histogram->max_us = us;
    histogram->buckets[bucket_of(us)]++;
}
