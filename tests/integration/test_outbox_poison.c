/* SPDX-License-Identifier: Apache-2.0
 * A call that processes die of is not tried for ever; one that was only there when they died is. */
#include <signal.h>
#include <stdio.h>

#include "outbox_rig.h"
#include "process.h"
#include "rosters.h"

/* A process with our outbox: it pushes `key` unless it is NULL, and dies of its reply, or is killed once the server has
 * `arrivals` of it. */
static void die_over(struct outbox *outbox, const char *key, bool is_by_its_reply, size_t arrivals)
{
    const klp_config config = outbox_config(outbox);
    char library[4096];
    const char *environment[] = {"KRATY_SERVER_KEY=" SANDBOX_KEY, library, NULL};
    const char *argv[] = {
        rig_program("poisoned"), sandbox_url(outbox->rig->sandbox), outbox->folder, config.name.data, key, NULL};
    snprintf(library, sizeof library, "KLP_LIBRARY=%s", rig_library());
    struct process *process = process_start(&(struct process_setup){.argv = argv, .environment = environment});

    if (!is_by_its_reply) {
        await_arrivals(outbox->rig, "m", arrivals);
        process_signal(process, SIGKILL);
    }
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, SIGKILL);
    process_result_clear(&result);
}

static void what_three_processes_died_of_is_set_aside_and_told(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    rig_script(rig, -1, "{\"status\":418}");
    die_over(outbox, "m", true, 0);
    die_over(outbox, NULL, true, 0);
    die_over(outbox, NULL, true, 0);
    size_t arrivals = arrival_count(rig, "m");
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    const klp_event *event = rig_take(rig);
    assert_true(klp_event_is_set_aside(event));
    assert_int_equal(event->outcome, KLP_POSSIBLY_APPLIED); /* no reply of it was ever understood */
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_true(event->recovered);
    assert_text(event->key, "m");
    rig_ack(rig, event);
    assert_int_equal(arrival_count(rig, "m"), arrivals);
    assert_int_equal(rig_stats(rig).set_aside, 1);
    rig_ack(rig, rig_push_and_take(rig, "n")); /* the others go on */
}

static void two_deaths_are_not_enough(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    rig_script(rig, -1, "{\"status\":418}");
    die_over(outbox, "m", true, 0);
    die_over(outbox, NULL, true, 0);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    const klp_event *event = rig_take(rig);
    assert_applied(event);
    assert_int_equal(rig_stats(rig).set_aside, 0);
    rig_ack(rig, event);
}

static void a_call_that_was_on_the_wire_whenever_its_process_was_killed_goes_on(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;

    rig_script(rig, -1, "{\"delay_ms\":60000}");
    for (size_t i = 1; i <= 5; i++)
        die_over(outbox, i == 1 ? "m" : NULL, false, i);
    sandbox_unscript(rig->sandbox);
    outbox_open(outbox);
    const klp_event *event = rig_take(rig);
    assert_applied(event);
    assert_true(event->recovered);
    assert_int_equal(event->attempts, 6);
    assert_int_equal(rig_stats(rig).set_aside, 0);
    rig_ack(rig, event);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(what_three_processes_died_of_is_set_aside_and_told),
        test(two_deaths_are_not_enough),
        test(a_call_that_was_on_the_wire_whenever_its_process_was_killed_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
