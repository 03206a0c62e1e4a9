/* SPDX-License-Identifier: Apache-2.0
 * Results in the process: next_event, ack, event_fd, flush, stop; and the bounds of what a pusher holds. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

static void delay_every_push(struct rig *rig, unsigned ms)
{
    char rule[128];
    snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"any\"},\"times\":-1,\"action\":{\"delay_ms\":%u}}", ms);
    sandbox_script(rig->sandbox, rule);
}

static void next_event_waits_as_long_as_it_is_told(void **state)
{
    struct rig *rig = *state;
    const klp_event *event = (const klp_event *)rig;

    rig_open(rig, NULL);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    assert_null(event);
    uint64_t start_ms = rig_now_ms();
    assert_int_equal(rig->klp->next_event(rig->pusher, 50, &event), KLP_E_TIMEOUT);
    assert_true(rig_now_ms() - start_ms >= 49);
    rig_push(rig, "m");
    assert_int_equal(rig->klp->next_event(rig->pusher, KLP_WAIT_FOREVER, &event), KLP_OK);
    rig_ack(rig, event);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
}

static bool is_readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void event_fd_is_readable_just_while_there_is_something_to_say(void **state)
{
    struct rig *rig = *state;
    const klp_event *event;
    int fd = -1;

    rig_open(rig, NULL);
    assert_int_equal(rig->klp->event_fd(rig->pusher, &fd), KLP_OK);
    assert_false(is_readable(fd));
    rig_push_many(rig, 0, 3);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    for (int i = 0; i < 3; i++) {
        assert_true(is_readable(fd));
        rig_ack(rig, rig_take(rig));
    }
    assert_false(is_readable(fd));
    rig_push(rig, "one-more");
    assert_int_equal(poll(&poll_fd, 1, 10000), 1);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_OK);
    assert_false(is_readable(fd)); /* taken, though not acknowledged */

    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_true(is_readable(fd)); /* KLP_E_DRAINED */
    rig_ack(rig, event);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    assert_true(is_readable(fd));
}

static void an_event_is_acknowledged_once_and_in_any_order(void **state)
{
    enum { EVENTS = 9 };
    static const int order[EVENTS] = {4, 0, 8, 1, 7, 3, 5, 2, 6};
    struct rig *rig = *state;
    const klp_event *events[EVENTS];

    rig_open(rig, NULL);
    rig_push_many(rig, 0, EVENTS);
    for (int i = 0; i < EVENTS; i++)
        events[i] = rig_take(rig);
    assert_int_equal(rig_stats(rig).unread_events, EVENTS);
    for (int i = 0; i < EVENTS; i++) {
        rig_ack(rig, events[order[i]]);
        assert_int_equal(rig->klp->ack(rig->pusher, events[order[i]]), KLP_E_INVALID_ARGUMENT);
    }
    assert_int_equal(rig_stats(rig).unread_events, 0);
    assert_int_equal(rig_stats(rig).events_acknowledged, EVENTS);
}

static void what_is_accepted_is_bounded_by_count(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby lobby = rig_lobby("too-many");
    klp_text_buffer why = {0};

    config.max_queued = 10;
    delay_every_push(rig, 500);
    rig_open(rig, &config);
    rig_push_many(rig, 0, 10);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_QUEUE_FULL);
    assert_string_equal(why.data, "the queue is full: max_queued is 10, max_queued_bytes 67108864");
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, &why), KLP_E_QUEUE_FULL);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.accepted, 10);
    assert_int_equal(stats.refused_full, 2);
    assert_int_equal(stats.queued + stats.in_flight, 10);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_OK);
}

static void what_is_accepted_is_bounded_by_bytes(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    static char metadata[20001];
    klp_text_buffer why = {0};
    int accepted = 0;
    char key[32];

    memset(metadata, ' ', sizeof metadata);
    metadata[0] = '{', metadata[20000] = '}';
    config.max_queued_bytes = 100000;
    delay_every_push(rig, 500);
    rig_open(rig, &config);
    for (;; accepted++) {
        snprintf(key, sizeof key, "m-%d", accepted);
        klp_lobby lobby = rig_lobby(key);
        lobby.metadata_json = (klp_text){metadata, sizeof metadata};
        klp_status status = rig->klp->push(rig->pusher, &lobby, NULL, &why);
        if (status == KLP_E_QUEUE_FULL)
            break;
        assert_int_equal(status, KLP_OK);
    }
    assert_int_equal(accepted, 4);
    assert_true(rig_stats(rig).queued_bytes <= 100000);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_true(rig_stats(rig).queued_bytes < 10000); /* verdicts do not keep their bodies */
    rig_push(rig, "small");
}

