/* SPDX-License-Identifier: Apache-2.0
 * Faults of TLS: a server that is not the one it should be, and a handshake that does not come to its end. */
#include "fault_bench.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "process.h"

struct guest_certificates fault_certificates;

struct distrust {
    const char *certificate, *key, *authority; /* the authority NULL: the system's */
    const char *host;
    const char *reason; /* part of the message */
};

static void restart_with_tls(struct fault_bench *bench, const char *certificate, const char *key)
{
    struct rig *rig = bench->rig;

    sandbox_stop(rig->sandbox);
    rig->sandbox = NULL;
    rig->sandbox = sandbox_start((const char *[]){"--tls-cert", certificate, "--tls-key", key, NULL});
    fault_point_at(bench, "https", "127.0.0.1", sandbox_port(rig->sandbox));
}

static void is_not_tried_again(struct fault_bench *bench)
{
    const struct distrust *distrust = bench->given;

    restart_with_tls(bench, distrust->certificate, distrust->key);
    fault_point_at(bench, "https", distrust->host, sandbox_port(bench->rig->sandbox));
    bench->config.ca_file = klp_cstr(distrust->authority);
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 0, 0);
    fault_assert_verdict(event, &(struct fault_verdict){KLP_NOT_APPLIED, false, "tls_error", 0, 1, 0});
    assert_contains(event->error_message.data, distrust->reason);
}

static const struct distrust expired = {fault_certificates.expired, fault_certificates.expired_key,
                                        fault_certificates.authority, "127.0.0.1", "expired"};
static const struct distrust elsewhere = {fault_certificates.good, fault_certificates.good_key,
                                          fault_certificates.authority, "localhost", "'localhost'"};
static const struct distrust self_signed = {fault_certificates.self_signed, fault_certificates.self_signed_key,
                                            fault_certificates.authority, "127.0.0.1", "self-signed certificate"};
static const struct distrust unknown = {fault_certificates.good, fault_certificates.good_key, NULL, "127.0.0.1",
                                        "issuer"};

static void handshakes_that_are_cut_are_not_applied(struct fault_bench *bench)
{
    fault_open_server(bench, "https", FAULT_HANGS_UP, NULL, 0);
    const klp_event *event = fault_push(bench);
    fault_assert_arrivals(bench, 0); /* of requests */
    fault_assert_verdict(event, &(struct fault_verdict){KLP_NOT_APPLIED, false, "tls_error", 0, 4, 0});
    struct fault_arrivals arrivals = fault_server_arrivals(bench->server);
    assert_int_equal(arrivals.connections, 4);
    assert_int_equal(arrivals.first[0], 0x16); /* a handshake record */
    assert_null(memmem(arrivals.first, sizeof arrivals.first, FAULT_KEY, strlen(FAULT_KEY)));
}

static void handshakes_that_are_cut_are_tried_again(struct fault_bench *bench)
{
    restart_with_tls(bench, fault_certificates.good, fault_certificates.good_key);
    bench->config.ca_file = klp_cstr(fault_certificates.authority);
    sandbox_script(bench->rig->sandbox, "{\"accept_reset\":2}");
    const klp_event *event = fault_push(bench);
    fault_assert_effect(bench, 1, 1);
    fault_assert_verdict(event, &(struct fault_verdict){KLP_APPLIED, false, NULL, 201, 3, 1});
}

const struct fault_test fault_tls_tests[] = {
    {"an_expired_certificate_is_not_tried_again", "expired certificate", is_not_tried_again, &expired},
    {"a_certificate_for_another_host_is_not_tried_again", "certificate for another host", is_not_tried_again,
     &elsewhere},
    {"a_self_signed_certificate_is_not_tried_again", "self-signed certificate", is_not_tried_again, &self_signed},
    {"a_certificate_of_an_unknown_authority_is_not_tried_again", "unknown authority", is_not_tried_again, &unknown},
    FAULT_TEST(handshakes_that_are_cut_are_not_applied, "TLS handshake cut, always"),
    FAULT_TEST(handshakes_that_are_cut_are_tried_again, "TLS handshake cut, twice"),
    {0},
};
