/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/base_url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "why.h"

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    char address[INET6_ADDRSTRLEN];
    size_t size = strlen(host);

    if (strcasecmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    if (size < 3 || host[0] != '[' || host[size - 1] != ']' || size - 2 >= sizeof address)
        return false;
    memcpy(address, host + 1, size - 2);
    address[size - 2] = '\0';
    return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* What no base URL holds. Looked for in the text itself: parsers differ on just these. */
static klp_status refuse_odd_bytes(const char *url, size_t size, const char *field, klp_text_buffer *why)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)url[i];
        if (byte <= 0x20 || byte >= 0x7f || byte == '\\')
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has byte 0x%02x at %zu", field, byte, i);
        if (byte == '?')
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has a query at %zu", field, i);
        if (byte == '#')
            return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has a fragment at %zu", field, i);
    }
    return KLP_OK;
}

klp_status base_url_check(const char *url, size_t size, bool allow_insecure, const char *field, size_t *kept,
                          klp_text_buffer *why)
{
    klp_status status = refuse_odd_bytes(url, size, field, why);
    if (status)
        return status;

    bool is_http = strncasecmp(url, "http://", 7) == 0;
    if (!is_http && strncasecmp(url, "https://", 8) != 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s does not begin with https:// or http://", field);
    const char *authority = strchr(url, '/') + 2;
    if (memchr(authority, '@', strcspn(authority, "/")))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "%s has user info before its host", field);

    CURLU *parts = curl_url();
    if (!parts)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    char *host = NULL;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, 0);
    if (!code)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        status = why_say(why, KLP_E_NO_MEMORY, "out of memory");
    else if (code)
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "%s is not a URL: %s", field, curl_url_strerror(code));
    else if (is_http && !allow_insecure && !is_loopback(host))
        status =
            why_say(why, KLP_E_INVALID_ARGUMENT,
                    "%s is plain http to %s, which is not loopback: use https, or set KLP_ALLOW_INSECURE", field, host);
    curl_free(host);
    curl_url_cleanup(parts);

    while (size > 0 && url[size - 1] == '/')
        size--;
    *kept = size;
    return status;
}

klp_status proxy_url_check(const char *url, bool reads_all, const char *field, klp_text_buffer *why)
{
    static const char *const schemes[] = {"http://", "https://", "socks4://", "socks4a://", "socks5://", "socks5h://"};
    size_t scheme = 0;
    while (scheme < sizeof schemes / sizeof *schemes && strncasecmp(url, schemes[scheme], strlen(schemes[scheme])) != 0)
        scheme++;
    if (scheme == sizeof schemes / sizeof *schemes)
        return why_say(why, KLP_E_INVALID_ARGUMENT,
                       "%s does not begin with http://, https://, socks4://, socks4a://, socks5:// or socks5h://",
                       field);

    klp_status status = KLP_OK;
    char *host = NULL;
    CURLU *parts = curl_url();
    if (!parts)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (!code)
        code = curl_url_get(parts, CURLUPART_HOST, &host, 0);
    if (code)
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "%s is not a URL: %s", field, curl_url_strerror(code));
    else if (reads_all && !is_loopback(host))
        status = why_say(why, KLP_E_INVALID_ARGUMENT,
                         "%s is not on loopback and base_url is plain http: the proxy would read the API key; use "
                         "https, or set KLP_ALLOW_INSECURE",
                         field);
    curl_free(host);
    curl_url_cleanup(parts);
    return status;
}
