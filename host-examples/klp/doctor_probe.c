/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "clock.h"

#define PATH "/server/v1/ping"

enum { MOST_BODY_BYTES = 65536 };

void probe_find_url(struct probe *probe, const struct options *options)
{
    const char *environment = getenv("KRATY_BASE_URL");
    const char *url = options->base_url             ? options->base_url
                      : environment && *environment ? environment
                                                    : "https://api.kraty.io";
    size_t size = strnlen(url, sizeof probe->base_url - sizeof PATH);

    while (size > 0 && url[size - 1] == '/')
        size--;
    memcpy(probe->base_url, url, size);
    probe->base_url[size] = '\0';
    probe->is_tls = strncasecmp(probe->base_url, "https://", 8) == 0;
}

/* What it says without a key is of no interest; an endless body is. */
static size_t on_body(const char *bytes, size_t one, size_t size, void *user)
{
    size_t *got = user;

    (void)bytes, (void)one;
    *got += size;
    return *got > MOST_BODY_BYTES ? 0 : size;
}

/* As the library's own (plugin/transport/curl_exchange.c), or it would tell of another request than those. */
static CURLcode set_up(CURL *easy, const struct borrowed_curl *curl, const struct options *options, const char *url,
                       uint32_t timeout_ms)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_QUICK_EXIT, 1},
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_PATH_AS_IS, 1},
        {CURLOPT_NETRC, CURL_NETRC_IGNORED},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, 2},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_TIMEOUT_MS, (long)timeout_ms},
        {CURLOPT_CONNECTTIMEOUT_MS, (long)timeout_ms},
    };
    const struct {
        CURLoption option;
        const char *value;
    } texts[] = {
        {CURLOPT_URL, url},     {CURLOPT_PROTOCOLS_STR, "http,https"}, {CURLOPT_PROXY, ""}, {CURLOPT_NOPROXY, ""},
        {CURLOPT_CAPATH, NULL}, {CURLOPT_CAINFO, options->ca_file},
    };
    CURLcode code = CURLE_OK;

    for (size_t i = 0; !code && i < sizeof numbers / sizeof *numbers; i++)
        code = curl->easy_setopt(easy, numbers[i].option, numbers[i].value);
    for (size_t i = 0; !code && i < sizeof texts / sizeof *texts; i++)
        if (texts[i].option != CURLOPT_CAINFO || texts[i].value) /* else the system's */
            code = curl->easy_setopt(easy, texts[i].option, texts[i].value);
    return code;
}

static void find_authority_file(struct probe *probe, const struct borrowed_curl *curl, const struct options *options)
{
    const curl_version_info_data *info = curl->version_info(CURLVERSION_NOW);

    if (!options->ca_file && info->age >= CURLVERSION_SEVENTH && info->cainfo)
        snprintf(probe->authority_file, sizeof probe->authority_file, "%s", info->cainfo);
    probe->has_authority_file = options->ca_file || access(probe->authority_file, R_OK) == 0;
}

static void take_results(struct probe *probe, CURL *easy, const struct borrowed_curl *curl, int64_t started_unix_ms)
{
    curl_off_t sent_us = 0, answered_us = 0;
    struct curl_header *date = NULL;
    char *address = NULL;

    curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &probe->http_status);
    curl->easy_getinfo(easy, CURLINFO_OS_ERRNO, &probe->system_error);
    curl->easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &probe->verify_result);
    curl->easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &probe->port);
    curl->easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &probe->name_us);
    curl->easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &probe->connect_us);
    curl->easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &probe->tls_us);
    curl->easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &probe->total_us);
    curl->easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
    curl->easy_getinfo(easy, CURLINFO_STARTTRANSFER_TIME_T, &answered_us);
    if (curl->easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address)
        snprintf(probe->address, sizeof probe->address, "%s", address);
    if (curl->easy_header(easy, "Date", 0, CURLH_HEADER, -1, &date) == CURLHE_OK)
        snprintf(probe->date, sizeof probe->date, "%s", date->value);
    probe->sent_unix_ms = started_unix_ms + sent_us / 1000;
    probe->answered_unix_ms = started_unix_ms + answered_us / 1000 + 1;
}

bool probe_run(struct probe *probe, const struct borrowed_curl *curl, const struct options *options,
               uint32_t timeout_ms)
{
    char url[PROBE_URL_BYTES];
    size_t got = 0;
    CURL *easy = curl->easy_init();

    if (!easy)
        return false;
    snprintf(url, sizeof url, "%.*s" PATH, (int)(sizeof url - sizeof PATH), probe->base_url);
    find_authority_file(probe, curl, options);
    CURLcode code = set_up(easy, curl, options, url, timeout_ms);
    if (!code)
        code = curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->failure);
    if (!code)
        code = curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    if (!code)
        code = curl->easy_setopt(easy, CURLOPT_WRITEDATA, &got);
    int64_t started_unix_ms = clock_wall_ms();
    if (!code)
        code = curl->easy_perform(easy);
    take_results(probe, easy, curl, started_unix_ms);
    if (!probe->failure[0] && code)
        snprintf(probe->failure, sizeof probe->failure, "%s", curl->easy_strerror(code));
    probe->code = code;
    probe->is_done = true;
    curl->easy_cleanup(easy);
    return true;
}
