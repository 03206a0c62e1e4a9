/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "outbox/store.h"
#include "pusher/paging.h"
#include "pusher/pusher.h"
#include "pusher/recovery.h"
#include "why.h"

enum { TRY_AGAIN_US = 1000000, FAILED_MOST = 10000 };

#define EXPIRE_EVERY_US (UINT64_C(3600) * 1000000)
#define FAILED_KEPT_MS  (INT64_C(7) * 24 * 3600 * 1000)

bool journal_is_on(const klp_pusher *pusher)
{
    return pusher->journal.own.store != NULL;
}

struct journal_file *journal_next_file(klp_pusher *pusher, struct journal_file *file)
{
    return file == &pusher->journal.own ? pusher->journal.adopted : file->next;
}

/* ─── Failing ───────────────────────────────────────────────────────────────────────────────────── */

bool journal_is_failing(const klp_pusher *pusher, const struct journal_file *file)
{
    return file == &pusher->journal.own ? pusher->journal.is_failing : file->is_lost;
}

/* What another has left is left again, to whoever can write it. */
static void lose_file(klp_pusher *pusher, struct journal_file *file)
{
    if (!file->is_lost)
        log_say(&pusher->log, LOG_NOT_ADOPTED, KLP_LOG_WARNING, clock_now_us(), "%s in the outbox is given up: %s",
                store_file(file->store), store_last_failure(file->store));
    file->is_lost = true;
}

void journal_note_failure(klp_pusher *pusher, struct journal_file *file)
{
    struct journal *journal = &pusher->journal;
    uint64_t now_us = clock_now_us();

    if (file != &journal->own) {
        lose_file(pusher, file);
        return;
    }
    if (!journal->is_said)
        log_say(&pusher->log, LOG_OUTBOX, KLP_LOG_ERROR, now_us,
                "the outbox cannot be written: %s; nothing new is sent until it can", store_last_failure(file->store));
    journal->is_failing = journal->is_said = true;
    journal->try_again_us = now_us + TRY_AGAIN_US;
}

/* They are told all the same, from memory. */
static void remember_decided(klp_pusher *pusher)
{
    for (struct job *job = pusher->decided.first; job; job = job->next)
        if (job->file == &pusher->journal.own)
            journal_remember_verdict(pusher, job);
}

/* Nothing of it is told or started as if it were written. */
static bool lose_batch(klp_pusher *pusher, bool may_come_back)
{
    struct journal_file *own = &pusher->journal.own;

    store_roll_back(own->store);
    journal_unwrite_batch(pusher, own, may_come_back);
    own->has_writes = false;
    own->forgetting = 0;
    return false;
}

/* ─── Commits ───────────────────────────────────────────────────────────────────────────────────── */

/* Long before they are used up. */
static void reserve(klp_pusher *pusher, struct journal_file *file)
{
    bool is_own = file == &pusher->journal.own;
    uint64_t last_ticket = is_own ? pusher->last_ticket_seen : 0;

    if (file->last_seq + JOURNAL_RESERVE / 2 < file->reserved_seq &&
        (!is_own || last_ticket + JOURNAL_RESERVE / 2 < pusher->reserved_ticket))
        return;
    uint64_t ticket = is_own ? last_ticket + JOURNAL_RESERVE : 0;
    if (store_reserve(file->store, ticket, file->last_seq + JOURNAL_RESERVE))
        journal_note_failure(pusher, file);
    file->has_writes = true;
}

enum store_result journal_expire_failed(struct store *store)
{
    return store_expire_failed(store, clock_unix_ms() - FAILED_KEPT_MS, FAILED_MOST);
}

static void expire_failed(klp_pusher *pusher, uint64_t now_us)
{
    struct journal *journal = &pusher->journal;

    if (now_us < journal->expire_us)
        return;
    journal->expire_us = now_us + EXPIRE_EVERY_US;
    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        if (file->is_lost || !store_facts(file->store)->failed)
            continue;
        if (journal_expire_failed(file->store))
            journal_note_failure(pusher, file);
        file->has_writes = true;
    }
}

/* What this round has not written by itself. */
static void write_rest(klp_pusher *pusher, uint64_t now_us)
{
    struct journal *journal = &pusher->journal;
    bool is_forget_due = journal->forget_by_us && now_us >= journal->forget_by_us;
    bool is_room_due = journal->room_again_us && now_us >= journal->room_again_us;

    if (is_room_due)
        journal->room_again_us = 0;
    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        if (file->is_lost)
            continue;
        reserve(pusher, file);
        if (file->has_writes || is_forget_due || is_room_due)
            journal_write_forgotten(pusher, file);
        if (file->unwritten_count && !journal->room_again_us)
            journal_write_unwritten(pusher, file);
    }
    expire_failed(pusher, now_us);
}

