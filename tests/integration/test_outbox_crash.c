/* SPDX-License-Identifier: Apache-2.0
 * What was accepted is delivered, once, and told, whoever is killed in between, and whenever. $KLP_ONLY: the one test
 * of that name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "crash_loop.h"

static void a_host_that_is_killed_loses_nothing(void **state)
{
    (void)state;
    crash_loop_run(&(struct crash_loop){.title = "the host is killed"});
}

static void a_reader_of_results_that_is_killed_misses_nothing(void **state)
{
    (void)state;
    crash_loop_run(&(struct crash_loop){
        .title = "its reader is killed", .has_reader = true, .kills_reader = true, .spares_hosts = true});
}

static void a_host_and_its_reader_that_are_killed_lose_nothing(void **state)
{
    (void)state;
    crash_loop_run(&(struct crash_loop){.title = "both are killed", .has_reader = true, .kills_reader = true});
}

static void hosts_that_do_not_come_back_are_succeeded_by_others(void **state)
{
    (void)state;
    crash_loop_run(&(struct crash_loop){.title = "one of four is killed", .hosts = 4, .gone_permille = 400});
}

static void their_events_reach_the_one_reader(void **state)
{
    (void)state;
    crash_loop_run(&(struct crash_loop){.title = "one of four is killed, or their reader",
                                        .hosts = 4,
                                        .gone_permille = 400,
                                        .has_reader = true,
                                        .kills_reader = true});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, crash_loop_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_host_that_is_killed_loses_nothing),
        TEST(a_reader_of_results_that_is_killed_misses_nothing),
        TEST(a_host_and_its_reader_that_are_killed_lose_nothing),
        TEST(hosts_that_do_not_come_back_are_succeeded_by_others),
        TEST(their_events_reach_the_one_reader),
    };
    if (getenv("KLP_ONLY"))
        cmocka_set_test_filter(getenv("KLP_ONLY"));
    return cmocka_run_group_tests(tests, crash_loop_print_head, NULL);
}
