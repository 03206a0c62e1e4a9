/* SPDX-License-Identifier: Apache-2.0
 * A new API key while calls are under way. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "key_rig.h"

static void a_new_key_is_used_for_the_next_attempt(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    key_add(rig, SECOND_KEY);
    rig_open(rig, &config);
    rig_push(rig, "a");
    take_applied(rig, 1);
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
    key_revoke(rig, SANDBOX_KEY);
    set_key(rig, SECOND_KEY);
    rig_push(rig, "b");
    take_applied(rig, 1);
    assert_int_equal(arrivals_refused(rig), 0);
    assert_int_equal(rig_stats(rig).api_key_generation, 2);
}

static void a_new_key_is_used_for_the_retries_of_calls_that_began_with_the_old_one(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_attempts = 2;
    config.backoff_initial_ms = 1500;
    config.jitter_permille = KLP_JITTER_NONE;
    key_add(rig, SECOND_KEY);
    rig_script(rig, 1, "{\"status\":503}");
    rig_open(rig, &config);
    rig_push(rig, "m");
    arrivals_await(rig, 1);
    key_revoke(rig, SANDBOX_KEY);
    set_key(rig, SECOND_KEY);
    take_applied(rig, 1);
    assert_int_equal(arrivals_refused(rig), 0);
}

static void attempts_under_way_go_on_with_the_old_key(void **state)
{
    enum { SLOW = 3 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    rig_script(rig, SLOW, "{\"delay_ms\":1500}"); /* the server has seen their keys by then */
    rig_open(rig, &config);
    rig_push_many(rig, 0, SLOW);
    await_decided(rig, SLOW);
    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    set_key(rig, SECOND_KEY);
    await_generation(rig, 2);
    assert_int_equal(rig_stats(rig).in_flight, SLOW);
    rig_push(rig, "next");
    for (int i = 0; i < SLOW + 1; i++) {
        const klp_event *event = take(rig);
        assert_int_equal(event->outcome, KLP_APPLIED);
        assert_int_equal(event->attempts, 1);
        rig_ack(rig, event);
    }
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), SLOW + 1);
    assert_int_equal(arrivals_refused(rig), 0);
}

/* Refused for a key that is no longer the one in use, they say nothing about the one that is. */
static void late_401s_of_the_old_key_only_send_the_calls_again(void **state)
{
    enum { SLOW = 8 };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig); /* one attempt a call, and a grace of a minute */

    rig_script(rig, SLOW, "{\"delay_ms\":1500,\"apply_late\":true}");
    rig_open(rig, &config);
    rig_push_many(rig, 0, SLOW - 1);
    assert_int_equal(rig->klp->ping(rig->pusher, 7, NULL, NULL), KLP_OK);
    arrivals_await(rig, SLOW);
    key_add(rig, SECOND_KEY);
    set_key(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    for (int i = 0; i < SLOW; i++) {
        const klp_event *event = take(rig);
        assert_true(event->ok);
        assert_int_equal(event->attempts, 2);
        assert_int_not_equal(rig_stats(rig).gate, KLP_GATE_KEY_REFUSED);
        rig_ack(rig, event);
    }
    assert_int_equal(arrivals(rig, ANY_ARRIVAL), 2 * SLOW);
    assert_int_equal(arrivals_refused(rig), SLOW);
    assert_false(has_line(KLP_LOG_ERROR, "refuses the API key"));
    assert_int_equal(rig_stats(rig).not_applied, 0);
}

static void they_take_no_attempt_from_the_call(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    config.max_attempts = 2;
    config.backoff_initial_ms = 10;
    rig_script(rig, 1, "{\"delay_ms\":1500,\"apply_late\":true}");
    rig_script(rig, 1, "{\"status\":503}");
    rig_open(rig, &config);
    rig_push(rig, "m");
    arrivals_await(rig, 1);
    key_add(rig, SECOND_KEY);
    set_key(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    const klp_event *event = take(rig);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->attempts, 3); /* the 401, the 503, and the one that did it */
    rig_ack(rig, event);
}

static void a_key_that_is_no_key_is_refused_and_never_shown(void **state)
{
    static const struct {
        klp_text key;
        const char *reason;
    } keys[] = {
        {KLP_TEXT_NONE, "is empty"},
        {KLP_LIT(""), "is empty"},
        {KLP_LIT("second.key-for tests-only"), "byte at 14"},
        {KLP_LIT(" second.key-for-tests-only"), "byte at 0"},
        {KLP_LIT("second.key-for-tests-only\n"), "byte at 25"},
        {KLP_LIT("second.key-for-tests-only\r\nX-Other: 1"), "byte at 25"},
        {KLP_LIT("second.key\0-for-tests-only"), "byte at 10"},
        {KLP_LIT("second.key-for-tests-only\0"), "byte at 25"},
        {KLP_LIT("second.key-for-t\xc3\xa9sts"), "byte at 16"},
        {KLP_LIT("second.key-for-tests-\x7f"), "byte at 21"},
        {{NULL, 25}, "no data"},
    };
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    char longest[KLP_MAX_KEY_BYTES + 1];
    klp_text_buffer why = {0};

    rig_open(rig, &config);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        why = (klp_text_buffer){0};
        assert_int_equal(rig->klp->set_api_key(rig->pusher, keys[i].key, &why), KLP_E_INVALID_ARGUMENT);
        assert_ptr_equal(strstr(why.data, "api_key"), why.data);
        if (!strstr(why.data, keys[i].reason))
            fail_msg("%zu: %s", i, why.data);
        assert_false(key_is_in(why.data));
        assert_int_equal(rig->klp->set_api_key(rig->pusher, keys[i].key, NULL), KLP_E_INVALID_ARGUMENT);
    }
    memset(longest, 'k', sizeof longest);
    klp_text key = {longest, sizeof longest};
    assert_int_equal(rig->klp->set_api_key(rig->pusher, key, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "more than 512"));
    assert_null(strstr(why.data, "kkk"));
    assert_int_equal(rig->klp->set_api_key(NULL, klp_cstr("k"), &why), KLP_E_INVALID_ARGUMENT);

    rig_push(rig, "m"); /* the old one stays */
    take_applied(rig, 1);
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
    key.size--;
    assert_int_equal(rig->klp->set_api_key(rig->pusher, key, &why), KLP_OK);
    assert_string_equal(why.data, "");
    await_generation(rig, 2);
}

