/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "outbox/store.h"
#include "pusher/fingerprint.h"
#include "pusher/pusher.h"
#include "results/event_json.h"

enum { FORGET_WITHIN_US = 20000, FORGOTTEN_AT_ONCE = 4096 };

static bool is_writing(const klp_pusher *pusher, const struct journal_file *file)
{
    return file->store && !file->is_lost && !(file == &pusher->journal.own && pusher->journal.is_failing);
}

bool journal_has(const struct job *job)
{
    return job->written_in && (job->leader || job->body_in);
}

void journal_part(struct job *job)
{
    job->body_in = job->written_in; /* the call was there before its ticket */
    job->leader = NULL;
}

/* ─── Those that are to be there ────────────────────────────────────────────────────────────────── */

static void enlist(struct journal_file *file, struct job *job)
{
    job->earlier_undecided = NULL;
    job->later_undecided = file->undecided;
    if (file->undecided)
        file->undecided->earlier_undecided = job;
    file->undecided = job;
    file->undecided_count++;
    file->unwritten_count += !journal_has(job);
}

void journal_leave(struct job *job)
{
    struct journal_file *file = job->file;

    if (!job->journal_id)
        return;
    if (job->earlier_undecided)
        job->earlier_undecided->later_undecided = job->later_undecided;
    else
        file->undecided = job->later_undecided;
    if (job->later_undecided)
        job->later_undecided->earlier_undecided = job->earlier_undecided;
    job->earlier_undecided = job->later_undecided = NULL;
    file->undecided_count--;
    file->unwritten_count -= !journal_has(job);
}

/* ─── Records ───────────────────────────────────────────────────────────────────────────────────── */

/* The same moment on the wall clock. */
static int64_t unix_ms_of(uint64_t us)
{
    return clock_unix_ms() + ((int64_t)us - (int64_t)clock_now_us()) / 1000;
}

static struct store_job job_record(const struct job *job)
{
    return (struct store_job){
        .id = job->journal_id,
        .op = job->event.op,
        .game_id = job->event.game_id,
        .event_key = job->event.event_key,
        .key = job->event.key,
        .method = job->event.method,
        .path = job->event.path,
        .body = {job->texts + job->body_offset, job->body_bytes},
        .idempotency_offset = job->idempotency_offset,
        .idempotency_bytes = job->idempotency_bytes,
        .accepted_unix_ms = unix_ms_of(job->accepted_us),
        .attempts = job->event.attempts,
        .attempts_charged = job->attempts_charged,
        .sends = job->event.sends,
        .http_status = job->event.http_status,
        .last_error = {job->last_error, strlen(job->last_error)},
        .next_unix_ms = job->place == JOB_IS_WAITING ? unix_ms_of(job->time_us[JOB_READY]) : 0,
        .recoveries = job->recoveries,
        .attempt_open = job->attempt_open,
        .possibly_applied = job->possibly_applied,
    };
}

static enum store_result put_ticket(struct store *store, const struct job *job)
{
    const struct store_ticket record = {
        .ticket = job->event.ticket,
        .job = job->journal_id,
        .cookie = job->event.cookie,
        .accepted_unix_ms = unix_ms_of(job->accepted_us),
        .deadline_unix_ms = unix_ms_of(job->time_us[JOB_DEADLINE]),
        .trace_parent = job->event.trace_parent,
    };
    return store_put_ticket(store, &record);
}

static enum store_result put_job(struct store *store, const struct job *job)
{
    struct store_job record = job_record(job);

    fingerprint_of_body(record.body, job->idempotency_offset, job->idempotency_bytes, record.fingerprint);
    return store_put_job(store, &record);
}

static enum store_result put(klp_pusher *pusher, struct job *job)
{
    enum store_result result = STORE_OK;

    if (job->leader && !job->leader->body_in)
        return STORE_FULL; /* as its call found it: a ticket without one is none */
    if (!job->leader && !(result = put_job(job->file->store, job)) && !job->body_in)
        job->body_in = pusher->journal.batch;
    if (!result && !(result = put_ticket(job->file->store, job)) && !job->written_in)
        job->written_in = pusher->journal.batch;
    return result;
}

