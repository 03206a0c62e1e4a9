/* SPDX-License-Identifier: Apache-2.0
 * The edge to the disk: one SQLite file that holds what a pusher has accepted and not yet told to the end. One thread
 * uses a store at a time.
 *
 * A record's life: store_put_job() with its tickets, store_update_job() before and after its attempts,
 * store_conclude() as an event, store_forget_events(). What is written becomes true with store_commit(), all of it or
 * nothing; every write may be repeated after a commit that failed.
 *
 * Never across fork(): a child must not touch its parent's store. Numbers (ids, tickets, seqs) are below 2^63. */
#ifndef KLP_OUTBOX_STORE_H
#define KLP_OUTBOX_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

struct store;

enum store_sync {
    STORE_SURVIVES_POWER_LOSS, /* synchronous = FULL */
    STORE_SURVIVES_PROCESS     /* NORMAL */
};

/* Whose it is. A file of another origin or key prefix is not ours to send. */
struct store_owner {
    klp_text pusher;     /* klp_config.name */
    klp_text origin;     /* scheme://host:port of the base URL */
    klp_text key_prefix; /* of the API key: what stands before its first '.' */
};

/* What a process is just about to look at, for the next one to know should it die of it. */
enum store_handled { STORE_HANDLES_NOTHING = 0, STORE_HANDLES_JOB = 1, STORE_HANDLES_EVENT = 2 };

struct store_handling {
    enum store_handled kind;
    uint64_t number; /* the job's id, or the event's seq */
};

/* Numbers of before this file's opening never come again. */
struct store_facts {
    char epoch[17]; /* 16 hex digits, made with the file */
    uint64_t last_ticket;
    uint64_t last_seq;
    uint64_t jobs, events, failed;
    /* What the last one who had it open was handling when he died; told once, to the first who opens it, and never to a
     * view. .kind 0: nothing. */
    struct store_handling died_over;
};

enum store_result {
    STORE_OK = 0,
    STORE_NO_MEMORY,
    STORE_FULL,      /* no space on the disk, a quota, or the bound that the file was opened with */
    STORE_FAILED,    /* the disk: EIO, read-only, gone */
    STORE_LOCKED,    /* another process, or another pusher of this one, has it */
    STORE_FOREIGN,   /* of another origin, or another key prefix */
    STORE_DAMAGED,   /* no SQLite database, or its structure is broken */
    STORE_TOO_NEW,   /* written by a release that this one cannot read */
    STORE_NOT_THERE, /* no such file */
    STORE_UNFIT      /* the directory: none, not writable, on a network file system; or SQLite in this process */
};

/* Any file's name, with its NUL. */
enum { STORE_FILE_BYTES = 256 };

/* ─── Files ─────────────────────────────────────────────────────────────────────────────────────── */

/* Opens the file of this owner in a directory, locking it until it is closed: an unlocked one of his name that is
 * there, else a new one (0600). Beside it lies its lock, which nobody but us opens. Of several the first that opens is
 * taken; when none does, the first one's failure counts, and no new file is made.
 *
 * `why` (may be NULL) names what is wrong, and the file; `file` (may be NULL) is that file's name, for
 * store_set_aside(), or "". max_bytes bounds the database (its write-ahead log, of some 4 MiB, comes to that); 0 is no
 * bound. */
enum store_result store_open(const char *directory, const struct store_owner *owner, enum store_sync sync,
                             uint64_t max_bytes, struct store **store, char file[STORE_FILE_BYTES],
                             klp_text_buffer *why);

/* Opens another one's, if nobody has it locked: `file` is a name within the directory. The owner's name is not looked
 * at: the file keeps the one it has. `owner` NULL: of any origin and key prefix, for who sends nothing. */
enum store_result store_adopt(const char *directory, const char *file, const struct store_owner *owner,
                              enum store_sync sync, uint64_t max_bytes, struct store **store, klp_text_buffer *why);

/* Opens a file to look at, beside whoever has it: nothing can be written. All of it is of one moment; until it is
 * closed the other's log cannot be emptied, and grows. */