static void the_same_key_again_is_no_new_one(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    key_add(rig, SECOND_KEY);
    rig_open(rig, &config);
    for (int i = 0; i < 3; i++) {
        set_key(rig, SANDBOX_KEY);
        rig_push_many(rig, i, i + 1);
        take_applied(rig, 1);
    }
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
    set_key(rig, SECOND_KEY);
    await_generation(rig, 2);
    set_key(rig, SECOND_KEY);
    set_key(rig, SANDBOX_KEY); /* one of before is a new one */
    await_generation(rig, 3);
    rig_push(rig, "m");
    take_applied(rig, 1);
    assert_int_equal(rig_stats(rig).api_key_generation, 3);
}

/* ─── Many at once ──────────────────────────────────────────────────────────────────────────────── */

enum { THREADS = 4, GIFTS = 200, PUSHES = 400 };

struct giver {
    struct rig *rig;
    unsigned number;
    bool has_failed;
};

/* Off the test's own thread nothing may assert. */
static void *give_keys(void *argument)
{
    static const char *const keys[] = {SANDBOX_KEY, SECOND_KEY, THIRD_KEY};
    struct giver *giver = argument;

    for (unsigned i = 0; i < GIFTS; i++) {
        klp_text key = klp_cstr(keys[(giver->number + i) % 3]);
        giver->has_failed |= giver->rig->klp->set_api_key(giver->rig->pusher, key, NULL) != KLP_OK;
        rig_blink();
    }
    return NULL;
}

static void many_threads_may_give_keys_while_pushes_go_out(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    struct giver givers[THREADS];
    pthread_t threads[THREADS];

    config.on_log = NULL; /* a line a key is not what is proved here */
    key_add(rig, SECOND_KEY);
    key_add(rig, THIRD_KEY);
    rig_script(rig, -1, "{\"delay_ms\":2}");
    rig_open(rig, &config);
    for (unsigned i = 0; i < THREADS; i++) {
        givers[i] = (struct giver){.rig = rig, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, give_keys, &givers[i]), 0);
    }
    rig_push_many(rig, 0, PUSHES);
    take_applied(rig, PUSHES);
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(givers[i].has_failed);
    }
    uint64_t generation = rig_stats(rig).api_key_generation;
    assert_in_range(generation, 2, 1 + THREADS * GIFTS);
    assert_int_equal(arrivals_refused(rig), 0);

    key_add(rig, SECOND_KEY); /* the last one that was given is the one in use */
    set_key(rig, THIRD_KEY);
    set_key(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    key_revoke(rig, THIRD_KEY);
    rig_push(rig, "last");
    take_applied(rig, 1);
    assert_int_equal(arrivals_refused(rig), 0);
}

static void a_key_may_come_after_stop_and_is_nobodys(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);

    rig_open(rig, &config);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    set_key(rig, SECOND_KEY);
    set_key(rig, THIRD_KEY);
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
}

/* ─── What the server says of it ────────────────────────────────────────────────────────────────── */

static void a_server_that_repeats_the_key_is_not_quoted(void **state)
{
    struct rig *rig = *state;
    klp_config config = key_rig_config(rig);
    const klp_event *event;

    rig_script(rig, 1,
               "{\"status\":403,\"code\":\"" SECOND_KEY "\",\"message\":\"not " SECOND_KEY "\","
               "\"details\":{\"Authorization\":\"Bearer " SECOND_KEY "\"},"
               "\"headers\":{\"x-request-id\":\"" SECOND_KEY "\"}}");
    rig_script(rig, 1, "{\"status\":503,\"headers\":{\"x-request-id\":\"of " SECOND_KEY "\"}}");
    rig_open(rig, &config);
    set_key(rig, SECOND_KEY);
    event = rig_push_and_take(rig, "m");
    assert_false(key_is_in(event->json.data));
    assert_false(key_is_in(event->error_code.data));
    assert_false(key_is_in(event->error_message.data));
    assert_false(key_is_in(event->error_details_json.data));
    assert_false(key_is_in(event->request_id.data));
    rig_ack(rig, event);
    event = rig_push_and_take(rig, "n");
    assert_false(key_is_in(event->json.data));
    rig_ack(rig, event); /* nor are the callbacks told: see the teardown */
}

#define test(name) cmocka_unit_test_setup_teardown(name, key_rig_setup, key_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_new_key_is_used_for_the_next_attempt),
        test(a_new_key_is_used_for_the_retries_of_calls_that_began_with_the_old_one),
        test(attempts_under_way_go_on_with_the_old_key),
        test(late_401s_of_the_old_key_only_send_the_calls_again),
        test(they_take_no_attempt_from_the_call),
        test(a_key_that_is_no_key_is_refused_and_never_shown),
        test(the_same_key_again_is_no_new_one),
        test(many_threads_may_give_keys_while_pushes_go_out),
        test(a_key_may_come_after_stop_and_is_nobodys),
        test(a_server_that_repeats_the_key_is_not_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
