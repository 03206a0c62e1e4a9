/* SPDX-License-Identifier: Apache-2.0
 * The pusher's one thread: takes what was pushed, sends it, judges the replies, tells the events. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "kraty/path.h"
#include "pusher/conclude.h"
#include "pusher/pusher.h"
#include "pusher/random.h"

enum { LONGEST_SLEEP_MS = 10000 }; /* nothing depends on it */

/* ─── Intake ────────────────────────────────────────────────────────────────────────────────────── */

struct orders {
    bool is_stopping;
    uint64_t stop_at_us;
    struct cancellation *cancellations; /* the worker's now */
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
    job_list_append_all(&taken, &pusher->intake);
    struct orders orders = {pusher->state != PUSHER_OPEN, pusher->stop_at_us, pusher->cancellations};
    pusher->cancellations = NULL;
    pusher->cancellation_count = 0;
    pusher->reply_bytes = pusher->stats.reply_bytes;
    pthread_mutex_unlock(&pusher->lock);

    while ((job = job_list_take_first(&taken)))
        schedule_add(&pusher->schedule, job);
    return orders;
}

/* ─── Verdicts ──────────────────────────────────────────────────────────────────────────────────── */

static struct conclusion conclusion_now(const klp_pusher *pusher)
{
    uint64_t most = pusher->settings.max_reply_bytes;
    return (struct conclusion){
        .api_key = api_key_text(pusher->settings.api_key),
        .reply_bytes_left = pusher->reply_bytes < most ? most - pusher->reply_bytes : 0,
        .now_us = clock_now_us(),
    };
}

static struct job *drop_body(klp_pusher *pusher, struct job *job)
{
    size_t before = job->block_bytes;
    job = job_drop_body(job);
    pusher->dropped_bytes += before - job->block_bytes;
    return job;
}

