/* SPDX-License-Identifier: Apache-2.0
 * The stub's time: nothing is waited for, and a test says what passes. */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"
#include "rig.h"
#include "stub_rig.h"

#define SECOND_US UINT64_C(1000000)

static uint64_t elapsed_us(struct stub_rig *rig)
{
    uint64_t us = 0;
    assert_int_equal(rig->stub->elapsed_us(rig->pusher, &us), KLP_OK);
    return us;
}

/* ─── running ───────────────────────────────────────────────────────────────────────────────────── */

static void a_reply_that_takes_hours_is_there_at_once(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();
    uint64_t before_ms = rig_now_ms();

    config.attempt_timeout_ms = 3600000;
    config.deadline_ms = 4 * 3600000;
    stub_rig_open(rig, &config);
    stub_rig_script(rig, "[{\"action\": {\"delay_ms\": 3599000}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->elapsed_us, 3599001000);
    assert_true(rig_now_ms() - before_ms < patience_ms(60000));
}

static void retries_take_the_time_of_their_backoff(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"times\": 3, \"action\": {\"status\": 503}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 4);
    assert_int_equal(event->elapsed_us, (200 + 400 + 800 + 4) * 1000);
    uint64_t at_us[4];
    for (size_t i = 0; i < 4; i++) {
        klp_stub_request request = stub_rig_request(rig, i);
        assert_int_equal(request.attempt, i + 1);
        assert_int_equal(request.http_status, i < 3 ? 503 : 201);
        at_us[i] = request.at_us;
    }
    assert_int_equal(at_us[1] - at_us[0], 201 * 1000);
    assert_int_equal(at_us[2] - at_us[1], 401 * 1000);
    assert_int_equal(at_us[3] - at_us[2], 801 * 1000);
}

static void a_retry_after_is_waited_for_in_full(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"action\": {\"status\": 429, \"headers\": {\"Retry-After\": \"7\"}}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 2);
    assert_true(event->elapsed_us >= 7 * SECOND_US && event->elapsed_us < 9 * SECOND_US);
}

static void a_server_that_never_answers_runs_into_the_deadline(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"times\": -1, \"action\": {\"silent\": true}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_POSSIBLY_APPLIED, "timeout", 2);
    assert_int_equal(event->curl_code, 28);
    assert_true(event->elapsed_us > 29 * SECOND_US && event->elapsed_us <= 31 * SECOND_US);
    assert_int_equal(stub_rig_lobby_count(rig), 0);
}

static void time_stands_while_there_is_nothing_to_do(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_push(rig, "match-1");
    stub_rig_ack(rig, stub_rig_take(rig));
    uint64_t before_us = elapsed_us(rig);
    usleep(30000);
    assert_int_equal(elapsed_us(rig), before_us);
    stub_rig_advance(rig, 86400000);
    assert_int_equal(elapsed_us(rig), before_us + 86400 * SECOND_US);
}

static void time_that_runs_is_advanced_beside_calls_without_an_end(void **state)
{
    struct stub_rig *rig = *state;
    klp_await await = KLP_AWAIT_INIT;
    klp_ticket ticket;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "{\"events\": {\"quick_brawl\": {\"capacity\": 8, \"form_ms\": 31536000000}}}");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    await.lobby_id = event->lobby_id;
    await.poll_interval_ms = 10;
    await.timeout_ms = 86400000;
    assert_int_equal(rig->klp->await(rig->pusher, &await, &ticket, NULL), KLP_OK);
    stub_rig_ack(rig, event);
    uint64_t before_us = elapsed_us(rig);
    stub_rig_advance(rig, 5000);
    assert_true(elapsed_us(rig) >= before_us + 5 * SECOND_US);
    assert_null(stub_rig_take_now(rig));
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    assert_string_equal(stub_rig_take(rig)->error_code.data, "cancelled");
}

/* In place of libc's, for the library, too: whoever asks without waiting finds that the host has given a new API key,
 * or the next to do so is held up with his answer. */
static struct stub_rig *_Atomic nagged;
static atomic_bool is_to_be_held_up, is_held_up;

int poll(struct pollfd *polled, nfds_t count, int timeout_ms)
{
    static int (*_Atomic next)(struct pollfd *, nfds_t, int);
    int (*known)(struct pollfd *, nfds_t, int) = atomic_load(&next);

    if (!known) {
        void *symbol = dlsym(RTLD_NEXT, "poll");
        memcpy(&known, &symbol, sizeof known);
        atomic_store(&next, known);
    }
    struct stub_rig *rig = timeout_ms == 0 ? atomic_load(&nagged) : NULL;
    if (rig)
        rig->klp->set_api_key(rig->pusher, klp_cstr("stub.another"), NULL);
    int ready = known(polled, count, timeout_ms);
    if (timeout_ms == 0 && atomic_exchange(&is_to_be_held_up, false)) {
        atomic_store(&is_held_up, true);
        usleep(30000);
    }
    return ready;
}

