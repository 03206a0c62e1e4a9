/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

uint64_t clock_outside_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

uint64_t clock_after_ms(uint64_t now_us, uint32_t wait_ms)
{
    return wait_ms == UINT32_MAX ? CLOCK_NEVER_US : now_us + (uint64_t)wait_ms * 1000u;
}

struct timespec clock_timespec(uint64_t us)
{
    return (struct timespec){.tv_sec = (time_t)(us / 1000000u), .tv_nsec = (long)(us % 1000000u) * 1000};
}
