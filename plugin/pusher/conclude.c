/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/conclude.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kraty/redact.h"
#include "kraty/reply.h"
#include "kraty/retry_after.h"
#include "json/utf8.h"

enum { MAX_MESSAGE_BYTES = 4096, SENTENCE_BYTES = 512 };

/* ─── What the event quotes of the reply ────────────────────────────────────────────────────────── */

/* Gathers the texts of one event: first measured, then written into one block. */
struct quotes {
    const struct json_document *document; /* or NULL */
    const struct secrets *secrets;
    char *block, *at;
    size_t bytes;
};

static klp_text quoted(struct quotes *quotes, size_t size)
{
    klp_text text = {quotes->at, size};
    quotes->at[size] = '\0';
    quotes->at += size + 1;
    return text;
}

/* A text is cut at max_bytes: what is longer is no code and no sentence, and an event has its bounds. */
static void quote_string(struct quotes *quotes, int value, size_t max_bytes, klp_text *into)
{
    if (value == JSON_NONE)
        return;
    size_t raw_bytes = json_raw(quotes->document, value).size; /* its two quotes leave room for the NUL */
    quotes->bytes += raw_bytes;
    if (!quotes->block)
        return;
    size_t size = json_text(quotes->document, value, quotes->at, raw_bytes);
    secrets_redact_text(quotes->secrets, quotes->at, size);
    *into = quoted(quotes, utf8_cut(quotes->at, size, max_bytes));
}

/* What is longer than an id may be is left out: half of one names another lobby. */
static void quote_id(struct quotes *quotes, int value, klp_text *into)
{
    if (json_text(quotes->document, value, NULL, 0) <= KLP_MAX_ID_BYTES)
        quote_string(quotes, value, KLP_MAX_ID_BYTES, into);
}

static void quote_raw(struct quotes *quotes, int value, klp_text *into)
{
    if (value == JSON_NONE)
        return;
    struct json_slice raw = json_raw(quotes->document, value);
    quotes->bytes += raw.size + 1;
    if (!quotes->block)
        return;
    memcpy(quotes->at, raw.data, raw.size);
    secrets_redact_json(quotes->secrets, quotes->at, raw.size);
    *into = quoted(quotes, raw.size);
}

static void quote_text(struct quotes *quotes, klp_text text, klp_text *into)
{
    if (!text.size)
        return;
    quotes->bytes += text.size + 1;
    if (!quotes->block)
        return;
    memcpy(quotes->at, text.data, text.size);
    secrets_redact_text(quotes->secrets, quotes->at, text.size);
    *into = quoted(quotes, text.size);
}

static void quote_reply(struct quotes *quotes, klp_event *event, const struct reply *reply,
                        const struct verdict *verdict)
{
    if (verdict->ok && event->op == KLP_OP_PING) {
        quote_raw(quotes, reply->payload, &event->api_key_json);
    } else if (verdict->ok && event->op == KLP_OP_CALL) {
        quote_raw(quotes, reply->payload, &event->data_json);
        if (reply->has_more)
            quote_raw(quotes, JSON_ROOT, &event->reply_json);
    } else if (verdict->ok) {
        quote_id(quotes, reply->lobby.id, &event->lobby_id);
        quote_id(quotes, reply->lobby.status, &event->lobby_status);
        quote_raw(quotes, reply->payload, &event->lobby_json);
    } else if (verdict->origin == KLP_ORIGIN_SERVER && reply->kind == REPLY_HAS_ERROR) {
        if (!verdict->code)
            quote_string(quotes, reply->code, KLP_MAX_ID_BYTES, &event->error_code);
        quote_string(quotes, reply->message, MAX_MESSAGE_BYTES, &event->error_message);
        quote_raw(quotes, reply->details, &event->error_details_json);
    }
}

/* `reply` is NULL for a call that we end ourselves. */
static void quote(struct quotes *quotes, klp_event *event, const struct reply *reply, const struct verdict *verdict,
                  klp_text request_id, klp_text sentence)
{
    quote_text(quotes, request_id, &event->request_id);
    if (reply)
        quote_reply(quotes, event, reply, verdict);
    if (!verdict->ok && !event->error_message.size)
        quote_text(quotes, sentence, &event->error_message);
}