/* Writes one that is enlisted. True: the batch goes on. */
static bool write_down(klp_pusher *pusher, struct job *job)
{
    struct journal_file *file = job->file;
    bool was_there = journal_has(job);
    enum store_result result = put(pusher, job);

    file->has_writes = true;
    file->unwritten_count -= journal_has(job) && !was_there;
    if (result && result != STORE_FULL) {
        journal_note_failure(pusher, file);
        return false;
    }
    if (result && !pusher->journal.room_again_us)
        pusher->journal.room_again_us = clock_now_us() + JOURNAL_ROOM_AGAIN_US;
    return true;
}

static void write_new(klp_pusher *pusher, struct job *job)
{
    enlist(job->file, job);
    if (is_writing(pusher, job->file) && !pusher->journal.room_again_us)
        write_down(pusher, job); /* else it is written with the others that are not */
}

void journal_admit(klp_pusher *pusher, struct job *job)
{
    if (!job->file->store || !job_is_write(job))
        return;
    job->journal_id = job->event.ticket;
    pusher->round_journaled++;
    write_new(pusher, job);
}

void journal_join(klp_pusher *pusher, struct job *job, const struct job *leader)
{
    if (!leader->journal_id || job->file != leader->file)
        return;
    job->journal_id = leader->journal_id;
    pusher->round_journaled++;
    write_new(pusher, job);
}

void journal_readmit(struct journal_file *file, struct job *job)
{
    job->written_in = 1;
    job->body_in = job->leader ? 0 : 1;
    enlist(file, job);
}

void journal_swap(klp_pusher *pusher, struct job *a, struct job *b)
{
    struct journal_file *file = a->file;

    if (a->journal_id)
        file->unwritten_count -= (size_t)!journal_has(a) + !journal_has(b);
    schedule_swap_tickets(&pusher->schedule, a, b);
    if (a->journal_id)
        file->unwritten_count += (size_t)!journal_has(a) + !journal_has(b);
}

void journal_update(klp_pusher *pusher, const struct job *job)
{
    if (!job->journal_id || !job->body_in || !is_writing(pusher, job->file))
        return;
    struct store_job record = job_record(job);
    enum store_result result = store_update_job(job->file->store, &record);
    job->file->has_writes = true;
    if (result && result != STORE_NOT_THERE)
        journal_note_failure(pusher, job->file);
}

/* ─── Verdicts ──────────────────────────────────────────────────────────────────────────────────── */

static bool write_event(struct journal *journal, const klp_event *event, klp_text *json)
{
    size_t size = event_write(event, journal->scratch, journal->scratch_bytes);

    if (size > journal->scratch_bytes) {
        char *larger = realloc(journal->scratch, size);
        if (!larger)
            return false;
        journal->scratch = larger;
        journal->scratch_bytes = size;
        event_write(event, journal->scratch, size);
    }
    *json = (klp_text){journal->scratch, size};
    return true;
}

/* What there is room for in place of any call: without what it quotes of the reply, then without what it tells of the
 * call, by which its ticket and its cookie are left to know it. */
static klp_event shorter(const klp_event *event, int times)
{
    const klp_text nothing = {"", 0};
    klp_event result = *event;

    if (times == 0)
        return result;
    result.truncated = 1;
    result.truncated_bytes = event->lobby_json.size + event->error_details_json.size + event->data_json.size;
    result.lobby_json = result.error_details_json = result.data_json = result.reply_json = nothing;
    if (times == 1)
        return result;
    result.error_message = event->error_message.size ? klp_cstr("left out: the outbox is full") : nothing;
    result.path = result.request_id = result.lobby_id = result.lobby_status = nothing;
    if (times == 2)
        return result;
    result.game_id = result.event_key = result.key = nothing;
    result.error_code = event->error_code.size <= 255 ? event->error_code : klp_cstr(KLP_CODE_INTERNAL_ERROR);
    return result;
}

static enum store_result conclude(struct journal *journal, const struct job *job)
{
    struct store_event record = {.seq = job->event.seq, .ticket = job->event.ticket};
    enum store_result result = STORE_FULL;

    for (int times = 0; times <= 3 && result == STORE_FULL; times++) {
        klp_event event = shorter(&job->event, times);
        if (!write_event(journal, &event, &record.json))
            return STORE_NO_MEMORY;
        result = store_conclude(job->file->store, &record, job->journal_id);
    }
    return result;
}

