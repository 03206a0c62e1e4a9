/* SPDX-License-Identifier: Apache-2.0
 * Files that nobody has open any more are taken up by whoever shares their directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "outbox_rig.h"
#include "recorder.h"
#include "rosters.h"

#define HANG "{\"delay_ms\":60000}"

enum { SOON_MS = 50, LEFT = 6, TOLD = 4 };

static klp_config config_of(const struct outbox *outbox, const char *name)
{
    klp_config config = outbox_config(outbox);
    config.name = klp_cstr(name);
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    return config;
}

struct other {
    char epoch[32], file[256];
    klp_ticket tickets[LEFT + TOLD + 1]; /* by cookie */
};

/* Lives and ends: leaves TOLD events that were not acknowledged, of the cookies 1…TOLD, and LEFT calls behind them. */
static struct other leave(struct outbox *outbox, const klp_config *config)
{
    struct rig *rig = outbox->rig;
    struct other other = {0};
    char key[32], begin[64];

    rig_open(rig, config);
    for (uint64_t i = 1; i <= LEFT + TOLD; i++) {
        snprintf(key, sizeof key, "m-%d", (int)i);
        if (i == TOLD + 1)
            rig_script(rig, -1, HANG);
        other.tickets[i] = push_roster(rig, roster(key, "alice", i));
        if (i == TOLD)
            assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    }
    for (int i = TOLD + 1; i <= LEFT + TOLD; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        await_arrivals(rig, key, 1);
    }
    snprintf(other.epoch, sizeof other.epoch, "%s", rig_take(rig)->epoch.data);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    sandbox_unscript(rig->sandbox); /* another may take it up as soon as it is closed */
    rig_close(rig);
    snprintf(begin, sizeof begin, "%s-", config->name.data);
    snprintf(other.file, sizeof other.file, "%s", outbox_file(outbox, begin));
    return other;
}

/* All that it left: told under its name and epoch, its events in order. Acknowledged. */
static void take_all_of(struct rig *rig, const struct other *other, const char *name)
{
    const klp_event *events[LEFT + TOLD + 1] = {NULL};
    uint64_t seq = 0;

    for (int i = 0; i < LEFT + TOLD; i++) {
        const klp_event *event = rig_take(rig);
        assert_text(event->pusher, name);
        assert_text(event->epoch, other->epoch);
        assert_in_range(event->cookie, 1, LEFT + TOLD);
        assert_null(events[event->cookie]);
        events[event->cookie] = event;
        assert_int_equal(event->ticket, other->tickets[event->cookie]);
        assert_int_equal(event->recovered, event->cookie > TOLD);
        assert_applied(event);
        assert_true(event->seq > seq);
        seq = event->seq;
    }
    for (int i = 1; i <= LEFT + TOLD; i++)
        rig_ack(rig, events[i]);
}

static void assert_gone(struct outbox *outbox, const char *begin)
{
    outbox_await(!outbox_has(outbox, begin)); /* the file, its log and its lock */
}

static void what_another_left_is_taken_up_at_open(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    struct recorder *recorder;

    struct other other = leave(outbox, &dead);
    live.outbox_adopt_ms = 0; /* the default */
    recorder = recorder_new(&live);
    rig_open(rig, &live);
    take_all_of(rig, &other, "dead");
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.adopted, 1);
    assert_int_equal(stats.recovered, LEFT);
    assert_int_equal(stats.accepted, 0);
    assert_gone(outbox, "dead");
    assert_int_equal(outbox_files(outbox), 1);
    assert_int_equal(recorder_lines_with(recorder, "taking up"), 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), LEFT + TOLD);
    assert_int_equal(outbox_same_bodies(outbox, "m-5"), 2);
    rig_close(rig);
    assert_null(recorder_fault(recorder));
    recorder_free(recorder);
}

static void what_another_leaves_later_is_taken_up_soon(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    rig_ack(rig, rig_push_and_take(rig, "own"));
    klp_pusher *kept = rig->pusher;
    rig->pusher = NULL;

    for (int i = 0; i < 3; i++) {
        sandbox_reset(rig->sandbox);
        struct other other = leave(outbox, &dead);
        rig->pusher = kept;
        take_all_of(rig, &other, "dead");
        assert_int_equal(rig_stats(rig).adopted, i + 1);
        assert_gone(outbox, "dead");
        rig->pusher = NULL;
    }
    rig->pusher = kept;
    rig_ack(rig, rig_push_and_take(rig, "own"));
}

