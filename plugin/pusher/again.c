/* SPDX-License-Identifier: Apache-2.0
 * Whether, and when, a call goes out again after an attempt. */
#include "pusher/pusher.h"

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* An empty budget puts a retry off, but not beyond half of the time that it has left: it fails none. */
static uint64_t put_off(klp_pusher *pusher, const struct job *job, uint64_t at_us, uint64_t now_us)
{
    uint64_t half_us = now_us + (job->time_us[JOB_DEADLINE] - now_us) / 2;
    return later(at_us, earlier(budget_take(&pusher->budget, now_us), half_us));
}

static bool retry_at_all(klp_pusher *pusher, const struct job *job, const struct assessment *assessment,
                         uint32_t random, uint64_t now_us, uint64_t *at_us)
{
    struct failed_call call = {
        .is_retryable = assessment->verdict.retryable,
        .attempts = job->attempts_charged,
        .retry_after_ms = assessment->retry_after_ms,
        .deadline_us = job->time_us[JOB_DEADLINE],
    };

    if (!retry_at(&pusher->settings.retry, &call, now_us, random, at_us))
        return false;
    *at_us = put_off(pusher, job, *at_us, now_us);
    return true;
}

static bool is_forming(const struct assessment *assessment)
{
    return assessment->verdict.ok &&
           json_text_is(&assessment->reply.document, assessment->reply.lobby.status, "forming");
}

/* ±10 %, so that a fleet does not look in step. */
static uint64_t poll_interval_us(const struct job *job, uint32_t random)
{
    uint64_t interval_us = (uint64_t)job->poll_interval_ms * 1000;
    return interval_us - interval_us / 10 + (interval_us / 5 * random >> 32);
}

/* An await looks again while the lobby forms, and makes up for looks that fail in passing, until its time is up. */
static bool look_again_at(klp_pusher *pusher, struct job *job, const struct assessment *assessment, uint32_t random,
                          uint64_t now_us, uint64_t *at_us)
{
    uint64_t wait_us = poll_interval_us(job, random);

    if (is_forming(assessment)) {
        struct conclusion conclusion = pusher_conclusion(pusher);
        pusher->seen_bytes -= job->reply_bytes;
        conclusion.reply_bytes_left += job->reply_bytes;
        conclude_later(job, assessment, &conclusion);
        pusher->seen_bytes += job->reply_bytes;
        job->attempts_charged = 0;
    } else if (assessment->verdict.retryable && !assessment->verdict.ok) {
        uint64_t backoff_ms = backoff_wait_ms(&pusher->settings.retry.backoff, job->attempts_charged + 1, random);
        backoff_ms = backoff_wait_at_least_ms(backoff_ms, assessment->retry_after_ms, random);
        wait_us = later(wait_us, earlier(backoff_ms, SETTINGS_MAX_DEADLINE_MS) * 1000);
    } else {
        return false;
    }
    *at_us = now_us + wait_us;
    return true;
}

bool pusher_goes_on(klp_pusher *pusher, struct job *job, const struct assessment *assessment, bool has_another_key,
                    uint32_t random, uint64_t now_us, uint64_t *at_us)
{
    *at_us = now_us;
    if (has_another_key)
        return true;
    if (job->event.op == KLP_OP_AWAIT)
        return look_again_at(pusher, job, assessment, random, now_us, at_us);
    return retry_at_all(pusher, job, assessment, random, now_us, at_us);
}
