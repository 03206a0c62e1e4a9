/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/adoption.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "pusher/paging.h"
#include "pusher/pusher.h"
#include "pusher/recovery.h"

static struct journal_file *new_file(struct store *store)
{
    klp_text name = store_pusher(store);
    struct journal_file *file = calloc(1, sizeof *file + name.size + 1); /* with a NUL behind the name */
    if (!file)
        return NULL;

    char *copy = (char *)(file + 1);
    memcpy(copy, name.data, name.size);
    file->pusher = (klp_text){copy, name.size};
    journal_file_take(file, store);
    paging_note_death(file);
    return file;
}

static void count(klp_pusher *pusher, struct journal_file *file, const struct job_list *jobs)
{
    pthread_mutex_lock(&pusher->lock);
    pusher->stats.adopted++;
    pusher->stats.recovered += jobs->count;
    pusher->undecided += jobs->count;
    pusher->recovered_calls += jobs->count;
    pusher->adopted_calls += jobs->count;
    pusher->stats.unread_events += file->events;
    file->events_on_disk = file->events;
    pthread_mutex_unlock(&pusher->lock);
}

/* Nothing in it is to be sent or told: what failed is left there for an operator, for as long as it is kept. */
static void look_after(struct store *store)
{
    if (store_facts(store)->failed && !journal_expire_failed(store))
        store_commit(store);
    store_remove(store); /* only closed while something is in it */
}

static size_t most_calls(klp_pusher *pusher)
{
    pthread_mutex_lock(&pusher->lock);
    size_t most = pusher->settings.max_queued + pusher->recovered_calls;
    pthread_mutex_unlock(&pusher->lock);
    return most;
}

/* False: it cannot be read now. */
static bool take_up(klp_pusher *pusher, struct store *store)
{
    struct job_list jobs = {0};
    struct job *job;
    struct journal_file *file = new_file(store);
    if (!file)
        return false;

    if (recovery_read(pusher, file, &jobs) || journal_reserve_first(file))
        goto free_jobs;
    if (!schedule_make_room(&pusher->schedule, most_calls(pusher) + jobs.count))
        goto free_jobs;
    log_say(&pusher->log, LOG_ADOPTED, KLP_LOG_INFO, clock_now_us(), "taking up %s: %zu calls and %llu events of %.*s",
            store_file(store), jobs.count, (unsigned long long)file->events, (int)file->pusher.size, file->pusher.data);
    count(pusher, file, &jobs);
    file->next = pusher->journal.adopted;
    pusher->journal.adopted = file;
    recovery_admit(pusher, &jobs);
    return true;

free_jobs:
    while ((job = job_list_take_first(&jobs)))
        job_free(job);
    free(file);
    return false;
}

static bool is_open(klp_pusher *pusher, const char *name)
{
    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file))
        if (strcmp(store_file(file->store), name) == 0)
            return true;
    return false;
}

static bool has_room(klp_pusher *pusher)
{
    pthread_mutex_lock(&pusher->lock);
    bool has_room = pusher->recovered_calls < pusher->settings.max_queued;
    pthread_mutex_unlock(&pusher->lock);
    return has_room;
}

static bool look_at_file(void *user, const char *name)
{
    klp_pusher *pusher = user;
    const struct settings *settings = &pusher->settings;
    const struct store_owner owner = journal_owner(pusher, api_key_text(pusher->credentials.current));
    char sentence[512] = "";
    klp_text_buffer reason = {sentence, sizeof sentence, 0};
    struct store *store = NULL;

    if (!has_room(pusher))
        return false;
    if (is_open(pusher, name))
        return true;
    enum store_result result = store_adopt(settings->outbox_dir, name, &owner, journal_sync(settings),
                                           settings->outbox_max_bytes, &store, &reason);
    if (result == STORE_OK && !store_facts(store)->jobs && !store_facts(store)->events) {
        look_after(store);
        return true;
    }
    if (result == STORE_OK && take_up(pusher, store)) {
        pusher->journal.adopt_us = 0; /* the next one in the next round: others are not to wait for them all */
        return false;
    }
    if (result == STORE_OK) {
        store_close(store);
        result = STORE_FAILED;
    }
    if (result && result != STORE_LOCKED && result != STORE_NOT_THERE)
        log_say(&pusher->log, LOG_NOT_ADOPTED, KLP_LOG_WARNING, clock_now_us(), "%s in the outbox is left alone: %s",
                name, sentence[0] ? sentence : "it cannot be read");
    return true;
}

void adoption_look(klp_pusher *pusher, uint64_t now_us)
{
    struct journal *journal = &pusher->journal;

    if (now_us < journal->adopt_us || journal->is_failing)
        return;
    journal->adopt_us = now_us + (uint64_t)pusher->settings.outbox_adopt_ms * 1000;
    store_list(pusher->settings.outbox_dir, look_at_file, pusher);
}

static bool is_it(const void *owner, uint64_t job)
{
    return (uint64_t)(uintptr_t)owner == job;
}

/* Its calls are those of whoever takes it up next; of its events those that are in memory are told. */
static void drop(klp_pusher *pusher, struct journal_file *file)
{
    struct job *job;

    pusher_abandon_decided(pusher, file);
    pusher_unplan(pusher, file);
    while ((job = file->undecided)) {
        if (job->leader)
            job = job->leader;
        if (job_is_in_flight(job)) {
            pusher_abandon_on_the_wire(pusher, transport_abort(pusher->transport, is_it, (uint64_t)(uintptr_t)job));
            continue;
        }
        schedule_take(&pusher->schedule, job);
        pusher_abandon(pusher, job);
    }
    file->is_paged = false;
    pthread_mutex_lock(&pusher->lock);
    pusher->stats.unread_events -= file->events_on_disk;
    file->events_on_disk = 0;
    job_list_append_all(&pusher->unread, &file->behind);
    pthread_mutex_unlock(&pusher->lock);
    file->events = 0;
}

void adoption_drop_lost(klp_pusher *pusher)
{
    for (struct journal_file *file = pusher->journal.adopted; file; file = file->next)
        if (file->is_lost && (file->undecided || file->events || file->is_paged || file->behind.first))
            drop(pusher, file);
}

/* Under the lock: with the host, or on the way back from it. */
static bool is_in_memory(const klp_pusher *pusher, const struct journal_file *file)
{
    bool is_in_memory = file->events_in_memory > 0;

    for (const struct job *job = pusher->acknowledged.first; job && !is_in_memory; job = job->next)
        is_in_memory = job->file == file;
    return is_in_memory;
}

static bool is_empty(klp_pusher *pusher, const struct journal_file *file)
{
    if (file->undecided_count || file->events || (file->has_writes && !file->is_lost))
        return false;
    pthread_mutex_lock(&pusher->lock);
    bool is_told = !is_in_memory(pusher, file);
    pthread_mutex_unlock(&pusher->lock);
    return is_told;
}

void adoption_close_empty(klp_pusher *pusher)
{
    struct journal_file *next;

    for (struct journal_file *file = pusher->journal.adopted; file; file = next) {
        next = file->next;
        if (is_empty(pusher, file))
            journal_close_adopted(pusher, file);
    }
}
