/* SPDX-License-Identifier: Apache-2.0
 * Reading records. A file that passed its checks can hold any values still: what does not fit is damage, and nobody
 * above has to reckon with it. */
#include "outbox/inside.h"

#include <string.h>

/* The columns of a row, one after the other; `is_sound` is what they were all in all. */
struct row {
    struct store *store;
    sqlite3_stmt *statement;
    int at;
    bool is_sound, has_memory;
};

static int64_t take_number(struct row *row, int64_t least, int64_t most)
{
    bool is_number = sqlite3_column_type(row->statement, row->at) == SQLITE_INTEGER;
    int64_t value = sqlite3_column_int64(row->statement, row->at++);

    if (is_number && value >= least && value <= most)
        return value;
    row->is_sound = false;
    return 0;
}

static uint32_t take_u32(struct row *row)
{
    return (uint32_t)take_number(row, 0, UINT32_MAX);
}

static int32_t take_i32(struct row *row)
{
    return (int32_t)take_number(row, INT32_MIN, INT32_MAX);
}

static int64_t take_i64(struct row *row)
{
    return take_number(row, INT64_MIN, INT64_MAX);
}

static uint64_t take_id(struct row *row)
{
    return (uint64_t)take_number(row, 0, INT64_MAX);
}

static bool take_bool(struct row *row)
{
    return take_number(row, 0, 1) != 0;
}

static klp_text take_text(struct row *row)
{
    bool is_text = sqlite3_column_type(row->statement, row->at) == SQLITE_TEXT;
    const char *data = (const char *)sqlite3_column_text(row->statement, row->at);
    size_t size = (size_t)sqlite3_column_bytes(row->statement, row->at);

    row->at++;
    if (!is_text)
        row->is_sound = false;
    else if (!data)
        row->has_memory = false;
    return (klp_text){data, data ? size : 0};
}

static void take_fingerprint(struct row *row, unsigned char fingerprint[32])
{
    const void *bytes = sqlite3_column_blob(row->statement, row->at);

    if (sqlite3_column_bytes(row->statement, row->at++) == 32 && bytes)
        memcpy(fingerprint, bytes, 32);
    else
        row->is_sound = false;
}

static void take_job(struct row *row, struct store_job *job)
{
    job->id = take_id(row);
    job->op = take_i32(row);
    job->game_id = take_text(row);
    job->event_key = take_text(row);
    job->key = take_text(row);
    job->method = take_text(row);
    job->path = take_text(row);
    job->body = take_text(row);
    job->idempotency_offset = take_u32(row);
    job->idempotency_bytes = take_u32(row);
    take_fingerprint(row, job->fingerprint);
    job->accepted_unix_ms = take_i64(row);
    job->attempts = take_u32(row);
    job->attempts_charged = take_u32(row);
    job->sends = take_u32(row);
    job->http_status = take_i32(row);
    job->last_error = take_text(row);
    job->next_unix_ms = take_i64(row);
    job->recoveries = take_u32(row);
    job->attempt_open = take_bool(row);
    job->possibly_applied = take_bool(row);
    if ((uint64_t)job->idempotency_offset + job->idempotency_bytes > job->body.size)
        row->is_sound = false;
}

static void take_ticket(struct row *row, struct store_ticket *ticket)
{
    ticket->ticket = take_id(row);
    ticket->job = take_id(row);
    ticket->cookie = (uint64_t)take_i64(row);
    ticket->accepted_unix_ms = take_i64(row);
    ticket->deadline_unix_ms = take_i64(row);
    ticket->trace_parent = take_text(row);
}

static void take_event(struct row *row, struct store_event *event)
{
    event->seq = take_id(row);
    event->ticket = take_id(row);
    event->recoveries = take_u32(row);
    event->json = take_text(row);
}

static void take_failed(struct row *row, struct store_failed *failed)
{
    take_job(row, &failed->job);
    take_ticket(row, &failed->ticket);
    failed->id = failed->ticket.ticket;
    failed->outcome = take_i32(row);
    failed->error_code = take_text(row);
    failed->ended_unix_ms = take_i64(row);
}

/* ─── One after the other ───────────────────────────────────────────────────────────────────────── */

static struct row begin(struct store *store, enum statement which, uint64_t number)
{
    struct binding binding = binding_of(store, which);

    bind_number(&binding, number <= INT64_MAX ? (int64_t)number : INT64_MAX);
    return (struct row){.store = store, .statement = binding.statement, .is_sound = true, .has_memory = true};
}

/* Why there is no further row, or this one is none. */
static enum store_result judge(const struct row *row, int code)
{
    if (code == SQLITE_ROW && !row->has_memory)
        return failure_of(row->store, SQLITE_NOMEM, "reading");
    if (code == SQLITE_ROW && !row->is_sound)
        return failure_say(row->store, STORE_DAMAGED, "a record in it makes no sense");
    return failure_of(row->store, code, "reading");
}

static bool next(struct row *row, int *code)
{
    row->at = 0;
    *code = sqlite3_step(row->statement);
    return *code == SQLITE_ROW;
}

enum store_result store_each_job(struct store *store, uint64_t above_id,
                                 bool (*each)(void *user, const struct store_job *job), void *user)
{
    struct row row = begin(store, STATEMENT_EACH_JOB, above_id);
    enum store_result result = STORE_OK;
    struct store_job job;
    int code;

    while (!result && next(&row, &code)) {
        take_job(&row, &job);
        result = judge(&row, code);
        if (!result && !each(user, &job))
            break;
    }
    if (!result)
        result = judge(&row, code);
    sqlite3_reset(row.statement);
    return result;
}

enum store_result store_each_ticket(struct store *store, uint64_t job,
                                    bool (*each)(void *user, const struct store_ticket *ticket), void *user)
{
    struct row row = begin(store, STATEMENT_EACH_TICKET, job);
    enum store_result result = STORE_OK;
    struct store_ticket ticket;
    int code;

    while (!result && next(&row, &code)) {
        take_ticket(&row, &ticket);
        result = judge(&row, code);
        if (!result && !each(user, &ticket))
            break;
    }
    if (!result)
        result = judge(&row, code);
    sqlite3_reset(row.statement);
    return result;
}

enum store_result store_each_event(struct store *store, uint64_t above_seq,
                                   bool (*each)(void *user, const struct store_event *event), void *user)
{
    struct row row = begin(store, STATEMENT_EACH_EVENT, above_seq);
    enum store_result result = STORE_OK;
    struct store_event event;
    int code;

    while (!result && next(&row, &code)) {
        take_event(&row, &event);
        result = judge(&row, code);
        if (!result && !each(user, &event))
            break;
    }
    if (!result)
        result = judge(&row, code);
    sqlite3_reset(row.statement);
    return result;
}

enum store_result store_each_failed(struct store *store, uint64_t above_id,
                                    bool (*each)(void *user, const struct store_failed *failed), void *user)
{
    enum store_result result = STORE_OK;
    struct store_failed failed;
    struct row row;
    int code;

    if (!store->has_failed_table)
        return STORE_OK;
    row = begin(store, STATEMENT_EACH_FAILED, above_id);
    while (!result && next(&row, &code)) {
        take_failed(&row, &failed);
        result = judge(&row, code);
        if (!result && !each(user, &failed))
            break;
    }
    if (!result)
        result = judge(&row, code);
    sqlite3_reset(row.statement);
    return result;
}
