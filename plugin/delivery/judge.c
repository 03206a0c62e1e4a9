/* SPDX-License-Identifier: Apache-2.0 */
#include "delivery/judge.h"

#include <stddef.h>

#include "kraty/lobby_pusher.h"

static bool is_success(int http_status)
{
    return http_status >= 200 && http_status <= 299;
}

/* The statuses by which a server says for certain that it did nothing: 3xx, and 4xx but 408. */
static bool is_refusal(int http_status)
{
    return http_status >= 300 && http_status <= 499 && http_status != 408;
}

static bool is_retryable_status(int http_status)
{
    switch (http_status) {
    case 408:
    case 425:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

/* What may have been applied once stays so: a later refusal speaks of the later attempt only. */
static int32_t sticky(const struct judged_call *call, int32_t outcome)
{
    if (!call->is_write)
        return KLP_OUTCOME_NONE;
    if (outcome == KLP_NOT_APPLIED && call->possibly_applied)
        return KLP_POSSIBLY_APPLIED;
    return outcome;
}

static struct verdict transport_failure(const struct judged_call *call, const char *code, bool retryable,
                                        unsigned sends)
{
    return (struct verdict){
        .retryable = retryable,
        .outcome = sticky(call, sends > 0 ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED),
        .origin = KLP_ORIGIN_TRANSPORT,
        .code = code,
    };
}

static struct verdict invalid_response(const struct judged_call *call)
{
    /* A push may be sent again, its key makes that safe; so may what changes nothing. */
    return (struct verdict){
        .retryable = call->is_push || !call->is_write,
        .outcome = sticky(call, KLP_POSSIBLY_APPLIED),
        .origin = KLP_ORIGIN_TRANSPORT,
        .code = KLP_CODE_INVALID_RESPONSE,
    };
}

static struct verdict answered(const struct judged_call *call, const struct attempt *attempt)
{
    if (is_success(attempt->http_status)) {
        if (attempt->answer == ANSWER_IS_PAYLOAD)
            return (struct verdict){
                .ok = true,
                .replayed = call->is_push && attempt->http_status == 200,
                .outcome = sticky(call, KLP_APPLIED),
                .origin = KLP_ORIGIN_NONE,
            };
        if (attempt->answer == ANSWER_IS_NEITHER)
            return invalid_response(call);
        /* 202 lobby_forming and its like: the server did something, and says that it is not what was asked. */
        return (struct verdict){
            .outcome = sticky(call, KLP_POSSIBLY_APPLIED),
            .origin = KLP_ORIGIN_SERVER,
        };
    }
    return (struct verdict){
        .retryable = is_retryable_status(attempt->http_status),
        .outcome = sticky(call, is_refusal(attempt->http_status) ? KLP_NOT_APPLIED : KLP_POSSIBLY_APPLIED),
        .origin = KLP_ORIGIN_SERVER,
        .code = attempt->answer == ANSWER_IS_ERROR ? NULL : KLP_CODE_INTERNAL_ERROR,
    };
}

struct verdict judge_attempt(const struct judged_call *given, const struct attempt *attempt)
{
    struct attempt unread = *attempt;
    struct judged_call with_resend = *given;
    const struct judged_call *call = &with_resend;

    /* libcurl resent it on a kept connection that proved dead: the answer is to the last of several sends, and what
     * became of the others nobody knows */
    with_resend.possibly_applied |= attempt->sends > 1;

    switch (attempt->end) {
    case ATTEMPT_ANSWERED:
        return answered(call, attempt);
    case ATTEMPT_REPLY_TOO_LARGE:
        unread.answer = ANSWER_IS_NEITHER; /* the status is whole, the body is nobody's */
        return answered(call, &unread);
    case ATTEMPT_TIMEOUT:
        return transport_failure(call, KLP_CODE_TIMEOUT, true, attempt->sends);
    case ATTEMPT_TLS_ERROR:
        return transport_failure(call, KLP_CODE_TLS_ERROR, true, attempt->sends);
    case ATTEMPT_CERTIFICATE_REFUSED:
        return transport_failure(call, KLP_CODE_TLS_ERROR, false, attempt->sends);
    case ATTEMPT_NETWORK_ERROR:
    case ATTEMPT_ABORTED:
        break;
    }
    if (is_success(attempt->http_status) && attempt->sends > 0)
        return invalid_response(call); /* a 2xx that was cut */
    return transport_failure(call, KLP_CODE_NETWORK_ERROR, true, attempt->sends);
}

static const char *local_code(enum local_end end)
{
    switch (end) {
    case LOCAL_SHUTDOWN:
        return KLP_CODE_SHUTDOWN;
    case LOCAL_CANCELLED:
        return KLP_CODE_CANCELLED;
    case LOCAL_RATE_LIMITED:
        return KLP_CODE_RATE_LIMITED;
    case LOCAL_AWAIT_TIMEOUT:
        return KLP_CODE_AWAIT_TIMEOUT;
    case LOCAL_SESSION_INVALID:
        return KLP_CODE_SESSION_INVALID;
    case LOCAL_ENVIRONMENT_MISMATCH:
        return KLP_CODE_ENVIRONMENT_MISMATCH;
    case LOCAL_OUTBOX_UNAVAILABLE:
        return KLP_CODE_OUTBOX_UNAVAILABLE;
    case LOCAL_SET_ASIDE:
        return KLP_CODE_SET_ASIDE;
    case LOCAL_GAME_MISMATCH:
        return KLP_CODE_GAME_MISMATCH;
    case LOCAL_DEADLINE_EXCEEDED:
        break;
    }
    return KLP_CODE_DEADLINE_EXCEEDED;
}

/* What the server has said to all, and so to this one. */
static bool is_said_by_server(enum local_end end)
{
    return end == LOCAL_RATE_LIMITED || end == LOCAL_SESSION_INVALID;
}

/* With the wrong API key the same call fails again, however often. */
static bool is_for_want_of_a_key(enum local_end end)
{
    return end == LOCAL_SESSION_INVALID || end == LOCAL_ENVIRONMENT_MISMATCH || end == LOCAL_GAME_MISMATCH;
}

struct verdict judge_local(const struct judged_call *call, enum local_end end, unsigned sends)
{
    return (struct verdict){
        .retryable = !is_for_want_of_a_key(end),
        .outcome = sticky(call, sends > 0 ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED),
        .origin = is_said_by_server(end) ? KLP_ORIGIN_SERVER : KLP_ORIGIN_LOCAL,
        .code = local_code(end),
    };
}
