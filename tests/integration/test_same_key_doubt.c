/* SPDX-License-Identifier: Apache-2.0
 * A key whose last push may have been applied keeps that doubt, until a push of it is applied. */
#include "rosters.h"

/* Its lobby is there, its reply never came. */
static void leave_in_doubt(struct rig *rig, struct verdicts *verdicts, const char *key, uint64_t cookie)
{
    rig_script(rig, -1, "{\"reset_after\":true}"); /* also should libcurl send it again */
    push_roster(rig, roster(key, "alice", cookie));
    assert_ended(verdict_of(verdicts, cookie), KLP_CODE_NETWORK_ERROR, KLP_POSSIBLY_APPLIED);
    sandbox_unscript(rig->sandbox);
}

static void a_repeat_that_is_refused_is_still_possibly_applied(void **state)
{
    static const char *const refusals[] = {
        "{\"status\":403,\"code\":\"forbidden\"}",
        "{\"status\":409,\"code\":\"idempotency_conflict\"}",
        "{\"status\":404,\"code\":\"not_found\"}",
        "{\"status\":400,\"code\":\"validation_failed\"}",
    };
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_open(rig, NULL);
    leave_in_doubt(rig, &verdicts, "m", 1);
    for (uint64_t i = 0; i < 4; i++) {
        rig_script(rig, 1, refusals[i]);
        push_roster(rig, roster("m", "alice", 2 + i));
        assert_int_equal(verdict_of(&verdicts, 2 + i)->outcome, KLP_POSSIBLY_APPLIED);
        assert_int_equal(verdict_of(&verdicts, 2 + i)->error_origin, KLP_ORIGIN_SERVER);
        assert_int_equal(verdict_of(&verdicts, 2 + i)->attempts, 1);
    }
    rig_script(rig, 1, refusals[0]);
    push_roster(rig, roster("n", "alice", 9)); /* a doubt is of its key alone */
    assert_ended(verdict_of(&verdicts, 9), KLP_CODE_FORBIDDEN, KLP_NOT_APPLIED);
    end_verdicts(&verdicts);
}

static void a_repeat_that_is_applied_ends_the_doubt(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_open(rig, NULL);
    leave_in_doubt(rig, &verdicts, "m", 1);
    push_roster(rig, roster("m", "alice", 2));
    assert_applied(verdict_of(&verdicts, 2));
    assert_true(verdict_of(&verdicts, 2)->replayed);
    rig_script(rig, 1, "{\"status\":403}");
    push_roster(rig, roster("m", "alice", 3));
    assert_int_equal(verdict_of(&verdicts, 3)->outcome, KLP_NOT_APPLIED);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    end_verdicts(&verdicts);
}

static void a_repeat_of_an_applied_push_is_really_sent(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_open(rig, NULL);
    for (uint64_t cookie = 1; cookie <= 3; cookie++) {
        push_roster(rig, roster("m", "alice", cookie));
        assert_applied(verdict_of(&verdicts, cookie));
        assert_int_equal(verdict_of(&verdicts, cookie)->replayed, cookie > 1);
        assert_false(verdict_of(&verdicts, cookie)->joined);
    }
    assert_int_equal(arrival_count(rig, "m"), 3);
    assert_int_equal(rig_stats(rig).joined, 0);
    end_verdicts(&verdicts);
}

/* Those that it leaves behind in line learn of it before they go out. */
static void the_next_in_line_takes_over_the_doubt(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\",\"player\":\"alice\"},\"times\":-1,"
                                 "\"action\":{\"reset_after\":true}}");
    push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "bob", 2));
    unblock(rig, blocker);
    assert_int_equal(verdict_of(&verdicts, 1)->outcome, KLP_POSSIBLY_APPLIED);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_POSSIBLY_APPLIED);
    sandbox_unscript(rig->sandbox);
    push_roster(rig, roster("m", "alice", 3));
    assert_applied(verdict_of(&verdicts, 3));
    push_roster(rig, roster("m", "bob", 4));
    assert_ended(verdict_of(&verdicts, 4), KLP_CODE_IDEMPOTENCY_CONFLICT, KLP_NOT_APPLIED);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

/* alice's lobby is there: a repeat of her push is no proof of the contrary, wherever it ends. */
static void a_repeat_in_line_behind_another_roster_keeps_the_doubt(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    leave_in_doubt(rig, &verdicts, "m", 1);
    klp_ticket blocker = block(rig);
    push_roster(rig, roster("m", "bob", 2));
    klp_ticket repeat = push_roster(rig, roster("m", "alice", 3));
    assert_int_equal(rig->klp->cancel(rig->pusher, repeat), KLP_OK);
    assert_ended(verdict_of(&verdicts, 3), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    unblock(rig, blocker);
    assert_int_equal(verdict_of(&verdicts, 2)->outcome, KLP_POSSIBLY_APPLIED);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

static void a_push_cancelled_on_the_wire_leaves_doubt(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};

    rig_open(rig, NULL);
    rig_script(rig, 1, "{\"delay_ms\":60000}");
    klp_ticket ticket = push_roster(rig, roster("m", "alice", 1));
    await_arrivals(rig, "m", 1);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    rig_script(rig, 1, "{\"status\":403}");
    push_roster(rig, roster("m", "alice", 2));
    assert_int_equal(verdict_of(&verdicts, 2)->outcome, KLP_POSSIBLY_APPLIED);
    end_verdicts(&verdicts);
}

/* What leaves a push that goes on is in doubt; the key is what the push turns out to be. */
static void a_ticket_that_left_does_not_put_its_key_in_doubt(void **state)
{
    struct rig *rig = *state;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = rig_config(rig);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    klp_ticket blocker = block(rig);
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"m\"},\"times\":2,\"action\":{\"status\":403}}");
    klp_ticket first = push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "alice", 2));
    await_admission(rig, 1);
    assert_int_equal(rig->klp->cancel(rig->pusher, first), KLP_OK);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_CANCELLED, KLP_POSSIBLY_APPLIED);
    unblock(rig, blocker);
    assert_int_equal(verdict_of(&verdicts, 2)->outcome, KLP_NOT_APPLIED);
    push_roster(rig, roster("m", "alice", 3));
    assert_int_equal(verdict_of(&verdicts, 3)->outcome, KLP_NOT_APPLIED);
    verdict_of(&verdicts, BLOCKER);
    end_verdicts(&verdicts);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_repeat_that_is_refused_is_still_possibly_applied),
        test(a_repeat_that_is_applied_ends_the_doubt),
        test(a_repeat_of_an_applied_push_is_really_sent),
        test(the_next_in_line_takes_over_the_doubt),
        test(a_repeat_in_line_behind_another_roster_keeps_the_doubt),
        test(a_push_cancelled_on_the_wire_leaves_doubt),
        test(a_ticket_that_left_does_not_put_its_key_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
