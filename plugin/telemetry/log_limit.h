/* SPDX-License-Identifier: Apache-2.0
 * Keeps one cause from filling the log: its lines come at growing gaps, and say how many they stand for. Pure: the time
 * is given. */
#ifndef KLP_TELEMETRY_LOG_LIMIT_H
#define KLP_TELEMETRY_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed at first; one for each cause. */
struct log_limit {
    uint64_t next_us;   /* nothing is said before */
    uint64_t gap_us;    /* between the last line and the next: a second at first, then four times the one before */
    uint64_t held_back; /* since the last line */
    uint64_t last_us;   /* when it was asked last */
    bool is_started;
};

#define LOG_LIMIT_FIRST_GAP_US   UINT64_C(1000000)
#define LOG_LIMIT_LONGEST_GAP_US UINT64_C(3600000000)
#define LOG_LIMIT_QUIET_US       UINT64_C(60000000)

/* True: say it now, and that *held_back more of the kind were not said since the line before. The first one is said at
 * once, and so is one after a silence longer than a minute and than the gap; then the gaps begin anew. */
bool log_limit_admit(struct log_limit *limit, uint64_t now_us, uint64_t *held_back);

#endif
