/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox's time: monotonic since start, and a second one that the control path can move. */
#ifndef SANDBOX_CLOCK_H
#define SANDBOX_CLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_BYTES    32
#define CLOCK_MAX_ADVANCE_S (100ULL * 365 * 24 * 3600)

struct sandbox_clock {
    uint64_t started_monotonic_us;
    uint64_t started_wall_us;
    atomic_uint_fast64_t advanced_us;
};

void clock_start(struct sandbox_clock *clock);

/* Real time since start, never moved: what arrivals are stamped with. */
uint64_t clock_elapsed_us(const struct sandbox_clock *clock);

/* Since start with every advance added: what lobbies and remembered replies live by. */
uint64_t clock_now_us(struct sandbox_clock *clock);

void clock_advance(struct sandbox_clock *clock, uint64_t advance_us);

/* "2025-01-31T12:00:00.000Z" for a moment given as microseconds since start. */
void clock_text(const struct sandbox_clock *clock, uint64_t at_us, char text[CLOCK_TEXT_BYTES]);

#endif
