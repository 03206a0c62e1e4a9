/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void clock_start(struct sandbox_clock *clock)
{
    clock->started_monotonic_us = read_us(CLOCK_MONOTONIC);
    clock->started_wall_us = read_us(CLOCK_REALTIME);
    atomic_init(&clock->advanced_us, 0);
}

uint64_t clock_elapsed_us(const struct sandbox_clock *clock)
{
    return read_us(CLOCK_MONOTONIC) - clock->started_monotonic_us;
}

uint64_t clock_now_us(struct sandbox_clock *clock)
{
    return clock_elapsed_us(clock) + atomic_load(&clock->advanced_us);
}

void clock_advance(struct sandbox_clock *clock, uint64_t advance_us)
{
    atomic_fetch_add(&clock->advanced_us, advance_us);
}

void clock_text(const struct sandbox_clock *clock, uint64_t at_us, char text[CLOCK_TEXT_BYTES])
{
    uint64_t wall_us = clock->started_wall_us + at_us;
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm parts;
    gmtime_r(&seconds, &parts);

    size_t used = strftime(text, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + used, CLOCK_TEXT_BYTES - used, ".%03uZ", (unsigned)(wall_us / 1000 % 1000));
}
