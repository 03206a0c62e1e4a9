/* SPDX-License-Identifier: Apache-2.0
 * Statistics, and the trace that goes through a call. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "calls.h"

#ifdef __SANITIZE_THREAD__
enum { PUSHES_EACH = 150 };
#else
enum { PUSHES_EACH = 400 };
#endif

/* Within ten seconds. */
#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        uint64_t await_limit_ms = rig_now_ms() + 10000;                                                                \
        while (!(condition) && rig_now_ms() < await_limit_ms)                                                          \
            rig_blink();                                                                                               \
        assert_true(condition);                                                                                        \
    } while (0)

static void take_all(struct rig *rig, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rig_ack(rig, rig_take(rig));
}

/* ─── Traces ────────────────────────────────────────────────────────────────────────────────────── */

#define TRACE(number) "0" number "-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333" number "-01"

static void a_trace_goes_out_as_a_header_and_comes_back_in_the_event(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");
    klp_await await = KLP_AWAIT_INIT;
    klp_text none = KLP_TEXT_NONE;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "a/b", NULL);
    char id[128];

    rig_open(rig, NULL);
    lobby.trace_parent = klp_cstr(TRACE("0"));
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_text(event->trace_parent, TRACE("0"));
    json_t *line = json_loads(event->json.data, 0, NULL);
    assert_string_equal(sandbox_text_at(line, "trace_parent"), TRACE("0"));
    json_decref(line);
    snprintf(id, sizeof id, "%s", event->lobby_id.data);
    rig_ack(rig, event);
    await.trace_parent = klp_cstr(TRACE("1"));
    await.lobby_id = klp_cstr(id);
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    event = rig_take(rig);
    assert_text(event->trace_parent, TRACE("1"));
    rig_ack(rig, event);
    call.trace_parent = klp_cstr(TRACE("2"));
    rig_call(rig, &call);
    event = rig_take(rig);
    assert_text(event->trace_parent, TRACE("2"));
    rig_ack(rig, event);

    /* and of what has none nothing is said, though the handles are the same */
    call.trace_parent = none;
    rig_call(rig, &call);
    event = rig_take(rig);
    assert_text(event->trace_parent, "");
    assert_null(strstr(event->json.data, "trace_parent"));
    rig_ack(rig, event);
    assert_int_equal(rig->klp->read(rig->pusher, none, klp_cstr(id), 0, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    rig_push(rig, "n");
    take_all(rig, 3);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 7);
    assert_string_equal(arrival_header(json_array_get(log, 0), "traceparent"), TRACE("0"));
    assert_string_equal(arrival_header(json_array_get(log, 1), "traceparent"), TRACE("1"));
    assert_string_equal(arrival_header(json_array_get(log, 2), "traceparent"), TRACE("2"));
    for (size_t i = 3; i < 7; i++)
        assert_null(arrival_header(json_array_get(log, i), "traceparent"));
    json_decref(log);
}

static void pushes_that_joined_keep_each_its_own_trace(void **state)
{
    struct rig *rig = *state;
    klp_lobby first = rig_lobby("m"), second = rig_lobby("m");

    rig_script(rig, 1, "{\"delay_ms\":500}");
    rig_open(rig, NULL);
    first.trace_parent = klp_cstr(TRACE("1"));
    klp_ticket first_ticket = rig_push_lobby(rig, &first);
    arrivals_await(rig, 1);
    second.trace_parent = klp_cstr(TRACE("2"));
    second.deadline_ms = 60000; /* later than the first's: its ticket is the request's from now on */
    rig_push_lobby(rig, &second);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->ok);
        assert_text(event->trace_parent, event->ticket == first_ticket ? TRACE("1") : TRACE("2"));
        rig_ack(rig, event);
    }
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 1);
    assert_string_equal(arrival_header(json_array_get(log, 0), "traceparent"), TRACE("1"));
    json_decref(log);
}

