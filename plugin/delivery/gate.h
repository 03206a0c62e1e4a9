/* SPDX-License-Identifier: Apache-2.0
 * Stands before everything a pusher sends: closed while the server says so (429), narrowed to one request at a time
 * while the server is away, widened step by step when it is back. It only ever delays. Pure: the time is given. */
#ifndef KLP_DELIVERY_GATE_H
#define KLP_DELIVERY_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery/backoff.h"
#include "delivery/judge.h"

enum gate_state {
    GATE_OPEN,
    GATE_RAMPING, /* the server answers again: twice as many at once with every answer */
    GATE_HELD,    /* a 429: nothing before its time, and then one request */
    GATE_PROBING  /* the server is away: one request at a time, with a growing pause between */
};

/* What an attempt tells of the server. */
enum gate_news {
    GATE_ANSWERED,     /* it is there */
    GATE_RATE_LIMITED, /* a 429 */
    GATE_FAILED        /* below HTTP, or a 5xx */
};

enum gate_news gate_news_of(const struct attempt *attempt);

struct gate {
    enum gate_state state;
    unsigned most;        /* requests at once when open */
    unsigned limit;       /* requests at once now */
    unsigned failures;    /* in a row … */
    unsigned refusals;    /* … and 429s */
    unsigned probes;      /* probing: requests out that started since */
    uint64_t opens_us;    /* held, probing: nothing starts before */
    uint64_t changed_us;  /* when the state became this one */
    struct backoff pause; /* before the next probe, by failures or refusals in a row */
};

#define GATE_LONGEST_HOLD_MS  300000u
#define GATE_LONGEST_PAUSE_MS 10000u /* between probes, however long a single call would back off */
#define GATE_FAILURES         5u     /* so many in a row, and the server is taken to be away */

void gate_init(struct gate *gate, unsigned most, const struct backoff *pause);

/* Whether a request may start beside those in flight. A job that is alone does not wait between probes: it has a
 * backoff of its own. */
bool gate_may_start(struct gate *gate, unsigned in_flight, bool is_alone, uint64_t now_us);

/* Tells the gate that one did start, and that one was given up before it told anything. */
void gate_note_start(struct gate *gate);
void gate_note_abort(struct gate *gate, uint64_t started_us);

/* When it is worth asking again; 0: now, or when a request in flight has ended. */
uint64_t gate_opens_us(const struct gate *gate, bool is_alone);

/* Tells the gate of an attempt that started at started_us; named_ms is what a 429 asked for, or 0. False: it is old
 * news, of before the gate closed (the 429s of one moment are one refusal, and cost one attempt). */
bool gate_note(struct gate *gate, enum gate_news news, uint64_t started_us, uint64_t named_ms, uint64_t now_us,
               uint32_t random);

#endif
