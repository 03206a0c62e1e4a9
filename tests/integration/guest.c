/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "kraty/lobby_pusher_load.h"
#include "process.h"
#include "programs/host.h"
#include "sandbox_client.h"

/* A call of the plugin that hangs ends the test with SIGALRM. */
#define GROUP_LIMIT_S (is_slowed() ? 540u : 300u)

static char library_variable[4096];
static const char *const variables[] = {library_variable, "KRATY_SERVER_KEY=" SANDBOX_KEY, NULL};
const char *const *guest_environment = variables;

uint64_t guest_now_ms(void)
{
    return host_now_ms();
}

int guest_setup(void **state)
{
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    char path[4000];

    (void)state;
    alarm(GROUP_LIMIT_S);
    setenv("BUILD", "build", 0);
    snprintf(path, sizeof path, "%s/kraty-sandbox", getenv("BUILD"));
    setenv("KRATY_SANDBOX", path, 0);
    snprintf(path, sizeof path, "%s/libkraty_lobby_pusher.so", getenv("BUILD"));
    setenv("KLP_LIBRARY", path, 0);
    snprintf(library_variable, sizeof library_variable, "KLP_LIBRARY=%s", getenv("KLP_LIBRARY"));
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++)
        unsetenv(proxies[i]);
    unsetenv("KRATY_BASE_URL");
    return 0;
}

/* ---- the hosts of programs/ ---- */

const char *guest_program(const char *name, char path[4096])
{
    snprintf(path, 4096, "%s/tests/programs/%s", getenv("BUILD"), name);
    return path;
}

uint64_t guest_run(const char *program, const char *a, const char *b, const char *c, const char *d)
{
    char path[4096];
    const char *argv[] = {guest_program(program, path), a, b, c, d, NULL};
    struct process_result run = process_run(argv, guest_environment, NULL);
    uint64_t elapsed_ms = run.elapsed_ms;

    if (run.exit_status == HOST_SKIPPED) {
        print_message("%s", run.output);
        process_result_clear(&run);
        skip();
    }
    if (run.exit_status != 0 || run.output_bytes > 0 || run.errors_bytes > 0)
        fail_msg("%s %s %s: exit status %d, signal %d\nstdout: %s\nstderr: %s", program, a ? a : "", b ? b : "",
                 run.exit_status, run.signal_number, run.output, run.errors);
    process_result_clear(&run);
    return elapsed_ms;
}

/* ---- the plugin in this process ---- */

const klp_api *guest_api(void)
{
    klp_text_buffer why = {0};
    const klp_api *api = klp_load(NULL, &why);

    if (!api)
        fail_msg("klp_load: %s", why.data);
    return api;
}

klp_config guest_config(const char *url, const char *ca_file)
{
    klp_config config = host_config(url, ca_file, NULL);

    config.api_key = klp_cstr(SANDBOX_KEY);
    config.deadline_ms = is_under_valgrind() ? 30000 : 3000;
    return config;
}

klp_pusher *guest_open(const klp_config *config)
{
    klp_text_buffer why = {0};
    klp_pusher *pusher = NULL;
    klp_status status = guest_api()->open(config, &pusher, &why);

    if (status)
        fail_msg("open: %s: %s", guest_api()->status_text(status), why.data);
    return pusher;
}

void guest_push(klp_pusher *pusher, const char *key)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;
    klp_text_buffer why = {0};

    lobby.event_key = klp_cstr("battle_royale");
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = sizeof players / sizeof *players;
    klp_status status = guest_api()->push(pusher, &lobby, NULL, &why);
    if (status)
        fail_msg("push: %s: %s", guest_api()->status_text(status), why.data);
}

const klp_event *guest_next_event(klp_pusher *pusher)
{
    const klp_event *event = NULL;
    klp_status status = guest_api()->next_event(pusher, GUEST_LIMIT_MS, &event);

    if (status)
        fail_msg("next_event: %s", guest_api()->status_text(status));
    return event;
}

