/* SPDX-License-Identifier: Apache-2.0
 * A wall clock that is set while a push is under way: nothing of it depends on that. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "clock_leap.h"

enum { TIME_ENOUGH_MS = 30000 };

static const int forward_s = CLOCK_LEAP_DAY_S, back_s = -CLOCK_LEAP_DAY_S;

static klp_event leap(struct fault_bench *bench, const char *when, int seconds, uint32_t deadline_ms)
{
    const struct clock_leap leap = {bench->config.base_url.data, when, seconds, deadline_ms};
    klp_event event = clock_leap_run(&leap);

    fault_row_count(bench->row, &event);
    return event;
}

static void assert_applied(const klp_event *event, unsigned attempts)
{
    assert_text(event->error_code, "");
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->attempts, attempts);
    assert_int_equal(event->sends, attempts);
}

/* The other process has a key of its own. */
static void assert_one_lobby(struct fault_bench *bench, size_t arrivals)
{
    bench->row->lobbies = sandbox_lobby_count(bench->rig->sandbox);
    bench->row->arrivals = (size_t)sandbox_stat(bench->rig->sandbox, "requests");
    assert_int_equal(bench->row->lobbies, 1);
    assert_int_equal(bench->row->arrivals, arrivals);
}

static void assert_gap(json_t *log, size_t i, double due_ms)
{
    double gap_ms = fault_time_ms(log, i + 1, "at_us") - fault_time_ms(log, i, "at_us");
    if (gap_ms < due_ms - 1 || gap_ms > due_ms + STALL_MS)
        fail_msg("attempt %zu came after %.1f ms, due after %.1f", i + 2, gap_ms, due_ms);
}

static void the_waits_stay_as_they_are(struct fault_bench *bench)
{
    const int *seconds = bench->given;

    rig_script(bench->rig, 2, "{\"status\":503}");
    klp_event event = leap(bench, "answered", *seconds, TIME_ENOUGH_MS);
    assert_one_lobby(bench, 3);
    assert_applied(&event, 3);
    json_t *log = sandbox_log(bench->rig->sandbox);
    assert_gap(log, 0, CLOCK_LEAP_BACKOFF_MS);
    assert_gap(log, 1, 2 * CLOCK_LEAP_BACKOFF_MS);
    json_decref(log);
}

static void the_deadline_stays_as_it_is(struct fault_bench *bench)
{
    const uint32_t deadline_ms = is_under_valgrind() ? 5000 : 2000; /* it has to be sent by then */
    const int *seconds = bench->given;

    fault_open_server(bench, "http", FAULT_SILENT, NULL, 0);
    klp_event event = leap(bench, "out", *seconds, deadline_ms);
    fault_assert_arrivals(bench, 1);
    assert_text(event.error_code, "timeout");
    assert_int_equal(event.outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event.attempts, 1);
    assert_in_range(event.elapsed_us, (deadline_ms - 1) * 1000, (deadline_ms + STALL_MS) * 1000);
}

/* The server's clock is of 1994, ours a day off: what counts is what lies between the server's two dates. */
static void a_retry_after_is_taken_from_the_replys_own_date(struct fault_bench *bench)
{
    rig_script(bench->rig, 1,
               "{\"status\":429,\"headers\":{\"Date\":\"Sun, 06 Nov 1994 08:49:37 GMT\","
               "\"Retry-After\":\"Sun, 06 Nov 1994 08:49:38 GMT\"}}");
    klp_event event = leap(bench, "before", forward_s, TIME_ENOUGH_MS);
    assert_one_lobby(bench, 2);
    assert_applied(&event, 2);
    json_t *log = sandbox_log(bench->rig->sandbox);
    assert_gap(log, 0, 1000);
    json_decref(log);
}

/* Here our clock does count: which shows that the plugin sees it leap. By the true one the wait would be a day, and far
 * past the deadline. */
static void a_retry_after_without_a_date_is_taken_from_our_clock(struct fault_bench *bench)
{
    char header[128];
    struct tm parts;
    time_t due = time(NULL) + forward_s + 1;

    strftime(header, sizeof header, "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&due, &parts));
    const struct fault_reply replies[] = {{429, klp_cstr(header), KLP_LIT("{}")},
                                          {201, KLP_TEXT_NONE, KLP_LIT(FAULT_LOBBY_JSON)}};
    fault_open_server(bench, "http", FAULT_REPLIES, replies, 2);
    klp_event event = leap(bench, "before", forward_s, TIME_ENOUGH_MS);
    fault_assert_arrivals(bench, 2);
    assert_applied(&event, 2);
    fault_close_server(bench);
}

const struct fault_test fault_clock_tests[] = {
    {"a_clock_set_forward_does_not_change_the_waits", "clock +1 day while it waits", the_waits_stay_as_they_are,
     &forward_s},
    {"a_clock_set_back_does_not_change_the_waits", "clock -1 day while it waits", the_waits_stay_as_they_are, &back_s},
    {"a_clock_set_forward_does_not_change_the_deadline", "clock +1 day, never an answer", the_deadline_stays_as_it_is,
     &forward_s},
    {"a_clock_set_back_does_not_change_the_deadline", "clock -1 day, never an answer", the_deadline_stays_as_it_is,
     &back_s},
    FAULT_TEST(a_retry_after_is_taken_from_the_replys_own_date, "clock +1 day, 429 until a date"),
    FAULT_TEST(a_retry_after_without_a_date_is_taken_from_our_clock, "clock +1 day, 429 until a date, no Date"),
    {0},
};
