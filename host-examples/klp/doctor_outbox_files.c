/* SPDX-License-Identifier: Apache-2.0
 * The files that pushers have in the outbox: who is at work, and what those have left who are gone.
 *
 * To look must leave nothing behind, and SQLite makes a log and its index for whoever only reads: so a file that was
 * closed is read as one that does not change, and another only where both are there already. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor_checks.h"
#include "outbox/store.h"

enum { MOST_NAMED = 3, NAME_BYTES = 64 };

struct tally {
    const char *directory;
    unsigned files, in_use, left, unread; /* left: by who is gone, with something in it */
    int64_t calls, verdicts;
    char names[MOST_NAMED][NAME_BYTES]; /* of the pushers that are gone */
    char unread_name[STORE_FILE_BYTES], why[128];
};

/* ─── Reading one ───────────────────────────────────────────────────────────────────────────────── */

/* "file:///dir/name?immutable=1"; what has a meaning in a URI is written as %XX. NULL: no memory. */
static char *make_uri(const char *directory, const char *file, bool is_immutable)
{
    char *uri = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&uri, &size);
    const char *parts[] = {directory, "/", file};

    if (!out)
        return NULL;
    fputs(directory[0] == '/' ? "file://" : "file:./", out);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        for (const char *at = parts[i]; *at; at++)
            fprintf(out, strchr("%?#", *at) ? "%%%02X" : "%c", (unsigned char)*at);
    fputs(is_immutable ? "?immutable=1" : "?mode=ro", out);
    bool is_whole = !ferror(out);
    if (fclose(out) == 0 && is_whole)
        return uri;
    free(uri);
    return NULL;
}

struct contents {
    int64_t calls, verdicts;
    char pusher[NAME_BYTES];
};

static int read_contents(sqlite3 *database, struct contents *contents)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);

    if (!code)
        code = sqlite3_prepare_v2(database,
                                  "SELECT (SELECT count(*) FROM progress), (SELECT count(*) FROM event),"
                                  " (SELECT value FROM meta WHERE name = 'pusher')",
                                  -1, &statement, NULL);
    if (!code)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        const unsigned char *pusher = sqlite3_column_text(statement, 2);
        contents->calls = sqlite3_column_int64(statement, 0);
        contents->verdicts = sqlite3_column_int64(statement, 1);
        snprintf(contents->pusher, sizeof contents->pusher, "%s", pusher ? (const char *)pusher : "");
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_OK ? SQLITE_ERROR : code;
}

/* NULL: read; else why not. */
static const char *read_file(const char *directory, const char *file, bool is_immutable, struct contents *contents)
{
    char *uri = make_uri(directory, file, is_immutable);
    sqlite3 *database = NULL;

    if (!uri)
        return "out of memory";
    int code =
        sqlite3_open_v2(uri, &database, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_PRIVATECACHE, "unix");
    if (!code)
        code = read_contents(database, contents);
    sqlite3_close(database);
    free(uri);
    return code ? sqlite3_errstr(code) : NULL;
}

static int64_t size_of(const char *directory, const char *file, const char *end)
{
    char path[4096];
    struct stat facts;
    int size = snprintf(path, sizeof path, "%s/%s%s", directory, file, end);

    return size > 0 && (size_t)size < sizeof path && stat(path, &facts) == 0 ? (int64_t)facts.st_size : -1;
}

static const char *look_into(const char *directory, const char *file, struct contents *contents)
{
    int64_t log_bytes = size_of(directory, file, "-wal");

    if (log_bytes > 0 && size_of(directory, file, "-shm") < 0)
        return "its log has no index, which would have to be made";
    return read_file(directory, file, log_bytes <= 0, contents);
}

/* ─── All of them ───────────────────────────────────────────────────────────────────────────────── */

static bool add(void *user, const char *file)
{
    struct tally *tally = user;
    struct contents contents = {0};

    tally->files++;
    if (store_is_in_use(tally->directory, file)) {
        tally->in_use++;
        return true;
    }
    const char *why = look_into(tally->directory, file, &contents);
    if (why) {
        tally->unread++;
        snprintf(tally->unread_name, sizeof tally->unread_name, "%s", file);
        snprintf(tally->why, sizeof tally->why, "%s", why);
    } else if (contents.calls || contents.verdicts) {
        if (tally->left < MOST_NAMED)
            memcpy(tally->names[tally->left], contents.pusher, NAME_BYTES);
        tally->left++;
        tally->calls += contents.calls;
        tally->verdicts += contents.verdicts;
    }
    return true;
}

static void tell_left(struct report *report, const struct tally *tally)
{
    char names[MOST_NAMED * (NAME_BYTES + 2) + 8] = "";
    unsigned shown = tally->left < MOST_NAMED ? tally->left : MOST_NAMED;

    for (unsigned i = 0; i < shown; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", tally->names[i]);
    }
    report_line(report, HEALTH_WARN, "outbox-files",
                "A pusher of that name goes on with them at its start, another of the same server and key soon after; "
                "klp outbox list shows them, klp outbox drain sends them",
                "%u of %u files are of pushers that are gone (%s%s), with %" PRId64
                " calls without a verdict and %" PRId64 " verdicts that were not acknowledged",
                tally->left, tally->files, names, tally->left > shown ? ", …" : "", tally->calls, tally->verdicts);
}

void check_outbox_files(struct examination *examination)
{
    struct report *report = &examination->report;
    struct tally tally = {.directory = examination->options->outbox};

    if (store_list(tally.directory, add, &tally)) {
        report_line(report, HEALTH_SKIP, "outbox-files", NULL, "they cannot be listed");
        return;
    }
    if (tally.unread)
        report_line(report, HEALTH_WARN, "outbox-files", "klp outbox list tells more of it",
                    "%u of %u files cannot be read, of them %s: %s", tally.unread, tally.files, tally.unread_name,
                    tally.why);
    if (tally.left)
        tell_left(report, &tally);
    if (!tally.unread && !tally.left)
        report_line(report, HEALTH_OK, "outbox-files", NULL, "%u, of them %u in use; nothing is left by who is gone",
                    tally.files, tally.in_use);
}
