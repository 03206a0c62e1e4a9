/* SPDX-License-Identifier: Apache-2.0
 * Events and their acknowledgements over a restart: what was acknowledged is never told again, everything else is, as
 * it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include <poll.h>

#include "calls.h"
#include "outbox_rig.h"
#include "rosters.h"

enum { MOST = 64 };

/* Events as they were told: their JSON. */
struct told {
    char *json[MOST];
    size_t count;
};

static void keep(struct told *told, const klp_event *event)
{
    assert_true(told->count < MOST);
    told->json[told->count++] = strdup(event->json.data);
}

static void forget(struct told *told)
{
    for (size_t i = 0; i < told->count; i++)
        free(told->json[i]);
    *told = (struct told){0};
}

static void assert_no_event(struct rig *rig)
{
    const klp_event *event = NULL;
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    assert_int_equal(rig_stats(rig).unread_events, 0);
}

/* Applied, refused with details, called: in this order. */
static void push_some(struct rig *rig, int from, int to)
{
    struct call_room room;

    for (int i = from; i < to; i++) {
        char key[64];
        snprintf(key, sizeof key, "m-%d-\xc3\xa9\"\\", i);
        klp_lobby lobby = rig_lobby(key);
        lobby.cookie = (uint64_t)i;
        lobby.metadata_json = klp_cstr("{\"a\":\"\\u00e9\\n\", \"b\" : [1.0, null]}");
        klp_call call = call_of(&room, "POST", "games/game_1/anything", "{\"n\":1}");
        call.cookie = (uint64_t)i;
        if (i % 3 == 2)
            rig_call(rig, &call);
        else
            rig_push_lobby(rig, &lobby);
        assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    }
}

static void script_some(struct rig *rig)
{
    sandbox_script(rig->sandbox,
                   "{\"match\":{\"op\":\"push\",\"nth\":[2,5,8]},\"action\":{\"status\":400,\"code\":\"bad_thing\","
                   "\"message\":\"what is \\\"this\\\"?\\n\",\"details\":{\"fields\":[\"a\\u0000b\",1.50]}}}");
}

static void events_not_acknowledged_are_told_again_as_they_were(void **state)
{
    enum { CALLS = 24 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct told left = {0};

    outbox_open(outbox);
    script_some(rig);
    push_some(rig, 0, CALLS);
    for (int i = 0; i < CALLS / 2;
         i++) { /* a half is taken, and a half of that acknowledged; the rest is never taken */
        const klp_event *event = rig_take(rig);
        if (i % 2)
            keep(&left, event);
        else
            rig_ack(rig, event);
    }
    outbox_await(rig_stats(rig).events_acknowledged == CALLS / 4);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig_stats(rig).unread_events, CALLS - CALLS / 4);
    assert_int_equal(rig_stats(rig).recovered, 0);
    assert_int_equal(rig->klp->flush(rig->pusher, 0), KLP_OK); /* unread events do not count */

    uint64_t seq = 0;
    for (int i = 0; i < CALLS - CALLS / 4; i++) {
        const klp_event *event = rig_take(rig);
        assert_true(event->seq > seq);
        seq = event->seq;
        assert_text(event->pusher, "rig");
        assert_int_equal(event->cookie, i < CALLS / 4 ? 2 * i + 1 : i + CALLS / 4);
        if (event->op == KLP_OP_CALL)
            assert_reads_back(rig->klp, event);
        if (i < CALLS / 4)
            assert_string_equal(event->json.data, left.json[i]);
        else
            keep(&left, event); /* to be compared at the next round */
    }
    outbox_restart(outbox, NULL); /* none of them was acknowledged */
    for (int i = 0; i < CALLS - CALLS / 4; i++) {
        const klp_event *event = rig_take(rig);
        assert_string_equal(event->json.data, left.json[i]);
        rig_ack(rig, event);
    }
    assert_no_event(rig);
    outbox_restart(outbox, NULL);
    assert_no_event(rig);
    assert_int_equal(arrival_count(rig, "m-0-\xc3\xa9\"\\"), 1); /* what was decided is never sent again */
    forget(&left);
}

static void what_is_acknowledged_after_stop_is_not_told_again(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    const klp_event *taken[10];

    outbox_open(outbox);
    push_some(rig, 0, 10);
    for (int i = 0; i < 5; i++)
        taken[i] = rig_take(rig);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    for (int i = 5; i < 10; i++)
        taken[i] = rig_take(rig);
    for (int i = 0; i < 10; i++)
        if (i != 3 && i != 8)
            rig_ack(rig, taken[i]);
    rig_close(rig);
    outbox_open(outbox);
    assert_int_equal(rig_stats(rig).unread_events, 2);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->cookie, i == 0 ? 3 : 8);
        rig_ack(rig, event);
    }
    assert_no_event(rig);
}

