/* SPDX-License-Identifier: Apache-2.0
 * The plugin in its host's process: it changes nothing of it, keeps nothing of it, and knows a child when it is one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_group.h"
#include "process.h"

static void run_plain(const char *program, const char *mode)
{
    guest_run(program, mode, sandbox_url(plain), NULL, NULL);
}

static void run_secure(const char *program, const char *mode)
{
    guest_run(program, mode, sandbox_url(secure), certificates.authority, NULL);
}

/* ---- fork ---- */

static void a_forked_child_is_refused_and_its_parent_goes_on(void **state)
{
    (void)state;
    run_plain("forks", "and-is-refused");
}

static void children_that_come_and_go_do_not_hurt_a_parent_under_load(void **state)
{
    (void)state;
    run_plain("forks", "under-load");
}

static void a_process_that_forks_before_its_first_open_is_free(void **state)
{
    (void)state;
    run_plain("forks", "before-open");
    assert_int_equal(sandbox_lobby_count(plain), 40); /* of both */
}

static void a_child_with_the_pid_of_its_parent_is_refused(void **state)
{
    (void)state;
    run_plain("forks", "into-a-namespace");
}

/* ---- signals ---- */

static void signals_are_left_as_they_were(void **state)
{
    (void)state;
    run_plain("signals", "are-left-alone");
    run_secure("signals", "are-left-alone");
}

static void a_storm_of_resets_raises_no_sigpipe(void **state)
{
    static const char *const storms[] = {
        "{\"share_permille\": 700, \"action\": {\"reset_before\": true}}",
        "{\"share_permille\": 700, \"action\": {\"close_after\": true}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++) {
        sandbox_script(plain, storms[i]);
        run_plain("signals", "in-a-storm-of-resets");
        sandbox_unscript(plain);
        sandbox_script(secure, storms[i]);
        run_secure("signals", "in-a-storm-of-resets");
        sandbox_unscript(secure);
    }
}

static void the_hosts_signals_land_on_the_host(void **state)
{
    (void)state;
    run_plain("signals", "land-on-the-host");
    run_secure("signals", "land-on-the-host");
}

/* ---- what is the host's own ---- */

static void nothing_is_printed_and_nothing_of_the_process_is_changed(void **state)
{
    (void)state;
    guest_run("quiet", sandbox_url(plain), NULL, NULL, NULL);
}

static void descriptors_are_not_inherited(void **state)
{
    (void)state;
    guest_run("descriptors", "are-not-inherited", sandbox_url(plain), sandbox_url(secure), certificates.authority);
}

static void descriptors_threads_and_memory_are_given_back(void **state)
{
    (void)state;
    guest_run("descriptors", "are-given-back", sandbox_url(plain), sandbox_url(secure), certificates.authority);
}

static void without_descriptors_open_says_so(void **state)
{
    (void)state;
    run_plain("starved", "at-open");
}

static void without_descriptors_pushes_fail_honestly(void **state)
{
    (void)state;
    run_plain("starved", "at-work");
}

/* ---- libraries of the host's own ---- */

/* open() names the symbol, and the file that it was found in. */
static void assert_refuses_by_name(const char *program, const char *symbol)
{
    char path[4096];
    struct process_result run =
        process_run((const char *[]){guest_program(program, path), NULL}, guest_environment, NULL);

    if (run.exit_status != 0 || run.errors_bytes > 0)
        fail_msg("%s: exit status %d, signal %d\n%s", program, run.exit_status, run.signal_number, run.errors);
    if (strncmp(run.output, symbol, strlen(symbol)) != 0 || !strstr(run.output, path))
        fail_msg("%s is not blamed for %s: %s", path, symbol, run.output);
    process_result_clear(&run);
}

static void a_host_with_a_libcurl_of_its_own_is_refused_by_name(void **state)
{
    (void)state;
    assert_refuses_by_name("captures_curl", "curl_easy_init ");
}

static void a_host_with_a_nanomsg_of_its_own_is_refused_by_name(void **state)
{
    (void)state;
    assert_refuses_by_name("captures_nanomsg", "nn_socket ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_forked_child_is_refused_and_its_parent_goes_on, forget_everything),
        cmocka_unit_test_setup(children_that_come_and_go_do_not_hurt_a_parent_under_load, forget_everything),
        cmocka_unit_test_setup(a_process_that_forks_before_its_first_open_is_free, forget_everything),
        cmocka_unit_test_setup(a_child_with_the_pid_of_its_parent_is_refused, forget_everything),
        cmocka_unit_test_setup(signals_are_left_as_they_were, forget_everything),
        cmocka_unit_test_setup(a_storm_of_resets_raises_no_sigpipe, forget_everything),
        cmocka_unit_test_setup(the_hosts_signals_land_on_the_host, forget_everything),
        cmocka_unit_test_setup(nothing_is_printed_and_nothing_of_the_process_is_changed, forget_everything),
        cmocka_unit_test_setup(descriptors_are_not_inherited, forget_everything),
        cmocka_unit_test_setup(descriptors_threads_and_memory_are_given_back, forget_everything),
        cmocka_unit_test_setup(without_descriptors_open_says_so, forget_everything),
        cmocka_unit_test_setup(without_descriptors_pushes_fail_honestly, forget_everything),
        cmocka_unit_test_setup(a_host_with_a_libcurl_of_its_own_is_refused_by_name, forget_everything),
        cmocka_unit_test_setup(a_host_with_a_nanomsg_of_its_own_is_refused_by_name, forget_everything),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