struct guest_verdict guest_push_once(const klp_config *config, const char *key)
{
    struct guest_verdict verdict = {.pusher = guest_open(config)};

    guest_push(verdict.pusher, key);
    verdict.event = guest_next_event(verdict.pusher);
    return verdict;
}

void guest_done(struct guest_verdict *verdict)
{
    guest_close(verdict->pusher);
    *verdict = (struct guest_verdict){0};
}

void guest_assert_applied(const klp_event *event)
{
    if (!event->ok || event->outcome != KLP_APPLIED)
        fail_msg("%s, %s: %s", guest_api()->outcome_text(event->outcome), event->error_code.data,
                 event->error_message.data);
}

void guest_assert_failed(const klp_event *event, int32_t outcome, const char *code, bool is_retryable)
{
    if (event->ok || event->outcome != outcome || strcmp(event->error_code.data, code) != 0 ||
        event->retryable != is_retryable)
        fail_msg("instead of %s, %s: %s, %s, %s: %s", guest_api()->outcome_text(outcome), code,
                 guest_api()->outcome_text(event->outcome), event->error_code.data,
                 event->retryable ? "retryable" : "for good", event->error_message.data);
}

static klp_stats stats_of(klp_pusher *pusher)
{
    klp_stats stats = KLP_STATS_INIT;

    assert_int_equal(guest_api()->stats(pusher, &stats), KLP_OK);
    return stats;
}

void guest_await_in_flight(klp_pusher *pusher, uint64_t count)
{
    uint64_t until_ms = guest_now_ms() + GUEST_LIMIT_MS;

    while (stats_of(pusher).in_flight < count) {
        assert_true(guest_now_ms() < until_ms);
        host_blink();
    }
}

uint64_t guest_stop(klp_pusher *pusher, uint32_t drain_ms)
{
    uint64_t begun_ms = guest_now_ms();
    klp_status status = guest_api()->stop(pusher, drain_ms);
    uint64_t took_ms = guest_now_ms() - begun_ms;

    assert_int_equal(status, KLP_OK);
    if (took_ms > drain_ms + LITTLE_MS)
        fail_msg("stop(%u) took %llu ms", drain_ms, (unsigned long long)took_ms);
    return took_ms;
}

void guest_close(klp_pusher *pusher)
{
    uint64_t begun_ms = guest_now_ms();

    assert_int_equal(guest_api()->close(pusher), KLP_OK);
    assert_true(guest_now_ms() - begun_ms < LITTLE_MS);
}

/* ---- sockets that behave badly ---- */

static struct sockaddr_in address_of(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
}

int guest_hold_port(unsigned *port)
{
    struct sockaddr_in address = address_of(0);
    socklen_t size = sizeof address;
    int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (holder < 0 || bind(holder, (struct sockaddr *)&address, size) ||
        getsockname(holder, (struct sockaddr *)&address, &size) ||
        setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes))
        fail_msg("no port: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return holder;
}

static int listen_with(int backlog, unsigned *port)
{
    int listener = guest_hold_port(port);

    if (listen(listener, backlog))
        fail_msg("no listener: %s", strerror(errno));
    return listener;
}

int guest_listen(unsigned *port)
{
    return listen_with(64, port);
}

struct guest_black_hole guest_open_black_hole(void)
{
    struct guest_black_hole hole;

    hole.listener = listen_with(0, &hole.port);
    struct sockaddr_in address = address_of(hole.port);
    for (size_t i = 0; i < sizeof hole.fillers / sizeof *hole.fillers; i++) {
        hole.fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(hole.fillers[i] >= 0);
        connect(hole.fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    struct pollfd last = {.fd = hole.fillers[7], .events = POLLOUT};
    assert_int_equal(poll(&last, 1, 50), 0); /* else it is no hole */
    return hole;
}

void guest_close_black_hole(struct guest_black_hole *hole)
{
    for (size_t i = 0; i < sizeof hole->fillers / sizeof *hole->fillers; i++)
        close(hole->fillers[i]);
    close(hole->listener);
}

static bool is_readable(int descriptor, uint32_t timeout_ms)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};
    return poll(&ready, 1, (int)timeout_ms) == 1;
}

