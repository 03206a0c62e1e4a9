/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, telling what it does. */
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "klp_fixture.h"

#define PUSH_PATH "/server/v1/games/{gameId}/events/{eventKey}/lobbies"

/* The line of stderr that has `part`; cut out of `text`. */
static const char *line_with(char *text, const char *part)
{
    char *at = strstr(text, part);
    if (!at)
        fail_msg("no \"%s\" in: %s", part, text);
    while (at > text && at[-1] != '\n')
        at--;
    *strchrnul(at, '\n') = '\0';
    return at;
}

/* ---- attempts ---- */

static void every_attempt_is_a_line(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"status\":503}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"), "--verbose", "--jitter=0");
    assert_ended(run, 0, 1);
    const char *line = line_with(run.errors, "klp: ticket 1, attempt 1: POST " PUSH_PATH ": 503 internal_error, ");
    assert_contains(line, " ms (queued ");
    assert_contains(line, "connection at ");
    assert_contains(line, "first byte at ");
    assert_contains(line, "; again in 200 ms");
    assert_null(strstr(line, "TLS"));
    const char *second = line + strlen(line) + 1;
    assert_contains(second, "klp: ticket 1, attempt 2: POST " PUSH_PATH ": 201, ");
    assert_null(strstr(second, "again in"));
    assert_null(strstr(second, "match-1")); /* the path says what kind of call it is, not which one */
    run_clear(&run);
}

static void a_request_id_is_told(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"headers\":{\"x-request-id\":\"req-of-this\"}}}");
    struct run run = RUN(fixture->environment, NULL, "ping", "--verbose");
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "GET /server/v1/ping: 200, ");
    assert_contains(run.errors, ", request req-of-this\n");
    run_clear(&run);
}

static void an_attempt_without_a_reply_says_so(void **state)
{
    const struct fixture *fixture = *state;

    struct run run =
        RUN(fixture->environment, NULL, ONE("m-1"), "--verbose", "--attempts=1", "--base-url=http://127.0.0.1:1");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, ": no reply network_error (curl 7), nothing sent, ");
    run_clear(&run);

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    run = RUN(fixture->environment, NULL, ONE("m-1"), "--verbose", "--attempts=1",
              is_slowed() ? "--timeout-ms=5000" : "--timeout-ms=1500");
    assert_ended(run, 3, 1);
    assert_contains(run.errors, ": no reply timeout (curl 28), ");
    run_clear(&run);
}

static void the_look_at_the_key_is_told(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("m-1"), "--verbose", "--expect-environment=test");
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "klp: looking at the key, attempt 1: GET /server/v1/ping: 200, ");
    run_clear(&run);
}

static void every_kind_of_call_is_told(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "call", "POST", "players", "alice", "--verbose");
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "klp: ticket 1, attempt 1: POST /server/v1/");
    assert_null(strstr(run.errors, "alice"));
    run_clear(&run);

    run = RUN(fixture->environment, NULL, "await", "--game=game_1", "--lobby=lob_none", "--verbose");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, "attempt 1: GET /server/v1/games/{gameId}/lobbies/{lobbyId}: 404 not_found, ");
    run_clear(&run);
}

static void without_it_only_warnings_are_told(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"));
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "klp: warning: the server asks for a pause");
    assert_null(strstr(run.errors, "attempt 1"));
    assert_null(strstr(run.errors, "stopped"));
    run_clear(&run);

    run = RUN(fixture->environment, NULL, ONE("match-1"), "--verbose");
    assert_ended(run, 0, 1);
    assert_contains(run.errors, ": stopped\n");
    run_clear(&run);
}

static void a_refused_key_is_an_error_and_not_told(void **state)
{
    const struct fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=wrong.secret-that-nobody-may-see", fixture->url, NULL};

    struct run run = RUN(environment, NULL, ONE("match-1"), "--verbose");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, "klp: error: ");
    assert_contains(run.errors, ": 401 session_invalid, ");
    run_clear(&run);
}

/* ---- what a server says ---- */

static void control_characters_of_the_server_do_nothing_to_a_terminal(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"status\":400,\"code\":\"\\u001b[31m\\nklp: 1 applied\\u0007\"}}");
    struct run run = RUN(fixture->environment, NULL, "call", "POST", "players", "--verbose");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, ": 400 ?[31m?klp: 1 applied?, ");
    for (const char *at = run.errors; *at; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= ' ');
    run_clear(&run);
}

/* That no output has the key is asserted of every run. */
static void a_key_that_the_server_echoes_is_not_told(void **state)
{
    static const char *const actions[] = {
        "{\"status\":400,\"code\":\"" SANDBOX_KEY "\",\"message\":\"" SANDBOX_KEY "\"}",
        "{\"status\":503,\"headers\":{\"x-request-id\":\"" SANDBOX_KEY "\"}}",
        "{\"headers\":{\"x-request-id\":\"req-" SANDBOX_KEY "\"}}",
    };
    const struct fixture *fixture = *state;
    char rule[512];

    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        snprintf(rule, sizeof rule, "{\"times\":-1,\"action\":%s}", actions[i]);
        sandbox_unscript(fixture->sandbox);
        sandbox_script(fixture->sandbox, rule);
        struct run run = RUN(fixture->environment, NULL, "call", "POST", "players", "--verbose", "--attempts=2");
        assert_contains(run.errors, "attempt 1: ");
        run_clear(&run);
    }
}

