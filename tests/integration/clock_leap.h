/* SPDX-License-Identifier: Apache-2.0
 *
 * A push in another process, whose wall clock is set meanwhile (see programs/clock_leaps.c); with cmocka. */
#ifndef CLOCK_LEAP_H
#define CLOCK_LEAP_H

#include <stdint.h>

#include "kraty/lobby_pusher.h"

enum { CLOCK_LEAP_DAY_S = 86400, CLOCK_LEAP_BACKOFF_MS = 200 /* twice that at the second wait; no jitter */ };

struct clock_leap {
    const char *url;
    const char
        *when; /* "before" the push, "out": its first request is, "answered": that is, and the next one waited for */
    int seconds;
    uint32_t deadline_ms;
};

/* Its verdict: outcome, error_code (good until the next run), attempts, sends, http_status, elapsed_us; the rest is 0.
 */
klp_event clock_leap_run(const struct clock_leap *leap);

#endif
