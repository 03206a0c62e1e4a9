/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "openmetrics_check.h"
#include "random.h"
#include "telemetry/histogram.h"
#include "telemetry/metrics.h"

#define FAMILY(name) "kraty_lobby_pusher_" name

static struct om_check check;

/* Measures, writes into exactly that room, and checks; the caller's, with a NUL that is not counted. */
static char *text_of(const struct metrics *metrics)
{
    size_t size = metrics_write(metrics, NULL, 0);
    char *room = malloc(size), *text = calloc(1, size + 1);
    assert_true(room && text);
    assert_int_equal(metrics_write(metrics, room, size), size);
    memcpy(text, room, size);
    free(room);
    const char *fault = om_check(&check, text, size);
    if (fault)
        fail_msg("%s before %.80s", fault, check.at);
    return text;
}

static const klp_histogram nothing_noted = {.struct_size = sizeof(klp_histogram)};

static struct metrics metrics_of(const klp_stats *stats)
{
    return (struct metrics){
        .name = klp_cstr("mm-eu-1"), .stats = stats, .queue = &nothing_noted, .total = &nothing_noted};
}

static uint64_t any_number(struct random *random)
{
    uint64_t number = (uint64_t)random_below(random, 1u << 31) << 33 | random_below(random, 1u << 31);
    return number >> random_below(random, 64);
}

/* The statistics' fields in a row. */
enum { FIELDS = (sizeof(klp_stats) - offsetof(klp_stats, accepted)) / sizeof(uint64_t) };

static void set_field(klp_stats *stats, size_t field, uint64_t value)
{
    memcpy((char *)stats + offsetof(klp_stats, accepted) + field * sizeof value, &value, sizeof value);
}

