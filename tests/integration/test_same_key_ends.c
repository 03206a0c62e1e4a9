/* SPDX-License-Identifier: Apache-2.0
 * Pushes that share a request, or wait for one, and end by themselves: their deadline, a cancel, the stop. */
#include <stdatomic.h>

#include "rosters.h"

enum { LATE_MS = 10000 /* what a busy machine may add */ };

static void open_with_one_in_flight(struct rig *rig)
{
    klp_config config = rig_config_retrying(rig);
    config.max_in_flight = 1;
    rig_open(rig, &config);
}

static void cancel(struct rig *rig, klp_ticket ticket)
{
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
}

/* Every ticket has the deadline that its host gave it, and is told when it is over: not when an attempt is, which lasts
 * 15 s. */
static void assert_expired(const klp_event *event, uint64_t deadline_ms, int32_t outcome)
{
    assert_ended(event, KLP_CODE_DEADLINE_EXCEEDED, outcome);
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_in_range(event->elapsed_us, deadline_ms * 1000, (deadline_ms + LATE_MS) * 1000);
}

/* ─── Deadlines ─────────────────────────────────────────────────────────────────────────────────── */

static void a_later_deadline_keeps_the_push_alive_beyond_the_first_one(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("m", "alice", 1, .deadline_ms = 500));
    push_roster(rig, roster("m", "alice", 2, .deadline_ms = 40000));
    push_roster(rig, roster("m", "alice", 3, .deadline_ms = 20000));
    assert_expired(verdict_of(&verdicts, 1), 500, KLP_POSSIBLY_APPLIED); /* it may become applied yet */
    assert_int_equal(verdict_of(&verdicts, 1)->attempts, 0);
    unblock(rig, blocker);
    assert_applied(verdict_of(&verdicts, 2));
    assert_applied(verdict_of(&verdicts, 3));
    assert_int_equal(arrival_count(rig, "m"), 1);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void an_earlier_deadline_ends_only_its_own_ticket(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("m", "alice", 1, .deadline_ms = 40000));
    push_roster(rig, roster("m", "alice", 2, .deadline_ms = 500));
    assert_expired(verdict_of(&verdicts, 2), 500, KLP_POSSIBLY_APPLIED);
    unblock(rig, blocker);
    assert_applied(verdict_of(&verdicts, 1));
    assert_int_equal(verdict_of(&verdicts, 1)->attempts, 1);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void a_push_on_the_wire_is_tried_again_for_the_later_deadline(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"delay_ms\":60000}}");
    push_roster(rig, roster("m", "alice", 1, .deadline_ms = 1500));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2, .deadline_ms = 40000));
    const klp_event *event = verdict_of(&verdicts, 1);
    assert_expired(event, 1500, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->attempts, 1);
    assert_int_equal(event->sends, 1);
    assert_null(verdicts.of[2]);
    assert_applied(verdict_of(&verdicts, 2));
    assert_int_equal(verdict_of(&verdicts, 2)->attempts, 2);
    assert_int_equal(arrival_count(rig, "m"), 2);
    end_verdicts(&verdicts);
}

/* [worker] Holds up everything until *user, a time, has passed. */
static void dawdle(void *user, const klp_attempt *attempt)
{
    const atomic_uint_least64_t *until_ms = user;

    (void)attempt;
    while (rig_now_ms() < atomic_load(until_ms))
        rig_blink();
}

/* They expire within one look at the clock: nobody goes on, so nobody is in doubt. */
static void what_expires_together_unsent_is_not_applied(void **state)
{
    enum { PUSHES = 20, DEADLINE_MS = 2500 };
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);
    atomic_uint_least64_t until_ms;

    atomic_init(&until_ms, 0);
    config.max_in_flight = 1;
    config.on_attempt = dawdle;
    config.callback_user = &until_ms;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    for (uint64_t cookie = 1; cookie <= PUSHES; cookie++)
        push_roster(rig, roster("m", "alice", cookie, .deadline_ms = DEADLINE_MS));
    atomic_store(&until_ms, rig_now_ms() + DEADLINE_MS + 10);
    await_admission(rig, PUSHES - 1);
    unblock(rig, blocker); /* its attempt ends, and the worker dawdles until they all have expired */
    for (uint64_t cookie = 1; cookie <= PUSHES; cookie++) {
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_DEADLINE_EXCEEDED, KLP_NOT_APPLIED);
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 0);
    }
    assert_int_equal(arrival_count(rig, "m"), 0);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void who_together_cannot_outlast_a_pause_is_not_applied(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"limited\"},\"action\":{\"status\":429,"
                                 "\"headers\":{\"Retry-After\":\"120\"}}}");
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("limited", "bob", 9));
    for (uint64_t cookie = 1; cookie <= 3; cookie++) /* unlike those that are pushed into the pause they are admitted */
        push_roster(rig, roster("m", "alice", cookie, .deadline_ms = 30000 + (uint32_t)cookie));
    await_admission(rig, 2);
    unblock(rig, blocker);
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_RATE_LIMITED, KLP_NOT_APPLIED);
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 0);
    }
    assert_int_equal(arrival_count(rig, "m"), 0);
    verdict_of(&verdicts, 9);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

