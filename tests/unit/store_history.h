/* SPDX-License-Identifier: Apache-2.0
 * Files as earlier releases made them, and wrote to them. This is history: nothing in it ever changes. */
#ifndef STORE_HISTORY_H
#define STORE_HISTORY_H

#include <sqlite3.h>

#include "store_rig.h"

static const char history_file[] = "mm-eu-1-0123456789abcdef.outbox";

/* Makes or changes the file with nothing but SQLite. */
static inline void history_exec(const char *text)
{
    char path[512];
    sqlite3 *database;

    rig_path(path, history_file, "");
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, text, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* As version 1 made it: a job with its ticket, and an event of another. */
static const char history_version_1[] =
    "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1263292495;"
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE job(id INTEGER PRIMARY KEY, op INTEGER NOT NULL, game_id TEXT NOT NULL, event_key TEXT NOT NULL,"
    " key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, idempotency_offset INTEGER NOT NULL,"
    " idempotency_bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL, accepted_unix_ms INTEGER NOT NULL,"
    " body TEXT NOT NULL);"
    "CREATE TABLE progress(job INTEGER PRIMARY KEY REFERENCES job(id) DEFERRABLE INITIALLY DEFERRED,"
    " attempts INTEGER NOT NULL, attempts_charged INTEGER NOT NULL, sends INTEGER NOT NULL,"
    " http_status INTEGER NOT NULL, last_error TEXT NOT NULL, next_unix_ms INTEGER NOT NULL,"
    " recoveries INTEGER NOT NULL, attempt_open INTEGER NOT NULL, possibly_applied INTEGER NOT NULL);"
    "CREATE TABLE ticket(ticket INTEGER PRIMARY KEY, job INTEGER NOT NULL REFERENCES job(id)"
    " DEFERRABLE INITIALLY DEFERRED, cookie INTEGER NOT NULL, accepted_unix_ms INTEGER NOT NULL,"
    " deadline_unix_ms INTEGER NOT NULL, trace_parent TEXT NOT NULL);"
    "CREATE INDEX ticket_of_job ON ticket(job);"
    "CREATE TABLE event(seq INTEGER PRIMARY KEY, ticket INTEGER NOT NULL, recoveries INTEGER NOT NULL,"
    " json TEXT NOT NULL);"
    "INSERT INTO meta(name, value) VALUES ('reads_from', 1), ('last_ticket', 100), ('last_seq', 200), ('closed', 1),"
    " ('pusher', 'mm-eu-1'), ('origin', 'https://api.kraty.example:443'), ('key_prefix', 'srv_live_1'),"
    " ('epoch', '0123456789abcdef');"
    "INSERT INTO job VALUES (7, 1, 'g', 'e', 'k', 'POST', '/p', 0, 2, zeroblob(32), 5, '{}');"
    "INSERT INTO progress VALUES (7, 1, 1, 1, 503, 'unavailable', 0, 0, 0, 1);"
    "INSERT INTO ticket VALUES (7, 7, 3, 5, 6, '');"
    "INSERT INTO event VALUES (150, 6, 0, '{\"v\":1}');"
    "PRAGMA user_version = 1; PRAGMA journal_mode = WAL;";

/* What version 2 added. */
static const char history_version_2[] =
    "CREATE TABLE failed(ticket INTEGER PRIMARY KEY, cookie INTEGER NOT NULL, ticket_accepted_unix_ms INTEGER NOT NULL,"
    " deadline_unix_ms INTEGER NOT NULL, trace_parent TEXT NOT NULL, op INTEGER NOT NULL, game_id TEXT NOT NULL,"
    " event_key TEXT NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,"
    " idempotency_offset INTEGER NOT NULL, idempotency_bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL,"
    " accepted_unix_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, attempts_charged INTEGER NOT NULL,"
    " sends INTEGER NOT NULL, http_status INTEGER NOT NULL, last_error TEXT NOT NULL, next_unix_ms INTEGER NOT NULL,"
    " recoveries INTEGER NOT NULL, attempt_open INTEGER NOT NULL, possibly_applied INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, error_code TEXT NOT NULL, ended_unix_ms INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX failed_by_end ON failed(ended_unix_ms);"
    "PRAGMA user_version = 2;";

/* What version 1 writes to a file: a job with its ticket, an attempt, a verdict, what is forgotten. */
static const char history_writing_of_version_1[] =
    "PRAGMA foreign_keys = ON; BEGIN IMMEDIATE;"
    "INSERT INTO job(id, op, game_id, event_key, key, method, path, idempotency_offset, idempotency_bytes, fingerprint,"
    " accepted_unix_ms, body) VALUES (1001, 1, 'g', 'e', 'k', 'POST', '/p', 0, 2, zeroblob(32), 5, '{}');"
    "INSERT INTO progress(attempts, attempts_charged, sends, http_status, last_error, next_unix_ms, recoveries,"
    " attempt_open, possibly_applied, job) VALUES (0, 0, 0, 0, '', 0, 0, 0, 0, 1001);"
    "INSERT INTO ticket(ticket, job, cookie, accepted_unix_ms, deadline_unix_ms, trace_parent)"
    " VALUES (1001, 1001, 3, 5, 6, '');"
    "UPDATE meta SET value = max(value, CASE name WHEN 'last_ticket' THEN 1001 ELSE 1001 END)"
    " WHERE name IN ('last_ticket', 'last_seq');"
    "COMMIT; BEGIN IMMEDIATE;"
    "UPDATE progress SET attempts = 1, attempts_charged = 1, sends = 1, http_status = 503, last_error = 'x',"
    " next_unix_ms = 1, recoveries = 0, attempt_open = 0, possibly_applied = 1 WHERE job = 1001;"
    "DELETE FROM ticket WHERE ticket = 1; DELETE FROM progress WHERE job = 1; DELETE FROM job WHERE id = 1;"
    "DELETE FROM event WHERE seq = 1000;"
    "INSERT INTO event(seq, ticket, recoveries, json) VALUES (1000, 1, 0, '{}');"
    "UPDATE event SET recoveries = 1 WHERE seq = 1000; DELETE FROM event WHERE seq <= 2;"
    "INSERT INTO meta(name, value) VALUES ('closed', 1) ON CONFLICT(name) DO UPDATE SET value = excluded.value;"
    "COMMIT;";

/* What version 1 reads of one. */
static const char *const history_reading_of_version_1[] = {
    "SELECT id, op, game_id, event_key, key, method, path, body, idempotency_offset, idempotency_bytes, fingerprint,"
    " accepted_unix_ms, attempts, attempts_charged, sends, http_status, last_error, next_unix_ms, recoveries,"
    " attempt_open, possibly_applied FROM job LEFT JOIN progress ON progress.job = job.id WHERE id > 0 ORDER BY id",
    "SELECT ticket, job, cookie, accepted_unix_ms, deadline_unix_ms, trace_parent FROM ticket WHERE job = 1001"
    " ORDER BY ticket",
    "SELECT seq, ticket, recoveries, json FROM event WHERE seq > 0 ORDER BY seq",
    "SELECT 1 FROM ticket WHERE job = 1001 LIMIT 1",
    "SELECT (SELECT value FROM meta WHERE name = 'epoch'), (SELECT value FROM meta WHERE name = 'pusher'),"
    " (SELECT value FROM meta WHERE name = 'origin'), (SELECT value FROM meta WHERE name = 'key_prefix')",
};

#endif
