/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"
#include "delivery.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTEN_BACKLOG          1024
#define MAX_CONNECTIONS         4096u
#define CONNECTION_MEMORY_BYTES ((size_t)64 << 10)

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct sandbox *sandbox = context;
    struct stats *stats = &sandbox->world.stats;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        stats_count(&stats->connections_opened);
        stats_count(&stats->connections_open);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection)
            connection->id = atomic_fetch_add(&sandbox->connection_ids, 1) + 1;
        *socket_context = connection;
        if (faults_strike_accept(sandbox->faults)) {
            stats_count(&stats->connections_reset_on_accept);
            reset_connection(mhd);
        }
        return;
    }

    struct connection *connection = *socket_context;
    atomic_fetch_sub_explicit(&stats->connections_open, 1, memory_order_relaxed);
    if (connection)
        free(connection->target);
    free(connection);
    *socket_context = NULL;
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The only place where the target is seen as it came, before MHD takes it apart. It is kept with the
 * connection: a request that breaks off before its headers end has nothing that would free it. */
static void *on_target(void *context, const char *target, struct MHD_Connection *mhd)
{
    struct connection *connection = connection_of(mhd);
    (void)context;

    if (connection) {
        free(connection->target);
        connection->target = strdup(target);
    }
    return NULL;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **request_context)
{
    struct request *request = *request_context;
    (void)url, (void)version;

    if (!request) {
        struct connection *connection = connection_of(mhd);
        if (!connection || !connection->target)
            return MHD_NO;
        *request_context = request_begin(context, mhd, method, connection->target, connection->id);
        return *request_context ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes) {
        request_append(request, upload, *upload_bytes);
        *upload_bytes = 0;
        return MHD_YES;
    }
    return request_proceed(request);
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct sandbox *sandbox = context;
    struct request *request = *request_context;
    (void)mhd, (void)code;

    if (!request)
        return;
    if (request->quits && eventfd_write(sandbox->quit_fd, 1) != 0)
        abort();
    request_end(request);
    *request_context = NULL;
}

static int listen_on(unsigned port, unsigned *bound_port, char *why)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t address_bytes = sizeof address;
    int yes = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        goto tell;

    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, LISTEN_BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &address_bytes) != 0)
        goto close_listener;
    *bound_port = ntohs(address.sin_port);
    return listener;

close_listener:
    close(listener);
tell:
    snprintf(why, SERVER_WHY_BYTES, "cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
    return -1;
}

bool server_start(struct sandbox *sandbox, const struct server_settings *settings, char why[SERVER_WHY_BYTES])
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (settings->tls_cert)
        flags |= MHD_USE_TLS;
    if (sandbox->is_verbose)
        flags |= MHD_USE_ERROR_LOG;

    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, settings->tls_cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, settings->tls_key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem pool[] = {{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)settings->threads, NULL},
                                    {MHD_OPTION_END, 0, NULL}};

    int listener = listen_on(settings->port, &sandbox->port, why);
    if (listener < 0)
        return false;
    sandbox->daemon = MHD_start_daemon(
        flags, (uint16_t)sandbox->port, NULL, NULL, on_request, sandbox, MHD_OPTION_LISTEN_SOCKET, listener,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, sandbox, MHD_OPTION_NOTIFY_CONNECTION, on_connection, sandbox,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, sandbox, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY_BYTES, MHD_OPTION_ARRAY, settings->tls_cert ? tls : none,
        MHD_OPTION_ARRAY, settings->threads > 1 ? pool : none, MHD_OPTION_END);
    if (!sandbox->daemon) {
        snprintf(why, SERVER_WHY_BYTES, "libmicrohttpd does not start%s",
                 settings->tls_cert ? ": are certificate and key a PEM pair?" : "");
        close(listener);
        return false;
    }
    return true;
}

void server_stop(struct sandbox *sandbox)
{
    timers_stop(sandbox->timers);
    MHD_stop_daemon(sandbox->daemon);
}
