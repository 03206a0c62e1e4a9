/* SPDX-License-Identifier: Apache-2.0
 * The pusher's one thread: takes what was pushed, sends it, judges the replies, tells the events. */
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "pusher/adoption.h"
#include "pusher/paging.h"
#include "pusher/pusher.h"

static bool is_it(const void *owner, uint64_t job)
{
    return (uint64_t)(uintptr_t)owner == job;
}

static bool is_await(const void *owner, uint64_t unused)
{
    const struct job *job = owner;
    (void)unused;
    return job->event.op == KLP_OP_AWAIT;
}

/* ─── Intake ────────────────────────────────────────────────────────────────────────────────────── */

struct orders {
    bool is_stopping;
    uint64_t stop_at_us;
    struct cancellation *cancellations; /* the worker's now, as are the next two */
    struct api_key *given_key;
    struct job_list acknowledged;
};

static struct orders take_in(klp_pusher *pusher)
{
    struct job_list taken = {0};
    struct job *job;
    uint64_t counter;

    /* In this order: a push that comes after the flag is cleared writes to a descriptor that we have read already, and
     * wakes us again; one that comes before is in the queue that we are about to drain. */
    (void)!read(pusher->wake_descriptor, &counter, sizeof counter);
    atomic_store(&pusher->is_woken, false);

    pthread_mutex_lock(&pusher->lock);
    pusher->oldest_push_us = pusher_oldest_push_us(pusher); /* its age is asked for before the round has ended, too */
    job_list_append_all(&taken, &pusher->intake);
    struct orders orders = {
        pusher->state != PUSHER_OPEN, pusher->stop_at_us, pusher->cancellations, pusher->given_key, {0}};
    job_list_append_all(&orders.acknowledged, &pusher->acknowledged);
    pusher->last_ticket_seen = pusher->last_ticket;
    pusher->seen_cost_bytes = pusher->intake_cost_bytes;
    pusher->given_key = NULL;
    pusher->cancellations = NULL;
    pusher->cancellation_count = 0;
    pusher->reply_bytes = pusher->stats.reply_bytes;
    pthread_mutex_unlock(&pusher->lock);

    if (orders.given_key)
        pusher_adopt_key(pusher, orders.given_key);
    while ((job = job_list_take_first(&orders.acknowledged))) {
        journal_forget(pusher, job, clock_now_us());
        job_free(job);
    }
    while ((job = job_list_take_first(&taken)))
        pusher_admit(pusher, job);
    return orders;
}

/* ─── Ends without an answer ────────────────────────────────────────────────────────────────────── */

/* While a 429 holds everything: calls whose time is over before the gate opens need not wait to hear it. Awaits do:
 * what they have seen by then is their answer. */
static void end_hopeless(klp_pusher *pusher, uint64_t now_us)
{
    uint64_t opens_us = pusher->gate.state == GATE_HELD ? gate_opens_us(&pusher->gate, false) : 0;
    struct job_list spared = {0};
    struct job *job;

    while (opens_us > now_us && (job = schedule_take_expired_but_awaits(&pusher->schedule, opens_us))) {
        if (job->leader && job_is_in_flight(job->leader))
            job_list_append(&spared, job); /* its answer is on the way */
        else
            pusher_end(pusher, job, LOCAL_RATE_LIMITED, (int64_t)((opens_us - now_us + 999) / 1000));
    }
    while ((job = job_list_take_first(&spared)))
        schedule_attach_joined(&pusher->schedule, job, job->leader);
}

/* Their reply was waited for on behalf of a ticket that has left. */
static void end_cut_short(klp_pusher *pusher, uint64_t now_us)
{
    struct job *job;

    while ((job = schedule_take_cut_short(&pusher->schedule, now_us)))
        pusher_decide_aborted(pusher, transport_abort(pusher->transport, is_it, (uintptr_t)job),
                              LOCAL_DEADLINE_EXCEEDED);
}

/* What it was that it waited for in vain. */
static enum local_end end_of_expired(const klp_pusher *pusher, const struct job *job)
{
    if (job->event.op == KLP_OP_AWAIT)
        return LOCAL_DEADLINE_EXCEEDED;
    if (job->journal_id && job->event.attempts == 0 && (!journal_has(job) || journal_is_failing(pusher, job->file)))
        return LOCAL_OUTBOX_UNAVAILABLE;
    return credentials_is_refused(&pusher->credentials) ? LOCAL_SESSION_INVALID : LOCAL_DEADLINE_EXCEEDED;
}

static void look_at_the_clock(klp_pusher *pusher)
{
    struct job *job;
    uint64_t now_us = clock_now_us();

    while ((job = schedule_take_expired(&pusher->schedule, now_us))) {
        enum local_end end = end_of_expired(pusher, job);
        /* should the process die before the disk lets itself be written, what it refused may be there all the same */
        job->possibly_applied |= end == LOCAL_OUTBOX_UNAVAILABLE && job->may_come_back;
        pusher_end(pusher, job, end, KLP_NO_RETRY_AFTER);
    }
    schedule_wake(&pusher->schedule, now_us);
    end_cut_short(pusher, now_us);
    end_hopeless(pusher, now_us);
}