int guest_accept(int listener)
{
    if (!is_readable(listener, GUEST_LIMIT_MS))
        fail_msg("nobody came");
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(connection >= 0);
    return connection;
}

bool guest_was_visited(int listener)
{
    return is_readable(listener, 0);
}

size_t guest_receive(int connection, char *bytes, size_t room)
{
    if (!is_readable(connection, GUEST_LIMIT_MS))
        fail_msg("nothing was said");
    ssize_t got = recv(connection, bytes, room - 1, 0);
    assert_true(got > 0);
    bytes[got] = '\0';
    return (size_t)got;
}

/* ---- certificates ---- */

static void run_openssl(const char *const argv[])
{
    struct process_result run = process_run(argv, NULL, NULL);

    if (run.exit_status != 0)
        fail_msg("openssl %s: %s", argv[1], run.errors);
    process_result_clear(&run);
}

#define OPENSSL(...) run_openssl((const char *[]){"/usr/bin/openssl", __VA_ARGS__, NULL})
#define NEW_KEY      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"

/* Every file of the folder: NAME.key, NAME.csr, NAME.pem */
static const char *const names[] = {"authority", "good", "expired", "self-signed"};
static const char *const endings[] = {"key", "csr", "pem"};

static void path_in(const struct guest_certificates *certificates, const char *name, const char *ending, char path[96])
{
    snprintf(path, 96, "%s/%s.%s", certificates->folder, name, ending);
}

static void make_certificate(const struct guest_certificates *certificates, const char *name, const char *days)
{
    char key[96], request[96], certificate[96], authority_key[96];

    path_in(certificates, name, "key", key);
    path_in(certificates, name, "csr", request);
    path_in(certificates, name, "pem", certificate);
    path_in(certificates, "authority", "key", authority_key);
    OPENSSL("req", NEW_KEY, "-keyout", key, "-out", request, "-subj", "/CN=a test's server", "-addext",
            "subjectAltName=IP:127.0.0.1");
    OPENSSL("x509", "-req", "-in", request, "-CA", certificates->authority, "-CAkey", authority_key, "-days", days,
            "-copy_extensions", "copy", "-out", certificate);
}

void guest_make_certificates(struct guest_certificates *certificates)
{
    char authority_key[96];

    strcpy(certificates->folder, "/tmp/guest-XXXXXX");
    if (!mkdtemp(certificates->folder))
        fail_msg("no folder: %s", strerror(errno));
    path_in(certificates, "authority", "pem", certificates->authority);
    path_in(certificates, "authority", "key", authority_key);
    path_in(certificates, "good", "pem", certificates->good);
    path_in(certificates, "good", "key", certificates->good_key);
    path_in(certificates, "expired", "pem", certificates->expired);
    path_in(certificates, "expired", "key", certificates->expired_key);
    path_in(certificates, "self-signed", "pem", certificates->self_signed);
    path_in(certificates, "self-signed", "key", certificates->self_signed_key);
    OPENSSL("req", "-x509", NEW_KEY, "-keyout", authority_key, "-out", certificates->authority, "-days", "2", "-subj",
            "/CN=a test's authority", "-addext", "basicConstraints=critical,CA:TRUE");
    make_certificate(certificates, "good", "2");
    make_certificate(certificates, "expired", "-1");
    OPENSSL("req", "-x509", NEW_KEY, "-keyout", certificates->self_signed_key, "-out", certificates->self_signed,
            "-days", "2", "-subj", "/CN=a test's server", "-addext", "subjectAltName=IP:127.0.0.1");
}

void guest_remove_certificates(struct guest_certificates *certificates)
{
    char path[96];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        for (size_t j = 0; j < sizeof endings / sizeof *endings; j++) {
            path_in(certificates, names[i], endings[j], path);
            unlink(path);
        }
    }
    rmdir(certificates->folder);
}
