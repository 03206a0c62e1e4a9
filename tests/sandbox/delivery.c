/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define STREAM_BLOCK_BYTES  (64u << 10)
#define FLOOD_MAX_BYTES     (64u << 20) /* endless enough; a client without a limit must not eat the machine */
#define FLOOD_PER_TURN      (256u << 10)
#define FLOOD_TURN_US       1000
#define REQUEST_ID_BYTES    32
#define CONTENT_TYPE_HEADER "Content-Type"

/* A body that MHD asks for piece by piece. */
struct stream {
    struct timers *timers;
    struct MHD_Connection *connection;
    char *body;
    size_t body_bytes;
    uint64_t total_bytes; /* what is above body_bytes is sent as spaces: the JSON stays JSON */
    uint64_t end_at;      /* cut_body ends before total_bytes */
    uint64_t drip_us;     /* 0: as fast as it goes */
    bool has_waited;
};

static int socket_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

void reset_connection(struct MHD_Connection *connection)
{
    /* SO_LINGER would not do: MHD shuts the socket down before it closes it, which is a FIN first. */
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    connect(socket_of(connection), &nowhere, sizeof nowhere);
}

static void resume(void *context)
{
    MHD_resume_connection(context);
}

static void suspend(struct timers *timers, struct MHD_Connection *connection, uint64_t wait_us)
{
    MHD_suspend_connection(connection);
    if (!timers_after(timers, wait_us, resume, connection))
        MHD_resume_connection(connection);
}

enum MHD_Result suspend_for(struct request *request, uint64_t wait_us)
{
    suspend(request->sandbox->timers, request->connection, wait_us);
    return MHD_YES;
}

static size_t fill(const struct stream *stream, uint64_t position, char *buffer, size_t room)
{
    size_t filled = stream->end_at - position < room ? (size_t)(stream->end_at - position) : room;
    size_t from_body = 0;
    if (position < stream->body_bytes) {
        size_t left = stream->body_bytes - (size_t)position;
        from_body = left < filled ? left : filled;
        memcpy(buffer, stream->body + position, from_body);
    }
    memset(buffer + from_body, ' ', filled - from_body);
    return filled;
}

static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room)
{
    struct stream *stream = context;

    if (position >= stream->end_at)
        return stream->end_at < stream->total_bytes ? MHD_CONTENT_READER_END_WITH_ERROR
                                                    : MHD_CONTENT_READER_END_OF_STREAM;
    if (!stream->drip_us)
        return (ssize_t)fill(stream, position, buffer, room);

    stream->has_waited = !stream->has_waited;
    if (!stream->has_waited)
        return (ssize_t)fill(stream, position, buffer, 1);
    suspend(stream->timers, stream->connection, stream->drip_us);
    return 0;
}

static void free_stream(void *context)
{
    struct stream *stream = context;
    free(stream->body);
    free(stream);
}

/* Takes the reply's body. */
static struct MHD_Response *streamed_response(struct request *request)
{
    const struct fault_action *action = request->action;
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;

    stream->timers = request->sandbox->timers;
    stream->connection = request->connection;
    stream->body = request->reply.body;
    stream->body_bytes = request->reply.body_bytes;
    request->reply.body = NULL;

    stream->total_bytes = stream->body_bytes;
    if (action->kind == FAULT_BIG_BODY && action->big_body_bytes > stream->body_bytes)
        stream->total_bytes = action->big_body_bytes;
    stream->end_at = action->kind == FAULT_CUT_BODY ? stream->total_bytes / 2 : stream->total_bytes;
    stream->drip_us = action->kind == FAULT_SLOW_DRIP ? action->drip_us : 0;

    struct MHD_Response *response = MHD_create_response_from_callback(
        action->chunked ? MHD_SIZE_UNKNOWN : stream->total_bytes, STREAM_BLOCK_BYTES, read_stream, stream, free_stream);
    if (!response)
        free_stream(stream);
    return response;
}

/* Takes the reply's body. */
static struct MHD_Response *plain_response(struct request *request)
{
    struct reply *reply = &request->reply;
    if (!reply->body)
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(reply->body_bytes, reply->body, MHD_RESPMEM_MUST_FREE);
    if (response)
        reply->body = NULL;
    return response;
}

