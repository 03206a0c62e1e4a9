/* SPDX-License-Identifier: Apache-2.0
 * KLP_PUSH_DURABLE, and what is the default with an outbox: attempts, deadlines, figures. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "calls.h"
#include "outbox_rig.h"
#include "recorder.h"
#include "rosters.h"

#define HANG "{\"delay_ms\":60000}"

static klp_status push_durable(struct rig *rig, const char *key, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_lobby lobby = rig_lobby(key);
    lobby.flags = KLP_PUSH_DURABLE;
    return rig->klp->push(rig->pusher, &lobby, ticket, why);
}

/* ---- KLP_PUSH_DURABLE ---- */

static void a_durable_push_is_written_down_when_it_returns(void **state)
{
    enum { PUSHES = 30 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_ticket ticket = 0;
    char key[32];

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    for (int i = 0; i < PUSHES; i++) {
        snprintf(key, sizeof key, "durable-%d", i);
        klp_text_buffer why = {0};
        assert_int_equal(push_durable(rig, key, &ticket, &why), KLP_OK);
        assert_string_equal(why.data, "");
        assert_int_not_equal(ticket, 0);
        assert_true(outbox_contains(outbox, key));
        assert_int_equal(rig_stats(rig).journaled, i + 1);
    }
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    outbox_open(outbox);
    assert_int_equal(rig_stats(rig).recovered, PUSHES);
    for (int i = 0; i < PUSHES; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        rig_ack(rig, event);
    }
    assert_int_equal(sandbox_lobby_count(rig->sandbox), PUSHES);
}

/* Those that join another, and that wait in its line, as well. */
static void durable_pushes_of_one_key_are_written_down_too(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    for (int i = 0; i < 6; i++) {
        klp_lobby lobby = rig_lobby("m");
        lobby.flags = KLP_PUSH_DURABLE;
        lobby.player_count = i < 3 ? 2 : 1;
        lobby.deadline_ms = i % 3 == 1 ? 3600000 : 1800000;
        assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    }
    assert_int_equal(rig_stats(rig).journaled, 6);
    assert_int_equal(rig_stats(rig).joined, 4);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig_stats(rig).recovered, 6);
}

static void a_durable_call_is_written_down_when_it_returns(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "games/game_1/things", "{\"what\":\"durable-call\"}");

    call.flags = KLP_PUSH_DURABLE;
    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    rig_call(rig, &call);
    assert_true(outbox_contains(outbox, "durable-call"));
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_true(event->recovered);
    rig_ack(rig, event);
}

struct pushing {
    struct rig *rig;
    int number, failures;
};

enum { THREADS = 6, EACH = 40 };

static void *push_each(void *argument)
{
    struct pushing *pushing = argument;
    char key[32];

    for (int i = 0; i < EACH; i++) {
        klp_ticket ticket = 0;
        snprintf(key, sizeof key, "thread-%d-%d", pushing->number, i);
        pushing->failures += push_durable(pushing->rig, key, &ticket, NULL) != KLP_OK || ticket == 0;
    }
    return NULL;
}

static void several_threads_push_durably_at_once(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct pushing pushings[THREADS];
    pthread_t threads[THREADS];

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    for (int i = 0; i < THREADS; i++) {
        pushings[i] = (struct pushing){.rig = rig, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, push_each, &pushings[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(pushings[i].failures, 0);
    }
    assert_int_equal(rig_stats(rig).journaled, THREADS * EACH);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig_stats(rig).recovered, THREADS * EACH);
}

static void durable_needs_an_outbox(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "games/game_1/things", "{}");

    rig_open(rig, NULL);
    assert_int_equal(push_durable(rig, "m", &ticket, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "outbox_dir"));
    assert_int_equal(ticket, 0);
    call.flags = KLP_PUSH_DURABLE;
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "outbox_dir"));
    assert_int_equal(rig_stats(rig).accepted, 0);
    assert_int_equal(rig_stats(rig).degraded, 0); /* nobody asked for one */
}

