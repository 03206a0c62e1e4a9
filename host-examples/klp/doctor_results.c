/* SPDX-License-Identifier: Apache-2.0
 * The result socket: whether its address is one, who else may reach it, and whether its reader is there. No message is
 * sent: a connection is made, on which every nanomsg socket says at once what kind it is, and closed again. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_checks.h"
#include "results/results_url.h"

enum { PROTOCOL_OF_REP = 49, LONGEST_WAIT_MS = 2000 }; /* NN_REP, which is part of what goes over the wire */

struct place {
    struct sockaddr_storage address;
    socklen_t size;
    char folder[sizeof((struct sockaddr_un *)NULL)->sun_path + 1]; /* of an ipc path */
    bool is_ipc, is_loopback;
};

/* ─── Where it is ───────────────────────────────────────────────────────────────────────────────── */

static void find_ipc(const char *path, struct place *place)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&place->address;
    const char *slash = strrchr(path, '/');

    place->is_ipc = true;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strnlen(path, sizeof address->sun_path - 1)); /* the rest is zero */
    place->size = sizeof *address;
    snprintf(place->folder, sizeof place->folder, "%.*s", slash ? (int)(slash - path) : 0, path);
    if (!place->folder[0])
        strcpy(place->folder, slash ? "/" : ".");
}