static void what_has_no_end_is_cut(void **state)
{
    const struct fixture *fixture = *state;
    char text[3001] = "", rule[8192];

    memset(text, 'c', sizeof text - 1);
    snprintf(rule, sizeof rule, "{\"action\":{\"status\":400,\"code\":\"%s\",\"headers\":{\"x-request-id\":\"%s\"}}}",
             text, text);
    sandbox_script(fixture->sandbox, rule);
    struct run run = RUN(fixture->environment, NULL, "ping", "--verbose");
    assert_ended(run, 1, 1);
    assert_true(strlen(line_with(run.errors, "attempt 1: ")) < 400);
    run_clear(&run);
}

/* ---- where it is told ---- */

/* `pipe` being open for reading and writing. */
static void await_full_pipe(int pipe)
{
    uint64_t from_ms = guest_now_ms();
    while (poll(&(struct pollfd){.fd = pipe, .events = POLLOUT}, 1, 0) != 0)
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
}

static char *read_what_is_there(int pipe)
{
    enum { ROOM = 1 << 20 };
    char *text = calloc(1, ROOM + 1);
    size_t size = 0;
    assert_non_null(text);
    while (size < ROOM && poll(&(struct pollfd){.fd = pipe, .events = POLLIN}, 1, 200) == 1) {
        ssize_t got = read(pipe, text + size, ROOM - size);
        assert_true(got > 0);
        size += (size_t)got;
    }
    return text;
}

static void stderr_that_nobody_reads_holds_up_no_push(void **state)
{
    enum { ROSTERS = 1500 };
    const struct fixture *fixture = *state;
    const char *build = getenv("BUILD");
    char folder[] = "/tmp/klp-test.XXXXXX", path[64], program[4096], row[96];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0);

    snprintf(program, sizeof program, "%s/klp", build && *build ? build : "build");
    struct process *process = process_start(&(struct process_setup){
        .argv =
            (const char *[]){"/bin/sh", "-c", "exec \"$0\" push --game=game_1 --event=duel --verbose --quiet 2>\"$1\"",
                             program, path, NULL},
        .environment = fixture->environment});
    for (int i = 0; i < ROSTERS; i++) {
        snprintf(row, sizeof row, "{\"key\":\"m-%d\",\"players\":[\"a\",\"b\"]}\n", i);
        process_give(process, row, strlen(row));
    }
    process_await_output(process, ROSTERS);
    await_full_pipe(reader);
    process_end_input(process);
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL); /* for its very last line to find no room */
    char *told = read_what_is_there(reader);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, ROSTERS);
    assert_contains(told, "klp: ticket 1, attempt 1: ");
    assert_null(strstr(told, SANDBOX_KEY));

    const char *last = line_with(told, " lines are left out here, which nobody read in time");
    unsigned long left_out = strtoul(last + strlen("klp: "), NULL, 10);
    size_t told_lines = process_count_lines(told) + 1; /* line_with() cut here */
    assert_true(told_lines + left_out >= ROSTERS);
    run_clear(&run);
    free(told);
    close(reader);
    unlink(path);
    rmdir(folder);
}

static void with_it_there_is_no_progress_on_a_terminal(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":1500}}");
    struct process *process =
        process_start(&(struct process_setup){.argv = (const char *[]){"klp", MANY, "--verbose", NULL},
                                              .environment = fixture->environment,
                                              .errors_on_terminal = true});
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    assert_null(strchr(run.errors, '\x1b'));
    assert_contains(run.errors, "klp: ticket 1, attempt 1: POST " PUSH_PATH ": 201, ");
    run_clear(&run);
}

static void a_warning_wipes_the_line_of_progress(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, "--attempts=1", NULL},
        .environment = fixture->environment,
        .errors_on_terminal = true,
    });
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    process_await_errors_with(process, "1 pushed, ");
    fixture_await_requests(fixture, 1);
    kill(sandbox_pid(fixture->sandbox), SIGKILL);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 1);
    assert_contains(run.errors, " possibly applied\r\x1b[Kklp: warning: ");
    run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_attempt_is_a_line),
        TEST(a_request_id_is_told),
        TEST(an_attempt_without_a_reply_says_so),
        TEST(the_look_at_the_key_is_told),
        TEST(every_kind_of_call_is_told),
        TEST(without_it_only_warnings_are_told),
        TEST(a_refused_key_is_an_error_and_not_told),
        TEST(a_warning_wipes_the_line_of_progress),
        TEST(control_characters_of_the_server_do_nothing_to_a_terminal),
        TEST(a_key_that_the_server_echoes_is_not_told),
        TEST(what_has_no_end_is_cut),
        TEST(stderr_that_nobody_reads_holds_up_no_push),
        TEST(with_it_there_is_no_progress_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
