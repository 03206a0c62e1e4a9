/* SPDX-License-Identifier: Apache-2.0
 * Events between their verdict and the host's acknowledgement. */
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "pusher/paging.h"
#include "pusher/pusher.h"
#include "results/event_json.h"
#include "telemetry/histogram.h"

/* So many as are to be in memory may be in the host's hands. */
static bool has_hands_free(const klp_pusher *pusher)
{
    return pusher->handed_out.count < pusher->settings.max_unread_events;
}

bool pusher_has_something_to_say(const klp_pusher *pusher)
{
    if (pusher->settings.results_url && pusher->state != PUSHER_STOPPED)
        return false; /* they are the courier's */
    return pusher->unread.first ? has_hands_free(pusher) : pusher->state == PUSHER_STOPPED;
}

void pusher_signal_events(klp_pusher *pusher, bool was_readable)
{
    bool is_readable = pusher_has_something_to_say(pusher);
    uint64_t counter = 1;

    /* an eventfd that does not block: neither call can wait, and neither fails on a counter of 0 and 1 */
    if (is_readable && !was_readable)
        (void)!write(pusher->event_descriptor, &counter, sizeof counter);
    else if (was_readable && !is_readable)
        (void)!read(pusher->event_descriptor, &counter, sizeof counter);
}

static void count_verdict(klp_stats *stats, const klp_event *event)
{
    if (event->op == KLP_OP_CALL) {
        stats->calls_ok += event->ok != 0;
        stats->calls_failed += event->ok == 0;
        return;
    }
    if (event->op != KLP_OP_PUSH) {
        stats->queries_ok += event->ok != 0;
        stats->queries_failed += event->ok == 0;
        return;
    }
    stats->applied += event->outcome == KLP_APPLIED;
    stats->replayed += event->replayed != 0;
    stats->not_applied += event->outcome == KLP_NOT_APPLIED;
    stats->possibly_applied += event->outcome == KLP_POSSIBLY_APPLIED;
}

static void count_latencies(klp_pusher *pusher, const struct job *job)
{
    if (job->event.op != KLP_OP_PUSH)
        return;
    histogram_note(&pusher->total_latencies, job->event.elapsed_us);
    if (job->queue_us)
        histogram_note(&pusher->queue_latencies, job->queue_us - 1);
}

/* What stands before everything: the key's hold is one of its own. */
static void count_gate(klp_pusher *pusher)
{
    const struct credentials *credentials = &pusher->credentials;

    pusher->stats.gate = credentials->is_suspect ? (uint64_t)KLP_GATE_KEY_REFUSED : (uint64_t)pusher->gate.state;
    pusher->gate_opens_us = credentials->is_suspect ? credentials->held_until_us : gate_opens_us(&pusher->gate, false);
}

/* In the same breath as the verdicts: a call is queued, in flight or decided, and never two of them. */
static void count_edges(klp_pusher *pusher)
{
    pusher->in_flight = pusher_in_flight(pusher) - pusher->key_check.is_out; /* a ping of our own is nobody's call */
    pusher->oldest_push_us = pusher->undecided_pushes.oldest ? pusher->undecided_pushes.oldest->accepted_us : 0;
    pusher->stats.api_key_generation = pusher->credentials.generation;
    count_gate(pusher);
    pusher->stats.connections = transport_connections_opened(pusher->transport);
    if (!pusher->courier)
        return;
    pusher->stats.messages_sent = courier_messages_sent(pusher->courier);
    pusher->stats.replies_ignored = courier_replies_ignored(pusher->courier);
}

/* Under the lock: one that is to be told, and where it is until then. */
static void deliver(klp_pusher *pusher, struct job *job, bool is_kept)
{
    struct journal_file *file = job->file;

    if (is_kept) {
        file->events_on_disk++;
        pusher->stats.queued_bytes -= job->is_uncounted ? 0 : job->block_bytes;
        return;
    }
    pusher->stats.reply_bytes += job->reply_bytes;
    pusher->events_in_memory++;
    file->events_in_memory++;
    job_list_append(file->is_paged ? &file->behind : &pusher->unread, job);
}

/* Under the lock. */
static void count_decided(klp_pusher *pusher, const struct job *job)
{
    count_verdict(&pusher->stats, &job->event);
    count_latencies(pusher, job);
    pusher->stats.replies_left_out += job->event.truncated != 0;
    pusher->undecided--;
    pusher->awaiting -= job->event.op == KLP_OP_AWAIT;
    pusher->recovered_calls -= job->event.recovered != 0;
    pusher->adopted_calls -= job->file != &pusher->journal.own;
    pusher->stats.unread_events++;
}

