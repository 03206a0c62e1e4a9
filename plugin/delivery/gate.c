/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/gate.h"

enum gate_news gate_news_of(const struct attempt *attempt)
{
    if (attempt->end != ATTEMPT_ANSWERED && attempt->end != ATTEMPT_REPLY_TOO_LARGE)
        return GATE_FAILED;
    if (attempt->http_status == 429)
        return GATE_RATE_LIMITED;
    return attempt->http_status >= 500 ? GATE_FAILED : GATE_ANSWERED;
}

void gate_init(struct gate *gate, unsigned most, const struct backoff *pause)
{
    *gate = (struct gate){.state = GATE_OPEN, .most = most, .limit = most, .pause = *pause};
    if (gate->pause.max_ms > GATE_LONGEST_PAUSE_MS)
        gate->pause.max_ms = GATE_LONGEST_PAUSE_MS;
}

static void enter(struct gate *gate, enum gate_state state, unsigned limit, uint64_t opens_us, uint64_t now_us)
{
    if (gate->state != state) {
        gate->changed_us = now_us;
        gate->probes = 0;
    }
    gate->state = state;
    gate->limit = limit;
    gate->opens_us = opens_us;
}

bool gate_may_start(struct gate *gate, unsigned in_flight, bool is_alone, uint64_t now_us)
{
    if (now_us < gate_opens_us(gate, is_alone))
        return false;
    if (gate->state == GATE_HELD)
        enter(gate, GATE_PROBING, 1, 0, now_us);
    /* a probe is not held up by requests of before, which may hang for as long as they like */
    return gate->state == GATE_PROBING ? gate->probes == 0 : in_flight < gate->limit;
}

void gate_note_start(struct gate *gate)
{
    gate->probes += gate->state == GATE_PROBING;
}

void gate_note_abort(struct gate *gate, uint64_t started_us)
{
    if (gate->state == GATE_PROBING && started_us >= gate->changed_us && gate->probes > 0)
        gate->probes--;
}

uint64_t gate_opens_us(const struct gate *gate, bool is_alone)
{
    return gate->state == GATE_PROBING && is_alone ? 0 : gate->opens_us;
}

static void widen(struct gate *gate, uint64_t now_us)
{
    unsigned limit = gate->limit > gate->most / 2 ? gate->most : 2 * gate->limit;
    enter(gate, limit == gate->most ? GATE_OPEN : GATE_RAMPING, limit, 0, now_us);
}

/* The named time, and a pause that grows with refusals in a row: a server whose clock is behind names times that have
 * passed, and each call sent too early is a call lost. */
static bool note_refusal(struct gate *gate, uint64_t started_us, uint64_t named_ms, uint64_t now_us, uint32_t random)
{
    bool is_old = gate->state == GATE_HELD && started_us <= gate->changed_us;
    if (!is_old && gate->refusals < UINT32_MAX - 1)
        gate->refusals++;
    uint64_t wait_ms = backoff_wait_ms(&gate->pause, gate->refusals + 1, random);
    if (wait_ms < named_ms)
        wait_ms = named_ms;
    uint64_t opens_us = now_us + (wait_ms < GATE_LONGEST_HOLD_MS ? wait_ms : GATE_LONGEST_HOLD_MS) * 1000;

    if (gate->state == GATE_HELD && opens_us < gate->opens_us)
        opens_us = gate->opens_us;
    enter(gate, GATE_HELD, 0, opens_us, now_us);
    return !is_old;
}

static bool note_failure(struct gate *gate, uint64_t started_us, uint64_t now_us, uint32_t random)
{
    if (gate->state == GATE_HELD || (gate->state == GATE_PROBING && started_us < gate->changed_us))
        return false;
    if (gate->failures < UINT32_MAX)
        gate->failures++;
    if (gate->state == GATE_OPEN && gate->failures < GATE_FAILURES)
        return true;
    unsigned probes = gate->failures > GATE_FAILURES ? gate->failures - GATE_FAILURES : 0;
    uint64_t pause_ms = backoff_wait_ms(&gate->pause, probes + 2, random);
    enter(gate, GATE_PROBING, 1, now_us + pause_ms * 1000, now_us);
    return true;
}

bool gate_note(struct gate *gate, enum gate_news news, uint64_t started_us, uint64_t named_ms, uint64_t now_us,
               uint32_t random)
{
    gate_note_abort(gate, started_us); /* it is out no more */
    switch (news) {
    case GATE_RATE_LIMITED:
        gate->failures = 0; /* it is there, and busy */
        return note_refusal(gate, started_us, named_ms, now_us, random);
    case GATE_FAILED:
        return note_failure(gate, started_us, now_us, random);
    case GATE_ANSWERED:
        break;
    }
    gate->failures = 0;
    if (gate->state != GATE_HELD) /* else it is an answer to a request of before */
        gate->refusals = 0;
    if (gate->state == GATE_PROBING || gate->state == GATE_RAMPING)
        widen(gate, now_us);
    return true;
}