static void close_without_stop_keeps_what_was_not_acknowledged(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    push_some(rig, 0, 6);
    for (int i = 0; i < 3; i++)
        rig_ack(rig, rig_take(rig));
    rig_close(rig);
    outbox_open(outbox);
    for (int i = 3; i < 6; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->cookie, i);
        rig_ack(rig, event);
    }
    assert_no_event(rig);
}

static void tickets_and_seqs_never_come_again_and_the_epoch_stays(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    uint64_t last_ticket = 0, last_seq = 0;
    char epoch[64] = "";

    outbox_open(outbox);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 4; i++) {
            klp_ticket ticket = 0;
            if (i == 3)
                assert_int_equal(rig->klp->ping(rig->pusher, 0, &ticket, NULL), KLP_OK);
            else
                ticket = rig_push(rig, i == 0 ? "m-0" : i == 1 ? "m-1" : "m-2");
            assert_true(ticket > last_ticket);
            last_ticket = ticket;
            const klp_event *event = rig_take(rig);
            assert_int_equal(event->ticket, ticket);
            assert_true(event->seq > last_seq);
            last_seq = event->seq;
            if (!epoch[0])
                snprintf(epoch, sizeof epoch, "%s", event->epoch.data);
            assert_text(event->epoch, epoch);
            rig_ack(rig, event);
        }
        outbox_restart(outbox, NULL);
        assert_no_event(rig);
    }
    assert_int_equal(outbox_files(outbox), 1);
}

static void the_descriptor_says_that_old_events_wait(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct pollfd ready = {.events = POLLIN};

    outbox_open(outbox);
    push_some(rig, 0, 2);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig->klp->event_fd(rig->pusher, &ready.fd), KLP_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(poll(&ready, 1, (int)patience_ms(5000)), 1);
        rig_ack(rig, rig_take(rig));
    }
    assert_int_equal(poll(&ready, 1, 0), 0);
}

static void a_large_reply_is_told_again_whole(void **state)
{
    enum { SIZE = 400000 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    char *rule = malloc(SIZE + 1024), *at = rule;

    assert_non_null(rule);
    at += sprintf(at, "{\"match\":{\"op\":\"push\"},\"action\":{\"status\":201,\"body\":\"{\\\"data\\\":{"
                      "\\\"id\\\":\\\"lob_big\\\",\\\"status\\\":\\\"active\\\",\\\"capacity\\\":2,"
                      "\\\"participantCount\\\":2,\\\"x\\\":\\\"");
    memset(at, 'x', SIZE);
    strcpy(at + SIZE, "\\\"}}\"}}");
    sandbox_script(rig->sandbox, rule);
    free(rule);
    outbox_open(outbox);
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_true(event->lobby_json.size > SIZE);
    char *told = strdup(event->json.data);
    outbox_restart(outbox, NULL);
    event = rig_take(rig);
    assert_false(event->truncated);
    assert_true(event->lobby_json.size > SIZE);
    assert_text(event->lobby_id, "lob_big");
    assert_string_equal(event->json.data, told);
    rig_ack(rig, event);
    free(told);
    assert_no_event(rig);
}

static void verdicts_of_before_and_after_come_in_one_row(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    uint64_t seq = 0;

    outbox_open(outbox);
    push_some(rig, 0, 10);
    rig_script(rig, -1, "{\"delay_ms\":60000}");
    push_roster(rig, roster("left", "alice", 10));
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    push_some(rig, 11, 20);
    for (int i = 0; i < 20; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->cookie, i);
        assert_int_equal(event->recovered, i == 10);
        assert_true(event->seq > seq);
        seq = event->seq;
        rig_ack(rig, event);
    }
    assert_no_event(rig);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(events_not_acknowledged_are_told_again_as_they_were),
        test(what_is_acknowledged_after_stop_is_not_told_again),
        test(close_without_stop_keeps_what_was_not_acknowledged),
        test(tickets_and_seqs_never_come_again_and_the_epoch_stays),
        test(the_descriptor_says_that_old_events_wait),
        test(a_large_reply_is_told_again_whole),
        test(verdicts_of_before_and_after_come_in_one_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