static void other_flags_are_still_refused(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_text_buffer why = {0};
    klp_lobby lobby = rig_lobby("m");
    struct call_room room;
    klp_call call = call_of(&room, "GET", "games", NULL);
    klp_await await = KLP_AWAIT_INIT;

    outbox_open(outbox);
    lobby.flags = KLP_PUSH_DURABLE | 2;
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "flags"));
    call.flags = KLP_PUSH_DURABLE;
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "flags"));
    call = call_of(&room, "POST", "games", NULL);
    call.flags = 4;
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "flags"));
    await.lobby_id = klp_cstr("lob_1");
    await.flags = KLP_PUSH_DURABLE;
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig_stats(rig).accepted, 0);
}

struct from_callback {
    struct rig *rig;
    klp_status durable, plain;
    bool is_done;
};

static void push_from_callback(void *user, const klp_attempt *attempt)
{
    struct from_callback *from = user;

    (void)attempt;
    if (!from->is_done) {
        klp_lobby lobby = rig_lobby("plain");
        from->durable = push_durable(from->rig, "durable", NULL, NULL);
        from->plain = from->rig->klp->push(from->rig->pusher, &lobby, NULL, NULL);
    }
    from->is_done = true;
}

static void a_durable_push_from_a_callback_is_refused(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct from_callback from = {.rig = rig};
    klp_config config = outbox_config(outbox);

    config.on_attempt = push_from_callback;
    config.callback_user = &from;
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    rig_ack(rig, rig_take(rig)); /* the plain one's */
    assert_int_equal(from.durable, KLP_E_NOT_AVAILABLE);
    assert_int_equal(from.plain, KLP_OK);
    assert_int_equal(rig_stats(rig).accepted, 2);
    rig_close(rig);
}

static void a_durable_push_after_stop_is_refused_at_once(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(push_durable(rig, "m", NULL, NULL), KLP_E_STOPPED);
}

/* A host's callback that takes its time is in the worker's way. */
struct held_up {
    sem_t may_go_on;
    bool was_held;
};

static void hold_up(void *user, const klp_attempt *attempt)
{
    struct held_up *held = user;

    (void)attempt;
    if (!held->was_held)
        sem_wait(&held->may_go_on);
    held->was_held = true;
}

static void a_durable_push_waits_for_so_long_and_goes_its_way(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    struct held_up held = {.was_held = false};
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    sem_init(&held.may_go_on, 0, 0);
    config.on_attempt = hold_up;
    config.callback_user = &held;
    config.durable_timeout_ms = 200;
    rig_open(rig, &config);
    rig_push(rig, "first");
    await_arrivals(rig, "first", 1);
    uint64_t start_ms = rig_now_ms();
    klp_status status;
    do { /* the first ones may yet come before the worker is held up */
        ticket = 0;
        status = push_durable(rig, "durable", &ticket, &why);
    } while (status == KLP_OK);
    assert_int_equal(status, KLP_E_TIMEOUT);
    assert_int_not_equal(ticket, 0);
    assert_non_null(strstr(why.data, "200 ms"));
    assert_in_range(rig_now_ms() - start_ms, 200, patience_ms(5000));
    sem_post(&held.may_go_on);
    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.applied, stats.accepted);
    for (uint64_t i = 0; i < stats.accepted; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        ticket -= event->ticket == ticket ? ticket : 0;
        rig_ack(rig, event);
    }
    assert_int_equal(ticket, 0); /* its verdict was among them */
    rig_close(rig);
    sem_destroy(&held.may_go_on);
}

static void *stop_it(void *argument)
{
    struct rig *rig = argument;
    rig->klp->stop(rig->pusher, 0);
    return NULL;
}

