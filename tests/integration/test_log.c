/* SPDX-License-Identifier: Apache-2.0
 * What on_log is told, how seldom, and what a callback may do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "calls.h"
#include "guest.h"
#include "recorder.h"

static void finish(struct rig *rig, struct recorder *recorder)
{
    rig_close(rig);
    if (recorder_fault(recorder))
        fail_msg("%s", recorder_fault(recorder));
    for (size_t i = 0; i < recorder_lines(recorder); i++) {
        const char *line = recorder_line(recorder, i)->text;
        assert_null(strstr(line, "for-tests-only"));
        assert_null(strstr(line, "hunter2"));
        assert_null(strstr(line, "alice"));
    }
    recorder_free(recorder);
}

/* The one line with this in it. */
static const struct seen_line *line_with(struct recorder *recorder, const char *part)
{
    const struct seen_line *found = NULL;

    for (size_t i = 0; i < recorder_lines(recorder); i++) {
        const struct seen_line *line = recorder_line(recorder, i);
        if (!strstr(line->text, part))
            continue;
        if (found)
            fail_msg("twice: %s", line->text);
        found = line;
    }
    if (!found)
        fail_msg("no line with \"%s\"", part);
    return found;
}

static void rig_config_dead(struct rig *rig, klp_config *config)
{
    static char url[64];

    *config = rig_config(rig);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config->base_url = klp_cstr(url);
    config->backoff_initial_ms = config->backoff_max_ms = 1; /* and so the pauses between probes */
    config->jitter_permille = KLP_JITTER_NONE;
}

/* ─── Lines ─────────────────────────────────────────────────────────────────────────────────────── */

static void opening_and_stopping_are_told_at_info(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);
    char line[128];

    config.name = klp_cstr("mm\n\"eu\"\r\x7f");
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(rig->klp->stop(rig->pusher, 1000), KLP_OK);
    assert_int_equal(recorder_lines(recorder), 2); /* before stop() returns; and nothing of what went well */
    snprintf(line, sizeof line, "mm \"eu\"  : open, to %s", sandbox_url(rig->sandbox));
    assert_string_equal(recorder_line(recorder, 0)->text, line);
    assert_int_equal(recorder_line(recorder, 0)->level, KLP_LOG_INFO);
    assert_string_equal(recorder_line(recorder, 1)->text, "mm \"eu\"  : stopped");
    assert_int_equal(recorder_line(recorder, 1)->level, KLP_LOG_INFO);
    finish(rig, recorder);
}

static void log_level_is_the_least_grave_that_is_told(void **state)
{
    struct rig *rig = *state;
    klp_config config;
    struct recorder *recorder;

    for (int32_t level = 0; level <= KLP_LOG_INFO; level++) { /* 0: the default, which is INFO */
        rig_config_dead(rig, &config);
        recorder = recorder_new(&config);
        config.log_level = level;
        rig_open(rig, &config);
        rig_ack(rig, rig_push_and_take(rig, "m"));
        assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
        assert_int_equal(recorder_lines_with(recorder, "open, to"), level == 0 || level == KLP_LOG_INFO);
        assert_int_equal(recorder_lines_with(recorder, "(curl 7)"), level != KLP_LOG_ERROR);
        assert_int_equal(recorder_lines_with(recorder, "not applied"), level != KLP_LOG_ERROR);
        for (size_t i = 0; i < recorder_lines(recorder); i++)
            assert_true(recorder_line(recorder, i)->level <= (level ? level : KLP_LOG_INFO));
        finish(rig, recorder);
    }
}

static void a_log_level_that_is_none_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_text_buffer why = {0};

    for (int32_t level = -1; level <= 4; level += 5) {
        config.log_level = level;
        assert_int_equal(rig->klp->open(&config, &rig->pusher, &why), KLP_E_INVALID_ARGUMENT);
        assert_non_null(strstr(why.data, "log_level"));
    }
}

