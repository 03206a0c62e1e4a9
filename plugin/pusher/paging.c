/* SPDX-License-Identifier: Apache-2.0
 * Events that wait on the disk, since there are more of them than memory is to hold, or since an earlier process has
 * left them there. */
#include "pusher/paging.h"

#include <stdlib.h>

#include "clock.h"
#include "pusher/pusher.h"
#include "results/event_json.h"

enum { LOADED_AT_ONCE = 1024, LOADED_BYTES = 8 << 20, AGAIN_US = 1000000, END_WITHIN_US = 100000 };

struct page {
    klp_pusher *pusher;
    struct journal_file *file;
    struct job_list events;
    size_t most, bytes, lost;
    uint64_t most_bytes;
    bool has_more;
};

/* Out of the way: it stays in the file, for somebody to look at. */
static void leave_out(struct page *page, const struct store_event *record, const char *reason)
{
    page->file->loaded_seq = record->seq;
    page->lost++;
    log_say(&page->pusher->log, LOG_SET_ASIDE, KLP_LOG_ERROR, clock_now_us(),
            "event %llu of %s is left in the outbox: %s", (unsigned long long)record->seq,
            store_file(page->file->store), reason);
}

/* The texts of an event that was read are at most so large. */
static size_t memory_of(const struct store_event *record)
{
    return 3 * record->json.size;
}

/* An event as a job: one that has been decided. */
static struct job *job_of_event(const struct page *page, const struct store_event *record, klp_event *event)
{
    static const klp_text nothing = {"", 0};
    const struct job_texts texts = {nothing, nothing, nothing, nothing, nothing, nothing, nothing};

    struct job *job = job_new(event->op, &texts, 0);
    if (!job)
        return NULL;
    job->event = *event;
    job->reply_block = (char *)event; /* its texts are behind it */
    job->reply_bytes = memory_of(record);
    job->file = page->file;
    job->is_event_written = true;
    job->is_uncounted = true;
    return job;
}

static bool take_event(void *user, const struct store_event *record)
{
    struct page *page = user;
    const struct job *first_behind = page->file->behind.first;
    klp_event *event = NULL;

    if (first_behind && record->seq >= first_behind->event.seq)
        return false; /* it is in memory */
    if (record->seq > page->file->committed_seq) {
        page->has_more = true; /* of this round: it is still to be published */
        return false;
    }
    if (page->events.count == page->most ||
        (page->events.count && page->bytes + memory_of(record) > page->most_bytes)) {
        page->has_more = true;
        return false;
    }
    if (record->recoveries >= MOST_RECOVERIES) {
        leave_out(page, record, "three processes in a row died while they read it");
        return true;
    }
    store_note_handling(page->file->store, (struct store_handling){STORE_HANDLES_EVENT, record->seq});
    klp_status status = event_read(record->json.data, record->json.size, &event, NULL);
    struct job *job = status ? NULL : job_of_event(page, record, event);
    journal_note_handled(page->file);
    if (status == KLP_E_MALFORMED) {
        leave_out(page, record, "it is no event");
        return true;
    }
    if (!job) {
        event_free(event);
        page->has_more = true;
        return false;
    }
    page->file->loaded_seq = record->seq;
    page->bytes += job->reply_bytes;
    job_list_append(&page->events, job);
    return true;
}

/* Appends what was loaded, and what was kept behind that. */
static void publish(klp_pusher *pusher, struct page *page)
{
    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    for (const struct job *job = page->events.first; job; job = job->next)
        pusher->stats.reply_bytes += job->reply_bytes;
    pusher->events_in_memory += page->events.count;
    page->file->events_in_memory += page->events.count;
    page->file->events_on_disk -= page->events.count + page->lost;
    pusher->stats.unread_events -= page->lost;
    pusher->stats.set_aside += page->lost;
    job_list_append_all(&pusher->unread, &page->events);
    if (!page->has_more)
        job_list_append_all(&pusher->unread, &page->file->behind);
    pusher_signal_events(pusher, was_readable);
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
}

