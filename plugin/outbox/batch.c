/* SPDX-License-Identifier: Apache-2.0
 * One transaction a batch: begun by its first write, lost as a whole when one of them fails. */
#include "outbox/inside.h"

static void end(struct store *store)
{
    store->now = store->committed;
    store->spoilt = STORE_OK;
    store->is_writing = false;
    store->has_deleted = false;
}

void batch_tell(struct store *store)
{
    store->facts.last_ticket = store->committed.last_ticket;
    store->facts.last_seq = store->committed.last_seq;
    store->facts.jobs = store->committed.jobs;
    store->facts.events = store->committed.events;
    store->facts.failed = store->committed.failed;
}

enum store_result batch_spoil(struct store *store, enum store_result result)
{
    if (!store->spoilt)
        store->spoilt = result;
    return result;
}

enum store_result batch_begin(struct store *store)
{
    int code;

    if (store->is_view)
        return failure_say(store, STORE_FAILED, "it was opened to look at");
    if (store->spoilt || store->is_writing)
        return store->spoilt;
    code = statement_run(store, STATEMENT_BEGIN, NULL);
    if (code != SQLITE_DONE)
        return batch_spoil(store, failure_of(store, code, "beginning to write"));
    store->is_writing = true;
    store->room_bytes = 0;
    return STORE_OK;
}

enum store_result batch_write(struct store *store, enum statement which, const struct binding *binding, uint64_t *rows)
{
    int code = statement_run(store, which, binding);

    if (code != SQLITE_DONE)
        return batch_spoil(store, failure_of(store, code, "writing"));
    if (rows)
        *rows = (uint64_t)sqlite3_changes(store->database);
    return STORE_OK;
}

/* A commit that failed may have reached the log with everything but its flush. What is committed next is written over
 * it; it must be something. */
static enum store_result mend(struct store *store)
{
    enum store_result result = batch_begin(store);
    return result ? result : batch_write(store, STATEMENT_MEND, NULL, NULL);
}

/* SQLite writes on happily to a file that was removed: it is open. */
static enum store_result look_that_it_is_there(struct store *store)
{
    int has_moved = 0;

    if (sqlite3_file_control(store->database, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved) == SQLITE_OK && has_moved)
        return failure_say(store, STORE_FAILED, "it was moved or removed while it was open");
    return STORE_OK;
}

static enum store_result commit(struct store *store)
{
    int code = SQLITE_OK;
    enum store_result result = look_that_it_is_there(store);

    if (result)
        return result;
    if (store->has_deleted)
        code = room_shrink(store);
    if (code)
        return failure_of(store, code, "shrinking it");
    code = statement_run(store, STATEMENT_COMMIT, NULL);
    if (code == SQLITE_DONE)
        return STORE_OK;
    store->tail_is_doubtful = true;
    return failure_of(store, code, "committing");
}

enum store_result store_commit(struct store *store)
{
    enum store_result result = store->spoilt;

    if (!result && store->tail_is_doubtful)
        result = mend(store);
    if (!result && !store->is_writing)
        return STORE_OK;
    if (!result)
        result = commit(store);
    if (result) {
        store_roll_back(store);
        return result;
    }
    store->tail_is_doubtful = false;
    store->committed = store->now;
    batch_tell(store);
    end(store);
    return STORE_OK;
}

void store_roll_back(struct store *store)
{
    if (store->is_view)
        return; /* its transaction is the moment that it shows */
    /* after some failures SQLite has done it already */
    if (!sqlite3_get_autocommit(store->database))
        statement_run(store, STATEMENT_ROLLBACK, NULL);
    end(store);
}
