/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "random.h"
#include "telemetry/histogram.h"

static const uint32_t last = KLP_HISTOGRAM_BUCKETS - 1;

/* The one bucket that a value alone is in. */
static uint32_t bucket_of(uint64_t us)
{
    klp_histogram histogram = {.struct_size = sizeof histogram};
    uint32_t found = KLP_HISTOGRAM_BUCKETS;

    histogram_note(&histogram, us);
    assert_int_equal(histogram.count, 1);
    assert_true(histogram.sum_us == us && histogram.max_us == us);
    for (uint32_t i = 0; i < KLP_HISTOGRAM_BUCKETS; i++) {
        if (!histogram.buckets[i])
            continue;
        assert_int_equal(histogram.buckets[i], 1);
        assert_int_equal(found, KLP_HISTOGRAM_BUCKETS);
        found = i;
    }
    assert_true(found <= last);
    return found;
}

static void expect_within_bounds(uint64_t us)
{
    uint32_t bucket = bucket_of(us);
    if (bucket < last && us >= klp_histogram_bound_us(bucket))
        fail_msg("%llu is past bucket %u", (unsigned long long)us, bucket);
    if (bucket > 0 && us < klp_histogram_bound_us(bucket - 1))
        fail_msg("%llu is before bucket %u", (unsigned long long)us, bucket);
}

static uint64_t any_duration(struct random *random)
{
    uint64_t number = (uint64_t)random_below(random, 1u << 31) << 33 | random_below(random, 1u << 31);
    return number >> random_below(random, 64);
}

static void every_value_is_in_the_bucket_whose_bounds_hold_it(void **state)
{
    struct random random = {.state = 1};

    (void)state;
    for (uint64_t us = 0; us < 5000; us++)
        expect_within_bounds(us);
    for (unsigned bit = 0; bit < 64; bit++)
        for (int64_t off = -1; off <= 1; off++)
            expect_within_bounds((UINT64_C(1) << bit) + (uint64_t)off);
    for (uint32_t i = 0; i < KLP_HISTOGRAM_BUCKETS; i++) {
        assert_int_equal(bucket_of(klp_histogram_bound_us(i) - 1), i);
        assert_int_equal(bucket_of(klp_histogram_bound_us(i)), i < last ? i + 1 : last);
    }
    for (int round = 0; round < 20000; round++)
        expect_within_bounds(any_duration(&random));
    assert_int_equal(bucket_of(0), 0);
    assert_int_equal(bucket_of(UINT64_MAX), last);
}

static void buckets_are_at_most_a_quarter_wide(void **state)
{
    (void)state;
    for (uint32_t i = 1; i < KLP_HISTOGRAM_BUCKETS; i++) {
        uint64_t from = klp_histogram_bound_us(i - 1), to = klp_histogram_bound_us(i);
        assert_true(to > from);
        if (from >= 4)
            assert_true((to - from) * 4 <= from);
    }
}

static void a_sum_that_is_too_large_stays_the_largest(void **state)
{
    klp_histogram histogram = {.struct_size = sizeof histogram};

    (void)state;
    histogram_note(&histogram, 10);
    histogram_note(&histogram, 32);
    assert_int_equal(histogram.sum_us, 42);
    assert_int_equal(histogram.max_us, 32);
    histogram_note(&histogram, UINT64_MAX - 42);
    assert_true(histogram.sum_us == UINT64_MAX);
    histogram_note(&histogram, 1);
    assert_true(histogram.sum_us == UINT64_MAX);
    assert_int_equal(histogram.count, 4);
}

static void quantiles_of_known_distributions_are_what_they_are(void **state)
{
    klp_histogram none = {.struct_size = sizeof none}, one = none, even = none, tail = none;

    (void)state;
    assert_int_equal(klp_histogram_quantile_us(&none, 500), 0);
    histogram_note(&one, 1000);
    for (uint32_t permille = 0; permille <= 1000; permille += 100)
        assert_int_equal(klp_histogram_quantile_us(&one, permille), permille ? 1000 : 1);

    for (uint64_t us = 1; us <= 1000; us++)
        histogram_note(&even, us);
    assert_int_equal(klp_histogram_quantile_us(&even, 500), 512); /* the bucket of 448…511 has the 500th */
    assert_int_equal(klp_histogram_quantile_us(&even, 990), 1000);
    assert_int_equal(klp_histogram_quantile_us(&even, 1000), 1000);
    assert_int_equal(klp_histogram_quantile_us(&even, 2), 3);

    for (int i = 0; i < 999; i++)
        histogram_note(&tail, 100);
    histogram_note(&tail, 5000000);
    assert_int_equal(klp_histogram_quantile_us(&tail, 999), 112);
    assert_int_equal(klp_histogram_quantile_us(&tail, 1000), 5000000);
}

static int by_size(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

/* Never below the true one, and at most a quarter above it. */
static void a_quantile_is_a_quarter_off_at_most(void **state)
{
    enum { MOST = 2000 };
    static uint64_t values[MOST];
    struct random random = {.state = 2};

    (void)state;
    for (int round = 0; round < 300; round++) {
        klp_histogram histogram = {.struct_size = sizeof histogram};
        size_t count = 1 + random_below(&random, MOST);
        uint32_t shift = 25 + random_below(&random, 39);
        for (size_t i = 0; i < count; i++) {
            values[i] = any_duration(&random) >> shift;
            histogram_note(&histogram, values[i]);
        }
        qsort(values, count, sizeof *values, by_size);
        for (uint32_t permille = 1; permille <= 1000; permille += 9) {
            uint64_t found = klp_histogram_quantile_us(&histogram, permille);
            uint64_t right = values[(count * permille + 999) / 1000 - 1];
            assert_true(found >= right);
            assert_true(found <= right + (right / 4 > 1 ? right / 4 : 1));
        }
        assert_int_equal(klp_histogram_quantile_us(&histogram, 1000), values[count - 1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_is_in_the_bucket_whose_bounds_hold_it),
        cmocka_unit_test(buckets_are_at_most_a_quarter_wide),
        cmocka_unit_test(a_sum_that_is_too_large_stays_the_largest),
        cmocka_unit_test(quantiles_of_known_distributions_are_what_they_are),
        cmocka_unit_test(a_quantile_is_a_quarter_off_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