/* What a batch that was lost may have had already. */
static void conclude_anew(klp_pusher *pusher)
{
    for (struct job *job = pusher->decided.first; job; job = job->next) {
        if (job->file != &pusher->journal.own)
            continue;
        job->file->events -= job->is_event_written;
        job->is_event_written = false;
        journal_conclude(pusher, job);
    }
}

/* Whatever of it there may be by now; and what this round has decided meanwhile. */
static void write_anew(klp_pusher *pusher)
{
    struct journal *journal = &pusher->journal;
    struct journal_file *own = &journal->own;

    journal->room_again_us = 0;
    store_roll_back(own->store);
    reserve(pusher, own);
    if (!journal->is_failing && journal_write_all(pusher, own))
        conclude_anew(pusher);
    own->has_writes = true; /* with nothing to write, too, it is to show whether it can */
}

static void after_commit(klp_pusher *pusher, struct journal_file *file)
{
    const struct store_facts *facts = store_facts(file->store);
    size_t left = file->forgotten_count - file->forgetting;

    if (file->forgetting)
        memmove(file->forgotten, file->forgotten + file->forgetting, left * sizeof *file->forgotten);
    file->events -= file->forgetting < file->events ? file->forgetting : file->events;
    file->forgotten_count = left;
    file->forgetting = 0;
    file->has_writes = file->is_to_be_given = false;
    file->committed_seq = file->last_seq;
    file->reserved_seq = facts->last_seq;
    if (file == &pusher->journal.own)
        pusher_set_reserved(pusher, facts->last_ticket);
}

static bool commit_own(klp_pusher *pusher, bool *may_come_back)
{
    struct journal_file *own = &pusher->journal.own;

    if (!own->has_writes)
        return true;
    enum store_result result = store_commit(own->store);
    if (result) {
        journal_note_failure(pusher, own);
        *may_come_back = result != STORE_FULL; /* what has no room is nowhere */
        return false;
    }
    after_commit(pusher, own);
    return true;
}

static void commit_adopted(klp_pusher *pusher)
{
    for (struct journal_file *file = pusher->journal.adopted; file; file = file->next) {
        if (file->is_lost || !file->has_writes)
            continue;
        if (store_commit(file->store))
            journal_note_failure(pusher, file);
        else
            after_commit(pusher, file);
    }
}

/* Acknowledgements wait a little for others' commits. */
static void set_forget_time(klp_pusher *pusher, uint64_t now_us)
{
    bool is_left = false;

    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file))
        is_left |= !file->is_lost && file->forgotten_count > 0;
    if (!is_left)
        pusher->journal.forget_by_us = 0;
    else if (pusher->journal.forget_by_us < now_us)
        pusher->journal.forget_by_us = now_us; /* there were more than leave at once */
}

bool journal_commit(klp_pusher *pusher, uint64_t now_us)
{
    struct journal *journal = &pusher->journal;
    bool was_failing = journal->is_failing, may_come_back = true;

    if (!journal_is_on(pusher))
        return true;
    if (was_failing && now_us < journal->try_again_us) {
        remember_decided(pusher);
        commit_adopted(pusher);
        return lose_batch(pusher, may_come_back);
    }
    journal->is_failing = false;
    if (was_failing)
        write_anew(pusher);
    else
        write_rest(pusher, now_us);
    commit_adopted(pusher);
    if (journal->is_failing || !commit_own(pusher, &may_come_back)) {
        remember_decided(pusher);
        return lose_batch(pusher, may_come_back);
    }
    journal->batch++;
    set_forget_time(pusher, now_us);
    if (was_failing) {
        journal_drop_verdicts(&journal->own);
        journal->is_said = false;
        log_say(&pusher->log, LOG_OUTBOX_BACK, KLP_LOG_INFO, now_us, "the outbox can be written again");
    }
    return true;
}

uint64_t journal_next_us(const klp_pusher *pusher)
{
    const struct journal *journal = &pusher->journal;
    uint64_t next_us = UINT64_MAX;

    if (!journal_is_on(pusher))
        return UINT64_MAX;
    if (journal->is_failing)
        return journal->try_again_us;
    if (journal->forget_by_us)
        next_us = journal->forget_by_us;
    if (journal->room_again_us && journal->room_again_us < next_us)
        next_us = journal->room_again_us;
    return journal->adopt_us < next_us ? journal->adopt_us : next_us;
}