/* Under the lock. */
static void count_journal(klp_pusher *pusher, bool is_committed, uint64_t first_unwritten)
{
    const struct journal *journal = &pusher->journal;

    pusher->stats.journaled += pusher->round_journaled;
    pusher->stats.set_aside += pusher->round_set_aside;
    pusher->round_journaled = pusher->round_set_aside = 0;
    if (!pusher->settings.outbox_dir)
        return;
    if (is_committed)
        pusher->journaled_ticket =
            first_unwritten <= pusher->last_ticket_seen ? first_unwritten - 1 : pusher->last_ticket_seen;
    pusher->stats.degraded = !journal_is_on(pusher) || journal->is_failing;
    pusher->stats.outbox_bytes = pusher->round_outbox_bytes;
    pusher->outbox_room_bytes = journal->room_again_us ? 0 : pusher->round_room_bytes;
    if (is_committed) { /* it is in the room that is left */
        pusher->intake_cost_bytes -= pusher->seen_cost_bytes;
        pusher->seen_cost_bytes = 0;
    }
}

/* As they are told: by now it is known what could be written. */
static void log_decided(klp_pusher *pusher)
{
    for (const struct job *job = pusher->decided.first; job; job = job->next)
        pusher_log_verdict(pusher, &job->event);
}

void pusher_publish(klp_pusher *pusher, bool is_committed)
{
    uint64_t first_unwritten = journal_first_unwritten_ticket(pusher);
    bool has_news = pusher->decided.first != NULL;
    struct job_list kept = {0};
    struct job *job;

    log_decided(pusher);
    if (journal_is_on(pusher)) {
        pusher->round_outbox_bytes = store_bytes(pusher->journal.own.store);
        pusher->round_room_bytes = store_room_bytes(pusher->journal.own.store);
    }
    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    while ((job = job_list_take_first(&pusher->decided))) {
        bool is_kept = job->file->is_paged && paging_keeps(job, is_committed);
        count_decided(pusher, job);
        deliver(pusher, job, is_kept);
        if (is_kept)
            job_list_append(&kept, job);
    }
    pusher->undecided -= pusher->round_abandoned;
    pusher->recovered_calls -= pusher->round_abandoned_recovered;
    pusher->adopted_calls -= pusher->round_abandoned_adopted;
    has_news |= pusher->round_abandoned > 0 || pusher->waiting_for_journal > 0;
    pusher->round_abandoned = pusher->round_abandoned_recovered = pusher->round_abandoned_adopted = 0;
    pusher->stats.queued_bytes -= pusher->dropped_bytes;
    pusher->stats.attempts += pusher->round_attempts;
    pusher->stats.sends += pusher->round_sends;
    pusher->stats.retries += pusher->round_retries;
    pusher->stats.joined += pusher->round_joined;
    pusher->dropped_bytes = pusher->round_attempts = pusher->round_sends = 0;
    pusher->round_retries = pusher->round_joined = 0;
    count_journal(pusher, is_committed, first_unwritten);
    count_edges(pusher);
    bool is_many = pusher->unread.count > PAGING_MANY ||
                   pusher->events_in_memory > pusher->settings.max_unread_events / 2 ||
                   pusher->stats.reply_bytes > pusher->settings.max_reply_bytes / 2;
    pusher_signal_events(pusher, was_readable);
    if (has_news)
        pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);

    for (struct journal_file *file = &pusher->journal.own; is_many && file; file = journal_next_file(pusher, file))
        if (file->store && !file->is_paged && is_committed)
            paging_begin(file);
    while ((job = job_list_take_first(&kept)))
        job_free(job);
}

void pusher_note_edges(klp_pusher *pusher)
{
    pthread_mutex_lock(&pusher->lock);
    count_edges(pusher);
    pthread_mutex_unlock(&pusher->lock);
}

/* Under the lock: the event no longer counts. The caller frees the job after unlocking. */
static void uncount(klp_pusher *pusher, const struct job *job)
{
    pusher->events_in_memory--;
    job->file->events_in_memory--;
    pusher->stats.unread_events--;
    pusher->stats.events_acknowledged++;
    pusher->stats.queued_bytes -= job->is_uncounted ? 0 : job->block_bytes;
    pusher->stats.reply_bytes -= job->reply_bytes;
}

void pusher_acknowledge_up_to(klp_pusher *pusher, const struct journal_file *file, uint64_t seq)
{
    struct job_list told = {0};
    struct job *job;

    pthread_mutex_lock(&pusher->lock);
    while ((job = pusher->unread.first) && job->file == file && job->event.seq <= seq) {
        job_list_remove(&pusher->unread, job);
        uncount(pusher, job);
        job_list_append(&told, job);
    }
    pthread_mutex_unlock(&pusher->lock);
    while ((job = job_list_take_first(&told))) {
        journal_forget(pusher, job, clock_now_us());
        job_free(job);
    }
}

