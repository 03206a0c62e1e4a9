/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random.h"
#include "telemetry/log_limit.h"

#define SECOND UINT64_C(1000000)

static void gaps_grow_from_a_second_to_an_hour(void **state)
{
    static const uint64_t said_at_s[] = {0, 1, 5, 21, 85, 341, 1365, 4965, 8565, 12165};
    const uint64_t start_us = 123456789;
    struct log_limit limit = {0};
    size_t said = 0;
    uint64_t before_s = 0;

    (void)state;
    for (uint64_t s = 0; s <= 13000; s++) {
        uint64_t held_back = 99999;
        if (!log_limit_admit(&limit, start_us + s * SECOND, &held_back))
            continue;
        assert_true(said < sizeof said_at_s / sizeof *said_at_s);
        assert_int_equal(s, said_at_s[said]);
        assert_int_equal(held_back, said ? s - before_s - 1 : 0);
        before_s = s;
        said++;
    }
    assert_int_equal(said, sizeof said_at_s / sizeof *said_at_s);
}

static void an_hour_of_constant_failure_costs_less_than_eight_lines(void **state)
{
    struct log_limit limit = {0};
    uint64_t said = 0, held_back_in_all = 0, held_back;

    (void)state;
    for (uint64_t ms = 0; ms < 3600000; ms++) {
        if (log_limit_admit(&limit, ms * 1000, &held_back)) {
            held_back_in_all += held_back;
            said++;
        }
    }
    assert_int_equal(said, 7);
    assert_int_equal(said + held_back_in_all + limit.held_back, 3600000);
}

static void a_cause_that_was_quiet_is_said_at_once(void **state)
{
    struct log_limit limit = {0};
    uint64_t held_back, now_us = 0;

    (void)state;
    assert_true(log_limit_admit(&limit, now_us, &held_back));
    assert_false(log_limit_admit(&limit, now_us + 1, &held_back));
    now_us += 60 * SECOND + 2;
    assert_true(log_limit_admit(&limit, now_us, &held_back));
    assert_int_equal(held_back, 1);
    assert_int_equal(limit.gap_us, SECOND); /* anew */

    /* a minute and no longer is not quiet: the gaps go on */
    now_us += 60 * SECOND;
    assert_true(log_limit_admit(&limit, now_us, &held_back));
    assert_int_equal(limit.gap_us, 4 * SECOND);
}

static void a_long_gap_wants_a_longer_silence(void **state)
{
    struct log_limit limit = {0};
    uint64_t held_back, now_us = 0;

    (void)state;
    for (; limit.gap_us < 256 * SECOND; now_us += SECOND)
        log_limit_admit(&limit, now_us, &held_back);
    now_us = limit.last_us;
    assert_false(log_limit_admit(&limit, now_us + 200 * SECOND, &held_back)); /* in its gap, however quiet */
    assert_true(log_limit_admit(&limit, now_us + 456 * SECOND + 1, &held_back));
    assert_int_equal(held_back, 1);
    assert_int_equal(limit.gap_us, SECOND);
}

static void a_clock_that_goes_back_stands_still(void **state)
{
    struct log_limit limit = {0};
    uint64_t held_back;

    (void)state;
    assert_true(log_limit_admit(&limit, 500 * SECOND, &held_back));
    assert_false(log_limit_admit(&limit, 0, &held_back));
    assert_false(log_limit_admit(&limit, 500 * SECOND + 999999, &held_back));
    assert_false(log_limit_admit(&limit, 7, &held_back));
    assert_true(log_limit_admit(&limit, 501 * SECOND, &held_back));
    assert_int_equal(held_back, 3);
}

static void nothing_overflows(void **state)
{
    struct log_limit limit = {0};
    uint64_t held_back;

    (void)state;
    assert_true(log_limit_admit(&limit, UINT64_MAX - SECOND, &held_back));
    assert_false(log_limit_admit(&limit, UINT64_MAX - 1, &held_back));
    assert_true(log_limit_admit(&limit, UINT64_MAX, &held_back));
    assert_true(limit.next_us == UINT64_MAX);
    limit = (struct log_limit){.is_started = true, .held_back = UINT64_MAX, .next_us = 10, .gap_us = 10};
    assert_false(log_limit_admit(&limit, 9, &held_back));
    assert_true(limit.held_back == UINT64_MAX);
}

/* Whatever the times: what is not said is counted once, and no two lines are closer than a second. */
static void every_one_is_said_or_counted(void **state)
{
    struct random random = {.state = 5};

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct log_limit limit = {0};
        uint64_t now_us = random_below(&random, 1u << 30), said_us = 0, said = 0, counted = 0, held_back;
        for (uint64_t asked = 1; asked <= 2000; asked++) {
            now_us += (uint64_t)random_below(&random, 1u << 30) >> random_below(&random, 31);
            if (log_limit_admit(&limit, now_us, &held_back)) {
                assert_true(said == 0 || now_us - said_us >= SECOND);
                said_us = now_us;
                counted += held_back;
                said++;
            }
            assert_true(limit.gap_us >= SECOND && limit.gap_us <= 3600 * SECOND);
            assert_int_equal(said + counted + limit.held_back, asked);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gaps_grow_from_a_second_to_an_hour),
        cmocka_unit_test(an_hour_of_constant_failure_costs_less_than_eight_lines),
        cmocka_unit_test(a_cause_that_was_quiet_is_said_at_once),
        cmocka_unit_test(a_long_gap_wants_a_longer_silence),
        cmocka_unit_test(a_clock_that_goes_back_stands_still),
        cmocka_unit_test(nothing_overflows),
        cmocka_unit_test(every_one_is_said_or_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
