/* SPDX-License-Identifier: Apache-2.0
 * klp doctor: how far a request comes, whom TLS trusts, and what the server's clock says. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault_server.h"
#include "klp_doctor.h"

static struct guest_certificates certificates;

static int start_group(void **state)
{
    guest_setup(state);
    guest_make_certificates(&certificates);
    return 0;
}

static int stop_group(void **state)
{
    (void)state;
    guest_remove_certificates(&certificates);
    return 0;
}

/* "--base-url=…" */
static const char *url_option(char option[128], const char *scheme, const char *host, unsigned port)
{
    snprintf(option, 128, "--base-url=%s://%s:%u", scheme, host, port);
    return option;
}

static void assert_not_reached(json_t *lines, const char *first, const char *second, const char *third)
{
    const char *const checks[] = {first, second, third};

    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (checks[i])
            assert_found(lines, checks[i], "skip", "not reached");
    assert_found(lines, "clock", "skip", "without a reply");
    assert_found(lines, "ping", "skip", "the server is not reached");
}

/* ---- the name and the connection ---- */

static void a_name_that_nobody_knows_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 1, "--base-url=https://no-such-host.invalid", "--timeout-ms=20000");
    assert_found(lines, "open", "ok", "its server is https://no-such-host.invalid (--base-url)");
    assert_advised(lines, "name", "fail", "", "/etc/resolv.conf");
    assert_not_reached(lines, "connection", "tls", "server");
    json_decref(lines);
}

static void a_port_that_refuses_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char option[128];
    unsigned port;
    int holder = guest_hold_port(&port);

    json_t *lines = DOCTOR(fixture, 1, url_option(option, "http", "127.0.0.1", port));
    assert_found(lines, "name", "ok", "known after ");
    assert_advised(lines, "connection", "fail", "refused: ", "Nothing listens there");
    assert_not_reached(lines, "tls", "server", NULL);
    json_decref(lines);
    close(holder);
}

static void a_port_that_does_not_answer_is_waited_for_no_longer_than_asked(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct guest_black_hole hole = guest_open_black_hole();
    char option[128];
    uint64_t from_ms = guest_now_ms();

    json_t *lines = DOCTOR(fixture, 1, url_option(option, "https", "127.0.0.1", hole.port), "--timeout-ms=300");
    assert_in_range(guest_now_ms() - from_ms, 290, is_slowed() ? 10300 : 4900); /* the default is 5000 */
    assert_advised(lines, "connection", "fail", "no answer: ", "firewall");
    assert_not_reached(lines, "tls", "server", NULL);
    json_decref(lines);
    guest_close_black_hole(&hole);
}

static void plain_http_to_another_machine_is_refused_before_it_is_sent(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 1, "--base-url=http://lobbies.example");
    assert_advised(lines, "open", "fail", "base_url is plain http to lobbies.example, which is not loopback",
                   "everybody on the way can read the API key");
    assert_found(lines, "server", "skip", "no pusher opens");
    doctor_assert_none(lines, "connection");
    json_decref(lines);
    lines = DOCTOR_IN(fixture, 1, (KEY, "KRATY_BASE_URL=ftp://127.0.0.1"));
    assert_advised(lines, "open", "fail", "KRATY_BASE_URL does not begin with", "Set KRATY_BASE_URL to");
    json_decref(lines);
    lines = DOCTOR(fixture, 1, "--base-url=127.0.0.1");
    assert_advised(lines, "open", "fail", "base_url does not begin with", "--base-url");
    json_decref(lines);
}

