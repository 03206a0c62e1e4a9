/* SPDX-License-Identifier: Apache-2.0
 * Hosts that were compiled with the headers of every release, against the library of today, and its stub. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"
#include "rig.h"
#include "sandbox_client.h"
#include "stub_rig.h"

static const char expected[] = "push old-1 applied 42 active\n"
                               "read 1\n"
                               "ping 1\n"
                               "call 1 /server/v1/players/alice\n"
                               "roster m 2\n"
                               "stats 1\n"
                               "close 0\n";

static void run_each(const char *library, const char *base_url)
{
    char pattern[600], named[700], url[700];
    const char *build = getenv("BUILD");
    glob_t hosts;

    snprintf(pattern, sizeof pattern, "%s/old_host-*", build ? build : "build");
    assert_int_equal(glob(pattern, 0, NULL, &hosts), 0);
    assert_true(hosts.gl_pathc >= 1);
    char *path = realpath(library, NULL);
    assert_non_null(path);
    snprintf(named, sizeof named, "KLP_LIBRARY=%s", path);
    snprintf(url, sizeof url, "KRATY_BASE_URL=%s", base_url);
    free(path);
    for (size_t i = 0; i < hosts.gl_pathc; i++) {
        char outbox[] = "/tmp/old-host-XXXXXX";
        assert_non_null(mkdtemp(outbox));
        const char *argv[] = {hosts.gl_pathv[i], "old-1", outbox, NULL};
        const char *environment[] = {named, url, "KRATY_SERVER_KEY=" SANDBOX_KEY, NULL};
        struct process_result result = process_run(argv, environment, NULL);
        if (result.exit_status != 0 || strcmp(result.output, expected) != 0)
            fail_msg("%s: exit status %d: %s%s", hosts.gl_pathv[i], result.exit_status, result.output, result.errors);
        process_result_clear(&result);
        struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", outbox, NULL}, NULL, NULL);
        process_result_clear(&removed);
    }
    globfree(&hosts);
}

static void hosts_of_every_release_run_with_the_library_of_today(void **state)
{
    struct sandbox_client *sandbox = sandbox_start(NULL);

    (void)state;
    run_each(rig_library(), sandbox_url(sandbox));
    sandbox_stop(sandbox);
}

static void and_with_its_stub(void **state)
{
    (void)state;
    run_each(stub_library(), "http://127.0.0.1:9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_of_every_release_run_with_the_library_of_today),
        cmocka_unit_test(and_with_its_stub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