static void keep_quotes(struct job *job, const struct reply *reply, const struct verdict *verdict,
                        const struct transport_reply *answer, klp_text sentence, const struct conclusion *conclusion)
{
    struct quotes quotes = {.document = reply ? &reply->document : NULL, .secrets = conclusion->secrets};
    klp_text request_id = answer ? answer->request_id : (klp_text){"", 0};
    klp_event measured = job->event;

    quote(&quotes, &measured, reply, verdict, request_id, sentence);
    if (quotes.bytes == 0)
        return;
    char *block = quotes.bytes <= conclusion->reply_bytes_left ? malloc(quotes.bytes) : NULL;
    if (!block) {
        job->event.truncated = 1;
        job->event.truncated_bytes = answer ? answer->body_bytes : 0;
        return;
    }
    job->reply_block = quotes.block = quotes.at = block;
    job->reply_bytes += quotes.bytes;
    quote(&quotes, &job->event, reply, verdict, request_id, sentence);
}

/* ─── The event ─────────────────────────────────────────────────────────────────────────────────── */

static const klp_text nothing = {"", 0};

static void fill_event(struct job *job, const struct verdict *verdict, const struct conclusion *conclusion)
{
    klp_event *event = &job->event;

    event->ok = verdict->ok;
    event->outcome = verdict->outcome;
    event->replayed = verdict->replayed;
    event->retryable = verdict->retryable;
    event->error_origin = verdict->origin;
    event->elapsed_us = conclusion->now_us - job->accepted_us;
    event->retry_after_ms = KLP_NO_RETRY_AFTER;
    event->request_id = event->api_key_json = event->data_json = event->reply_json = event->json = nothing;
    event->error_message = event->error_details_json = nothing;
    event->error_code = verdict->ok ? nothing : klp_cstr(verdict->code ? verdict->code : KLP_CODE_INTERNAL_ERROR);
    if (!verdict->ok && !verdict->code && job->essence_size)
        event->error_code = (klp_text){job->essence, job->essence_size};
}

static bool has_lobby(const klp_event *event)
{
    return event->op == KLP_OP_PUSH || event->op == KLP_OP_READ || event->op == KLP_OP_AWAIT;
}

static void fill_lobby(struct job *job, const struct reply *reply)
{
    job->event.capacity = reply->lobby.capacity;
    job->event.participant_count = reply->lobby.participant_count;
    job->event.bot_slots = reply->lobby.bot_slots;
    job->event.filled_slots = reply->lobby.filled_slots;
}

/* The one text of the reply that a host cannot do without, the error's code or the lobby's id: kept in the job, for
 * when there is no memory to quote more. An id that is too long is left out, since half of one names another lobby. */
static void keep_essence(struct job *job, const struct reply *reply, const struct secrets *secrets)
{
    bool is_error = reply->kind == REPLY_HAS_ERROR;
    int value = is_error ? reply->code : reply->lobby.id;
    char text[sizeof job->essence];
    size_t size = json_text(&reply->document, value, NULL, 0);

    if (size >= sizeof text)
        return;
    json_text(&reply->document, value, text, sizeof text);
    secrets_redact_text(secrets, text, size);
    memcpy(job->essence, text, size + 1);
    job->essence_size = size;
}

static struct judged_call judged(const struct job *job)
{
    return (struct judged_call){.is_push = job->event.op == KLP_OP_PUSH,
                                .is_write = job_is_write(job),
                                .possibly_applied = job->possibly_applied};
}

static enum attempt_answer answer_of(enum reply_kind kind)
{
    switch (kind) {
    case REPLY_HAS_PAYLOAD:
        return ANSWER_IS_PAYLOAD;
    case REPLY_HAS_ERROR:
        return ANSWER_IS_ERROR;
    case REPLY_HAS_NEITHER:
        break;
    }
    return ANSWER_IS_NEITHER;
}