/* It is written down, or it was not accepted: but nobody waits for a worker that is no more. */
static void durable_pushes_and_stop_at_once_lose_nothing(void **state)
{
    enum { ROUNDS = 20 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);

    config.durable_timeout_ms = 600000;
    rig_script(rig, -1, HANG);
    uint64_t left = 0;
    for (int i = 0; i < ROUNDS; i++) {
        char key[32];
        pthread_t stopper;
        klp_status status = KLP_OK;
        uint64_t accepted = 0;
        rig_open(rig, &config);
        assert_int_equal(rig_stats(rig).recovered, left);
        assert_int_equal(pthread_create(&stopper, NULL, stop_it, rig), 0);
        while (!status) {
            snprintf(key, sizeof key, "m-%d-%d", i, (int)accepted);
            status = push_durable(rig, key, NULL, NULL);
            accepted += status == KLP_OK;
        }
        assert_int_equal(status, KLP_E_STOPPED);
        pthread_join(stopper, NULL);
        rig_close(rig);
        left += accepted;
    }
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).recovered, left);
}

/* ---- defaults ---- */

static void attempts_are_without_bound(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    rig_script(rig, 6, "{\"status\":503}");
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_applied(event);
    assert_int_equal(event->attempts, 7);
    assert_int_equal(outbox_same_bodies(outbox, "m"), 7);
    rig_ack(rig, event);
}

static void max_attempts_still_holds_when_it_is_given(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);

    config.max_attempts = 2;
    rig_open(rig, &config);
    rig_script(rig, -1, "{\"status\":503}");
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_false(event->ok);
    assert_int_equal(event->attempts, 2);
    rig_ack(rig, event);
}

/* What an earlier process has tried counts. */
static void max_attempts_counts_over_a_restart(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);

    config.max_attempts = 4;
    config.backoff_initial_ms = config.backoff_max_ms = 3600000;
    rig_open(rig, &config);
    rig_script(rig, -1, "{\"status\":503}");
    rig_push(rig, "m");
    outbox_await(rig_stats(rig).attempts == 1);
    for (int i = 0; i < 2; i++) {
        outbox_restart(outbox, &config);
        outbox_await(rig_stats(rig).attempts == 1);
    }
    outbox_restart(outbox, &config);
    const klp_event *event = rig_take(rig);
    assert_false(event->ok);
    assert_int_equal(event->attempts, 4);
    assert_int_equal(event->http_status, 503);
    assert_int_equal(arrival_count(rig, "m"), 4);
    rig_ack(rig, event);
}

/* Two hours: a wait of 1 h 59 min is begun, one of two hours is not. Without an outbox neither is. */
static void a_call_has_two_hours(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    struct recorder *recorder = recorder_new(&config);

    rig_open(rig, &config);
    rig_script(rig, 1, "{\"status\":503,\"headers\":{\"Retry-After\":\"7100\"}}");
    rig_push(rig, "m-1");
    assert_true(recorder_attempt(recorder, 0)->attempt.retry_in_ms >= 7100000);
    rig_close(rig);
    recorder_free(recorder);

    config = outbox_config(outbox);
    config.name = klp_cstr("second");
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    recorder = recorder_new(&config);
    rig_open(rig, &config);
    rig_script(rig, 1, "{\"status\":503,\"headers\":{\"Retry-After\":\"7300\"}}");
    rig_ack(rig, rig_push_and_take(rig, "m-2"));
    assert_int_equal(recorder_attempt(recorder, 0)->attempt.retry_in_ms, -1);
    rig_close(rig);
    recorder_free(recorder);
}

/* ---- deadlines over a restart ---- */

static void pause_ms(uint64_t ms)
{
    for (uint64_t end_ms = rig_now_ms() + ms; rig_now_ms() < end_ms;)
        rig_blink();
}

/* One that passed meanwhile has a minute, or all of its time where that is less: then it ends. */
static void a_short_deadline_that_passed_while_closed_gives_one_more_try(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    push_roster(rig, roster("m-1", "alice", 1, .deadline_ms = 800));
    outbox_close(outbox);
    pause_ms(1200);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    assert_applied(verdict_of(&verdicts, 1));
    end_verdicts(&verdicts);
}

static void a_deadline_given_to_a_push_holds_over_a_restart(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    push_roster(rig, roster("m-1", "alice", 1, .deadline_ms = 1500));
    outbox_close(outbox);
    uint64_t start_ms = rig_now_ms();
    outbox_open(outbox);
    const klp_event *event = verdict_of(&verdicts, 1);
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    assert_in_range(rig_now_ms() - start_ms, 0, patience_ms(5000)); /* not in two hours */
    assert_true(event->elapsed_us >= 1000000);
    end_verdicts(&verdicts);
}