/* ─── Counters ──────────────────────────────────────────────────────────────────────────────────── */

static void every_counter_counts_what_it_says(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_text none = KLP_TEXT_NONE;
    klp_await await = KLP_AWAIT_INIT;
    static const klp_text others[] = {KLP_LIT("carol")};
    klp_lobby other = rig_lobby("m-0");

    config.backoff_initial_ms = 1;
    config.max_attempts = 2;
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
    assert_int_equal(rig_stats(rig).oldest_push_age_ms, 0);
    rig_ack(rig, rig_push_and_take(rig, "m-0")); /* applied */
    rig_ack(rig, rig_push_and_take(rig, "m-0")); /* replayed */
    other.player_ids = others;
    other.player_count = 1;
    rig_push_lobby(rig, &other); /* refused */
    take_all(rig, 1);
    rig_script(rig, 2, "{\"status\":503}");
    rig_ack(rig, rig_push_and_take(rig, "m-1")); /* possibly applied, of two attempts */
    rig_script(rig, 1, "{\"delay_ms\":300}");
    rig_push(rig, "m-2");
    rig_push(rig, "m-2"); /* joined */
    take_all(rig, 2);
    rig_script(rig, 1, "{\"status\":503}");
    rig_ack(rig, call_and_take(rig, "POST", "a/b", NULL)); /* ok, of two attempts */
    rig_script(rig, 1, "{\"status\":404}");
    rig_ack(rig, call_and_take(rig, "GET", "a/b", NULL)); /* failed */
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    take_all(rig, 1);
    assert_int_equal(rig->klp->read(rig->pusher, none, klp_cstr("nowhere"), 0, NULL, NULL), KLP_OK);
    take_all(rig, 1);
    await.lobby_id = klp_cstr("nowhere");
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    take_all(rig, 1);

    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.accepted, 11);
    assert_int_equal(stats.applied, 4);
    assert_int_equal(stats.replayed, 1);
    assert_int_equal(stats.not_applied, 1);
    assert_int_equal(stats.possibly_applied, 1);
    assert_int_equal(stats.joined, 1);
    assert_int_equal(stats.calls_ok, 1);
    assert_int_equal(stats.calls_failed, 1);
    assert_int_equal(stats.queries_ok, 1);
    assert_int_equal(stats.queries_failed, 2);
    assert_int_equal(stats.attempts, 12);
    assert_int_equal(stats.retries, 2);
    assert_int_equal(stats.sends, 12);
    assert_int_equal(stats.events_acknowledged, 11);
    assert_true(stats.queued + stats.in_flight + stats.unread_events + stats.queued_bytes + stats.reply_bytes == 0);
    assert_int_equal(stats.awaiting, 0);
    assert_int_equal(stats.oldest_push_age_ms, 0);

    sandbox_change_keys(rig->sandbox, "{\"add\":[{\"key\":\"second.key-for-tests-only\"}]}");
    assert_int_equal(rig->klp->set_api_key(rig->pusher, klp_cstr("second.key-for-tests-only"), NULL), KLP_OK);
    rig_ack(rig, rig_push_and_take(rig, "m-3"));
    assert_int_equal(rig_stats(rig).api_key_generation, 2);
}

static void looks_at_a_lobby_that_forms_are_no_retries(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    klp_lobby lobby = rig_lobby("m");
    klp_await await = KLP_AWAIT_INIT;
    char id[128];

    lobby.event_key = klp_cstr("bot_brawl");
    config.backoff_initial_ms = 1;
    rig_open(rig, &config);
    rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    snprintf(id, sizeof id, "%s", event->lobby_id.data);
    rig_ack(rig, event);
    await.lobby_id = klp_cstr(id);
    await.poll_interval_ms = 20;
    rig_script(rig, 1, "{\"status\":503}");
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    assert_int_equal(rig_stats(rig).awaiting, 1);
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK); /* which does not wait for it */
    take_all(rig, 1);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.awaiting, 0);
    assert_int_equal(stats.retries, 1); /* after the 503; the others were not for a failure */
    assert_true(stats.attempts >= 4);
    assert_int_equal(stats.queries_ok, 1);
}