/* `text` is what results_url_check() has made of it: an address in numbers. */
static void find_tcp(const char *text, bool is_ipv6, struct place *place)
{
    const char *colon = strrchr(text, ':');
    in_port_t port = htons((in_port_t)strtoul(colon + 1, NULL, 10));
    char host[INET6_ADDRSTRLEN] = "";

    snprintf(host, sizeof host, "%.*s", (int)(colon - text) - 2 * is_ipv6, text + is_ipv6);
    if (is_ipv6) {
        struct sockaddr_in6 *address = (struct sockaddr_in6 *)&place->address;
        *address = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        inet_pton(AF_INET6, host, &address->sin6_addr);
        place->is_loopback = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
        place->size = sizeof *address;
    } else {
        struct sockaddr_in *address = (struct sockaddr_in *)&place->address;
        *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
        inet_pton(AF_INET, host, &address->sin_addr);
        place->is_loopback = ntohl(address->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
        place->size = sizeof *address;
    }
}

static bool find_place(struct report *report, const char *url, struct place *place)
{
    struct results_address address;
    klp_text_buffer why = {0};

    *place = (struct place){.size = 0};
    if (results_url_check(url, &address, &why)) {
        report_line(report, HEALTH_FAIL, "results",
                    "Give ipc:///path, or tcp://address:port with the address in numbers", "%s", why.data);
        return false;
    }
    if (strncmp(address.text, "ipc://", 6) == 0)
        find_ipc(address.text + 6, place);
    else
        find_tcp(address.text + 6, address.is_ipv6, place);
    if (place->is_ipc || place->is_loopback)
        report_line(report, HEALTH_OK, "results", NULL, "the address is well-formed, and of this machine");
    else
        report_line(report, HEALTH_WARN, "results", "Keep it on loopback, or on a network that you trust",
                    "the address is another machine's: neither are events encrypted, nor is who reads them known");
    return true;
}

/* ─── Who else may reach it ─────────────────────────────────────────────────────────────────────── */

/* False: nobody can bind there, and nobody connect. */
static bool check_folder(struct report *report, const char *folder)
{
    struct stat facts;

    if (stat(folder, &facts)) {
        report_line(report, HEALTH_FAIL, "results-folder", "Make it, for the host's user alone (mkdir -m 0700)",
                    "the folder of the socket: %s", strerror(errno));
        return false;
    }
    unsigned mode = (unsigned)facts.st_mode & 07777;
    if (!S_ISDIR(facts.st_mode) || faccessat(AT_FDCWD, folder, X_OK, AT_EACCESS)) {
        report_line(report, HEALTH_FAIL, "results-folder", "Give it a folder that the host and its pusher may enter",
                    "the folder of the socket cannot be entered by this user");
        return false;
    }
    if (mode & (S_IXOTH | S_IWOTH))
        report_line(
            report, HEALTH_WARN, "results-folder",
            "Give it a folder of the host's user alone (mkdir -m 0700): who can reach the socket can take events, "
            "or answer in the reader's place",
            "the folder of the socket is open to every user of this machine (%04o)", mode);
    else
        report_line(report, HEALTH_OK, "results-folder", NULL,
                    "the folder of the socket can be entered, and not by all "
                    "(%04o)",
                    mode);
    return true;
}

/* ─── Who is there ──────────────────────────────────────────────────────────────────────────────── */

static bool wait_for(int descriptor, short events, int64_t until_ms)
{
    struct pollfd ready = {.fd = descriptor, .events = events};
    int got;

    do {
        int64_t left_ms = until_ms - clock_ms();
        got = poll(&ready, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (got < 0 && errno == EINTR);
    return got > 0;
}

/* -1: errno says why. */
static int connect_to(const struct place *place, int64_t until_ms)
{
    int descriptor = socket(place->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    socklen_t size = sizeof error;

    if (descriptor < 0)
        return -1;
    if (connect(descriptor, (const struct sockaddr *)&place->address, place->size))
        error = errno;
    if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (wait_for(descriptor, POLLOUT, until_ms))
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (!error)
        return descriptor;
    close(descriptor);
    errno = error;
    return -1;
}

/* What an SP socket says first: 0 S P 0, its protocol in two bytes, 0 0. -1: it says something else, or nothing. */
static int read_protocol(int descriptor, int64_t until_ms)
{
    static const unsigned char start[] = {0, 'S', 'P', 0};
    unsigned char said[8];
    size_t got = 0;

    while (got < sizeof said && wait_for(descriptor, POLLIN, until_ms)) {
        ssize_t more = recv(descriptor, said + got, sizeof said - got, 0);
        if (more <= 0)
            break;
        got += (size_t)more;
    }
    return got == sizeof said && memcmp(said, start, sizeof start) == 0 ? said[4] << 8 | said[5] : -1;
}

static void tell_absence(struct report *report, const struct place *place, int error)
{
    if (error == EACCES || error == EPERM)
        report_line(report, HEALTH_FAIL, "results-reader", "Run the reader and the pusher as the same user",
                    "the socket is not this user's to connect to");
    else if (error == ENOTSOCK)
        report_line(report, HEALTH_FAIL, "results-reader", "Remove it, or choose another path",
                    "what is at the socket's path is no socket");
    else
        report_line(report, HEALTH_WARN, "results-reader",
                    "Start the host, which binds a nanomsg REP socket there; until then events wait in the pusher",
                    "nobody is bound there now: %s",
                    place->is_ipc && error == ECONNREFUSED ? "a reader that is gone has left its socket"
                                                           : strerror(error));
}

static void check_reader(struct report *report, const struct place *place, uint32_t timeout_ms)
{
    int64_t until_ms = clock_ms() + (timeout_ms < LONGEST_WAIT_MS ? timeout_ms : LONGEST_WAIT_MS);
    int descriptor = connect_to(place, until_ms);

    if (descriptor < 0) {
        tell_absence(report, place, errno);
        return;
    }
    int protocol = read_protocol(descriptor, until_ms);
    close(descriptor);
    if (protocol == PROTOCOL_OF_REP)
        report_line(report, HEALTH_OK, "results-reader", NULL, "a nanomsg REP socket is bound there");
    else if (protocol >= 0)
        report_line(report, HEALTH_FAIL, "results-reader", "Bind a REP socket: nn_socket(AF_SP, NN_REP)",
                    "a nanomsg socket of another kind (%d) is bound there, which will never be told anything",
                    protocol);
    else
        report_line(report, HEALTH_FAIL, "results-reader", "Give the address that the host binds its REP socket to",
                    "what is bound there does not speak nanomsg");
}

void check_results(struct examination *examination)
{
    const char *url = examination->options->results;
    struct report *report = &examination->report;
    struct place place;

    if (!url)
        report_line(report, HEALTH_SKIP, "results", NULL, "not asked for (--results)");
    else if (find_place(report, url, &place) && (!place.is_ipc || check_folder(report, place.folder)))
        check_reader(report, &place, examination->timeout_ms);
}
