/* SPDX-License-Identifier: Apache-2.0
 * The host's side of a call: check, copy into one block, queue. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "kraty/call_body.h"
#include "kraty/call_path.h"
#include "kraty/push_body.h"
#include "pusher/arguments.h"
#include "pusher/duplicates.h"
#include "pusher/pusher.h"
#include "pusher/random.h"
#include "why.h"
#include "json/write.h"

static const char uuid_place[UUID_BYTES] = "00000000-0000-4000-8000-000000000000";
static const klp_text nothing = {"", 0};

enum { DEFAULT_POLL_INTERVAL_MS = 1000, DEFAULT_AWAIT_TIMEOUT_MS = 60000 };

static klp_status refuse_full(klp_pusher *pusher, klp_status status)
{
    pusher->stats.refused_full++;
    return status;
}

/* Under the lock. */
static klp_status check_room(klp_pusher *pusher, const struct job *job, bool is_durable)
{
    const struct settings *settings = &pusher->settings;

    if (pusher->state != PUSHER_OPEN)
        return KLP_E_STOPPED;
    uint64_t undecided = pusher->undecided - pusher->recovered_calls;
    if (undecided >= settings->max_queued)
        return refuse_full(pusher, KLP_E_QUEUE_FULL);
    /* an outbox that can be written has room for the events to come */
    bool is_on_disk = journal_is_on(pusher) && !pusher->stats.degraded;
    if (pusher->events_in_memory + (is_on_disk ? 0 : undecided) >= settings->max_unread_events)
        return refuse_full(pusher, KLP_E_RESULTS_FULL);
    if (job->block_bytes > settings->max_queued_bytes ||
        pusher->stats.queued_bytes > settings->max_queued_bytes - job->block_bytes)
        return refuse_full(pusher, KLP_E_QUEUE_FULL);
    if (is_durable && pusher->stats.degraded)
        return KLP_E_OUTBOX;
    if (journal_is_on(pusher) && job_is_write(job)) {
        uint64_t taken = pusher->intake_cost_bytes + store_cost_bytes(job->block_bytes);
        if (pusher->outbox_room_bytes < taken || pusher->last_ticket >= pusher->reserved_ticket)
            return refuse_full(pusher, KLP_E_OUTBOX_FULL);
    }
    return KLP_OK;
}

static klp_status say_full(klp_pusher *pusher, klp_status status, klp_text_buffer *why)
{
    const struct settings *settings = &pusher->settings;

    switch (status) {
    case KLP_E_STOPPED:
        return why_say(why, status, "the pusher has been stopped");
    case KLP_E_RESULTS_FULL:
        return why_say(why, status, "max_unread_events (%u) is reached: acknowledge events first",
                       settings->max_unread_events);
    case KLP_E_OUTBOX_FULL:
        return why_say(why, status, "outbox_max_bytes (%llu) is reached",
                       (unsigned long long)settings->outbox_max_bytes);
    case KLP_E_OUTBOX:
        return why_say(why, status, "the outbox cannot be written at present");
    default:
        return why_say(why, status, "the queue is full: max_queued is %u, max_queued_bytes %llu", settings->max_queued,
                       (unsigned long long)settings->max_queued_bytes);
    }
}

/* KLP_PUSH_DURABLE. A worker that has ended has written all that it was given. */
static klp_status wait_until_written(klp_pusher *pusher, klp_ticket ticket, klp_text_buffer *why)
{
    uint64_t limit_us = clock_after_ms(clock_outside_us(), pusher->settings.durable_timeout_ms);
    bool is_in_time = true;

    pthread_mutex_lock(&pusher->lock);
    pusher->waiting_for_journal++;
    while (pusher->journaled_ticket < ticket && pusher->state != PUSHER_STOPPED && is_in_time)
        is_in_time = pusher_wait_for_change(pusher, limit_us);
    pusher->waiting_for_journal--;
    bool is_written = pusher->journaled_ticket >= ticket;
    pthread_mutex_unlock(&pusher->lock);
    if (is_written)
        return KLP_OK;
    return why_say(why, KLP_E_TIMEOUT, "accepted, but not yet written into the outbox after %u ms",
                   pusher->settings.durable_timeout_ms);
}

