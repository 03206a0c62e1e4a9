/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "KLPO": what file(1) and we know an outbox by. */
#define APPLICATION_ID 1263292495

/* The rows of `progress`, and of a job but for its tickets, are one to one: what changes with every attempt is small,
 * and does not move the body about. A foreign key is looked at when a transaction commits, so half a record never is.
 */
static const char version_1[] =
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
    "INSERT INTO meta(name, value) VALUES ('reads_from', 1), ('last_ticket', 0), ('last_seq', 0), ('closed', 1);";

/* What failed is on its own: its job and its ticket are gone by then. */
static const char version_2[] =
    "CREATE TABLE failed(ticket INTEGER PRIMARY KEY, cookie INTEGER NOT NULL, ticket_accepted_unix_ms INTEGER NOT NULL,"
    " deadline_unix_ms INTEGER NOT NULL, trace_parent TEXT NOT NULL, op INTEGER NOT NULL, game_id TEXT NOT NULL,"
    " event_key TEXT NOT NULL, key TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL,"
    " idempotency_offset INTEGER NOT NULL, idempotency_bytes INTEGER NOT NULL, fingerprint BLOB NOT NULL,"
    " accepted_unix_ms INTEGER NOT NULL, attempts INTEGER NOT NULL, attempts_charged INTEGER NOT NULL,"
    " sends INTEGER NOT NULL, http_status INTEGER NOT NULL, last_error TEXT NOT NULL, next_unix_ms INTEGER NOT NULL,"
    " recoveries INTEGER NOT NULL, attempt_open INTEGER NOT NULL, possibly_applied INTEGER NOT NULL,"
    " outcome INTEGER NOT NULL, error_code TEXT NOT NULL, ended_unix_ms INTEGER NOT NULL, body TEXT NOT NULL);"
    "CREATE INDEX failed_by_end ON failed(ended_unix_ms);";

enum { VERSION_OF_FAILED = 2 };

/* What takes a file from version i + 1 to the next. */
static const char *const upgrades[SCHEMA_VERSION] = {version_2, NULL}; /* the last is none */

/* ─── A new one ─────────────────────────────────────────────────────────────────────────────────── */

static int exec(sqlite3 *database, const char *text)
{
    return sqlite3_exec(database, text, NULL, NULL, NULL);
}

static int set_version(sqlite3 *database, int version)
{
    char text[64];

    snprintf(text, sizeof text, "PRAGMA user_version = %d", version);
    return exec(database, text);
}

static int name_it(sqlite3 *database, const struct store_owner *owner, const char *epoch)
{
    const klp_text values[] = {owner->pusher, owner->origin, owner->key_prefix, klp_cstr(epoch)};
    sqlite3_stmt *statement;
    int code =
        sqlite3_prepare_v2(database,
                           "INSERT INTO meta(name, value) VALUES ('pusher', ?), ('origin', ?), ('key_prefix', ?),"
                           " ('epoch', ?)",
                           -1, &statement, NULL);

    for (int i = 0; !code && i < (int)(sizeof values / sizeof *values); i++)
        code = sqlite3_bind_text64(statement, i + 1, values[i].data ? values[i].data : "", values[i].size,
                                   SQLITE_STATIC, SQLITE_UTF8);
    if (!code)
        code = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

int schema_create(sqlite3 *database, const struct store_owner *owner, const char *epoch)
{
    char text[192];
    int code;

    /* Nobody has the file but us, and it gets its name when it is whole: no journal is needed until then. The vacuum's
     * mode cannot be changed later. */
    snprintf(text, sizeof text,
             "PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = MEMORY;"
             "PRAGMA application_id = %d; BEGIN",
             APPLICATION_ID);
    code = exec(database, text);
    if (!code)
        code = exec(database, version_1);
    for (int i = 0; !code && i < SCHEMA_VERSION - 1; i++)
        code = exec(database, upgrades[i]);
    if (!code)
        code = set_version(database, SCHEMA_VERSION);
    if (!code)
        code = name_it(database, owner, epoch);
    if (!code)
        code = exec(database, "COMMIT; PRAGMA journal_mode = WAL");
    return code;
}

/* ─── One that is there ─────────────────────────────────────────────────────────────────────────── */

static enum store_result read_number(struct store *store, const char *text, int64_t *number)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(store->database, text, -1, &statement, NULL);

    if (code == SQLITE_ERROR)
        return failure_say(store, STORE_DAMAGED, "%s", sqlite3_errmsg(store->database));
    if (!code)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    if (code == SQLITE_DONE)
        return failure_say(store, STORE_DAMAGED, "it says nothing about itself");
    return failure_of(store, code, "reading what it says about itself");
}

static int upgrade(struct store *store, int64_t version)
{
    int code = exec(store->database, "BEGIN IMMEDIATE");

    for (int64_t i = version - 1; !code && i < SCHEMA_VERSION - 1; i++)
        code = exec(store->database, upgrades[i]);
    if (!code)
        code = set_version(store->database, SCHEMA_VERSION);
    if (!code)
        code = exec(store->database, "COMMIT");
    return code;
}

enum store_result schema_upgrade(struct store *store)
{
    int64_t version = 0;
    enum store_result result = read_number(store, "PRAGMA user_version", &version);

