/* SPDX-License-Identifier: Apache-2.0
 * Lines for an operator. Each cause has a limit of its own, so that a backend that is away for an hour costs a handful
 * of them. The worker's own. */
#ifndef KLP_PUSHER_LOG_H
#define KLP_PUSHER_LOG_H

#include "kraty/lobby_pusher.h"
#include "telemetry/log_limit.h"

enum log_cause {
    LOG_OPENED,
    LOG_STOPPED,
    LOG_GATE_OPEN,
    LOG_GATE_HELD,
    LOG_GATE_PROBING,
    LOG_KEY_REFUSED,
    LOG_KEY_GOOD,
    LOG_KEY_CHANGED,
    LOG_KEY_UNREADABLE,
    LOG_KEY_MISMATCH,
    LOG_KEY_UNCHECKED,
    LOG_CERTIFICATE,
    LOG_ATTEMPT_FAILED,
    LOG_ATTEMPT_REFUSED, /* an answer that is no success */
    LOG_NOT_APPLIED,
    LOG_POSSIBLY_APPLIED,
    LOG_RESULTS_UNREAD,
    LOG_REPLIES_LEFT_OUT,
    LOG_OUTBOX,
    LOG_OUTBOX_BACK,
    LOG_SET_ASIDE,
    LOG_ADOPTED,
    LOG_NOT_ADOPTED,
    LOG_CAUSES
};

struct log {
    klp_log_callback callback; /* or NULL */
    void *user;
    int32_t level; /* the least grave that is told */
    struct log_limit limits[LOG_CAUSES];
};

/* Never given a secret, nor an id of a player. */
void log_say(struct log *log, enum log_cause cause, int32_t level, uint64_t now_us, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