uint64_t journal_first_unwritten_ticket(const klp_pusher *pusher)
{
    const struct journal_file *own = &pusher->journal.own;
    uint64_t first = UINT64_MAX;

    for (const struct job *job = own->unwritten_count ? own->undecided : NULL; job; job = job->later_undecided)
        if (!journal_has(job) && job->event.ticket < first)
            first = job->event.ticket;
    return first;
}

/* ─── Opening and closing ───────────────────────────────────────────────────────────────────────── */

/* scheme://host:port of a base URL that was checked. */
static klp_text origin_of(const char *base_url)
{
    const char *host = strstr(base_url, "://");
    host = host ? host + 3 : base_url;
    return (klp_text){base_url, (size_t)(host - base_url) + strcspn(host, "/")};
}

/* Of a key without a dot everything is the secret. */
static klp_text prefix_of(klp_text api_key)
{
    const char *dot = memchr(api_key.data, '.', api_key.size);
    return (klp_text){api_key.data, dot ? (size_t)(dot - api_key.data) : 0};
}

enum store_sync journal_sync(const struct settings *settings)
{
    return settings->outbox_sync == KLP_SYNC_NORMAL ? STORE_SURVIVES_PROCESS : STORE_SURVIVES_POWER_LOSS;
}

struct store_owner journal_owner(const klp_pusher *pusher, klp_text api_key)
{
    return (struct store_owner){.pusher = pusher->settings.name,
                                .origin = origin_of(pusher->settings.base_url),
                                .key_prefix = prefix_of(api_key)};
}

void journal_file_take(struct journal_file *file, struct store *store)
{
    const struct store_facts *facts = store_facts(store);

    file->store = store;
    memcpy(file->epoch, facts->epoch, EPOCH_BYTES);
    file->last_seq = file->committed_seq = facts->last_seq;
    file->reserved_seq = facts->last_seq;
    file->events = facts->events;
    file->is_paged = facts->events > 0;
}

static klp_status refused(klp_pusher *pusher, enum store_result result, klp_text_buffer *why, const char *sentence)
{
    if (result == STORE_NO_MEMORY)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    if (pusher->settings.outbox_mode != KLP_OUTBOX_BEST_EFFORT)
        return why_say(why, KLP_E_OUTBOX, "outbox_dir: %s", sentence);
    log_say(&pusher->log, LOG_OUTBOX, KLP_LOG_ERROR, clock_now_us(),
            "outbox_dir: %s: what is accepted lives in memory, and ends with the process", sentence);
    pusher->stats.degraded = 1;
    return KLP_OK;
}

/* What can be opened, but not be read, is damaged as well. */
static enum store_result open_and_read(klp_pusher *pusher, struct job_list *jobs, char file[STORE_FILE_BYTES],
                                       klp_text_buffer *reason)
{
    const struct settings *settings = &pusher->settings;
    const struct store_owner owner = journal_owner(pusher, api_key_text(settings->api_key));
    struct store *store = NULL;

    enum store_result result = store_open(settings->outbox_dir, &owner, journal_sync(settings),
                                          settings->outbox_max_bytes, &store, file, reason);
    if (result)
        return result;
    journal_file_take(&pusher->journal.own, store);
    paging_note_death(&pusher->journal.own);
    klp_status status = recovery_read(pusher, &pusher->journal.own, jobs);
    if (!status)
        return STORE_OK;
    why_say(reason, KLP_E_OUTBOX, "%s: a call in it cannot be read: %s", store_file(store), store_last_failure(store));
    store_close(store);
    return status == KLP_E_NO_MEMORY ? STORE_NO_MEMORY : STORE_DAMAGED;
}

/* A damaged file is set aside, whatever comes of it: nothing of it is lost, and the next one is sound. */
static enum store_result open_sound(klp_pusher *pusher, struct job_list *jobs, klp_text_buffer *reason)
{
    const struct settings *settings = &pusher->settings;
    char file[STORE_FILE_BYTES] = "", new_name[STORE_FILE_BYTES], sentence[512];

