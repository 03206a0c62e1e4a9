/* SPDX-License-Identifier: Apache-2.0
 * latencies() and metrics(), and how much of a struct of the host's is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "../unit/openmetrics_check.h"
#include "arrival.h"
#include "calls.h"
#include "json/utf8.c" /* the checker's: the library exports none */

#define PREFIX "kraty_lobby_pusher_"

static klp_histogram latencies(struct rig *rig, int32_t which)
{
    klp_histogram histogram = {.struct_size = sizeof histogram};
    assert_int_equal(rig->klp->latencies(rig->pusher, which, &histogram), KLP_OK);
    assert_int_equal(histogram.struct_size, sizeof histogram);
    return histogram;
}

static uint64_t sum_of(const klp_histogram *histogram)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < KLP_HISTOGRAM_BUCKETS; i++)
        sum += histogram->buckets[i];
    return sum;
}

/* ─── Latencies ─────────────────────────────────────────────────────────────────────────────────── */

static void latencies_are_of_every_push_that_was_decided(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby expired = rig_lobby("expired");

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"delay_ms\":2000}");
    rig_open(rig, &config);
    assert_int_equal(latencies(rig, KLP_LATENCY_TOTAL).count, 0);
    assert_int_equal(latencies(rig, KLP_LATENCY_QUEUE).count, 0);
    uint64_t start_ms = rig_now_ms();
    rig_push(rig, "slow");
    arrivals_await(rig, 1);
    uint64_t queued_ms = rig_now_ms();
    expired.deadline_ms = 50;
    rig_push_lobby(rig, &expired); /* never starts */
    rig_push_many(rig, 0, 8);
    for (int i = 0; i < 10; i++)
        rig_ack(rig, rig_take(rig));
    rig_ack(rig, call_and_take(rig, "POST", "a/b", NULL)); /* is none of them */
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
    uint64_t longest_us = (rig_now_ms() - start_ms + 2) * 1000;

    klp_histogram total = latencies(rig, KLP_LATENCY_TOTAL), queue = latencies(rig, KLP_LATENCY_QUEUE);
    assert_int_equal(total.count, 10);
    assert_int_equal(queue.count, 9);
    assert_int_equal(sum_of(&total), 10);
    assert_int_equal(sum_of(&queue), 9);
    assert_in_range(total.max_us, 1990000, longest_us);
    assert_true(total.sum_us <= 10 * total.max_us && total.sum_us >= total.max_us);
    assert_true(queue.sum_us <= total.sum_us);
    assert_int_equal(klp_histogram_quantile_us(&total, 1000), total.max_us);
    assert_true(klp_histogram_quantile_us(&total, 0) <= klp_histogram_quantile_us(&total, 500));
    assert_true(klp_histogram_quantile_us(&total, 500) <= total.max_us);
    /* eight of the nine waited for the slow one */
    uint64_t waited_us = queued_ms - start_ms < 1950 ? (1950 - (queued_ms - start_ms)) * 1000 : 0;
    assert_true(klp_histogram_quantile_us(&queue, 500) >= waited_us * 3 / 4);
}

static void pushes_that_joined_have_a_latency_each(void **state)
{
    struct rig *rig = *state;

    rig_script(rig, 1, "{\"delay_ms\":300}");
    rig_open(rig, NULL);
    for (int i = 0; i < 5; i++)
        rig_push(rig, "m");
    for (int i = 0; i < 5; i++)
        rig_ack(rig, rig_take(rig));
    assert_int_equal(latencies(rig, KLP_LATENCY_TOTAL).count, 5);
    assert_int_equal(latencies(rig, KLP_LATENCY_QUEUE).count, 1); /* one started */
}

/* ─── The host's structs ────────────────────────────────────────────────────────────────────────── */

