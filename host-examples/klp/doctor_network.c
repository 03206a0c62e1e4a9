/* SPDX-License-Identifier: Apache-2.0
 * How far a request comes: the name, the connection, TLS, a server that is Kraty's. What the first of them fails at is
 * told with what is to be done about just that; what would come behind it is not told at all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_checks.h"

enum stage { AT_NAME, AT_CONNECTION, AT_TLS, AT_SERVER, AT_END };

static const char *const checks[] = {"name", "connection", "tls", "server"};

/* OpenSSL's verdicts on a certificate, which are part of its interface (openssl/x509_vfy.h). */
enum {
    NOT_YET_VALID = 9,
    HAS_EXPIRED = 10,
    SELF_SIGNED = 18,
    SELF_SIGNED_IN_CHAIN = 19,
    UNKNOWN_ISSUER = 20,
    UNKNOWN_LEAF = 21
};

/* ─── Where it ended ────────────────────────────────────────────────────────────────────────────── */

/* libcurl has no time of a connection until its handshake is over, but knows by then where it leads. */
static bool is_connected(const struct probe *probe)
{
    return probe->connect_us > 0 || probe->address[0];
}

static enum stage stage_by_times(const struct probe *probe)
{
    if (is_connected(probe))
        return probe->is_tls && probe->tls_us == 0 ? AT_TLS : AT_SERVER;
    return probe->name_us > 0 ? AT_CONNECTION : AT_NAME;
}

static enum stage stage_of(const struct probe *probe)
{
    if (probe->http_status)
        return AT_SERVER;
    switch ((int)probe->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return AT_NAME;
    case CURLE_COULDNT_CONNECT:
        return AT_CONNECTION;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return AT_TLS;
    default:
        return stage_by_times(probe);
    }
}

/* ─── What failed, and what to do ───────────────────────────────────────────────────────────────── */

static bool is_timeout(const struct probe *probe)
{
    return probe->code == CURLE_OPERATION_TIMEDOUT;
}

static void tell_name_failure(struct report *report, const struct probe *probe)
{
    report_line(report, HEALTH_FAIL, "name",
                is_timeout(probe) ? "No name server answers: see /etc/resolv.conf, and whether UDP port 53 gets out"
                                  : "Check the host's name in the URL, and the name server of this machine or "
                                    "container (/etc/resolv.conf)",
                "%s", probe->failure);
}

static void tell_connection_failure(struct report *report, const struct probe *probe)
{
    const char *advice = "See whether a firewall lets this machine out to that address and port, or whether a proxy is "
                         "needed";
    const char *kind = is_timeout(probe) ? "no answer" : "it failed";

    if (probe->system_error == ECONNREFUSED) {
        kind = "refused";
        advice = "Nothing listens there: check the port in the URL, and whether the server runs";
    } else if (probe->system_error == ENETUNREACH || probe->system_error == EHOSTUNREACH) {
        kind = "no way there";
        advice = "See this machine's routes, and whether it has a network of that kind (IPv4, IPv6) at all";
    }
    report_line(report, HEALTH_FAIL, "connection", advice, "%s: %s", kind, probe->failure);
}

static const char *advice_on_certificate(const struct probe *probe, const char **kind)
{
    *kind = "the server's certificate is not trusted";
    switch (probe->verify_result) {
    case 0:
    case 1: /* the handshake went well: it is libcurl itself that compares names, before it asks for this result */
        *kind = "the server's certificate is for another host";
        return "Use the name that stands in the certificate in the URL";
    case NOT_YET_VALID:
        *kind = "the server's certificate is not valid yet";
        return "Check this machine's clock (date), then the server's certificate";
    case HAS_EXPIRED:
        *kind = "the server's certificate has expired";
        return "Check this machine's clock (date), then have the server's certificate renewed";
    case SELF_SIGNED:
    case SELF_SIGNED_IN_CHAIN:
    case UNKNOWN_ISSUER:
    case UNKNOWN_LEAF:
        *kind = "nobody who is trusted here has signed the server's certificate";
        return "A server of your own: give its authority's certificate with --ca-file (klp_config.ca_file). The real "
               "one: something on the way opens the connection; ca-certificates may be too old";
    default:
        return "Give the certificate of its authority with --ca-file (klp_config.ca_file)";
    }
}

static const char *advice_on_tls(const struct probe *probe, const char **kind)
{
    bool is_about_trust = probe->code == CURLE_PEER_FAILED_VERIFICATION || probe->code == CURLE_SSL_CACERT_BADFILE;

    if (is_about_trust && !probe->has_authority_file) {
        *kind = "there are no certificates to trust on this machine";
        return "Install the package ca-certificates, or give --ca-file (klp_config.ca_file)";
    }
    if (probe->code == CURLE_SSL_CACERT_BADFILE) {
        *kind = "the certificates to trust cannot be read";
        return "Give --ca-file (klp_config.ca_file) a PEM file of certificates";
    }
    if (is_about_trust)
        return advice_on_certificate(probe, kind);
    *kind = is_timeout(probe) ? "the handshake does not come to its end" : "the handshake failed";
    return "The port may speak plain http, or something on the way cuts TLS; the library needs TLS 1.2";
}