/* ---- figures ---- */

static void figures_of_the_outbox_are_told(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "games/game_1/things", "{}");
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    rig_push_many(rig, 0, 5);
    rig_push(rig, "m-0"); /* joins */
    rig_call(rig, &call);
    assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 0, NULL, NULL), KLP_OK);
    outbox_await(rig_stats(rig).journaled == 7); /* all but the read */
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.recovered, 0);
    assert_int_equal(stats.adopted, 0);
    assert_int_equal(stats.set_aside, 0);
    assert_int_equal(stats.degraded, 0);
    assert_true(stats.outbox_bytes > 0);
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    outbox_open(outbox);
    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    stats = rig_stats(rig);
    assert_int_equal(stats.recovered, 7);
    assert_int_equal(stats.accepted, 0);
    assert_int_equal(stats.applied, 6);
    assert_int_equal(stats.calls_ok, 1);
    assert_int_equal(stats.journaled, 0); /* by an earlier process */
    assert_int_equal(stats.unread_events, 7);
    assert_int_equal(stats.queued + stats.in_flight, 0);
    assert_int_equal(stats.oldest_push_age_ms, 0);
    assert_true(stats.outbox_bytes > 0);
}

static void the_age_of_a_push_is_counted_from_when_it_was_accepted(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    rig_push(rig, "m");
    outbox_close(outbox);
    pause_ms(1500);
    outbox_open(outbox);
    assert_in_range(rig_stats(rig).oldest_push_age_ms, 1400, patience_ms(60000));
}

/* Neither the API key nor the header it goes in; of a push what the server is sent, and whose ticket it is. */
static void the_api_key_is_in_no_file(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    rig_ack(rig, rig_push_and_take(rig, "told"));
    (void)rig_push_and_take(rig, "not-acknowledged");
    rig_script(rig, 1, "{\"status\":401,\"code\":\"session_invalid\",\"message\":\"" SANDBOX_KEY " is refused\"}");
    (void)rig_push_and_take(rig, "refused");
    rig_script(rig, -1, HANG);
    rig_push(rig, "under-way");
    outbox_await(rig_stats(rig).journaled == 4);
    for (int i = 0; i < 2; i++) {
        assert_true(outbox_contains(outbox, "under-way"));
        assert_true(outbox_contains(outbox, "externalPlayerIds"));
        assert_false(outbox_contains(outbox, SANDBOX_KEY));
        assert_false(outbox_contains(outbox, strchr(SANDBOX_KEY, '.') + 1)); /* the secret part alone */
        assert_false(outbox_contains(outbox, "Bearer"));
        assert_false(outbox_contains(outbox, "Authorization"));
        if (i == 0)
            outbox_close(outbox);
    }
    /* a verdict that was acknowledged leaves nothing behind once the file is closed */
    assert_false(outbox_contains(outbox, "\"told\""));
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_durable_push_is_written_down_when_it_returns),
        test(durable_pushes_of_one_key_are_written_down_too),
        test(a_durable_call_is_written_down_when_it_returns),
        test(several_threads_push_durably_at_once),
        test(durable_needs_an_outbox),
        test(other_flags_are_still_refused),
        test(a_durable_push_from_a_callback_is_refused),
        test(a_durable_push_after_stop_is_refused_at_once),
        test(a_durable_push_waits_for_so_long_and_goes_its_way),
        test(durable_pushes_and_stop_at_once_lose_nothing),
        test(attempts_are_without_bound),
        test(max_attempts_still_holds_when_it_is_given),
        test(max_attempts_counts_over_a_restart),
        test(a_call_has_two_hours),
        test(a_short_deadline_that_passed_while_closed_gives_one_more_try),
        test(a_deadline_given_to_a_push_holds_over_a_restart),
        test(figures_of_the_outbox_are_told),
        test(the_age_of_a_push_is_counted_from_when_it_was_accepted),
        test(the_api_key_is_in_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