static void an_exposition_reads_as_the_format_says(void **state)
{
    klp_stats stats = KLP_STATS_INIT;
    stats.accepted = 7, stats.possibly_applied = 3, stats.queued_bytes = UINT64_MAX, stats.gate = KLP_GATE_HELD;
    stats.oldest_push_age_ms = 61005;
    struct metrics metrics = metrics_of(&stats);
    char *text = text_of(&metrics);
    static const char *const pieces[] = {
        "# TYPE kraty_lobby_pusher_accepted_calls counter\n"
        "# HELP kraty_lobby_pusher_accepted_calls Calls that were given a ticket.\n"
        "kraty_lobby_pusher_accepted_calls_total{pusher=\"mm-eu-1\"} 7\n",
        "# TYPE kraty_lobby_pusher_push_verdicts counter\n"
        "# HELP kraty_lobby_pusher_push_verdicts Verdicts on pushes.\n"
        "kraty_lobby_pusher_push_verdicts_total{pusher=\"mm-eu-1\",outcome=\"applied\"} 0\n"
        "kraty_lobby_pusher_push_verdicts_total{pusher=\"mm-eu-1\",outcome=\"not_applied\"} 0\n"
        "kraty_lobby_pusher_push_verdicts_total{pusher=\"mm-eu-1\",outcome=\"possibly_applied\"} 3\n",
        "# TYPE kraty_lobby_pusher_queued_bytes gauge\n"
        "# UNIT kraty_lobby_pusher_queued_bytes bytes\n",
        "kraty_lobby_pusher_queued_bytes{pusher=\"mm-eu-1\"} 18446744073709551615\n",
        "# TYPE kraty_lobby_pusher_oldest_push_age_seconds gauge\n"
        "# UNIT kraty_lobby_pusher_oldest_push_age_seconds seconds\n",
        "kraty_lobby_pusher_oldest_push_age_seconds{pusher=\"mm-eu-1\"} 61.005\n",
        "# TYPE kraty_lobby_pusher_gate stateset\n",
        "kraty_lobby_pusher_gate{pusher=\"mm-eu-1\",kraty_lobby_pusher_gate=\"open\"} 0\n"
        "kraty_lobby_pusher_gate{pusher=\"mm-eu-1\",kraty_lobby_pusher_gate=\"ramping\"} 0\n"
        "kraty_lobby_pusher_gate{pusher=\"mm-eu-1\",kraty_lobby_pusher_gate=\"held\"} 1\n"
        "kraty_lobby_pusher_gate{pusher=\"mm-eu-1\",kraty_lobby_pusher_gate=\"probing\"} 0\n"
        "kraty_lobby_pusher_gate{pusher=\"mm-eu-1\",kraty_lobby_pusher_gate=\"key_refused\"} 0\n",
        "# TYPE kraty_lobby_pusher_push_queue_seconds histogram\n"
        "# UNIT kraty_lobby_pusher_push_queue_seconds seconds\n",
        "kraty_lobby_pusher_push_queue_seconds_bucket{pusher=\"mm-eu-1\",le=\"0.000128\"} 0\n"
        "kraty_lobby_pusher_push_queue_seconds_bucket{pusher=\"mm-eu-1\",le=\"0.000256\"} 0\n",
        "kraty_lobby_pusher_push_verdict_seconds_bucket{pusher=\"mm-eu-1\",le=\"68719.476736\"} 0\n"
        "kraty_lobby_pusher_push_verdict_seconds_bucket{pusher=\"mm-eu-1\",le=\"+Inf\"} 0\n"
        "kraty_lobby_pusher_push_verdict_seconds_count{pusher=\"mm-eu-1\"} 0\n"
        "kraty_lobby_pusher_push_verdict_seconds_sum{pusher=\"mm-eu-1\"} 0.000000\n# EOF\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (!strstr(text, pieces[i]))
            fail_msg("not there: %s", pieces[i]);
    free(text);
}

/* Each in turn is the only one that is not zero, and exactly one sample changes. */
static void every_statistic_has_a_sample_of_its_own(void **state)
{
    enum { GATE = (offsetof(klp_stats, gate) - offsetof(klp_stats, accepted)) / sizeof(uint64_t) };
    static char found[FIELDS][256];

    (void)state;
    for (size_t field = 0; field < FIELDS; field++) {
        klp_stats stats = KLP_STATS_INIT;
        size_t changed = 0;
        set_field(&stats, field, field == GATE ? KLP_GATE_PROBING : 123456789);
        stats.gate = field == GATE ? stats.gate : UINT64_MAX; /* a state that is not known: none is true */
        struct metrics metrics = metrics_of(&stats);
        free(text_of(&metrics));
        for (size_t i = 0; i < check.sample_count; i++) {
            const struct om_sample *sample = &check.samples[i];
            if (strtod(sample->number, NULL) == 0)
                continue;
            changed++;
            assert_true(strcmp(sample->number, "123456789") == 0 || strcmp(sample->number, "123456.789") == 0 ||
                        (field == GATE && strcmp(sample->number, "1") == 0));
            snprintf(found[field], sizeof *found, "%s %s", sample->family,
                     sample->label_count > 1 ? sample->label_values[1] : "");
        }
        assert_int_equal(changed, 1);
        for (size_t other = 0; other < field; other++)
            assert_string_not_equal(found[other], found[field]);
    }
}

static void statistics_are_told_under_their_names(void **state)
{
    klp_stats stats = KLP_STATS_INIT;
    static const struct {
        const char *family, *suffix, *label, *value, *number;
    } samples[] = {
        {FAMILY("accepted_calls"), "_total", NULL, NULL, "1"},
        {FAMILY("refused_calls"), "_total", NULL, NULL, "2"},
        {FAMILY("push_verdicts"), "_total", "outcome", "applied", "3"},
        {FAMILY("replayed_pushes"), "_total", NULL, NULL, "4"},
        {FAMILY("push_verdicts"), "_total", "outcome", "not_applied", "5"},
        {FAMILY("push_verdicts"), "_total", "outcome", "possibly_applied", "6"},
        {FAMILY("joined_pushes"), "_total", NULL, NULL, "7"},
        {FAMILY("query_verdicts"), "_total", "result", "ok", "8"},
        {FAMILY("query_verdicts"), "_total", "result", "failed", "9"},
        {FAMILY("call_verdicts"), "_total", "result", "ok", "10"},
        {FAMILY("call_verdicts"), "_total", "result", "failed", "11"},
        {FAMILY("attempts"), "_total", NULL, NULL, "12"},
        {FAMILY("retries"), "_total", NULL, NULL, "13"},
        {FAMILY("sends"), "_total", NULL, NULL, "14"},
        {FAMILY("connections"), "_total", NULL, NULL, "15"},
        {FAMILY("events_acknowledged"), "_total", NULL, NULL, "16"},
        {FAMILY("messages_sent"), "_total", NULL, NULL, "17"},
        {FAMILY("replies_ignored"), "_total", NULL, NULL, "18"},
        {FAMILY("replies_left_out"), "_total", NULL, NULL, "19"},
        {FAMILY("queued_calls"), "", NULL, NULL, "20"},
        {FAMILY("in_flight_requests"), "", NULL, NULL, "21"},
        {FAMILY("unread_events"), "", NULL, NULL, "22"},
        {FAMILY("queued_bytes"), "", NULL, NULL, "23"},
        {FAMILY("reply_bytes"), "", NULL, NULL, "24"},
        {FAMILY("gate"), "", FAMILY("gate"), "open", "0"}, /* 25 is no state */
        {FAMILY("gate_opens_in_seconds"), "", NULL, NULL, "0.026"},
        {FAMILY("awaiting"), "", NULL, NULL, "27"},
        {FAMILY("oldest_push_age_seconds"), "", NULL, NULL, "0.028"},
        {FAMILY("api_key_generation"), "", NULL, NULL, "29"},
        {FAMILY("journaled_calls"), "_total", NULL, NULL, "30"},
        {FAMILY("recovered_calls"), "_total", NULL, NULL, "31"},
        {FAMILY("adopted_files"), "_total", NULL, NULL, "32"},
        {FAMILY("set_aside"), "_total", NULL, NULL, "33"},
        {FAMILY("outbox_bytes"), "", NULL, NULL, "34"},
        {FAMILY("degraded"), "", NULL, NULL, "35"},
    };

    (void)state;
    assert_int_equal(sizeof samples / sizeof *samples, FIELDS);
    for (size_t field = 0; field < FIELDS; field++)
        set_field(&stats, field, field + 1);
    struct metrics metrics = metrics_of(&stats);
    free(text_of(&metrics));
    for (size_t i = 0; i < FIELDS; i++) {
        const char *number =
            om_number(&check, samples[i].family, samples[i].suffix, samples[i].label, samples[i].value);
        if (!number || strcmp(number, samples[i].number) != 0)
            fail_msg("%s: %s", samples[i].family, number ? number : "not there");
    }
}

static void one_state_of_the_gate_is_true(void **state)
{
    static const char *const states[] = {"open", "ramping", "held", "probing", "key_refused"};

    (void)state;
    for (uint64_t gate = KLP_GATE_OPEN; gate <= KLP_GATE_KEY_REFUSED; gate++) {
        klp_stats stats = KLP_STATS_INIT;
        stats.gate = gate;
        struct metrics metrics = metrics_of(&stats);
        free(text_of(&metrics));
        for (uint64_t other = KLP_GATE_OPEN; other <= KLP_GATE_KEY_REFUSED; other++)
            assert_string_equal(om_number(&check, FAMILY("gate"), "", FAMILY("gate"), states[other]),
                                other == gate ? "1" : "0");
    }
}

static void every_sample_has_the_pushers_name_escaped(void **state)
{
    static const char *const names[] = {"", "p", "a \"b\" \\n\n\\", "\n\n", "\"", "\\", "\xc3\xa9,{}= #"};
    klp_stats stats = KLP_STATS_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct metrics metrics = metrics_of(&stats);
        metrics.name = klp_cstr(names[i]);
        free(text_of(&metrics));
        assert_true(check.sample_count > FIELDS);
        for (size_t sample = 0; sample < check.sample_count; sample++)
            assert_string_equal(om_label(&check.samples[sample], "pusher"), names[i]);
    }
}