static void decide(klp_pusher *pusher, struct job *job)
{
    job->event.seq = ++pusher->last_seq;
    pusher->reply_bytes += job->reply_bytes;
    job_list_append(&pusher->decided, job);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* An empty budget puts a retry off, but not beyond half of the time that it has left: it fails none. */
static uint64_t put_off(klp_pusher *pusher, const struct job *job, uint64_t at_us, uint64_t now_us)
{
    uint64_t half_us = now_us + (job->time_us[JOB_DEADLINE] - now_us) / 2;
    return later(at_us, earlier(budget_take(&pusher->budget, now_us), half_us));
}

/* True: the job waits for its next attempt. */
static bool try_again(klp_pusher *pusher, struct job *job, const struct assessment *assessment, uint32_t random)
{
    uint64_t at_us, now_us = clock_now_us();
    struct failed_call call = {
        .is_retryable = assessment->verdict.retryable,
        .attempts = job->attempts_charged,
        .retry_after_ms = assessment->retry_after_ms,
        .deadline_us = job->time_us[JOB_DEADLINE],
    };

    if (!retry_at(&pusher->settings.retry, &call, now_us, random, &at_us))
        return false;
    schedule_add_later(&pusher->schedule, job, put_off(pusher, job, at_us, now_us));
    return true;
}

/* The answer to an attempt that we had no memory to start. */
static const struct transport_reply out_of_memory = {.end = ATTEMPT_NETWORK_ERROR, .failure = "out of memory"};

/* Tells the gate; the attempt is charged unless the gate knew already. */
static void tell_gate(klp_pusher *pusher, struct job *job, const struct assessment *assessment, uint32_t random)
{
    if (assessment->answer == &out_of_memory) { /* no news of the server */
        job->attempts_charged++;
        return;
    }
    enum gate_news news = gate_news_of(&assessment->attempt);
    uint64_t named_ms = assessment->retry_after_ms > 0 ? (uint64_t)assessment->retry_after_ms : 0;
    bool is_news = gate_note(&pusher->gate, news, job->attempt_started_us, named_ms, clock_now_us(), random);

    if (is_news || news != GATE_RATE_LIMITED)
        job->attempts_charged++;
    if (assessment->verdict.ok)
        budget_note_success(&pusher->budget);
}

static void decide_answer(klp_pusher *pusher, struct job *job, const struct transport_reply *answer)
{
    struct assessment assessment;
    uint32_t random = random_series_next(&pusher->jitter);

    assess_attempt(job, answer, clock_unix_s(), &assessment);
    pusher->round_attempts++;
    pusher->round_sends += answer->sends;
    tell_gate(pusher, job, &assessment, random);
    if (!try_again(pusher, job, &assessment, random)) {
        struct conclusion conclusion = conclusion_now(pusher);
        job = drop_body(pusher, job);
        conclude_assessed(job, &assessment, &conclusion);
        decide(pusher, job);
    }
    assessment_free(&assessment);
}

static void decide_reply(klp_pusher *pusher, struct transport_reply *reply)
{
    decide_answer(pusher, reply->owner, reply);
    transport_release(pusher->transport, reply);
}

static void decide_local(klp_pusher *pusher, struct job *job, enum local_end end)
{
    struct conclusion conclusion = conclusion_now(pusher);

    job = drop_body(pusher, job);
    conclude_local(job, end, NULL, &conclusion);
    decide(pusher, job);
}

static void decide_aborted(klp_pusher *pusher, struct transport_reply *reply, enum local_end end)
{
    struct conclusion conclusion = conclusion_now(pusher);
    struct job *job = drop_body(pusher, reply->owner);

    pusher->round_attempts++;
    pusher->round_sends += reply->sends;
    gate_note_abort(&pusher->gate, job->attempt_started_us);
    conclude_local(job, end, reply, &conclusion);
    transport_release(pusher->transport, reply);
    decide(pusher, job);
}

/* While a 429 holds everything: calls whose time is over before the gate opens need not wait to hear it. */
static void decide_hopeless(klp_pusher *pusher, uint64_t now_us)
{
    uint64_t opens_us = gate_opens_us(&pusher->gate, false);
    struct job *job;

    while (opens_us > now_us && (job = schedule_take_expired(&pusher->schedule, opens_us))) {
        struct conclusion conclusion = conclusion_now(pusher);
        job = drop_body(pusher, job);
        conclude_local(job, LOCAL_RATE_LIMITED, NULL, &conclusion);
        job->event.retry_after_ms = (int64_t)((opens_us - now_us + 999) / 1000);
        decide(pusher, job);
    }
}

static void look_at_the_clock(klp_pusher *pusher)
{
    struct job *job;
    uint64_t now_us = clock_now_us();

    while ((job = schedule_take_expired(&pusher->schedule, now_us)))
        decide_local(pusher, job, LOCAL_DEADLINE_EXCEEDED);
    schedule_wake(&pusher->schedule, now_us);
    if (pusher->gate.state == GATE_HELD)
        decide_hopeless(pusher, now_us);
}

static void decide_all(klp_pusher *pusher)
{
    struct transport_reply *reply;
    struct job *job;

    while ((reply = transport_abort(pusher->transport, NULL, 0)))
        decide_aborted(pusher, reply, LOCAL_SHUTDOWN);
    while ((job = schedule_take_any(&pusher->schedule)))
        decide_local(pusher, job, LOCAL_SHUTDOWN);
}

/* ─── Attempts ──────────────────────────────────────────────────────────────────────────────────── */

static void stamp(klp_pusher *pusher, struct job *job)
{
    if (!job->key_to_stamp)
        return;
    uuid_series_next(&pusher->idempotency_keys, job_body(job) + job->key_to_stamp);
    job->key_to_stamp = 0;
}

static void write_path(const klp_event *event, char *path, size_t capacity)
{
    switch (event->op) {
    case KLP_OP_PUSH:
        path_of_push(event->game_id.data, event->game_id.size, event->event_key.data, event->event_key.size, path,
                     capacity);
        break;
    case KLP_OP_READ:
        path_of_read(event->game_id.data, event->game_id.size, event->lobby_id.data, event->lobby_id.size, path,
                     capacity);
        break;
    default:
        memcpy(path, PATH_OF_PING, sizeof PATH_OF_PING);
    }
}

static uint64_t timeout_of(const klp_pusher *pusher, const struct job *job, uint64_t now_us)
{
    uint64_t left_ms = job->time_us[JOB_DEADLINE] > now_us ? (job->time_us[JOB_DEADLINE] - now_us + 999) / 1000 : 1;
    return left_ms < pusher->settings.attempt_timeout_ms ? left_ms : pusher->settings.attempt_timeout_ms;
}

static void start(klp_pusher *pusher, struct job *job)
{
    char path[PATH_MAX_BYTES + 1];

    job->attempt_started_us = clock_now_us();
    pusher->round_retries += job->event.attempts > 0;
    write_path(&job->event, path, sizeof path);
    struct transport_request request = {
        .path = path,
        .body = job->body_bytes ? job_body(job) : NULL,
        .body_bytes = job->body_bytes,
        .timeout_ms = timeout_of(pusher, job, job->attempt_started_us),
        .owner = job,
    };
    if (transport_start(pusher->transport, &request))
        gate_note_start(&pusher->gate);
    else
        decide_answer(pusher, job, &out_of_memory);
}

static unsigned in_flight(const klp_pusher *pusher)
{
    return pusher->settings.max_in_flight - transport_free_places(pusher->transport);
}

/* Whether the next job is the only one there is. */
static bool is_alone(const klp_pusher *pusher)
{
    return schedule_count(&pusher->schedule) + in_flight(pusher) == 1;
}

static bool can_start(klp_pusher *pusher)
{
    return transport_free_places(pusher->transport) > 0 && schedule_has_ready(&pusher->schedule) &&
           gate_may_start(&pusher->gate, in_flight(pusher), is_alone(pusher), clock_now_us());
}

static void start_attempts(klp_pusher *pusher)
{
    while (can_start(pusher)) {
        struct job *job = schedule_take_next(&pusher->schedule);
        stamp(pusher, job);
        start(pusher, job);
    }
}

static void take_replies(klp_pusher *pusher)
{
    struct transport_reply *reply;

    while ((reply = transport_take(pusher->transport)))
        decide_reply(pusher, reply);
}

/* ─── Cancelling ────────────────────────────────────────────────────────────────────────────────── */

static bool is_of_ticket(const void *owner, uint64_t ticket)
{
    const struct job *job = owner;
    return job->event.ticket == ticket;
}

static void cancel(klp_pusher *pusher, uint64_t ticket)
{
    struct job *job = schedule_take_ticket(&pusher->schedule, ticket);
    if (job) {
        decide_local(pusher, job, LOCAL_CANCELLED);
        return;
    }
    struct transport_reply *reply = transport_abort(pusher->transport, is_of_ticket, ticket);
    if (reply)
        decide_aborted(pusher, reply, LOCAL_CANCELLED);
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
    uint64_t seq, now_us = clock_now_us();

    if (courier_receive(pusher->courier, now_us, &seq))
        pusher_acknowledge_up_to(pusher, seq);
    if (!pusher->unread.first || !courier_may_send(pusher->courier, now_us))
        return;
    for (const struct job *job = pusher->unread.first; job && courier_add(pusher->courier, &job->event);
         job = job->next)
        ;
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
    return !pusher->courier || !pusher->unread.first || courier_is_dead(pusher->courier);
}

/* ─── The loop ──────────────────────────────────────────────────────────────────────────────────── */

static bool is_idle(const klp_pusher *pusher)
{
    return schedule_count(&pusher->schedule) == 0 && in_flight(pusher) == 0;
}

static void sleep_until_needed(klp_pusher *pusher, const struct orders *orders)
{
    const int descriptors[] = {pusher->wake_descriptor, pusher->courier ? courier_descriptor(pusher->courier) : -1};
    uint64_t now_us = clock_now_us();
    uint64_t until_us = now_us + LONGEST_SLEEP_MS * 1000u;

    until_us = earlier(until_us, schedule_next_us(&pusher->schedule));
    if (pusher->courier && pusher->unread.first)
        until_us = earlier(until_us, courier_pause_ends_us(pusher->courier));
    if (schedule_has_ready(&pusher->schedule) && gate_opens_us(&pusher->gate, is_alone(pusher)) > now_us)
        until_us = earlier(until_us, gate_opens_us(&pusher->gate, is_alone(pusher)));
    if (orders->is_stopping)
        until_us = earlier(until_us, orders->stop_at_us);
    unsigned wait_ms = until_us > now_us ? (unsigned)((until_us - now_us + 999) / 1000) : 0;
    transport_wait(pusher->transport, descriptors, sizeof descriptors / sizeof *descriptors, wait_ms);
}

static void end(klp_pusher *pusher)
{
    transport_close(pusher->transport);
    if (pusher->courier)
        courier_close(pusher->courier);

    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    pusher->state = PUSHER_STOPPED;
    pusher->in_flight = 0;
    pusher_signal_events(pusher, was_readable);
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
}

void *pusher_work(void *argument)
{
    klp_pusher *pusher = argument;

    for (;;) {
        struct orders orders = take_in(pusher);
        bool is_time_up = orders.is_stopping && clock_now_us() >= orders.stop_at_us;

        cancel_all(pusher, orders.cancellations);
        look_at_the_clock(pusher);
        if (!is_time_up)
            start_attempts(pusher);
        transport_run(pusher->transport);
        take_replies(pusher);
        if (is_time_up)
            decide_all(pusher);
        pusher_publish(pusher);
        tell_and_count(pusher);

        if (orders.is_stopping && is_idle(pusher) && (is_time_up || is_all_told(pusher)))
            break;
        if (!can_start(pusher))
            sleep_until_needed(pusher, &orders);
    }
    end(pusher);
    return NULL;
}
