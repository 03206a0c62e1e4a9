/* SPDX-License-Identifier: Apache-2.0
 * The table of the wire contract, row by row, and what holds over all of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "delivery/judge.h"
#include "kraty/lobby_pusher.h"

static const struct judged_call push = {.is_push = true, .is_write = true};
static const struct judged_call push_after_doubt = {.is_push = true, .is_write = true, .possibly_applied = true};
static const struct judged_call call = {.is_write = true};
static const struct judged_call query = {0};

static struct attempt reply(int http_status, enum attempt_answer answer)
{
    return (struct attempt){.end = ATTEMPT_ANSWERED, .sends = 1, .http_status = http_status, .answer = answer};
}

static struct attempt failure(enum attempt_end end, unsigned sends)
{
    return (struct attempt){.end = end, .sends = sends};
}

struct row {
    const char *name;
    struct attempt attempt;
    int32_t outcome;
    int32_t origin;
    const char *code; /* NULL: ok, or the server's own */
    bool ok, replayed, retryable;
};

static void each_row_of_the_contract_is_judged_as_it_says(void **state)
{
    const struct row rows[] = {
        {"201", reply(201, ANSWER_IS_PAYLOAD), KLP_APPLIED, KLP_ORIGIN_NONE, NULL, true, false, false},
        {"200", reply(200, ANSWER_IS_PAYLOAD), KLP_APPLIED, KLP_ORIGIN_NONE, NULL, true, true, false},
        {"202 with code", reply(202, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false,
         false},
        {"201 nonsense", reply(201, ANSWER_IS_NEITHER), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_TRANSPORT, "invalid_response",
         false, false, true},
        {"302", reply(302, ANSWER_IS_NEITHER), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, "internal_error", false, false,
         false},
        {"400", reply(400, ANSWER_IS_ERROR), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, false},
        {"404 bare", reply(404, ANSWER_IS_NEITHER), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, "internal_error", false, false,
         false},
        {"404 with a lobby", reply(404, ANSWER_IS_PAYLOAD), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, "internal_error", false,
         false, false},
        {"408", reply(408, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"409", reply(409, ANSWER_IS_ERROR), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, false},
        {"425", reply(425, ANSWER_IS_ERROR), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"429", reply(429, ANSWER_IS_ERROR), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"499", reply(499, ANSWER_IS_ERROR), KLP_NOT_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, false},
        {"500", reply(500, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"501", reply(501, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, false},
        {"502 bare", reply(502, ANSWER_IS_NEITHER), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, "internal_error", false,
         false, true},
        {"503", reply(503, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"504", reply(504, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, true},
        {"600", reply(600, ANSWER_IS_ERROR), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_SERVER, NULL, false, false, false},
        {"refused", failure(ATTEMPT_NETWORK_ERROR, 0), KLP_NOT_APPLIED, KLP_ORIGIN_TRANSPORT, "network_error", false,
         false, true},
        {"reset", failure(ATTEMPT_NETWORK_ERROR, 1), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_TRANSPORT, "network_error", false,
         false, true},
        {"timeout connecting", failure(ATTEMPT_TIMEOUT, 0), KLP_NOT_APPLIED, KLP_ORIGIN_TRANSPORT, "timeout", false,
         false, true},
        {"timeout", failure(ATTEMPT_TIMEOUT, 2), KLP_POSSIBLY_APPLIED, KLP_ORIGIN_TRANSPORT, "timeout", false, false,
         true},
        {"handshake cut", failure(ATTEMPT_TLS_ERROR, 0), KLP_NOT_APPLIED, KLP_ORIGIN_TRANSPORT, "tls_error", false,
         false, true},
        {"certificate", failure(ATTEMPT_CERTIFICATE_REFUSED, 0), KLP_NOT_APPLIED, KLP_ORIGIN_TRANSPORT, "tls_error",
         false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict verdict = judge_attempt(&push, &rows[i].attempt);
        print_message("  %s\n", rows[i].name);
        assert_int_equal(verdict.ok, rows[i].ok);
        assert_int_equal(verdict.replayed, rows[i].replayed);
        assert_int_equal(verdict.outcome, rows[i].outcome);
        assert_int_equal(verdict.origin, rows[i].origin);
        assert_int_equal(verdict.retryable, rows[i].retryable);
        if (rows[i].code)
            assert_string_equal(verdict.code, rows[i].code);
        else
            assert_null(verdict.code);
    }
}

static void a_2xx_that_was_cut_or_was_too_large_is_invalid_and_may_have_been_applied(void **state)
{
    static const enum attempt_end ends[] = {ATTEMPT_NETWORK_ERROR, ATTEMPT_REPLY_TOO_LARGE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct attempt attempt = {.end = ends[i], .sends = 1, .http_status = 201, .answer = ANSWER_IS_PAYLOAD};
        struct verdict verdict = judge_attempt(&push, &attempt);
        assert_string_equal(verdict.code, "invalid_response");
        assert_int_equal(verdict.origin, KLP_ORIGIN_TRANSPORT);
        assert_int_equal(verdict.outcome, KLP_POSSIBLY_APPLIED);
        assert_true(verdict.retryable);
    }
}

static void a_refusal_that_was_cut_leaves_the_outcome_open(void **state)
{
    struct attempt attempt = {.end = ATTEMPT_NETWORK_ERROR, .sends = 1, .http_status = 404};

    (void)state;
    struct verdict verdict = judge_attempt(&push, &attempt);
    assert_string_equal(verdict.code, "network_error");
    assert_int_equal(verdict.outcome, KLP_POSSIBLY_APPLIED);
}

static void a_refusal_too_large_to_read_is_a_refusal_all_the_same(void **state)
{
    struct attempt attempt = {.end = ATTEMPT_REPLY_TOO_LARGE, .sends = 1, .http_status = 404};

    (void)state;
    struct verdict verdict = judge_attempt(&push, &attempt);
    assert_string_equal(verdict.code, "internal_error");
    assert_int_equal(verdict.outcome, KLP_NOT_APPLIED);
}

static void what_we_end_ourselves_is_not_applied_only_if_it_was_never_sent(void **state)
{
    (void)state;
    assert_int_equal(judge_local(&push, LOCAL_DEADLINE_EXCEEDED, 0).outcome, KLP_NOT_APPLIED);
    assert_int_equal(judge_local(&push, LOCAL_SHUTDOWN, 0).outcome, KLP_NOT_APPLIED);
    assert_int_equal(judge_local(&push, LOCAL_SHUTDOWN, 1).outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(judge_local(&push_after_doubt, LOCAL_SHUTDOWN, 0).outcome, KLP_POSSIBLY_APPLIED);
    assert_int_equal(judge_local(&query, LOCAL_SHUTDOWN, 1).outcome, KLP_OUTCOME_NONE);
    assert_string_equal(judge_local(&push, LOCAL_DEADLINE_EXCEEDED, 0).code, "deadline_exceeded");
    assert_string_equal(judge_local(&push, LOCAL_SHUTDOWN, 0).code, "shutdown");
    assert_int_equal(judge_local(&push, LOCAL_SHUTDOWN, 0).origin, KLP_ORIGIN_LOCAL);
}

static void each_end_of_our_own_says_who_and_whether_to_try_again(void **state)
{
    static const struct {
        enum local_end end;
        const char *code;
        int32_t origin;
        bool retryable;
    } rows[] = {
        {LOCAL_DEADLINE_EXCEEDED, "deadline_exceeded", KLP_ORIGIN_LOCAL, true},
        {LOCAL_SHUTDOWN, "shutdown", KLP_ORIGIN_LOCAL, true},
        {LOCAL_CANCELLED, "cancelled", KLP_ORIGIN_LOCAL, true},
        {LOCAL_RATE_LIMITED, "rate_limited", KLP_ORIGIN_SERVER, true},
        {LOCAL_AWAIT_TIMEOUT, "await_timeout", KLP_ORIGIN_LOCAL, true},
        {LOCAL_SESSION_INVALID, "session_invalid", KLP_ORIGIN_SERVER, false},
        {LOCAL_ENVIRONMENT_MISMATCH, "environment_mismatch", KLP_ORIGIN_LOCAL, false},
        {LOCAL_GAME_MISMATCH, "game_mismatch", KLP_ORIGIN_LOCAL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct verdict verdict = judge_local(&push, rows[i].end, 0);
        print_message("  %s\n", rows[i].code);
        assert_string_equal(verdict.code, rows[i].code);
        assert_int_equal(verdict.origin, rows[i].origin);
        assert_int_equal(verdict.retryable, rows[i].retryable);
        assert_false(verdict.ok || verdict.replayed);
        assert_int_equal(verdict.outcome, KLP_NOT_APPLIED);
        assert_int_equal(judge_local(&push, rows[i].end, 1).outcome, KLP_POSSIBLY_APPLIED);
        assert_int_equal(judge_local(&push_after_doubt, rows[i].end, 0).outcome, KLP_POSSIBLY_APPLIED);
        assert_int_equal(judge_local(&call, rows[i].end, 0).outcome, KLP_NOT_APPLIED);
        assert_int_equal(judge_local(&call, rows[i].end, 1).outcome, KLP_POSSIBLY_APPLIED);
        assert_int_equal(judge_local(&query, rows[i].end, 1).outcome, KLP_OUTCOME_NONE);
    }
}

/* Only a push has a key by which sending it again is safe whatever came back. */
static void a_call_is_judged_as_a_push_but_for_replays_and_nonsense(void **state)
{
    struct attempt attempt = reply(200, ANSWER_IS_PAYLOAD);

    (void)state;
    assert_true(judge_attempt(&call, &attempt).ok);
    assert_false(judge_attempt(&call, &attempt).replayed);
    assert_int_equal(judge_attempt(&call, &attempt).outcome, KLP_APPLIED);
    attempt.answer = ANSWER_IS_NEITHER;
    assert_false(judge_attempt(&call, &attempt).retryable);
    assert_true(judge_attempt(&push, &attempt).retryable);
    assert_int_equal(judge_attempt(&call, &attempt).outcome, KLP_POSSIBLY_APPLIED);
    for (int status = 300; status <= 599; status++) {
        attempt.http_status = status;
        struct verdict of_call = judge_attempt(&call, &attempt), of_push = judge_attempt(&push, &attempt);
        assert_int_equal(of_call.outcome, of_push.outcome);
        assert_int_equal(of_call.retryable, of_push.retryable);
        assert_int_equal(of_call.origin, of_push.origin);
    }
}

/* libcurl resends by itself on a kept connection that proved dead: the refusal speaks of the last send only. */
static void a_refusal_after_a_silent_resend_leaves_the_outcome_open(void **state)
{
    struct attempt attempt = reply(409, ANSWER_IS_ERROR);

    (void)state;
    attempt.sends = 2;
    assert_int_equal(judge_attempt(&push, &attempt).outcome, KLP_POSSIBLY_APPLIED);
    attempt.http_status = 201, attempt.answer = ANSWER_IS_PAYLOAD;
    assert_int_equal(judge_attempt(&push, &attempt).outcome, KLP_APPLIED);
}

/* Over every end, status, answer and number of sends. */
static void the_promises_hold_over_all_attempts(void **state)
{
    size_t seen = 0;

    (void)state;
    for (int end = ATTEMPT_ANSWERED; end < ATTEMPT_ABORTED; end++)
        for (int status = 0; status <= 700; status++)
            for (int answer = ANSWER_IS_PAYLOAD; answer <= ANSWER_IS_NEITHER; answer++)
                for (unsigned sends = end == ATTEMPT_ANSWERED; sends <= 2; sends++) {
                    struct attempt attempt = {(enum attempt_end)end, sends, status, (enum attempt_answer)answer};
                    struct verdict fresh = judge_attempt(&push, &attempt);
                    struct verdict doubted = judge_attempt(&push_after_doubt, &attempt);
                    struct verdict read = judge_attempt(&query, &attempt);

                    /* sticky: whatever comes later, and nothing else changes */
                    assert_int_not_equal(doubted.outcome, KLP_NOT_APPLIED);
                    assert_int_equal(doubted.ok, fresh.ok);
                    /* ok and applied are one for a push; a query has no outcome */
                    assert_int_equal(fresh.ok, fresh.outcome == KLP_APPLIED);
                    assert_int_equal(read.outcome, KLP_OUTCOME_NONE);
                    assert_int_equal(read.ok, fresh.ok);
                    assert_false(read.replayed);
                    /* not applied needs an answer, or an empty wire */
                    if (fresh.outcome == KLP_NOT_APPLIED && sends > 0)
                        assert_true(sends == 1 && (end == ATTEMPT_ANSWERED || end == ATTEMPT_REPLY_TOO_LARGE) &&
                                    status >= 300 && status <= 499 && status != 408);
                    if (sends == 0 && end != ATTEMPT_REPLY_TOO_LARGE)
                        assert_int_equal(fresh.outcome, KLP_NOT_APPLIED);
                    /* who says so */
                    assert_int_equal(fresh.ok, fresh.origin == KLP_ORIGIN_NONE);
                    if (!fresh.ok && !fresh.code)
                        assert_int_equal(fresh.origin, KLP_ORIGIN_SERVER);
                    seen++;
                }
    assert_true(seen > 30000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_contract_is_judged_as_it_says),
        cmocka_unit_test(a_2xx_that_was_cut_or_was_too_large_is_invalid_and_may_have_been_applied),
        cmocka_unit_test(a_refusal_that_was_cut_leaves_the_outcome_open),
        cmocka_unit_test(a_refusal_too_large_to_read_is_a_refusal_all_the_same),
        cmocka_unit_test(what_we_end_ourselves_is_not_applied_only_if_it_was_never_sent),
        cmocka_unit_test(each_end_of_our_own_says_who_and_whether_to_try_again),
        cmocka_unit_test(a_call_is_judged_as_a_push_but_for_replays_and_nonsense),
        cmocka_unit_test(a_refusal_after_a_silent_resend_leaves_the_outcome_open),
        cmocka_unit_test(the_promises_hold_over_all_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
