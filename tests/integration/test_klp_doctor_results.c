/* SPDX-License-Identifier: Apache-2.0
 * klp doctor: what it says of the result socket, and of what the system allows. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "klp_doctor.h"

/* ---- results ---- */

static void address_of(const struct outbox_fixture *fixture, char url[128])
{
    snprintf(url, 128, "ipc://%s/results.ipc", fixture->directory);
}

static void addresses_that_are_none_are_told(void **state)
{
    static const char *const urls[] = {"inproc://x", "tcp://host.example:1", "tcp://127.0.0.1", "tcp://127.0.0.1:0",
                                       "ipc://",     "ws://127.0.0.1:1"};
    const struct outbox_fixture *fixture = *state;
    char long_url[256];

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        json_t *lines = DOCTOR(fixture, 1, "--results", urls[i]);
        assert_advised(lines, "results", "fail", "results_url ", "the address in numbers");
        doctor_assert_none(lines, "results-reader");
        json_decref(lines);
    }
    snprintf(long_url, sizeof long_url, "ipc:///%0120d", 1);
    json_t *lines = DOCTOR(fixture, 1, "--results", long_url);
    assert_found(lines, "results", "fail", "more than a socket's 107");
    json_decref(lines);
}

/* It gets no message of the doctor's, and the next one of a pusher. */
static void assert_undisturbed(int reader, const char *url)
{
    int pusher = nn_socket(AF_SP, NN_REQ), timeout_ms = (int)GUEST_LIMIT_MS;
    char got[16];

    assert_true(nn_connect(pusher, url) >= 0);
    nn_setsockopt(reader, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    assert_int_equal(nn_send(pusher, "event", 5, 0), 5);
    assert_int_equal(nn_recv(reader, got, sizeof got, 0), 5);
    assert_memory_equal(got, "event", 5);
    assert_true(nn_send(reader, "", 0, 0) == 0);
    nn_close(pusher);
}

static void a_reader_that_is_bound_is_found_and_not_disturbed(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char url[128], tcp_url[64];
    unsigned port;
    int reader = nn_socket(AF_SP, NN_REP);

    address_of(fixture, url);
    int holder = guest_hold_port(&port);
    snprintf(tcp_url, sizeof tcp_url, "tcp://127.0.0.1:%u", port);
    assert_true(nn_bind(reader, url) >= 0 && nn_bind(reader, tcp_url) >= 0);
    for (int i = 0; i < 3; i++) {
        json_t *lines = DOCTOR(fixture, 0, "--results", url);
        assert_found(lines, "results", "ok", "well-formed, and of this machine");
        assert_found(lines, "results-folder", "ok", "can be entered, and not by all (0700)");
        assert_found(lines, "results-reader", "ok", "a nanomsg REP socket is bound there");
        json_decref(lines);
        lines = DOCTOR(fixture, 0, "--results", tcp_url);
        doctor_assert_none(lines, "results-folder");
        assert_found(lines, "results-reader", "ok", "a nanomsg REP socket is bound there");
        json_decref(lines);
    }
    assert_undisturbed(reader, url);
    assert_undisturbed(reader, tcp_url);
    nn_close(reader);
    close(holder);
}

static void a_reader_that_is_missing_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char url[128], path[128], tcp_url[64];
    unsigned port;

    address_of(fixture, url);
    json_t *lines = DOCTOR(fixture, 0, "--results", url);
    assert_advised(lines, "results-reader", "warn", "nobody is bound there now: No such file", "nanomsg REP socket");
    json_decref(lines);
    int holder = guest_hold_port(&port);
    snprintf(tcp_url, sizeof tcp_url, "tcp://localhost:%u", port);
    lines = DOCTOR(fixture, 0, "--results", tcp_url);
    assert_advised(lines, "results-reader", "warn", "nobody is bound there now: Connection refused", "Start the host");
    json_decref(lines);
    snprintf(tcp_url, sizeof tcp_url, "tcp://[::1]:%u", port);
    lines = DOCTOR(fixture, 0, "--results", tcp_url);
    assert_found(lines, "results", "ok", "of this machine");
    assert_found(lines, "results-reader", "warn", "nobody is bound there now: ");
    json_decref(lines);
    close(holder);

    /* killed, it leaves its socket */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%s", url + strlen("ipc://"));
    memcpy(address.sun_path, path, strlen(path) + 1);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    lines = DOCTOR(fixture, 0, "--results", url);
    assert_found(lines, "results-reader", "warn", "a reader that is gone has left its socket");
    json_decref(lines);
    unlink(path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    lines = DOCTOR(fixture, 0, "--results", url);
    assert_found(lines, "results-reader", "warn", "nobody is bound there now");
    json_decref(lines);
}

static void a_socket_that_can_be_no_reader_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char url[128], tcp_url[64];
    unsigned port;
    int pull = nn_socket(AF_SP, NN_PULL), silent = guest_listen(&port);

    address_of(fixture, url);
    assert_true(nn_bind(pull, url) >= 0);
    json_t *lines = DOCTOR(fixture, 1, "--results", url);
    assert_advised(lines, "results-reader", "fail", "a nanomsg socket of another kind (81)",
                   "nn_socket(AF_SP, NN_REP)");
    json_decref(lines);
    nn_close(pull);
    snprintf(tcp_url, sizeof tcp_url, "tcp://127.0.0.1:%u", port);
    lines = DOCTOR(fixture, 1, "--results", tcp_url, "--timeout-ms=1000");
    assert_advised(lines, "results-reader", "fail", "does not speak nanomsg", "binds its REP socket to");
    json_decref(lines);
    close(silent);
}

