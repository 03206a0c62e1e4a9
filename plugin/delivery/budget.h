/* SPDX-License-Identifier: Apache-2.0
 * Bounds retries to a share of the traffic: a token bucket that successes fill, and time, so that nobody starves when
 * nothing succeeds. An empty one delays a retry and never fails one. Pure: the time is given. */
#ifndef KLP_DELIVERY_BUDGET_H
#define KLP_DELIVERY_BUDGET_H

#include <stdint.h>

/* In thousandths of a retry. */
#define BUDGET_MOST        200000 /* a burst of 200 */
#define BUDGET_PER_SUCCESS 200    /* a fifth of the traffic … */
#define BUDGET_PER_SECOND  20000  /* … and 20 a second beside */

struct budget {
    int64_t left; /* thousandths; below zero: promised to retries that wait for it */
    uint64_t filled_us;
};

void budget_init(struct budget *budget, uint64_t now_us);
void budget_note_success(struct budget *budget);

/* Takes one retry out. Returns when it is covered: now_us, or later. */
uint64_t budget_take(struct budget *budget, uint64_t now_us);

#endif