/* So that an operator can send it again once what it failed of is mended. */
static enum store_result keep_failed(const struct job *job)
{
    if (job->event.op != KLP_OP_PUSH || job->event.ok || !job->written_in)
        return STORE_OK;
    return store_keep_failed(job->file->store, job->journal_id, job->event.ticket, job->event.outcome,
                             job->event.error_code, clock_unix_ms());
}

void journal_conclude(klp_pusher *pusher, struct job *job)
{
    struct journal_file *file = job->file;

    /* what is not to be there takes its place behind the others that are, while those are read from there */
    if (!job->journal_id && !file->is_paged)
        return;
    if (!is_writing(pusher, file))
        return;
    enum store_result result = keep_failed(job);
    if (!result || result == STORE_NOT_THERE)
        result = conclude(&pusher->journal, job);
    file->has_writes = true;
    job->is_event_written = result == STORE_OK;
    file->events += job->is_event_written;
    if (result && result != STORE_FULL)
        journal_note_failure(pusher, file);
}

/* Its call may be there still, and go on after a crash: until a commit has replaced it nobody can say that it was not
 * applied, nor will be. */
static void doubt(klp_pusher *pusher, struct job *job)
{
    if (job->event.outcome != KLP_NOT_APPLIED || (!job->written_in && !job->may_come_back))
        return;
    job->event.outcome = KLP_POSSIBLY_APPLIED;
    if (job->event.op != KLP_OP_PUSH)
        return;
    doubtful_keys_add(&pusher->doubtful_keys, job->key_hash);
    struct job *next = same_key_find(&pusher->same_key, job);
    if (next) /* it went on before this was known */
        next->possibly_applied = true;
}

void journal_remember_verdict(klp_pusher *pusher, struct job *job)
{
    struct journal_file *file = job->file;
    klp_text json = {"", 0};

    file->events -= job->is_event_written;
    job->is_event_written = false;
    if (!job->journal_id)
        return;
    doubt(pusher, job);
    if (!write_event(&pusher->journal, &job->event, &json))
        json.size = 0;
    struct unwritten_verdict *verdict = malloc(sizeof *verdict + json.size);
    if (!verdict) /* should the process die its call is made again, and the server knows its key */
        return;
    *verdict = (struct unwritten_verdict){.next = file->unwritten,
                                          .seq = job->event.seq,
                                          .ticket = job->event.ticket,
                                          .job = job->journal_id,
                                          .json_bytes = json.size};
    if (json.size)
        memcpy(verdict->json, json.data, json.size);
    file->unwritten = verdict;
    job->is_event_written = true; /* it will be, or be forgotten, before anything else is */
    file->events++;
}

void journal_drop_verdicts(struct journal_file *file)
{
    while (file->unwritten) {
        struct unwritten_verdict *next = file->unwritten->next;
        free(file->unwritten);
        file->unwritten = next;
    }
}

/* Its call leaves in any case; its event stays where there is room for it. */
static enum store_result write_verdict(struct store *store, const struct unwritten_verdict *verdict)
{
    struct store_event record = {
        .seq = verdict->seq, .ticket = verdict->ticket, .json = {verdict->json, verdict->json_bytes}};
    enum store_result result = verdict->json_bytes ? store_conclude(store, &record, verdict->job) : STORE_FULL;

    if (result != STORE_FULL)
        return result;
    record.json = (klp_text)KLP_LIT("{}");
    result = store_conclude(store, &record, verdict->job);
    if (result == STORE_OK)
        result = store_forget_event(store, verdict->seq);
    return result == STORE_FULL ? STORE_OK : result; /* it is of no call there */
}

static enum store_result write_verdicts(const struct journal_file *file)
{
    enum store_result result = STORE_OK;

    for (const struct unwritten_verdict *verdict = file->unwritten; verdict && !result; verdict = verdict->next) {
        result = write_verdict(file->store, verdict);
        if (result == STORE_NOT_THERE)
            result = STORE_OK;
    }
    return result;
}

/* ─── Acknowledgements ──────────────────────────────────────────────────────────────────────────── */