/* There is nothing to drain in a watch. */
static void end_awaits(klp_pusher *pusher)
{
    struct transport_reply *reply;
    struct job *job;

    while ((reply = transport_abort(pusher->transport, is_await, 0)))
        pusher_decide_aborted(pusher, reply, LOCAL_SHUTDOWN);
    while ((job = schedule_take_await(&pusher->schedule)))
        pusher_end(pusher, job, LOCAL_SHUTDOWN, KLP_NO_RETRY_AFTER);
}

static void end_unsent(klp_pusher *pusher, struct job *job)
{
    if (pusher_is_in_outbox(pusher, job))
        pusher_abandon(pusher, job);
    else
        pusher_end(pusher, job, LOCAL_SHUTDOWN, KLP_NO_RETRY_AFTER);
}

/* Before the push that they stand behind: it may leave its key in doubt, which they never were. */
static void end_line(klp_pusher *pusher, const struct job *under_way)
{
    struct job *job;

    while ((job = under_way->behind)) {
        schedule_take(&pusher->schedule, job);
        end_unsent(pusher, job);
    }
}

static void end_on_the_wire(klp_pusher *pusher, struct transport_reply *reply)
{
    end_line(pusher, reply->owner);
    if (pusher_is_in_outbox(pusher, reply->owner))
        pusher_abandon_on_the_wire(pusher, reply);
    else
        pusher_decide_aborted(pusher, reply, LOCAL_SHUTDOWN);
}

static void end_all(klp_pusher *pusher)
{
    struct transport_reply *reply;
    struct job *job;

    while ((reply = transport_abort(pusher->transport, NULL, 0)))
        end_on_the_wire(pusher, reply);
    while ((job = schedule_any(&pusher->schedule))) {
        if (job->leader) /* they end together */
            job = job->leader;
        end_line(pusher, job);
        schedule_take(&pusher->schedule, job);
        end_unsent(pusher, job);
    }
}

static void take_replies(klp_pusher *pusher)
{
    struct transport_reply *reply;

    while ((reply = transport_take(pusher->transport)))
        pusher_decide_reply(pusher, reply);
}

/* ─── Cancelling ────────────────────────────────────────────────────────────────────────────────── */

/* Its ticket leaves; those that joined it go on. */
static void cancel_one_of_many(klp_pusher *pusher, struct job *leader)
{
    pusher_end(pusher, pusher_part(pusher, leader), LOCAL_CANCELLED, KLP_NO_RETRY_AFTER);
}

static void cancel(klp_pusher *pusher, uint64_t ticket)
{
    struct job *job = ticket_table_find(&pusher->tickets, ticket);

    if (!job)
        return; /* it has its verdict */
    if (job->joined.first) {
        cancel_one_of_many(pusher, job);
    } else if (!job_is_in_flight(job)) {
        schedule_take(&pusher->schedule, job);
        pusher_end(pusher, job, LOCAL_CANCELLED, KLP_NO_RETRY_AFTER);
    } else {
        pusher_decide_aborted(pusher, transport_abort(pusher->transport, is_it, (uintptr_t)job), LOCAL_CANCELLED);
    }
}

static void cancel_all(klp_pusher *pusher, struct cancellation *cancellations)
{
    if (!cancellations)
        return;
    transport_run(pusher->transport); /* a reply that is there already is better than a doubt */
    take_replies(pusher);
    while (cancellations) {
        struct cancellation *next = cancellations->next;
        cancel(pusher, cancellations->ticket);
        free(cancellations);
        cancellations = next;
    }
}

/* ─── Events ────────────────────────────────────────────────────────────────────────────────────── */

/* In this mode nobody but the worker touches the unread events until it has stopped: no lock. */
static void tell(klp_pusher *pusher)
{
    uint64_t seq, now_us = clock_outside_us();

    if (courier_receive(pusher->courier, now_us, &seq))
        pusher_acknowledge_up_to(pusher, pusher->told_file, seq);
    const struct job *job = pusher->unread.first;
    if (!job || !courier_may_send(pusher->courier, now_us))
        return;
    pusher->told_file = job->file; /* a message is of one pusher, and of one epoch, or its reply would be ambiguous */
    while (job && job->file == pusher->told_file && courier_add(pusher->courier, &job->event))
        job = job->next;
    courier_send(pusher->courier, now_us);
}

static void tell_and_count(klp_pusher *pusher)
{
    if (!pusher->courier)
        return;
    tell(pusher);
    pusher_note_edges(pusher);
}

static bool is_all_told(const klp_pusher *pusher)
{
    return !pusher->courier || (!pusher->unread.first && !pusher->is_paged) || courier_is_dead(pusher->courier);
}

/* ─── The loop ──────────────────────────────────────────────────────────────────────────────────── */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A ping of our own is nobody's call. */
static bool is_idle(const klp_pusher *pusher)
{
    return schedule_count(&pusher->schedule) == 0 && pusher_in_flight(pusher) == pusher->key_check.is_out;
}