static bool has_header(json_t *headers, const char *wanted)
{
    const char *name;
    json_t *value;

    json_object_foreach(headers, name, value) if (strcasecmp(name, wanted) == 0) return true;
    return false;
}

static void add_scripted_headers(struct MHD_Response *response, json_t *headers)
{
    const char *name;
    json_t *value, *one;
    size_t index;

    json_object_foreach(headers, name, value)
    {
        if (json_is_string(value))
            MHD_add_response_header(response, name, json_string_value(value));
        json_array_foreach(value, index, one) MHD_add_response_header(response, name, json_string_value(one));
    }
}

static enum MHD_Result queue(struct request *request, struct MHD_Response *response, bool has_body)
{
    if (!response)
        return MHD_NO;

    struct sandbox *sandbox = request->sandbox;
    json_t *headers = request->action ? request->action->headers : NULL;
    char request_id[REQUEST_ID_BYTES];
    snprintf(request_id, sizeof request_id, "req_%08" PRIx32 "%08" PRIxFAST64, sandbox->run,
             atomic_fetch_add(&sandbox->request_ids, 1) + 1);

    if (!has_header(headers, "x-request-id"))
        MHD_add_response_header(response, "x-request-id", request_id);
    if (has_body && !has_header(headers, CONTENT_TYPE_HEADER))
        MHD_add_response_header(response, CONTENT_TYPE_HEADER, "application/json");
    add_scripted_headers(response, headers);

    enum MHD_Result queued = MHD_queue_response(request->connection, request->reply.status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result deliver_garbage(struct request *request)
{
    static const char usual[] = "\x01\x02 this is no HTTP at all \xff\xfe\r\n\r\n";
    json_t *scripted = request->action->garbage;
    const char *bytes = scripted ? json_string_value(scripted) : usual;
    size_t size = scripted ? json_string_length(scripted) : sizeof usual - 1;
    send(socket_of(request->connection), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return MHD_NO;
}

/* False: the peer is gone, or has had enough. */
static bool flood_some(struct request *request)
{
    static const char line[] = "X-Endless: and another one of those headers that never come to an end at all\r\n";
    int socket = socket_of(request->connection);

    for (size_t sent_now = 0; sent_now < FLOOD_PER_TURN;) {
        /* A partial send must go on where it ended: the flood is to be nothing but well-formed headers. */
        size_t offset = request->flooded_bytes % (sizeof line - 1);
        ssize_t sent = send(socket, line + offset, sizeof line - 1 - offset, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        request->flooded_bytes += (uint64_t)sent;
        sent_now += (size_t)sent;
    }
    return request->flooded_bytes < FLOOD_MAX_BYTES;
}

static void flood(void *context)
{
    struct request *request = context;
    if (flood_some(request) && timers_after(request->sandbox->timers, FLOOD_TURN_US, flood, request))
        return;
    request->stage = STAGE_HANG_UP;
    MHD_resume_connection(request->connection);
}

static enum MHD_Result deliver_endless_headers(struct request *request)
{
    static const char start[] = "HTTP/1.1 200 OK\r\n";
    if (send(socket_of(request->connection), start, sizeof start - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return MHD_NO;
    MHD_suspend_connection(request->connection);
    flood(request);
    return MHD_YES;
}

enum MHD_Result deliver(struct request *request)
{
    bool has_body = request->reply.body_bytes > 0;

    switch (request->action ? request->action->kind : FAULT_NONE) {
    case FAULT_RESET_BEFORE:
    case FAULT_RESET_AFTER:
        reset_connection(request->connection);
        return MHD_NO;
    case FAULT_CLOSE_BEFORE:
    case FAULT_CLOSE_AFTER:
        return MHD_NO;
    case FAULT_GARBAGE:
        return deliver_garbage(request);
    case FAULT_ENDLESS_HEADERS:
        return deliver_endless_headers(request);
    case FAULT_CUT_BODY:
    case FAULT_SLOW_DRIP:
    case FAULT_BIG_BODY:
        return queue(request, streamed_response(request), has_body);
    default:
        return queue(request, plain_response(request), has_body);
    }
}