enum store_result store_view(const char *directory, const char *file, struct store **store, klp_text_buffer *why);

/* The names of the outbox files of a directory, each once, until `each` returns false. */
enum store_result store_list(const char *directory, bool (*each)(void *user, const char *file), void *user);

/* Whether somebody has a file locked. It may be otherwise a moment later. */
bool store_is_in_use(const char *directory, const char *file);

/* Sets a file aside under a new name, which is told, so that a fresh one can take its place. Nobody may have it
 * locked, so a store of ours is closed first. */
enum store_result store_set_aside(const char *directory, const char *file, char new_name[STORE_FILE_BYTES]);

void store_close(struct store *store); /* what was not committed is rolled back; NULL is nothing */

/* Closes it and removes it from the disk, if it holds nothing: a store with records is only closed. */
void store_remove(struct store *store);

const struct store_facts *store_facts(const struct store *store); /* as of the last commit */
const char *store_file(const struct store *store);                /* its name in the directory */
klp_text store_pusher(const struct store *store);

/* How much more it may hold, by its bound (UINT64_MAX: it has none), and what a job of so many bytes takes of it with
 * its ticket, at most. The second one is of no store. */
uint64_t store_room_bytes(struct store *store);
uint64_t store_cost_bytes(uint64_t bytes);
uint64_t store_bytes(const struct store *store); /* on the disk, its log included */

/* ─── Records ───────────────────────────────────────────────────────────────────────────────────── */

enum {
    STORE_ERROR_BYTES = 128,
    STORE_VERDICT_BYTES = 4000 /* an event of this size always has room in place of its ticket, in a full store too */
};

/* Times are of the wall clock, since they outlive the machine's. */
struct store_job {
    uint64_t id; /* the ticket that it began with */
    int32_t op;  /* KLP_OP_PUSH, KLP_OP_CALL */
    klp_text game_id, event_key, key, method, path;
    klp_text body;               /* exact, idempotency key included */
    uint32_t idempotency_offset; /* where that stands in it … */
    uint32_t idempotency_bytes;  /* … between its quotes */
    unsigned char fingerprint[32];
    int64_t accepted_unix_ms;
    uint32_t attempts, attempts_charged, sends;
    int32_t http_status;   /* of the last attempt */
    klp_text last_error;   /* its code; what is past STORE_ERROR_BYTES is cut */
    int64_t next_unix_ms;  /* of the next attempt; 0: none was made, or one is open */
    uint32_t recoveries;   /* in a row, without an answer between */
    bool attempt_open;     /* one may be on the wire */
    bool possibly_applied; /* one may have been applied; sticky */
};

struct store_ticket {
    uint64_t ticket, job;
    uint64_t cookie;
    int64_t accepted_unix_ms, deadline_unix_ms;
    klp_text trace_parent;
};

struct store_event {
    uint64_t seq, ticket;
    klp_text json; /* the whole event, one line */
    uint32_t recoveries;
};

/* What a write is refused for:
 *
 * STORE_FULL of the bound, by store_put_…, store_conclude() and store_requeue(), when there is no room even without
 * what is kept of failed pushes: this record is not there, the rest of the batch goes on. STORE_NOT_THERE, by
 * store_update_… and those of failed pushes: there is no such record; the rest goes on. STORE_DAMAGED, by
 * store_requeue(): what is kept of it makes no sense; the rest goes on. Anything else: the batch is lost. Every further
 * write of it, and its store_commit(), says the same. */

/* Each puts the record there, or in place of the one that is there. */
enum store_result store_put_job(struct store *store, const struct store_job *job);
enum store_result store_put_ticket(struct store *store, const struct store_ticket *ticket);

/* Of a job that is there: everything but its texts, its body, its op and its fingerprint. */
enum store_result store_update_job(struct store *store, const struct store_job *job);

/* An event in place of its ticket, and of the ticket's job when that has no other. One that is larger than
 * STORE_VERDICT_BYTES, or is of no ticket here, can be refused as STORE_FULL. */
enum store_result store_conclude(struct store *store, const struct store_event *event, uint64_t job);

