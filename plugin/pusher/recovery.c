/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/recovery.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pusher/fingerprint.h"
#include "pusher/pusher.h"

enum { LEAST_TIME_LEFT_MS = 60000 };

struct recovery {
    klp_pusher *pusher;
    struct journal_file *file;
    struct job_list jobs;
    struct job *leader; /* the job of the record's first ticket */
    const struct store_job *record;
    bool is_changed; /* the body is not the one that was written */
    klp_status status;
};

/* A wall clock that jumped must neither lose a call nor keep it for ever. */
static uint64_t time_left_us(const struct store_ticket *ticket, int64_t now_unix_ms)
{
    int64_t whole_ms = ticket->deadline_unix_ms - ticket->accepted_unix_ms;
    int64_t least_ms = whole_ms < LEAST_TIME_LEFT_MS ? whole_ms : LEAST_TIME_LEFT_MS;
    int64_t left_ms = ticket->deadline_unix_ms - now_unix_ms;

    if (left_ms > whole_ms)
        left_ms = whole_ms;
    if (left_ms < least_ms)
        left_ms = least_ms;
    return left_ms > 0 ? (uint64_t)left_ms * 1000 : 1000;
}

/* Before this machine was started there was no time that we could tell. */
static uint64_t accepted_us(const struct store_ticket *ticket, uint64_t now_us, int64_t now_unix_ms)
{
    int64_t age_ms = now_unix_ms - ticket->accepted_unix_ms;
    uint64_t age_us = age_ms <= 0 ? 0 : age_ms > SETTINGS_MAX_DEADLINE_MS ? UINT64_MAX : (uint64_t)age_ms * 1000;
    return age_us < now_us ? now_us - age_us : 1;
}

/* Three processes in a row that died while they handled it are enough. */
static uint32_t recoveries_of(const struct recovery *recovery, const struct store_job *record)
{
    const struct store_handling *died_over = &store_facts(recovery->file->store)->died_over;
    bool is_it = died_over->kind == STORE_HANDLES_JOB && died_over->number == record->id;

    if (recovery->is_changed)
        return MOST_RECOVERIES;
    return is_it ? record->recoveries + 1 : record->recoveries;
}

static void fill_course(struct job *job, const struct recovery *recovery)
{
    const struct store_job *record = recovery->record;
    size_t error_bytes = record->last_error.size < sizeof job->last_error ? record->last_error.size : 0;

    job->journal_id = record->id;
    job->idempotency_offset = record->idempotency_offset;
    job->idempotency_bytes = record->idempotency_bytes;
    job->attempts_charged = record->attempts_charged;
    job->recoveries = recoveries_of(recovery, record);
    job->possibly_applied = record->possibly_applied || record->attempt_open;
    job->event.attempts = record->attempts + record->attempt_open;
    job->event.sends = record->sends + record->attempt_open; /* as far as we know */
    job->event.http_status = record->http_status;
    job->event.recovered = 1;
    job->is_retry = job->event.attempts > 0;
    if (error_bytes)
        memcpy(job->last_error, record->last_error.data, error_bytes);
}

static void fill_ticket(struct job *job, const struct recovery *recovery, const struct store_ticket *ticket)
{
    int64_t now_unix_ms = clock_unix_ms();
    uint64_t now_us = clock_now_us();

    job->file = recovery->file;
    job->event.pusher = job->file->pusher;
    job->event.epoch = (klp_text){job->file->epoch, EPOCH_BYTES};
    job->event.ticket = ticket->ticket;
    job->event.cookie = ticket->cookie;
    job->event.joined = recovery->leader != NULL;
    job->accepted_us = accepted_us(ticket, now_us, now_unix_ms);
    job->time_us[JOB_DEADLINE] = now_us + time_left_us(ticket, now_unix_ms);
    job->leader = recovery->leader;
    job->is_uncounted = true;
}

/* A job for each ticket; the first one of a call has its body. */
static bool take_ticket(void *user, const struct store_ticket *ticket)
{
    struct recovery *recovery = user;
    const struct store_job *record = recovery->record;
    const struct job_texts texts = {.game_id = record->game_id,
                                    .event_key = record->event_key,
                                    .key = record->key,
                                    .lobby_id = {"", 0},
                                    .method = record->method,
                                    .path = record->path,
                                    .trace_parent = ticket->trace_parent};
    size_t body_bytes = recovery->leader ? 0 : record->body.size;

    struct job *job = job_new(record->op, &texts, body_bytes);
    if (!job) {
        recovery->status = KLP_E_NO_MEMORY;
        return false;
    }
    if (body_bytes)
        memcpy(job_body(job), record->body.data, body_bytes);
    job->method = record->op == KLP_OP_PUSH ? CALL_POST : call_method_of(record->method.data, record->method.size);
    fill_course(job, recovery);
    fill_ticket(job, recovery, ticket);
    if (!recovery->leader)
        recovery->leader = job;
    job_list_append(&recovery->jobs, job);
    return true;
}

/* What we would not have written: texts beyond their bounds would not fit where they are put. */
static bool is_sound(const struct store_job *record)
{
    const klp_text texts[] = {record->game_id, record->event_key, record->key};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].size > KLP_MAX_ID_BYTES)
            return false;
    return (record->op == KLP_OP_PUSH || record->op == KLP_OP_CALL) && record->body.size <= KLP_MAX_BODY_BYTES &&
           record->path.size <= KLP_MAX_PATH_BYTES && record->method.size <= 6 &&
           (record->op == KLP_OP_PUSH || call_method_of(record->method.data, record->method.size) != CALL_NONE) &&
           record->idempotency_offset <= record->body.size &&
           record->idempotency_bytes <= record->body.size - record->idempotency_offset;
}

static bool is_as_written(const struct store_job *record)
{
    unsigned char fingerprint[32];

    fingerprint_of_body(record->body, record->idempotency_offset, record->idempotency_bytes, fingerprint);
    return memcmp(fingerprint, record->fingerprint, sizeof fingerprint) == 0;
}

static bool take_job(void *user, const struct store_job *record)
{
    struct recovery *recovery = user;
    struct store *store = recovery->file->store;

    if (!is_sound(record)) {
        recovery->status = KLP_E_OUTBOX;
        return false;
    }
    store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, record->id});
    recovery->record = record;
    recovery->leader = NULL;
    recovery->is_changed = !is_as_written(record);
    if (store_each_ticket(store, record->id, take_ticket, recovery) && !recovery->status)
        recovery->status = KLP_E_OUTBOX;
    return !recovery->status;
}

klp_status recovery_read(klp_pusher *pusher, struct journal_file *file, struct job_list *jobs)
{
    struct recovery recovery = {.pusher = pusher, .file = file};
    struct job *job;

    if (store_each_job(file->store, 0, take_job, &recovery) && !recovery.status)
        recovery.status = KLP_E_OUTBOX;
    journal_note_handled(file);
    if (recovery.status) {
        while ((job = job_list_take_first(&recovery.jobs)))
            job_free(job);
        return recovery.status;
    }
    *jobs = recovery.jobs;
    return KLP_OK;
}

void recovery_admit(klp_pusher *pusher, struct job_list *jobs)
{
    struct job *job;

    while ((job = job_list_take_first(jobs))) {
        journal_readmit(job->file, job);
        pusher_readmit(pusher, job);
        if (!job->leader)
            journal_update(pusher, job); /* its doubt, and that it has been recovered once more */
    }
}