/* `reply` is NULL when there was no memory to read it. */
static klp_text sentence_about(const struct transport_reply *answer, const struct reply *reply, char *sentence)
{
    if (answer->end != ATTEMPT_ANSWERED) {
        snprintf(sentence, SENTENCE_BYTES, "%s", answer->failure);
    } else if (!reply) {
        snprintf(sentence, SENTENCE_BYTES, "HTTP %d, and out of memory while reading the reply", answer->http_status);
    } else if (reply->kind == REPLY_HAS_ERROR) {
        snprintf(sentence, SENTENCE_BYTES, "HTTP %d with an error that has no message", answer->http_status);
    } else if (answer->http_status >= 200 && answer->http_status <= 299) {
        snprintf(sentence, SENTENCE_BYTES, "HTTP %d, but not the reply that was due: %s at %zu", answer->http_status,
                 reply->fault.reason, reply->fault.at);
    } else {
        snprintf(sentence, SENTENCE_BYTES, "HTTP %d without an error envelope", answer->http_status);
    }
    return klp_cstr(sentence);
}

static void note_attempt(struct job *job, const struct transport_reply *answer)
{
    job->event.attempts++;
    job->event.sends += answer->sends;
    job->event.http_status = answer->http_status;
}

void note_aborted(struct job *job, const struct transport_reply *answer)
{
    note_attempt(job, answer);
}

void copy_course(struct job *job, const struct job *leader)
{
    job->event.attempts = leader->event.attempts;
    job->event.sends = leader->event.sends;
    job->event.http_status = leader->event.http_status;
    job->possibly_applied = leader->possibly_applied;
}

static enum reply_payload wanted_of(int32_t op)
{
    switch (op) {
    case KLP_OP_PING:
        return REPLY_WANTS_API_KEY;
    case KLP_OP_CALL:
        return REPLY_WANTS_ANY;
    default:
        return REPLY_WANTS_LOBBY;
    }
}

/* 204 No Content, and its like that resets a form: there is nothing to be read. */
static bool is_empty_by_right(const struct job *job, const struct transport_reply *answer)
{
    return job->event.op == KLP_OP_CALL && answer->body_bytes == 0 &&
           (answer->http_status == 204 || answer->http_status == 205);
}

static bool read_answer(const struct job *job, const struct transport_reply *answer, struct reply *reply)
{
    if (answer->end != ATTEMPT_ANSWERED)
        return false;
    if (is_empty_by_right(job, answer)) {
        reply->kind = REPLY_HAS_PAYLOAD;
        reply->payload = JSON_NONE;
        return true;
    }
    return reply_read(answer->body, answer->body_bytes, wanted_of(job->event.op), reply);
}

void assess_attempt(struct job *job, const struct transport_reply *answer, int64_t unix_s,
                    struct assessment *assessment)
{
    struct judged_call call = judged(job);

    *assessment = (struct assessment){.answer = answer, .reply = {.kind = REPLY_HAS_NEITHER}};
    assessment->is_read = read_answer(job, answer, &assessment->reply);
    assessment->retry_after_ms = retry_after_ms(answer->retry_after.data, answer->retry_after.size, answer->date.data,
                                                answer->date.size, unix_s);
    assessment->attempt = (struct attempt){.end = answer->end,
                                           .sends = answer->sends,
                                           .http_status = answer->http_status,
                                           .answer = answer_of(assessment->reply.kind)};
    assessment->verdict = judge_attempt(&call, &assessment->attempt);
    note_attempt(job, answer);
    job->possibly_applied |= assessment->verdict.outcome == KLP_POSSIBLY_APPLIED;
}

void assessment_free(struct assessment *assessment)
{
    reply_free(&assessment->reply);
}

/* The verdict of an assessment, which may be on another call than this. */
static void conclude(struct job *job, const struct assessment *assessment, const struct verdict *verdict,
                     const struct conclusion *conclusion)
{
    const struct reply *reply = &assessment->reply;
    char sentence[SENTENCE_BYTES];

    if (job->event.op == KLP_OP_AWAIT && !verdict->ok)
        job_keep_seen(job);
    else
        job_drop_reply(job); /* a lobby that was seen forming */
    if (reply->kind == REPLY_HAS_ERROR || (reply->kind == REPLY_HAS_PAYLOAD && has_lobby(&job->event)))
        keep_essence(job, reply, conclusion->secrets);
    fill_event(job, verdict, conclusion);
    job->event.retry_after_ms = assessment->retry_after_ms;
    if (verdict->origin == KLP_ORIGIN_TRANSPORT)
        job->event.curl_code = assessment->answer->curl_code;
    if (verdict->ok && has_lobby(&job->event)) {
        fill_lobby(job, reply);
        if (job->essence_size)
            job->event.lobby_id = (klp_text){job->essence, job->essence_size};
    }
    keep_quotes(job, reply, verdict, assessment->answer,
                sentence_about(assessment->answer, assessment->is_read ? reply : NULL, sentence), conclusion);
}

