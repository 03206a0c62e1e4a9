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
#include "pusher/age_list.h"
#include "pusher/conclude.h"
#include "pusher/credentials.h"
#include "pusher/doubtful_keys.h"
#include "pusher/exit_guard.h"
#include "pusher/journal.h"
#include "pusher/key_check.h"
#include "pusher/log.h"
#include "pusher/pointer_set.h"
#include "pusher/random.h"
#include "pusher/same_key.h"
#include "pusher/schedule.h"
#include "pusher/settings.h"
#include "pusher/ticket_table.h"
#include "results/courier.h"
#include "transport/transport.h"

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
    uint64_t hash_secret[2];
    int wake_descriptor;  /* the worker sleeps on it */
    int event_descriptor; /* readable while next_event() has something to say */
    pthread_t worker;
    _Atomic pthread_t worker_itself; /* as it says */
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
    struct api_key *given_key;            /* by set_api_key(), not yet seen by the worker; or NULL */
    struct job_list unread;               /* events not handed out, by seq */
    struct job_list handed_out;           /* by next_event(), not acknowledged … */
    struct pointer_set handed_out_events; /* … and their events' addresses */
    uint64_t last_ticket;
    uint64_t events_in_memory;    /* unread, handed out, or behind those on the disk */
    bool is_paged;                /* there are more on the disk */
    uint64_t recovered_calls;     /* of the undecided, those that stand beside the bounds of what is new … */
    uint64_t adopted_calls;       /* … and of those the ones of others */
    uint64_t reserved_ticket;     /* with an outbox: tickets up to this may be given */
    uint64_t journaled_ticket;    /* with an outbox: tickets up to this are written down … */
    uint64_t waiting_for_journal; /* … and so many callers wait for theirs to be */
    uint64_t outbox_room_bytes;   /* of its bound, as of the last round … */
    uint64_t intake_cost_bytes;   /* … and what `intake` will take of it */
    struct job_list acknowledged; /* with an outbox: their events, not yet seen by the worker */
    uint64_t undecided;           /* calls without a verdict … */
    uint64_t awaiting;            /* … and of them the awaits */
    klp_stats stats;              /* its gauges of the moment are made up when asked for */
    uint64_t in_flight;
    uint64_t gate_opens_us;
    uint64_t oldest_push_us; /* when it was accepted, of those that the worker has seen; 0: none */
    klp_histogram queue_latencies, total_latencies;

    /* the worker's own */
    struct transport *transport;
    struct courier *courier; /* or NULL */
    struct schedule schedule;
    struct gate gate;
    struct budget budget;
    struct credentials credentials;
    struct key_check key_check;
    struct same_key same_key;
    struct doubtful_keys doubtful_keys;
    struct age_list undecided_pushes;
    struct ticket_table tickets;
    struct journal journal;
    struct log log;
    enum gate_state gate_told; /* to the log */
    struct job_list decided;   /* this round's events, on their way to `unread` … */
    uint64_t round_attempts, round_sends, round_retries, round_joined;
    uint64_t dropped_bytes; /* … and what their bodies took */
    uint64_t reply_bytes;   /* held by unread events, as of the last round, and by this round's … */
    uint64_t seen_bytes;    /* … and by awaits that have seen their lobby forming */
    uint64_t last_ticket_seen, seen_cost_bytes;
    const struct journal_file *told_file; /* whose events the courier's message has */
    uint64_t page_again_us;               /* the disk did not let us read events: not before */
    struct job_list planned;              /* this round's attempts, which start when they are written down */
    uint64_t round_journaled, round_set_aside, round_outbox_bytes, round_room_bytes;
    uint64_t round_abandoned; /* calls left to the outbox without a verdict; those recovered, and those of others */
    uint64_t round_abandoned_recovered, round_abandoned_adopted;
    struct uuid_series idempotency_keys;
    struct random_series jitter;
};

klp_status pusher_open(const klp_config *config, klp_pusher **pusher, klp_text_buffer *why);
void pusher_close(klp_pusher *pusher);

