/* SPDX-License-Identifier: Apache-2.0
 * Waits for a lobby that end before it is there, with what they have seen of it; and how many there may be. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <unistd.h>

#include "awaits.h"

#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
enum { MANY = 1500 };
#else
enum { MANY = 5000 };
#endif

static void assert_timed_out(const klp_event *event, uint64_t timeout_ms)
{
    assert_failed(event, KLP_CODE_AWAIT_TIMEOUT, KLP_ORIGIN_LOCAL);
    assert_true(event->retryable);
    assert_in_range(event->elapsed_us, timeout_ms * 1000, (timeout_ms + STALL_MS) * 1000);
}

static void its_time_passes_and_it_tells_what_it_saw(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    klp_ticket ticket = watch(rig, id, 50, 2000);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_timed_out(event, 2000);
    assert_saw_forming(event);
    assert_true(event->attempts >= 2);
    assert_non_null(strstr(event->json.data, "\"forming\""));
    rig_ack(rig, event);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.queries_failed, 1);
    assert_int_equal(stats.awaiting + stats.queued + stats.in_flight + stats.queued_bytes + stats.reply_bytes, 0);
    free(id);
}

static void a_server_that_hangs_does_not_hold_it_beyond_its_time(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"read\",\"nth\":[3,4,5,6]},\"action\":{\"delay_ms\":60000}}");
    klp_ticket ticket = watch(rig, id, 20, 1500);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_timed_out(event, 1500);
    assert_saw_forming(event); /* the first two looks */
    rig_ack(rig, event);
    free(id);
}

static void a_server_that_is_gone_does_not_take_away_what_was_seen(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.backoff_initial_ms = config.backoff_max_ms = 50;
    rig_open(rig, &config);
    char *id = push_forming(rig, "m");
    klp_ticket ticket = watch(rig, id, 20, 1500);
    await_attempts(rig, 3);
    sandbox_quit(rig->sandbox);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_timed_out(event, 1500);
    assert_saw_forming(event);
    rig_ack(rig, event);
    sandbox_wait(rig->sandbox);
    rig->sandbox = sandbox_start(NULL); /* for the teardown */
    free(id);
}

static void a_server_that_never_answered_leaves_nothing_seen(void **state)
{
    struct rig *rig = *state;

    rig_script(rig, -1, "{\"status\":503}");
    rig_open(rig, NULL);
    klp_ticket ticket = watch(rig, "lob_1", 20, 600);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, "lob_1");
    assert_timed_out(event, 600);
    assert_int_equal(event->lobby_status.size + event->lobby_json.size, 0);
    assert_int_equal(event->capacity, 0);
    rig_ack(rig, event);
}

static void a_pause_of_the_server_does_not_hold_it_beyond_its_time(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"read\",\"nth\":[3]},\"action\":{\"status\":429,"
                                 "\"headers\":{\"Retry-After\":\"120\"}}}");
    watch(rig, id, 20, 2000);
    const klp_event *event = rig_take(rig);
    assert_timed_out(event, 2000);
    assert_saw_forming(event);
    rig_ack(rig, event);
    free(id);
}

static void a_look_that_is_refused_for_good_ends_it_with_what_it_saw(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"read\",\"nth\":[3]},\"action\":{\"status\":403,\"code\":"
                                 "\"forbidden\",\"message\":\"no longer yours\",\"details\":{\"a\":[1]}}}");
    klp_ticket ticket = watch(rig, id, 20, 5000);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_failed(event, KLP_CODE_FORBIDDEN, KLP_ORIGIN_SERVER);
    assert_text(event->error_message, "no longer yours");
    assert_text(event->error_details_json, "{\"a\":[1]}");
    assert_saw_forming(event);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).reply_bytes, 0);
    free(id);
}

static void cancel_tells_what_it_saw(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    klp_ticket ticket = watch(rig, id, 3600000, 60000);
    await_attempts(rig, 2);
    for (int on_the_wire = 0; on_the_wire < 2; on_the_wire++) {
        assert_int_equal(rig_stats(rig).awaiting, 1);
        assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
        const klp_event *event = rig_take(rig);
        assert_is_await(event, ticket, id);
        assert_failed(event, KLP_CODE_CANCELLED, KLP_ORIGIN_LOCAL);
        assert_saw_forming(event);
        assert_int_equal(event->attempts, 1 + on_the_wire);
        rig_ack(rig, event);
        assert_int_equal(rig_stats(rig).awaiting, 0);
        if (on_the_wire)
            break;
        sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"read\",\"nth\":[2]},\"action\":{\"delay_ms\":60000}}");
        ticket = watch(rig, id, 10, 60000);
        await_looks(rig, 3);
    }
    assert_int_equal(rig_stats(rig).in_flight, 0);
    free(id);
}