static klp_status check_durable(const klp_pusher *pusher, klp_text_buffer *why)
{
    if (!pusher->settings.outbox_dir)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "flags: KLP_PUSH_DURABLE needs an outbox_dir");
    if (pusher_is_worker(pusher))
        return why_say(why, KLP_E_NOT_AVAILABLE, "flags: KLP_PUSH_DURABLE would wait for the thread that calls");
    return KLP_OK;
}

static klp_status enqueue(klp_pusher *pusher, struct job *job, uint32_t flags, klp_ticket *given_ticket,
                          klp_text_buffer *why)
{
    bool is_durable = flags & KLP_PUSH_DURABLE;
    klp_ticket ticket = 0;
    klp_status status = is_durable ? check_durable(pusher, why) : KLP_OK;

    if (status) {
        job_free(job);
        return status;
    }
    job->file = &pusher->journal.own;
    job->event.pusher = job->file->pusher;
    job->event.epoch = (klp_text){job->file->epoch, EPOCH_BYTES};

    pthread_mutex_lock(&pusher->lock);
    status = check_room(pusher, job, is_durable);
    if (!status) {
        ticket = ++pusher->last_ticket;
        job->event.ticket = ticket;
        if (given_ticket)
            *given_ticket = ticket;
        job_list_append(&pusher->intake, job);
        if (journal_is_on(pusher) && job_is_write(job))
            pusher->intake_cost_bytes += store_cost_bytes(job->block_bytes);
        pusher->undecided++;
        pusher->awaiting += job->event.op == KLP_OP_AWAIT;
        pusher->stats.accepted++;
        pusher->stats.queued_bytes += job->block_bytes;
    }
    pthread_mutex_unlock(&pusher->lock);

    if (status) {
        job_free(job);
        return say_full(pusher, status, why);
    }
    pusher_wake(pusher);
    return is_durable ? wait_until_written(pusher, ticket, why) : KLP_OK;
}

klp_status pusher_cancel(klp_pusher *pusher, klp_ticket ticket)
{
    struct cancellation *cancellation = malloc(sizeof *cancellation);
    if (!cancellation)
        return KLP_E_NO_MEMORY;
    cancellation->ticket = ticket;

    pthread_mutex_lock(&pusher->lock);
    bool is_ours = ticket >= 1 && ticket <= pusher->last_ticket;
    bool is_due = is_ours && pusher->state != PUSHER_STOPPED; /* else all have their verdicts */
    bool is_room = pusher->cancellation_count < pusher->settings.max_queued;
    if (is_due && is_room) {
        cancellation->next = pusher->cancellations;
        pusher->cancellations = cancellation;
        pusher->cancellation_count++;
    }
    pthread_mutex_unlock(&pusher->lock);

    if (is_due && is_room)
        pusher_wake(pusher);
    else
        free(cancellation);
    if (!is_ours)
        return KLP_E_INVALID_ARGUMENT;
    return is_due && !is_room ? KLP_E_QUEUE_FULL : KLP_OK;
}

static void set_times(struct job *job, const klp_pusher *pusher, uint32_t deadline_ms)
{
    job->accepted_us = clock_now_us();
    job->time_us[JOB_DEADLINE] =
        clock_after_ms(job->accepted_us, deadline_ms ? deadline_ms : pusher->settings.deadline_ms);
}

static klp_text or_nothing(klp_text text)
{
    return text.size ? text : nothing;
}

/* ─── Pushes ────────────────────────────────────────────────────────────────────────────────────── */

