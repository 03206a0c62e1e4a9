/* SPDX-License-Identifier: Apache-2.0
 * The pusher: what the host's threads and the worker share. */
#ifndef KLP_PUSHER_PUSHER_H
#define KLP_PUSHER_PUSHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "delivery/budget.h"
#include "delivery/gate.h"
#include "kraty/lobby_pusher.h"
#include "pusher/exit_guard.h"
#include "pusher/job.h"
#include "pusher/pointer_set.h"
#include "pusher/random.h"
#include "pusher/schedule.h"
#include "pusher/settings.h"
#include "results/courier.h"
#include "transport/transport.h"

enum { EPOCH_BYTES = 16 };

enum pusher_state {
    PUSHER_OPEN,
    PUSHER_STOPPING, /* intake has ended */
    PUSHER_STOPPED   /* the worker has decided everything and is about to end, or has */
};

/* A host's wish to give a call up. */
struct cancellation {
    struct cancellation *next;
    uint64_t ticket;
};

struct klp_pusher {
    /* constant while open */
    struct settings settings;
    char epoch[EPOCH_BYTES + 1];
    uint64_t hash_secret[2];
    int wake_descriptor;  /* the worker sleeps on it */
    int event_descriptor; /* readable while next_event() has something to say */
    pthread_t worker;
    struct exit_guard_entry exit_guard;

    atomic_bool is_woken; /* a wake-up is under way: spares every further push the system call */

    /* under the lock, which is never held across I/O or an allocation */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* a verdict, an event, a state: broadcast */
    enum pusher_state state;
    bool is_joining, is_joined;
    uint64_t stop_at_us;
    struct job_list intake;             /* accepted, not yet seen by the worker */
    struct cancellation *cancellations; /* not yet seen by the worker */
    uint64_t cancellation_count;
    struct job_list unread;               /* events not handed out, by seq */
    struct job_list handed_out;           /* by next_event(), not acknowledged … */
    struct pointer_set handed_out_events; /* … and their events' addresses */
    uint64_t last_ticket;
    uint64_t undecided; /* calls without a verdict */
    klp_stats stats;    /* its gauges queued and in_flight are made up when asked for */
    uint64_t in_flight;
    uint64_t gate_opens_us;

    /* the worker's own */
    struct transport *transport;
    struct courier *courier; /* or NULL */
    struct schedule schedule;
    struct gate gate;
    struct budget budget;
    struct job_list decided; /* this round's events, on their way to `unread` … */
    uint64_t round_attempts, round_sends, round_retries;
    uint64_t dropped_bytes; /* … and what their bodies took */
    uint64_t reply_bytes;   /* held by unread events, as of the last round, and by this round's */
    uint64_t last_seq;
    struct uuid_series idempotency_keys;
    struct random_series jitter;
};

klp_status pusher_open(const klp_config *config, klp_pusher **pusher, klp_text_buffer *why);
void pusher_close(klp_pusher *pusher);

/* Ends intake and tells the worker when to be done; an earlier time overrules a later one. */
void pusher_request_stop(klp_pusher *pusher, uint32_t drain_ms);

/* Waits, at most until limit_us, for the worker to have stopped, and joins it. False: it has not. */
bool pusher_join(klp_pusher *pusher, uint64_t limit_us);

/* Wakes the worker unless that is under way already. No lock is needed. */
void pusher_wake(klp_pusher *pusher);

/* Keeps event_descriptor readable exactly while next_event() has something to say. Under the lock. */
void pusher_signal_events(klp_pusher *pusher, bool was_readable);
bool pusher_has_something_to_say(const klp_pusher *pusher);

/* intake.c */
klp_status pusher_push(klp_pusher *pusher, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why);
klp_status pusher_read(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie, klp_ticket *ticket,
                       klp_text_buffer *why);
klp_status pusher_ping(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why);

klp_status pusher_cancel(klp_pusher *pusher, klp_ticket ticket);

/* mailbox.c */
klp_status pusher_next_event(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event);
klp_status pusher_acknowledge(klp_pusher *pusher, const klp_event *event);
void pusher_publish(klp_pusher *pusher);    /* the worker's, once a round: `decided` becomes readable */
void pusher_note_edges(klp_pusher *pusher); /* brings what is counted at the edges into the statistics */
void pusher_acknowledge_up_to(klp_pusher *pusher, uint64_t seq);

klp_status pusher_flush(klp_pusher *pusher, uint32_t timeout_ms);
void pusher_stats(klp_pusher *pusher, klp_stats *stats);

/* worker.c */
void *pusher_work(void *pusher);

#endif
