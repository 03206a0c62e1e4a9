/* SPDX-License-Identifier: Apache-2.0
 * What the host's callbacks are told. */
#include <string.h>

#include "clock.h"
#include "kraty/call_path.h"
#include "kraty/path.h"
#include "kraty/redact.h"
#include "pusher/pusher.h"
#include "json/read.h"

enum { MOST_KEY_BYTES = 255, MOST_REQUEST_ID_BYTES = 255 };

/* ─── Attempts ──────────────────────────────────────────────────────────────────────────────────── */

static klp_text path_template(const klp_event *event, char *room, size_t capacity)
{
    switch (event->op) {
    case KLP_OP_PUSH:
        return klp_cstr("/server/v1/games/{gameId}/events/{eventKey}/lobbies");
    case KLP_OP_READ:
    case KLP_OP_AWAIT:
        return klp_cstr("/server/v1/games/{gameId}/lobbies/{lobbyId}");
    case KLP_OP_CALL:
        return (klp_text){room, path_template_of_call(event->path.data, event->path.size, room, capacity)};
    default:
        return klp_cstr(PATH_OF_PING);
    }
}

/* As the server takes it: where there are escapes in the body, without them. */
static klp_text idempotency_key(const struct job *job, char *room, size_t capacity)
{
    const char *raw = job->texts + job->body_offset + job->idempotency_offset;
    struct json_document document;
    size_t size = 0;

    room[0] = '\0';
    if (job->body_bytes == 0 || job->idempotency_bytes == 0 || job->idempotency_bytes > 6 * MOST_KEY_BYTES)
        return (klp_text){room, 0};
    if (!memchr(raw, '\\', job->idempotency_bytes)) {
        if (job->idempotency_bytes < capacity) {
            size = job->idempotency_bytes;
            memcpy(room, raw, size);
        }
    } else if (json_read(raw - 1, job->idempotency_bytes + 2, &document, NULL) == JSON_OK) { /* with its quotes */
        size = json_text(&document, JSON_ROOT, room, capacity);
        if (size >= capacity)
            size = 0;
        json_free(&document);
    }
    room[size] = '\0';
    return (klp_text){room, size};
}

/* What the server says may have the API key in it. `text` is in `room`, with room for a NUL. */
static klp_text without_key(const struct secrets *secrets, char *room, size_t size)
{
    secrets_redact_text(secrets, room, size);
    room[size] = '\0';
    return (klp_text){room, size};
}

klp_text pusher_error_code(const struct secrets *secrets, const struct assessment *assessment, char *room,
                           size_t capacity)
{
    if (assessment->verdict.ok)
        return klp_cstr("");
    if (assessment->verdict.code)
        return klp_cstr(assessment->verdict.code);
    size_t size = json_text(&assessment->reply.document, assessment->reply.code, room, capacity);
    return size > 0 && size < capacity ? without_key(secrets, room, size) : klp_cstr(KLP_CODE_INTERNAL_ERROR);
}

static klp_text request_id(const struct secrets *secrets, const struct transport_reply *answer, char *room,
                           size_t capacity)
{
    if (answer->request_id.size == 0 || answer->request_id.size >= capacity)
        return klp_cstr("");
    memcpy(room, answer->request_id.data, answer->request_id.size);
    return without_key(secrets, room, answer->request_id.size);
}

/* When it could have started: at first when it was accepted, afterwards when its wait was over. */
static uint64_t queue_us(const struct job *job)
{
    if (job->event.attempts <= 1)
        return job->queue_us - 1;
    uint64_t ready_us = job->time_us[JOB_READY];
    return job->attempt_started_us > ready_us ? job->attempt_started_us - ready_us : 0;
}

static void log_attempt(klp_pusher *pusher, const struct job *job, const struct transport_reply *answer,
                        const struct assessment *assessment, int64_t retry_in_ms)
{
    static const char *const ops[] = {"call", "push", "read", "ping", "await", "call"};
    const char *op = ops[job->event.op];
    uint64_t now_us = clock_now_us();
    const char *then = retry_in_ms >= 0 ? "it is tried again" : "it is not tried again";

    if (assessment->verdict.ok || job == pusher->key_check.ping) /* which is told of where it is decided on */
        return;
    if (answer->end == ATTEMPT_CERTIFICATE_REFUSED)
        log_say(&pusher->log, LOG_CERTIFICATE, KLP_LOG_ERROR, now_us, "%s %llu: the server's certificate: %s", op,
                (unsigned long long)job->event.ticket, answer->failure);
    else if (answer->end != ATTEMPT_ANSWERED)
        log_say(&pusher->log, LOG_ATTEMPT_FAILED, KLP_LOG_WARNING, now_us, "%s %llu: %s (curl %d); %s", op,
                (unsigned long long)job->event.ticket, answer->failure, answer->curl_code, then);
    else if (assessment->verdict.retryable)
        log_say(&pusher->log, LOG_ATTEMPT_REFUSED, KLP_LOG_WARNING, now_us, "%s %llu: HTTP %d; %s", op,
                (unsigned long long)job->event.ticket, answer->http_status, then);
}