/* ─── Cancelling ────────────────────────────────────────────────────────────────────────────────── */

static void cancelling_the_first_on_the_wire_aborts_nothing(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"delay_ms\":1500}}");
    klp_ticket first = push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2));
    push_roster(rig, roster("m", "alice", 3));
    await_admission(rig, 2);
    cancel(rig, first);
    const klp_event *event = verdict_of(&verdicts, 1);
    assert_ended(event, KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->ticket, first);
    assert_false(event->joined);
    assert_int_equal(event->attempts, 1); /* there is one, which may have its effect */
    assert_int_equal(event->sends, 1);
    assert_null(strstr(event->error_message.data, "before it was sent"));
    assert_null(verdicts.of[2]);
    assert_null(verdicts.of[3]);
    for (uint64_t cookie = 2; cookie <= 3; cookie++) {
        assert_applied(verdict_of(&verdicts, cookie));
        assert_true(verdict_of(&verdicts, cookie)->joined);
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 1);
    }
    assert_int_equal(arrival_count(rig, "m"), 1);
    end_verdicts(&verdicts);
}

static void cancelling_the_first_in_the_queue_lets_the_others_go_out(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    klp_ticket first = push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "alice", 2));
    await_admission(rig, 1);
    cancel(rig, first);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 1)->attempts, 0);
    assert_int_equal(verdict_of(&verdicts, 1)->sends, 0);
    unblock(rig, blocker);
    assert_applied(verdict_of(&verdicts, 2));
    assert_int_equal(arrival_count(rig, "m"), 1);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void cancelling_the_first_that_waits_for_a_retry_lets_the_others_retry(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config_retrying(rig);

    config.backoff_initial_ms = 1500;
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"status\":503}}");
    rig_open(rig, &config);
    klp_ticket first = push_roster(rig, roster("m", "alice", 1));
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (rig_stats(rig).attempts < 1 && rig_now_ms() < limit_ms)
        rig_blink();
    push_roster(rig, roster("m", "alice", 2));
    await_admission(rig, 1);
    cancel(rig, first);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 1)->attempts, 1);
    assert_int_equal(verdict_of(&verdicts, 1)->http_status, 503);
    assert_applied(verdict_of(&verdicts, 2));
    assert_int_equal(verdict_of(&verdicts, 2)->attempts, 2);
    assert_int_equal(arrival_count(rig, "m"), 2);
    end_verdicts(&verdicts);
}

static void cancelling_one_that_joined_leaves_the_first_alone(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("m", "alice", 1, .deadline_ms = 60000));
    klp_ticket second = push_roster(rig, roster("m", "alice", 2));
    await_admission(rig, 1);
    cancel(rig, second);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_true(verdict_of(&verdicts, 2)->joined);
    unblock(rig, blocker);
    assert_applied(verdict_of(&verdicts, 1));
    assert_false(verdict_of(&verdicts, 1)->joined);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void when_all_are_cancelled_nothing_is_sent(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_ticket tickets[5];

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    for (uint64_t cookie = 1; cookie <= 4; cookie++)
        tickets[cookie] = push_roster(rig, roster("m", "alice", cookie));
    await_admission(rig, 3);
    for (uint64_t cookie = 1; cookie <= 4; cookie++) {
        cancel(rig, tickets[cookie]);
        assert_text(verdict_of(&verdicts, cookie)->error_code, KLP_CODE_CANCELLED);
    }
    assert_int_equal(verdict_of(&verdicts, 4)->outcome, KLP_NOT_APPLIED); /* nobody is left to go on */
    push_roster(rig, roster("m", "bob", 5));
    unblock(rig, blocker);
    assert_applied(verdict_of(&verdicts, 5));
    assert_int_equal(arrival_count(rig, "m"), 1);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

/* What remains of the time is the time of those who remain. */
static void a_request_lasts_no_longer_than_those_who_still_wait_for_it(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    klp_ticket first = push_roster(rig, roster("m", "alice", 1, .deadline_ms = 60000));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2, .deadline_ms = 1500));
    push_roster(rig, roster("m", "alice", 3, .deadline_ms = 1000));
    await_admission(rig, 2);
    cancel(rig, first);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    assert_expired(verdict_of(&verdicts, 3), 1000, KLP_POSSIBLY_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 2)->outcome, KLP_POSSIBLY_APPLIED);
    assert_in_range(verdict_of(&verdicts, 2)->elapsed_us, 1500000, (1500 + LATE_MS) * 1000);
    assert_int_equal(verdict_of(&verdicts, 2)->attempts, 1);
    assert_int_equal(rig_stats(rig).attempts, 1);
    end_verdicts(&verdicts);
}

