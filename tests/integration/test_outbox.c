/* SPDX-License-Identifier: Apache-2.0
 * What stop() leaves in the outbox goes on at the next open: its bytes, its tickets, its doubts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "calls.h"
#include "outbox_rig.h"
#include "rosters.h"

#define HANG "{\"delay_ms\":60000}"

static void assert_is_recovered(const klp_event *event, klp_ticket ticket, const char *epoch)
{
    assert_int_equal(event->ticket, ticket);
    assert_true(event->recovered);
    assert_text(event->pusher, "rig");
    assert_string_equal(event->epoch.data, epoch);
    assert_non_null(strstr(event->json.data, "\"recovered\":true"));
}

/* The epoch of the pusher that is open. */
static void note_epoch(struct rig *rig, char epoch[64])
{
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    const klp_event *event = rig_take(rig);
    snprintf(epoch, 64, "%s", event->epoch.data);
    rig_ack(rig, event);
}

static void assert_nothing_more(struct rig *rig)
{
    const klp_event *event = NULL;

    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
}

static void a_push_that_was_on_the_wire_goes_on_with_its_bytes(void **state)
{
    static const char trace_parent[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_lobby lobby = rig_lobby("m-\xc3\xa9\"\\");
    char epoch[64];

    lobby.cookie = UINT64_MAX;
    lobby.metadata_json = klp_cstr("{\"map\" : \"d\xc3\xbcst\", \"n\":[1,2.50]}");
    lobby.trace_parent = klp_cstr(trace_parent);
    lobby.fill_bots = KLP_FILL_BOTS_NO;
    outbox_open(outbox);
    note_epoch(rig, epoch);
    rig_script(rig, 1, HANG);
    klp_ticket ticket = rig_push_lobby(rig, &lobby);
    await_arrivals(rig, lobby.key.data, 1);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig_stats(rig).recovered, 1);

    const klp_event *event = rig_take(rig);
    assert_is_recovered(event, ticket, epoch);
    assert_applied(event);
    assert_true(event->cookie == UINT64_MAX);
    assert_true(event->replayed); /* the server had it from the first time */
    assert_int_equal(event->attempts, 2);
    assert_int_equal(event->sends, 2);
    assert_int_equal(event->op, KLP_OP_PUSH);
    assert_text(event->game_id, "game_1");
    assert_text(event->event_key, "quick_brawl");
    assert_text(event->key, lobby.key.data);
    assert_text(event->trace_parent, trace_parent);
    assert_false(event->joined);
    assert_int_equal(outbox_same_bodies(outbox, lobby.key.data), 2);
    json_t *arrivals = arrivals_of(rig, lobby.key.data);
    assert_true(strlen(sandbox_text_at(arrivals, "1.json.idempotencyKey")) == 36);
    json_decref(arrivals);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    rig_ack(rig, event);
    assert_nothing_more(rig);
}

/* Forty pushes, of which some were on the wire and most had not been tried. */
static void all_that_were_under_way_have_one_verdict_each(void **state)
{
    enum { PUSHES = 40, WIRE = 4 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = outbox_config(outbox);
    klp_ticket tickets[PUSHES + 1];
    char epoch[64], key[32];

    config.max_in_flight = WIRE;
    rig_open(rig, &config);
    note_epoch(rig, epoch);
    rig_script(rig, -1, HANG);
    for (uint64_t i = 1; i <= PUSHES; i++) {
        snprintf(key, sizeof key, "m-%d", (int)i);
        tickets[i] = push_roster(rig, roster(key, "alice", i));
    }
    outbox_await(rig_stats(rig).in_flight == WIRE);
    await_arrivals(rig, "m-4", 1);
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).recovered, PUSHES);
    for (uint64_t i = 1; i <= PUSHES; i++) {
        const klp_event *event = verdict_of(&verdicts, i);
        assert_applied(event);
        assert_is_recovered(event, tickets[i], epoch);
        snprintf(key, sizeof key, "m-%d", (int)i);
        size_t times = outbox_same_bodies(outbox, key);
        assert_int_equal(times, i <= WIRE ? 2 : 1);
        assert_int_equal(event->attempts, times);
    }
    assert_int_equal(sandbox_lobby_count(rig->sandbox), PUSHES);
    end_verdicts(&verdicts);
}