static void unread_events_are_bounded_and_each_push_has_its_place(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby lobby = rig_lobby("m-20");

    config.max_unread_events = 20;
    rig_open(rig, &config);
    rig_push_many(rig, 0, 20);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_RESULTS_FULL);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_RESULTS_FULL);
    const klp_event *event = rig_take(rig);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_RESULTS_FULL); /* taken is not told */
    rig_ack(rig, event);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    for (int i = 0; i < 20; i++)
        rig_ack(rig, rig_take(rig));
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.unread_events, 0);
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(stats.reply_bytes, 0);
    assert_int_equal(stats.accepted, 21);
    assert_int_equal(stats.applied, 21);
    assert_int_equal(stats.attempts, 21);
    assert_int_equal(stats.sends, 21);
}

static void a_reply_past_the_bound_is_left_out_and_the_verdict_told(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_reply_bytes = 1000;
    rig_open(rig, &config);
    rig_push_many(rig, 0, 10);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    klp_stats stats = rig_stats(rig);
    assert_true(stats.reply_bytes <= 1000);
    assert_in_range(stats.replies_left_out, 1, 9);
    for (size_t i = 0, left_out = 0; i < 10; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok && event->outcome == KLP_APPLIED);
        assert_int_equal(event->capacity, 8);
        left_out += event->truncated != 0;
        if (event->truncated) {
            assert_text(event->lobby_json, "");
            assert_true(event->truncated_bytes > 100);
        }
        rig_ack(rig, event);
        if (i == 9)
            assert_int_equal(left_out, stats.replies_left_out);
    }
    assert_int_equal(rig_stats(rig).reply_bytes, 0);
    const klp_event *event = rig_push_and_take(rig, "there is room again");
    assert_false(event->truncated);
    rig_ack(rig, event);
}

static void a_servers_code_survives_where_its_message_does_not(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby lobby = rig_lobby("m");

    config.max_reply_bytes = 1;
    lobby.event_key = klp_cstr("retired");
    rig_open(rig, &config);
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_text(event->error_code, "event_disabled");
    assert_text(event->error_message, "");
    assert_true(event->truncated);
    rig_ack(rig, event);

    event = rig_push_and_take(rig, "m"); /* and so does the id of a lobby */
    assert_true(event->ok && event->truncated);
    assert_memory_equal(event->lobby_id.data, "lob_", 4);
    json_t *line = json_loads(event->json.data, 0, NULL);
    assert_string_equal(sandbox_text_at(line, "lobby_id"), event->lobby_id.data);
    assert_int_equal(json_integer_value(json_object_get(line, "capacity")), 8);
    assert_int_equal(json_integer_value(json_object_get(line, "participant_count")), 2);
    json_decref(line);
    rig_ack(rig, event);

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":1,\"action\":{\"status\":400,\"body\":"
                                 "\"{\\\"error\\\":{\\\"code\\\":\\\"\\\\u0000x\\\"}}\"}}");
    event = rig_push_and_take(rig, "m");
    line = json_loads(event->json.data, JSON_ALLOW_NUL, NULL);
    assert_int_equal(json_string_length(sandbox_at(line, "error.code")), 2);
    json_decref(line);
    rig_ack(rig, event);
}

