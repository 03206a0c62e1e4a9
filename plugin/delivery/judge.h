/* SPDX-License-Identifier: Apache-2.0
 * The verdict on a call: a pure function of what its last attempt met and of what earlier ones may have done. */
#ifndef KLP_DELIVERY_JUDGE_H
#define KLP_DELIVERY_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* How an attempt ended, as seen below HTTP. */
enum attempt_end {
    ATTEMPT_ANSWERED,            /* a complete reply */
    ATTEMPT_REPLY_TOO_LARGE,     /* a reply of which we stopped reading */
    ATTEMPT_NETWORK_ERROR,       /* DNS, refused, reset, cut, nonsense */
    ATTEMPT_TIMEOUT,             /* its time was over */
    ATTEMPT_TLS_ERROR,           /* the handshake failed, or was cut */
    ATTEMPT_CERTIFICATE_REFUSED, /* the handshake failed on the server's certificate: no use in trying again */
    ATTEMPT_ABORTED              /* by us */
};

/* What the reply's body turned out to be. */
enum attempt_answer { ANSWER_IS_PAYLOAD, ANSWER_IS_ERROR, ANSWER_IS_NEITHER };

struct attempt {
    enum attempt_end end;
    unsigned sends;  /* requests that may have reached the wire */
    int http_status; /* 0: none seen; with a failure: the reply had begun */
    enum attempt_answer answer;
};

/* A call, as far as a verdict depends on it. */
struct judged_call {
    bool is_push;
    bool is_write;         /* only writes have an outcome */
    bool possibly_applied; /* an earlier attempt was */
};

/* Why a call ends without an attempt to judge. */
enum local_end {
    LOCAL_DEADLINE_EXCEEDED,
    LOCAL_SHUTDOWN,
    LOCAL_CANCELLED,
    LOCAL_RATE_LIMITED,         /* the server has asked all for a pause that this one's deadline does not outlast */
    LOCAL_AWAIT_TIMEOUT,        /* the lobby still formed when the time was up */
    LOCAL_SESSION_INVALID,      /* the server has refused the API key, and no other came before this one's deadline */
    LOCAL_ENVIRONMENT_MISMATCH, /* the API key is not of the environment expected … */
    LOCAL_GAME_MISMATCH,        /* … or of another game than the call's */
    LOCAL_OUTBOX_UNAVAILABLE,   /* it could not be written down before its deadline */
    LOCAL_SET_ASIDE             /* three processes in a row have died over it */
};

struct verdict {
    bool ok;
    bool replayed;
    bool retryable;
    int32_t outcome;  /* KLP_APPLIED, … */
    int32_t origin;   /* KLP_ORIGIN_… */
    const char *code; /* NULL: none (ok), or the server's own when origin is the server */
};

/* Judges an attempt that was not aborted. */
struct verdict judge_attempt(const struct judged_call *call, const struct attempt *attempt);

/* Judges a call that we end ourselves: not sent in time, at shutdown, …. `sends` are those of the attempt under way, if
 * there is one. */
struct verdict judge_local(const struct judged_call *call, enum local_end end, unsigned sends);

#endif