static klp_status refuse_duplicate(klp_pusher *pusher, const klp_lobby *lobby, struct job *job, klp_text_buffer *why)
{
    size_t first, second;

    /* the place of the body is not in use yet */
    char *body = job_body(job);
    void *scratch = body + (-(uintptr_t)body & (sizeof(uint32_t) - 1));
    if (!duplicates_find(lobby->player_ids, lobby->player_count, pusher->hash_secret, scratch, &first, &second))
        return KLP_OK;
    return why_say(why, KLP_E_INVALID_ARGUMENT, "player_ids[%zu] is the same as player_ids[%zu]", second, first);
}

static klp_status make_push(klp_pusher *pusher, const klp_lobby *lobby, struct job **out, klp_text_buffer *why)
{
    bool is_stamped = lobby->idempotency_key.size > 0;
    klp_text idempotency_key = is_stamped ? lobby->idempotency_key : (klp_text){uuid_place, UUID_BYTES};
    struct json_writer measure = {0};

    push_body_write(&measure, lobby, idempotency_key);
    if (measure.size > KLP_MAX_BODY_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "the lobby makes a body of %zu bytes, more than %u", measure.size,
                       KLP_MAX_BODY_BYTES);
    size_t scratch_bytes = duplicates_scratch_bytes(lobby->player_count);
    if (scratch_bytes)
        scratch_bytes += sizeof(uint32_t) - 1; /* to be aligned */
    size_t body_bytes = measure.size > scratch_bytes ? measure.size : scratch_bytes;

    const struct job_texts texts = {.game_id = lobby->game_id,
                                    .event_key = lobby->event_key,
                                    .key = lobby->key,
                                    .lobby_id = nothing,
                                    .method = nothing,
                                    .path = nothing,
                                    .trace_parent = or_nothing(lobby->trace_parent)};
    struct job *job = job_new(KLP_OP_PUSH, &texts, body_bytes);
    if (!job)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    klp_status status = refuse_duplicate(pusher, lobby, job, why);
    if (status) {
        job_free(job);
        return status;
    }
    struct json_writer body = {.data = job_body(job), .capacity = body_bytes};
    job->idempotency_offset = (uint32_t)push_body_write(&body, lobby, idempotency_key);
    job->body_bytes = (uint32_t)body.size;
    job->idempotency_bytes = job->body_bytes - job->idempotency_offset - 2; /* the last quote, the last brace */
    job->is_to_be_stamped = !is_stamped;
    job->method = CALL_POST;
    job->event.cookie = lobby->cookie;
    set_times(job, pusher, lobby->deadline_ms);
    *out = job;
    return KLP_OK;
}

klp_status pusher_push(klp_pusher *pusher, const klp_lobby *given, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_lobby lobby;
    struct job *job = NULL;

    klp_status status = argument_copy(given, &lobby, sizeof lobby, "klp_lobby", why);
    if (status)
        return status;
    if (!lobby.game_id.size)
        lobby.game_id = pusher->settings.game_id;
    status = argument_lobby(&lobby, why);
    if (status)
        return status;
    status = make_push(pusher, &lobby, &job, why);
    return job ? enqueue(pusher, job, lobby.flags, ticket, why) : status;
}

/* ─── Reads, awaits, pings ──────────────────────────────────────────────────────────────────────── */

static struct job *make_query(int32_t op, klp_text game_id, klp_text lobby_id, klp_text trace_parent, uint64_t cookie)
{
    const struct job_texts texts = {.game_id = game_id,
                                    .event_key = nothing,
                                    .key = nothing,
                                    .lobby_id = lobby_id,
                                    .method = nothing,
                                    .path = nothing,
                                    .trace_parent = or_nothing(trace_parent)};
    struct job *job = job_new(op, &texts, 0);

    if (job) {
        job->method = CALL_GET;
        job->event.cookie = cookie;
    }
    return job;
}

struct job *pusher_make_check(void)
{
    return make_query(KLP_OP_PING, nothing, nothing, nothing, 0);
}