/* When what is ready may start: of the times that stand before it the first that is to come. */
static uint64_t next_start_us(const klp_pusher *pusher, uint64_t now_us)
{
    uint64_t gate_us = gate_opens_us(&pusher->gate, pusher_is_alone(pusher));
    uint64_t key_us = credentials_next_us(&pusher->credentials, now_us);
    uint64_t check_us = key_check_is_pending(&pusher->key_check) ? pusher->key_check.not_before_us : 0;
    uint64_t first_us = UINT64_MAX;

    if (gate_us > now_us)
        first_us = earlier(first_us, gate_us);
    if (key_us != UINT64_MAX)
        first_us = earlier(first_us, key_us > now_us ? key_us : now_us);
    if (check_us > now_us)
        first_us = earlier(first_us, check_us);
    return first_us;
}

static uint64_t time_left(uint64_t until_us, uint64_t now_us)
{
    if (until_us == CLOCK_NEVER_US)
        return CLOCK_NEVER_US;
    return until_us > now_us ? until_us - now_us : 0;
}

static void sleep_until_needed(klp_pusher *pusher, const struct orders *orders)
{
    const int descriptors[] = {pusher->wake_descriptor, pusher->courier ? courier_descriptor(pusher->courier) : -1};
    uint64_t now_us = clock_now_us();
    uint64_t calls_us = schedule_next_us(&pusher->schedule);
    uint64_t upkeep_us = journal_next_us(pusher);
    uint64_t reader_us = CLOCK_NEVER_US;

    if (schedule_has_ready(&pusher->schedule))
        calls_us = earlier(calls_us, next_start_us(pusher, now_us));
    if (pusher->is_paged && pusher->page_again_us > now_us)
        upkeep_us = earlier(upkeep_us, pusher->page_again_us);
    if (orders->is_stopping)
        upkeep_us = earlier(upkeep_us, orders->stop_at_us);
    if (pusher->courier && pusher->unread.first)
        reader_us = courier_pause_ends_us(pusher->courier);
    transport_wait(pusher->transport, descriptors, sizeof descriptors / sizeof *descriptors,
                   &(struct transport_pause){.calls_us = time_left(calls_us, now_us),
                                             .upkeep_us = time_left(upkeep_us, now_us),
                                             .outside_us = time_left(reader_us, clock_outside_us()),
                                             .is_stopping = orders->is_stopping});
}

static void end(klp_pusher *pusher)
{
    paging_end(pusher);
    transport_close(pusher->transport);
    if (pusher->courier)
        courier_close(pusher->courier);
    log_say(&pusher->log, LOG_STOPPED, KLP_LOG_INFO, clock_now_us(), "%s: stopped", pusher->settings.name.data);

    /* once it has been joined its id may be that of any new thread of the host's */
    atomic_store(&pusher->worker_itself, (pthread_t)0);

    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    pusher->state = PUSHER_STOPPED;
    pusher->in_flight = 0;
    pusher_signal_events(pusher, was_readable);
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
}

/* No attempt starts and no event is told before it is written down. */
static bool write_and_publish(klp_pusher *pusher)
{
    bool is_committed = journal_commit(pusher, clock_now_us());

    adoption_drop_lost(pusher);
    pusher_publish(pusher, is_committed);
    return is_committed;
}

void *pusher_work(void *argument)
{
    klp_pusher *pusher = argument;

    transport_enter(pusher->transport);
    atomic_store(&pusher->worker_itself, pthread_self());
    log_say(&pusher->log, LOG_OPENED, KLP_LOG_INFO, clock_now_us(), "%s: open, to %s", pusher->settings.name.data,
            pusher->settings.base_url);
    for (;;) {
        struct orders orders = take_in(pusher);
        bool is_time_up = orders.is_stopping && clock_now_us() >= orders.stop_at_us;

        if (orders.is_stopping)
            pusher->journal.adopt_us = UINT64_MAX; /* it looks no more, and is not woken for it */
        else
            adoption_look(pusher, clock_now_us());
        cancel_all(pusher, orders.cancellations);
        look_at_the_clock(pusher);
        if (orders.is_stopping)
            end_awaits(pusher);
        transport_run(pusher->transport);
        take_replies(pusher);
        if (is_time_up) {
            write_and_publish(pusher); /* what is written by then may stay there */
            end_all(pusher);
        } else {
            pusher_plan_attempts(pusher);
        }
        end_hopeless(pusher, clock_now_us()); /* of what has just become ready again */
        pusher_log_gate(pusher);
        bool is_journaled = write_and_publish(pusher);
        pusher_start_attempts(pusher, is_journaled);
        bool has_replies = transport_run(pusher->transport);
        tell_and_count(pusher);
        paging_load(pusher, clock_now_us());
        adoption_close_empty(pusher);

        if (orders.is_stopping && is_idle(pusher) && !pusher->decided.first && (is_time_up || is_all_told(pusher)))
            break;
        if (!has_replies && !pusher->decided.first && !pusher_can_start(pusher))
            sleep_until_needed(pusher, &orders);
    }
    end(pusher);
    return NULL;
}
