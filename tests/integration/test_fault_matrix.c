/* SPDX-License-Identifier: Apache-2.0
 * Every fault of a network and of a server that we know, each by itself: the verdict on a push that meets it, and what
 * the server did. What was measured is printed as one table at the end. The rows are in the files fault_*.c. */
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "fault_bench.h"

enum { MOST_TESTS = 96 };

static struct CMUnitTest tests[MOST_TESTS];
static size_t test_count;

static int start_group(void **state)
{
    guest_setup(state);
    guest_make_certificates(&fault_certificates);
    return 0;
}

static int stop_group(void **state)
{
    (void)state;
    guest_remove_certificates(&fault_certificates);
    return 0;
}

static void add(const struct fault_test *list)
{
    for (; list->sentence; list++) {
        assert(test_count < MOST_TESTS);
        tests[test_count++] =
            (struct CMUnitTest){list->sentence, fault_prove, fault_set_up, fault_tear_down, (void *)(uintptr_t)list};
    }
}

int main(void)
{
    add(fault_connection_tests);
    add(fault_script_tests);
    add(fault_reply_tests);
    add(fault_refusal_tests);
    add(fault_stress_tests);
    add(fault_tls_tests);
    add(fault_clock_tests);
    int failed = _cmocka_run_group_tests("tests", tests, test_count, start_group, stop_group);
    fault_table_print();
    return failed;
}
