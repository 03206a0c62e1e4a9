/* SPDX-License-Identifier: Apache-2.0
 * What is written of jobs, tickets and events. */
#include "outbox/inside.h"

enum store_result record_delete(struct store *store, enum statement which, uint64_t number, uint64_t *rows)
{
    struct binding binding = binding_of(store, which);
    enum store_result result;

    bind_number(&binding, number <= INT64_MAX ? (int64_t)number : INT64_MAX);
    result = batch_write(store, which, &binding, rows);
    if (!result && *rows)
        store->has_deleted = true;
    return result;
}

/* ─── Jobs and tickets ──────────────────────────────────────────────────────────────────────────── */

static enum store_result write_progress(struct store *store, enum statement which, const struct store_job *job,
                                        uint64_t *rows)
{
    struct binding binding = binding_of(store, which);
    klp_text last_error = job->last_error;

    if (last_error.size > STORE_ERROR_BYTES)
        last_error.size = STORE_ERROR_BYTES; /* its room was set aside */
    bind_number(&binding, job->attempts);
    bind_number(&binding, job->attempts_charged);
    bind_number(&binding, job->sends);
    bind_number(&binding, job->http_status);
    bind_text(&binding, last_error);
    bind_number(&binding, job->next_unix_ms);
    bind_number(&binding, job->recoveries);
    bind_number(&binding, job->attempt_open);
    bind_number(&binding, job->possibly_applied);
    bind_number(&binding, (int64_t)job->id);
    return batch_write(store, which, &binding, rows);
}

static enum store_result insert_job(struct store *store, const struct store_job *job)
{
    struct binding binding = binding_of(store, STATEMENT_INSERT_JOB);

    bind_number(&binding, (int64_t)job->id);
    bind_number(&binding, job->op);
    bind_text(&binding, job->game_id);
    bind_text(&binding, job->event_key);
    bind_text(&binding, job->key);
    bind_text(&binding, job->method);
    bind_text(&binding, job->path);
    bind_number(&binding, job->idempotency_offset);
    bind_number(&binding, job->idempotency_bytes);
    bind_blob(&binding, job->fingerprint, sizeof job->fingerprint);
    bind_number(&binding, job->accepted_unix_ms);
    bind_text(&binding, job->body);
    return batch_write(store, STATEMENT_INSERT_JOB, &binding, NULL);
}

static enum store_result delete_job(struct store *store, uint64_t id)
{
    uint64_t rows = 0;
    enum store_result result = record_delete(store, STATEMENT_DELETE_PROGRESS, id, &rows);

    if (!result)
        result = record_delete(store, STATEMENT_DELETE_JOB, id, &rows);
    if (!result)
        store->now.jobs -= rows;
    return result;
}

enum store_result record_write_job(struct store *store, const struct store_job *job)
{
    enum store_result result = delete_job(store, job->id);

    if (!result)
        result = insert_job(store, job);
    if (!result)
        result = write_progress(store, STATEMENT_INSERT_PROGRESS, job, NULL);
    if (!result)
        store->now.jobs++;
    return result;
}

uint64_t record_job_bytes(const struct store_job *job)
{
    return job->game_id.size + job->event_key.size + job->key.size + job->method.size + job->path.size +
           job->body.size + sizeof job->fingerprint + 64 + 512 /* its progress, and what that may grow to */;
}

enum store_result store_put_job(struct store *store, const struct store_job *job)
{
    enum store_result result = batch_begin(store);

    if (!result)
        result = failed_make_room(store, record_job_bytes(job), 1, 0);
    if (result)
        return result;
    room_give_back(store, 1); /* its first ticket's turn comes next, and is sure of its room */
    return record_write_job(store, job);
}

enum store_result store_update_job(struct store *store, const struct store_job *job)
{
    uint64_t rows = 0;
    enum store_result result = batch_begin(store);

    if (!result)
        result = write_progress(store, STATEMENT_UPDATE_PROGRESS, job, &rows);
    if (!result && rows == 0)
        return failure_say(store, STORE_NOT_THERE, "there is no job %llu", (unsigned long long)job->id);
    return result;
}

enum store_result record_write_ticket(struct store *store, const struct store_ticket *ticket)
{
    struct binding binding;
    uint64_t rows = 0;
    enum store_result result = record_delete(store, STATEMENT_DELETE_TICKET, ticket->ticket, &rows);

    if (result)
        return result;
    binding = binding_of(store, STATEMENT_INSERT_TICKET);
    bind_number(&binding, (int64_t)ticket->ticket);
    bind_number(&binding, (int64_t)ticket->job);
    bind_number(&binding, (int64_t)ticket->cookie);
    bind_number(&binding, ticket->accepted_unix_ms);
    bind_number(&binding, ticket->deadline_unix_ms);
    bind_text(&binding, ticket->trace_parent);
    result = batch_write(store, STATEMENT_INSERT_TICKET, &binding, NULL);
    if (!result)
        store->now.tickets += 1 - rows;
    return result;
}

