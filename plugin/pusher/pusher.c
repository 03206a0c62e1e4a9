/* SPDX-License-Identifier: Apache-2.0
 * A pusher's life: open, stop, close, and what can be asked of it meanwhile. */
#include "pusher/pusher.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "pusher/fork_guard.h"
#include "pusher/libraries.h"
#include "pusher/random.h"
#include "pusher/recovery.h"
#include "why.h"

enum { MOST_DOUBTFUL_KEYS = 65536 };

/* ─── Opening ───────────────────────────────────────────────────────────────────────────────────── */

static klp_status open_descriptors(klp_pusher *pusher, klp_text_buffer *why)
{
    pusher->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pusher->wake_descriptor < 0)
        goto refused;
    pusher->event_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pusher->event_descriptor < 0)
        goto close_wake_descriptor;
    return KLP_OK;

close_wake_descriptor:
    close(pusher->wake_descriptor);
refused:
    return why_say(why, KLP_E_SYSTEM, "no file descriptor is free");
}

static void close_descriptors(klp_pusher *pusher)
{
    close(pusher->event_descriptor);
    close(pusher->wake_descriptor);
}

static bool init_lock(klp_pusher *pusher)
{
    pthread_condattr_t monotonic;

    if (pthread_mutex_init(&pusher->lock, NULL))
        return false;
    if (pthread_condattr_init(&monotonic))
        goto destroy_lock;
    int failed =
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) || pthread_cond_init(&pusher->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!failed)
        return true;

destroy_lock:
    pthread_mutex_destroy(&pusher->lock);
    return false;
}

static void destroy_lock(klp_pusher *pusher)
{
    pthread_cond_destroy(&pusher->changed);
    pthread_mutex_destroy(&pusher->lock);
}

static bool make_secrets(klp_pusher *pusher)
{
    unsigned char epoch[EPOCH_BYTES / 2];

    if (!random_fill(epoch, sizeof epoch) || !random_fill(pusher->hash_secret, sizeof pusher->hash_secret) ||
        !random_fill(pusher->idempotency_keys.key, sizeof pusher->idempotency_keys.key) ||
        !random_fill(pusher->jitter.key, sizeof pusher->jitter.key))
        return false;
    random_hex(pusher->journal.own.epoch, epoch, sizeof epoch);
    return true;
}

static klp_status open_edges(klp_pusher *pusher, klp_text_buffer *why)
{
    const struct settings *settings = &pusher->settings;
    struct transport_options options = {
        .base_url = settings->base_url,
        .ca_file = settings->ca_file,
        .proxy = settings->proxy,
        .no_proxy = settings->no_proxy,
        .max_in_flight = settings->max_in_flight,
        .wants_times = settings->on_attempt != NULL,
    };

    klp_status status = transport_open(&options, &pusher->transport, why);
    if (status)
        return status;
    if (settings->results_url)
        status = courier_open(settings->results_url, &pusher->courier, why);
    if (status)
        transport_close(pusher->transport);
    return status;
}

static void close_edges(klp_pusher *pusher)
{
    if (pusher->courier)
        courier_close(pusher->courier);
    transport_close(pusher->transport);
}

/* The worker never takes one of the host's signals, nor the SIGPIPE that a TLS write raises. */
static bool start_worker(klp_pusher *pusher)
{
    sigset_t all, before;

    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before))
        return false;
    bool is_started = pthread_create(&pusher->worker, NULL, pusher_work, pusher) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (is_started)
        pthread_setname_np(pusher->worker, "kraty-pusher");
    return is_started;
}

static klp_status make_tables(klp_pusher *pusher, size_t recovered)
{
    const struct settings *settings = &pusher->settings;
    size_t most = settings->max_queued + recovered;

    if (!schedule_init(&pusher->schedule, most))
        return KLP_E_NO_MEMORY;
    if (!pointer_set_init(&pusher->handed_out_events, settings->max_unread_events))
        goto destroy_schedule;
    if (!same_key_init(&pusher->same_key, most, pusher->hash_secret))
        goto destroy_handed_out_events;
    if (!ticket_table_init(&pusher->tickets, most))
        goto destroy_same_key;
    if (!doubtful_keys_init(&pusher->doubtful_keys, MOST_DOUBTFUL_KEYS))
        goto destroy_tickets;
    return KLP_OK;

destroy_tickets:
    ticket_table_destroy(&pusher->tickets);
destroy_same_key:
    same_key_destroy(&pusher->same_key);
destroy_handed_out_events:
    pointer_set_destroy(&pusher->handed_out_events);
destroy_schedule:
    schedule_destroy(&pusher->schedule);
    return KLP_E_NO_MEMORY;
}

