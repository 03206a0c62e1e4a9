/* SPDX-License-Identifier: Apache-2.0
 * Calls that the host gives up, wherever they are by then. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

static void await_requests(struct rig *rig, int64_t count)
{
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (sandbox_stat(rig->sandbox, "requests") < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%lld requests did not arrive", (long long)count);
        rig_blink();
    }
}

static void what_was_never_sent_is_not_applied(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"delay_ms\":60000}");
    rig_open(rig, &config);
    klp_ticket slow = rig_push(rig, "slow");
    klp_ticket ticket = rig_push(rig, "given-up");
    await_requests(rig, 1);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    const klp_event *event = rig_take(rig); /* before the slow one */
    assert_int_equal(event->ticket, ticket);
    assert_true(klp_event_is_cancelled(event));
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->attempts, 0);
    assert_text(event->error_message, "it was cancelled before it was sent");
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).in_flight, 1); /* which goes on */
    assert_int_equal(rig->klp->cancel(rig->pusher, slow), KLP_OK);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig_stats(rig).queued + rig_stats(rig).in_flight, 0);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void what_is_on_the_wire_is_possibly_applied(void **state)
{
    struct rig *rig = *state;

    rig_script(rig, -1, "{\"delay_ms\":20000}");
    rig_open(rig, NULL);
    klp_ticket ticket = rig_push(rig, "m");
    await_requests(rig, 1);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_true(klp_event_is_cancelled(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 1);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).in_flight, 0);
}

static void what_waits_for_its_next_attempt_keeps_its_doubt(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.backoff_initial_ms = config.backoff_max_ms = 20000;
    rig_script(rig, 1, "{\"reset_after\":true}");
    rig_open(rig, &config);
    klp_ticket ticket = rig_push(rig, "m");
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (rig_stats(rig).attempts < 1 && rig_now_ms() < limit_ms)
        rig_blink();
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_true(klp_event_is_cancelled(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 1);
    rig_ack(rig, event);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void a_verdict_that_is_there_stays(void **state)
{
    struct rig *rig = *state;
    const klp_event *event;

    rig_open(rig, NULL);
    klp_ticket ticket = rig_push(rig, "m");
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    event = rig_take(rig);
    assert_true(event->ok);
    rig_ack(rig, event);
    assert_int_equal(rig->klp->next_event(rig->pusher, 200, &event), KLP_E_TIMEOUT); /* one verdict */
    assert_int_equal(rig->klp->cancel(rig->pusher, 0), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket + 1), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->cancel(NULL, ticket), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
}

/* The one request that asks whether the server is back is given up: the next one asks instead. */
static void a_probe_that_is_given_up_leaves_the_gate_to_the_next(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);

    config.max_in_flight = 2;
    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"probe\"},\"times\":-1,\"action\":{\"delay_ms\":20000}}");
    rig_open(rig, &config);
    klp_ticket probe = rig_push(rig, "probe");
    await_requests(rig, 2); /* refused, and sent again when the gate opened: now it is out, and all else waits */
    rig_push(rig, "next");
    assert_int_equal(rig->klp->cancel(rig->pusher, probe), KLP_OK);
    bool is_next_applied = false;
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        is_next_applied |= strcmp(event->key.data, "next") == 0 && event->outcome == KLP_APPLIED;
        rig_ack(rig, event);
    }
    assert_true(is_next_applied);
}

/* ─── Under load ────────────────────────────────────────────────────────────────────────────────── */

enum { PUSHES = 1000 };

struct canceller {
    struct rig *rig;
    atomic_bool is_done;
};

/* Any ticket, again and again, until all have their verdicts. */
static void *cancel_many(void *argument)
{
    struct canceller *canceller = argument;
    struct rig *rig = canceller->rig;
    unsigned seed = 5;

    while (!atomic_load(&canceller->is_done))
        if (rig->klp->cancel(rig->pusher, 1 + (klp_ticket)(rand_r(&seed) % PUSHES)))
            rig_blink(); /* asked too often */
    return NULL;
}

static void each_call_has_one_verdict_and_none_contradicts_the_server(void **state)
{
    struct rig *rig = *state;
    json_t *refused = json_object();
    struct canceller canceller = {.rig = rig};
    pthread_t thread;
    size_t cancelled = 0;
    static unsigned char seen[PUSHES + 1];

    memset(seen, 0, sizeof seen);
    rig_script(rig, -1, "{\"delay_ms\":5}"); /* so that there is time to change one's mind */
    rig_open(rig, NULL);
    rig_push_many(rig, 0, PUSHES);
    assert_int_equal(pthread_create(&thread, NULL, cancel_many, &canceller), 0);
    klp_status status = rig->klp->flush(rig->pusher, 60000);
    atomic_store(&canceller.is_done, true);
    pthread_join(thread, NULL);
    assert_int_equal(status, KLP_OK);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(seen[event->ticket]++, 0);
        cancelled += (size_t)klp_event_is_cancelled(event);
        if (event->outcome == KLP_NOT_APPLIED)
            json_object_set_new(refused, event->key.data, json_true());
        rig_ack(rig, event);
    }
    json_t *lobbies = sandbox_lobbies(rig->sandbox), *lobby;
    size_t i;
    json_array_foreach(lobbies, i, lobby)
    {
        assert_null(json_object_get(refused, sandbox_text_at(lobby, "key")));
    }
    assert_true(cancelled > 0);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.queued + stats.in_flight + stats.unread_events + stats.queued_bytes, 0);
    json_decref(lobbies);
    json_decref(refused);
}

static void close_takes_wishes_that_nobody_heard_with_it(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "m-%d", i);
        rig->klp->cancel(rig->pusher, rig_push(rig, key));
    }
    rig_close(rig);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_was_never_sent_is_not_applied),
        test(what_is_on_the_wire_is_possibly_applied),
        test(what_waits_for_its_next_attempt_keeps_its_doubt),
        test(a_verdict_that_is_there_stays),
        test(a_probe_that_is_given_up_leaves_the_gate_to_the_next),
        test(each_call_has_one_verdict_and_none_contradicts_the_server),
        test(close_takes_wishes_that_nobody_heard_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