static void stop_ends_intake_and_decides_everything(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_lobby lobby = rig_lobby("late");
    klp_text_buffer why = {0};
    const klp_event *event;
    size_t sent = 0, unsent = 0;

    config.max_in_flight = 4;
    delay_every_push(rig, 20000);
    rig_open(rig, &config);
    rig_push_many(rig, 0, 50);
    uint64_t limit_ms = rig_now_ms() + 10000;
    while (sandbox_stat(rig->sandbox, "requests") < 4 && rig_now_ms() < limit_ms)
        rig_blink();
    uint64_t start_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, 100), KLP_OK);
    assert_in_range(rig_now_ms() - start_ms, 99, 5000);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_STOPPED);
    assert_string_equal(why.data, "the pusher has been stopped");
    for (int i = 0; i < 50; i++) {
        assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_OK);
        assert_text(event->error_code, "shutdown");
        assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
        assert_int_equal(event->outcome, event->sends ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED);
        assert_true(event->retryable);
        sent += event->sends > 0;
        unsent += event->sends == 0;
        rig_ack(rig, event);
    }
    assert_int_equal(sent, 4);
    assert_int_equal(unsent, 46);
    assert_int_equal(rig->klp->next_event(rig->pusher, KLP_WAIT_FOREVER, &event), KLP_E_DRAINED);
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
}

static void stop_drains_what_can_end_in_time(void **state)
{
    struct rig *rig = *state;

    delay_every_push(rig, 30);
    rig_open(rig, NULL);
    rig_push_many(rig, 0, 40);
    uint64_t start_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, 20000), KLP_OK);
    assert_in_range(rig_now_ms() - start_ms, 0, 15000); /* it does not wait for nothing */
    for (int i = 0; i < 40; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 40);
}

static void flush_waits_for_verdicts_and_not_for_readers(void **state)
{
    struct rig *rig = *state;

    delay_every_push(rig, 300);
    rig_open(rig, NULL);
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK);
    rig_push(rig, "m");
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_E_TIMEOUT);
    assert_int_equal(rig->klp->flush(rig->pusher, 10), KLP_E_TIMEOUT);
    assert_int_equal(rig->klp->flush(rig->pusher, KLP_WAIT_FOREVER), KLP_OK);
    assert_int_equal(rig_stats(rig).unread_events, 1);
}

static void close_takes_everything_with_it(void **state)
{
    struct rig *rig = *state;

    delay_every_push(rig, 50);
    rig_open(rig, NULL);
    rig_push_many(rig, 0, 30);
    assert_non_null(rig_take(rig)); /* taken and not acknowledged */
    rig_close(rig);                 /* with calls queued, on the wire, and events unread: the sanitizers look on */
}

/* ─── Many threads ──────────────────────────────────────────────────────────────────────────────── */

enum { THREADS = 4, EACH = 500 };

struct crowd {
    struct rig *rig;
    atomic_uchar seen[THREADS * EACH + 1]; /* by ticket */
    atomic_uint taken;
};

struct member {
    struct crowd *crowd;
    unsigned number;
    bool failed;
};

static void *push_each(void *argument)
{
    struct member *member = argument;
    char key[32];

    for (int i = 0; i < EACH; i++) {
        snprintf(key, sizeof key, "m-%u-%d", member->number, i);
        klp_lobby lobby = rig_lobby(key);
        member->failed |= member->crowd->rig->klp->push(member->crowd->rig->pusher, &lobby, NULL, NULL) != KLP_OK;
    }
    return NULL;
}

static void *take_each(void *argument)
{
    struct member *member = argument;
    struct rig *rig = member->crowd->rig;
    const klp_event *event;
    klp_status status;

    while ((status = rig->klp->next_event(rig->pusher, KLP_WAIT_FOREVER, &event)) == KLP_OK) {
        member->failed |= event->outcome != KLP_APPLIED || event->ticket > THREADS * EACH;
        member->failed |= atomic_exchange(&member->crowd->seen[event->ticket % (THREADS * EACH + 1)], 1) != 0;
        atomic_fetch_add(&member->crowd->taken, 1);
        member->failed |= rig->klp->ack(rig->pusher, event) != KLP_OK;
    }
    member->failed |= status != KLP_E_DRAINED;
    return NULL;
}

static void *stop(void *argument)
{
    struct rig *rig = argument;
    rig->klp->stop(rig->pusher, 1000);
    return NULL;
}