static void destroy_tables(klp_pusher *pusher)
{
    doubtful_keys_destroy(&pusher->doubtful_keys);
    ticket_table_destroy(&pusher->tickets);
    same_key_destroy(&pusher->same_key);
    pointer_set_destroy(&pusher->handed_out_events);
    schedule_destroy(&pusher->schedule);
}

/* What decides on deliveries, and needs no memory. */
static void init_delivery(klp_pusher *pusher)
{
    const struct settings *settings = &pusher->settings;

    gate_init(&pusher->gate, settings->max_in_flight, &settings->retry.backoff);
    budget_init(&pusher->budget, clock_now_us());
    pusher->log =
        (struct log){.callback = settings->on_log, .user = settings->callback_user, .level = settings->log_level};
    pusher->stats.api_key_generation = 1;
}

static bool init_keys(klp_pusher *pusher)
{
    struct settings *settings = &pusher->settings;
    struct job *ping = NULL;

    if (settings->expect_environment && !(ping = pusher_make_check()))
        return false;
    key_check_init(&pusher->key_check, settings->expect_environment, ping);
    credentials_init(&pusher->credentials, settings->api_key, settings->api_key_file,
                     (uint64_t)settings->session_grace_ms * 1000);
    settings->api_key = NULL; /* it is theirs now */
    return true;
}

static void close_keys(klp_pusher *pusher)
{
    credentials_close(&pusher->credentials);
    key_check_close(&pusher->key_check);
}

static void free_jobs(struct job_list *list)
{
    struct job *job;

    while ((job = job_list_take_first(list)))
        job_free(job);
}

static void count_recovered(klp_pusher *pusher, const struct job_list *jobs)
{
    struct journal_file *own = &pusher->journal.own;

    pusher->undecided = pusher->recovered_calls = pusher->stats.recovered = jobs->count;
    pusher->stats.unread_events = own->events_on_disk = own->events;
    pusher->is_paged = own->is_paged;
}

klp_status pusher_open(const klp_config *config, klp_pusher **out, klp_text_buffer *why)
{
    struct job_list recovered = {0};

    klp_status status = libraries_init(why);
    if (status)
        return status;
    klp_pusher *pusher = calloc(1, sizeof *pusher);
    if (!pusher)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    status = settings_open(config, &pusher->settings, why);
    if (status)
        goto free_pusher;
    if (!make_secrets(pusher)) {
        status = why_say(why, KLP_E_SYSTEM, "the system gave no randomness");
        goto close_settings;
    }
    pusher->log = (struct log){.callback = pusher->settings.on_log,
                               .user = pusher->settings.callback_user,
                               .level = pusher->settings.log_level};
    if (!init_lock(pusher)) {
        status = why_say(why, KLP_E_SYSTEM, "the system refused a lock");
        goto close_settings;
    }
    status = journal_open(pusher, &recovered, why); /* before the tables are made: what is in it wants room there */
    if (status)
        goto close_journal;
    count_recovered(pusher, &recovered);
    status = make_tables(pusher, recovered.count);
    if (status) {
        why_say(why, status, "out of memory");
        goto close_journal;
    }
    recovery_admit(pusher, &recovered);
    if (pusher->undecided_pushes.oldest) /* it is asked for before the first round has ended, too */
        pusher->oldest_push_us = pusher->undecided_pushes.oldest->accepted_us;
    if (!init_keys(pusher)) {
        status = why_say(why, KLP_E_NO_MEMORY, "out of memory");
        goto destroy_tables;
    }
    status = open_descriptors(pusher, why);
    if (status)
        goto close_keys;
    status = open_edges(pusher, why);
    if (status)
        goto close_descriptors;
    init_delivery(pusher);
    pusher->exit_guard.pusher = pusher;
    if (!exit_guard_add(&pusher->exit_guard)) {
        status = why_say(why, KLP_E_SYSTEM, "the process is about to end");
        goto close_edges;
    }
    bool is_fresh = pusher->journal.is_fresh;
    pusher->journal.is_fresh = false;
    if (!start_worker(pusher)) {
        pusher->journal.is_fresh = is_fresh;
        status = why_say(why, KLP_E_SYSTEM, "the system refused a thread");
        goto leave_exit_guard;
    }
    *out = pusher;
    return KLP_OK;

leave_exit_guard:
    exit_guard_remove(&pusher->exit_guard);
close_edges:
    close_edges(pusher);
close_descriptors:
    close_descriptors(pusher);
close_keys:
    close_keys(pusher);
destroy_tables:
    destroy_tables(pusher);
close_journal:
    free_jobs(&recovered);
    journal_close(pusher);
    destroy_lock(pusher);
close_settings:
    settings_close(&pusher->settings);
free_pusher:
    free(pusher);
    return status;
}