static void load(klp_pusher *pusher, struct journal_file *file, size_t most, uint64_t most_bytes)
{
    struct page page = {.pusher = pusher, .file = file, .most = most, .most_bytes = most_bytes};

    if (store_each_event(file->store, file->loaded_seq, take_event, &page))
        page.has_more = true; /* the disk does not let us read */
    if (page.has_more && !page.events.count)
        pusher->page_again_us = clock_now_us() + AGAIN_US;
    file->is_paged = page.has_more;
    publish(pusher, &page);
}

/* How many more events may come into memory, and how much of it, though the first one may be larger; 0 while there are
 * enough. A half of all is left to calls to come, which are refused, or to replies to come, which are left out, when
 * memory holds as much as it may. */
static size_t room(klp_pusher *pusher, uint64_t *bytes)
{
    const struct settings *settings = &pusher->settings;
    size_t most = settings->max_unread_events, half = most - most / 2, room = 0;
    uint64_t half_bytes = settings->max_reply_bytes / 2;

    pthread_mutex_lock(&pusher->lock);
    size_t unread = pusher->unread.count, held = pusher->events_in_memory;
    uint64_t held_bytes = pusher->stats.reply_bytes;
    bool is_waiting = !unread && !pusher->handed_out.count; /* what else is held can be told only behind these */
    pthread_mutex_unlock(&pusher->lock);
    if (unread < PAGING_FEW && unread < half && held < most && (!unread || held_bytes < half_bytes))
        room = half - unread < most - held ? half - unread : most - held;
    if (is_waiting && room < half)
        room = half < PAGING_FEW ? half : PAGING_FEW;
    *bytes = held_bytes < half_bytes ? half_bytes - held_bytes : 0;
    if (*bytes > LOADED_BYTES)
        *bytes = LOADED_BYTES;
    return room < LOADED_AT_ONCE ? room : LOADED_AT_ONCE;
}

void paging_load(klp_pusher *pusher, uint64_t now_us)
{
    bool is_paged = false, was_paged = pusher->is_paged;
    uint64_t bytes;
    size_t most;

    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        if (file->is_paged && now_us >= pusher->page_again_us && (most = room(pusher, &bytes)))
            load(pusher, file, most, bytes);
        is_paged |= file->is_paged;
    }
    if (is_paged != was_paged) {
        pthread_mutex_lock(&pusher->lock);
        pusher->is_paged = is_paged;
        pthread_mutex_unlock(&pusher->lock);
    }
}

void paging_end(klp_pusher *pusher)
{
    uint64_t limit_us = clock_outside_us() + END_WITHIN_US;

    for (struct journal_file *file = &pusher->journal.own; file; file = journal_next_file(pusher, file)) {
        for (uint64_t before = UINT64_MAX;
             file->behind.first && file->is_paged && before != file->loaded_seq && clock_outside_us() < limit_us;) {
            before = file->loaded_seq;
            load(pusher, file, LOADED_AT_ONCE, LOADED_BYTES);
        }
        pthread_mutex_lock(&pusher->lock);
        job_list_append_all(&pusher->unread, &file->behind);
        pthread_mutex_unlock(&pusher->lock);
    }
}

bool paging_keeps(const struct job *job, bool is_committed)
{
    return is_committed && job->is_event_written && !job->file->behind.first;
}

void paging_begin(struct journal_file *file)
{
    file->is_paged = true;
    file->loaded_seq = file->last_seq;
}

struct death {
    uint64_t seq;
    uint32_t recoveries;
};

static bool take_recoveries(void *user, const struct store_event *record)
{
    struct death *death = user;

    if (record->seq == death->seq)
        death->recoveries = record->recoveries + 1;
    return false;
}

void paging_note_death(struct journal_file *file)
{
    const struct store_handling *died_over = &store_facts(file->store)->died_over;
    struct death death = {.seq = died_over->number};

    if (died_over->kind != STORE_HANDLES_EVENT || died_over->number == 0)
        return;
    if (store_each_event(file->store, death.seq - 1, take_recoveries, &death) || !death.recoveries)
        return;
    store_update_event(file->store, death.seq, death.recoveries); /* if it fails it is counted next time */
    file->has_writes = true;
}