static void stop_ends_them_at_once_and_flush_does_not_wait_for_them(void **state)
{
    enum { AWAITS = 20 };
    struct rig *rig = *state;
    klp_ticket tickets[AWAITS];
    const klp_event *event;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    for (size_t i = 0; i < AWAITS; i++)
        tickets[i] = watch(rig, id, i % 2 ? 3600000 : 10, 600000);
    await_attempts(rig, AWAITS * 3);
    assert_int_equal(rig_stats(rig).awaiting, AWAITS);
    assert_int_equal(rig->klp->flush(rig->pusher, 60000), KLP_OK);
    assert_int_equal(rig_stats(rig).awaiting, AWAITS);
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"read\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    uint64_t before_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, 60000), KLP_OK);
    assert_in_range(rig_now_ms() - before_ms, 0, 5000);
    for (size_t i = 0; i < AWAITS; i++) {
        event = rig_take(rig);
        assert_in_range(event->ticket, tickets[0], tickets[AWAITS - 1]);
        assert_failed(event, KLP_CODE_SHUTDOWN, KLP_ORIGIN_LOCAL);
        assert_saw_forming(event);
        rig_ack(rig, event);
    }
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    free(id);
}

static void stop_drains_pushes_while_it_ends_awaits(void **state)
{
    struct rig *rig = *state;
    bool is_applied = false;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    watch(rig, id, 3600000, 600000);
    await_attempts(rig, 2);
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"action\":{\"delay_ms\":500}}");
    rig_push(rig, "last");
    assert_int_equal(rig->klp->stop(rig->pusher, 20000), KLP_OK);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        is_applied |= event->outcome == KLP_APPLIED;
        rig_ack(rig, event);
    }
    assert_true(is_applied);
    free(id);
}

static void what_it_has_seen_stays_within_max_reply_bytes(void **state)
{
    enum { AWAITS = 20 };
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    size_t kept = 0;

    config.max_reply_bytes = 1500; /* a few lobbies */
    rig_open(rig, &config);
    char *id = push_forming(rig, "m");
    for (size_t i = 0; i < AWAITS; i++)
        watch(rig, id, 50, 3000);
    for (size_t i = 0; i < AWAITS; i++) {
        const klp_event *event = rig_take(rig); /* none is acknowledged before all are there */
        assert_failed(event, KLP_CODE_AWAIT_TIMEOUT, KLP_ORIGIN_LOCAL);
        assert_string_equal(event->lobby_id.data, id);
        assert_int_equal(event->capacity, 1000);
        assert_int_equal(event->truncated, event->lobby_json.size == 0);
        assert_int_equal(event->truncated_bytes > 0, event->truncated);
        kept += event->lobby_json.size > 0;
        if (!event->truncated)
            assert_saw_forming(event);
    }
    assert_in_range(kept, 1, 7);
    assert_in_range(rig_stats(rig).reply_bytes, 1, 1500);
    assert_int_equal(rig_stats(rig).replies_left_out, AWAITS - kept);
    free(id);
}

static void with_no_room_at_all_the_verdict_is_told(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_reply_bytes = 1;
    rig_open(rig, &config);
    char *id = push_forming(rig, "m");
    klp_ticket ticket = watch(rig, id, 20, 2000);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_timed_out(event, 2000);
    assert_true(event->truncated);
    rig_ack(rig, event);
    sandbox_advance_clock(rig->sandbox, 120);
    watch(rig, id, 20, 20000);
    event = rig_take(rig);
    assert_true(event->ok);
    assert_true(event->truncated);
    assert_string_equal(event->lobby_id.data, id);
    assert_int_equal(event->filled_slots, 1000);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).reply_bytes, 0);
    free(id);
}

/* ─── Many ──────────────────────────────────────────────────────────────────────────────────────── */