/* ─── Stopping ──────────────────────────────────────────────────────────────────────────────────── */

void pusher_wake(klp_pusher *pusher)
{
    uint64_t one = 1;

    if (!atomic_exchange(&pusher->is_woken, true))
        (void)!write(pusher->wake_descriptor, &one, sizeof one);
}

void pusher_request_stop(klp_pusher *pusher, uint32_t drain_ms)
{
    uint64_t stop_at_us = clock_after_ms(clock_now_us(), drain_ms);

    pthread_mutex_lock(&pusher->lock);
    if (pusher->state == PUSHER_OPEN) {
        pusher->state = PUSHER_STOPPING;
        pusher->stop_at_us = stop_at_us;
    } else if (stop_at_us < pusher->stop_at_us) {
        pusher->stop_at_us = stop_at_us;
    }
    pthread_mutex_unlock(&pusher->lock);
    pusher_wake(pusher);
}

bool pusher_wait_for_change(klp_pusher *pusher, uint64_t limit_us)
{
    struct timespec limit = clock_timespec(limit_us);

    if (limit_us == CLOCK_NEVER_US)
        return pthread_cond_wait(&pusher->changed, &pusher->lock) == 0;
    return pthread_cond_timedwait(&pusher->changed, &pusher->lock, &limit) == 0;
}

bool pusher_join(klp_pusher *pusher, uint64_t limit_us)
{
    bool is_in_time = true;

    pthread_mutex_lock(&pusher->lock);
    while (is_in_time && (pusher->state != PUSHER_STOPPED || (pusher->is_joining && !pusher->is_joined)))
        is_in_time = pusher_wait_for_change(pusher, limit_us);
    bool is_ours = pusher->state == PUSHER_STOPPED && !pusher->is_joining;
    pusher->is_joining |= is_ours;
    pthread_mutex_unlock(&pusher->lock);
    if (!is_ours)
        return is_in_time;

    pthread_join(pusher->worker, NULL); /* it has nothing left to do but to end */
    pthread_mutex_lock(&pusher->lock);
    pusher->is_joined = true;
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
    return true;
}

void pusher_close(klp_pusher *pusher)
{
    pusher_request_stop(pusher, 0);
    pusher_join(pusher, CLOCK_NEVER_US);
    exit_guard_remove(&pusher->exit_guard);

    while (pusher->cancellations) { /* that came while the worker ended */
        struct cancellation *next = pusher->cancellations->next;
        free(pusher->cancellations);
        pusher->cancellations = next;
    }
    free_jobs(&pusher->unread);
    free_jobs(&pusher->handed_out);
    journal_close(pusher);
    close_descriptors(pusher);
    destroy_lock(pusher);
    api_key_close(pusher->given_key); /* likewise */
    close_keys(pusher);
    destroy_tables(pusher);
    settings_close(&pusher->settings);
    free(pusher);
}

bool pusher_is_worker(const klp_pusher *pusher)
{
    return pthread_equal(pthread_self(), atomic_load(&pusher->worker_itself)) != 0;
}

/* ─── Asking ────────────────────────────────────────────────────────────────────────────────────── */

/* Under the lock. What was adopted is not the host's. */
static bool is_flushed(const klp_pusher *pusher)
{
    return pusher->undecided <= pusher->awaiting + pusher->adopted_calls;
}

klp_status pusher_flush(klp_pusher *pusher, uint32_t timeout_ms)
{
    uint64_t limit_us = clock_after_ms(clock_outside_us(), timeout_ms);
    bool is_in_time = true;

    pthread_mutex_lock(&pusher->lock);
    while (!is_flushed(pusher) && is_in_time)
        is_in_time = pusher_wait_for_change(pusher, limit_us);
    bool is_done = is_flushed(pusher);
    pthread_mutex_unlock(&pusher->lock);
    return is_done ? KLP_OK : KLP_E_TIMEOUT;
}

klp_status pusher_set_api_key(klp_pusher *pusher, klp_text api_key, klp_text_buffer *why)
{
    struct api_key *given = NULL;

    klp_status status = api_key_of_text(api_key, "api_key", &given, why);
    if (status)
        return status;
    pthread_mutex_lock(&pusher->lock);
    struct api_key *overruled = pusher->given_key;
    pusher->given_key = given;
    pthread_mutex_unlock(&pusher->lock);
    api_key_close(overruled);
    pusher_wake(pusher);
    return KLP_OK;
}