static void a_host_that_never_pauses_does_not_have_time_stand(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"times\": 3, \"action\": {\"status\": 503}}]");
    atomic_store(&nagged, rig);
    stub_rig_push(rig, "match-1");
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 4);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    for (int i = 0; i < 20; i++) {
        stub_rig_push(rig, "match-1");
        stub_rig_advance(rig, 1);
        const klp_event *event = stub_rig_take_now(rig); /* what was pushed before an advance is of it */
        assert_event(event, KLP_APPLIED, "", 1);
        stub_rig_ack(rig, event);
    }
    atomic_store(&nagged, NULL);
}

/* ─── held ──────────────────────────────────────────────────────────────────────────────────────── */

static void held_time_passes_only_as_it_is_told_to(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open_held(rig, "[{\"times\": -1, \"action\": {\"silent\": true}}]");
    stub_rig_push(rig, "match-1");
    stub_rig_advance(rig, 0);
    assert_int_equal(stub_rig_request_count(rig), 1);
    stub_rig_advance(rig, 29000);
    assert_null(stub_rig_take_now(rig));
    assert_int_equal(elapsed_us(rig), 29 * SECOND_US);
    stub_rig_advance(rig, 1000);
    assert_event(stub_rig_take_now(rig), KLP_POSSIBLY_APPLIED, "timeout", 2);
    assert_int_equal(elapsed_us(rig), 30 * SECOND_US);
}

static void no_time_passes_before_what_was_pushed_is_seen(void **state)
{
    struct stub_rig *rig = *state;
    char key[24];

    for (int i = 0; i < 5; i++) {
        atomic_store(&is_held_up, false);
        atomic_store(&is_to_be_held_up, true);
        stub_rig_open(rig, NULL);
        while (!atomic_load(&is_held_up)) /* the worker has looked for something to do, and found nothing */
            sched_yield();
        assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
        for (int k = 0; k < 3; k++) {
            snprintf(key, sizeof key, "match-%d", k);
            stub_rig_push(rig, key);
        }
        stub_rig_advance(rig, 60000);
        for (int k = 0; k < 3; k++) {
            const klp_event *event = stub_rig_take_now(rig);
            assert_event(event, KLP_APPLIED, "", 1);
            assert_int_equal(event->elapsed_us, 1000);
        }
        assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
        rig->pusher = NULL;
    }
}

static void what_is_due_at_each_moment_is_done_at_it(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open_held(rig, "[{\"match\": {\"attempt\": 1}, \"times\": -1, \"action\": {\"status\": 503}},"
                            " {\"match\": {\"key\": \"late\"}, \"action\": {\"delay_ms\": 5000}}]");
    stub_rig_push(rig, "late");
    stub_rig_push(rig, "early");
    stub_rig_advance(rig, 60000);
    const klp_event *first = stub_rig_take_now(rig), *second = stub_rig_take_now(rig);
    assert_string_equal(first->key.data, "early");
    assert_int_equal(first->elapsed_us, 202000);
    assert_string_equal(second->key.data, "late");
    assert_int_equal(second->elapsed_us, 5202000);
    assert_null(stub_rig_take_now(rig));
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
};

/* Holds the worker up where it tells an attempt. */
static void wait_at_the_gate(void *user, const klp_attempt *attempt)
{
    struct gate *gate = user;

    (void)attempt;
    pthread_mutex_lock(&gate->lock);
    while (!gate->is_open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

struct advance {
    struct stub_rig *rig;
    uint64_t ms, until_us;
};

static void *advance_by(void *argument)
{
    struct advance *advance = argument;

    stub_rig_advance(advance->rig, advance->ms);
    advance->until_us = elapsed_us(advance->rig);
    return NULL;
}

static void a_shorter_advance_beside_a_longer_one_does_not_cut_it(void **state)
{
    struct stub_rig *rig = *state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    struct advance advances[] = {{rig, 1, 0}, {rig, 5000, 0}, {rig, 10, 0}};
    klp_config config = stub_rig_config();
    pthread_t threads[3];

    config.on_attempt = wait_at_the_gate;
    config.callback_user = &gate;
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    stub_rig_push(rig, "match-1");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, advance_by, &advances[i]), 0);
        usleep(20000); /* by then it has asked, or this proves less */
    }
    pthread_mutex_lock(&gate.lock);
    gate.is_open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_true(advances[1].until_us >= 5 * SECOND_US);
    assert_in_range(elapsed_us(rig), advances[1].until_us, 5 * SECOND_US + 11000); /* none of them twice */
    assert_event(stub_rig_take_now(rig), KLP_APPLIED, "", 1);
}

