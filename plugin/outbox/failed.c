/* SPDX-License-Identifier: Apache-2.0
 * Pushes that failed, as long as there is room for them: what is still to be sent or told comes first. */
#include "outbox/inside.h"

static enum store_result forget_oldest(struct store *store, uint64_t count, uint64_t spared, uint64_t *rows)
{
    struct binding binding = binding_of(store, STATEMENT_DELETE_OLDEST_FAILED);
    enum store_result result;

    bind_number(&binding, (int64_t)spared);
    bind_number(&binding, (int64_t)count);
    result = batch_write(store, STATEMENT_DELETE_OLDEST_FAILED, &binding, rows);
    if (result)
        return result;
    store->now.failed -= *rows;
    store->has_deleted |= *rows > 0;
    return STORE_OK;
}

enum store_result failed_make_room(struct store *store, uint64_t bytes, uint64_t tickets, uint64_t spared)
{
    while (!room_take(store, bytes, tickets)) {
        uint64_t rows = 0;
        enum store_result result = store->now.failed ? forget_oldest(store, 1, spared, &rows) : STORE_OK;
        if (result)
            return result;
        if (rows == 0)
            return failure_say(store, STORE_FULL, "it has reached its bound of %llu bytes",
                               (unsigned long long)store->most_pages * 4096);
    }
    return STORE_OK;
}

/* ─── Keeping ───────────────────────────────────────────────────────────────────────────────────── */

/* A job's texts and those of its ticket. STORE_NOT_THERE: one of them is not there. */
static enum store_result measure(struct store *store, uint64_t job, uint64_t ticket, uint64_t *bytes)
{
    struct binding binding = binding_of(store, STATEMENT_FAILED_BYTES);
    int code;

    bind_number(&binding, (int64_t)ticket);
    bind_number(&binding, (int64_t)job);
    code = binding.code ? binding.code : sqlite3_step(binding.statement);
    if (code == SQLITE_ROW)
        *bytes = (uint64_t)sqlite3_column_int64(binding.statement, 0);
    sqlite3_reset(binding.statement);
    if (code == SQLITE_ROW)
        return STORE_OK;
    if (code == SQLITE_DONE)
        return failure_say(store, STORE_NOT_THERE, "there is no ticket %llu of a job %llu", (unsigned long long)ticket,
                           (unsigned long long)job);
    return batch_spoil(store, failure_of(store, code, "reading what failed"));
}

static enum store_result forget(struct store *store, enum statement which, uint64_t number, uint64_t *rows)
{
    enum store_result result = record_delete(store, which, number, rows);

    if (!result)
        store->now.failed -= *rows;
    return result;
}

static klp_text cut(klp_text code)
{
    return (klp_text){code.data, code.size > STORE_ERROR_BYTES ? STORE_ERROR_BYTES : code.size};
}

enum store_result store_keep_failed(struct store *store, uint64_t job, uint64_t ticket, int32_t outcome,
                                    klp_text error_code, int64_t ended_unix_ms)
{
    enum { NUMBERS_BYTES = 256 + 2 * STORE_ERROR_BYTES }; /* and its place in the index */
    struct binding binding;
    uint64_t bytes = 0, rows = 0;
    enum store_result result = batch_begin(store);

    if (result || !store->has_failed_table)
        return result;
    result = measure(store, job, ticket, &bytes);
    if (!result)
        result = forget(store, STATEMENT_DELETE_FAILED, ticket, &rows);
    if (result)
        return result;
    result = failed_make_room(store, bytes + NUMBERS_BYTES, 0, 0);
    if (result)
        return result == STORE_FULL ? store->spoilt : result; /* the bound's word is none here */
    binding = binding_of(store, STATEMENT_KEEP_FAILED);
    bind_number(&binding, outcome);
    bind_text(&binding, cut(error_code));
    bind_number(&binding, ended_unix_ms);
    bind_number(&binding, (int64_t)ticket);
    bind_number(&binding, (int64_t)job);
    result = batch_write(store, STATEMENT_KEEP_FAILED, &binding, &rows);
    if (!result)
        store->now.failed += rows;
    return result;
}

