/* SPDX-License-Identifier: Apache-2.0
 * A host may end, or unload the plugin, whenever and however it likes: nothing crashes and nothing hangs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_group.h"

/* Less than a push's deadline, which is what a host that waits for its pushes takes. */
#define EXIT_LIMIT_MS (is_under_valgrind() ? 90000u : 15000u)

static void run_exits(const char *mode, unsigned times)
{
    if (is_under_valgrind())
        times = 1;
    for (unsigned i = 0; i < times; i++) {
        uint64_t took_ms = guest_run("exits", mode, sandbox_url(plain), NULL, NULL);
        if (took_ms > EXIT_LIMIT_MS)
            fail_msg("exits %s took %llu ms", mode, (unsigned long long)took_ms);
    }
}

static void a_host_may_exit_in_a_handshake_that_is_never_answered(void **state)
{
    (void)state;
    run_exits("during-a-silent-handshake", GUEST_ROUNDS(15));
}

static void a_host_may_exit_at_any_instant_of_many_handshakes(void **state)
{
    unsigned delay_us = 0;
    char delay[16];

    (void)state;
    sandbox_script(secure, "{\"times\": -1, \"action\": {\"headers\": {\"Connection\": \"close\"}}}");
    for (unsigned i = 0; i < GUEST_ROUNDS(60); i++) {
        delay_us = (delay_us + 7919) % 30000; /* spread over 30 ms, and the same in every run */
        snprintf(delay, sizeof delay, "%u", delay_us);
        uint64_t took_ms =
            guest_run("exits", "during-many-handshakes", sandbox_url(secure), certificates.authority, delay);
        assert_true(took_ms <= EXIT_LIMIT_MS);
    }
}

static void a_host_may_exit_with_work_queued(void **state)
{
    (void)state;
    run_exits("with-work-queued", 3);
}

static void a_host_may_exit_from_a_second_thread(void **state)
{
    (void)state;
    run_exits("from-a-second-thread", GUEST_ROUNDS(10));
}

static void a_host_may_exit_with_two_pushers_open(void **state)
{
    (void)state;
    run_exits("with-two-pushers", GUEST_ROUNDS(10));
}

static void a_host_may_exit_after_close_and_after_stop(void **state)
{
    (void)state;
    run_exits("after-close", 3);
    run_exits("after-stop", 3);
}

static void main_may_return_with_events_unread(void **state)
{
    (void)state;
    run_exits("with-events-unread", 3);
}

static void a_host_may_exit_while_its_results_flow_or_wait(void **state)
{
    (void)state;
    run_exits("with-results-unanswered", 3);
    run_exits("with-results-flowing", GUEST_ROUNDS(10));
}

static void a_host_may_close_in_an_exit_handler_of_its_own(void **state)
{
    (void)state;
    run_exits("closing-in-an-early-handler", 5);
    run_exits("closing-in-a-late-handler", 5);
}

static void a_host_may_unload_the_library_at_work_and_after(void **state)
{
    (void)state;
    guest_run("unloads", "at-work", sandbox_url(plain), NULL, NULL);
    guest_run("unloads", "many-times", sandbox_url(plain), NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_host_may_exit_in_a_handshake_that_is_never_answered, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_at_any_instant_of_many_handshakes, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_with_work_queued, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_from_a_second_thread, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_with_two_pushers_open, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_after_close_and_after_stop, forget_everything),
        cmocka_unit_test_setup(main_may_return_with_events_unread, forget_everything),
        cmocka_unit_test_setup(a_host_may_exit_while_its_results_flow_or_wait, forget_everything),
        cmocka_unit_test_setup(a_host_may_close_in_an_exit_handler_of_its_own, forget_everything),
        cmocka_unit_test_setup(a_host_may_unload_the_library_at_work_and_after, forget_everything),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