/* Its own goes on under its own name meanwhile. */
static void own_events_and_those_of_others_keep_their_names(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    uint64_t own_seq = 0, other_seq = 0;
    int own = 0, others = 0;

    struct other other = leave(outbox, &dead);
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    for (int i = 0; i < 20; i++) {
        char key[32];
        snprintf(key, sizeof key, "own-%d", i);
        rig_push(rig, key);
    }
    while (own + others < 20 + LEFT + TOLD) {
        const klp_event *event = rig_take(rig);
        bool is_own = strcmp(event->pusher.data, "live") == 0;
        uint64_t *seq = is_own ? &own_seq : &other_seq;
        assert_text(event->pusher, is_own ? "live" : "dead");
        assert_int_equal(strcmp(event->epoch.data, other.epoch) == 0, !is_own);
        assert_int_equal(event->cookie == 0, is_own);
        assert_true(event->seq > *seq);
        *seq = event->seq;
        own += is_own;
        others += !is_own;
        rig_ack(rig, event);
    }
    assert_int_equal(own, 20);
    assert_gone(outbox, "dead");
}

static void several_files_are_taken_up(void **state)
{
    enum { FILES = 5 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config live = config_of(outbox, "live");
    char name[32];
    size_t of[FILES] = {0};

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "dead-%d", i);
        klp_config dead = config_of(outbox, name);
        sandbox_reset(rig->sandbox);
        leave(outbox, &dead);
    }
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    for (int i = 0; i < FILES * (LEFT + TOLD); i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(strncmp(event->pusher.data, "dead-", 5), 0);
        of[event->pusher.data[5] - '0']++;
        rig_ack(rig, event);
    }
    for (int i = 0; i < FILES; i++)
        assert_int_equal(of[i], LEFT + TOLD);
    assert_int_equal(rig_stats(rig).adopted, FILES);
    assert_gone(outbox, "dead");
}

static void none_is_taken_up_when_none_is_to_be(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    const klp_event *event = NULL;

    struct other other = leave(outbox, &dead);
    rig_open(rig, &live);
    for (int i = 0; i < 3; i++)
        rig_ack(rig, rig_push_and_take(rig, "own"));
    assert_int_equal(rig->klp->next_event(rig->pusher, 300, &event), KLP_E_TIMEOUT);
    assert_int_equal(rig_stats(rig).adopted, 0);
    outbox_close(outbox);
    assert_true(outbox_has(outbox, other.file));
    rig_open(rig, &dead); /* it is all there still */
    take_all_of(rig, &other, "dead");
}

/* Two pushers of one process, each of which would take up the other's file, were it not in use. */
static void a_file_in_use_is_never_touched(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig, second = {rig->klp, rig->sandbox, NULL};
    klp_config a = config_of(outbox, "a"), b = config_of(outbox, "b");
    const klp_event *event;

    a.outbox_adopt_ms = b.outbox_adopt_ms = 1;
    rig_open(rig, &a);
    rig_open(&second, &b);
    rig_script(rig, 2, "{\"delay_ms\":700}");
    rig_push(rig, "of-a");
    rig_push(&second, "of-b");
    event = rig_take(rig);
    assert_text(event->key, "of-a");
    assert_text(event->pusher, "a");
    rig_ack(rig, event);
    event = rig_take(&second);
    assert_text(event->key, "of-b");
    assert_text(event->pusher, "b");
    rig_ack(&second, event);
    assert_int_equal(rig_stats(rig).adopted + rig_stats(&second).adopted, 0);
    assert_int_equal(outbox_files(outbox), 2);

    /* the one that goes on takes up what the other leaves */
    rig_script(rig, -1, HANG);
    rig_push(&second, "of-b-again");
    assert_int_equal(second.klp->stop(second.pusher, 0), KLP_OK);
    sandbox_unscript(rig->sandbox);
    assert_int_equal(rig_stats(rig).adopted, 0); /* stopped, and not closed */
    rig_close(&second);
    event = rig_take(rig);
    assert_text(event->pusher, "b");
    assert_text(event->key, "of-b-again");
    rig_ack(rig, event);
    assert_gone(outbox, "b-");
}

