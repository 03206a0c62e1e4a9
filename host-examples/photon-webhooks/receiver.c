/* SPDX-License-Identifier: Apache-2.0 */
#include "receiver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webhook.h"

struct receiver {
    struct receiver_settings settings;
    struct MHD_Daemon *daemon;
};

/* One request under way. One that is refused already is read to its end nevertheless, and not kept: closed upon, the
 * other side might never see why. */
struct request {
    const struct webhook_path *path;
    unsigned status; /* 200 so far */
    const char *why;
    char *body;
    size_t bytes, room;
};

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *json,
                              enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(json), (void *)(uintptr_t)json, mode);

    if (!response)
        return MHD_NO; /* the connection is closed, and Photon sends it again */
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "POST");
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

/* In the words of Realtime (ResultCode) and in those of Quantum and Fusion (Status, Error); Message is both's. */
static enum MHD_Result answer_refusal(const struct receiver *receiver, struct MHD_Connection *connection,
                                      unsigned status, const char *why)
{
    receiver->settings.on_refused(receiver->settings.context, status, why);
    json_t *object =
        json_pack("{s:i, s:i, s:s, s:s}", "ResultCode", 1, "Status", (int)status, "Error", "Refused", "Message", why);
    char *json = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return json ? answer(connection, status, json, MHD_RESPMEM_MUST_FREE) : MHD_NO;
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A number in a header; `otherwise` where there is none. */
static int64_t number_in(struct MHD_Connection *connection, const char *name, int64_t otherwise)
{
    const char *text = header(connection, name);
    char *end;

    if (!text || *text < '0' || *text > '9')
        return otherwise;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return *end || errno ? otherwise : number;
}

static void refuse(struct request *request, unsigned status, const char *why)
{
    free(request->body);
    request->body = NULL;
    request->status = status;
    request->why = why;
}

/* What the headers alone say. */
static struct request *begin(const struct receiver *receiver, struct MHD_Connection *connection, const char *url,
                             const char *method)
{
    const struct secrets *secrets = receiver->settings.secrets;
    struct request *request = calloc(1, sizeof *request);

    if (!request)
        return NULL;
    request->status = MHD_HTTP_OK;
    request->path = webhook_path(url);
    if (secrets && !secrets_match(secrets, header(connection, "X-SecretKey")))
        refuse(request, MHD_HTTP_UNAUTHORIZED, "X-SecretKey is missing or wrong");
    else if (!request->path)
        refuse(request, MHD_HTTP_NOT_FOUND, "the path is none of a webhook that is taken here");
    else if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, "a webhook is a POST");
    return request;
}

static void append(struct request *request, const char *bytes, size_t size)
{
    if (request->status != MHD_HTTP_OK)
        return;
    if (size > RECEIVER_MAX_BODY_BYTES - request->bytes) {
        refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than 256 KiB");
        return;
    }
    if (request->bytes + size > request->room) {
        size_t room = 2 * request->room > request->bytes + size ? 2 * request->room : request->bytes + size;
        char *body = realloc(request->body, room);
        if (!body) {
            refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory"); /* which Quantum tries again */
            return;
        }
        request->body = body;
        request->room = room;
    }
    memcpy(request->body + request->bytes, bytes, size);
    request->bytes += size;
}

static enum MHD_Result finish(const struct receiver *receiver, struct MHD_Connection *connection,
                              const struct request *request)
{
    const struct receiver_settings *settings = &receiver->settings;
    char why[WEBHOOK_WHY_BYTES] = "";
    struct webhook webhook;

    if (request->status != MHD_HTTP_OK)
        return answer_refusal(receiver, connection, request->status, request->why);
    unsigned status = webhook_read(settings->klp, request->path, request->body, request->bytes, &webhook, why);
    if (status == MHD_HTTP_OK && webhook.is_of_a_room) {
        webhook.hook.is_sent_again = number_in(connection, "EGRepeatId", 0) > 0;
        webhook.hook.invoke_id = number_in(connection, "EGInvokeId", ROOM_NO_INVOKE_ID);
        settings->on_hook(settings->context, &webhook.hook);
    }
    enum MHD_Result result = status == MHD_HTTP_OK ? answer(connection, status, webhook.answer, MHD_RESPMEM_PERSISTENT)
                                                   : answer_refusal(receiver, connection, status, why);
    webhook_clear(settings->klp, &webhook);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_bytes, void **request_context)
{
    const struct receiver *receiver = context;
    struct request *request = *request_context;

    (void)version;
    if (!request) {
        *request_context = begin(receiver, connection, url, method);
        return *request_context ? MHD_YES : MHD_NO;
    }
    if (*upload_bytes == 0)
        return finish(receiver, connection, request);
    append(request, upload, *upload_bytes);
    *upload_bytes = 0;
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *request_context;

    (void)context, (void)connection, (void)code;
    if (request)
        free(request->body);
    free(request);
    *request_context = NULL;
}

/* ---- the server ---- */

struct receiver *receiver_start(const struct receiver_settings *settings, int *error)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)settings->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct receiver *receiver = calloc(1, sizeof *receiver);

    *error = ENOMEM;
    if (!receiver)
        return NULL;
    receiver->settings = *settings;
    errno = 0;
    receiver->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, receiver, MHD_OPTION_SOCK_ADDR,
                                        (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                                        receiver, MHD_OPTION_CONNECTION_LIMIT, (unsigned)RECEIVER_MAX_CONNECTIONS,
                                        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)RECEIVER_IDLE_S, MHD_OPTION_END);
    if (!receiver->daemon) {
        *error = errno;
        free(receiver);
        return NULL;
    }
    return receiver;
}

unsigned receiver_port(const struct receiver *receiver)
{
    return MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

int receiver_fd(const struct receiver *receiver)
{
    return MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint64_t receiver_wait_ms(const struct receiver *receiver)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    return MHD_get_timeout(receiver->daemon, &wait_ms) == MHD_YES ? wait_ms : UINT64_MAX;
}

static unsigned count_connections(const struct receiver *receiver)
{
    return MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/* With all its places taken libmicrohttpd takes the listening socket out of what receiver_fd() waits for, and puts it
 * back when it runs the next time that there are some: which without new connections may be never. */
void receiver_run(struct receiver *receiver)
{
    unsigned before;

    do {
        before = count_connections(receiver);
        MHD_run(receiver->daemon);
    } while (count_connections(receiver) < before);
}

void receiver_stop(struct receiver *receiver)
{
    if (!receiver)
        return;
    MHD_run(receiver->daemon);
    MHD_stop_daemon(receiver->daemon); /* closes the listening socket first */
    free(receiver);
}
