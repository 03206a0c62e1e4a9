/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "delivery/budget.h"
#include "delivery/gate.h"
#include "random.h"

static const struct backoff pause_of_test = {.initial_ms = 200, .max_ms = 10000, .jitter_permille = 0};

enum { MOST = 8, MS = 1000 };

static struct gate open_gate(void)
{
    struct gate gate;
    gate_init(&gate, MOST, &pause_of_test);
    return gate;
}

static void an_open_gate_lets_pass_what_there_is_place_for(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    assert_true(gate_may_start(&gate, 0, false, 0));
    assert_true(gate_may_start(&gate, MOST - 1, false, 0));
    assert_false(gate_may_start(&gate, MOST, false, 0));
}

static void a_429_holds_everything_until_its_time_and_then_one_goes(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    assert_true(gate_note(&gate, GATE_RATE_LIMITED, 5 * MS, 2000, 10 * MS, 0));
    assert_int_equal(gate.state, GATE_HELD);
    assert_int_equal(gate_opens_us(&gate, true), 2010 * MS);
    assert_false(gate_may_start(&gate, 0, false, 2009 * MS));
    assert_false(gate_may_start(&gate, 0, true, 2009 * MS)); /* also for one that is alone */
    assert_true(gate_may_start(&gate, 3, false, 2010 * MS)); /* slow ones of before are no matter */
    gate_note_start(&gate);
    assert_false(gate_may_start(&gate, 4, false, 2011 * MS)); /* the probe is out */
    assert_false(gate_may_start(&gate, 1, false, 2012 * MS));
}

static void the_429s_of_one_moment_are_one(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    assert_true(gate_note(&gate, GATE_RATE_LIMITED, 5 * MS, 1000, 10 * MS, 0));
    assert_false(gate_note(&gate, GATE_RATE_LIMITED, 5 * MS, 1000, 11 * MS, 0));
    assert_false(gate_note(&gate, GATE_RATE_LIMITED, 6 * MS, 3000, 12 * MS, 0));
    assert_int_equal(gate_opens_us(&gate, false), 3012 * MS); /* the longest of them */
    assert_false(gate_note(&gate, GATE_RATE_LIMITED, 7 * MS, 1, 13 * MS, 0));
    assert_int_equal(gate_opens_us(&gate, false), 3012 * MS);
    /* an answer of before does not open it, a failure of before does not narrow it */
    assert_true(gate_note(&gate, GATE_ANSWERED, 5 * MS, 0, 14 * MS, 0));
    assert_false(gate_note(&gate, GATE_FAILED, 5 * MS, 0, 14 * MS, 0));
    assert_int_equal(gate.state, GATE_HELD);
    /* the probe's own is a new one */
    assert_true(gate_may_start(&gate, 0, false, 3012 * MS));
    assert_true(gate_note(&gate, GATE_RATE_LIMITED, 3013 * MS, 1000, 3014 * MS, 0));
    assert_false(gate_may_start(&gate, 0, false, 4013 * MS));
}

static void a_429_that_names_no_time_or_a_past_one_holds_for_a_growing_pause(void **state)
{
    static const uint64_t pauses_ms[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    struct gate gate = open_gate();
    uint64_t now_us = 1;

    (void)state;
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        assert_true(gate_note(&gate, GATE_RATE_LIMITED, now_us, 0, now_us, 0));
        assert_int_equal(gate_opens_us(&gate, true), now_us + pauses_ms[i] * MS);
        now_us += pauses_ms[i] * MS;
        assert_true(gate_may_start(&gate, 0, false, now_us++));
    }
    assert_true(gate_note(&gate, GATE_ANSWERED, now_us, 0, now_us, 0));
    assert_true(gate_note(&gate, GATE_RATE_LIMITED, now_us, 0, now_us, 0));
    assert_int_equal(gate_opens_us(&gate, true), now_us + 200 * MS); /* from the start again */
}

static void no_hold_is_longer_than_five_minutes(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    gate_note(&gate, GATE_RATE_LIMITED, 0, UINT64_MAX, 7, 0);
    assert_int_equal(gate_opens_us(&gate, false), 300000u * MS + 7);
}

