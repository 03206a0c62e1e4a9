/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/exchange.h"

#include <curl/curl.h> /* its numbers alone: hosts are told them */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pusher/pusher.h"
#include "stub/told.h"
#include "stub/virtual_time.h"

static const struct rule_action no_action;

static const struct failing {
    enum attempt_end end;
    unsigned sends;
    int curl_code;
    const char *sentence;
} failings[] = {
    [FAILS_REFUSED] = {ATTEMPT_NETWORK_ERROR, 0, CURLE_COULDNT_CONNECT, "connection refused, as scripted"},
    [FAILS_UNRESOLVED] = {ATTEMPT_NETWORK_ERROR, 0, CURLE_COULDNT_RESOLVE_HOST, "name not resolved, as scripted"},
    [FAILS_TLS] = {ATTEMPT_TLS_ERROR, 0, CURLE_SSL_CONNECT_ERROR, "TLS handshake failed, as scripted"},
    [FAILS_CERTIFICATE] = {ATTEMPT_CERTIFICATE_REFUSED, 0, CURLE_PEER_FAILED_VERIFICATION,
                           "certificate refused, as scripted"},
    [FAILS_RESET_BEFORE] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_RECV_ERROR, "connection reset, as scripted"},
    [FAILS_CLOSE_BEFORE] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_GOT_NOTHING, "empty reply, as scripted"},
    [FAILS_SILENT] = {ATTEMPT_TIMEOUT, 1, CURLE_OPERATION_TIMEDOUT, "no reply in time, as scripted"},
    [FAILS_GARBAGE] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_UNSUPPORTED_PROTOCOL, "no HTTP, as scripted"},
    [FAILS_RESET_AFTER] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_RECV_ERROR, "connection reset, as scripted"},
    [FAILS_CLOSE_AFTER] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_GOT_NOTHING, "empty reply, as scripted"},
    [FAILS_CUT_BODY] = {ATTEMPT_NETWORK_ERROR, 1, CURLE_PARTIAL_FILE, "reply cut, as scripted"},
};

/* ─── what was seen ─────────────────────────────────────────────────────────────────────────────── */

static klp_text put(char **at, klp_text text)
{
    klp_text kept = {*at, text.size};

    if (text.size)
        memcpy(*at, text.data, text.size);
    (*at)[text.size] = '\0';
    *at += text.size + 1;
    return kept;
}

static bool reserve_request(struct world *world)
{
    if (world->request_count < world->request_capacity)
        return true;
    size_t capacity = world->request_capacity ? 2 * world->request_capacity : 64;
    struct world_request **requests = reallocarray(world->requests, capacity, sizeof(struct world_request *));
    if (!requests)
        return false;
    world->requests = requests;
    world->request_capacity = capacity;
    return true;
}

/* Under the world's lock. NULL: out of memory. */
static struct world_request *note_request(struct world *world, const struct job *job,
                                          const struct transport_request *request)
{
    const klp_event *event = &job->event;
    klp_text method = klp_cstr(request->method), path = klp_cstr(request->path);
    klp_text body = {request->body, request->body_bytes};
    size_t texts = method.size + path.size + body.size + event->game_id.size + event->event_key.size + event->key.size +
                   event->lobby_id.size + 7;

    if (!reserve_request(world))
        return NULL;
    struct world_request *kept = malloc(sizeof *kept + texts);
    if (!kept)
        return NULL;
    char *at = (char *)(kept + 1);
    kept->seen = (klp_stub_request){
        .struct_size = sizeof kept->seen,
        .op = event->op,
        .ticket = event->ticket,
        .cookie = event->cookie,
        .at_us = clock_now_us() - VIRTUAL_TIME_START_US,
        .attempt = event->attempts + 1,
        .method = put(&at, method),
        .path = put(&at, path),
        .body = put(&at, body),
        .game_id = put(&at, event->game_id),
        .event_key = put(&at, event->event_key),
        .key = put(&at, event->key),
        .lobby_id = put(&at, event->lobby_id),
    };
    world->requests[world->request_count++] = kept;
    return kept;
}

/* ─── what is replied ───────────────────────────────────────────────────────────────────────────── */

static klp_text code_of(int status)
{
    switch (status) {
    case 400:
        return klp_cstr("validation_failed");
    case 401:
        return klp_cstr("session_invalid");
    case 403:
        return klp_cstr("forbidden");
    case 404:
        return klp_cstr("not_found");
    case 409:
        return klp_cstr("conflict");
    case 429:
        return klp_cstr("rate_limited");
    default:
        return klp_cstr("internal_error");
    }
}

/* A status alone, when it is one of success, changes no more than that. */
static bool is_only_a_status(const struct rule_action *action)
{
    return action->status >= 200 && action->status <= 299 && !action->has_body && !action->code.size;
}

static bool is_applied(const struct rule_action *action)
{
    if (action->apply != APPLY_AS_USUAL)
        return action->apply == APPLY_YES;
    if (action->failure)
        return action->failure >= FAILS_RESET_AFTER;
    return is_only_a_status(action) || (!action->status && !action->has_body);
}

static bool copy_body(klp_text body, struct kraty_answer *answer)
{
    answer->body = malloc(body.size + 1);
    if (!answer->body)
        return false;
    memcpy(answer->body, body.data, body.size);
    answer->body_bytes = body.size;
    return true;
}

static bool script_answer(const struct rule_action *action, struct kraty_answer *answer)
{
    klp_text message = action->message.size ? action->message : klp_cstr("as scripted");
    bool was_applied = answer->is_applied, is_made = true;

    if (is_only_a_status(action)) {
        if (answer->status <= 299)
            answer->status = action->status;
        return true;
    }
    if (action->status || action->has_body) {
        int status = action->status ? action->status : answer->status ? answer->status : 200;
        free(answer->body);
        *answer = (struct kraty_answer){.status = status};
        is_made = action->has_body ? copy_body(action->body, answer)
                                   : kraty_error(status, action->code.size ? action->code : code_of(status), message,
                                                 action->details, answer);
        answer->is_applied = was_applied;
    }
    return is_made;
}