/* They share a request again, and each has its own ticket, cookie and deadline. */
static void those_that_had_joined_are_told_their_own_verdicts(void **state)
{
    enum { JOINED = 5 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_ticket tickets[JOINED + 1];
    char epoch[64];

    outbox_open(outbox);
    note_epoch(rig, epoch);
    rig_script(rig, -1, HANG);
    for (uint64_t i = 1; i <= JOINED; i++) /* the third has the latest deadline, and leads */
        tickets[i] = push_roster(rig, roster("m", "alice", i, .deadline_ms = i == 3 ? 600000 : 300000));
    await_admission(rig, JOINED - 1);
    await_arrivals(rig, "m", 1);
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    assert_int_equal(rig_stats(rig).recovered, JOINED);
    for (uint64_t i = 1; i <= JOINED; i++) {
        assert_applied(verdict_of(&verdicts, i));
        assert_is_recovered(verdict_of(&verdicts, i), tickets[i], epoch);
        assert_int_equal(verdict_of(&verdicts, i)->joined, i > 1);
        assert_int_equal(verdict_of(&verdicts, i)->attempts, 2);
    }
    assert_int_equal(outbox_same_bodies(outbox, "m"), 2);
    end_verdicts(&verdicts);
}

static void a_line_of_rosters_keeps_its_order(void **state)
{
    static const char *const players[] = {"alice", "bob", "carol", "dave"};
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    for (uint64_t i = 0; i < 4; i++)
        push_roster(rig, roster("m", players[i], i + 1));
    push_roster(rig, roster("m", "dave", 5));
    await_admission(rig, 1);
    await_arrivals(rig, "m", 1);
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    sandbox_script(rig->sandbox,
                   "{\"match\":{\"key\":\"m\"},\"times\":3,\"action\":{\"status\":400,\"delay_ms\":200}}");
    outbox_open(outbox);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_text(verdict_of(&verdicts, i)->error_code, KLP_CODE_VALIDATION_FAILED);
        assert_true(verdict_of(&verdicts, i)->recovered);
    }
    assert_applied(verdict_of(&verdicts, 4));
    assert_applied(verdict_of(&verdicts, 5));
    assert_true(verdict_of(&verdicts, 5)->joined);
    json_t *arrivals = arrivals_of(rig, "m");
    assert_int_equal(json_array_size(arrivals), 4);
    for (size_t i = 0; i < 4; i++)
        assert_arrival_is_of(arrivals, i, players[i]);
    json_decref(arrivals);
    end_verdicts(&verdicts);
}

/* A new push of a key that goes on joins it, or waits behind it, as ever. */
static void new_pushes_of_a_key_that_goes_on_join_it_or_wait(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    rig_script(rig, 1, "{\"delay_ms\":1000}");
    outbox_open(outbox);
    push_roster(rig, roster("m", "alice", 2));
    push_roster(rig, roster("m", "bob", 3));
    assert_applied(verdict_of(&verdicts, 1));
    assert_applied(verdict_of(&verdicts, 2));
    assert_true(verdict_of(&verdicts, 2)->joined);
    assert_false(verdict_of(&verdicts, 2)->recovered);
    assert_text(verdict_of(&verdicts, 3)->error_code, KLP_CODE_IDEMPOTENCY_CONFLICT);
    assert_int_equal(arrival_count(rig, "m"), 2);
    end_verdicts(&verdicts);
}