void pusher_tell_attempt(klp_pusher *pusher, const struct job *job, const struct transport_reply *answer,
                         const struct assessment *assessment, int64_t retry_in_ms)
{
    char path[PATH_MAX_BYTES + 1], key[MOST_KEY_BYTES + 1];
    char code[KLP_MAX_ID_BYTES + 1], request[MOST_REQUEST_ID_BYTES + 1];
    const struct secrets *secrets = &pusher->credentials.secrets;

    if (assessment)
        log_attempt(pusher, job, answer, assessment, retry_in_ms);
    if (!pusher->settings.on_attempt)
        return;
    const klp_attempt attempt = {
        .struct_size = (uint32_t)sizeof attempt,
        .op = job->event.op,
        .ticket = job->event.ticket,
        .cookie = job->event.cookie,
        .method = klp_cstr(call_method_name(job->method)),
        .path_template = path_template(&job->event, path, sizeof path),
        .idempotency_key = idempotency_key(job, key, sizeof key),
        .trace_parent = job->event.trace_parent,
        .attempt = job->event.attempts,
        .sends = answer->sends,
        .ok = assessment && assessment->verdict.ok,
        .http_status = answer->http_status,
        .curl_code = answer->curl_code,
        .error_code = assessment ? pusher_error_code(secrets, assessment, code, sizeof code) : klp_cstr("aborted"),
        .request_id = request_id(secrets, answer, request, sizeof request),
        .retry_in_ms = retry_in_ms,
        .queue_us = queue_us(job),
        .name_us = answer->times.name_us,
        .connect_us = answer->times.connect_us,
        .tls_us = answer->times.tls_us,
        .first_byte_us = answer->times.first_byte_us,
        .total_us = answer->times.total_us,
        .bytes_sent = answer->times.bytes_sent,
        .bytes_received = answer->times.bytes_received,
    };
    pusher->settings.on_attempt(pusher->settings.callback_user, &attempt);
}

/* ─── Lines ─────────────────────────────────────────────────────────────────────────────────────── */

void pusher_log_gate(klp_pusher *pusher)
{
    const struct gate *gate = &pusher->gate;
    uint64_t now_us = clock_now_us();
    size_t waiting = schedule_count(&pusher->schedule);

    if (gate->state == pusher->gate_told)
        return;
    pusher->gate_told = gate->state;
    switch (gate->state) {
    case GATE_HELD:
        log_say(&pusher->log, LOG_GATE_HELD, KLP_LOG_WARNING, now_us,
                "the server asks for a pause (429): nothing is sent for %llu ms; %zu calls wait",
                (unsigned long long)(gate->opens_us > now_us ? (gate->opens_us - now_us) / 1000 : 0), waiting);
        break;
    case GATE_PROBING:
        log_say(&pusher->log, LOG_GATE_PROBING, KLP_LOG_WARNING, now_us,
                "the server is asked by one request at a time; %zu calls wait", waiting);
        break;
    case GATE_OPEN:
        log_say(&pusher->log, LOG_GATE_OPEN, KLP_LOG_INFO, now_us, "the server answers; %zu calls wait", waiting);
        break;
    case GATE_RAMPING: /* on its way to open */
        break;
    }
}

void pusher_log_verdict(klp_pusher *pusher, const klp_event *event)
{
    uint64_t now_us = clock_now_us();

    if (event->truncated)
        log_say(&pusher->log, LOG_REPLIES_LEFT_OUT, KLP_LOG_WARNING, now_us,
                "max_reply_bytes is reached: a reply is left out of its event");
    if (event->outcome == KLP_NOT_APPLIED)
        log_say(&pusher->log, LOG_NOT_APPLIED, KLP_LOG_WARNING, now_us, "ticket %llu was not applied: %s",
                (unsigned long long)event->ticket, event->error_code.data);
    else if (event->outcome == KLP_POSSIBLY_APPLIED)
        log_say(&pusher->log, LOG_POSSIBLY_APPLIED, KLP_LOG_WARNING, now_us, "ticket %llu was possibly applied: %s",
                (unsigned long long)event->ticket, event->error_code.data);
}
