/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/directory.h"
#include "outbox/paths.h"
#include "outbox/schema.h"
#include "outbox/wal.h"

enum {
    OLDEST_SQLITE = 3037000, /* SQLITE_OPEN_EXRESCODE */
    OWNER_PATIENCE_MS = 250, /* the worker waits meanwhile */
    VIEW_PATIENCE_MS = 2000
};

/* A host can have configured SQLite for one thread; that is seen by a connection's having no mutex. */
static bool has_mutexes(void)
{
    sqlite3 *probe = NULL;
    bool has =
        sqlite3_open_v2(":memory:", &probe, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX, "unix") == SQLITE_OK &&
        sqlite3_db_mutex(probe);
    sqlite3_close(probe);
    return has;
}

bool database_library_is_fit(const char **problem)
{
    *problem = NULL;
    if (sqlite3_libversion_number() < OLDEST_SQLITE)
        *problem = "SQLite is older than 3.37";
    else if (!sqlite3_threadsafe() || !has_mutexes())
        *problem = "SQLite is built or configured for a single thread";
    return !*problem;
}

/* ─── A new one ─────────────────────────────────────────────────────────────────────────────────── */

/* The VFS by name: a host may have made another one the default. No shared cache either. */
static int open_connection(struct store *store, const char *path, int flags)
{
    int code = sqlite3_open_v2(
        path, &store->database,
        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE, "unix");
    if (!code)
        code = sqlite3_db_config(store->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return code;
}

/* An empty file with our mode: SQLite makes its own ones readable for all, and gives the log the mode of the database.
 */
static bool make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool made = fchmod(fd, 0600) == 0; /* whatever the umask took away */
    close(fd);
    return made;
}

static enum store_result failure_of_errno(struct store *store, const char *doing)
{
    int error = errno;
    enum store_result result = error == ENOSPC || error == EDQUOT ? STORE_FULL
                               : error == ENOMEM                  ? STORE_NO_MEMORY
                                                                  : STORE_FAILED;
    return failure_say(store, result, "%s: %s", doing, strerror(error));
}

enum store_result database_create(struct store *store, const struct store_owner *owner, const char *epoch)
{
    enum store_result result;
    char *path = paths_join(store->path, ".new");
    int code;

    if (!path)
        return STORE_NO_MEMORY;
    paths_remove(path);
    if (!make_file(path)) {
        result = failure_of_errno(store, "making it");
        goto remove_file;
    }
    code = open_connection(store, path, SQLITE_OPEN_READWRITE);
    if (!code)
        code = schema_create(store->database, owner, epoch);
    result = failure_of(store, code, "making it");
    code = sqlite3_close(store->database);
    store->database = NULL;
    if (!result)
        result = failure_of(store, code, "making it");
    if (result)
        goto remove_file;
    if (rename(path, store->path) || !directory_flush(store->directory)) {
        result = failure_of_errno(store, "naming it");
        paths_remove(store->path);
        goto remove_file;
    }
    free(path);
    return STORE_OK;

remove_file:
    paths_remove(path);
    free(path);
    return result;
}

/* ─── One that is there ─────────────────────────────────────────────────────────────────────────── */

static enum store_result set_up(struct store *store, enum store_sync sync)
{
    const char *owners =
        sync == STORE_SURVIVES_POWER_LOSS ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL";
    int code = sqlite3_busy_timeout(store->database, store->is_view ? VIEW_PATIENCE_MS : OWNER_PATIENCE_MS);

    /* What is closed before it was found good stays as it is, for whoever will look into it. */
    if (!code)
        code = sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!code)
        code = sqlite3_exec(store->database,
                            "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0;"
                            "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;"
                            /* A log that keeps its size can be written on a disk that is full. */
                            "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 8388608",
                            NULL, NULL, NULL);
    if (!code)
        code =
            sqlite3_exec(store->database, store->is_view ? "PRAGMA query_only = ON; BEGIN" : owners, NULL, NULL, NULL);
    return failure_of(store, code, "opening it");
}

/* What a statement's one text, which should be another, tells. quick_check puts a disk that cannot be read in the same
 * words as damage. */
static enum store_result judge(struct store *store, const char *found, const char *problem)
{
    const char *code = strstr(found, "error code=");
    enum store_result result = STORE_OK;

    if (code)
        result = failure_of(store, atoi(code + strlen("error code=")), "checking it");
    else if (failure_has_read_error(store))
        result = failure_say(store, STORE_FAILED, "checking it: %.200s", found);
    return result ? result : failure_say(store, STORE_DAMAGED, "%s: %.200s", problem, found);
}

static enum store_result expect(struct store *store, const char *text, const char *expected, const char *problem)
{
    sqlite3_stmt *statement;
    enum store_result result = STORE_OK;
    int code = sqlite3_prepare_v2(store->database, text, -1, &statement, NULL);