/* Both at once: each event and each call is one's. */
static void two_that_look_at_once_share_nothing(void **state)
{
    enum { FILES = 6 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig, second = {rig->klp, rig->sandbox, NULL};
    klp_config a = config_of(outbox, "a"), b = config_of(outbox, "b");
    bool is_seen[FILES][LEFT + TOLD + 1] = {{false}};
    char name[32];

    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "dead-%d", i);
        klp_config dead = config_of(outbox, name);
        sandbox_reset(rig->sandbox);
        leave(outbox, &dead);
    }
    a.outbox_adopt_ms = b.outbox_adopt_ms = 1;
    rig_open(rig, &a);
    rig_open(&second, &b);
    int left = FILES * (LEFT + TOLD);
    for (uint64_t limit_ms = rig_now_ms() + patience_ms(20000); left > 0;) {
        const klp_event *event;
        struct rig *one = left % 2 ? rig : &second;
        if (rig_now_ms() > limit_ms)
            fail_msg("%d events did not come", left);
        if (one->klp->next_event(one->pusher, 5, &event) && (one = left % 2 ? &second : rig) &&
            one->klp->next_event(one->pusher, 5, &event))
            continue;
        assert_int_equal(strncmp(event->pusher.data, "dead-", 5), 0);
        bool *seen = &is_seen[event->pusher.data[5] - '0'][event->cookie];
        assert_false(*seen);
        *seen = true;
        rig_ack(one, event);
        left--;
    }
    assert_int_equal(rig_stats(rig).adopted + rig_stats(&second).adopted, FILES);
    assert_gone(outbox, "dead");
    rig_close(&second);
}

static void flush_does_not_wait_for_what_is_another_s(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    leave(outbox, &dead);
    sandbox_script(rig->sandbox, "{\"match\":{\"player\":\"alice\"},\"times\":-1,\"action\":" HANG "}");
    live.outbox_adopt_ms = SOON_MS;
    live.max_in_flight = 32;
    rig_open(rig, &live);
    outbox_await(rig_stats(rig).in_flight == LEFT);
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK);
    klp_text player = KLP_LIT("bob");
    klp_lobby lobby = rig_lobby("own");
    lobby.player_ids = &player;
    lobby.player_count = 1;
    rig_push_lobby(rig, &lobby);
    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    assert_int_equal(rig_stats(rig).applied, 1);
    assert_int_equal(rig_stats(rig).in_flight, LEFT);
}

/* A ticket of another's is nobody's here. */
static void what_is_another_s_stays_in_its_file_when_the_adopter_stops(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    struct other other = leave(outbox, &dead);
    rig_script(rig, -1, HANG);
    live.outbox_adopt_ms = SOON_MS;
    for (int i = 0; i < 2; i++) {
        rig_open(rig, &live);
        outbox_await(rig_stats(rig).adopted == 1 && rig_stats(rig).in_flight == LEFT);
        outbox_close(outbox);
        assert_true(outbox_has(outbox, other.file));
    }
    sandbox_unscript(rig->sandbox);
    rig_open(rig, &dead); /* or whoever has its name */
    take_all_of(rig, &other, "dead");
}

/* Pushes of one key in two files: one after the other, each with a verdict in its own. */
static void equal_pushes_of_two_files_have_a_verdict_in_each(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    int own = 0, others = 0;

    rig_open(rig, &dead);
    rig_script(rig, -1, HANG);
    push_roster(rig, roster("m", "alice", 1));
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    rig_script(rig, 1, "{\"delay_ms\":500}");
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    push_roster(rig, roster("m", "alice", 2));
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        assert_false(event->joined);
        own += event->cookie == 2 && strcmp(event->pusher.data, "live") == 0;
        others += event->cookie == 1 && strcmp(event->pusher.data, "dead") == 0;
        rig_ack(rig, event);
    }
    assert_int_equal(own + others, 2);
    assert_int_equal(own, 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    assert_gone(outbox, "dead");
}

static void an_empty_file_that_nobody_needs_is_removed(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    const klp_event *event = NULL;

    rig_open(rig, &dead);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    outbox_close(outbox);
    assert_true(outbox_has(outbox, "dead-"));
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    assert_gone(outbox, "dead-");
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    assert_true(outbox_has(outbox, "live-"));
}

/* It finds its file in use: it begins a new one, and what it had left is ended by the other. */
static void one_that_comes_back_late_begins_anew(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig, back = {rig->klp, rig->sandbox, NULL};
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    struct other other = leave(outbox, &dead);
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    outbox_await(rig_stats(rig).adopted == 1);
    rig_open(&back, &dead);
    assert_int_equal(rig_stats(&back).recovered + rig_stats(&back).unread_events, 0);
    const klp_event *event = rig_push_and_take(&back, "own");
    assert_text(event->pusher, "dead");
    assert_string_not_equal(event->epoch.data, other.epoch);
    rig_ack(&back, event);
    take_all_of(rig, &other, "dead");
    outbox_await(!outbox_has(outbox, other.file));
    assert_int_equal(outbox_files(outbox), 2); /* of those that are open */
    assert_int_equal(rig_stats(rig).adopted, 1);
    rig_close(&back);
}

/* ---- files that are not to be taken up ---- */

