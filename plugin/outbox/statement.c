/* SPDX-License-Identifier: Apache-2.0
 * Every statement that a store runs again and again. Columns are named wherever one writes: a later release's file may
 * have more of them. */
#include "outbox/inside.h"

static const char *const texts[STATEMENT_KINDS] = {
    [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
    [STATEMENT_COMMIT] = "COMMIT",
    [STATEMENT_ROLLBACK] = "ROLLBACK",
    [STATEMENT_PAGE_COUNT] = "PRAGMA page_count",
    [STATEMENT_FREELIST_COUNT] = "PRAGMA freelist_count",

    [STATEMENT_DELETE_JOB] = "DELETE FROM job WHERE id = ?",
    [STATEMENT_INSERT_JOB] = "INSERT INTO job(id, op, game_id, event_key, key, method, path, idempotency_offset,"
                             " idempotency_bytes, fingerprint, accepted_unix_ms, body)"
                             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_DELETE_PROGRESS] = "DELETE FROM progress WHERE job = ?",
    [STATEMENT_INSERT_PROGRESS] = "INSERT INTO progress(attempts, attempts_charged, sends, http_status, last_error,"
                                  " next_unix_ms, recoveries, attempt_open, possibly_applied, job)"
                                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [STATEMENT_UPDATE_PROGRESS] = "UPDATE progress SET attempts = ?, attempts_charged = ?, sends = ?, http_status = ?,"
                                  " last_error = ?, next_unix_ms = ?, recoveries = ?, attempt_open = ?,"
                                  " possibly_applied = ? WHERE job = ?",
    [STATEMENT_DELETE_TICKET] = "DELETE FROM ticket WHERE ticket = ?",
    [STATEMENT_INSERT_TICKET] = "INSERT INTO ticket(ticket, job, cookie, accepted_unix_ms, deadline_unix_ms,"
                                " trace_parent) VALUES (?, ?, ?, ?, ?, ?)",
    [STATEMENT_HAS_TICKETS] = "SELECT 1 FROM ticket WHERE job = ? LIMIT 1",
    [STATEMENT_DELETE_EVENT] = "DELETE FROM event WHERE seq = ?",
    [STATEMENT_INSERT_EVENT] = "INSERT INTO event(seq, ticket, recoveries, json) VALUES (?, ?, ?, ?)",
    [STATEMENT_UPDATE_EVENT] = "UPDATE event SET recoveries = ? WHERE seq = ?",
    [STATEMENT_DELETE_EVENTS] = "DELETE FROM event WHERE seq <= ?",
    [STATEMENT_RESERVE] = "UPDATE meta SET value = max(value, CASE name WHEN 'last_ticket' THEN ? ELSE ? END)"
                          " WHERE name IN ('last_ticket', 'last_seq')",
    [STATEMENT_CHANGE_META] = "UPDATE meta SET value = ? WHERE name = ?",
    [STATEMENT_SET_META] = "INSERT INTO meta(name, value) VALUES (?, ?)"
                           " ON CONFLICT(name) DO UPDATE SET value = excluded.value",
    [STATEMENT_MEND] = "INSERT INTO meta(name, value) VALUES ('mended', 1) ON CONFLICT(name) DO UPDATE SET"
                       " value = value + 1",

    [STATEMENT_EACH_JOB] = "SELECT id, op, game_id, event_key, key, method, path, body, idempotency_offset,"
                           " idempotency_bytes, fingerprint, accepted_unix_ms, attempts, attempts_charged, sends,"
                           " http_status, last_error, next_unix_ms, recoveries, attempt_open, possibly_applied"
                           " FROM job LEFT JOIN progress ON progress.job = job.id WHERE id > ? ORDER BY id",
    [STATEMENT_EACH_TICKET] = "SELECT ticket, job, cookie, accepted_unix_ms, deadline_unix_ms, trace_parent"
                              " FROM ticket WHERE job = ? ORDER BY ticket",
    [STATEMENT_EACH_EVENT] = "SELECT seq, ticket, recoveries, json FROM event WHERE seq > ? ORDER BY seq",

    [STATEMENT_KEEP_FAILED] =
        "INSERT INTO failed(ticket, cookie, ticket_accepted_unix_ms, deadline_unix_ms, trace_parent, op, game_id,"
        " event_key, key, method, path, idempotency_offset, idempotency_bytes, fingerprint, accepted_unix_ms, attempts,"
        " attempts_charged, sends, http_status, last_error, next_unix_ms, recoveries, attempt_open, possibly_applied,"
        " outcome, error_code, ended_unix_ms, body)"
        " SELECT ticket.ticket, ticket.cookie, ticket.accepted_unix_ms, ticket.deadline_unix_ms, ticket.trace_parent,"
        " job.op, job.game_id, job.event_key, job.key, job.method, job.path, job.idempotency_offset,"
        " job.idempotency_bytes, job.fingerprint, job.accepted_unix_ms, progress.attempts, progress.attempts_charged,"
        " progress.sends, progress.http_status, progress.last_error, progress.next_unix_ms, progress.recoveries,"
        " progress.attempt_open, progress.possibly_applied, ?, ?, ?, job.body FROM ticket"
        " JOIN job ON job.id = ticket.job JOIN progress ON progress.job = job.id"
        " WHERE ticket.ticket = ? AND ticket.job = ?",
    [STATEMENT_FAILED_BYTES] =
        "SELECT length(CAST(ticket.trace_parent || job.game_id || job.event_key || job.key || job.method || job.path"
        " || job.body AS BLOB)) FROM ticket JOIN job ON job.id = ticket.job WHERE ticket.ticket = ? AND job.id = ?",
    [STATEMENT_DELETE_FAILED] = "DELETE FROM failed WHERE ticket = ?",
    [STATEMENT_DELETE_FAILED_BEFORE] = "DELETE FROM failed WHERE ended_unix_ms < ?",
    [STATEMENT_DELETE_OLDEST_FAILED] = "DELETE FROM failed WHERE ticket IN (SELECT ticket FROM failed WHERE ticket <> ?"
                                       " ORDER BY ended_unix_ms, ticket LIMIT ?)",
    [STATEMENT_EACH_FAILED] = "SELECT 0, op, game_id, event_key, key, method, path, body, idempotency_offset,"
                              " idempotency_bytes, fingerprint, accepted_unix_ms, attempts, attempts_charged, sends,"
                              " http_status, last_error, next_unix_ms, recoveries, attempt_open, possibly_applied,"
                              " ticket, 0, cookie, ticket_accepted_unix_ms, deadline_unix_ms, trace_parent,"
                              " outcome, error_code, ended_unix_ms FROM failed WHERE ticket > ? ORDER BY ticket",
};