    enum store_result result = open_and_read(pusher, jobs, file, reason);
    if (result != STORE_DAMAGED || !file[0] || store_set_aside(settings->outbox_dir, file, new_name))
        return result;
    snprintf(sentence, sizeof sentence, "%s", reason->data);
    why_say(reason, KLP_E_OUTBOX, "%s; it was set aside as %s", sentence, new_name);
    log_say(&pusher->log, LOG_OUTBOX, KLP_LOG_ERROR, clock_now_us(), "outbox_dir: %s", reason->data);
    if (settings->outbox_damaged != KLP_DAMAGED_REPLACE)
        return result;
    return open_and_read(pusher, jobs, file, reason);
}

enum store_result journal_reserve_first(struct journal_file *file)
{
    uint64_t last_ticket = store_facts(file->store)->last_ticket;

    enum store_result result =
        store_reserve(file->store, last_ticket + JOURNAL_RESERVE, file->last_seq + JOURNAL_RESERVE);
    if (!result)
        result = store_commit(file->store);
    if (!result)
        file->reserved_seq = store_facts(file->store)->last_seq;
    return result;
}

/* What memory alone remembers is another epoch. */
static void go_without(struct journal_file *own, const char epoch[EPOCH_BYTES + 1])
{
    *own = (struct journal_file){.pusher = own->pusher};
    memcpy(own->epoch, epoch, EPOCH_BYTES + 1);
}

klp_status journal_open(klp_pusher *pusher, struct job_list *jobs, klp_text_buffer *why)
{
    struct journal *journal = &pusher->journal;
    struct journal_file *own = &journal->own;
    char sentence[768] = "", epoch[EPOCH_BYTES + 1];
    klp_text_buffer reason = {sentence, sizeof sentence, 0};
    struct job *job;

    own->pusher = pusher->settings.name;
    journal->adopt_us = UINT64_MAX;
    journal->batch = 2; /* 1 is what was found */
    if (!pusher->settings.outbox_dir)
        return KLP_OK;
    memcpy(epoch, own->epoch, sizeof epoch);
    enum store_result result = open_sound(pusher, jobs, &reason);
    if (result) {
        go_without(own, epoch);
        return refused(pusher, result, why, sentence);
    }
    uint64_t last_ticket = store_facts(own->store)->last_ticket;
    result = journal_reserve_first(own);
    if (result) {
        klp_status status = refused(pusher, result, why, store_last_failure(own->store));
        while ((job = job_list_take_first(jobs)))
            job_free(job);
        store_close(own->store);
        go_without(own, epoch);
        return status;
    }
    journal->is_fresh = last_ticket == 0;
    pusher->last_ticket = pusher->last_ticket_seen = pusher->journaled_ticket = last_ticket;
    pusher->reserved_ticket = store_facts(own->store)->last_ticket;
    pusher->outbox_room_bytes = store_room_bytes(own->store);
    journal->adopt_us = pusher->settings.outbox_adopt_ms ? 0 : UINT64_MAX;
    return KLP_OK;
}

static void close_file(struct journal_file *file, bool is_to_be_removed)
{
    struct job *job;

    journal_drop_verdicts(file);
    free(file->forgotten);
    while ((job = job_list_take_first(&file->behind)))
        job_free(job);
    if (is_to_be_removed)
        store_remove(file->store);
    else
        store_close(file->store);
}

void journal_close_adopted(klp_pusher *pusher, struct journal_file *file)
{
    struct journal_file **at = &pusher->journal.adopted;

    while (*at != file)
        at = &(*at)->next;
    *at = file->next;
    if (pusher->told_file == file)
        pusher->told_file = NULL;
    close_file(file, true); /* but for one that something is left in */
    free(file);
}

/* As long as it takes: there is no round to come. */
static void write_what_was_acknowledged(klp_pusher *pusher)
{
    struct job *job;

    while ((job = job_list_take_first(&pusher->acknowledged))) {
        journal_forget(pusher, job, 0);
        job_free(job);
    }
    pusher->journal.try_again_us = 0;
    if (pusher->journal.forget_by_us)
        pusher->journal.forget_by_us = 1; /* it is due */
    for (bool is_left = true; is_left;)
        is_left = journal_commit(pusher, clock_now_us()) && pusher->journal.forget_by_us;
}

void journal_close(klp_pusher *pusher)
{
    struct journal *journal = &pusher->journal;
    bool is_on = journal_is_on(pusher);

    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        file->undecided = NULL; /* they are no more, whether they were decided or left there */
        file->undecided_count = file->unwritten_count = 0;
    }
    if (is_on)
        write_what_was_acknowledged(pusher);
    while (journal->adopted)
        journal_close_adopted(pusher, journal->adopted);
    close_file(&journal->own, journal->is_fresh);
    free(journal->scratch);
}
