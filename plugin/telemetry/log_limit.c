/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry/log_limit.h"

static uint64_t saturating_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t gap_behind(uint64_t gap_us)
{
    return gap_us < LOG_LIMIT_LONGEST_GAP_US / 4 ? gap_us * 4 : LOG_LIMIT_LONGEST_GAP_US;
}

static bool begins_anew(const struct log_limit *limit, uint64_t now_us)
{
    return !limit->is_started || now_us - limit->last_us > larger(LOG_LIMIT_QUIET_US, limit->gap_us);
}

bool log_limit_admit(struct log_limit *limit, uint64_t now_us, uint64_t *held_back)
{
    now_us = larger(now_us, limit->last_us);
    bool is_anew = begins_anew(limit, now_us);

    limit->last_us = now_us;
    if (!is_anew && now_us < limit->next_us) {
        limit->held_back = saturating_sum(limit->held_back, 1);
        return false;
    }
    *held_back = limit->held_back;
    *limit = (struct log_limit){
        .is_started = true,
        .last_us = now_us,
        .gap_us = is_anew ? LOG_LIMIT_FIRST_GAP_US : gap_behind(limit->gap_us),
    };
    limit->next_us = saturating_sum(now_us, limit->gap_us);
    return true;
}
