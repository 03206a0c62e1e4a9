/* SPDX-License-Identifier: Apache-2.0
 * What a pusher writes down before it does it, so that it survives the process: the calls that may change something,
 * and their events until the host has acknowledged them. All that is written in one round of the worker becomes true at
 * once, with journal_commit(), before an attempt starts and before an event is told. Without an outbox nothing of this
 * does anything.
 *
 * The worker's alone, but for what says otherwise. */
#ifndef KLP_PUSHER_JOURNAL_H
#define KLP_PUSHER_JOURNAL_H

#include "outbox/store.h"
#include "pusher/job.h"
#include "pusher/settings.h"

struct klp_pusher;

enum { EPOCH_BYTES = 16, MOST_RECOVERIES = 3 };

/* A verdict that was told while the disk failed: it is to stand in its call's place all the same. */
struct unwritten_verdict {
    struct unwritten_verdict *next;
    uint64_t seq, ticket, job;
    size_t json_bytes; /* 0: there was no memory for it */
    char json[];
};

/* A file of the outbox, and whose events it holds: our own, or one that another pusher has left. Without an outbox our
 * own one has no store, and numbers its events all the same. */
struct journal_file {
    struct journal_file *next;
    struct store *store; /* or NULL */
    char epoch[EPOCH_BYTES + 1];
    klp_text pusher; /* who they say they are of */
    uint64_t last_seq, reserved_seq;

    struct job *undecided; /* that it holds or is to hold, doubly linked, those that have joined others, too … */
    size_t undecided_count;
    size_t unwritten_count;    /* … of which so many are not in it, for want of room or since the disk failed */
    uint64_t events;           /* that it holds */
    uint64_t events_in_memory; /* whether it holds them or not. Under the lock … */
    uint64_t events_on_disk;   /* … and of those that are to be told the ones that are not there */

    uint64_t *forgotten; /* seqs acknowledged, to leave with a commit */
    size_t forgotten_count, forgotten_capacity;
    size_t forgetting; /* so many of them leave with this one */
    struct unwritten_verdict *unwritten;
    bool is_lost;        /* another's, that could not be written: it is left to whoever can */
    bool has_writes;     /* that must not wait */
    bool is_to_be_given; /* to the API key that the pusher has now */

    /* Too many events for the memory: those above a seq are on the disk alone, but for the last ones, that could not be
     * written. */
    bool is_paged;
    uint64_t loaded_seq, committed_seq;
    struct job_list behind;
};

struct journal {
    struct journal_file own;
    bool is_fresh; /* our own was made by an open() that has not come to its end */
    struct journal_file *adopted;
    bool is_failing; /* the disk refuses: everything undecided is written anew when it does no longer … */
    bool is_said;    /* … as the log has been told */
    uint64_t try_again_us;
    uint64_t room_again_us; /* a file is full: what did not fit is tried again then */
    uint64_t forget_by_us;  /* acknowledged events wait for others' commits until then; 0: there are none */
    uint64_t adopt_us;      /* when to look for files that others have left */
    uint64_t expire_us;     /* … and for failed pushes that were kept for long enough */
    uint64_t batch;         /* the number of the commit to come */
    char *scratch;          /* an event as JSON */
    size_t scratch_bytes;
};

/* After so long what found no room is tried again. */
#define JOURNAL_ROOM_AGAIN_US UINT64_C(200000)

/* How a pusher's numbers are handed out: so many at a time, committed before use. */
#define JOURNAL_RESERVE UINT64_C(1048576)

/* ─── journal.c: files and commits ──────────────────────────────────────────────────────────────── */

/* Opens the outbox and reads the calls in it. On the host's thread, before there is a worker. */
klp_status journal_open(struct klp_pusher *pusher, struct job_list *jobs, klp_text_buffer *why);
void journal_close(struct klp_pusher *pusher); /* forgets what was acknowledged since. On the host's thread, after it */

bool journal_is_on(const struct klp_pusher *pusher);

/* Makes it all true. False: the disk refuses, and nothing that was to be written may start. */
bool journal_commit(struct klp_pusher *pusher, uint64_t now_us);

/* When it wants to be called again, whatever else happens; UINT64_MAX: never. */
uint64_t journal_next_us(const struct klp_pusher *pusher);

/* Of those that our own file has not got; UINT64_MAX: there is none. */
uint64_t journal_first_unwritten_ticket(const struct klp_pusher *pusher);

enum store_sync journal_sync(const struct settings *settings);
struct store_owner journal_owner(const struct klp_pusher *pusher, klp_text api_key);

/* A store that was opened is this file's now; it is the caller's still if the file is not used. */
void journal_file_take(struct journal_file *file, struct store *store);
void journal_close_adopted(struct klp_pusher *pusher, struct journal_file *file);

/* Failed pushes are kept for a while, not for ever. */
enum store_result journal_expire_failed(struct store *store);

/* Before any of its numbers is given. */
enum store_result journal_reserve_first(struct journal_file *file);

/* The disk has refused: the batch is lost, or, of another's, the file. */
void journal_note_failure(struct klp_pusher *pusher, struct journal_file *file);
bool journal_is_failing(const struct klp_pusher *pusher, const struct journal_file *file);

/* The files, after our own those that were adopted. */
struct journal_file *journal_next_file(struct klp_pusher *pusher, struct journal_file *file);

/* ─── journal_write.c: records ──────────────────────────────────────────────────────────────────── */

/* A call was admitted; as one of its own, or as one that joined another. */
void journal_admit(struct klp_pusher *pusher, struct job *job);
void journal_join(struct klp_pusher *pusher, struct job *job, const struct job *leader);

/* One that was found in the outbox. */
void journal_readmit(struct journal_file *file, struct job *job);

/* A push and one that has joined it change their tickets, in the schedule, too. */
void journal_swap(struct klp_pusher *pusher, struct job *a, struct job *b);

/* One that had joined another is by itself from now on. */
void journal_part(struct job *job);

/* Of one that is to be there: whether all of it is, but for a commit. */
bool journal_has(const struct job *job);

/* Its attempts, its doubt, whether an attempt is open: as the job has them now. */
void journal_update(struct klp_pusher *pusher, const struct job *job);

/* Its event stands in its place. */
void journal_conclude(struct klp_pusher *pusher, struct job *job);

/* It is left to the outbox as it is there. */
void journal_leave(struct job *job);

/* The host has acknowledged an event. */
void journal_forget(struct klp_pusher *pusher, const struct job *job, uint64_t now_us);

/* The pusher has another API key: its files are that one's from now on. */
void journal_note_key(struct klp_pusher *pusher);

/* Everything that is to be in a file, whatever of it there may be by now; or only what did not fit. False: it fails
 * again. */
bool journal_write_all(struct klp_pusher *pusher, struct journal_file *file);
void journal_write_unwritten(struct klp_pusher *pusher, struct journal_file *file);
bool journal_write_forgotten(struct klp_pusher *pusher, struct journal_file *file);

/* What the lost batch had written is not there, or perhaps it is. */
void journal_unwrite_batch(struct klp_pusher *pusher, struct journal_file *file, bool may_come_back);
void journal_remember_verdict(struct klp_pusher *pusher, struct job *job);
void journal_drop_verdicts(struct journal_file *file);

/* What the process died of, should it do so in between. The second one's file may be NULL. */
void journal_note_handling(const struct job *job);
void journal_note_handled(struct journal_file *file);

#endif
