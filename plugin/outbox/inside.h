/* SPDX-License-Identifier: Apache-2.0
 * A store from inside: what its files share. */
#ifndef KLP_OUTBOX_INSIDE_H
#define KLP_OUTBOX_INSIDE_H

#include <sqlite3.h>

#include "outbox/lock.h"
#include "outbox/store.h"

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_PAGE_COUNT,
    STATEMENT_FREELIST_COUNT,
    STATEMENT_DELETE_JOB,
    STATEMENT_INSERT_JOB,
    STATEMENT_DELETE_PROGRESS,
    STATEMENT_INSERT_PROGRESS,
    STATEMENT_UPDATE_PROGRESS,
    STATEMENT_DELETE_TICKET,
    STATEMENT_INSERT_TICKET,
    STATEMENT_HAS_TICKETS,
    STATEMENT_DELETE_EVENT,
    STATEMENT_INSERT_EVENT,
    STATEMENT_UPDATE_EVENT,
    STATEMENT_DELETE_EVENTS,
    STATEMENT_RESERVE,
    STATEMENT_SET_META,
    STATEMENT_CHANGE_META,
    STATEMENT_MEND,
    STATEMENT_EACH_JOB,
    STATEMENT_EACH_TICKET,
    STATEMENT_EACH_EVENT,
    STATEMENT_KEEP_FAILED, /* from here on: of the table of what failed */
    STATEMENT_FAILED_BYTES,
    STATEMENT_DELETE_FAILED,
    STATEMENT_DELETE_FAILED_BEFORE,
    STATEMENT_DELETE_OLDEST_FAILED,
    STATEMENT_EACH_FAILED,
    STATEMENT_KINDS
};

/* What is there, and the numbers that may be used. */
struct tally {
    uint64_t jobs, tickets, events, failed, last_ticket, last_seq;
};

struct store {
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_KINDS];
    struct lock lock;
    char *directory, *path, *lock_path; /* absolute, without symbolic links */
    char *pusher;
    size_t pusher_bytes;
    char file[STORE_FILE_BYTES];

    struct tally committed, now; /* `now`: what is not committed included */
    struct store_facts facts;    /* of `committed` */

    uint64_t most_pages; /* 0: no bound */
    int64_t room_bytes;  /* for puts, under the bound, at least; below the truth until it is looked at again */

    bool is_view;
    bool has_failed_table;    /* not so: a view of an older file, or a disk too full to add it */
    bool is_writing;          /* a transaction is open */
    bool has_deleted;         /* in it */
    bool tail_is_doubtful;    /* a commit failed: see store_commit() */
    enum store_result spoilt; /* what this batch failed with */
    char failure[320];
};

/* ─── Statements (statement.c) ──────────────────────────────────────────────────────────────────── */

enum store_result statements_prepare(struct store *store);
void statements_finalize(struct store *store);

/* The values of one statement, one after the other; the first that does not fit is kept in `code`. Texts are not
 * copied: they live until the statement was run. */
struct binding {
    sqlite3_stmt *statement;
    int at, code;
};
struct binding binding_of(struct store *store, enum statement which);
void bind_number(struct binding *binding, int64_t value);
void bind_text(struct binding *binding, klp_text text);
void bind_blob(struct binding *binding, const void *bytes, size_t size);

/* Runs it to its end, when its values fitted. An SQLITE_… code, SQLITE_DONE for good. */
int statement_run(struct store *store, enum statement which, const struct binding *binding);

/* The one number that a statement without values gives; -1: it could not. */
int64_t statement_number(struct store *store, enum statement which);

/* ─── One transaction a batch (batch.c) ─────────────────────────────────────────────────────────── */

/* Before each write. */
enum store_result batch_begin(struct store *store);

/* Runs one write; *rows (may be NULL) are those that it changed. */
enum store_result batch_write(struct store *store, enum statement which, const struct binding *binding, uint64_t *rows);

/* The batch is lost: whoever goes on writing or commits is told. */
enum store_result batch_spoil(struct store *store, enum store_result result);

/* Copies the committed tally to what is told. */
void batch_tell(struct store *store);

/* ─── Records, without a look at the bound (records.c) ──────────────────────────────────────────── */

/* `which` deletes the rows of a number. */
enum store_result record_delete(struct store *store, enum statement which, uint64_t number, uint64_t *rows);

/* Each in place of the one that is there. */
enum store_result record_write_job(struct store *store, const struct store_job *job);
enum store_result record_write_ticket(struct store *store, const struct store_ticket *ticket);

/* What they are to room_take(), but for what every ticket takes. */
uint64_t record_job_bytes(const struct store_job *job);
uint64_t record_ticket_bytes(const struct store_ticket *ticket);

/* ─── What failed gives way (failed.c) ──────────────────────────────────────────────────────────── */

/* room_take(), where need be in place of the oldest of the failed, but for the one that is spared (0: none).
 * STORE_FULL: there is no room even without them. */
enum store_result failed_make_room(struct store *store, uint64_t bytes, uint64_t tickets, uint64_t spared);

/* ─── Deaths (handling.c) ───────────────────────────────────────────────────────────────────────── */

/* Reads into the facts what was noted last, and forgets it. The lock is held. */
void handling_take(struct store *store);

/* ─── What went wrong (failure.c) ───────────────────────────────────────────────────────────────── */

/* What an SQLITE_… code means, and its sentence in store->failure. `doing` goes before it. */
enum store_result failure_of(struct store *store, int code, const char *doing);

/* A sentence of our own there. */
enum store_result failure_say(struct store *store, enum store_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a file of a database that was just opened could not be read. */
bool failure_has_read_error(const struct store *store);

/* ─── The bound (room.c) ────────────────────────────────────────────────────────────────────────── */

/* Sets the bound of a database that was just opened. */
enum store_result room_bound(struct store *store, uint64_t max_bytes);

/* Whether a record of so many bytes (0: none) fits, and `tickets` more with the verdicts that they lead to; if so it is
 * taken. */
bool room_take(struct store *store, uint64_t bytes, uint64_t tickets);
void room_give_back(struct store *store, uint64_t tickets);

/* In a transaction that deleted something: gives back to the disk a part of what is free, so that a file shrinks after
 * its backlog went. An SQLITE_… code. */
int room_shrink(struct store *store);

#endif