/* What was noted is counted under every bound that it is below. */
static void buckets_count_what_was_as_quick_as_that(void **state)
{
    enum { MOST = 500 };
    struct random random = {.state = 11};
    klp_stats stats = KLP_STATS_INIT;

    (void)state;
    for (int round = 0; round < 200; round++) {
        klp_histogram queue = nothing_noted, total = nothing_noted;
        uint64_t values[MOST], sum_us = 0;
        size_t count = random_below(&random, MOST);
        for (size_t i = 0; i < count; i++) {
            values[i] = any_number(&random) >> 20;
            sum_us += values[i];
            histogram_note(&queue, values[i]);
        }
        histogram_note(&total, 1500000);
        struct metrics metrics = {.name = klp_cstr("p"), .stats = &stats, .queue = &queue, .total = &total};
        free(text_of(&metrics));
        size_t buckets = 0;
        for (size_t i = 0; i < check.sample_count; i++) {
            const struct om_sample *sample = &check.samples[i];
            const char *le = om_label(sample, "le");
            uint64_t bound_us = le && *le != '+' ? (uint64_t)(strtod(le, NULL) * 1e6 + 0.5) : UINT64_MAX;
            size_t below = 0;
            if (!le || strcmp(sample->family, FAMILY("push_queue_seconds")) != 0)
                continue;
            for (size_t value = 0; value < count; value++)
                below += values[value] < bound_us;
            assert_int_equal(strtoull(sample->number, NULL, 10), below);
            assert_true(bound_us == UINT64_MAX || (bound_us & (bound_us - 1)) == 0); /* a power of two */
            buckets++;
        }
        assert_int_equal(buckets, 31);
        char sum[32];
        snprintf(sum, sizeof sum, "%llu.%06llu", (unsigned long long)(sum_us / 1000000),
                 (unsigned long long)(sum_us % 1000000));
        assert_string_equal(om_number(&check, FAMILY("push_queue_seconds"), "_sum", NULL, NULL), sum);
        assert_string_equal(om_number(&check, FAMILY("push_verdict_seconds"), "_sum", NULL, NULL), "1.500000");
        assert_string_equal(om_number(&check, FAMILY("push_verdict_seconds"), "_bucket", "le", "2.097152"), "1");
        assert_string_equal(om_number(&check, FAMILY("push_verdict_seconds"), "_bucket", "le", "1.048576"), "0");
    }
}