static void hundreds_of_failures_cost_a_handful_of_lines_that_say_how_many_they_stand_for(void **state)
{
    enum { CALLS = 300 };
    struct rig *rig = *state;
    klp_config config;
    size_t failures = 0, held_back = 0;

    rig_config_dead(rig, &config);
    struct recorder *recorder = recorder_new(&config);
    rig_open(rig, &config);
    rig_push_many(rig, 0, CALLS);
    for (int i = 0; i < CALLS; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_NOT_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(recorder_attempts(recorder), CALLS);
    /* of a cause at once, after 1 s, after 5, after 21 */
    assert_in_range(recorder_lines(recorder), 4, 16);
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (held_back == 0 && rig_now_ms() < limit_ms) { /* a second later the next line says what was left out */
        rig_ack(rig, rig_push_and_take(rig, "one more"));
        for (size_t i = failures = 0; i < recorder_lines(recorder); i++) {
            const char *count = strstr(recorder_line(recorder, i)->text, "(and ");
            if (!strstr(recorder_line(recorder, i)->text, "(curl 7)"))
                continue;
            failures++;
            if (count)
                held_back = strtoul(count + 5, NULL, 10);
        }
        rig_blink();
    }
    assert_in_range(failures, 2, 4);
    assert_true(held_back > 0);
    assert_true(recorder_lines(recorder) <= 20);
    finish(rig, recorder);
}

static void each_change_of_the_gate_is_one_line(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct recorder *recorder = recorder_new(&config);

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    rig_script(rig, 1, "{\"delay_ms\":100}"); /* the probe: one answered at once is no state to be told of */
    rig_open(rig, &config);
    rig_push_many(rig, 0, 5);
    for (int i = 0; i < 5; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok);
        rig_ack(rig, event);
    }
    rig_ack(rig, rig_push_and_take(rig, "after"));
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    const struct seen_line *held = line_with(recorder, "the server asks for a pause (429)");
    assert_int_equal(held->level, KLP_LOG_WARNING);
    assert_non_null(strstr(held->text, "calls wait"));
    assert_int_equal(line_with(recorder, "one request at a time")->level, KLP_LOG_WARNING);
    assert_int_equal(line_with(recorder, "the server answers")->level, KLP_LOG_INFO);
    finish(rig, recorder);
}

static void a_server_that_goes_and_comes_is_told_of_once_each(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct recorder *recorder = recorder_new(&config);

    config.max_attempts = 40;
    config.backoff_initial_ms = config.backoff_max_ms = 5;
    config.max_in_flight = 1;
    rig_script(rig, 30, "{\"status\":503}");
    rig_open(rig, &config);
    rig_push_many(rig, 0, 3);
    for (int i = 0; i < 3; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok);
        rig_ack(rig, event);
    }
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    line_with(recorder, "one request at a time");
    line_with(recorder, "the server answers");
    assert_in_range(recorder_lines_with(recorder, "HTTP 503; it is tried again"), 1, 4);
    finish(rig, recorder);
}

static void a_refused_certificate_and_a_refused_key_are_errors(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct guest_certificates certificates;
    struct recorder *recorder = recorder_new(&config);

    guest_make_certificates(&certificates);
    struct sandbox_client *secure =
        sandbox_start((const char *[]){"--tls-cert", certificates.good, "--tls-key", certificates.good_key, NULL});
    config.base_url = klp_cstr(sandbox_url(secure));
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(line_with(recorder, "certificate")->level, KLP_LOG_ERROR);
    finish(rig, recorder);
    sandbox_stop(secure);
    guest_remove_certificates(&certificates);

    config = rig_config(rig);
    recorder = recorder_new(&config);
    config.api_key = klp_cstr("other.key-for-tests-only");
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(line_with(recorder, "refuses the API key")->level, KLP_LOG_ERROR);
    finish(rig, recorder);
}