/* Only the number of its recoveries. */
enum store_result store_update_event(struct store *store, uint64_t seq, uint32_t recoveries);

enum store_result store_forget_event(struct store *store, uint64_t seq);
enum store_result store_forget_events(struct store *store, uint64_t up_to_seq);

/* Numbers up to these may be used from the next commit on. A lower one than was reserved before changes nothing. */
enum store_result store_reserve(struct store *store, uint64_t last_ticket, uint64_t last_seq);

/* A push that failed, kept for a while so that it can be sent again once what it failed of is mended. */
struct store_failed {
    uint64_t id;                /* its ticket */
    struct store_job job;       /* as its record was at its end; .id is 0 */
    struct store_ticket ticket; /* .job is 0 */
    int32_t outcome;            /* KLP_NOT_APPLIED or KLP_POSSIBLY_APPLIED */
    klp_text error_code;        /* what is past STORE_ERROR_BYTES is cut */
    int64_t ended_unix_ms;
};

/* Keeps a copy of a job and one of its tickets, which are there, among the failed; before store_conclude() in the same
 * batch. Where the bound leaves no room for it the oldest of the failed make room, and if they cannot it is not kept,
 * which is STORE_OK: a verdict never waits for that. Nor is it kept in an older release's file, as long as the disk is
 * too full for what that lacks. */
enum store_result store_keep_failed(struct store *store, uint64_t job, uint64_t ticket, int32_t outcome,
                                    klp_text error_code, int64_t ended_unix_ms);

/* Forgets those that ended before then, and of the rest the oldest beyond `most`. */
enum store_result store_expire_failed(struct store *store, int64_t before_unix_ms, uint64_t most);

/* One of them becomes a job again, with a ticket of its own number, which has to be reserved; with its cookie, `body`
 * in place of its own (of the same size; it has another idempotency key) or NULL for the same bytes, no attempts, and
 * as much time as it had once, from now on. What was possibly applied stays so. Refused, it is kept as before. */
enum store_result store_requeue(struct store *store, uint64_t failed, uint64_t new_ticket, const char *body,
                                int64_t now_unix_ms);
enum store_result store_drop_failed(struct store *store, uint64_t failed);

/* Whose API key it is from now on: its owner was given another one. */
enum store_result store_change_key_prefix(struct store *store, klp_text key_prefix);

/* Makes true what was written since the last one. Nothing to write: nothing done. On a failure it is as if nothing had
 * been written.
 *
 * But for one thing: whether a write that the disk failed at reached it after all is known only once something was
 * written over it. So the next commit writes in any case, and until one has returned STORE_OK a crash may bring a
 * failed batch back, all of it. Who tells the world that something is not in the store waits for that. */
enum store_result store_commit(struct store *store);
void store_roll_back(struct store *store);

/* ─── Reading ───────────────────────────────────────────────────────────────────────────────────── */

/* In the order of their ids, or seqs, above the one given; until `each` returns false. The texts live until it
 * returns. It may read another kind of record, but not write. */
enum store_result store_each_job(struct store *store, uint64_t above_id,
                                 bool (*each)(void *user, const struct store_job *job), void *user);
enum store_result store_each_ticket(struct store *store, uint64_t job,
                                    bool (*each)(void *user, const struct store_ticket *ticket), void *user);
enum store_result store_each_event(struct store *store, uint64_t above_seq,
                                   bool (*each)(void *user, const struct store_event *event), void *user);
enum store_result store_each_failed(struct store *store, uint64_t above_id,
                                    bool (*each)(void *user, const struct store_failed *failed), void *user);

/* ─── Deaths ────────────────────────────────────────────────────────────────────────────────────── */

/* Notes, without a commit or a wait for the disk, what is being handled from now on: it outlives the process, not the
 * machine's power. One system call, of a microsecond; best effort. A store of store_view() notes nothing. */
void store_note_handling(struct store *store, struct store_handling handling);

/* What the last failure was, as one sentence without secrets; never NULL. */
const char *store_last_failure(const struct store *store);

#endif