static void one_that_leaves_the_line_closes_it_up(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    static const char *const players[] = {"alice", "bob", "carol", "dave", "erin"};
    klp_ticket tickets[5];

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":2,\"action\":{\"status\":400}}");
    for (uint64_t i = 0; i < 5; i++)
        tickets[i] = push_roster(rig, roster("m", players[i], i + 1));
    cancel(rig, tickets[1]); /* in the middle */
    cancel(rig, tickets[4]); /* the last: the one before is the last now */
    for (uint64_t cookie = 2; cookie <= 5; cookie += 3) {
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_CANCELLED, KLP_NOT_APPLIED);
        assert_int_equal(verdict_of(&verdicts, cookie)->attempts, 0);
    }
    push_roster(rig, roster("m", "dave", 6)); /* … which equal ones join */
    await_admission(rig, 1);
    push_roster(rig, roster("m", "erin", 7));
    unblock(rig, blocker);
    assert_int_equal(verdict_of(&verdicts, 1)->outcome, KLP_NOT_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 3)->outcome, KLP_NOT_APPLIED);
    assert_applied(verdict_of(&verdicts, 4));
    assert_applied(verdict_of(&verdicts, 6));
    assert_ended(verdict_of(&verdicts, 7), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_NOT_APPLIED);
    json_t *arrivals = arrivals_of(rig, "m");
    assert_int_equal(json_array_size(arrivals), 4);
    for (size_t i = 0; i < 4; i++)
        assert_arrival_is_of(arrivals, i, players[i + (i > 0)]);
    json_decref(arrivals);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void one_that_was_joined_in_line_can_leave_it_to_the_others(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    open_with_one_in_flight(rig);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":1,\"action\":{\"status\":400}}");
    push_roster(rig, roster("m", "alice", 1));
    klp_ticket second = push_roster(rig, roster("m", "bob", 2));
    push_roster(rig, roster("m", "bob", 3));
    await_admission(rig, 1);
    cancel(rig, second);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    unblock(rig, blocker);
    assert_int_equal(verdict_of(&verdicts, 1)->outcome, KLP_NOT_APPLIED);
    assert_applied(verdict_of(&verdicts, 3));
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

/* ─── Stopping ──────────────────────────────────────────────────────────────────────────────────── */

static void stop_tells_what_was_never_sent_from_what_was(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    const klp_event *event;

    open_with_one_in_flight(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    push_roster(rig, roster("m", "alice", 2)); /* shares the request */
    push_roster(rig, roster("m", "bob", 3));   /* in line */
    push_roster(rig, roster("m", "bob", 4));   /* with it */
    push_roster(rig, roster("m", "carol", 5)); /* behind them */
    push_roster(rig, roster("n", "alice", 6)); /* queued */
    push_roster(rig, roster("n", "alice", 7)); /* with it */
    push_roster(rig, roster("n", "bob", 8));
    await_admission(rig, 3);
    uint64_t before_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_in_range(rig_now_ms() - before_ms, 0, 3000);
    for (uint64_t cookie = 1; cookie <= 8; cookie++)
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_SHUTDOWN,
                     cookie <= 2 ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    assert_int_equal(arrival_count(rig, "n"), 0);
    end_verdicts(&verdicts);
}

static void stop_drains_a_line_to_its_end(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    static const char *const players[] = {"alice", "bob", "bob", "carol", "alice"};

    open_with_one_in_flight(rig);
    rig_script(rig, -1, "{\"delay_ms\":50}");
    for (uint64_t i = 0; i < 5; i++)
        push_roster(rig, roster("m", players[i], i + 1));
    assert_int_equal(rig->klp->stop(rig->pusher, WITHIN_MS), KLP_OK);
    assert_applied(verdict_of(&verdicts, 1));
    for (uint64_t cookie = 2; cookie <= 4; cookie++)
        assert_ended(verdict_of(&verdicts, cookie), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_NOT_APPLIED);
    assert_applied(verdict_of(&verdicts, 5)); /* joined the first, or was a repeat of it */
    end_verdicts(&verdicts);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_later_deadline_keeps_the_push_alive_beyond_the_first_one),
        test(an_earlier_deadline_ends_only_its_own_ticket),
        test(a_push_on_the_wire_is_tried_again_for_the_later_deadline),
        test(what_expires_together_unsent_is_not_applied),
        test(who_together_cannot_outlast_a_pause_is_not_applied),
        test(cancelling_the_first_on_the_wire_aborts_nothing),
        test(cancelling_the_first_in_the_queue_lets_the_others_go_out),
        test(cancelling_the_first_that_waits_for_a_retry_lets_the_others_retry),
        test(cancelling_one_that_joined_leaves_the_first_alone),
        test(when_all_are_cancelled_nothing_is_sent),
        test(a_request_lasts_no_longer_than_those_who_still_wait_for_it),
        test(one_that_leaves_the_line_closes_it_up),
        test(one_that_was_joined_in_line_can_leave_it_to_the_others),
        test(stop_tells_what_was_never_sent_from_what_was),
        test(stop_drains_a_line_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