    if (!code)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const char *found = (const char *)sqlite3_column_text(statement, 0);
        if (!found)
            result = failure_of(store, SQLITE_NOMEM, "checking it");
        else if (strcmp(found, expected) != 0)
            result = judge(store, found, problem);
    } else {
        result = failure_of(store, code, "checking it");
    }
    sqlite3_finalize(statement);
    return result;
}

/* Its own words: which release reads it, and whose it is, before its structure, which a later one may check otherwise.
 */
static enum store_result check(struct store *store, const struct store_owner *owner, bool has_lost_log)
{
    enum store_result result = expect(store, "PRAGMA journal_mode", "wal", "it is no outbox: its journal's mode is");

    if (!result)
        result = schema_check(store);
    /* Beside a view somebody may have begun to use it since: then it has a log by now. */
    if (!result && has_lost_log && !schema_was_closed(store) && wal_look(store->path) == STORE_NOT_THERE)
        result = failure_say(store, STORE_DAMAGED, "its write-ahead log (-wal) is gone");
    if (!result && !store->is_view)
        result = expect(store, "PRAGMA quick_check(1)", "ok", "its structure is broken");
    if (!result)
        result = schema_read(store, owner);
    return result;
}

/* The name of a file has its epoch: a copy under another name would tell one epoch's numbers twice. */
static enum store_result check_name(struct store *store)
{
    const char *tail = store->file + strlen(store->file) - strlen(".outbox") - DIRECTORY_EPOCH_DIGITS;

    if (memcmp(tail, store->facts.epoch, DIRECTORY_EPOCH_DIGITS) == 0)
        return STORE_OK;
    return failure_say(store, STORE_DAMAGED, "it is a copy of another one, of epoch %s", store->facts.epoch);
}

/* Says in the database itself, not only in its log, that it is in use. */
static enum store_result begin_use(struct store *store)
{
    enum store_result result = schema_mark(store, false);

    if (result == STORE_FULL)
        return STORE_OK; /* what is in it can be sent and concluded all the same, perhaps */
    if (!result)
        (void)sqlite3_wal_checkpoint_v2(store->database, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return result;
}

static enum store_result look_at_log(struct store *store, bool *has_lost_log)
{
    enum store_result result = wal_look(store->path);

    *has_lost_log = result == STORE_NOT_THERE;
    switch (result) {
    case STORE_DAMAGED:
        return failure_say(store, result, "its write-ahead log (-wal) is none");
    case STORE_FAILED:
        return failure_say(store, result, "its write-ahead log (-wal) cannot be read");
    case STORE_NO_MEMORY:
        return failure_of(store, SQLITE_NOMEM, "opening it");
    default:
        return STORE_OK;
    }
}

/* SQLite made an empty one: as long as it is missing the file is damaged. */
static void remove_log(const struct store *store)
{
    char *log = paths_join(store->path, "-wal");

    if (log)
        unlink(log);
    free(log);
}

enum store_result database_open(struct store *store, const struct store_owner *owner, enum store_sync sync,
                                uint64_t max_bytes)
{
    bool has_lost_log;
    enum store_result result = look_at_log(store, &has_lost_log);

    if (result)
        return result;
    result = failure_of(store, open_connection(store, store->path, SQLITE_OPEN_READWRITE), "opening it");
    if (!result && sqlite3_db_readonly(store->database, "main"))
        result = failure_say(store, STORE_FAILED, "it is not writable");
    if (!result)
        result = set_up(store, sync);
    if (!result)
        result = check(store, owner, has_lost_log);
    if (!result)
        result = check_name(store);
    if (!result)
        result = schema_upgrade(store);
    if (!result)
        result = statements_prepare(store);
    store->now = store->committed;
    if (!result)
        result = room_bound(store, max_bytes);
    if (!result)
        result = begin_use(store);
    if (result) {
        database_close(store, false);
        if (has_lost_log)
            remove_log(store);
    }
    return result;
}

enum store_result database_view(struct store *store)
{
    bool has_lost_log = wal_look(store->path) == STORE_NOT_THERE;
    enum store_result result =
        failure_of(store, open_connection(store, store->path, SQLITE_OPEN_READONLY), "opening it");

    if (!result)
        result = set_up(store, STORE_SURVIVES_PROCESS);
    if (!result)
        result = check(store, NULL, has_lost_log);
    if (!result)
        result = statements_prepare(store);
    if (result)
        database_close(store, false);
    return result;
}

void database_close(struct store *store, bool is_kept)
{
    /* a file that still says that it is in use has to keep its log: without it it would be taken for damaged */
    if (is_kept && schema_mark(store, true) == STORE_OK)
        (void)sqlite3_db_config(store->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
    statements_finalize(store);
    sqlite3_close(store->database);
    store->database = NULL;
}