static void after_the_probe_the_rest_follows_at_a_ramp(void **state)
{
    static const unsigned limits[] = {2, 4, 8, 8};
    struct gate gate = open_gate();

    (void)state;
    gate_note(&gate, GATE_RATE_LIMITED, 0, 250, 0, 0);
    assert_true(gate_may_start(&gate, 0, false, 250 * MS));
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        assert_true(gate_note(&gate, GATE_ANSWERED, 250 * MS, 0, 300 * MS, 0));
        assert_true(gate_may_start(&gate, limits[i] - 1, false, 200 * MS));
        assert_false(gate_may_start(&gate, limits[i], false, 200 * MS));
    }
    assert_int_equal(gate.state, GATE_OPEN);
}

static void a_server_that_is_away_is_asked_by_one_at_a_time(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    for (unsigned i = 1; i < GATE_FAILURES; i++) {
        gate_note(&gate, GATE_FAILED, 0, 0, 10 * MS, 0);
        assert_int_equal(gate.state, GATE_OPEN);
    }
    gate_note(&gate, GATE_FAILED, 0, 0, 10 * MS, 0);
    assert_int_equal(gate.state, GATE_PROBING);
    assert_false(gate_may_start(&gate, 0, false, 209 * MS));
    assert_true(gate_may_start(&gate, 0, true, 11 * MS));          /* alone, it has its own backoff */
    assert_true(gate_may_start(&gate, MOST - 1, false, 210 * MS)); /* beside those of before that hang */
    gate_note_start(&gate);
    assert_false(gate_may_start(&gate, MOST, false, 210 * MS));

    assert_false(gate_note(&gate, GATE_FAILED, 0, 0, 220 * MS, 0)); /* one of before */
    assert_int_equal(gate_opens_us(&gate, false), 210 * MS);
    gate_note(&gate, GATE_FAILED, 210 * MS, 0, 300 * MS, 0);
    assert_int_equal(gate_opens_us(&gate, false), 700 * MS); /* 400 ms, then 800 … */
    for (int i = 0; i < 100; i++)
        gate_note(&gate, GATE_FAILED, 400 * MS, 0, 1000 * MS, 0);
    assert_int_equal(gate_opens_us(&gate, false), 11000 * MS); /* … at most 10 s */

    gate_note(&gate, GATE_ANSWERED, 11000 * MS, 0, 11010 * MS, 0);
    assert_int_equal(gate.state, GATE_RAMPING);
    assert_true(gate_may_start(&gate, 1, false, 11010 * MS));
    gate_note(&gate, GATE_FAILED, 11011 * MS, 0, 11020 * MS, 0);
    assert_int_equal(gate.state, GATE_PROBING); /* it was not back yet */
}

static void no_pause_between_probes_is_longer_than_ten_seconds(void **state)
{
    static const struct backoff patient = {.initial_ms = 600000, .max_ms = 3600000, .jitter_permille = 0};
    struct gate gate;

    (void)state;
    gate_init(&gate, MOST, &patient);
    for (unsigned i = 0; i < 3 * GATE_FAILURES; i++)
        gate_note(&gate, GATE_FAILED, 0, 0, 7, 0);
    assert_int_equal(gate.state, GATE_PROBING);
    assert_int_equal(gate_opens_us(&gate, false), 10000 * MS + 7);
}

static void an_answer_between_failures_keeps_it_open(void **state)
{
    struct gate gate = open_gate();

    (void)state;
    for (int i = 0; i < 100; i++) {
        for (unsigned failure = 1; failure < GATE_FAILURES; failure++)
            gate_note(&gate, GATE_FAILED, 0, 0, 1, 0);
        gate_note(&gate, GATE_ANSWERED, 0, 0, 1, 0);
        assert_int_equal(gate.state, GATE_OPEN);
    }
}

