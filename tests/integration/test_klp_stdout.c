/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, with a stdout that fails. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "klp_fixture.h"

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_close_output(process);
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    struct run run = run_of(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Broken pipe\n");
    run_clear(&run);

    process = START(fixture, "ping");
    process_close_output(process);
    run = run_of(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Broken pipe\n");
    run_clear(&run);
}

static void a_full_disk_is_an_error(void **state)
{
    static const char *const runs[][4] = {{"klp", "ping"}, {"klp", "help"}, {"klp", "push", "--help"}};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct process *process = process_start(
            &(struct process_setup){.argv = runs[i], .environment = fixture->environment, .output_path = "/dev/full"});
        struct run run = run_of(process_finish(process));
        assert_ended(run, 1, 0);
        assert_contains(run.errors, "klp: stdout: No space left on device\n");
        run_clear(&run);
    }
}

/* The next descriptor that was opened would otherwise get the events. */
static void a_closed_stdout_is_an_error(void **state)
{
    const struct fixture *fixture = *state;
    const char *build = getenv("BUILD");
    char program[4096];

    snprintf(program, sizeof program, "%s/klp", build && *build ? build : "build");
    struct run run = run_of(process_run((const char *[]){"/bin/sh", "-c", "exec \"$0\" ping >&-", program, NULL},
                                        fixture->environment, NULL));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Bad file descriptor\n");
    run_clear(&run);
}

/* `pipe` being open for reading and writing. */
static void await_full_pipe(int pipe)
{
    uint64_t from_ms = guest_now_ms();
    while (poll(&(struct pollfd){.fd = pipe, .events = POLLOUT}, 1, 0) != 0)
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
}

static void a_reader_that_does_not_read_holds_up_no_signal(void **state)
{
    enum { ROSTERS = 1000 };
    const struct fixture *fixture = *state;
    char folder[] = "/tmp/klp-test.XXXXXX", path[64], row[96];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0);

    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, NULL}, .environment = fixture->environment, .output_path = path});
    for (int i = 0; i < ROSTERS; i++) {
        snprintf(row, sizeof row, "{\"key\":\"m-%d\",\"players\":[\"a\",\"b\"]}\n", i);
        process_give(process, row, strlen(row));
    }
    await_full_pipe(reader);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Connection timed out\n");
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);

    close(reader);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        TEST(a_full_disk_is_an_error),
        TEST(a_closed_stdout_is_an_error),
        TEST(a_reader_that_does_not_read_holds_up_no_signal),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