static void calls_go_on_with_their_method_path_and_body(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct call_room room;
    klp_ticket tickets[4];
    char epoch[64];

    outbox_open(outbox);
    note_epoch(rig, epoch);
    rig_script(rig, -1, HANG);
    for (size_t i = 0; i < 4; i++) {
        klp_call call = call_of(&room, methods[i], "games/game_1/a b%/c", i < 3 ? "{\"n\" : 1.50}" : NULL);
        call.cookie = 100 + i;
        tickets[i] = rig_call(rig, &call);
    }
    outbox_await(rig_stats(rig).in_flight == 4);
    outbox_await(sandbox_stat(rig->sandbox, "requests") >= 5); /* the ping was the first */
    json_t *before = sandbox_log_since(rig->sandbox, 1);
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    outbox_open(outbox);
    for (size_t i = 0; i < 4; i++) {
        const klp_event *event = rig_take(rig);
        assert_in_range(event->cookie, 100, 103);
        size_t which = (size_t)event->cookie - 100;
        assert_is_recovered(event, tickets[which], epoch);
        assert_int_equal(event->op, KLP_OP_CALL);
        assert_int_equal(event->outcome, KLP_APPLIED);
        assert_text(event->method, methods[which]);
        assert_text(event->path, "/server/v1/games/game_1/a%20b%25/c");
        assert_int_equal(event->attempts, 2);
        assert_reads_back(rig->klp, event);
        rig_ack(rig, event);
    }
    json_t *after = sandbox_log(rig->sandbox), *first, *second;
    size_t i, j, same = 0;
    assert_int_equal(json_array_size(before), 4);
    assert_int_equal(json_array_size(after), 4);
    json_array_foreach(before, i, first)
    {
        json_array_foreach(after, j, second)
        {
            same += json_equal(json_object_get(first, "method"), json_object_get(second, "method")) &&
                    json_equal(json_object_get(first, "path"), json_object_get(second, "path")) &&
                    json_equal(json_object_get(first, "body"), json_object_get(second, "body"));
        }
    }
    assert_int_equal(same, 4);
    json_decref(before);
    json_decref(after);
    assert_nothing_more(rig);
}

