/* SPDX-License-Identifier: Apache-2.0 */
#include "agones_sidecar.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"

/* ---- the rig ---- */

int agones_set_up(void **state)
{
    struct agones_rig *rig = calloc(1, sizeof *rig);

    if (!rig)
        return -1;
    guest_setup(state);
    rig->stream = rig->listener = -1;
    strcpy(rig->outbox, "/tmp/agones-test.XXXXXX");
    if (!mkdtemp(rig->outbox))
        return -1;
    rig->sandbox = sandbox_start(NULL);
    rig->listener = guest_listen(&rig->port);
    snprintf(rig->url, sizeof rig->url, "KRATY_BASE_URL=%s", sandbox_url(rig->sandbox));
    snprintf(rig->port_variable, sizeof rig->port_variable, "AGONES_SDK_HTTP_PORT=%u", rig->port);
    rig->environment[0] = guest_environment[0];
    rig->environment[1] = guest_environment[1];
    rig->environment[2] = rig->url;
    rig->environment[3] = rig->port_variable;
    *state = rig;
    return 0;
}

int agones_tear_down(void **state)
{
    struct agones_rig *rig = *state;

    sidecar_cut(rig);
    sidecar_close(rig);
    sandbox_stop(rig->sandbox);
    struct process_result removed = process_run((const char *[]){"/bin/rm", "-r", rig->outbox, NULL}, NULL, NULL);
    process_result_clear(&removed);
    free(rig);
    return 0;
}

void agones_start_host(struct agones_rig *rig, const char *const more[])
{
    const char *argv[12] = {"agones", "--game", "game_1", "--event", "duel", "--key-annotation", "match-id"};

    for (size_t i = 0; more && more[i]; i++)
        argv[7 + i] = more[i];
    rig->host = process_start(&(struct process_setup){.argv = argv, .environment = rig->environment});
}

struct process_result agones_end_host(struct agones_rig *rig)
{
    process_signal(rig->host, SIGTERM);
    struct process_result result = process_finish(rig->host);
    if (result.exit_status != 0)
        fail_msg("ended with %d: %s", result.exit_status, result.errors);
    assert_null(strstr(result.output, SIDECAR_SECRET));
    assert_null(strstr(result.errors, SIDECAR_SECRET));
    return result;
}

/* ---- the sidecar ---- */

void sidecar_close(struct agones_rig *rig)
{
    if (rig->listener >= 0)
        close(rig->listener);
    rig->listener = -1;
}

void sidecar_listen(struct agones_rig *rig)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)rig->port)};

    rig->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(rig->listener >= 0);
    setsockopt(rig->listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(rig->listener, (struct sockaddr *)&address, sizeof address) || listen(rig->listener, 8))
        fail_msg("no listener at %u: %s", rig->port, strerror(errno));
}

static void await_readable(int descriptor)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};

    if (poll(&ready, 1, (int)patience_ms(20000)) != 1)
        fail_msg("the host does not ask");
}

uint64_t sidecar_take(struct agones_rig *rig)
{
    char request[4096] = "";
    size_t size = 0;

    await_readable(rig->listener);
    uint64_t taken_ms = guest_now_ms();
    sidecar_cut(rig);
    rig->stream = accept4(rig->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(rig->stream >= 0);
    setsockopt(rig->stream, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    while (!strstr(request, "\r\n\r\n")) {
        await_readable(rig->stream);
        ssize_t got = recv(rig->stream, request + size, sizeof request - 1 - size, 0);
        assert_true(got > 0);
        size += (size_t)got;
        request[size] = '\0';
    }
    assert_int_equal(strncmp(request, "GET /watch/gameserver HTTP/1.1\r\n", 32), 0);
    return taken_ms;
}

void sidecar_accept(struct agones_rig *rig)
{
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";

    sidecar_take(rig);
    sidecar_say_raw(rig, head, sizeof head - 1);
}

void sidecar_say_raw(struct agones_rig *rig, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(rig->stream, bytes, size, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        size -= (size_t)sent;
    }
}

void sidecar_say(struct agones_rig *rig, const char *bytes, size_t size)
{
    char head[24];

    snprintf(head, sizeof head, "%zx\r\n", size);
    sidecar_say_raw(rig, head, strlen(head));
    sidecar_say_raw(rig, bytes, size);
    sidecar_say_raw(rig, "\r\n", 2);
}

size_t sidecar_state(char line[2048], const char *state, const char *key, const char *players)
{
    char annotation[256] = "", lists[1024] = "";

    if (key)
        snprintf(annotation, sizeof annotation, "\"match-id\":\"%s\",", key);
    if (players)
        snprintf(lists, sizeof lists, ",\"lists\":{\"players\":{\"capacity\":\"2\",\"values\":[%s]}}", players);
    int size = snprintf(line, 2048,
                        "{\"result\":{\"object_meta\":{\"name\":\"duel-x7k2p\",\"namespace\":\"default\",\"uid\":"
                        "\"6f1c\",\"resource_version\":\"1531\",\"generation\":\"4\",\"creation_timestamp\":"
                        "\"1733000000\",\"annotations\":{%s\"mode\":\"ranked\",\"agones.dev/sdk-ticket\":\"%s\"},"
                        "\"labels\":{\"agones.dev/fleet\":\"duel\"}},\"spec\":{\"health\":{\"period_seconds\":5,"
                        "\"failure_threshold\":3,\"initial_delay_seconds\":5}},\"status\":{\"state\":\"%s\","
                        "\"address\":\"192.0.2.20\",\"ports\":[{\"name\":\"default\",\"port\":7777}]%s}}}\n",
                        annotation, SIDECAR_SECRET, state, lists);
    assert_true(size > 0 && size < 2048);
    return (size_t)size;
}

void sidecar_say_state(struct agones_rig *rig, const char *state, const char *key, const char *players)
{
    char line[2048];

    sidecar_say(rig, line, sidecar_state(line, state, key, players));
}

void sidecar_end(struct agones_rig *rig)
{
    sidecar_say_raw(rig, "0\r\n\r\n", 5);
    sidecar_cut(rig);
}

void sidecar_cut(struct agones_rig *rig)
{
    if (rig->stream >= 0)
        close(rig->stream);
    rig->stream = -1;
}