    if (result || version < 1 || version >= SCHEMA_VERSION)
        return result;
    result = failure_of(store, upgrade(store, version), "bringing it up to date");
    if (!result)
        store->has_failed_table = true;
    else if (!sqlite3_get_autocommit(store->database))
        exec(store->database, "ROLLBACK");
    return result == STORE_FULL ? STORE_OK : result;
}

enum store_result schema_check(struct store *store)
{
    int64_t application = 0, version = 0, reads_from = 0;
    enum store_result result = read_number(store, "PRAGMA application_id", &application);

    if (!result)
        result = read_number(store, "PRAGMA user_version", &version);
    if (result)
        return result;
    if (application != APPLICATION_ID || version < 1)
        return failure_say(store, STORE_DAMAGED, "it is no outbox");
    result = read_number(store, "SELECT value FROM meta WHERE name = 'reads_from'", &reads_from);
    if (result)
        return result;
    if (reads_from > SCHEMA_VERSION)
        return failure_say(store, STORE_TOO_NEW,
                           "it is of version %lld, which a release that reads version %lld or later can read",
                           (long long)version, (long long)reads_from);
    store->has_failed_table = version >= VERSION_OF_FAILED;
    return STORE_OK;
}

bool schema_was_closed(struct store *store)
{
    int64_t closed = 0;

    return read_number(store, "SELECT value FROM meta WHERE name = 'closed'", &closed) == STORE_OK && closed;
}

enum store_result schema_mark(struct store *store, bool is_closed)
{
    struct binding binding = binding_of(store, STATEMENT_SET_META);

    bind_text(&binding, klp_cstr("closed"));
    bind_number(&binding, is_closed);
    return failure_of(store, statement_run(store, STATEMENT_SET_META, &binding), "marking it");
}

/* ─── Whose it is, and its numbers ──────────────────────────────────────────────────────────────── */

static klp_text column(sqlite3_stmt *statement, int at)
{
    const char *data = (const char *)sqlite3_column_text(statement, at);

    return (klp_text){data, data ? (size_t)sqlite3_column_bytes(statement, at) : 0};
}

static bool is_same(klp_text a, klp_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static enum store_result keep(struct store *store, const struct store_owner *owner, sqlite3_stmt *row)
{
    klp_text epoch = column(row, 0), pusher = column(row, 1), origin = column(row, 2), key_prefix = column(row, 3);

    if (!epoch.data || !pusher.data || !origin.data || !key_prefix.data)
        return sqlite3_errcode(store->database) == SQLITE_NOMEM
                   ? failure_of(store, SQLITE_NOMEM, "reading whose it is")
                   : failure_say(store, STORE_DAMAGED, "it does not say whose it is");
    if (epoch.size != sizeof store->facts.epoch - 1)
        return failure_say(store, STORE_DAMAGED, "its epoch is none");
    if (owner && (!is_same(origin, owner->origin) || !is_same(key_prefix, owner->key_prefix)))
        return failure_say(store, STORE_FOREIGN,
                           "it is for %.*s with an API key %.*s…, this pusher is for %.*s with %.*s…",
                           KLP_TEXT_ARG(origin), KLP_TEXT_ARG(key_prefix), KLP_TEXT_ARG(owner->origin),
                           KLP_TEXT_ARG(owner->key_prefix));
    memcpy(store->facts.epoch, epoch.data, sizeof store->facts.epoch);
    store->pusher = malloc(pusher.size + 1);
    if (!store->pusher)
        return failure_of(store, SQLITE_NOMEM, "reading whose it is");
    memcpy(store->pusher, pusher.data, pusher.size);
    store->pusher[pusher.size] = '\0';
    store->pusher_bytes = pusher.size;
    return STORE_OK;
}

static enum store_result read_owner(struct store *store, const struct store_owner *owner)
{
    enum store_result result;
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(store->database,
                                  "SELECT (SELECT value FROM meta WHERE name = 'epoch'),"
                                  " (SELECT value FROM meta WHERE name = 'pusher'),"
                                  " (SELECT value FROM meta WHERE name = 'origin'),"
                                  " (SELECT value FROM meta WHERE name = 'key_prefix')",
                                  -1, &statement, NULL);
    if (!code)
        code = sqlite3_step(statement);
    result = code == SQLITE_ROW ? keep(store, owner, statement) : failure_of(store, code, "reading whose it is");
    sqlite3_finalize(statement);
    return result;
}

enum store_result schema_read(struct store *store, const struct store_owner *owner)
{
    struct tally *tally = &store->committed;
    const struct {
        const char *text;
        uint64_t *number;
    } numbers[] = {
        /* `progress` has a row for each job, and is small */
        {"SELECT count(*) FROM progress", &tally->jobs},
        {"SELECT count(*) FROM ticket", &tally->tickets},
        {"SELECT count(*) FROM event", &tally->events},
        {"SELECT value FROM meta WHERE name = 'last_ticket'", &tally->last_ticket},
        {"SELECT value FROM meta WHERE name = 'last_seq'", &tally->last_seq},
        {"SELECT count(*) FROM failed", &tally->failed},
    };
    size_t count = sizeof numbers / sizeof *numbers - !store->has_failed_table;
    enum store_result result = read_owner(store, owner);

    for (size_t i = 0; !result && i < count; i++) {
        int64_t number = 0;
        result = read_number(store, numbers[i].text, &number);
        if (!result && number < 0)
            result = failure_say(store, STORE_DAMAGED, "one of its numbers is negative");
        *numbers[i].number = (uint64_t)number;
    }
    return result;
}
