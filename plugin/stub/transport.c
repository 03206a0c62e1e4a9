/* SPDX-License-Identifier: Apache-2.0
 * A transport without a network: requests go to the Kraty in memory, replies come when the pusher's time has come to
 * them, and that passes here. */
#include "transport/transport.h"

#include <poll.h>
#include <stdlib.h>

#include "clock.h"
#include "stub/exchange.h"
#include "stub/recovered.h"
#include "stub/told.h"
#include "stub/virtual_time.h"
#include "why.h"

enum { MAX_DESCRIPTORS = 4, LONGEST_SLEEP_MS = 10000, LONGEST_STAND_US = 50000 };

struct transport {
    struct world *world;
    unsigned places, free_places;
    uint64_t started;
    bool wants_times;
    uint64_t asked;          /* the last advance that transport_wait() has seen … */
    uint64_t woken_since_us; /* … and since when, of the time outside, it has found somebody else to want us; 0: not */
    struct exchange *free;
    struct exchange exchanges[];
};

klp_status transport_open(const struct transport_options *options, struct transport **out, klp_text_buffer *why)
{
    struct transport *transport = calloc(1, sizeof *transport + options->max_in_flight * sizeof *transport->exchanges);

    if (!transport)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    transport->world = world_entered();
    transport->places = transport->free_places = options->max_in_flight;
    transport->wants_times = options->wants_times;
    for (unsigned i = options->max_in_flight; i > 0; i--) {
        transport->exchanges[i - 1].next = transport->free;
        transport->free = &transport->exchanges[i - 1];
    }
    *out = transport;
    return KLP_OK;
}

void transport_enter(struct transport *transport)
{
    world_enter(transport->world);
}

/* The worker's last word: nobody waits for its time to pass any more. */
void transport_close(struct transport *transport)
{
    struct world *world = transport->world;

    pthread_mutex_lock(&world->lock);
    world->is_over = true;
    world->recoveries = NULL;
    pthread_cond_broadcast(&world->settled);
    pthread_mutex_unlock(&world->lock);
    told_end(world);
    for (unsigned i = 0; i < transport->places; i++)
        exchange_recycle(&transport->exchanges[i]);
    free(transport);
}

unsigned transport_free_places(const struct transport *transport)
{
    return transport->free_places;
}

uint64_t transport_connections_opened(const struct transport *transport)
{
    return transport->started < transport->places ? transport->started : transport->places;
}

bool transport_start(struct transport *transport, const struct transport_request *request)
{
    struct exchange *exchange = transport->free;

    if (!exchange_begin(exchange, transport->world, request))
        return false;
    exchange->number = transport->started++;
    exchange->is_in_flight = true;
    transport->free = exchange->next;
    transport->free_places--;
    return true;
}

/* The one whose reply comes first, or NULL. */
static struct exchange *next_due(struct transport *transport)
{
    struct exchange *found = NULL;

    for (unsigned i = 0; i < transport->places; i++) {
        struct exchange *exchange = &transport->exchanges[i];
        if (exchange->is_in_flight && (!found || exchange->due_us < found->due_us ||
                                       (exchange->due_us == found->due_us && exchange->number < found->number)))
            found = exchange;
    }
    return found;
}

bool transport_run(struct transport *transport)
{
    recovered_look(transport->world);
    told_look(transport->world);
    const struct exchange *exchange = next_due(transport);
    return exchange && exchange->due_us <= clock_now_us();
}

struct transport_reply *transport_take(struct transport *transport)
{
    struct exchange *exchange = next_due(transport);

    if (!exchange || exchange->due_us > clock_now_us())
        return NULL;
    exchange->is_in_flight = false;
    exchange_end(exchange);
    return &exchange->reply;
}

struct transport_reply *transport_abort(struct transport *transport, transport_match *is_it, uint64_t wanted)
{
    for (unsigned i = 0; i < transport->places; i++) {
        struct exchange *exchange = &transport->exchanges[i];
        if (exchange->is_in_flight && (!is_it || is_it(exchange->reply.owner, wanted))) {
            exchange->is_in_flight = false;
            exchange_abort(exchange, clock_now_us());
            return &exchange->reply;
        }
    }
    return NULL;
}

void transport_release(struct transport *transport, struct transport_reply *reply)
{
    struct exchange *exchange = (struct exchange *)reply;

    exchange_recycle(exchange);
    exchange->next = transport->free;
    transport->free = exchange;
    transport->free_places++;
}