static void a_struct_is_filled_as_far_as_it_goes_and_no_further(void **state)
{
    struct rig *rig = *state;
    unsigned char room[sizeof(klp_histogram) + 64];
    uint32_t size;

    rig_open(rig, NULL);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    for (int is_histogram = 0; is_histogram < 2; is_histogram++) {
        const uint32_t known = is_histogram ? sizeof(klp_histogram) : sizeof(klp_stats);
        const uint32_t sizes[] = {4, 8, 16, 17, known - 8, known, known + 8, known + 56};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            memset(room, 0xa5, sizeof room);
            size = sizes[i];
            memcpy(room, &size, sizeof size);
            assert_int_equal(is_histogram
                                 ? rig->klp->latencies(rig->pusher, KLP_LATENCY_TOTAL, (klp_histogram *)(void *)room)
                                 : rig->klp->stats(rig->pusher, (klp_stats *)(void *)room),
                             KLP_OK);
            memcpy(&size, room, sizeof size);
            assert_int_equal(size, sizes[i]);
            if (sizes[i] >= 16)
                assert_int_equal(room[8], 1); /* accepted, or count */
            for (size_t at = known; at < sizes[i]; at++)
                assert_int_equal(room[at], 0);
            for (size_t at = sizes[i]; at < sizeof room; at++)
                assert_int_equal(room[at], 0xa5);
        }
    }
}

static void what_cannot_be_filled_is_refused(void **state)
{
    struct rig *rig = *state;
    klp_stats stats = KLP_STATS_INIT;
    klp_histogram histogram = {.struct_size = sizeof histogram};
    const uint32_t sizes[] = {0, 3, 4097, 0xa5a5a5a5u};
    size_t size;

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        stats.struct_size = histogram.struct_size = sizes[i];
        assert_int_equal(rig->klp->stats(rig->pusher, &stats), KLP_E_INVALID_ARGUMENT);
        assert_int_equal(rig->klp->latencies(rig->pusher, KLP_LATENCY_TOTAL, &histogram), KLP_E_INVALID_ARGUMENT);
    }
    histogram.struct_size = sizeof histogram;
    for (int32_t which = -1; which <= 4; which++)
        assert_int_equal(rig->klp->latencies(rig->pusher, which, &histogram),
                         which == KLP_LATENCY_QUEUE || which == KLP_LATENCY_TOTAL ? KLP_OK : KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->stats(rig->pusher, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->latencies(rig->pusher, KLP_LATENCY_QUEUE, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->metrics(rig->pusher, NULL, 0, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->metrics(rig->pusher, NULL, 100, &size), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->stats(NULL, &stats), KLP_E_INVALID_ARGUMENT);
}

/* ─── The page ──────────────────────────────────────────────────────────────────────────────────── */

static struct om_check check; /* large */

/* The whole page, checked. */
static char *page_of(struct rig *rig)
{
    size_t size = 0, written = 0;

    assert_int_equal(rig->klp->metrics(rig->pusher, NULL, 0, &size), KLP_E_INVALID_ARGUMENT);
    assert_true(size > 1000);
    size += 100; /* times grow meanwhile */
    char *page = malloc(size + 1);
    assert_non_null(page);
    assert_int_equal(rig->klp->metrics(rig->pusher, page, size + 1, &written), KLP_OK);
    assert_int_equal(strlen(page), written);
    const char *fault = om_check(&check, page, written);
    if (fault)
        fail_msg("%s, near: %.80s", fault, check.at);
    return page;
}

static void assert_number(const char *family, const char *suffix, const char *label, const char *value, uint64_t due)
{
    char name[128];

    snprintf(name, sizeof name, PREFIX "%s", family);
    const char *number = om_number(&check, name, suffix, label, value);
    if (!number || strtoull(number, NULL, 10) != due)
        fail_msg("%s%s{%s=%s} is %s, not %llu", name, suffix, label ? label : "", value ? value : "",
                 number ? number : "missing", (unsigned long long)due);
}

/* Every number of the statistics stands there, in as many samples as there are fields, but for the times. */
static void the_page_is_openmetrics_and_agrees_with_the_statistics(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.name = klp_cstr("mm \"eu\"\\\n\xc3\xa9");
    rig_open(rig, &config);
    free(page_of(rig)); /* before there is anything, too */
    rig_push_many(rig, 0, 7);
    for (int i = 0; i < 7; i++)
        rig_ack(rig, rig_take(rig));
    rig_ack(rig, rig_push_and_take(rig, "m-0"));
    rig_script(rig, 1, "{\"status\":404}");
    rig_ack(rig, rig_push_and_take(rig, "refused"));
    rig_ack(rig, call_and_take(rig, "POST", "a/b", NULL));
    const klp_event *unread = call_and_take(rig, "GET", "a/b", NULL);

    char *page = page_of(rig);
    klp_stats stats = rig_stats(rig);
    for (size_t i = 0; i < check.sample_count; i++)
        assert_string_equal(om_label(&check.samples[i], "pusher"), "mm \"eu\"\\\n\xc3\xa9");
    assert_non_null(strstr(page, "pusher=\"mm \\\"eu\\\"\\\\\\n\xc3\xa9\""));
    assert_null(strstr(page, "for-tests-only"));
    assert_number("push_verdict_seconds", "_count", NULL, NULL, 9);
    assert_number("push_queue_seconds", "_count", NULL, NULL, 9);
    assert_number("push_verdict_seconds", "_bucket", "le", "+Inf", 9);
    assert_int_equal(stats.unread_events, 1);
    assert_int_equal(stats.applied, 8);

    /* each field's number is in some sample; which one the unit test knows */
    for (size_t at = offsetof(klp_stats, accepted); at < offsetof(klp_stats, gate); at += sizeof(uint64_t)) {
        uint64_t value;
        char text[32];
        bool is_there = false;
        memcpy(&value, (const char *)&stats + at, sizeof value);
        snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        for (size_t i = 0; i < check.sample_count; i++)
            is_there |= strcmp(check.samples[i].number, text) == 0;
        assert_true(is_there);
    }
    free(page);
    rig_ack(rig, unread);
}

/* What a scrape shows of the state that operators are woken for. */
static void the_page_shows_a_gate_that_is_held(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"100\"}}");
    rig_open(rig, &config);
    free(page_of(rig));
    assert_number("gate", "", PREFIX "gate", "open", 1);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    free(page_of(rig));
    assert_number("gate", "", PREFIX "gate", "held", 1);
    assert_number("gate", "", PREFIX "gate", "open", 0);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_HELD);
    assert_in_range(rig_stats(rig).gate_opens_in_ms, 80000, 100000);
}