static void *look_on(void *argument)
{
    struct member *member = argument;
    struct rig *rig = member->crowd->rig;
    klp_stats stats = KLP_STATS_INIT;

    while (atomic_load(&member->crowd->taken) < THREADS * EACH) {
        member->failed |= rig->klp->stats(rig->pusher, &stats) != KLP_OK;
        member->failed |= stats.accepted < stats.applied || stats.unread_events > THREADS * EACH;
        member->failed |= stats.queued > THREADS * EACH || stats.in_flight > 8;
        rig->klp->flush(rig->pusher, 1);
    }
    return NULL;
}

static void many_threads_push_and_take_and_each_event_is_had_once(void **state)
{
    struct rig *rig = *state;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    struct member members[2 * THREADS + 1];
    pthread_t threads[2 * THREADS + 1];

    assert_non_null(crowd);
    crowd->rig = rig;
    rig_open(rig, NULL);
    for (unsigned i = 0; i < 2 * THREADS + 1; i++) {
        members[i] = (struct member){.crowd = crowd, .number = i};
        pthread_create(&threads[i], NULL, i < THREADS ? push_each : i < 2 * THREADS ? take_each : look_on, &members[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(rig->klp->flush(rig->pusher, 60000), KLP_OK);
    pthread_t stoppers[2];
    for (int i = 0; i < 2; i++) /* and stopped by two at once */
        pthread_create(&stoppers[i], NULL, stop, rig);
    for (int i = 0; i < 2; i++)
        pthread_join(stoppers[i], NULL);
    for (unsigned i = THREADS; i < 2 * THREADS + 1; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < 2 * THREADS + 1; i++)
        assert_false(members[i].failed);
    assert_int_equal(atomic_load(&crowd->taken), THREADS * EACH);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), THREADS * EACH);
    free(crowd);
}

/* A wake-up that got lost between the pushers' threads and the worker would hold stop() for seconds. */
static void stop_is_heard_however_busy_the_pushing_threads_are(void **state)
{
    enum { ROUNDS = 40, PUSHERS = 2 };
    struct rig *rig = *state;

    delay_every_push(rig, 60000);
    for (int round = 0; round < ROUNDS; round++) {
        struct crowd crowd = {.rig = rig};
        struct member members[PUSHERS];
        pthread_t threads[PUSHERS];

        rig_open(rig, NULL);
        for (unsigned i = 0; i < PUSHERS; i++) {
            members[i] = (struct member){.crowd = &crowd, .number = i};
            pthread_create(&threads[i], NULL, push_each, &members[i]);
        }
        for (unsigned i = 0; i < PUSHERS; i++)
            pthread_join(threads[i], NULL);
        uint64_t start_ms = rig_now_ms();
        assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
        assert_in_range(rig_now_ms() - start_ms, 0, patience_ms(4000));
        rig_close(rig);
    }
}

static void the_line_of_an_event_is_the_event(void **state)
{
    struct rig *rig = *state;
    klp_event *decoded;

    rig_open(rig, NULL);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_int_equal(rig->klp->decode_event(event->json.data, event->json.size, &decoded, NULL), KLP_OK);
    assert_int_equal(decoded->seq, event->seq);
    assert_string_equal(decoded->key.data, event->key.data);
    assert_string_equal(decoded->lobby_json.data, event->lobby_json.data);
    assert_string_equal(decoded->json.data, event->json.data);
    rig->klp->free_event(decoded);
    rig_ack(rig, event);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(next_event_waits_as_long_as_it_is_told),
        test(event_fd_is_readable_just_while_there_is_something_to_say),
        test(an_event_is_acknowledged_once_and_in_any_order),
        test(what_is_accepted_is_bounded_by_count),
        test(what_is_accepted_is_bounded_by_bytes),
        test(unread_events_are_bounded_and_each_push_has_its_place),
        test(a_reply_past_the_bound_is_left_out_and_the_verdict_told),
        test(a_servers_code_survives_where_its_message_does_not),
        test(stop_ends_intake_and_decides_everything),
        test(stop_drains_what_can_end_in_time),
        test(flush_waits_for_verdicts_and_not_for_readers),
        test(close_takes_everything_with_it),
        test(many_threads_push_and_take_and_each_event_is_had_once),
        test(stop_is_heard_however_busy_the_pushing_threads_are),
        test(the_line_of_an_event_is_the_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