/* finish() looks for them in every line. */
static void no_line_has_the_key_a_player_or_the_proxys_password(void **state)
{
    static const char *const actions[] = {
        "{\"status\":400,\"code\":\"" SANDBOX_KEY "\",\"message\":\"alice " SANDBOX_KEY "\",\"details\":{\"alice\":1}}",
        "{\"status\":503,\"code\":\"no\\nalso_" SANDBOX_KEY "\",\"message\":\"alice\"}",
        "{\"status\":400,\"body\":\"{\\\"error\\\":{\\\"code\\\":\\\"sandbox.key\\\\u002dfor-tests-only\\\"}}\"}",
        "{\"garbage\":\"alice " SANDBOX_KEY "\\r\\n\\r\\n\"}",
        "{\"garbage\":\"HTTP/1.1 alice " SANDBOX_KEY "\\r\\n\\r\\n\"}",
        "{\"status\":200,\"headers\":{\"Transfer-Encoding\":\"alice\"},\"body\":\"alice\"}",
        "{\"cut_body\":true}",
    };
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char proxy[64];

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) { /* afresh: a cause is soon not told any more */
        struct recorder *recorder = recorder_new(&config);
        print_message("  %zu\n", i);
        sandbox_reset(rig->sandbox);
        rig_script(rig, 1, actions[i]);
        rig_open(rig, &config);
        rig_ack(rig, rig_push_and_take(rig, "m"));
        assert_true(recorder_lines(recorder) >= 2);
        finish(rig, recorder);
    }
    snprintf(proxy, sizeof proxy, "http://user:hunter2@127.0.0.1:%u", rig_closed_port());
    config.proxy = klp_cstr(proxy);
    struct recorder *recorder = recorder_new(&config);
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(recorder_lines_with(recorder, "(curl "), 1);
    finish(rig, recorder);
    snprintf(proxy, sizeof proxy, "http://user:hunter2@no-such-proxy.invalid:1");
    recorder = recorder_new(&config);
    config.proxy = klp_cstr(proxy);
    config.flags = KLP_ALLOW_INSECURE;
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(recorder_lines_with(recorder, "(curl "), 1);
    finish(rig, recorder);
}

/* ─── In a callback ─────────────────────────────────────────────────────────────────────────────── */

struct inside {
    const klp_api *klp;
    _Atomic(klp_pusher *) pusher; /* NULL: not yet, or not any more */
    atomic_uint calls;
    atomic_uint faults; /* a bit each */
    atomic_uint pushes;
    klp_ticket pushed;
};

static void fault(struct inside *inside, bool is_right, unsigned bit)
{
    if (!is_right)
        atomic_fetch_or(&inside->faults, 1u << bit);
}

static void wait_inside(void *user)
{
    struct inside *inside = user;
    klp_pusher *pusher = atomic_load(&inside->pusher);
    const klp_event *event = (const klp_event *)(const void *)inside;

    if (!pusher)
        return;
    atomic_fetch_add(&inside->calls, 1);
    fault(inside, inside->klp->flush(pusher, 0) == KLP_E_NOT_AVAILABLE, 0);
    fault(inside, inside->klp->flush(pusher, KLP_WAIT_FOREVER) == KLP_E_NOT_AVAILABLE, 1);
    fault(inside, inside->klp->stop(pusher, 0) == KLP_E_NOT_AVAILABLE, 2);
    fault(inside, inside->klp->close(pusher) == KLP_E_NOT_AVAILABLE, 3);
    fault(inside, inside->klp->next_event(pusher, 1, &event) == KLP_E_NOT_AVAILABLE && !event, 4);
    fault(inside, inside->klp->next_event(pusher, KLP_WAIT_FOREVER, &event) == KLP_E_NOT_AVAILABLE, 5);
}

