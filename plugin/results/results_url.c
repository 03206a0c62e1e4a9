/* SPDX-License-Identifier: Apache-2.0 */
#include "results/results_url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "why.h"

static klp_status check_ipc(const char *path, struct results_address *address, klp_text_buffer *why)
{
    const size_t longest = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    size_t path_bytes = strlen(path);

    if (path_bytes == 0)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "results_url has no path behind ipc://");
    if (path_bytes > longest) /* nanomsg would assert */
        return why_say(why, KLP_E_INVALID_ARGUMENT, "results_url has a path of %zu bytes, more than a socket's %zu",
                       path_bytes, longest);
    snprintf(address->text, sizeof address->text, "ipc://%s", path);
    return KLP_OK;
}

static bool is_port(const char *text)
{
    unsigned port = 0;
    const char *digit = text;

    for (; *digit >= '0' && *digit <= '9' && port <= 65535; digit++)
        port = port * 10 + (unsigned)(*digit - '0');
    return digit != text && *digit == '\0' && port >= 1 && port <= 65535;
}

static klp_status check_tcp(const char *host_and_port, struct results_address *address, klp_text_buffer *why)
{
    char host[INET6_ADDRSTRLEN + 2];
    unsigned char parsed[sizeof(struct in6_addr)];
    const char *colon = strrchr(host_and_port, ':');
    size_t host_bytes = colon ? (size_t)(colon - host_and_port) : 0;

    if (!colon || !is_port(colon + 1))
        return why_say(why, KLP_E_INVALID_ARGUMENT, "results_url has no port between 1 and 65535 at its end");
    if (host_bytes >= sizeof host)
        host_bytes = 0; /* too long for an address */
    memcpy(host, host_and_port, host_bytes);
    host[host_bytes] = '\0';

    if (strcmp(host, "localhost") == 0)
        strcpy(host, "127.0.0.1"); /* it has room for any address */
    if (inet_pton(AF_INET, host, parsed) == 1) {
        snprintf(address->text, sizeof address->text, "tcp://%s:%s", host, colon + 1);
        return KLP_OK;
    }
    if (host_bytes > 2 && host[0] == '[' && host[host_bytes - 1] == ']') {
        host[host_bytes - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, parsed) == 1) {
            snprintf(address->text, sizeof address->text, "tcp://[%s]:%s", host + 1, colon + 1);
            address->is_ipv6 = true;
            return KLP_OK;
        }
    }
    return why_say(
        why, KLP_E_INVALID_ARGUMENT,
        "results_url has no numeric address before its port: names would have to be looked up, which cannot be "
        "stopped in time (localhost is fine)");
}

klp_status results_url_check(const char *url, struct results_address *address, klp_text_buffer *why)
{
    *address = (struct results_address){0};
    if (strncmp(url, "ipc://", 6) == 0)
        return check_ipc(url + 6, address, why);
    if (strncmp(url, "tcp://", 6) == 0)
        return check_tcp(url + 6, address, why);
    return why_say(why, KLP_E_INVALID_ARGUMENT, "results_url does not begin with ipc:// or tcp://");
}