/* Its value may have a password in it. */
static void a_proxy_that_the_environment_names_is_told_by_its_variable(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char option[128];
    unsigned port;

    json_t *lines = DOCTOR(fixture, 0);
    assert_found(lines, "proxy", "ok", "there is none");
    json_decref(lines);
    lines = DOCTOR_IN(fixture, 0, (KEY, fixture->klp->url, "all_proxy=http://me:" DOCTOR_SECRET "@127.0.0.1:1"));
    assert_found(lines, "proxy", "ok", "all_proxy is set; it is not used, and not needed");
    assert_found(lines, "ping", "ok", "takes the key");
    json_decref(lines);
    lines = DOCTOR_IN(fixture, 0, (KEY, fixture->klp->url, "https_proxy=http://127.0.0.1:1", "no_proxy=*"));
    assert_found(lines, "proxy", "ok", "there is none"); /* for http */
    json_decref(lines);

    int holder = guest_hold_port(&port);
    lines = DOCTOR_IN(fixture, 1, (KEY, "HTTPS_PROXY=me:" DOCTOR_SECRET "@127.0.0.1:1"),
                      url_option(option, "https", "127.0.0.1", port));
    assert_advised(lines, "proxy", "warn", "HTTPS_PROXY is set, and the library uses none",
                   "KLP_PROXY_FROM_ENVIRONMENT");
    assert_found(lines, "connection", "fail", "refused");
    json_decref(lines);
    close(holder);
}

/* ---- TLS ---- */

static void a_server_of_the_given_authority_is_fine(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct sandbox_client *secure =
        sandbox_start((const char *[]){"--tls-cert", certificates.good, "--tls-key", certificates.good_key, NULL});
    char option[128];

    url_option(option, "https", "127.0.0.1", sandbox_port(secure));
    json_t *lines = DOCTOR(fixture, 0, option, "--ca-file", certificates.authority, "--game=game_1");
    assert_found(lines, "tls", "ok", "verified with --ca-file, after ");
    assert_found(lines, "server", "ok", "401");
    assert_found(lines, "clock", "ok", "the same, to a second");
    assert_found(lines, "ping", "ok", "takes the key");
    assert_found(lines, "game", "ok", "the key is for game_1");
    json_decref(lines);
    json_t *log = sandbox_log(secure);
    assert_int_equal(json_array_size(log), 2);
    assert_string_equal(sandbox_text_at(log, "0.method"), "GET");
    assert_string_equal(sandbox_text_at(log, "1.method"), "GET");
    json_decref(log);
    sandbox_stop(secure);
}

static void assert_distrusted(const struct outbox_fixture *fixture, const char *certificate, const char *key,
                              const char *host, const char *authority, const char *found, const char *advice)
{
    struct sandbox_client *secure = sandbox_start((const char *[]){"--tls-cert", certificate, "--tls-key", key, NULL});
    char option[128];

    url_option(option, "https", host, sandbox_port(secure));
    json_t *lines = authority ? DOCTOR(fixture, 1, option, "--ca-file", authority) : DOCTOR(fixture, 1, option);
    assert_found(lines, "connection", "ok", "to 127.0.0.1 port ");
    assert_advised(lines, "tls", "fail", found, advice);
    assert_not_reached(lines, "server", NULL, NULL);
    json_decref(lines);
    assert_int_equal(sandbox_stat(secure, "requests"), 0);
    sandbox_stop(secure);
}

static void each_reason_to_distrust_a_certificate_is_told_for_itself(void **state)
{
    const struct outbox_fixture *fixture = *state;

    assert_distrusted(fixture, certificates.good, certificates.good_key, "127.0.0.1", NULL,
                      "nobody who is trusted here has signed", "--ca-file");
    assert_distrusted(fixture, certificates.self_signed, certificates.self_signed_key, "127.0.0.1",
                      certificates.authority, "nobody who is trusted here has signed", "--ca-file");
    assert_distrusted(fixture, certificates.expired, certificates.expired_key, "127.0.0.1", certificates.authority,
                      "has expired", "clock");
    assert_distrusted(fixture, certificates.good, certificates.good_key, "localhost", certificates.authority,
                      "is for another host", "the name that stands in the certificate");
}