enum store_result store_expire_failed(struct store *store, int64_t before_unix_ms, uint64_t most)
{
    struct binding binding;
    uint64_t rows = 0;
    enum store_result result = batch_begin(store);

    if (result || !store->now.failed)
        return result;
    binding = binding_of(store, STATEMENT_DELETE_FAILED_BEFORE);
    bind_number(&binding, before_unix_ms);
    result = batch_write(store, STATEMENT_DELETE_FAILED_BEFORE, &binding, &rows);
    if (result)
        return result;
    store->now.failed -= rows;
    store->has_deleted |= rows > 0;
    return store->now.failed > most ? forget_oldest(store, store->now.failed - most, 0, &rows) : STORE_OK;
}

/* ─── Sending again ─────────────────────────────────────────────────────────────────────────────── */

struct requeue {
    struct store *store;
    uint64_t failed, new_ticket;
    const char *body;
    int64_t now_unix_ms;
    enum store_result result;
};

/* A file can hold any times. */
static int64_t later_by_as_much(int64_t now, const struct store_ticket *ticket)
{
    int64_t whole, deadline;

    if (__builtin_sub_overflow(ticket->deadline_unix_ms, ticket->accepted_unix_ms, &whole) || whole < 0)
        whole = 0;
    return __builtin_add_overflow(now, whole, &deadline) ? INT64_MAX : deadline;
}

static enum store_result put_again(struct store *store, const struct store_job *job, const struct store_ticket *ticket,
                                   uint64_t failed)
{
    uint64_t bytes = record_job_bytes(job) + record_ticket_bytes(ticket), rows = 0;
    enum store_result result = failed_make_room(store, bytes, 1, failed); /* for both: never one alone */

    if (!result)
        result = record_write_job(store, job);
    if (!result)
        result = record_write_ticket(store, ticket);
    return result ? result : forget(store, STATEMENT_DELETE_FAILED, failed, &rows);
}

static bool requeue_it(void *user, const struct store_failed *failed)
{
    struct requeue *requeue = user;
    struct store_job job = failed->job;
    struct store_ticket ticket = failed->ticket;

    if (failed->id != requeue->failed)
        return false;
    job.id = ticket.ticket = ticket.job = requeue->new_ticket;
    if (requeue->body)
        job.body.data = requeue->body;
    job.possibly_applied |= failed->outcome == KLP_POSSIBLY_APPLIED;
    job.attempts = job.attempts_charged = job.sends = job.recoveries = 0;
    job.http_status = 0;
    job.last_error = (klp_text){"", 0};
    job.next_unix_ms = 0;
    job.attempt_open = false;
    job.accepted_unix_ms = ticket.accepted_unix_ms = requeue->now_unix_ms;
    ticket.deadline_unix_ms = later_by_as_much(requeue->now_unix_ms, &failed->ticket);
    requeue->result = put_again(requeue->store, &job, &ticket, failed->id);
    return false;
}

static enum store_result not_there(struct store *store, uint64_t failed)
{
    return failure_say(store, STORE_NOT_THERE, "no push %llu is kept as failed", (unsigned long long)failed);
}

enum store_result store_requeue(struct store *store, uint64_t failed, uint64_t new_ticket, const char *body,
                                int64_t now_unix_ms)
{
    struct requeue requeue = {store, failed, new_ticket, body, now_unix_ms, STORE_NOT_THERE};
    enum store_result result = batch_begin(store);

    if (result)
        return result;
    result = store_each_failed(store, failed - 1, requeue_it, &requeue); /* of 0, which none is: no one */
    if (result == STORE_OK)
        result = requeue.result;
    else if (result != STORE_DAMAGED)
        batch_spoil(store, result); /* SQLite may have rolled back */
    return result == STORE_NOT_THERE ? not_there(store, failed) : result;
}

enum store_result store_drop_failed(struct store *store, uint64_t failed)
{
    uint64_t rows = 0;
    enum store_result result = batch_begin(store);

    if (!result && store->now.failed)
        result = forget(store, STATEMENT_DELETE_FAILED, failed, &rows);
    return result || rows ? result : not_there(store, failed);
}