enum store_result statements_prepare(struct store *store)
{
    int kinds = store->has_failed_table ? STATEMENT_KINDS : STATEMENT_KEEP_FAILED;

    for (int i = 0; i < kinds; i++) {
        int code =
            sqlite3_prepare_v3(store->database, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        if (code == SQLITE_ERROR) /* it was fine when it was written, so it is the file that lacks something */
            return failure_say(store, STORE_DAMAGED, "%s", sqlite3_errmsg(store->database));
        if (code)
            return failure_of(store, code, "reading its tables");
    }
    return STORE_OK;
}

void statements_finalize(struct store *store)
{
    for (int i = 0; i < STATEMENT_KINDS; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
}

struct binding binding_of(struct store *store, enum statement which)
{
    return (struct binding){.statement = store->statements[which], .at = 1};
}

static void keep(struct binding *binding, int code)
{
    if (!binding->code)
        binding->code = code;
    binding->at++;
}

void bind_number(struct binding *binding, int64_t value)
{
    keep(binding, sqlite3_bind_int64(binding->statement, binding->at, value));
}

void bind_text(struct binding *binding, klp_text text)
{
    keep(binding, sqlite3_bind_text64(binding->statement, binding->at, text.data ? text.data : "", text.size,
                                      SQLITE_STATIC, SQLITE_UTF8));
}

void bind_blob(struct binding *binding, const void *bytes, size_t size)
{
    keep(binding, sqlite3_bind_blob64(binding->statement, binding->at, bytes, size, SQLITE_STATIC));
}

int statement_run(struct store *store, enum statement which, const struct binding *binding)
{
    sqlite3_stmt *statement = store->statements[which];
    int code = binding ? binding->code : SQLITE_OK;

    if (!code)
        code = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement); /* they point into the caller's memory */
    return code;
}

int64_t statement_number(struct store *store, enum statement which)
{
    sqlite3_stmt *statement = store->statements[which];
    int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;

    sqlite3_reset(statement);
    return number;
}
