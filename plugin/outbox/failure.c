/* SPDX-License-Identifier: Apache-2.0
 * What SQLite's codes mean to a pusher: wait for the disk, make room, or set the file aside. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "outbox/inside.h"

static bool is_full(int code, int system_errno)
{
    /* ENOSPC is SQLITE_FULL on a write, but not where SQLite makes a file grow; the others it does not know */
    return (code & 0xff) == SQLITE_FULL ||
           (((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN) &&
            (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG));
}

static enum store_result meaning(int code, int system_errno)
{
    if (is_full(code, system_errno))
        return STORE_FULL;
    if (code == SQLITE_IOERR_NOMEM)
        return STORE_NO_MEMORY;
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STORE_OK;
    case SQLITE_NOMEM:
        return STORE_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_DAMAGED;
    default:
        return STORE_FAILED; /* IOERR, READONLY, CANTOPEN, BUSY: another program has it, … */
    }
}

/* SQLite keeps the errno of a read or a write with the file; what it tells of a connection is whatever errno became
 * since. */
static int errno_of_file(sqlite3_file *file)
{
    int error = 0;

    if (file && file->pMethods && file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) != SQLITE_OK)
        return 0;
    return error;
}

static int errno_of(sqlite3 *database, int pointer_to_file)
{
    sqlite3_file *file = NULL;

    return sqlite3_file_control(database, "main", pointer_to_file, &file) == SQLITE_OK ? errno_of_file(file) : 0;
}

bool failure_has_read_error(const struct store *store)
{
    return errno_of(store->database, SQLITE_FCNTL_FILE_POINTER) ||
           errno_of(store->database, SQLITE_FCNTL_JOURNAL_POINTER);
}

static int find_errno(sqlite3 *database, int code)
{
    int error = database && code == SQLITE_IOERR_WRITE ? errno_of(database, SQLITE_FCNTL_JOURNAL_POINTER) : 0;

    return error || !database ? error : sqlite3_system_errno(database);
}

enum store_result failure_of(struct store *store, int code, const char *doing)
{
    int system_errno = find_errno(store->database, code);
    enum store_result result = meaning(code, system_errno);
    bool tells_errno = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;

    if (result == STORE_OK)
        return STORE_OK;
    return failure_say(store, result, "%s: %s%s%s", doing, sqlite3_errstr(code),
                       tells_errno && system_errno ? ": " : "",
                       tells_errno && system_errno ? strerror(system_errno) : "");
}

enum store_result failure_say(struct store *store, enum store_result result, const char *format, ...)
{
    int size = snprintf(store->failure, sizeof store->failure, "%s: ", store->file);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(store->failure + size, sizeof store->failure - (size_t)size, format, arguments);
    va_end(arguments);
    return result;
}

const char *store_last_failure(const struct store *store)
{
    return store->failure;
}
