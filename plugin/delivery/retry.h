/* SPDX-License-Identifier: Apache-2.0
 * Whether a call that has failed is tried again, and when. Pure: time and randomness are given. */
#ifndef KLP_DELIVERY_RETRY_H
#define KLP_DELIVERY_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery/backoff.h"

struct retry_policy {
    unsigned max_attempts;
    struct backoff backoff;
};

struct failed_call {
    bool is_retryable;      /* its verdict says so */
    unsigned attempts;      /* made so far */
    int64_t retry_after_ms; /* what the server asked for, or -1 */
    uint64_t deadline_us;
};

/* True: another attempt, at *at_us. False: the verdict stands, since it is final, attempts are used up, or the wait
 * would end at or after the deadline (then waiting is of no use to anybody). */
bool retry_at(const struct retry_policy *policy, const struct failed_call *call, uint64_t now_us, uint32_t random,
              uint64_t *at_us);

#endif