/* ─── time ──────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t after(uint64_t now_us, uint64_t wait_us)
{
    return wait_us < VIRTUAL_TIME_END_US - now_us ? now_us + wait_us : CLOCK_NEVER_US;
}

/* Whether one of them is readable within the time. */
static bool is_woken(const int *descriptors, size_t count, uint64_t wait_us)
{
    struct pollfd polled[MAX_DESCRIPTORS];
    nfds_t used = 0;
    int wait_ms = (int)((earlier(wait_us, LONGEST_SLEEP_MS * 1000u) + 999) / 1000);

    for (size_t i = 0; i < count && used < MAX_DESCRIPTORS; i++)
        if (descriptors[i] >= 0)
            polled[used++] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
    return poll(polled, used, wait_ms) != 0;
}

/* What has passed when everything due is done: all of it, or a leap to what comes next. */
struct passage {
    bool has_passed;    /* there may be something to do */
    uint64_t upkeep_us; /* else: what the outbox, or stop(), waits for, in time that passes as outside; or never */
};

/* Under the lock. Everything that is due by the limit has been done. */
static void settle(struct world *world, uint64_t asked)
{
    if (world->settled_up_to == asked)
        return;
    world->settled_up_to = asked;
    pthread_cond_broadcast(&world->settled);
}

/* Under the lock. `asked`: the advance that was asked for last when nobody had anything else for us to do. */
static struct passage pass(struct world *world, uint64_t reply_us, const struct transport_pause *pause, uint64_t asked)
{
    uint64_t now_us = atomic_load(&world->now_us);
    uint64_t calls_us = earlier(reply_us, after(now_us, pause->calls_us));
    uint64_t upkeep_us = after(now_us, pause->upkeep_us);
    uint64_t next_us = earlier(calls_us, upkeep_us);
    bool runs = !world->is_held || pause->is_stopping;

    if (asked != world->asked) /* what was pushed before that may be unseen as yet: nothing passes before it is */
        return (struct passage){.has_passed = true};
    if (next_us > world->limit_us) {
        if (world->limit_us > now_us)
            atomic_store(&world->now_us, world->limit_us);
        settle(world, asked);
        if (!runs || calls_us == CLOCK_NEVER_US)
            return (struct passage){.upkeep_us = runs ? upkeep_us : CLOCK_NEVER_US};
    }
    if (next_us > now_us)
        atomic_store(&world->now_us, next_us);
    return (struct passage){.has_passed = true};
}

/* Nothing of the calls is under way: what waits for the disk, or for the end of stop(), waits in earnest, and so does
 * whoever waits for a reader. */
static void wait_outside(struct world *world, const int *descriptors, size_t count, const struct transport_pause *pause,
                         uint64_t upkeep_us)
{
    uint64_t now_us = atomic_load(&world->now_us);
    uint64_t wait_us = upkeep_us == CLOCK_NEVER_US ? CLOCK_NEVER_US : upkeep_us - now_us;

    wait_us = earlier(earlier(wait_us, pause->outside_us), LONGEST_SLEEP_MS * 1000u);
    if (is_woken(descriptors, count, wait_us) || upkeep_us == CLOCK_NEVER_US)
        return;
    pthread_mutex_lock(&world->lock);
    if (!world->is_held || pause->is_stopping) /* it may have been held meanwhile */
        atomic_store(&world->now_us, now_us + wait_us);
    pthread_mutex_unlock(&world->lock);
}

/* Time stands while the host has something for us to do, or else what it does at once would be of several moments. One
 * that never pauses would have it stand for ever: then it passes all the same. */
static bool is_to_stand(struct transport *transport, bool is_woken, uint64_t asked)
{
    bool is_asked_anew = asked != transport->asked; /* what was pushed before that is seen in the next round */

    transport->asked = asked;
    if (!is_woken) {
        transport->woken_since_us = 0;
        return false;
    }
    if (!transport->woken_since_us)
        transport->woken_since_us = clock_outside_us();
    return is_asked_anew || clock_outside_us() - transport->woken_since_us < LONGEST_STAND_US;
}

void transport_wait(struct transport *transport, const int *descriptors, size_t count,
                    const struct transport_pause *pause)
{
    struct world *world = transport->world;
    const struct exchange *exchange = next_due(transport);

    pthread_mutex_lock(&world->lock);
    uint64_t asked = world->asked; /* before the look at the descriptors: what was pushed before it is seen there */
    pthread_mutex_unlock(&world->lock);
    bool was_woken = is_woken(descriptors, count, 0);
    if (is_to_stand(transport, was_woken, asked))
        return;
    pthread_mutex_lock(&world->lock);
    struct passage passage = {.has_passed = true};
    if (!told_has_line(world))
        passage = pass(world, exchange ? exchange->due_us : CLOCK_NEVER_US, pause, asked);
    pthread_mutex_unlock(&world->lock);
    if (!passage.has_passed && !was_woken)
        wait_outside(world, descriptors, count, pause, passage.upkeep_us);
}