/* ─── The oldest push ───────────────────────────────────────────────────────────────────────────── */

static uint64_t age_ms(struct rig *rig)
{
    return rig_stats(rig).oldest_push_age_ms;
}

static void the_oldest_push_grows_old_until_its_verdict(void **state)
{
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = call_of(&room, "POST", "a/b", NULL);

    rig_script(rig, 1, "{\"delay_ms\":600}");
    rig_script(rig, 1, "{\"delay_ms\":600}");
    rig_open(rig, NULL);
    rig_call(rig, &call);
    arrivals_await(rig, 1);
    assert_int_equal(age_ms(rig), 0); /* a call is no push */
    uint64_t before_ms = rig_now_ms();
    rig_push(rig, "m");
    uint64_t after_ms = rig_now_ms(), last = 0;
    while (rig_stats(rig).applied == 0) {
        uint64_t from_ms = rig_now_ms(), age = age_ms(rig), until_ms = rig_now_ms();
        if (age == 0) { /* its verdict came between */
            assert_int_equal(rig_stats(rig).applied, 1);
            break;
        }
        assert_true(age >= last);
        assert_true(age <= until_ms - before_ms + 2);
        assert_true(age + 2 >= from_ms - after_ms);
        last = age;
        rig_blink();
    }
    assert_true(last >= 300);
    assert_int_equal(age_ms(rig), 0);
    take_all(rig, 2);
}

