/* SPDX-License-Identifier: Apache-2.0
 * What a stubbed pusher lives in: its time, its Kraty, its script, and what was seen of it. */
#ifndef KLP_STUB_WORLD_H
#define KLP_STUB_WORLD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "kraty/lobby_pusher_stub.h"
#include "stub/kraty.h"
#include "stub/script.h"

/* A request that was made, in one block with its texts. */
struct world_request {
    klp_stub_request seen;
};

/* An event that was told, as its line of JSON. */
struct world_told {
    uint64_t seq;
    char *json;
    size_t size;
};

/* A call whose events are to be told again. */
struct world_repeat {
    struct world_repeat *next;
    klp_ticket ticket;
    uint32_t times;
};

/* A push that somebody waits for, to have been a dead process's. On his stack. */
struct world_recovery {
    struct world_recovery *next;
    const klp_lobby *lobby;
    klp_text_buffer *why;
    klp_status status;
    bool is_done;
};

/* A line of JSON that the worker is to tell. */
struct world_line {
    struct world_line *next;
    uint64_t seq;
    size_t size;
    char json[];
};

struct world {
    struct world *next;
    uint64_t seed, name, number, random_count; /* the name's hash, and how many had it before */

    _Atomic uint64_t now_us;

    pthread_mutex_t lock; /* over all that follows, and `pusher`; taken before the pusher's */
    pthread_cond_t settled;
    klp_pusher *pusher; /* NULL until it is open; once it is it may be read without the lock */
    bool is_held, is_over;
    uint64_t limit_us;             /* so far may time go in any case: held, or with nothing to do … */
    uint64_t asked, settled_up_to; /* … and the advance that it was asked for last, and the last that is done */
    uint64_t latency_ms;
    struct kraty kraty;
    struct script *script; /* the latest first */
    char *environment;     /* that the host expects, or NULL */
    klp_status refuses;
    uint32_t refuses_times;
    struct world_request **requests;
    size_t request_count, request_capacity;
    struct world_told told[KLP_STUB_MAX_TOLD]; /* a ring */
    size_t told_count;                         /* ever */
    uint64_t last_seq_told;
    struct world_repeat *repeats;
    struct world_line *lines, **lines_end;
    struct world_recovery *recoveries;
};

/* Makes one, and has $KLP_STUB_SCRIPT read into it. */
klp_status world_open(struct world **world, klp_text_buffer *why);
void world_close(struct world *world);

/* Its randomness is that of the name, and of how many worlds there were of it before: so pushers that are opened beside
 * each other have theirs in any order. False: out of memory. */
bool world_name(struct world *world, klp_text name);

/* From here on it is found by its pusher. */
void world_register(struct world *world, klp_pusher *pusher);
struct world *world_of(const klp_pusher *pusher); /* NULL: no pusher of ours that is open */

/* This thread's clock is the world's, until world_leave(), which brings back the one of before. */
struct world *world_enter(struct world *world);
void world_leave(struct world *before);
struct world *world_entered(void); /* or NULL */

/* Under the lock: time stops where it is, or runs. */
void world_set_held(struct world *world, bool is_held);

/* Under the lock. The first rule that strikes, or NULL. */
const struct rule *world_strike(struct world *world, const struct rule_subject *subject);

/* Takes a script over. Under the lock, or before anybody knows the world. */
void world_add_script(struct world *world, struct script *script);

void world_forget(struct world *world); /* under the lock: requests, lobbies, rules, refusals */

#endif
