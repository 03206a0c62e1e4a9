/* SPDX-License-Identifier: Apache-2.0
 * An outbox that is full takes nothing more, and ends all that it took. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "outbox_rig.h"
#include "rosters.h"

#define HANG "{\"delay_ms\":60000}"
#define AWAY "{\"status\":503}"

enum { LEAST = 1 << 20, LOG_BYTES = 10 << 20 /* of the write-ahead log, which comes to the bound */ };

static klp_config least(const struct outbox *outbox)
{
    klp_config config = outbox_config(outbox);
    config.outbox_max_bytes = LEAST;
    config.outbox_sync = KLP_SYNC_NORMAL;
    return config;
}

static klp_status try_push(struct rig *rig, int number, size_t metadata_bytes, uint32_t flags, klp_text_buffer *why)
{
    static char metadata[KLP_MAX_METADATA_BYTES];
    char key[32];

    snprintf(key, sizeof key, "m-%d", number);
    klp_lobby lobby = rig_lobby(key);
    lobby.cookie = (uint64_t)number;
    lobby.flags = flags;
    if (metadata_bytes) {
        int size = sprintf(metadata, "{\"x\":\"");
        memset(metadata + size, 'x', metadata_bytes);
        strcpy(metadata + size + metadata_bytes, "\"}");
        lobby.metadata_json = klp_cstr(metadata);
    }
    return rig->klp->push(rig->pusher, &lobby, NULL, why);
}

/* Pushes until it is full, as fast as it can; how many were accepted. */
static int fill(struct rig *rig, size_t metadata_bytes, uint32_t flags)
{
    klp_text_buffer why = {0};

    for (int i = 0; i < 16384; i++) {
        klp_status status = try_push(rig, i, metadata_bytes, flags, &why);
        if (status == KLP_E_OUTBOX_FULL) {
            assert_non_null(strstr(why.data, "outbox_max_bytes (1048576)"));
            return i;
        }
        if (status)
            fail_msg("%s: %s", rig->klp->status_text(status), why.data);
    }
    fail_msg("it is never full");
    return 0;
}

/* All are applied, each told once. */
static void take_all(struct rig *rig, int count)
{
    bool *is_seen = calloc((size_t)count, sizeof *is_seen);

    assert_non_null(is_seen);
    for (int i = 0; i < count; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        assert_in_range(event->cookie, 0, count - 1);
        assert_false(is_seen[event->cookie]);
        is_seen[event->cookie] = true;
        rig_ack(rig, event);
    }
    free(is_seen);
    outbox_await(rig_stats(rig).unread_events == 0);
}

static void assert_takes_again(struct rig *rig)
{
    klp_status status = KLP_E_OUTBOX_FULL;

    outbox_await((status = try_push(rig, 0, 0, KLP_PUSH_DURABLE, NULL)) != KLP_E_OUTBOX_FULL);
    assert_int_equal(status, KLP_OK);
    rig_ack(rig, rig_take(rig));
}

static void all_that_was_accepted_is_delivered_when_the_server_is_back(void **state)
{
    static const size_t sizes[] = {0, 3000, 50000};
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        rig_open(rig, &config);
        rig_script(rig, -1, AWAY);
        int count = fill(rig, sizes[i], 0);
        assert_in_range(count, 5, 2000);
        outbox_await(rig_stats(rig).journaled == (uint64_t)count);
        outbox_await(rig_stats(rig).outbox_bytes > 0);
        assert_in_range(rig_stats(rig).outbox_bytes, 1, LEAST + LOG_BYTES);
        assert_int_equal(rig_stats(rig).degraded, 0);
        assert_true(rig_stats(rig).refused_full > 0);
        sandbox_unscript(rig->sandbox);
        take_all(rig, count);
        assert_int_equal(sandbox_lobby_count(rig->sandbox), count);
        assert_takes_again(rig);
        outbox_close(outbox);
        sandbox_reset(rig->sandbox);
    }
}

static void all_that_was_accepted_is_delivered_after_a_restart(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);

    rig_open(rig, &config);
    rig_script(rig, -1, HANG);
    int count = fill(rig, 1000, 0);
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    rig_script(rig, -1, AWAY);
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).recovered, count);
    sandbox_unscript(rig->sandbox);
    take_all(rig, count);
    assert_takes_again(rig);
}

/* What nobody acknowledges fills it, too. */
static void events_that_nobody_acknowledges_fill_it(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);
    int count = 0;

    rig_open(rig, &config);
    for (klp_status status = KLP_OK; status != KLP_E_OUTBOX_FULL; count += status == KLP_OK) {
        assert_in_range(count, 0, 5000);
        status = try_push(rig, count, 500, 0, NULL);
        if (status)
            assert_int_equal(status, KLP_E_OUTBOX_FULL);
        assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    }
    assert_int_equal(rig_stats(rig).unread_events, count);
    for (int restart = 0; restart < 2; restart++) {
        outbox_restart(outbox, &config);
        assert_int_equal(rig_stats(rig).unread_events, count);
        assert_int_equal(try_push(rig, 0, 500, 0, NULL), KLP_E_OUTBOX_FULL);
    }
    take_all(rig, count);
    assert_takes_again(rig);
}

