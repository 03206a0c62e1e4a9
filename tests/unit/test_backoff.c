/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/backoff.h"
#include "random.h"

static void without_jitter_the_waits_double_to_their_bound(void **state)
{
    static const uint64_t waits[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    const struct backoff backoff = {.initial_ms = 200, .max_ms = 10000, .jitter_permille = 0};

    (void)state;
    for (unsigned i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(backoff_wait_ms(&backoff, i + 2, 0), waits[i]);
        assert_int_equal(backoff_wait_ms(&backoff, i + 2, UINT32_MAX), waits[i]);
    }
}

static void jitter_takes_its_share_of_the_wait(void **state)
{
    const struct backoff full = {.initial_ms = 200, .max_ms = 10000, .jitter_permille = 1000};
    const struct backoff fifth = {.initial_ms = 200, .max_ms = 10000, .jitter_permille = 200};

    (void)state;
    assert_int_equal(backoff_wait_ms(&full, 2, 0), 200);
    assert_int_equal(backoff_wait_ms(&full, 2, UINT32_MAX / 2 + 1), 100);
    assert_int_equal(backoff_wait_ms(&full, 2, UINT32_MAX), 1);
    assert_int_equal(backoff_wait_ms(&fifth, 3, 0), 400);
    assert_int_equal(backoff_wait_ms(&fifth, 3, UINT32_MAX), 321);
}

/* Over any policy, attempt and randomness: no wait above the bound, none below what jitter leaves. */
static void no_wait_is_ever_outside_its_bounds(void **state)
{
    struct random random = {.state = 3};

    (void)state;
    for (int round = 0; round < 200000; round++) {
        struct backoff backoff = {
            .initial_ms = (uint64_t)random_below(&random, UINT32_MAX) >> random_below(&random, 32),
            .max_ms = ((uint64_t)random_below(&random, UINT32_MAX) << 32 | 0xffffffff) >> random_below(&random, 64),
            .jitter_permille = random_below(&random, 1001),
        };
        unsigned next = random_below(&random, 2) ? random_below(&random, 100) : random_below(&random, UINT32_MAX);
        uint64_t least = backoff_wait_ms(&backoff, next, UINT32_MAX), most = backoff_wait_ms(&backoff, next, 0);
        uint64_t wait = backoff_wait_ms(&backoff, next, random_below(&random, UINT32_MAX));
        assert_true(least <= wait && wait <= most && most <= backoff.max_ms);
        assert_true(backoff_wait_ms(&backoff, next == UINT32_MAX ? next : next + 1, 0) >= most);
    }
}

static void the_time_a_server_names_is_a_floor(void **state)
{
    (void)state;
    assert_int_equal(backoff_wait_at_least_ms(200, -1, 77), 200);
    assert_int_equal(backoff_wait_at_least_ms(200, 100, UINT32_MAX), 200);
    assert_int_equal(backoff_wait_at_least_ms(200, 2000, 0), 2000);
    assert_in_range(backoff_wait_at_least_ms(200, 2000, UINT32_MAX), 2001, 2200);
    assert_in_range(backoff_wait_at_least_ms(200, 3600000, UINT32_MAX), 3600001, 3601000);
    assert_int_equal(backoff_wait_at_least_ms(0, 0, UINT32_MAX), 0);
    assert_true(backoff_wait_at_least_ms(200, INT64_MAX, UINT32_MAX) >= (uint64_t)INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_jitter_the_waits_double_to_their_bound),
        cmocka_unit_test(jitter_takes_its_share_of_the_wait),
        cmocka_unit_test(no_wait_is_ever_outside_its_bounds),
        cmocka_unit_test(the_time_a_server_names_is_a_floor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
