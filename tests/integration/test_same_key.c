/* SPDX-License-Identifier: Apache-2.0
 * One push of a key at a time: equal ones share its request, others wait for its verdict. */
#include "rosters.h"

static void equal_pushes_share_one_request(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_ticket tickets[4] = {0};

    rig_script(rig, 1, "{\"delay_ms\":1500}");
    rig_open(rig, NULL);
    tickets[1] = push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    tickets[2] = push_roster(rig, roster("m", "alice", 2));
    tickets[3] = push_roster(rig, roster("m", "alice", 3));
    await_admission(rig, 2);
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        const klp_event *event = verdict_of(&verdicts, cookie);
        assert_applied(event);
        assert_int_equal(event->ticket, tickets[cookie]);
        assert_int_equal(event->joined, cookie > 1);
        assert_int_equal(event->attempts, 1);
        assert_int_equal(event->sends, 1);
        assert_int_equal(event->http_status, 201);
        assert_false(event->replayed);
        assert_string_equal(event->lobby_id.data, verdict_of(&verdicts, 1)->lobby_id.data);
        assert_string_equal(event->lobby_json.data, verdict_of(&verdicts, 1)->lobby_json.data);
    }
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.joined, 2);
    assert_int_equal(stats.accepted, 3);
    assert_int_equal(stats.applied, 3);
    assert_int_equal(stats.attempts, 1);
    assert_int_equal(stats.sends, 1);
    assert_int_equal(arrival_count(rig, "m"), 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    end_verdicts(&verdicts);
}

static void many_equal_pushes_at_once_make_one_lobby(void **state)
{
    enum { PUSHES = 500 };
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    for (uint64_t cookie = 1; cookie <= PUSHES; cookie++)
        push_roster(rig, roster("m", "alice", cookie));
    await_admission(rig, PUSHES - 1);
    unblock(rig, blocker);
    size_t joined = 0;
    for (uint64_t cookie = 1; cookie <= PUSHES; cookie++) {
        assert_applied(verdict_of(&verdicts, cookie));
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 1);
        joined += verdict_of(&verdicts, cookie)->joined != 0;
    }
    assert_int_equal(joined, PUSHES - 1);
    assert_int_equal(rig_stats(rig).joined, PUSHES - 1);
    assert_int_equal(arrival_count(rig, "m"), 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2); /* the blocker's is the other */
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

/* The push with the latest deadline leads; who joined whom does not change by that. */
static void it_is_the_later_one_that_joined_whatever_the_deadlines(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("m", "alice", 1, .deadline_ms = 20000));
    push_roster(rig, roster("m", "alice", 2, .deadline_ms = 40000));
    push_roster(rig, roster("m", "alice", 3, .deadline_ms = 30000));
    await_admission(rig, 2);
    unblock(rig, blocker);
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        assert_applied(verdict_of(&verdicts, cookie));
        assert_int_equal(verdict_of(&verdicts, cookie)->joined, cookie > 1);
    }
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void another_roster_waits_and_is_judged_by_the_server(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_script(rig, 1, "{\"delay_ms\":1000}");
    rig_open(rig, NULL);
    push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "bob", 2));
    assert_applied(verdict_of(&verdicts, 1));
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_NOT_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 2)->error_origin, KLP_ORIGIN_SERVER);
    assert_int_equal(verdict_of(&verdicts, 2)->http_status, 409);
    assert_false(verdict_of(&verdicts, 2)->joined);
    json_t *arrivals = arrivals_of(rig, "m");
    assert_int_equal(json_array_size(arrivals), 2);
    assert_true(json_integer_value(json_object_get(json_array_get(arrivals, 1), "at_us")) >=
                json_integer_value(json_object_get(json_array_get(arrivals, 0), "answered_us")));
    json_decref(arrivals);
    assert_int_equal(rig_stats(rig).joined, 0);
    end_verdicts(&verdicts);
}

static void a_corrected_roster_is_applied_after_a_refused_one(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    sandbox_script(rig->sandbox,
                   "{\"match\":{\"op\":\"push\",\"player\":\"wrong\"},\"times\":-1,\"action\":{\"status\":400,"
                   "\"code\":\"validation_failed\",\"delay_ms\":700}}");
    rig_open(rig, NULL);
    push_roster(rig, roster("m", "wrong", 1));
    push_roster(rig, roster("m", "right", 2));
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_VALIDATION_FAILED, KLP_NOT_APPLIED);
    assert_applied(verdict_of(&verdicts, 2));
    assert_int_equal(verdict_of(&verdicts, 2)->http_status, 201);
    assert_int_equal(arrival_count(rig, "m"), 2);
    end_verdicts(&verdicts);
}

