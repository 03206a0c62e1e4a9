/* SPDX-License-Identifier: Apache-2.0 */
#include "sns_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <kraty/lobby_pusher.h>
#include <limits.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_CONNECTIONS = 64,   /* SNS opens a few; each may hold a body of KLP_MAX_DOCUMENT_BYTES */
    CONNECTION_IDLE_S = 30, /* SNS waits 15 s for an answer */
    FIRST_ROOM_BYTES = 8192
};

struct sns_listener {
    struct MHD_Daemon *daemon;
    sns_message_handler on_message;
    unsigned port;
    int descriptor;
};

/* A message that is coming in. */
struct request {
    char *body;
    size_t size, room;
    unsigned refused; /* with this status, whatever else comes */
};

/* ---- one request ---- */

static void append(struct request *request, const char *bytes, size_t size)
{
    if (request->refused)
        return;
    if (size > KLP_MAX_DOCUMENT_BYTES - request->size) {
        request->refused = MHD_HTTP_CONTENT_TOO_LARGE;
        return;
    }
    if (size > request->room - request->size) {
        size_t room = request->room ? request->room : FIRST_ROOM_BYTES;
        while (room - request->size < size)
            room *= 2;
        char *grown = realloc(request->body, room);
        if (!grown) {
            request->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
            return;
        }
        request->body = grown;
        request->room = room;
    }
    memcpy(request->body + request->size, bytes, size);
    request->size += size;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Called when the headers are there, with each part of the body, and at the end of it. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *size, void **request_context)
{
    struct sns_listener *listener = context;
    struct request *request = *request_context;
    (void)url, (void)version;

    if (!request) {
        *request_context = request = calloc(1, sizeof *request);
        if (request && strcmp(method, MHD_HTTP_METHOD_POST) != 0)
            request->refused = MHD_HTTP_METHOD_NOT_ALLOWED;
        return request ? MHD_YES : MHD_NO;
    }
    if (*size > 0) {
        append(request, bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    if (request->refused)
        return answer(connection, request->refused);
    return answer(connection, listener->on_message(request->body ? request->body : "", request->size));
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode how)
{
    struct request *request = *request_context;
    (void)context, (void)connection, (void)how;

    if (request)
        free(request->body);
    free(request);
    *request_context = NULL;
}

/* ---- the listener ---- */

/* False: it is none, or not on loopback. */
static bool read_address(const char *address, struct sockaddr_in *out)
{
    static const char loopback[] = "127.0.0.1:";
    char *end;

    if (strncmp(address, loopback, sizeof loopback - 1) != 0)
        return false;
    const char *digits = address + sizeof loopback - 1;
    unsigned long port = strtoul(digits, &end, 10);
    if (*digits < '0' || *digits > '9' || *end || port > USHRT_MAX)
        return false;
    *out = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return true;
}

/* Bound here, as only so a port that is taken can be told from other trouble. */
static int bind_listener(struct sockaddr_in *address, const char **why)
{
    socklen_t size = sizeof *address;
    int yes = 1, socket_descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (socket_descriptor >= 0 && setsockopt(socket_descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(socket_descriptor, (struct sockaddr *)address, sizeof *address) == 0 &&
        listen(socket_descriptor, MAX_CONNECTIONS) == 0 &&
        getsockname(socket_descriptor, (struct sockaddr *)address, &size) == 0)
        return socket_descriptor;
    *why = strerror(errno);
    if (socket_descriptor >= 0)
        close(socket_descriptor);
    return -1;
}

struct sns_listener *sns_listener_open(const char *address, sns_message_handler on_message, const char **why)
{
    struct sockaddr_in bound;

    if (!read_address(address, &bound)) {
        *why = "not 127.0.0.1:PORT. Who signed a message is not checked here: it takes them from a proxy on this "
               "machine, which does, and speaks TLS";
        return NULL;
    }
    struct sns_listener *listener = calloc(1, sizeof *listener);
    *why = "out of memory";
    if (!listener)
        return NULL;
    listener->on_message = on_message;
    int socket_descriptor = bind_listener(&bound, why);
    if (socket_descriptor < 0)
        goto free_listener;
    listener->port = ntohs(bound.sin_port);
    listener->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, listener, MHD_OPTION_LISTEN_SOCKET,
                                        socket_descriptor, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                        MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                                        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_IDLE_S, MHD_OPTION_END);
    *why = "no HTTP server";
    if (!listener->daemon)
        goto close_socket;
    listener->descriptor = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return listener;

close_socket:
    close(socket_descriptor);
free_listener:
    free(listener);
    return NULL;
}

unsigned sns_listener_port(const struct sns_listener *listener)
{
    return listener->port;
}

int sns_listener_descriptor(const struct sns_listener *listener)
{
    return listener->descriptor;
}

int sns_listener_timeout_ms(const struct sns_listener *listener)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    if (MHD_get_timeout(listener->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

static unsigned count_connections(const struct sns_listener *listener)
{
    return MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* With all its places taken libmicrohttpd takes the listening socket out of what our descriptor waits for, and puts it
 * back when it runs the next time that there are some: which without new connections may be never. */
void sns_listener_run(struct sns_listener *listener)
{
    unsigned before;

    do {
        before = count_connections(listener);
        MHD_run(listener->daemon);
    } while (count_connections(listener) < before);
}

void sns_listener_close(struct sns_listener *listener)
{
    if (!listener)
        return;
    MHD_stop_daemon(listener->daemon);
    free(listener);
}