void conclude_assessed(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion)
{
    conclude(job, assessment, &assessment->verdict, conclusion);
}

void conclude_refused(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion)
{
    struct judged_call call = judged(job);
    struct verdict verdict = assessment->verdict;

    verdict.outcome = judge_local(&call, LOCAL_SESSION_INVALID, 0).outcome; /* it was not sent because of that */
    conclude(job, assessment, &verdict, conclusion);
}

void conclude_later(struct job *job, const struct assessment *assessment, const struct conclusion *conclusion)
{
    klp_text asked_for = job->event.lobby_id;

    job_drop_reply(job);
    fill_lobby(job, &assessment->reply);
    keep_quotes(job, &assessment->reply, &assessment->verdict, assessment->answer, nothing, conclusion);
    job->event.lobby_id = asked_for; /* which outlives the reply */
    job->event.request_id = nothing;
}

static const char *local_sentence(enum local_end end, bool was_tried)
{
    switch (end) {
    case LOCAL_SHUTDOWN:
        return was_tried ? "the pusher was stopped before its next attempt"
                         : "the pusher was stopped before it was sent";
    case LOCAL_CANCELLED:
        return was_tried ? "it was cancelled before its next attempt" : "it was cancelled before it was sent";
    case LOCAL_RATE_LIMITED:
        return "the server asked for a pause that its deadline does not outlast";
    case LOCAL_AWAIT_TIMEOUT:
        return was_tried ? "the lobby could not be read before the time was up"
                         : "the time was up before the lobby was read";
    case LOCAL_SESSION_INVALID:
        return "the server refused the API key, and no other came before its deadline";
    case LOCAL_ENVIRONMENT_MISMATCH:
        return "the API key is not of the environment expected";
    case LOCAL_GAME_MISMATCH:
        return "the API key is of another game";
    case LOCAL_OUTBOX_UNAVAILABLE:
        return "until its deadline the outbox could not be written";
    case LOCAL_SET_ASIDE:
        return "three processes in a row died while they handled it; it is not sent any more";
    case LOCAL_DEADLINE_EXCEEDED:
        break;
    }
    return was_tried ? "its deadline passed before its next attempt" : "its deadline passed before it was sent";
}

static const char *aborted_sentence(enum local_end end)
{
    if (end == LOCAL_DEADLINE_EXCEEDED)
        return "its deadline passed before its reply was complete";
    return end == LOCAL_CANCELLED ? "it was cancelled before its reply was complete"
                                  : "the pusher was stopped before its reply was complete";
}

/* NULL: there is nothing more to say than of any other. */
static const char *leaving_sentence(enum local_end end)
{
    if (end == LOCAL_DEADLINE_EXCEEDED)
        return "its deadline passed; an equal push, whose request it shares, goes on";
    return end == LOCAL_CANCELLED ? "it was cancelled; an equal push, whose request it shares, goes on" : NULL;
}

void conclude_local(struct job *job, enum local_end end, const struct transport_reply *answer,
                    const struct conclusion *conclusion)
{
    struct judged_call call = judged(job);
    struct verdict verdict = judge_local(&call, end, answer ? answer->sends : 0);

    fill_event(job, &verdict, conclusion);
    /* our own sentences are static: what an await has seen of its lobby stays beside them */
    const char *sentence = conclusion->others_go_on ? leaving_sentence(end) : NULL;
    if (end == LOCAL_AWAIT_TIMEOUT && (job->event.lobby_status.size || job->event.truncated))
        sentence = "the lobby still formed when the time was up";
    if (!sentence)
        sentence = answer ? aborted_sentence(end) : local_sentence(end, job->event.attempts > 0);
    job->event.error_message = klp_cstr(sentence);
}
