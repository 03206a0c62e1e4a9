/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/retry.h"

bool retry_at(const struct retry_policy *policy, const struct failed_call *call, uint64_t now_us, uint32_t random,
              uint64_t *at_us)
{
    if (!call->is_retryable || call->attempts >= policy->max_attempts || call->deadline_us <= now_us)
        return false;

    uint64_t wait_ms = backoff_wait_ms(&policy->backoff, call->attempts + 1, random);
    wait_ms = backoff_wait_at_least_ms(wait_ms, call->retry_after_ms, random);
    if (wait_ms >= (call->deadline_us - now_us) / 1000)
        return false;
    *at_us = now_us + wait_ms * 1000; /* below the deadline: no overflow */
    return true;
}
