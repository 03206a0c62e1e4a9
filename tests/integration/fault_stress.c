/* SPDX-License-Identifier: Apache-2.0
 * A server that cannot keep up, and one that is away for a while: many pushes, and all are applied. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { IN_FLIGHT = 8 };

/* The verdicts of all pushes, each of which is applied within its four attempts. */
static void take_applied(struct fault_bench *bench, unsigned count)
{
    struct fault_row *row = bench->row;

    for (unsigned i = 0; i < count; i++) {
        const klp_event *event = rig_take(bench->rig);
        fault_row_count(row, event);
        rig_ack(bench->rig, event);
    }
    row->lobbies = sandbox_lobby_count(bench->rig->sandbox);
    row->arrivals = (size_t)sandbox_stat(bench->rig->sandbox, "requests");
    assert_int_equal(row->applied, count);
    assert_int_equal(row->replayed, 0);
    assert_in_range(row->most_attempts, 1, 4);
    assert_int_equal(row->sends, row->attempts);
    assert_int_equal(row->lobbies, count);
    assert_int_equal(row->arrivals, row->attempts);
}

static void a_storm_of_429s_delays_and_fails_nothing(struct fault_bench *bench)
{
    enum { PUSHES = 20, REFUSALS = IN_FLIGHT + 1 };

    bench->config.max_in_flight = IN_FLIGHT;
    sandbox_script(bench->rig->sandbox, "{\"times\":9,\"action\":{\"status\":429,\"delay_ms\":400,"
                                        "\"headers\":{\"Retry-After\":\"1\"}}}"); /* all eight are out by then */
    rig_open(bench->rig, &bench->config);
    rig_push_many(bench->rig, 0, PUSHES);
    take_applied(bench, PUSHES);
    assert_int_equal(bench->row->arrivals, PUSHES + REFUSALS); /* a refusal costs one request, and none more */
    json_t *log = sandbox_log(bench->rig->sandbox);
    for (size_t i = IN_FLIGHT - 1; i < REFUSALS; i++) /* nothing before the time it named */
        assert_true(fault_time_ms(log, i + 1, "at_us") - fault_time_ms(log, i, "answered_us") >= 999);
    json_decref(log);
}

/* 24 pushes of four attempts would be 96 arrivals, were each tried by itself. */
static void an_outage_of_five_seconds_is_outlasted_without_a_stampede(struct fault_bench *bench)
{
    enum { PUSHES = 24, AWAY_MS = 5000, PAUSE_MS = 800 };
    uint64_t back_ms = rig_now_ms() + AWAY_MS;

    bench->config.max_in_flight = IN_FLIGHT;
    bench->config.backoff_initial_ms = 200;
    bench->config.backoff_max_ms = PAUSE_MS;
    sandbox_script(bench->rig->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    rig_open(bench->rig, &bench->config);
    rig_push_many(bench->rig, 0, PUSHES);
    while (rig_now_ms() < back_ms)
        rig_blink();
    sandbox_unscript(bench->rig->sandbox);
    take_applied(bench, PUSHES);

    /* all places at once, and those that are filled again until five have failed; then one at a time, 200, 400, 800 and
     * 800 ms after the other: 19. A few more, should the clock of this test and the pusher's not agree. */
    size_t refused = bench->row->arrivals - PUSHES;
    assert_in_range(refused, IN_FLIGHT, 2 * IN_FLIGHT + AWAY_MS / PAUSE_MS);
    json_t *log = sandbox_log(bench->rig->sandbox);
    assert_true(fault_time_ms(log, refused + 1, "at_us") >= fault_time_ms(log, refused, "answered_us"));
    json_decref(log);
}

const struct fault_test fault_stress_tests[] = {
    FAULT_TEST(a_storm_of_429s_delays_and_fails_nothing, "429 storm, Retry-After: 1"),
    FAULT_TEST(an_outage_of_five_seconds_is_outlasted_without_a_stampede, "503 for 5 s"),
    {0},
};