void journal_forget(klp_pusher *pusher, const struct job *job, uint64_t now_us)
{
    struct journal_file *file = job->file;

    if (!job->is_event_written || !file->store)
        return;
    if (file->forgotten_count == file->forgotten_capacity) {
        size_t capacity = file->forgotten_capacity ? 2 * file->forgotten_capacity : 64;
        uint64_t *larger = realloc(file->forgotten, capacity * sizeof *larger);
        if (!larger)
            return; /* it is told again, by the next process */
        file->forgotten = larger;
        file->forgotten_capacity = capacity;
    }
    file->forgotten[file->forgotten_count++] = job->event.seq;
    if (!pusher->journal.forget_by_us)
        pusher->journal.forget_by_us = now_us + FORGET_WITHIN_US;
}

/* So many at a time as a log stays small with. */
bool journal_write_forgotten(klp_pusher *pusher, struct journal_file *file)
{
    size_t count = file->forgotten_count < FORGOTTEN_AT_ONCE ? file->forgotten_count : FORGOTTEN_AT_ONCE;

    for (size_t i = 0; i < count; i++) {
        enum store_result result = store_forget_event(file->store, file->forgotten[i]);
        if (result && result != STORE_NOT_THERE) {
            journal_note_failure(pusher, file);
            return false;
        }
    }
    file->forgetting = count;
    file->has_writes |= count > 0;
    return true;
}

/* ─── Whose it is ───────────────────────────────────────────────────────────────────────────────── */

static bool write_owner(klp_pusher *pusher, struct journal_file *file)
{
    const struct store_owner owner = journal_owner(pusher, api_key_text(pusher->credentials.current));

    if (!file->is_to_be_given)
        return true;
    file->has_writes = true;
    if (store_change_key_prefix(file->store, owner.key_prefix)) {
        journal_note_failure(pusher, file);
        return false;
    }
    return true;
}

void journal_note_key(klp_pusher *pusher)
{
    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        if (!file->store)
            continue;
        file->is_to_be_given = true; /* until a commit has it */
        if (is_writing(pusher, file))
            write_owner(pusher, file);
    }
}

/* ─── All of it ─────────────────────────────────────────────────────────────────────────────────── */

/* False: there is no room for more, or the batch is lost. */
static bool write_those(klp_pusher *pusher, const struct journal_file *file, bool are_joined)
{
    for (struct job *job = file->undecided; job && file->unwritten_count; job = job->later_undecided) {
        if (journal_has(job) || (job->leader != NULL) != are_joined)
            continue;
        if (!write_down(pusher, job) || pusher->journal.room_again_us)
            return false;
    }
    return true;
}

/* First those that others have joined. */
void journal_write_unwritten(klp_pusher *pusher, struct journal_file *file)
{
    if (write_those(pusher, file, false))
        write_those(pusher, file, true);
}

/* Whatever of it there is; what finds no room is left out. False: the batch is lost. */
static bool rewrite_those(klp_pusher *pusher, const struct journal_file *file, bool are_joined)
{
    for (struct job *job = file->undecided; job; job = job->later_undecided)
        if ((job->leader != NULL) == are_joined && !write_down(pusher, job))
            return false;
    return true;
}

bool journal_write_all(klp_pusher *pusher, struct journal_file *file)
{
    if (write_verdicts(file)) {
        journal_note_failure(pusher, file);
        return false;
    }
    if (!journal_write_forgotten(pusher, file) || !write_owner(pusher, file))
        return false;
    return rewrite_those(pusher, file, false) && rewrite_those(pusher, file, true);
}

void journal_unwrite_batch(klp_pusher *pusher, struct journal_file *file, bool may_come_back)
{
    uint64_t batch = pusher->journal.batch;

    for (struct job *job = file->undecided; job; job = job->later_undecided) {
        bool was_there = journal_has(job);
        job->may_come_back |= may_come_back && job->written_in == batch;
        if (job->written_in == batch)
            job->written_in = 0;
        if (job->body_in == batch)
            job->body_in = 0;
        file->unwritten_count += was_there && !journal_has(job);
    }
}

/* ─── Deaths ────────────────────────────────────────────────────────────────────────────────────── */

void journal_note_handling(const struct job *job)
{
    if (job->journal_id)
        store_note_handling(job->file->store, (struct store_handling){STORE_HANDLES_JOB, job->journal_id});
}

void journal_note_handled(struct journal_file *file)
{
    if (file && file->store)
        store_note_handling(file->store, (struct store_handling){STORE_HANDLES_NOTHING, 0});
}