static void a_ca_file_that_is_none_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char option[128];
    unsigned port;
    int listener = guest_listen(&port);

    json_t *lines = DOCTOR(fixture, 1, "--ca-file=/nonexistent.pem");
    assert_advised(lines, "open", "fail", "ca_file cannot be read", "Give --ca-file a PEM file");
    json_decref(lines);
    lines = DOCTOR(fixture, 1, url_option(option, "https", "127.0.0.1", port), "--ca-file", certificates.good_key);
    assert_advised(lines, "tls", "fail", "the certificates to trust cannot be read: ", "a PEM file of certificates");
    json_decref(lines);
    close(listener);
}

static void plain_http_and_tls_that_are_mistaken_for_each_other_are_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct fault_server *hanging_up = fault_server_start(FAULT_HANGS_UP, NULL, 0);
    char option[128];

    json_t *lines = DOCTOR(fixture, 1, url_option(option, "https", "127.0.0.1", sandbox_port(fixture->klp->sandbox)));
    assert_advised(lines, "tls", "fail", "the handshake failed: ", "may speak plain http");
    json_decref(lines);
    lines = DOCTOR(fixture, 1, url_option(option, "http", "127.0.0.1", fault_server_port(hanging_up)));
    assert_found(lines, "tls", "skip", "the URL says plain http");
    assert_advised(lines, "server", "fail", "no reply: ", "TLS is spoken and the URL says http");
    json_decref(lines);
    fault_server_stop(hanging_up);
}

static void a_handshake_and_a_reply_that_do_not_come_are_told_apart(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct fault_server *silent = fault_server_start(FAULT_SILENT, NULL, 0);
    char option[128];

    url_option(option, "https", "127.0.0.1", fault_server_port(silent));
    json_t *lines = DOCTOR(fixture, 1, option, "--timeout-ms=400");
    assert_advised(lines, "tls", "fail", "the handshake does not come to its end: ", "cuts TLS");
    assert_not_reached(lines, "server", NULL, NULL);
    json_decref(lines);
    url_option(option, "http", "127.0.0.1", fault_server_port(silent));
    lines = DOCTOR(fixture, 1, option, "--timeout-ms=400");
    assert_found(lines, "connection", "ok", "to 127.0.0.1 port ");
    assert_found(lines, "server", "fail", "no reply: ");
    assert_found(lines, "ping", "skip", "the server is not reached");
    json_decref(lines);
    fault_server_stop(silent);
}

/* ---- who answers ---- */

static void a_server_that_is_not_kratys_or_not_well_is_told(void **state)
{
    static const struct {
        const char *action, *status, *found, *advice, *ping, *ping_advice;
    } servers[] = {
        {"{\"status\":404,\"code\":\"not_found\"}", "fail", "answers 404", "Check the URL", "not_found (404)",
         "This is not Kraty's URL"},
        {"{\"status\":301,\"headers\":{\"Location\":\"http://127.0.0.1:1/\"}}", "fail", "answers 301: a redirect",
         "the URL that it leads to", "internal_error (301)", "See the server above"},
        {"{\"status\":503}", "warn", "with 503 instead of 401", "try again", "internal_error (503)", "try again"},
        {"{\"status\":429,\"code\":\"rate_limited\"}", "warn", "with 429 instead of 401", "try again",
         "rate_limited (429)", "Too many requests"},
        {"{\"status\":200,\"body\":\"<html>Welcome to the hotel</html>\"}", "warn", "with 200 instead of 401",
         "answers in its place", "invalid_response (200)", "answers in its place"},
        {"{\"status\":401,\"code\":\"unauthenticated\"}", "ok", "401", NULL, "unauthenticated (401)",
         "takes the Authorization header out"},
    };
    const struct outbox_fixture *fixture = *state;

    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        char rule[256];
        snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"ping\"},\"times\":-1,\"action\":%s}", servers[i].action);
        sandbox_script(fixture->klp->sandbox, rule);
        json_t *lines = DOCTOR(fixture, 1);
        doctor_assert(lines, "server", servers[i].status, servers[i].found, servers[i].advice);
        assert_advised(lines, "ping", "fail", servers[i].ping, servers[i].ping_advice);
        json_decref(lines);
        sandbox_unscript(fixture->klp->sandbox);
    }
}