/* Ends intake and tells the worker when to be done; an earlier time overrules a later one. */
void pusher_request_stop(klp_pusher *pusher, uint32_t drain_ms);

/* Waits, at most until limit_us (of the time outside), for the worker to have stopped, and joins it. False: it has
 * not. */
bool pusher_join(klp_pusher *pusher, uint64_t limit_us);

/* Wakes the worker unless that is under way already. No lock is needed. */
void pusher_wake(klp_pusher *pusher);

/* For a change of what the host's threads and the worker share, until limit_us of the time outside. Under the lock;
 * false when that is over. */
bool pusher_wait_for_change(klp_pusher *pusher, uint64_t limit_us);

/* Keeps event_descriptor readable exactly while next_event() has something to say. Under the lock. */
void pusher_signal_events(klp_pusher *pusher, bool was_readable);
bool pusher_has_something_to_say(const klp_pusher *pusher);

/* intake.c */
klp_status pusher_push(klp_pusher *pusher, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why);
klp_status pusher_read(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie, klp_ticket *ticket,
                       klp_text_buffer *why);
klp_status pusher_ping(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why);

klp_status pusher_await(klp_pusher *pusher, const klp_await *await, klp_ticket *ticket, klp_text_buffer *why);
klp_status pusher_call(klp_pusher *pusher, const klp_call *call, klp_ticket *ticket, klp_text_buffer *why);
struct job *pusher_make_check(void); /* the ping of the library's own; NULL: out of memory */

klp_status pusher_cancel(klp_pusher *pusher, klp_ticket ticket);

/* mailbox.c */
klp_status pusher_next_event(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event);
klp_status pusher_acknowledge(klp_pusher *pusher, const klp_event *event);
/* The worker's, once a round: `decided` becomes readable. Whether the outbox has it, where there is one. */
void pusher_publish(klp_pusher *pusher, bool is_committed);
void pusher_note_edges(klp_pusher *pusher); /* brings what is counted at the edges into the statistics */
void pusher_acknowledge_up_to(klp_pusher *pusher, const struct journal_file *file, uint64_t seq);

klp_status pusher_flush(klp_pusher *pusher, uint32_t timeout_ms);
void pusher_stats(klp_pusher *pusher, klp_stats *stats);
uint64_t pusher_oldest_push_us(const klp_pusher *pusher); /* when it was accepted; 0: none. Under the lock */
void pusher_latencies(klp_pusher *pusher, bool of_queue, klp_histogram *histogram);
klp_status pusher_metrics(klp_pusher *pusher, char *out, size_t capacity, size_t *size);
klp_status pusher_set_api_key(klp_pusher *pusher, klp_text api_key, klp_text_buffer *why);

/* Whether it is the worker that calls, out of a callback: what waits for it would wait for ever. */
bool pusher_is_worker(const klp_pusher *pusher);

/* ─── What follows is called by the worker alone. ───────────────────────────────────────────────── */

/* admission.c: which pushes go out, and which wait for another one of their key */
void pusher_admit(klp_pusher *pusher, struct job *job);
void pusher_readmit(klp_pusher *pusher, struct job *job); /* one that was recovered */

/* Ends the wait of those that were waiting for this push, which has its verdict, or is about to leave the line without
 * ever having been sent. What had joined it is in `joined` afterwards. */
void pusher_dismiss(klp_pusher *pusher, struct job *job, struct job_list *joined);

/* Makes a push that others have joined free to end by itself: its ticket becomes one of theirs. Returns the job that
 * has it now, which has left them. */
struct job *pusher_part(klp_pusher *pusher, struct job *leader);

/* endings.c */
/* How a call ends. */
struct ending {
    const struct assessment *assessment; /* of its last attempt; or NULL: by ourselves */
    bool is_refused;                     /* … of an attempt that was to find out whether it may be made */
    enum local_end end;
    const struct transport_reply *aborted; /* its attempt, taken off the wire, or NULL */
    bool others_go_on;                     /* that share its request */
    int64_t retry_after_ms;
};