static bool ask(struct world *world, const struct job *job, const struct transport_request *request,
                const struct rule_action *action, struct kraty_answer *answer)
{
    const struct kraty_request asked = {
        .op = job->event.op,
        .method = request->method,
        .path = request->path,
        .game_id = job->event.game_id,
        .event_key = job->event.event_key,
        .lobby_id = job->event.lobby_id,
        .body = {request->body, request->body_bytes},
        .now_us = clock_now_us(),
    };

    *answer = (struct kraty_answer){0};
    if (is_applied(action) && !kraty_answer(&world->kraty, &asked, answer))
        return false;
    if (script_answer(action, answer))
        return true;
    free(answer->body);
    return false;
}

/* What is not connected in time has sent nothing; anything else may have arrived. */
static const struct failing *too_late(enum rule_failure failure)
{
    static const struct failing unconnected = {ATTEMPT_TIMEOUT, 0, CURLE_OPERATION_TIMEDOUT,
                                               "no connection in time, as scripted"};

    return failure && failings[failure].sends == 0 ? &unconnected : &failings[FAILS_SILENT];
}

static void fill_failure(struct exchange *exchange, const struct failing *failing)
{
    exchange->end = failing->end;
    exchange->reply.sends = failing->sends;
    exchange->reply.curl_code = failing->curl_code;
    exchange->reply.failure = failing->sentence;
}

/* Those of a reply. */
static void fill_headers(struct exchange *exchange, const struct world *world, const struct rule_action *action)
{
    exchange->reply.retry_after = action->retry_after;
    exchange->reply.date = action->date;
    exchange->reply.request_id = action->request_id;
    if (action->request_id.size)
        return;
    int size = snprintf(exchange->request_id, sizeof exchange->request_id, "req_%zu", world->request_count);
    exchange->reply.request_id = (klp_text){exchange->request_id, (size_t)size};
}

static void fill(struct exchange *exchange, struct world *world, const struct rule_action *action,
                 const struct kraty_answer *answer, uint64_t timeout_us)
{
    uint64_t wait_us = (world->latency_ms + action->delay_ms) * 1000;

    exchange->end = ATTEMPT_ANSWERED;
    exchange->reply.sends = 1;
    exchange->reply.failure = "";
    exchange->body = answer->body;
    exchange->reply.body = answer->body ? answer->body : "";
    exchange->reply.body_bytes = answer->body_bytes;
    exchange->reply.http_status = answer->status;
    if (action->failure)
        fill_failure(exchange, &failings[action->failure]);
    if (action->failure && action->failure != FAILS_CUT_BODY)
        exchange->reply.http_status = 0;
    if (action->failure == FAILS_SILENT || wait_us >= timeout_us) {
        wait_us = timeout_us;
        fill_failure(exchange, too_late(action->failure));
        exchange->reply.http_status = 0;
    }
    if (exchange->reply.http_status)
        fill_headers(exchange, world, action);
    exchange->due_us = exchange->started_us + wait_us;
}

static bool begin(struct exchange *exchange, struct world *world, const struct transport_request *request)
{
    struct job *job = request->owner;
    struct kraty_answer answer;

    const struct rule *rule = world_strike(world, &(struct rule_subject){
                                                      .op = job->event.op,
                                                      .game = job->event.game_id,
                                                      .event = job->event.event_key,
                                                      .key = job->event.key,
                                                      .body = {request->body, request->body_bytes},
                                                      .ticket = job->event.ticket,
                                                      .cookie = job->event.cookie,
                                                      .attempt = job->event.attempts + 1,
                                                  });
    const struct rule_action *action = rule ? &rule->action : &no_action;
    struct world_request *seen = note_request(world, job, request);
    if (!seen || (action->repeats && !told_is_to_repeat(world, job->event.ticket, action->repeats)) ||
        !ask(world, job, request, action, &answer))
        return false;
    fill(exchange, world, action, &answer, request->timeout_ms * 1000);
    seen->seen.http_status = exchange->reply.http_status;
    seen->seen.applied = answer.is_applied;
    seen->seen.struck = rule != NULL;
    return true;
}

bool exchange_begin(struct exchange *exchange, struct world *world, const struct transport_request *request)
{
    exchange->reply = (struct transport_reply){.owner = request->owner};
    exchange->started_us = clock_now_us();
    pthread_mutex_lock(&world->lock);
    bool is_begun = begin(exchange, world, request);
    pthread_mutex_unlock(&world->lock);
    return is_begun;
}

static void fill_times(struct exchange *exchange, uint64_t until_us)
{
    struct transport_times *times = &exchange->reply.times;

    times->total_us = until_us - exchange->started_us;
    times->first_byte_us = exchange->reply.http_status ? times->total_us : 0;
    times->bytes_received = exchange->reply.http_status ? exchange->reply.body_bytes : 0;
}

void exchange_end(struct exchange *exchange)
{
    exchange->reply.end = exchange->end;
    fill_times(exchange, exchange->due_us);
}

void exchange_abort(struct exchange *exchange, uint64_t now_us)
{
    exchange->reply.end = ATTEMPT_ABORTED;
    exchange->reply.http_status = 0;
    exchange->reply.curl_code = 0;
    exchange->reply.failure = "aborted";
    fill_times(exchange, now_us);
}

void exchange_recycle(struct exchange *exchange)
{
    free(exchange->body);
    exchange->body = NULL;
}