klp_status pusher_read(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie, klp_ticket *ticket,
                       klp_text_buffer *why)
{
    if (!game_id.size)
        game_id = pusher->settings.game_id;
    klp_status status = argument_path_id(game_id, "game_id", why);
    if (!status)
        status = argument_path_id(lobby_id, "lobby_id", why);
    if (status)
        return status;
    struct job *job = make_query(KLP_OP_READ, game_id, lobby_id, nothing, cookie);
    if (!job)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    set_times(job, pusher, 0);
    return enqueue(pusher, job, 0, ticket, why);
}

klp_status pusher_await(klp_pusher *pusher, const klp_await *given, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_await await;

    klp_status status = argument_copy(given, &await, sizeof await, "klp_await", why);
    if (status)
        return status;
    if (!await.game_id.size)
        await.game_id = pusher->settings.game_id;
    status = argument_await(&await, why);
    if (status)
        return status;
    struct job *job = make_query(KLP_OP_AWAIT, await.game_id, await.lobby_id, await.trace_parent, await.cookie);
    if (!job)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    job->poll_interval_ms = await.poll_interval_ms ? await.poll_interval_ms : DEFAULT_POLL_INTERVAL_MS;
    set_times(job, pusher, await.timeout_ms ? await.timeout_ms : DEFAULT_AWAIT_TIMEOUT_MS);
    return enqueue(pusher, job, 0, ticket, why);
}

klp_status pusher_ping(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why)
{
    struct job *job = make_query(KLP_OP_PING, nothing, nothing, nothing, cookie);
    if (!job)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    set_times(job, pusher, 0);
    return enqueue(pusher, job, 0, ticket, why);
}

/* ─── Calls ─────────────────────────────────────────────────────────────────────────────────────── */

static klp_status make_call(klp_pusher *pusher, const klp_call *call, struct job **out, klp_text_buffer *why)
{
    enum call_method method = call_method_of(call->method.data, call->method.size);
    struct json_writer measure = {0};
    struct call_body stamped;
    char path[KLP_MAX_PATH_BYTES + 1];

    if (call_body_write(&measure, method, call->body_json.data, call->body_json.size, uuid_place, UUID_BYTES, &stamped))
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    if (measure.size > KLP_MAX_BODY_BYTES)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "body_json makes a body of %zu bytes, more than %u", measure.size,
                       KLP_MAX_BODY_BYTES);
    size_t path_bytes = path_of_call(call->segments, call->segment_count, path, sizeof path);
    if (path_bytes >= sizeof path)
        return why_say(why, KLP_E_INVALID_ARGUMENT, "segments make a path of %zu bytes, more than %u", path_bytes,
                       KLP_MAX_PATH_BYTES);

    const struct job_texts texts = {.game_id = nothing,
                                    .event_key = nothing,
                                    .key = nothing,
                                    .lobby_id = nothing,
                                    .method = call->method,
                                    .path = {path, path_bytes},
                                    .trace_parent = or_nothing(call->trace_parent)};
    struct job *job = job_new(KLP_OP_CALL, &texts, measure.size);
    if (!job)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    struct json_writer body = {.data = job_body(job), .capacity = measure.size};
    if (call_body_write(&body, method, call->body_json.data, call->body_json.size, uuid_place, UUID_BYTES, &stamped)) {
        job_free(job);
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    }
    job->idempotency_offset = (uint32_t)stamped.key_offset;
    job->idempotency_bytes = (uint32_t)stamped.key_bytes;
    job->is_to_be_stamped = stamped.is_ours;
    job->method = method;
    job->event.cookie = call->cookie;
    set_times(job, pusher, call->deadline_ms);
    *out = job;
    return KLP_OK;
}

klp_status pusher_call(klp_pusher *pusher, const klp_call *given, klp_ticket *ticket, klp_text_buffer *why)
{
    klp_call call;
    struct job *job = NULL;

    klp_status status = argument_copy(given, &call, sizeof call, "klp_call", why);
    if (!status)
        status = argument_call(&call, why);
    if (!status)
        status = make_call(pusher, &call, &job, why);
    return job ? enqueue(pusher, job, call.flags, ticket, why) : status;
}