struct job *pusher_drop_body(klp_pusher *pusher, struct job *job); /* which may move */
struct conclusion pusher_conclusion(const klp_pusher *pusher);

/* A ticket that is about to have its verdict is found no more. */
void pusher_strike(klp_pusher *pusher, struct job *job);

/* A call that is out of the schedule has its verdict, which is that of all who have joined it, too. */
void pusher_end_call(klp_pusher *pusher, struct job *job, const struct ending *ending);
void pusher_decide_local(klp_pusher *pusher, struct job *job, enum local_end end, int64_t retry_after_ms);
void pusher_decide_refused(klp_pusher *pusher, struct job *job, const struct assessment *assessment);

/* A ticket ends by itself, whatever it is: one that has joined another leaves it; else its call ends. */
void pusher_end(klp_pusher *pusher, struct job *job, enum local_end end, int64_t retry_after_ms);

/* abandon.c: calls that are left to the outbox without a verdict */
bool pusher_is_in_outbox(const klp_pusher *pusher, const struct job *job);
void pusher_abandon(klp_pusher *pusher, struct job *job); /* which is out of the schedule */
void pusher_abandon_on_the_wire(klp_pusher *pusher, struct transport_reply *reply);
void pusher_abandon_decided(klp_pusher *pusher, const struct journal_file *file); /* in this round, and not told */

/* again.c: true: the job is to go out again, at *at_us */
bool pusher_goes_on(klp_pusher *pusher, struct job *job, const struct assessment *assessment, bool has_another_key,
                    uint32_t random, uint64_t now_us, uint64_t *at_us);

/* verdicts.c */
void pusher_decide_reply(klp_pusher *pusher, struct transport_reply *reply);      /* and releases it */
void pusher_decide_unsent(klp_pusher *pusher, struct job *job);                   /* for want of memory */
void pusher_take_off_the_wire(klp_pusher *pusher, struct transport_reply *reply); /* counts and tells its attempt */
void pusher_give_back(klp_pusher *pusher, struct transport_reply *reply);         /* its place and its key */
void pusher_decide_aborted(klp_pusher *pusher, struct transport_reply *reply, enum local_end end);

/* checking.c: the ping of our own */
void pusher_decide_check(klp_pusher *pusher, const struct assessment *assessment, bool has_another_key);
bool pusher_is_mismatch(const klp_pusher *pusher, const struct job *job, enum local_end *end);

/* keys.c: which API key, and what the server thinks of it */
void pusher_look_at_key_file(klp_pusher *pusher, bool is_urgent);
void pusher_adopt_key(klp_pusher *pusher, struct api_key *given);

/* Whether the attempt was refused for a key that is not the current one, or is so no more: then it goes out again. */
bool pusher_has_another_key(klp_pusher *pusher, const struct job *job);
void pusher_note_key(klp_pusher *pusher, const struct job *job, const struct assessment *assessment);

/* attempts.c */
void pusher_stamp(klp_pusher *pusher, struct job *job); /* with its idempotency key, if it has none */
void pusher_plan_attempts(klp_pusher *pusher);
void pusher_start_attempts(klp_pusher *pusher, bool is_journaled); /* those planned */
void pusher_unplan(klp_pusher *pusher, const struct journal_file *file);
bool pusher_can_start(klp_pusher *pusher);
unsigned pusher_in_flight(const klp_pusher *pusher);
bool pusher_is_alone(const klp_pusher *pusher);

/* mailbox.c */
void pusher_set_reserved(klp_pusher *pusher, uint64_t last_ticket);

/* telemetry.c */
void pusher_tell_attempt(klp_pusher *pusher, const struct job *job, const struct transport_reply *answer,
                         const struct assessment *assessment, int64_t retry_in_ms);
void pusher_log_gate(klp_pusher *pusher);
klp_text pusher_error_code(const struct secrets *secrets, const struct assessment *assessment, char *room,
                           size_t capacity); /* of an attempt, without secrets; perhaps in `room` */
void pusher_log_verdict(klp_pusher *pusher, const klp_event *event);

/* worker.c */
void *pusher_work(void *pusher);

#endif