static void assert_left_alone(struct outbox *outbox, const klp_config *live, const char *file)
{
    struct rig *rig = outbox->rig;
    klp_config config = *live;
    struct recorder *recorder = recorder_new(&config);

    config.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &config);
    outbox_await(recorder_lines_with(recorder, "is left alone") > 0);
    assert_true(recorder_lines_with(recorder, file) > 0);
    assert_int_equal(rig_stats(rig).adopted, 0);
    assert_int_equal(rig_stats(rig).recovered, 0);
    assert_int_equal(rig_stats(rig).unread_events, 0);
    outbox_close(outbox);
    assert_true(outbox_has(outbox, file));
    assert_null(recorder_fault(recorder));
    recorder_free(recorder);
}

static void a_file_of_another_api_key_is_left_alone(void **state)
{
    struct outbox *outbox = *state;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    struct other other = leave(outbox, &dead);
    live.api_key = klp_cstr("another.key-for-tests-only");
    assert_left_alone(outbox, &live, other.file);
    rig_open(outbox->rig, &dead);
    take_all_of(outbox->rig, &other, "dead");
}

/* The same prefix: the key has been rotated. */
static void a_file_of_the_same_prefix_is_taken_up(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");

    sandbox_change_keys(rig->sandbox, "{\"add\":[{\"key\":\"sandbox.another-key-for-tests-only\"}]}");
    struct other other = leave(outbox, &dead);
    live.api_key = klp_cstr("sandbox.another-key-for-tests-only");
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    take_all_of(rig, &other, "dead");
}

static void a_file_of_another_server_is_left_alone(void **state)
{
    struct outbox *outbox = *state;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    char url[64];

    struct other other = leave(outbox, &dead);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    live.base_url = klp_cstr(url);
    assert_left_alone(outbox, &live, other.file);
    rig_open(outbox->rig, &dead);
    take_all_of(outbox->rig, &other, "dead");
}

static void garbage_among_the_files_holds_nobody_up(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config dead = config_of(outbox, "dead"), live = config_of(outbox, "live");
    char path[512];

    struct other other = leave(outbox, &dead);
    snprintf(path, sizeof path, "%s/bad-0123456789abcdef.outbox", outbox->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        fputs("garbage ", file);
    fclose(file);
    snprintf(path, sizeof path, "%s/empty-0123456789abcdef.outbox", outbox->folder);
    fclose(fopen(path, "w"));
    snprintf(path, sizeof path, "%s/folder-0123456789abcdef.outbox", outbox->folder);
    assert_int_equal(mkdir(path, 0700), 0);

    struct recorder *recorder = recorder_new(&live);
    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    take_all_of(rig, &other, "dead");
    outbox_await(recorder_lines_with(recorder, "is left alone") > 0);
    assert_gone(outbox, "dead");
    assert_true(outbox_has(outbox, "bad-0123456789abcdef.outbox"));
    assert_in_range(recorder_lines(recorder), 1, 20); /* however often it looks */
    rig_close(rig);
    recorder_free(recorder);
    rmdir(path);
}

static uint64_t cpu_ms(void)
{
    struct rusage used;

    assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

/* It no longer looks for files then, and does not run in circles for that. */
static void a_stop_that_waits_costs_no_cpu(void **state)
{
    enum { DRAIN_MS = 2000 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config live = config_of(outbox, "live");

    live.outbox_adopt_ms = SOON_MS;
    rig_open(rig, &live);
    rig_script(rig, -1, HANG);
    rig_push(rig, "m");
    await_arrivals(rig, "m", 1);
    uint64_t before_ms = cpu_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, DRAIN_MS), KLP_OK);
    assert_in_range(cpu_ms() - before_ms, 0, DRAIN_MS / 4);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_another_left_is_taken_up_at_open),
        test(what_another_leaves_later_is_taken_up_soon),
        test(own_events_and_those_of_others_keep_their_names),
        test(several_files_are_taken_up),
        test(none_is_taken_up_when_none_is_to_be),
        test(a_file_in_use_is_never_touched),
        test(two_that_look_at_once_share_nothing),
        test(flush_does_not_wait_for_what_is_another_s),
        test(what_is_another_s_stays_in_its_file_when_the_adopter_stops),
        test(equal_pushes_of_two_files_have_a_verdict_in_each),
        test(an_empty_file_that_nobody_needs_is_removed),
        test(one_that_comes_back_late_begins_anew),
        test(a_file_of_another_api_key_is_left_alone),
        test(a_file_of_the_same_prefix_is_taken_up),
        test(a_file_of_another_server_is_left_alone),
        test(garbage_among_the_files_holds_nobody_up),
        test(a_stop_that_waits_costs_no_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