static void a_call_is_cancelled_before_and_while_it_is_on_the_wire(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();

    config.max_in_flight = 1;
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    klp_ticket on_the_wire = stub_rig_push(rig, "match-1"), waiting = stub_rig_push(rig, "match-2");
    stub_rig_advance(rig, 0);
    assert_int_equal(rig->klp->cancel(rig->pusher, waiting), KLP_OK);
    assert_int_equal(rig->klp->cancel(rig->pusher, on_the_wire), KLP_OK);
    stub_rig_advance(rig, 0);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = stub_rig_take_now(rig);
        assert_event(event, event->ticket == waiting ? KLP_NOT_APPLIED : KLP_POSSIBLY_APPLIED, "cancelled",
                     event->ticket == waiting ? 0 : 1);
    }
}

static void time_that_runs_again_makes_up_for_what_was_held(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open_held(rig, NULL);
    stub_rig_push(rig, "match-1");
    stub_rig_advance(rig, 0);
    assert_null(stub_rig_take_now(rig));
    assert_int_equal(rig->stub->run_time(rig->pusher), KLP_OK);
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);
    stub_rig_script(rig, "{\"time\": \"held\"}");
    stub_rig_push(rig, "match-2");
    stub_rig_advance(rig, 0);
    assert_null(stub_rig_take_now(rig));
}

static void stop_gives_held_calls_their_drain(void **state)
{
    struct stub_rig *rig = *state;
    const klp_event *event;

    stub_rig_open_held(rig, "[{\"match\": {\"key\": \"quick\"}, \"action\": {\"delay_ms\": 4000}},"
                            " {\"match\": {\"key\": \"slow\"}, \"action\": {\"delay_ms\": 9000}}]");
    stub_rig_push(rig, "quick");
    stub_rig_push(rig, "slow");
    assert_int_equal(rig->klp->stop(rig->pusher, 5000), KLP_OK);
    event = stub_rig_take(rig);
    assert_string_equal(event->key.data, "quick");
    assert_event(event, KLP_APPLIED, "", 1);
    event = stub_rig_take(rig);
    assert_event(event, KLP_POSSIBLY_APPLIED, "shutdown", 1);
    assert_int_equal(elapsed_us(rig), 5 * SECOND_US);
    assert_int_equal(rig->klp->next_event(rig->pusher, KLP_WAIT_FOREVER, &event), KLP_E_DRAINED);
    assert_int_equal(rig->stub->advance_ms(rig->pusher, 1), KLP_E_STOPPED);
}

static void a_host_waits_in_real_time(void **state)
{
    struct stub_rig *rig = *state;
    const klp_event *event;

    stub_rig_open_held(rig, NULL);
    stub_rig_push(rig, "match-1");
    uint64_t before_ms = rig_now_ms();
    assert_int_equal(rig->klp->next_event(rig->pusher, 50, &event), KLP_E_TIMEOUT);
    assert_int_equal(rig->klp->flush(rig->pusher, 50), KLP_E_TIMEOUT);
    assert_true(rig_now_ms() - before_ms >= 100);
    assert_int_equal(elapsed_us(rig), 0);
}

/* ─── the same again ────────────────────────────────────────────────────────────────────────────── */

/* Every event of a round of everything, as its JSON. */
static char *play(struct stub_rig *rig)
{
    static const char script[] =
        "[{\"match\": {\"nth\": [2, 3, 5, 7]}, \"action\": {\"status\": 503, \"delay_ms\": 20}},"
        " {\"match\": {\"key\": \"m-4\"}, \"times\": -1, \"action\": {\"reset_after\": true}},"
        " {\"match\": {\"ticket\": 6}, \"action\": {\"status\": 429, \"headers\": {\"Retry-After\": \"1\"}}},"
        " {\"match\": {\"key\": \"m-9\"}, \"action\": {\"outcome\": \"not_applied\", \"code\": \"event_disabled\"}}]";
    klp_config config = stub_rig_config();
    char key[16], *all = calloc(1, 65536);

    config.jitter_permille = 1000;
    assert_non_null(all);
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    stub_rig_script(rig, script);
    for (int i = 0; i < 12; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        stub_rig_push(rig, key);
    }
    stub_rig_advance(rig, 3600000);
    for (const klp_event *event; (event = stub_rig_take_now(rig)); stub_rig_ack(rig, event)) {
        assert_true(strlen(all) + event->json.size + 2 < 65536);
        strcat(strcat(all, event->json.data), "\n");
    }
    assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
    rig->pusher = NULL;
    return all;
}