/* What changes nothing is not written down: it ends as without an outbox. */
static void queries_end_with_stop_as_ever(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct call_room room;
    klp_text none = KLP_TEXT_NONE, id = KLP_LIT("lob_1");
    klp_await await = KLP_AWAIT_INIT;
    klp_call call = call_of(&room, "GET", "games", NULL);
    const klp_event *event = NULL;

    await.lobby_id = id;
    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    assert_int_equal(rig->klp->ping(rig->pusher, 1, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->read(rig->pusher, none, id, 2, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    rig_call(rig, &call);
    outbox_await(rig_stats(rig).in_flight == 4);
    assert_int_equal(rig_stats(rig).journaled, 0);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    for (int i = 0; i < 4; i++) {
        event = rig_take(rig);
        assert_text(event->error_code, KLP_CODE_SHUTDOWN);
        assert_int_equal(event->outcome, KLP_OUTCOME_NONE);
    }
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    rig_close(rig);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    assert_int_equal(rig_stats(rig).recovered, 0);
    assert_int_equal(rig_stats(rig).unread_events, 0);
    assert_nothing_more(rig);
}

static void a_stop_with_enough_time_leaves_nothing(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    const klp_event *event = NULL;

    outbox_open(outbox);
    rig_push_many(rig, 0, 50);
    assert_int_equal(rig->klp->stop(rig->pusher, WITHIN_MS), KLP_OK);
    for (int i = 0; i < 50; i++) {
        event = rig_take(rig);
        assert_applied(event);
        assert_false(event->recovered);
        rig_ack(rig, event);
    }
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    rig_close(rig);
    outbox_open(outbox);
    assert_int_equal(rig_stats(rig).recovered + rig_stats(rig).unread_events, 0);
    assert_nothing_more(rig);
}

static void a_call_outlives_many_restarts(void **state)
{
    enum { RESTARTS = 6 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    klp_ticket ticket = rig_push(rig, "m");
    for (size_t i = 1; i <= RESTARTS; i++) {
        await_arrivals(rig, "m", i);
        if (i == RESTARTS)
            sandbox_unscript(rig->sandbox);
        outbox_restart(outbox, NULL);
        assert_int_equal(rig_stats(rig).recovered, 1);
    }
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, ticket);
    assert_applied(event);
    assert_int_equal(event->attempts, RESTARTS + 1);
    assert_int_equal(event->sends, RESTARTS + 1);
    assert_int_equal(outbox_same_bodies(outbox, "m"), RESTARTS + 1);
    rig_ack(rig, event);
    assert_nothing_more(rig);
}

static void a_call_that_goes_on_can_be_cancelled(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = outbox_config(outbox);
    klp_ticket tickets[3];

    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_script(rig, -1, HANG);
    tickets[1] = push_roster(rig, roster("m-1", "alice", 1));
    tickets[2] = push_roster(rig, roster("m-2", "alice", 2));
    await_arrivals(rig, "m-1", 1);
    outbox_restart(outbox, &config);
    await_arrivals(rig, "m-1", 2);
    assert_int_equal(rig->klp->cancel(rig->pusher, tickets[2]), KLP_OK);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_CANCELLED, KLP_NOT_APPLIED);
    assert_int_equal(rig->klp->cancel(rig->pusher, tickets[1]), KLP_OK);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_true(verdict_of(&verdicts, 1)->recovered);
    end_verdicts(&verdicts);
    outbox_restart(outbox, &config);
    assert_int_equal(rig_stats(rig).recovered, 0);
    assert_nothing_more(rig);
}

/* What goes on stands beside the bounds of what is new. */
static void more_than_max_queued_can_go_on(void **state)
{
    enum { PUSHES = 300, ROOM = 10 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    bool is_seen[PUSHES + 1] = {false};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    for (uint64_t i = 1; i <= PUSHES; i++) {
        char key[32];
        snprintf(key, sizeof key, "m-%d", (int)i);
        push_roster(rig, roster(key, "alice", i));
    }
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    rig_script(rig, -1, HANG);
    config.max_queued = ROOM;
    config.max_unread_events = ROOM;
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).recovered, PUSHES);
    assert_int_equal(rig_stats(rig).queued + rig_stats(rig).in_flight, PUSHES);
    for (uint64_t i = 0; i < ROOM; i++)
        rig_push(rig, "new");
    outbox_await(sandbox_stat(rig->sandbox, "requests") == 8); /* since the reset: all that may go out hang */
    klp_lobby lobby = rig_lobby("new");
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_QUEUE_FULL);
    sandbox_unscript(rig->sandbox);
    outbox_restart(outbox, &config); /* those on the wire would hang on */
    assert_int_equal(rig_stats(rig).recovered, PUSHES + ROOM);
    for (int i = 0; i < PUSHES + ROOM; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        assert_in_range(event->cookie, 0, PUSHES);
        assert_false(is_seen[event->cookie] && event->cookie);
        is_seen[event->cookie] = true;
        rig_ack(rig, event);
    }
    assert_nothing_more(rig);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), PUSHES + 1);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_push_that_was_on_the_wire_goes_on_with_its_bytes),
        test(all_that_were_under_way_have_one_verdict_each),
        test(those_that_had_joined_are_told_their_own_verdicts),
        test(a_line_of_rosters_keeps_its_order),
        test(new_pushes_of_a_key_that_goes_on_join_it_or_wait),
        test(calls_go_on_with_their_method_path_and_body),
        test(queries_end_with_stop_as_ever),
        test(a_stop_with_enough_time_leaves_nothing),
        test(a_call_outlives_many_restarts),
        test(a_call_that_goes_on_can_be_cancelled),
        test(more_than_max_queued_can_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
