/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/retry.h"
#include "random.h"

static const struct retry_policy policy = {.max_attempts = 4,
                                           .backoff = {.initial_ms = 200, .max_ms = 10000, .jitter_permille = 0}};

static struct failed_call failed(unsigned attempts)
{
    return (struct failed_call){
        .is_retryable = true, .attempts = attempts, .retry_after_ms = -1, .deadline_us = 30000000};
}

static void attempts_follow_the_schedule_until_they_are_used_up(void **state)
{
    struct failed_call call;
    uint64_t at_us = 0;

    (void)state;
    call = failed(1);
    assert_true(retry_at(&policy, &call, 1000, 5, &at_us));
    assert_int_equal(at_us, 201000);
    call = failed(3);
    assert_true(retry_at(&policy, &call, 1000, 5, &at_us));
    assert_int_equal(at_us, 801000);
    call = failed(4);
    assert_false(retry_at(&policy, &call, 1000, 5, &at_us));
    call = failed(1), call.is_retryable = false;
    assert_false(retry_at(&policy, &call, 1000, 5, &at_us));
}

static void a_wait_past_the_deadline_is_not_begun(void **state)
{
    struct failed_call call = failed(1);
    uint64_t at_us = 0;

    (void)state;
    call.deadline_us = 1000000;
    assert_true(retry_at(&policy, &call, 799000, 0, &at_us));
    assert_int_equal(at_us, 999000);
    assert_false(retry_at(&policy, &call, 800000, 0, &at_us)); /* just at the deadline */
    assert_false(retry_at(&policy, &call, 1000000, 0, &at_us));
    assert_false(retry_at(&policy, &call, 2000000, 0, &at_us));
}

static void the_servers_time_is_honoured_as_far_as_the_deadline_allows(void **state)
{
    struct failed_call call = failed(1);
    uint64_t at_us = 0;

    (void)state;
    call.retry_after_ms = 2000;
    assert_true(retry_at(&policy, &call, 0, 0, &at_us));
    assert_int_equal(at_us, 2000000);
    call.retry_after_ms = 60000;
    assert_false(retry_at(&policy, &call, 0, 0, &at_us));
    call.deadline_us = 7200000000;
    assert_true(retry_at(&policy, &call, 0, 0, &at_us));
    assert_int_equal(at_us, 60000000); /* in full: not cut at the longest backoff */
    call.retry_after_ms = INT64_MAX;
    call.deadline_us = UINT64_MAX;
    assert_false(retry_at(&policy, &call, 0, 0, &at_us));
}

/* Whatever the call and the time: a retry is always in the future and before the deadline. */
static void a_retry_is_between_now_and_the_deadline(void **state)
{
    struct random random = {.state = 5};
    unsigned retried = 0;

    (void)state;
    for (int round = 0; round < 300000; round++) {
        struct retry_policy any = {.max_attempts = 1 + random_below(&random, 100),
                                   .backoff = {.initial_ms = 1 + random_below(&random, 100000),
                                               .max_ms = 1 + random_below(&random, 1000000),
                                               .jitter_permille = random_below(&random, 1001)}};
        struct failed_call call = {
            .is_retryable = true,
            .attempts = 1 + random_below(&random, 120),
            .retry_after_ms =
                random_below(&random, 3) ? -1 : (int64_t)random_below(&random, UINT32_MAX) << random_below(&random, 32),
            .deadline_us = (uint64_t)random_below(&random, UINT32_MAX) << random_below(&random, 33),
        };
        uint64_t now_us = (uint64_t)random_below(&random, UINT32_MAX) << random_below(&random, 33), at_us = 0;
        if (!retry_at(&any, &call, now_us, random_below(&random, UINT32_MAX), &at_us))
            continue;
        retried++;
        assert_true(at_us >= now_us && at_us < call.deadline_us);
        assert_true(call.attempts < any.max_attempts);
        if (call.retry_after_ms >= 0)
            assert_true(at_us - now_us >= (uint64_t)call.retry_after_ms * 1000);
    }
    assert_true(retried > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_follow_the_schedule_until_they_are_used_up),
        cmocka_unit_test(a_wait_past_the_deadline_is_not_begun),
        cmocka_unit_test(the_servers_time_is_honoured_as_far_as_the_deadline_allows),
        cmocka_unit_test(a_retry_is_between_now_and_the_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