static void thousands_of_awaits_do_not_starve_pushes(void **state)
{
    enum { PUSHES = 500, TIMEOUT_MS = 60000 };
    struct rig *rig = *state;
    size_t applied = 0, active = 0;
    klp_histogram latencies = {.struct_size = sizeof latencies};

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    for (size_t i = 0; i < MANY; i++)
        watch(rig, id, 1000, TIMEOUT_MS);
    await_attempts(rig, MANY + 1 + MANY / 2); /* they all have looked, and look again */
    assert_int_equal(rig_stats(rig).awaiting, MANY);
    rig_push_many(rig, 0, PUSHES);
    while (applied < PUSHES) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->op, KLP_OP_PUSH);
        assert_int_equal(event->outcome, KLP_APPLIED);
        applied++;
        rig_ack(rig, event);
    }
    uint64_t attempts = rig_stats(rig).attempts;
    assert_int_equal(rig->klp->latencies(rig->pusher, KLP_LATENCY_TOTAL, &latencies), KLP_OK);
    uint64_t p99_us = klp_histogram_quantile_us(&latencies, 990);
    print_message("  %d awaits: 99 %% of %d pushes took at most %.1f ms\n", MANY, PUSHES, (double)p99_us / 1000);
    assert_true(p99_us < patience_ms(5000) * UINT64_C(1000));
    await_attempts(rig, attempts + MANY / 2); /* and go on */
    sandbox_advance_clock(rig->sandbox, 120);
    for (size_t i = 0; i < MANY; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->op, KLP_OP_AWAIT);
        active += event->ok != 0;
        assert_true(event->ok || klp_event_is_await_timeout(event));
        rig_ack(rig, event);
    }
    assert_true(active > 0);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.awaiting + stats.queued + stats.in_flight + stats.unread_events, 0);
    assert_int_equal(stats.queued_bytes + stats.reply_bytes, 0);
    free(id);
}

/* ─── Over the result socket ────────────────────────────────────────────────────────────────────── */

static void its_event_comes_through_the_result_socket(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char folder[] = "/tmp/klp-await-XXXXXX", url[64], *message = NULL;
    int limit_ms = 20000, verdicts = 0;

    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/results", folder);
    int socket = nn_socket(AF_SP, NN_REP);
    assert_true(socket >= 0);
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &limit_ms, sizeof limit_ms);
    assert_true(nn_bind(socket, url) >= 0);
    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    rig_close(rig);
    config.results_url = klp_cstr(url);
    rig_open(rig, &config);
    klp_ticket timing_out = watch(rig, id, 20, 2000);
    while (verdicts < 2) {
        int size = nn_recv(socket, &message, NN_MSG, 0);
        if (size <= 0)
            fail_msg("no message: %s", nn_strerror(nn_errno()));
        klp_text_buffer why = {0};
        klp_event *event;
        if (rig->klp->decode_event(message, (size_t)size, &event, &why)) /* one line */
            fail_msg("decode_event: %s", why.data);
        assert_int_equal(event->op, KLP_OP_AWAIT);
        assert_text(event->pusher, "rig");
        assert_int_equal(event->cookie, 77);
        assert_string_equal(event->lobby_id.data, id);
        if (verdicts++ == 0) {
            assert_is_await(event, timing_out, id);
            assert_timed_out(event, 2000);
            assert_saw_forming(event);
            sandbox_advance_clock(rig->sandbox, 120);
            watch(rig, id, 20, 20000);
        } else {
            assert_true(event->ok);
            assert_text(event->lobby_status, "active");
            assert_int_equal(event->filled_slots, 1000);
            assert_non_null(strstr(event->lobby_json.data, "\"active\""));
        }
        rig->klp->free_event(event);
        nn_freemsg(message);
        assert_int_equal(nn_send(socket, "ok", 2, 0), 2);
    }
    assert_int_equal(rig->klp->stop(rig->pusher, 20000), KLP_OK);
    rig_close(rig);
    nn_close(socket);
    snprintf(url, sizeof url, "%s/results", folder);
    unlink(url);
    rmdir(folder);
    free(id);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(its_time_passes_and_it_tells_what_it_saw),
        test(a_server_that_hangs_does_not_hold_it_beyond_its_time),
        test(a_server_that_is_gone_does_not_take_away_what_was_seen),
        test(a_server_that_never_answered_leaves_nothing_seen),
        test(a_pause_of_the_server_does_not_hold_it_beyond_its_time),
        test(a_look_that_is_refused_for_good_ends_it_with_what_it_saw),
        test(cancel_tells_what_it_saw),
        test(stop_ends_them_at_once_and_flush_does_not_wait_for_them),
        test(stop_drains_pushes_while_it_ends_awaits),
        test(what_it_has_seen_stays_within_max_reply_bytes),
        test(with_no_room_at_all_the_verdict_is_told),
        test(thousands_of_awaits_do_not_starve_pushes),
        test(its_event_comes_through_the_result_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