static void the_same_script_makes_the_same_events(void **state)
{
    static char line[65536];
    const char *path = getenv("KLP_STUB_PLAY");
    struct stub_rig *rig = *state;

    char *ours = play(rig);
    if (path) { /* this is the other process */
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(ours, file);
        assert_int_equal(fclose(file), 0);
        free(ours);
        return;
    }
    assert_int_equal(process_count_lines(ours), 12);
    char name[] = "/tmp/stub-play-XXXXXX", command[600];
    int file = mkstemp(name);
    assert_true(file >= 0);
    const char *build = getenv("BUILD");
    snprintf(command, sizeof command, "KLP_STUB_PLAY=%s %s/tests/integration/test_stub_time >/dev/null 2>&1", name,
             build ? build : "build");
    assert_int_equal(system(command), 0);
    ssize_t size = read(file, line, sizeof line - 1);
    assert_true(size > 0);
    line[size] = '\0';
    close(file);
    unlink(name);
    assert_string_equal(ours, line);

    char *again = play(rig); /* a second pusher of this process has an epoch of its own */
    assert_string_not_equal(ours, again);
    free(ours);
    free(again);
}

static char *epoch_of(struct stub_rig *rig, klp_text name)
{
    struct stub_rig other = *rig;
    klp_config config = stub_rig_config();

    config.name = name;
    stub_rig_open(&other, &config);
    stub_rig_push(&other, "match-1");
    char *epoch = strdup(stub_rig_take(&other)->epoch.data);
    assert_int_equal(rig->klp->close(other.pusher), KLP_OK);
    return epoch;
}

static void pushers_are_the_same_in_whatever_order_they_are_opened(void **state)
{
    static char line[256];
    const char *path = getenv("KLP_STUB_EPOCHS");
    struct stub_rig *rig = *state;
    char name[] = "/tmp/stub-epochs-XXXXXX", command[600], ours[256];

    if (path) { /* this is the other process */
        char *south = epoch_of(rig, klp_cstr("south")), *north = epoch_of(rig, klp_cstr("north"));
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fprintf(file, "%s %s", north, south);
        assert_int_equal(fclose(file), 0);
        free(north);
        free(south);
        return;
    }
    char *north = epoch_of(rig, klp_cstr("north")), *south = epoch_of(rig, klp_cstr("south"));
    assert_string_not_equal(north, south);
    snprintf(ours, sizeof ours, "%s %s", north, south);
    free(north);
    free(south);
    int file = mkstemp(name);
    assert_true(file >= 0);
    const char *build = getenv("BUILD");
    snprintf(command, sizeof command, "KLP_STUB_EPOCHS=%s %s/tests/integration/test_stub_time >/dev/null 2>&1", name,
             build ? build : "build");
    assert_int_equal(system(command), 0);
    assert_true(read(file, line, sizeof line - 1) > 0);
    close(file);
    unlink(name);
    assert_string_equal(ours, line);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_rig_setup, stub_rig_teardown)

int main(void)
{
    const struct CMUnitTest again[] = {TEST(the_same_script_makes_the_same_events)};
    const struct CMUnitTest epochs[] = {TEST(pushers_are_the_same_in_whatever_order_they_are_opened)};
    const struct CMUnitTest tests[] = {
        TEST(the_same_script_makes_the_same_events), /* the first pusher of its process, as there */
        TEST(pushers_are_the_same_in_whatever_order_they_are_opened),
        TEST(a_reply_that_takes_hours_is_there_at_once),
        TEST(retries_take_the_time_of_their_backoff),
        TEST(a_retry_after_is_waited_for_in_full),
        TEST(a_server_that_never_answers_runs_into_the_deadline),
        TEST(time_stands_while_there_is_nothing_to_do),
        TEST(time_that_runs_is_advanced_beside_calls_without_an_end),
        TEST(a_host_that_never_pauses_does_not_have_time_stand),
        TEST(held_time_passes_only_as_it_is_told_to),
        TEST(no_time_passes_before_what_was_pushed_is_seen),
        TEST(what_is_due_at_each_moment_is_done_at_it),
        TEST(a_shorter_advance_beside_a_longer_one_does_not_cut_it),
        TEST(a_call_is_cancelled_before_and_while_it_is_on_the_wire),
        TEST(time_that_runs_again_makes_up_for_what_was_held),
        TEST(stop_gives_held_calls_their_drain),
        TEST(a_host_waits_in_real_time),
    };

    if (getenv("KLP_STUB_PLAY"))
        return cmocka_run_group_tests(again, NULL, NULL);
    if (getenv("KLP_STUB_EPOCHS"))
        return cmocka_run_group_tests(epochs, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