static void it_can_be_filled_again_and_again(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);
    int first = 0;

    rig_open(rig, &config);
    for (int i = 0; i < 6; i++) {
        rig_script(rig, -1, AWAY);
        int count = 0;
        outbox_await(rig_stats(rig).queued + rig_stats(rig).in_flight == 0);
        count = fill(rig, 800, 0);
        if (i == 0)
            first = count;
        assert_in_range(count, first / 2, 2 * first); /* no room is lost by it */
        sandbox_unscript(rig->sandbox);
        take_all(rig, count);
        sandbox_reset(rig->sandbox);
        assert_takes_again(rig);
        sandbox_reset(rig->sandbox);
    }
}

static void a_durable_push_into_a_full_one_is_refused_at_once(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);

    config.durable_timeout_ms = 600000;
    rig_open(rig, &config);
    rig_script(rig, -1, AWAY);
    int count = fill(rig, 5000, KLP_PUSH_DURABLE);
    assert_int_equal(rig_stats(rig).journaled, count); /* each that returned KLP_OK */
    assert_int_equal(try_push(rig, count, 5000, KLP_PUSH_DURABLE, NULL), KLP_E_OUTBOX_FULL);
    sandbox_unscript(rig->sandbox);
    take_all(rig, count);
}

/* What is not written down needs no room. */
static void queries_go_on_beside_a_full_one(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");

    rig_open(rig, &config);
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":" HANG "}");
    fill(rig, 5000, 0);
    outbox_close(outbox);
    config.max_in_flight = 256;
    rig_open(rig, &config);
    assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 7, NULL, NULL), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->cookie, 7);
    assert_text(event->error_code, KLP_CODE_NOT_FOUND);
    rig_ack(rig, event);
}

/* Verdicts that quote more than there is room for are told all the same. */
static void large_replies_do_not_stop_verdicts_in_a_full_one(void **state)
{
    enum { SIZE = 200000 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);
    char *rule = malloc(SIZE + 1024), *at = rule;

    assert_non_null(rule);
    at += sprintf(at, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":201,\"body\":\"{\\\"data\\\":{"
                      "\\\"id\\\":\\\"lob_big\\\",\\\"status\\\":\\\"active\\\",\\\"capacity\\\":2,"
                      "\\\"participantCount\\\":2,\\\"x\\\":\\\"");
    memset(at, 'x', SIZE);
    strcpy(at + SIZE, "\\\"}}\"}}");
    rig_open(rig, &config);
    rig_script(rig, -1, AWAY);
    int count = fill(rig, 100, 0);
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    sandbox_script(rig->sandbox, rule);
    free(rule);
    rig_open(rig, &config);
    assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(30000)), KLP_OK);
    assert_int_equal(rig_stats(rig).unread_events, count);
    assert_int_equal(rig_stats(rig).degraded, 0);
    outbox_restart(outbox, &config); /* none of them was told: they are all there */
    assert_int_equal(rig_stats(rig).unread_events, count);
    assert_int_equal(rig_stats(rig).recovered, 0);
    for (int i = 0; i < count; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        assert_text(event->lobby_id, "lob_big");
        assert_true(event->truncated || event->lobby_json.size > SIZE);
        if (event->truncated)
            assert_true(event->truncated_bytes > SIZE);
        rig_ack(rig, event);
    }
    sandbox_reset(rig->sandbox);
    assert_takes_again(rig);
}

/* One larger than all of it: refused, and nobody waits for it. */
static void a_call_larger_than_the_bound_is_refused(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = least(outbox);
    klp_text *ids = calloc(KLP_MAX_PLAYERS, sizeof *ids);
    char *names = malloc(KLP_MAX_PLAYERS * 104);
    klp_lobby lobby = rig_lobby("large");

    assert_true(ids && names);
    for (size_t i = 0; i < KLP_MAX_PLAYERS; i++) {
        int size = sprintf(names + i * 104, "%0100zu", i);
        ids[i] = (klp_text){names + i * 104, (size_t)size};
    }
    lobby.player_ids = ids;
    lobby.player_count = KLP_MAX_PLAYERS; /* a body just below KLP_MAX_BODY_BYTES */
    rig_open(rig, &config);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_OUTBOX_FULL);
    const klp_event *event = rig_push_and_take(rig, "small");
    assert_applied(event);
    rig_ack(rig, event);
    free(ids);
    free(names);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(all_that_was_accepted_is_delivered_when_the_server_is_back),
        test(all_that_was_accepted_is_delivered_after_a_restart),
        test(events_that_nobody_acknowledges_fill_it),
        test(it_can_be_filled_again_and_again),
        test(a_durable_push_into_a_full_one_is_refused_at_once),
        test(queries_go_on_beside_a_full_one),
        test(large_replies_do_not_stop_verdicts_in_a_full_one),
        test(a_call_larger_than_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