static void what_would_wait_in_a_callback_is_not_available_there(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct inside inside = {.klp = rig->klp};
    struct recorder *recorder = recorder_new(&config);

    recorder_also(recorder, wait_inside, &inside);
    rig_open(rig, &config);
    atomic_store(&inside.pusher, rig->pusher);
    rig_script(rig, 1, "{\"status\":503}");
    rig_ack(rig, rig_push_and_take(rig, "m"));
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(rig->klp->stop(rig->pusher, 5000), KLP_OK);
    assert_true(atomic_load(&inside.calls) >= 5); /* two attempts, two lines, and that it has stopped */
    assert_int_equal(atomic_load(&inside.faults), 0);
    finish(rig, recorder);
}

static void work_inside(void *user)
{
    struct inside *inside = user;
    klp_pusher *pusher = atomic_load(&inside->pusher);
    const klp_event *event = NULL;
    klp_stats stats = KLP_STATS_INIT;
    klp_histogram histogram = {.struct_size = sizeof histogram};
    klp_text_buffer why = {0};
    char key[32];
    size_t size = 0;

    if (!pusher || atomic_fetch_add(&inside->calls, 1) >= 20)
        return;
    snprintf(key, sizeof key, "inside-%u", atomic_fetch_add(&inside->pushes, 1));
    klp_lobby lobby = rig_lobby(key);
    fault(inside, inside->klp->push(pusher, &lobby, &inside->pushed, &why) == KLP_OK, 0);
    fault(inside, inside->klp->stats(pusher, &stats) == KLP_OK && stats.accepted > 0, 1);
    fault(inside, inside->klp->cancel(pusher, inside->pushed) == KLP_OK, 2);
    klp_status status = inside->klp->next_event(pusher, 0, &event);
    fault(inside, status == KLP_OK || status == KLP_E_TIMEOUT, 3);
    if (event)
        fault(inside, inside->klp->ack(pusher, event) == KLP_OK, 4);
    fault(inside, inside->klp->set_api_key(pusher, klp_cstr(SANDBOX_KEY), &why) == KLP_OK, 5);
    fault(inside, inside->klp->latencies(pusher, KLP_LATENCY_TOTAL, &histogram) == KLP_OK, 6);
    fault(inside, inside->klp->metrics(pusher, NULL, 0, &size) == KLP_E_INVALID_ARGUMENT && size > 0, 7);
    fault(inside, inside->klp->ping(pusher, 0, NULL, &why) == KLP_OK, 8);
}

static void what_does_not_wait_works_in_a_callback(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct inside inside = {.klp = rig->klp};
    struct recorder *recorder = recorder_new(&config);
    const klp_event *event;

    recorder_also(recorder, work_inside, &inside);
    rig_open(rig, &config);
    atomic_store(&inside.pusher, rig->pusher);
    rig_push(rig, "m");
    for (uint64_t limit_ms = rig_now_ms() + 10000; atomic_load(&inside.calls) < 20 && rig_now_ms() < limit_ms;)
        rig_blink();
    assert_true(atomic_load(&inside.calls) >= 20);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_int_equal(atomic_load(&inside.faults), 0);
    atomic_store(&inside.pusher, NULL);
    assert_int_equal(rig->klp->stop(rig->pusher, 5000), KLP_OK);
    while (rig->klp->next_event(rig->pusher, 0, &event) == KLP_OK)
        rig_ack(rig, event);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.accepted, 41); /* one, and twenty times a push and a ping */
    assert_int_equal(stats.events_acknowledged, 41);
    assert_int_equal(stats.queries_ok, 20);
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(stats.api_key_generation, 1); /* the same key is no new one */
    finish(rig, recorder);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(opening_and_stopping_are_told_at_info),
        test(log_level_is_the_least_grave_that_is_told),
        test(a_log_level_that_is_none_is_refused_by_name),
        test(hundreds_of_failures_cost_a_handful_of_lines_that_say_how_many_they_stand_for),
        test(each_change_of_the_gate_is_one_line),
        test(a_server_that_goes_and_comes_is_told_of_once_each),
        test(a_refused_certificate_and_a_refused_key_are_errors),
        test(no_line_has_the_key_a_player_or_the_proxys_password),
        test(what_would_wait_in_a_callback_is_not_available_there),
        test(what_does_not_wait_works_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