static void tell_tls_failure(struct report *report, const struct probe *probe)
{
    const char *kind;
    const char *advice = advice_on_tls(probe, &kind);

    report_line(report, HEALTH_FAIL, "tls", advice, "%s: %s", kind, probe->failure);
}

static void tell_server(struct report *report, const struct probe *probe)
{
    long status = probe->http_status;

    if (!status)
        report_line(report, HEALTH_FAIL, "server",
                    "Something else may listen there, or TLS is spoken and the URL says http", "no reply: %s",
                    probe->failure);
    else if (status == 401)
        report_line(report, HEALTH_OK, "server", NULL, "answers a request without a key with 401, as it should");
    else if (status >= 300 && status < 400)
        report_line(report, HEALTH_FAIL, "server",
                    "Give the URL that it leads to: the library follows none, for the API key's sake",
                    "answers %ld: a redirect", status);
    else if (status == 404)
        report_line(report, HEALTH_FAIL, "server",
                    "Check the URL: does it have a path too much, or is it another host?",
                    "answers 404: there is no Kraty at this URL");
    else
        report_line(report, HEALTH_WARN, "server",
                    status >= 500 || status == 429
                        ? "It is busy or away: try again; pushes are tried again by themselves"
                        : "See whether this is Kraty's URL, and whether something on the way answers in its place",
                    "answers a request without a key with %ld instead of 401", status);
}

/* ─── What went well ────────────────────────────────────────────────────────────────────────────── */

static double ms(curl_off_t us)
{
    return (double)us / 1000;
}

static void tell_success(struct examination *examination, enum stage stage)
{
    const struct probe *probe = &examination->probe;
    struct report *report = &examination->report;

    switch (stage) {
    case AT_NAME:
        report_line(report, HEALTH_OK, "name", NULL, "known after %.1f ms", ms(probe->name_us));
        break;
    case AT_CONNECTION:
        if (probe->connect_us)
            report_line(report, HEALTH_OK, "connection", NULL, "to %s port %ld, after %.1f ms", probe->address,
                        probe->port, ms(probe->connect_us));
        else
            report_line(report, HEALTH_OK, "connection", NULL, "to %s port %ld", probe->address, probe->port);
        break;
    default:
        if (probe->is_tls)
            report_line(report, HEALTH_OK, "tls", NULL, "verified with %s, after %.1f ms",
                        examination->options->ca_file ? "--ca-file" : "the system's certificates", ms(probe->tls_us));
        else
            report_line(report, HEALTH_SKIP, "tls", NULL, "the URL says plain http");
    }
}

/* ─── Proxies ───────────────────────────────────────────────────────────────────────────────────── */

/* Only its variable's name is told: its value may have a password. */
static const char *proxy_variable(bool is_tls)
{
    static const char *const names[] = {"https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool is_of_tls = i < 2, is_of_plain = i == 2;
        const char *value = (is_of_tls && !is_tls) || (is_of_plain && is_tls) ? NULL : getenv(names[i]);
        if (value && *value)
            return names[i];
    }
    return NULL;
}

static void check_proxy(struct report *report, const struct probe *probe)
{
    const char *variable = proxy_variable(probe->is_tls);

    if (!variable)
        report_line(report, HEALTH_OK, "proxy", NULL, "there is none in the environment");
    else if (probe->http_status)
        report_line(report, HEALTH_OK, "proxy", NULL, "%s is set; it is not used, and not needed", variable);
    else
        report_line(report, HEALTH_WARN, "proxy",
                    "Where it is the only way out, set klp_config.proxy, or KLP_PROXY_FROM_ENVIRONMENT in its flags",
                    "%s is set, and the library uses none unless it is told to", variable);
}

/* ─── All of it ─────────────────────────────────────────────────────────────────────────────────── */

static void tell_failure(struct report *report, enum stage stage, const struct probe *probe)
{
    switch (stage) {
    case AT_NAME:
        tell_name_failure(report, probe);
        break;
    case AT_CONNECTION:
        tell_connection_failure(report, probe);
        break;
    case AT_TLS:
        tell_tls_failure(report, probe);
        break;
    default:
        tell_server(report, probe);
    }
}

static const char *why_not(const struct examination *examination)
{
    return !examination->opens           ? "no pusher opens"
           : examination->is_stub        ? "the stub has no network"
           : !examination->curl.is_there ? "the library's libcurl is not to be seen: ping tells how far it comes"
                                         : "out of memory";
}

void check_network(struct examination *examination)
{
    struct probe *probe = &examination->probe;
    struct report *report = &examination->report;

    if (!examination->opens || examination->is_stub || !examination->curl.is_there ||
        !probe_run(probe, &examination->curl, examination->options, examination->timeout_ms)) {
        report_line(report, HEALTH_SKIP, "server", NULL, "%s", why_not(examination));
        return;
    }
    enum stage end = stage_of(probe);
    check_proxy(report, probe);
    for (enum stage stage = AT_NAME; stage < AT_END; stage++) {
        if (stage < end)
            tell_success(examination, stage);
        else if (stage == end)
            tell_failure(report, stage, probe);
        else
            report_line(report, HEALTH_SKIP, checks[stage], NULL, "not reached");
    }
}
