/* SPDX-License-Identifier: Apache-2.0 */
#include "request.h"
#include "control.h"
#include "delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_BODY_BYTES (1u << 20)

struct header_walk {
    struct sandbox *sandbox;
    struct arrival_headers headers;
};

static enum MHD_Result log_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct header_walk *walk = context;
    (void)kind;

    if (strcasecmp(name, MHD_HTTP_HEADER_AUTHORIZATION) == 0)
        value = value && keyring_find(walk->sandbox->world.keyring, value) ? "Bearer matches" : "Bearer differs";
    return arrival_headers_add(&walk->headers, name, value ? value : "") ? MHD_YES : MHD_NO;
}

struct request *request_begin(struct sandbox *sandbox, struct MHD_Connection *connection, const char *method,
                              const char *target, uint64_t connection_id)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->sandbox = sandbox;
    request->connection = connection;
    request->method = method;
    request->target = strdup(target);
    if (!request->target)
        goto free_request;
    if (!route_parse(&request->route, method, target))
        goto free_target;
    if (request->route.op == OP_CONTROL)
        return request;

    struct header_walk walk = {.sandbox = sandbox};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, log_header, &walk);
    request->arrival = arrivals_begin(sandbox->arrivals, connection_id, method, target, &walk.headers);
    stats_count(&sandbox->world.stats.requests);
    return request;

free_target:
    free(request->target);
free_request:
    free(request);
    return NULL;
}

void request_append(struct request *request, const char *bytes, size_t size)
{
    if (request->body_too_large || size > MAX_BODY_BYTES - request->body_bytes) {
        request->body_too_large = true;
        return;
    }
    if (size >= request->body_room - request->body_bytes) {
        size_t room = 2 * (request->body_bytes + size) + 1;
        char *body = realloc(request->body, room);
        if (!body) {
            request->body_too_large = true;
            return;
        }
        request->body = body;
        request->body_room = room;
    }
    memcpy(request->body + request->body_bytes, bytes, size);
    request->body_bytes += size;
    request->body[request->body_bytes] = '\0';
}

static void request_free(struct request *request)
{
    reply_clear(&request->reply);
    fault_action_release(request->action);
    json_decref(request->json);
    route_clear(&request->route);
    free(request->body);
    free(request->target);
    free(request);
}

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static void strike(struct request *request)
{
    struct fault_subject subject = {.op = request->route.op,
                                    .event = request->route.event,
                                    .key = json_string_value(json_object_get(request->json, "key")),
                                    .players = json_object_get(request->json, "externalPlayerIds")};
    request->action = faults_strike(request->sandbox->faults, &subject);
    if (!request->action)
        return;

    stats_count(&request->sandbox->world.stats.faults_struck);
    request->fate.fault = fault_action_name(request->action);
    request->fate.rule_id = request->action->rule_id;
    arrivals_set_fate(request->sandbox->arrivals, request->arrival, &request->fate);
}

static void apply(struct request *request)
{
    char *query = strchr(request->target, '?');
    if (query)
        *query = '\0';

    struct api_request asked = {.method = request->method,
                                .path = request->target,
                                .route = &request->route,
                                .authorization = header(request, MHD_HTTP_HEADER_AUTHORIZATION),
                                .content_type = header(request, MHD_HTTP_HEADER_CONTENT_TYPE),
                                .body = request->body ? request->body : "",
                                .body_bytes = request->body_bytes,
                                .body_too_large = request->body_too_large,
                                .json = request->json};
    struct api_result result = {0};
    api_answer(&request->sandbox->world, &asked, &result);

    request->reply = result.reply;
    request->fate.result = result.reply.status;
    request->fate.replayed = result.replayed && reply_is_success(&result.reply);
    request->fate.applied = !result.replayed && reply_is_success(&result.reply);
}

/* What the script puts over the reply of the contract, or in its place. */
static void rewrite(struct request *request)
{
    const struct fault_action *action = request->action;
    struct reply *reply = &request->reply;
    unsigned status = action->status ? action->status : reply->status ? reply->status : 200;
    bool is_error = status >= 400;

    if (action->body)
        reply_set_bytes(reply, status, json_string_value(action->body), json_string_length(action->body));
    else if (action->code || (action->status && is_error))
        reply_set_error(reply, status, action->code ? action->code : reply_usual_code(status),
                        action->message ? action->message : "scripted by the sandbox", json_deep_copy(action->details));
    else if (!reply->status)
        reply_set_bytes(reply, status, "", 0);
    reply->status = status;
    if (status == 204 || status == 304)
        reply->body_bytes = 0;
}

static bool is_answered_by_http(const struct request *request)
{
    switch (request->action ? request->action->kind : FAULT_NONE) {
    case FAULT_NONE:
    case FAULT_CUT_BODY:
    case FAULT_SLOW_DRIP:
    case FAULT_BIG_BODY:
        return true;
    default:
        return false;
    }
}

static void apply_and_log(struct request *request)
{
    if (!request->action || request->action->apply)
        apply(request);
    if (request->action)
        rewrite(request);

    if (is_answered_by_http(request))
        request->fate.status = request->reply.status;
    arrivals_set_fate(request->sandbox->arrivals, request->arrival, &request->fate);
    arrivals_set_body(request->sandbox->arrivals, request->arrival, request->body, request->body_bytes);
    request->body = NULL;
}

void request_end(struct request *request)
{
    if (request->stage == STAGE_APPLY)
        apply_and_log(request);
    request_free(request);
}

static enum MHD_Result deliver_and_log(struct request *request)
{
    struct sandbox *sandbox = request->sandbox;

    request->fate.is_answered = true;
    request->fate.answered_us = clock_elapsed_us(&sandbox->world.clock);
    arrivals_set_fate(sandbox->arrivals, request->arrival, &request->fate);
    if (sandbox->is_verbose)
        fprintf(stderr, "%s %s -> %u%s%s\n", request->method, op_text(request->route.op), request->fate.status,
                request->fate.fault ? " fault " : "", request->fate.fault ? request->fate.fault : "");
    return deliver(request);
}

static enum MHD_Result answer_control(struct request *request)
{
    if (request->body_too_large) {
        reply_set_error(&request->reply, 413, "validation_failed", "the body is larger than 1 MiB", NULL);
        return deliver(request);
    }
    struct control_request asked = {.method = request->method,
                                    .target = request->target,
                                    .body = request->body ? request->body : "",
                                    .body_bytes = request->body_bytes};
    request->quits = control_answer(request->sandbox, &asked, &request->reply);
    return deliver(request);
}

enum MHD_Result request_proceed(struct request *request)
{
    if (request->route.op == OP_CONTROL)
        return answer_control(request);

    switch (request->stage) {
    case STAGE_RECEIVING:
        if (!request->body_too_large)
            request->json = json_loadb(request->body ? request->body : "", request->body_bytes, JSON_DECODE_ANY, NULL);
        strike(request);
        request->stage = STAGE_APPLY;
        if (request->action && request->action->apply_late && request->action->delay_us)
            return suspend_for(request, request->action->delay_us);
        /* fall through */
    case STAGE_APPLY:
        apply_and_log(request);
        request->stage = STAGE_DELIVER;
        if (request->action && !request->action->apply_late && request->action->delay_us)
            return suspend_for(request, request->action->delay_us);
        /* fall through */
    case STAGE_DELIVER:
        return deliver_and_log(request);
    default:
        return MHD_NO;
    }
}