void pusher_set_reserved(klp_pusher *pusher, uint64_t last_ticket)
{
    pthread_mutex_lock(&pusher->lock);
    pusher->reserved_ticket = last_ticket;
    pthread_mutex_unlock(&pusher->lock);
}

/* The event as JSON, on the host's thread and without the lock: nobody else has the job by now. */
static klp_status add_json(struct job *job)
{
    if (job->json)
        return KLP_OK;
    size_t size = event_write(&job->event, NULL, 0);
    job->json = malloc(size + 1);
    if (!job->json)
        return KLP_E_NO_MEMORY;
    event_write(&job->event, job->json, size);
    job->json[size] = '\0';
    job->event.json = (klp_text){job->json, size};
    return KLP_OK;
}

/* Under the lock. Waits until there is something to say. */
static klp_status wait_for_event(klp_pusher *pusher, uint32_t timeout_ms)
{
    uint64_t limit_us = timeout_ms ? clock_after_ms(clock_outside_us(), timeout_ms) : 0;
    struct timespec limit = clock_timespec(limit_us);

    for (;;) {
        if (pusher->settings.results_url && pusher->state != PUSHER_STOPPED)
            return KLP_E_NOT_AVAILABLE;
        if (pusher->unread.first && has_hands_free(pusher))
            return KLP_OK;
        if (pusher->state == PUSHER_STOPPED && !pusher->unread.first)
            return KLP_E_DRAINED;
        if (timeout_ms == 0)
            return KLP_E_TIMEOUT;
        if (limit_us == CLOCK_NEVER_US)
            pthread_cond_wait(&pusher->changed, &pusher->lock);
        else if (pthread_cond_timedwait(&pusher->changed, &pusher->lock, &limit))
            timeout_ms = 0; /* a last look */
    }
}

static void put_back(klp_pusher *pusher, struct job *job)
{
    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    job_list_remove(&pusher->handed_out, job);
    pointer_set_remove(&pusher->handed_out_events, &job->event);
    struct job_list first = {job, job, 1};
    job_list_append_all(&first, &pusher->unread);
    pusher->unread = first;
    pusher_signal_events(pusher, was_readable);
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
}

klp_status pusher_next_event(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event)
{
    struct job *job = NULL;

    pthread_mutex_lock(&pusher->lock);
    klp_status status = wait_for_event(pusher, timeout_ms);
    bool is_more_to_load = pusher->is_paged && pusher->unread.count < PAGING_FEW;
    if (!status) {
        bool was_readable = pusher_has_something_to_say(pusher);
        job = job_list_take_first(&pusher->unread);
        job_list_append(&pusher->handed_out, job);
        pointer_set_add(&pusher->handed_out_events, &job->event);
        pusher_signal_events(pusher, was_readable);
    }
    pthread_mutex_unlock(&pusher->lock);
    if (is_more_to_load)
        pusher_wake(pusher);
    if (status)
        return status;

    status = add_json(job);
    if (status) {
        put_back(pusher, job);
        return status;
    }
    *event = &job->event;
    return KLP_OK;
}

/* An event is in its job. */
static struct job *job_of(const klp_event *event)
{
    return (struct job *)((uintptr_t)event - offsetof(struct job, event));
}

klp_status pusher_acknowledge(klp_pusher *pusher, const klp_event *event)
{
    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    /* the address is asked for before the event is looked at: acknowledged twice, it is gone */
    struct job *job = pointer_set_remove(&pusher->handed_out_events, event) ? job_of(event) : NULL;
    if (job) {
        job_list_remove(&pusher->handed_out, job);
        uncount(pusher, job);
    }
    bool is_to_forget = job && job->is_event_written; /* by the outbox: the worker does it, or close() */
    if (is_to_forget)
        job_list_append(&pusher->acknowledged, job);
    bool is_more_to_load = pusher->is_paged && pusher->unread.count < PAGING_FEW; /* there is room for it now */
    pusher_signal_events(pusher, was_readable);
    if (pusher_has_something_to_say(pusher) && !was_readable) /* his hands were full */
        pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
    if (!job)
        return KLP_E_INVALID_ARGUMENT;
    if (!is_to_forget)
        job_free(job);
    if (is_to_forget || is_more_to_load)
        pusher_wake(pusher);
    return KLP_OK;
}

_Static_assert((int)GATE_OPEN == (int)KLP_GATE_OPEN && (int)GATE_RAMPING == (int)KLP_GATE_RAMPING &&
                   (int)GATE_HELD == (int)KLP_GATE_HELD && (int)GATE_PROBING == (int)KLP_GATE_PROBING,
               "the gate's states are told by their numbers");
