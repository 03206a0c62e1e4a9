/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { EFFECT_WITHIN_MS = 10000 };

void fault_point_at(struct fault_bench *bench, const char *scheme, const char *host, unsigned port)
{
    snprintf(bench->url, sizeof bench->url, "%s://%s:%u", scheme, host, port);
    bench->config.base_url = klp_cstr(bench->url);
}

void fault_open_server(struct fault_bench *bench, const char *scheme, enum fault_manner manner,
                       const struct fault_reply *replies, size_t count)
{
    bench->server = fault_server_start(manner, replies, count);
    if (scheme)
        fault_point_at(bench, scheme, "127.0.0.1", fault_server_port(bench->server));
}

void fault_close_server(struct fault_bench *bench)
{
    fault_server_stop(bench->server);
    bench->server = NULL;
}

const klp_event *fault_push(struct fault_bench *bench)
{
    rig_open(bench->rig, &bench->config);
    rig_push_lobby(bench->rig, &bench->lobby);
    const klp_event *event = rig_take(bench->rig);
    fault_row_count(bench->row, event);
    return event;
}

/* ─── What the server did ───────────────────────────────────────────────────────────────────────── */

static size_t lobbies_of_the_key(struct rig *rig)
{
    json_t *lobbies = sandbox_lobbies(rig->sandbox), *lobby;
    size_t count = 0, i;

    json_array_foreach(lobbies, i, lobby)
    {
        count += strcmp(sandbox_text_at(lobby, "key"), FAULT_KEY) == 0;
    }
    json_decref(lobbies);
    return count;
}

void fault_assert_effect(struct fault_bench *bench, size_t lobbies, size_t arrivals)
{
    struct fault_row *row = bench->row;
    uint64_t limit_ms = rig_now_ms() + EFFECT_WITHIN_MS;

    do {
        rig_blink();
        row->arrivals = (size_t)sandbox_stat(bench->rig->sandbox, "requests");
        row->lobbies = lobbies_of_the_key(bench->rig);
    } while ((row->arrivals < arrivals || row->lobbies < lobbies) && rig_now_ms() < limit_ms);
    assert_int_equal(row->lobbies, lobbies);
    assert_int_equal(row->arrivals, arrivals);
}

void fault_assert_arrivals(struct fault_bench *bench, size_t arrivals)
{
    struct fault_row *row = bench->row;
    uint64_t limit_ms = rig_now_ms() + EFFECT_WITHIN_MS;

    do {
        rig_blink();
        row->arrivals = fault_server_arrivals(bench->server).requests;
    } while (row->arrivals < arrivals && rig_now_ms() < limit_ms);
    assert_int_equal(row->arrivals, arrivals);
}

double fault_time_ms(json_t *log, size_t i, const char *name)
{
    return json_number_value(json_object_get(json_array_get(log, i), name)) / 1000;
}

/* ─── What the host is told ─────────────────────────────────────────────────────────────────────── */

static int32_t origin_of(const char *code)
{
    static const char *const transport[] = {KLP_CODE_NETWORK_ERROR, KLP_CODE_TIMEOUT, KLP_CODE_TLS_ERROR,
                                            KLP_CODE_INVALID_RESPONSE};

    for (size_t i = 0; i < sizeof transport / sizeof *transport; i++)
        if (strcmp(code, transport[i]) == 0)
            return KLP_ORIGIN_TRANSPORT;
    return KLP_ORIGIN_SERVER;
}

static void assert_error(const klp_event *event, const struct fault_verdict *expected)
{
    assert_text(event->error_code, expected->code);
    assert_int_equal(event->error_origin, origin_of(expected->code));
    assert_true(event->error_message.size > 0);
    assert_int_equal(event->retryable, expected->attempts > 1); /* what is not tried again is not worth it later, too */
    assert_text(event->lobby_id, "");
}

static void assert_no_error(const klp_event *event)
{
    assert_text(event->error_code, "");
    assert_int_equal(event->error_origin, KLP_ORIGIN_NONE);
    assert_true(event->lobby_id.size > 0);
    assert_text(event->lobby_status, "active");
}

void fault_assert_verdict(const klp_event *event, const struct fault_verdict *expected)
{
    if (!event->ok)
        print_message("  %s: %s\n", event->error_code.data, event->error_message.data);
    assert_int_equal(event->outcome, expected->outcome);
    assert_int_equal(event->ok, expected->outcome == KLP_APPLIED);
    assert_int_equal(event->replayed, expected->replayed);
    assert_int_equal(event->http_status, expected->http_status);
    assert_int_equal(event->attempts, expected->attempts);
    assert_int_equal(event->sends, expected->sends);
    expected->code ? assert_error(event, expected) : assert_no_error(event);
    assert_null(strstr(event->json.data, SANDBOX_KEY));
}

/* ─── The tests ─────────────────────────────────────────────────────────────────────────────────── */

int fault_set_up(void **state)
{
    const struct fault_test *test = *state;
    struct fault_bench *bench = calloc(1, sizeof *bench);
    void *rig;

    if (!bench || rig_setup(&rig))
        return -1;
    bench->rig = rig;
    bench->row = fault_table_add(test->fault);
    bench->config = rig_config_retrying(rig);
    bench->config.backoff_initial_ms = 20;
    bench->config.attempt_timeout_ms = 8000;
    bench->lobby = rig_lobby(FAULT_KEY);
    bench->given = test->given;
    bench->prove = test->prove;
    *state = bench;
    return 0;
}

int fault_tear_down(void **state)
{
    struct fault_bench *bench = *state;
    void *rig = bench->rig;

    fault_close_server(bench);
    free(bench);
    return rig_teardown(&rig);
}

void fault_prove(void **state)
{
    struct fault_bench *bench = *state;
    bench->prove(bench);
}