/* Whatever comes: with nothing in flight it opens within its longest wait. */
static void it_never_closes_for_good(void **state)
{
    struct gate gate = open_gate();
    struct random random = {.state = 9};
    uint64_t now_us = 0;

    (void)state;
    for (int round = 0; round < 100000; round++) {
        now_us += random_below(&random, 5000000);
        enum gate_news news = (enum gate_news)random_below(&random, 3);
        uint64_t ago = random_below(&random, 3000000);
        gate_note(&gate, news, now_us > ago ? now_us - ago : 0, random_below(&random, 1000000), now_us,
                  random_below(&random, UINT32_MAX));
        struct gate later = gate;
        assert_true(gate_may_start(&later, 0, false, now_us + (uint64_t)GATE_LONGEST_HOLD_MS * MS));
        assert_true(gate.limit <= MOST);
        if (gate.state == GATE_OPEN)
            assert_int_equal(gate.limit, MOST);
        if (random_below(&random, 2))
            gate_may_start(&gate, random_below(&random, MOST), random_below(&random, 2), now_us);
    }
}

/* ─── The budget ────────────────────────────────────────────────────────────────────────────────── */

static void a_burst_is_covered_and_then_retries_come_at_a_rate(void **state)
{
    struct budget budget;
    uint64_t covered_us = 0;

    (void)state;
    budget_init(&budget, 1000);
    for (int i = 0; i < 200; i++)
        assert_int_equal(budget_take(&budget, 1000), 1000);
    for (uint64_t i = 1; i <= 100; i++) { /* 5 s of promises */
        covered_us = budget_take(&budget, 1000);
        assert_int_equal(covered_us, 1000 + i * 50000); /* 20 a second */
    }
    /* time pays the debt, and fills the bucket to its bound and no further */
    assert_int_equal(budget_take(&budget, covered_us + 50000), covered_us + 50000);
    budget_take(&budget, covered_us + UINT64_C(1000000000000));
    assert_int_equal(budget.left, BUDGET_MOST - 1000);
}

static void successes_pay_for_a_fifth(void **state)
{
    struct budget budget;

    (void)state;
    budget_init(&budget, 0);
    for (int i = 0; i < 200; i++)
        budget_take(&budget, 0);
    for (int i = 0; i < 50; i++)
        budget_note_success(&budget);
    for (int i = 0; i < 10; i++)
        assert_int_equal(budget_take(&budget, 0), 0);
    assert_true(budget_take(&budget, 0) > 0);
}

static void promises_are_bounded_and_kept(void **state)
{
    struct budget budget;
    uint64_t covered_us = 0;

    (void)state;
    budget_init(&budget, 0);
    for (int i = 0; i < 3000000; i++)
        covered_us = budget_take(&budget, 0);
    assert_int_equal(covered_us, 10000000); /* ten seconds at the most */
    for (int i = 0; i < 201; i++)
        covered_us = budget_take(&budget, 20000000);
    assert_int_equal(covered_us, 20050000); /* paid within ten more */
    assert_int_equal(budget_take(&budget, UINT64_MAX / 2), UINT64_MAX / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_gate_lets_pass_what_there_is_place_for),
        cmocka_unit_test(a_429_holds_everything_until_its_time_and_then_one_goes),
        cmocka_unit_test(the_429s_of_one_moment_are_one),
        cmocka_unit_test(a_429_that_names_no_time_or_a_past_one_holds_for_a_growing_pause),
        cmocka_unit_test(no_hold_is_longer_than_five_minutes),
        cmocka_unit_test(after_the_probe_the_rest_follows_at_a_ramp),
        cmocka_unit_test(a_server_that_is_away_is_asked_by_one_at_a_time),
        cmocka_unit_test(no_pause_between_probes_is_longer_than_ten_seconds),
        cmocka_unit_test(an_answer_between_failures_keeps_it_open),
        cmocka_unit_test(it_never_closes_for_good),
        cmocka_unit_test(a_burst_is_covered_and_then_retries_come_at_a_rate),
        cmocka_unit_test(successes_pay_for_a_fifth),
        cmocka_unit_test(promises_are_bounded_and_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
