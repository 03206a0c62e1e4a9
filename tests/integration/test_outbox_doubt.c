/* SPDX-License-Identifier: Apache-2.0
 * What may have reached the server before a restart never ends as not applied after it. */
#include "outbox_rig.h"
#include "rosters.h"

#define HANG   "{\"delay_ms\":60000}"
#define REFUSE "{\"status\":403,\"code\":\"forbidden\"}"

/* Waits of an hour: a push that has failed once is not tried again before it is stopped. */
static klp_config patient(const struct outbox *outbox)
{
    klp_config config = outbox_config(outbox);
    config.backoff_initial_ms = config.backoff_max_ms = 3600000;
    return config;
}

static void a_push_cut_off_after_it_was_applied_is_possibly_applied_when_refused_later(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = patient(outbox);

    rig_open(rig, &config);
    rig_script(rig, -1, "{\"reset_after\":true}");
    push_roster(rig, roster("m", "alice", 1));
    outbox_await(rig_stats(rig).attempts == 1);
    outbox_close(outbox);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    sandbox_unscript(rig->sandbox);
    rig_script(rig, -1, REFUSE);
    outbox_open(outbox);
    const klp_event *event = verdict_of(&verdicts, 1);
    assert_ended(event, KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    assert_int_equal(event->http_status, 403);
    assert_int_equal(event->attempts, 2);
    assert_true(event->sends >= 2);
    assert_int_equal(rig_stats(rig).possibly_applied, 1);
    end_verdicts(&verdicts);
}

static void a_push_that_stop_took_off_the_wire_is_possibly_applied_when_refused_later(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};

    outbox_open(outbox);
    rig_script(rig, -1, HANG);
    push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "alice", 2)); /* has joined it: the doubt is its own as well */
    await_admission(rig, 1);
    await_arrivals(rig, "m", 1);
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
    rig_script(rig, -1, REFUSE);
    outbox_open(outbox);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    end_verdicts(&verdicts);
}

static void the_doubt_outlives_several_restarts(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = patient(outbox);

    rig_open(rig, &config);
    rig_script(rig, 1, "{\"reset_after\":true}");
    push_roster(rig, roster("m", "alice", 1));
    outbox_await(rig_stats(rig).attempts == 1);
    outbox_close(outbox);
    config.base_url = klp_cstr(sandbox_url(rig->sandbox));
    rig_script(rig, -1, "{\"status\":503}"); /* answered: what was doubtful stays so */
    for (int i = 0; i < 3; i++) {
        rig_open(rig, &config);
        outbox_await(rig_stats(rig).attempts == 1);
        outbox_close(outbox);
    }
    sandbox_unscript(rig->sandbox);
    rig_script(rig, -1, REFUSE);
    outbox_open(outbox);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    assert_int_equal(verdict_of(&verdicts, 1)->attempts, 5);
    end_verdicts(&verdicts);
}

static void a_push_that_never_reached_the_wire_is_not_applied_when_refused_later(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = outbox_config(outbox);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    block(rig);
    push_roster(rig, roster("m", "alice", 1));
    outbox_close(outbox);
    sandbox_reset(rig->sandbox);
    rig_script(rig, -1, REFUSE);
    rig_open(rig, &config);
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_FORBIDDEN, KLP_NOT_APPLIED);
    assert_ended(verdict_of(&verdicts, BLOCKER), KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    end_verdicts(&verdicts);
}

/* Behind a push that left its key in doubt: what goes on from the line has to know. */
static void a_doubt_that_a_line_was_left_with_is_remembered(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = patient(outbox);

    config.max_attempts = 1;
    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_script(rig, -1, "{\"reset_after\":true,\"delay_ms\":500}");
    push_roster(rig, roster("m", "alice", 1));
    push_roster(rig, roster("m", "bob", 2));
    push_roster(rig, roster("m-other", "carol", 3)); /* takes the one place, or the gate holds both */
    assert_ended(verdict_of(&verdicts, 1), KLP_CODE_NETWORK_ERROR, KLP_POSSIBLY_APPLIED);
    rig_ack(rig, verdict_of(&verdicts, 1));
    verdicts.of[1] = NULL;
    outbox_close(outbox);
    assert_int_equal(arrival_count(rig, "m"), 1);
    sandbox_unscript(rig->sandbox);
    rig_script(rig, -1, REFUSE);
    outbox_open(outbox);
    assert_ended(verdict_of(&verdicts, 2), KLP_CODE_FORBIDDEN, KLP_POSSIBLY_APPLIED);
    verdict_of(&verdicts, 3);
    end_verdicts(&verdicts);
}

static void what_was_applied_before_the_restart_is_applied_after_it(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    struct verdicts verdicts = {rig, {0}};
    klp_config config = patient(outbox);

    rig_open(rig, &config);
    rig_script(rig, 1, "{\"reset_after\":true}");
    push_roster(rig, roster("m", "alice", 1));
    outbox_await(rig_stats(rig).attempts == 1);
    outbox_restart(outbox, NULL);
    assert_applied(verdict_of(&verdicts, 1));
    assert_true(verdict_of(&verdicts, 1)->replayed);
    assert_int_equal(outbox_same_bodies(outbox, "m"), 2);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
    end_verdicts(&verdicts);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_push_cut_off_after_it_was_applied_is_possibly_applied_when_refused_later),
        test(a_push_that_stop_took_off_the_wire_is_possibly_applied_when_refused_later),
        test(the_doubt_outlives_several_restarts),
        test(a_push_that_never_reached_the_wire_is_not_applied_when_refused_later),
        test(a_doubt_that_a_line_was_left_with_is_remembered),
        test(what_was_applied_before_the_restart_is_applied_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
