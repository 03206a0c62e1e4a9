/* SPDX-License-Identifier: Apache-2.0
 * One rule of a script: which requests it strikes, and what becomes of them. Pure. */
#ifndef KLP_STUB_RULE_H
#define KLP_STUB_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* How a scripted request ends below HTTP. */
enum rule_failure {
    FAILS_NOT = 0,
    FAILS_REFUSED, /* these four before a byte is sent … */
    FAILS_UNRESOLVED,
    FAILS_TLS,
    FAILS_CERTIFICATE,
    FAILS_RESET_BEFORE, /* … these before it has its effect … */
    FAILS_CLOSE_BEFORE,
    FAILS_SILENT,
    FAILS_GARBAGE,
    FAILS_RESET_AFTER, /* … and these behind that */
    FAILS_CLOSE_AFTER,
    FAILS_CUT_BODY
};

enum { RULE_MOST_NTH = 16, RULE_ALWAYS = -1 };
enum rule_apply { APPLY_AS_USUAL = 0, APPLY_YES, APPLY_NO };

struct rule_match {
    unsigned ops; /* a bit for each KLP_OP_…; 0: any */
    klp_text game, event, key, player;
    uint64_t ticket; /* 0: any */
    bool has_cookie;
    uint64_t cookie;
    uint32_t attempt; /* 0: any */
    uint64_t nth[RULE_MOST_NTH];
    size_t nth_count; /* 0: all */
};

struct rule_action {
    klp_status refuses; /* KLP_OK: it is accepted */
    enum rule_failure failure;
    int status; /* 0: the Kraty answers */
    klp_text code, message, details;
    bool has_body;
    klp_text body;
    klp_text retry_after, date, request_id;
    enum rule_apply apply;
    uint64_t delay_ms;
    uint32_t repeats; /* of the verdict's event */
};

struct rule {
    struct rule_match match;
    struct rule_action action;
    int64_t times;
    uint64_t matched, struck;
};

/* What a rule is asked about: a request, or a call that is about to be accepted (attempt 0). */
struct rule_subject {
    int32_t op;
    klp_text game, event, key, body;
    const klp_text *players; /* of a call, which has no body yet */
    size_t player_count;
    uint64_t ticket, cookie;
    uint32_t attempt;
};

/* Whether the rule strikes, which is then counted. Rules that refuse are for calls, all others for requests. */
bool rule_strikes(struct rule *rule, const struct rule_subject *subject);

#endif