uint64_t record_ticket_bytes(const struct store_ticket *ticket)
{
    return ticket->trace_parent.size > 256 ? ticket->trace_parent.size : 0;
}

enum store_result store_put_ticket(struct store *store, const struct store_ticket *ticket)
{
    enum store_result result = batch_begin(store);

    if (!result)
        result = failed_make_room(store, record_ticket_bytes(ticket), 1, 0);
    return result ? result : record_write_ticket(store, ticket);
}

/* ─── Events ────────────────────────────────────────────────────────────────────────────────────── */

static enum store_result delete_job_without_tickets(struct store *store, uint64_t job)
{
    struct binding binding = binding_of(store, STATEMENT_HAS_TICKETS);
    int code;

    bind_number(&binding, (int64_t)job);
    code = statement_run(store, STATEMENT_HAS_TICKETS, &binding);
    if (code == SQLITE_ROW)
        return STORE_OK;
    if (code != SQLITE_DONE)
        return batch_spoil(store, failure_of(store, code, "looking for tickets"));
    return delete_job(store, job);
}

static enum store_result put_event(struct store *store, const struct store_event *event)
{
    struct binding binding;
    uint64_t rows = 0;
    enum store_result result = record_delete(store, STATEMENT_DELETE_EVENT, event->seq, &rows);

    if (result)
        return result;
    binding = binding_of(store, STATEMENT_INSERT_EVENT);
    bind_number(&binding, (int64_t)event->seq);
    bind_number(&binding, (int64_t)event->ticket);
    bind_number(&binding, event->recoveries);
    bind_text(&binding, event->json);
    result = batch_write(store, STATEMENT_INSERT_EVENT, &binding, NULL);
    if (!result)
        store->now.events += 1 - rows;
    return result;
}

enum store_result store_conclude(struct store *store, const struct store_event *event, uint64_t job)
{
    uint64_t rows = 0;
    bool is_large = event->json.size > STORE_VERDICT_BYTES;
    enum store_result result = batch_begin(store);

    if (!result && is_large)
        result = failed_make_room(store, event->json.size, 0, 0);
    if (result)
        return result;
    result = record_delete(store, STATEMENT_DELETE_TICKET, event->ticket, &rows);
    if (result)
        return result;
    store->now.tickets -= rows;
    if (!rows && !is_large)
        result = failed_make_room(store, event->json.size + 32, 0, 0);
    if (!result)
        result = delete_job_without_tickets(store, job);
    return result ? result : put_event(store, event);
}

enum store_result store_update_event(struct store *store, uint64_t seq, uint32_t recoveries)
{
    struct binding binding;
    uint64_t rows = 0;
    enum store_result result = batch_begin(store);

    if (result)
        return result;
    binding = binding_of(store, STATEMENT_UPDATE_EVENT);
    bind_number(&binding, recoveries);
    bind_number(&binding, (int64_t)seq);
    result = batch_write(store, STATEMENT_UPDATE_EVENT, &binding, &rows);
    if (!result && rows == 0)
        return failure_say(store, STORE_NOT_THERE, "there is no event %llu", (unsigned long long)seq);
    return result;
}

static enum store_result forget(struct store *store, enum statement which, uint64_t seq)
{
    uint64_t rows = 0;
    enum store_result result = batch_begin(store);

    if (!result)
        result = record_delete(store, which, seq, &rows);
    if (!result)
        store->now.events -= rows;
    return result;
}

enum store_result store_forget_event(struct store *store, uint64_t seq)
{
    return forget(store, STATEMENT_DELETE_EVENT, seq);
}

enum store_result store_forget_events(struct store *store, uint64_t up_to_seq)
{
    return forget(store, STATEMENT_DELETE_EVENTS, up_to_seq);
}

enum store_result store_reserve(struct store *store, uint64_t last_ticket, uint64_t last_seq)
{
    struct binding binding;
    enum store_result result = batch_begin(store);

    if (result)
        return result;
    binding = binding_of(store, STATEMENT_RESERVE);
    bind_number(&binding, (int64_t)last_ticket);
    bind_number(&binding, (int64_t)last_seq);
    result = batch_write(store, STATEMENT_RESERVE, &binding, NULL);
    if (result)
        return result;
    if (store->now.last_ticket < last_ticket)
        store->now.last_ticket = last_ticket;
    if (store->now.last_seq < last_seq)
        store->now.last_seq = last_seq;
    return STORE_OK;
}

enum store_result store_change_key_prefix(struct store *store, klp_text key_prefix)
{
    struct binding binding;
    enum store_result result = batch_begin(store);

    if (result)
        return result;
    binding = binding_of(store, STATEMENT_CHANGE_META);
    bind_text(&binding, key_prefix);
    bind_text(&binding, klp_cstr("key_prefix"));
    return batch_write(store, STATEMENT_CHANGE_META, &binding, NULL);
}