/* ---- the clock ---- */

static void set_date(const struct outbox_fixture *fixture, int64_t ahead_s)
{
    time_t then = time(NULL) + (time_t)ahead_s;
    struct tm parts;
    char date[64], rule[256];

    assert_non_null(gmtime_r(&then, &parts));
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"ping\"},\"times\":-1,\"action\":{\"headers\":{\"Date\":\"%s\"}}}",
             date);
    sandbox_unscript(fixture->klp->sandbox);
    sandbox_script(fixture->klp->sandbox, rule);
}

/* However slow the machine is: what is a second off or two is told like that, too. */
static void a_clock_that_is_off_is_told_with_what_it_does_to_webhooks(void **state)
{
    static const struct {
        int ahead_s;
        const char *status, *found, *effect;
    } clocks[] = {
        {30, "ok", " s behind the server's", ""},
        {-30, "ok", " s ahead of the server's", ""},
        {120, "warn", " s behind the server's", "from the future, and are refused"},
        {-120, "warn", " s ahead of the server's", "seem to be older than they are"},
        {-400, "warn", " s ahead of the server's", "too old, and are refused"},
        {-400000000, "warn", " s ahead of the server's", "too old, and are refused"},
    };
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 0);
    assert_found(lines, "clock", "ok", "the same, to a second");
    json_decref(lines);
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        set_date(fixture, clocks[i].ahead_s);
        lines = DOCTOR(fixture, 0);
        assert_found(lines, "clock", clocks[i].status, clocks[i].found);
        assert_found(lines, "clock", clocks[i].status, clocks[i].effect);
        json_decref(lines);
    }
}

static void a_reply_without_a_date_tells_nothing_of_the_clock(void **state)
{
    static const struct fault_reply replies[] = {
        {401, KLP_TEXT_NONE, KLP_LIT("{\"error\":{\"code\":\"unauthenticated\",\"message\":\"no\"}}")},
        {401, KLP_LIT("Date: yesterday at noon\r\n"),
         KLP_LIT("{\"error\":{\"code\":\"session_invalid\",\"message\":\"no\"}}")},
    };
    const struct outbox_fixture *fixture = *state;

    for (size_t i = 0; i < 2; i++) {
        struct fault_server *server = fault_server_start(FAULT_REPLIES, &replies[i], 1);
        char option[128];
        json_t *lines = DOCTOR(fixture, 1, url_option(option, "http", "127.0.0.1", fault_server_port(server)));
        assert_found(lines, "server", "ok", "401");
        assert_found(lines, "clock", "skip", "the server's reply has no date");
        json_decref(lines);
        fault_server_stop(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(a_name_that_nobody_knows_is_told),
        OUTBOX_TEST(a_port_that_refuses_is_told),
        OUTBOX_TEST(a_port_that_does_not_answer_is_waited_for_no_longer_than_asked),
        OUTBOX_TEST(plain_http_to_another_machine_is_refused_before_it_is_sent),
        OUTBOX_TEST(a_proxy_that_the_environment_names_is_told_by_its_variable),
        OUTBOX_TEST(a_server_of_the_given_authority_is_fine),
        OUTBOX_TEST(each_reason_to_distrust_a_certificate_is_told_for_itself),
        OUTBOX_TEST(a_ca_file_that_is_none_is_told),
        OUTBOX_TEST(plain_http_and_tls_that_are_mistaken_for_each_other_are_told),
        OUTBOX_TEST(a_handshake_and_a_reply_that_do_not_come_are_told_apart),
        OUTBOX_TEST(a_server_that_is_not_kratys_or_not_well_is_told),
        OUTBOX_TEST(a_clock_that_is_off_is_told_with_what_it_does_to_webhooks),
        OUTBOX_TEST(a_reply_without_a_date_tells_nothing_of_the_clock),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