static void whatever_the_numbers_it_is_an_exposition(void **state)
{
    struct random random = {.state = 3};

    (void)state;
    for (int round = 0; round < 200; round++) {
        klp_stats stats = KLP_STATS_INIT;
        klp_histogram queue = nothing_noted, total = nothing_noted;
        for (size_t field = 0; field < FIELDS; field++)
            set_field(&stats, field, any_number(&random));
        for (uint32_t left = random_below(&random, 2000); left > 0; left--)
            histogram_note(left % 2 ? &queue : &total, any_number(&random));
        struct metrics metrics = {.name = klp_cstr("p"), .stats = &stats, .queue = &queue, .total = &total};
        free(text_of(&metrics));
        assert_int_equal(strtoull(om_number(&check, FAMILY("push_queue_seconds"), "_count", NULL, NULL), NULL, 10),
                         queue.count);
    }
}

static void nothing_is_written_past_the_room(void **state)
{
    klp_stats stats = KLP_STATS_INIT;
    struct metrics metrics = metrics_of(&stats);
    size_t size = metrics_write(&metrics, NULL, 0);
    char *whole = text_of(&metrics);

    (void)state;
    for (size_t capacity = 0; capacity <= size + 2; capacity += capacity + 20 < size ? 17 : 1) {
        char *room = malloc(capacity + 1);
        assert_non_null(room);
        memset(room, '?', capacity + 1);
        assert_int_equal(metrics_write(&metrics, room, capacity), size);
        assert_int_equal(room[capacity], '?');
        if (capacity >= size)
            assert_memory_equal(room, whole, size);
        free(room);
    }
    free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exposition_reads_as_the_format_says),
        cmocka_unit_test(every_statistic_has_a_sample_of_its_own),
        cmocka_unit_test(statistics_are_told_under_their_names),
        cmocka_unit_test(one_state_of_the_gate_is_true),
        cmocka_unit_test(every_sample_has_the_pushers_name_escaped),
        cmocka_unit_test(buckets_count_what_was_as_quick_as_that),
        cmocka_unit_test(whatever_the_numbers_it_is_an_exposition),
        cmocka_unit_test(nothing_is_written_past_the_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