static void a_page_that_does_not_fit_is_not_begun(void **state)
{
    struct rig *rig = *state;
    size_t size = 0, again = 0;

    rig_open(rig, NULL);
    assert_int_equal(rig->klp->metrics(rig->pusher, NULL, 0, &size), KLP_E_INVALID_ARGUMENT);
    char *page = malloc(size + 2);
    assert_non_null(page);
    for (size_t capacity = size - 1; capacity <= size; capacity++) { /* no room for all, or none for the NUL */
        memset(page, 0x5a, size + 2);
        assert_int_equal(rig->klp->metrics(rig->pusher, page, capacity, &again), KLP_E_INVALID_ARGUMENT);
        assert_int_equal(again, size);
        for (size_t i = 0; i < size + 2; i++)
            assert_int_equal(page[i], 0x5a);
    }
    assert_int_equal(rig->klp->metrics(rig->pusher, page, size + 1, &again), KLP_OK);
    assert_int_equal(again, size);
    assert_int_equal(page[size], '\0');
    assert_int_equal(page[size + 1], 0x5a);
    assert_null(om_check(&check, page, size));
    free(page);
}

static void a_stopped_pusher_still_tells_its_figures(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    rig_push_many(rig, 0, 3);
    assert_int_equal(rig->klp->stop(rig->pusher, 10000), KLP_OK);
    assert_int_equal(rig_stats(rig).applied, 3);
    assert_int_equal(rig_stats(rig).in_flight, 0);
    assert_int_equal(rig_stats(rig).unread_events, 3);
    assert_int_equal(latencies(rig, KLP_LATENCY_TOTAL).count, 3);
    free(page_of(rig));
    assert_number("push_verdict_seconds", "_count", NULL, NULL, 3);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(latencies_are_of_every_push_that_was_decided),
        test(pushes_that_joined_have_a_latency_each),
        test(a_struct_is_filled_as_far_as_it_goes_and_no_further),
        test(what_cannot_be_filled_is_refused),
        test(the_page_is_openmetrics_and_agrees_with_the_statistics),
        test(the_page_shows_a_gate_that_is_held),
        test(a_page_that_does_not_fit_is_not_begun),
        test(a_stopped_pusher_still_tells_its_figures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