static void the_oldest_push_is_found_among_those_that_joined(void **state)
{
    struct rig *rig = *state;
    klp_lobby later = rig_lobby("m");

    rig_script(rig, -1, "{\"delay_ms\":20000}");
    rig_open(rig, NULL);
    klp_ticket first = rig_push(rig, "m");
    AWAIT(age_ms(rig) >= 300);
    uint64_t before_ms = rig_now_ms();
    later.deadline_ms = 60000; /* the request's is this ticket from now on */
    klp_ticket second = rig_push_lobby(rig, &later);
    AWAIT(rig_stats(rig).joined > 0);
    assert_true(age_ms(rig) >= 300);
    assert_int_equal(rig->klp->cancel(rig->pusher, first), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, first);
    assert_true(klp_event_is_cancelled(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED);
    rig_ack(rig, event);
    uint64_t age = age_ms(rig);
    assert_in_range(age, 1, rig_now_ms() - before_ms + 2); /* the second's own */
    assert_int_equal(rig->klp->cancel(rig->pusher, second), KLP_OK);
    take_all(rig, 1);
    assert_int_equal(age_ms(rig), 0);
}

/* The request's ticket leaves it to the last of the others, not to the oldest. */
static void the_oldest_push_is_found_when_the_first_one_leaves_the_others(void **state)
{
    struct rig *rig = *state;
    klp_lobby first = rig_lobby("m"), third = rig_lobby("m");

    rig_script(rig, -1, "{\"delay_ms\":20000}");
    rig_open(rig, NULL);
    first.deadline_ms = 60000;
    third.deadline_ms = 50000;
    klp_ticket ticket = rig_push_lobby(rig, &first);
    AWAIT(age_ms(rig) >= 200);
    uint64_t before_ms = rig_now_ms();
    rig_push(rig, "m");
    uint64_t after_ms = rig_now_ms();
    AWAIT(age_ms(rig) >= 500);
    rig_push_lobby(rig, &third);
    AWAIT(rig_stats(rig).joined == 2);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    take_all(rig, 1);
    uint64_t from_ms = rig_now_ms(), age = age_ms(rig);
    assert_in_range(age, from_ms - after_ms - 1, rig_now_ms() - before_ms + 2); /* the second's */
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    take_all(rig, 2);
}

/* ─── One moment ────────────────────────────────────────────────────────────────────────────────── */

struct hammer {
    struct rig *rig;
    unsigned number;
    bool has_failed;
};

static void *hammer(void *argument)
{
    struct hammer *own = argument;
    const klp_api *klp = own->rig->klp;
    struct call_room room;
    klp_text none = KLP_TEXT_NONE;
    char key[32];

    for (unsigned i = 0; i < PUSHES_EACH; i++) {
        klp_ticket ticket;
        snprintf(key, sizeof key, "h-%u", i); /* the same of every thread: many join */
        klp_lobby lobby = rig_lobby(key);
        klp_call call = call_of(&room, "POST", "a/b", NULL);
        own->has_failed |= klp->push(own->rig->pusher, &lobby, &ticket, NULL) != KLP_OK;
        if (i % 5 == 0)
            own->has_failed |= klp->call(own->rig->pusher, &call, NULL, NULL) != KLP_OK;
        if (i % 7 == 0)
            own->has_failed |= klp->read(own->rig->pusher, none, klp_cstr("nowhere"), 0, NULL, NULL) != KLP_OK;
        if (i % 11 == 0)
            own->has_failed |= klp->cancel(own->rig->pusher, ticket) != KLP_OK;
    }
    return NULL;
}

static void *take_until(void *argument)
{
    struct hammer *own = argument;
    const klp_event *event;

    while (own->rig->klp->next_event(own->rig->pusher, KLP_WAIT_FOREVER, &event) == KLP_OK)
        own->has_failed |= own->rig->klp->ack(own->rig->pusher, event) != KLP_OK;
    return NULL;
}

static uint64_t pushes_decided(const klp_stats *stats)
{
    return stats->applied + stats->not_applied + stats->possibly_applied;
}

static uint64_t decided(const klp_stats *stats)
{
    return pushes_decided(stats) + stats->calls_ok + stats->calls_failed + stats->queries_ok + stats->queries_failed;
}

static void assert_of_one_moment(const klp_stats *stats, const klp_stats *before, unsigned max_in_flight)
{
    assert_int_equal(stats->accepted, decided(stats) + stats->queued + stats->in_flight);
    assert_int_equal(decided(stats), stats->unread_events + stats->events_acknowledged);
    assert_true(stats->in_flight <= max_in_flight);
    assert_true(stats->replayed <= stats->applied);
    assert_true(stats->awaiting <= stats->queued + stats->in_flight);
    assert_true(stats->retries <= stats->attempts);
    assert_true(stats->attempts <= stats->sends);
    assert_true(decided(stats) < stats->accepted || stats->oldest_push_age_ms == 0);
    assert_int_equal(stats->refused_full, 0);
    for (size_t at = offsetof(klp_stats, accepted); at < offsetof(klp_stats, queued); at += sizeof(uint64_t)) {
        uint64_t now, then;
        memcpy(&now, (const char *)stats + at, sizeof now);
        memcpy(&then, (const char *)before + at, sizeof then);
        assert_true(now >= then);
    }
}

/* A ping of the library's own stands before it all: that is nobody's call, and not counted as one. */
static void figures_are_of_one_moment_however_they_are_hammered(void **state)
{
    enum { THREADS = 3, PLACES = 3 };
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct hammer hammers[THREADS + 1];
    pthread_t threads[THREADS + 1];
    klp_stats stats, before = KLP_STATS_INIT;
    klp_histogram histogram = {.struct_size = sizeof histogram};
    size_t looks = 0;

    config.max_in_flight = PLACES;
    config.backoff_initial_ms = 1;
    config.max_attempts = 10;
    config.expect_environment = klp_cstr("test");
    sandbox_script(rig->sandbox, "[{\"match\":{\"op\":\"ping\"},\"times\":1,\"action\":{\"delay_ms\":100}},"
                                 "{\"match\":{\"op\":\"call\"},\"times\":-1,\"share_permille\":100,\"seed\":1,"
                                 "\"action\":{\"status\":409}},"
                                 "{\"match\":{\"op\":\"push\"},\"times\":-1,\"share_permille\":50,\"seed\":2,"
                                 "\"action\":{\"status\":425}}]");
    rig_open(rig, &config);
    for (unsigned i = 0; i <= THREADS; i++) {
        hammers[i] = (struct hammer){.rig = rig, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, i < THREADS ? hammer : take_until, &hammers[i]), 0);
    }
    const uint64_t most = THREADS * (PUSHES_EACH + (PUSHES_EACH + 4) / 5 + (PUSHES_EACH + 6) / 7);
    for (uint64_t limit_ms = rig_now_ms() + 30000; decided(&before) < most && rig_now_ms() < limit_ms; looks++) {
        assert_int_equal(rig->klp->latencies(rig->pusher, KLP_LATENCY_TOTAL, &histogram), KLP_OK);
        uint64_t told = histogram.count;
        stats = rig_stats(rig);
        assert_of_one_moment(&stats, &before, PLACES);
        assert_true(told <= pushes_decided(&stats));
        assert_int_equal(rig->klp->latencies(rig->pusher, KLP_LATENCY_TOTAL, &histogram), KLP_OK);
        assert_true(histogram.count >= pushes_decided(&stats));
        before = stats;
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(rig->klp->flush(rig->pusher, 30000), KLP_OK);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    pthread_join(threads[THREADS], NULL);
    for (unsigned i = 0; i <= THREADS; i++)
        assert_false(hammers[i].has_failed);
    stats = rig_stats(rig);
    assert_of_one_moment(&stats, &before, PLACES);
    assert_int_equal(stats.accepted, most);
    assert_int_equal(stats.events_acknowledged, most);
    assert_true(stats.joined > 0);
    assert_int_equal(stats.queued_bytes + stats.reply_bytes, 0);
    assert_true(looks > 5);
}

static void a_ping_of_the_librarys_own_is_nobodys_call(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    klp_ticket ticket;

    config.expect_environment = klp_cstr("test");
    rig_script(rig, -1, "{\"delay_ms\":20000}");
    rig_open(rig, &config);
    ticket = rig_push(rig, "m");
    arrivals_await(rig, 1); /* the ping */
    assert_int_equal(rig_stats(rig).queued, 1);
    assert_int_equal(rig_stats(rig).in_flight, 0);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    take_all(rig, 1);
    assert_int_equal(rig_stats(rig).queued, 0);
    assert_int_equal(rig_stats(rig).in_flight, 0);
}

/* Only pushes: then there is an oldest one exactly while one is without a verdict. */
static void an_undecided_push_always_has_an_age(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    size_t undecided = 0;

    config.max_in_flight = 2;
    rig_open(rig, &config);
    for (int i = 0; i < 400; i++) {
        rig_push_many(rig, i, i + 1);
        for (;;) {
            klp_stats stats = rig_stats(rig);
            assert_int_equal(stats.oldest_push_age_ms > 0, stats.queued + stats.in_flight > 0);
            if (stats.queued + stats.in_flight == 0)
                break;
            undecided++;
        }
        rig_ack(rig, rig_take(rig));
    }
    assert_true(undecided > 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_trace_goes_out_as_a_header_and_comes_back_in_the_event),
        test(pushes_that_joined_keep_each_its_own_trace),
        test(every_counter_counts_what_it_says),
        test(looks_at_a_lobby_that_forms_are_no_retries),
        test(the_oldest_push_grows_old_until_its_verdict),
        test(the_oldest_push_is_found_among_those_that_joined),
        test(the_oldest_push_is_found_when_the_first_one_leaves_the_others),
        test(a_ping_of_the_librarys_own_is_nobodys_call),
        test(figures_are_of_one_moment_however_they_are_hammered),
        test(an_undecided_push_always_has_an_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