static void rosters_in_line_keep_their_order_and_equal_ones_join_the_last(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);
    static const char *const players[] = {"alice", "bob", "carol", "dave"};

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":3,\"action\":{\"status\":400}}");
    for (uint64_t i = 0; i < 4; i++)
        push_roster(rig, roster("m", players[i], i + 1));
    push_roster(rig, roster("m", "dave", 5));  /* the last in line: joins */
    push_roster(rig, roster("m", "alice", 6)); /* the one under way: joins */
    push_roster(rig, roster("m", "bob", 7));   /* between: stands in line again */
    await_admission(rig, 2);
    unblock(rig, blocker);
    for (uint64_t cookie = 1; cookie <= 3; cookie++)
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_VALIDATION_FAILED, KLP_NOT_APPLIED);
    assert_applied(verdict_of(&verdicts, 4));
    assert_applied(verdict_of(&verdicts, 5));
    assert_true(verdict_of(&verdicts, 5)->joined);
    assert_ended(verdict_of(&verdicts, 6), KLP_CODE_VALIDATION_FAILED, KLP_NOT_APPLIED);
    assert_true(verdict_of(&verdicts, 6)->joined);
    assert_ended(verdict_of(&verdicts, 7), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_NOT_APPLIED);
    json_t *arrivals = arrivals_of(rig, "m");
    assert_int_equal(json_array_size(arrivals), 5);
    for (size_t i = 0; i < 4; i++)
        assert_arrival_is_of(arrivals, i, players[i]);
    assert_arrival_is_of(arrivals, 4, "bob");
    json_decref(arrivals);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void the_hosts_own_idempotency_keys_do_not_make_pushes_differ(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_script(rig, 1, "{\"delay_ms\":1500}");
    rig_open(rig, NULL);
    push_roster(rig, roster("m", "alice", 1, .idempotency_key = "first-of-them"));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2, .idempotency_key = "second"));
    push_roster(rig, roster("m", "alice", 3));
    for (uint64_t cookie = 1; cookie <= 3; cookie++)
        assert_applied(verdict_of(&verdicts, cookie));
    json_t *arrivals = arrivals_of(rig, "m");
    assert_int_equal(json_array_size(arrivals), 1);
    assert_string_equal(sandbox_text_at(arrivals, "0.json.idempotencyKey"), "first-of-them");
    json_decref(arrivals);
    end_verdicts(&verdicts);
}

static void a_key_of_another_event_or_game_is_another_key(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    sandbox_script(rig->sandbox,
                   "{\"match\":{\"event\":\"quick_brawl\",\"key\":\"m\"},\"action\":{\"delay_ms\":30000}}");
    rig_open(rig, NULL);
    klp_ticket slow = push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2, .event_key = "battle_royale"));
    push_roster(rig, roster("m", "alice", 3, .game_id = "game_2"));
    /* neither joined nor waits: both have their verdicts while the first is under way */
    assert_applied(verdict_of(&verdicts, 2));
    assert_int_equal(verdict_of(&verdicts, 3)->outcome, KLP_NOT_APPLIED); /* the API key is of game_1 */
    assert_int_equal(verdict_of(&verdicts, 3)->attempts, 1);
    assert_null(verdicts.of[1]);
    assert_int_equal(rig_stats(rig).joined, 0);
    assert_int_equal(rig->klp->cancel(rig->pusher, slow), KLP_OK);
    verdict_of(&verdicts, 1);
    end_verdicts(&verdicts);
}

static void a_retried_push_takes_those_that_joined_along(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config_retrying(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "[{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"status\":503}},"
                                 "{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"status\":500}}]");
    push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "alice", 2));
    await_admission(rig, 1);
    unblock(rig, blocker);
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 3)); /* on the wire, or waiting for its retry */
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        assert_applied(verdict_of(&verdicts, cookie));
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 3);
        assert_int_equal(verdict_of(&verdicts, cookie)->sends, 3);
    }
    assert_int_equal(arrival_count(rig, "m"), 3);
    assert_int_equal(rig_stats(rig).retries, 2);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void a_refusal_is_told_to_all_that_joined(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_script(rig, 1,
               "{\"status\":403,\"code\":\"forbidden\",\"message\":\"not you\",\"delay_ms\":1500,"
               "\"details\":{\"who\":\"you\"}}");
    rig_open(rig, NULL);
    push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2));
    push_roster(rig, roster("m", "alice", 3));
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        const klp_event *event = verdict_of(&verdicts, cookie);
        assert_ended(event, KLP_CODE_FORBIDDEN, KLP_NOT_APPLIED);
        assert_text(event->error_message, "not you");
        assert_non_null(strstr(event->error_details_json.data, "you"));
        assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
    }
    assert_int_equal(rig_stats(rig).not_applied, 3);
    end_verdicts(&verdicts);
}

static void those_that_joined_or_wait_in_line_count_as_queued(void **state)
{
    enum { ROOM = 10 };
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);
    klp_ticket ticket;

    config.max_in_flight = 1;
    config.max_queued = ROOM;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    for (uint64_t cookie = 1; cookie < ROOM; cookie++)
        push_roster(rig, roster("m", cookie % 3 ? "alice" : "bob", cookie));
    for (int i = 0; i < 2; i++) { /* before, and after, the worker has looked at them */
        assert_int_equal(try_roster(rig, &roster("m", "alice", ROOM), &ticket), KLP_E_QUEUE_FULL);
        assert_int_equal(try_roster(rig, &roster("other", "alice", ROOM), &ticket), KLP_E_QUEUE_FULL);
        await_admission(rig, ROOM - 3);
    }
    assert_int_equal(rig_stats(rig).queued, ROOM - 1);
    assert_int_equal(rig_stats(rig).refused_full, 4);
    unblock(rig, blocker);
    for (uint64_t cookie = 1; cookie < ROOM; cookie++)
        assert_int_equal(verdict_of(&verdicts, cookie)->outcome, cookie % 3 ? KLP_APPLIED : KLP_NOT_APPLIED);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(equal_pushes_share_one_request),
        test(many_equal_pushes_at_once_make_one_lobby),
        test(it_is_the_later_one_that_joined_whatever_the_deadlines),
        test(another_roster_waits_and_is_judged_by_the_server),
        test(a_corrected_roster_is_applied_after_a_refused_one),
        test(rosters_in_line_keep_their_order_and_equal_ones_join_the_last),
        test(the_hosts_own_idempotency_keys_do_not_make_pushes_differ),
        test(a_key_of_another_event_or_game_is_another_key),
        test(a_retried_push_takes_those_that_joined_along),
        test(a_refusal_is_told_to_all_that_joined),
        test(those_that_joined_or_wait_in_line_count_as_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
