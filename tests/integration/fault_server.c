/* SPDX-License-Identifier: Apache-2.0 */
#include "fault_server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"

enum { REQUEST_BYTES = 16384 };

struct fault_server {
    enum fault_manner manner;
    const struct fault_reply *replies;
    size_t reply_count;
    int listener, stop;
    unsigned port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct fault_arrivals arrivals; /* under the lock */
};

/* Off the test's own thread nothing may assert: what fails here ends the connection, and the test sees that. */

/* False: it is to stop. */
static bool await(const struct fault_server *server, int descriptor, short events)
{
    struct pollfd ready[] = {{.fd = descriptor, .events = events}, {.fd = server->stop, .events = POLLIN}};

    while (poll(ready, 2, -1) < 0 && errno == EINTR)
        ;
    return ready[1].revents == 0;
}

static void count_bytes(struct fault_server *server, const char *bytes, size_t size)
{
    struct fault_arrivals *arrivals = &server->arrivals;

    pthread_mutex_lock(&server->lock);
    if (arrivals->bytes < sizeof arrivals->first - 1) {
        size_t room = sizeof arrivals->first - 1 - arrivals->bytes;
        memcpy(arrivals->first + arrivals->bytes, bytes, size < room ? size : room);
    }
    arrivals->bytes += size;
    pthread_mutex_unlock(&server->lock);
}

static void count(struct fault_server *server, size_t *counter)
{
    pthread_mutex_lock(&server->lock);
    ++*counter;
    pthread_mutex_unlock(&server->lock);
}

/* 0: the peer is gone, or the server is to stop. */
static size_t receive(struct fault_server *server, int connection, char *bytes, size_t room)
{
    while (await(server, connection, POLLIN)) {
        ssize_t got = recv(connection, bytes, room, 0);
        if (got > 0) {
            count_bytes(server, bytes, (size_t)got);
            return (size_t)got;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return 0;
}

static bool is_whole(const char *request, size_t size)
{
    const char *body = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "\r\nContent-Length:");

    if (!body)
        return false;
    size_t body_bytes = length && length < body ? strtoul(length + sizeof "\r\nContent-Length:" - 1, NULL, 10) : 0;
    return size - (size_t)(body + 4 - request) >= body_bytes;
}

static bool receive_request(struct fault_server *server, int connection)
{
    char request[REQUEST_BYTES];
    size_t used = 0;

    do {
        size_t got = receive(server, connection, request + used, sizeof request - 1 - used);
        if (got == 0)
            return false;
        used += got;
        request[used] = '\0';
    } while (!is_whole(request, used));
    count(server, &server->arrivals.requests);
    return true;
}

static void say(const struct fault_server *server, int connection, const char *bytes, size_t size)
{
    while (size > 0 && await(server, connection, POLLOUT)) {
        ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return; /* it has seen enough */
        bytes += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void reply_with(const struct fault_server *server, int connection, const struct fault_reply *reply)
{
    char head[128];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %d A fault\r\nContent-Length: %zu\r\nConnection: close\r\n",
                        reply->status, reply->body.size);

    say(server, connection, head, (size_t)size);
    say(server, connection, reply->headers.data, reply->headers.size);
    say(server, connection, "\r\n", 2);
    say(server, connection, reply->body.data, reply->body.size);
}

static void serve(struct fault_server *server, int connection, size_t *replied)
{
    char bytes[REQUEST_BYTES];

    switch (server->manner) {
    case FAULT_REPLIES:
        if (receive_request(server, connection)) {
            reply_with(server, connection, &server->replies[*replied]);
            *replied += *replied + 1 < server->reply_count;
        }
        break;
    case FAULT_SILENT:
        if (receive_request(server, connection))
            while (receive(server, connection, bytes, sizeof bytes) > 0)
                ;
        break;
    case FAULT_HANGS_UP:
        receive(server, connection, bytes, sizeof bytes);
        break;
    }
}

static void *run(void *argument)
{
    struct fault_server *server = argument;
    size_t replied = 0;

    while (await(server, server->listener, POLLIN)) {
        int connection = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (connection < 0)
            continue;
        count(server, &server->arrivals.connections);
        serve(server, connection, &replied);
        close(connection);
    }
    return NULL;
}

/* ─── Its life ──────────────────────────────────────────────────────────────────────────────────── */

struct fault_server *fault_server_start(enum fault_manner manner, const struct fault_reply *replies, size_t reply_count)
{
    struct fault_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    assert_true(manner != FAULT_REPLIES || reply_count > 0);
    server->manner = manner;
    server->replies = replies;
    server->reply_count = reply_count;
    server->listener = guest_listen(&server->port);
    server->stop = eventfd(0, EFD_CLOEXEC);
    assert_true(server->stop >= 0);
    pthread_mutex_init(&server->lock, NULL);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
    return server;
}

void fault_server_stop(struct fault_server *server)
{
    if (!server)
        return;
    assert_int_equal(eventfd_write(server->stop, 1), 0);
    pthread_join(server->thread, NULL);
    pthread_mutex_destroy(&server->lock);
    close(server->stop);
    close(server->listener);
    free(server);
}

unsigned fault_server_port(const struct fault_server *server)
{
    return server->port;
}

struct fault_arrivals fault_server_arrivals(struct fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    struct fault_arrivals arrivals = server->arrivals;
    pthread_mutex_unlock(&server->lock);
    return arrivals;
}