static void the_folder_of_the_socket_is_judged(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char url[128];

    json_t *lines = DOCTOR(fixture, 1, "--results=ipc:///nonexistent/results.ipc");
    assert_advised(lines, "results-folder", "fail", "No such file or directory", "mkdir -m 0700");
    doctor_assert_none(lines, "results-reader");
    json_decref(lines);
    address_of(fixture, url);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    lines = DOCTOR(fixture, 0, "--results", url);
    assert_advised(lines, "results-folder", "warn", "open to every user of this machine (0755)", "mkdir -m 0700");
    json_decref(lines);
}

static void a_socket_that_this_user_may_not_reach_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char path[128], url[160];

    snprintf(path, sizeof path, "%s/sub", fixture->directory);
    snprintf(url, sizeof url, "ipc://%s/results.ipc", path);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    assert_int_equal(mkdir(path, 0), 0);
    json_t *lines = doctor_run_as_nobody(fixture, 1, "--results", url);
    if (!lines)
        skip();
    assert_advised(lines, "results-folder", "fail", "cannot be entered by this user", "may enter");
    json_decref(lines);

    int reader = nn_socket(AF_SP, NN_REP);
    assert_int_equal(chmod(path, 0755), 0);
    assert_true(nn_bind(reader, url) >= 0);
    assert_int_equal(chmod(url + strlen("ipc://"), 0), 0);
    lines = doctor_run_as_nobody(fixture, 1, "--results", url);
    assert_advised(lines, "results-reader", "fail", "not this user's to connect to", "the same user");
    json_decref(lines);
    nn_close(reader);
}

static void another_machines_address_is_warned_of(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 0, "--results=tcp://0.0.0.0:1", "--timeout-ms=1000");
    assert_advised(lines, "results", "warn", "neither are events encrypted", "loopback");
    json_decref(lines);
}

/* ---- the system ---- */

static json_t *examine_limited(const struct outbox_fixture *fixture, const char *limits,
                               const char *const environment[])
{
    char script[600];

    snprintf(script, sizeof script, "%s; exec %s/klp doctor --json", limits, getenv("BUILD"));
    return doctor_run(fixture, 0, environment, (const char *[]){"/bin/sh", "-c", script, NULL});
}

static void what_the_system_allows_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = examine_limited(fixture, "ulimit -n 100", NULL);
    assert_advised(lines, "descriptors", "warn", "a process may have 100", "LimitNOFILE=");
    json_decref(lines);
    lines = examine_limited(fixture, "ulimit -S -n 512", NULL);
    assert_found(lines, "descriptors", "ok", "a process may have 512");
    json_decref(lines);
}

static bool are_dumps_piped(void)
{
    FILE *pattern = fopen("/proc/sys/kernel/core_pattern", "r");
    assert_non_null(pattern);
    bool are = fgetc(pattern) == '|';
    fclose(pattern);
    return are;
}

static void a_key_that_core_dumps_would_hold_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct rlimit limit;

    json_t *lines = examine_limited(fixture, "ulimit -c 0", NULL);
    assert_found(lines, "core-dumps", "ok", are_dumps_piped() ? "on; " : "off");
    json_decref(lines);
    assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
    if (IS_SANITIZED || (limit.rlim_max == 0 && geteuid() != 0)) /* a sanitizer's run time turns them off */
        skip();
    lines = examine_limited(fixture, "ulimit -c unlimited", NULL);
    assert_advised(lines, "core-dumps", "ok", "but the environment, where it stands, is in them", "api_key_file");
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(addresses_that_are_none_are_told),
        OUTBOX_TEST(a_reader_that_is_bound_is_found_and_not_disturbed),
        OUTBOX_TEST(a_reader_that_is_missing_is_told),
        OUTBOX_TEST(a_socket_that_can_be_no_reader_is_told),
        OUTBOX_TEST(the_folder_of_the_socket_is_judged),
        OUTBOX_TEST(a_socket_that_this_user_may_not_reach_is_told),
        OUTBOX_TEST(another_machines_address_is_warned_of),
        OUTBOX_TEST(what_the_system_allows_is_told),
        OUTBOX_TEST(a_key_that_core_dumps_would_hold_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
