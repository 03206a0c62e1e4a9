/* SPDX-License-Identifier: Apache-2.0
 * What becomes of an attempt that has ended: another one, or the verdict. */
#include "clock.h"
#include "pusher/pusher.h"

/* The answer to an attempt that we had no memory to start. */
static const struct transport_reply out_of_memory = {.end = ATTEMPT_NETWORK_ERROR, .failure = "out of memory"};

/* How a call ends. */
struct ending {
    const struct assessment *assessment; /* of its last attempt; or NULL: by ourselves */
    bool is_refused;                     /* … of an attempt that was to find out whether it may be made */
    enum local_end end;
    const struct transport_reply *aborted; /* its attempt, taken off the wire, or NULL */
    bool others_go_on;                     /* that share its request */
    int64_t retry_after_ms;
};

/* ─── Endings ───────────────────────────────────────────────────────────────────────────────────── */

struct job *pusher_drop_body(klp_pusher *pusher, struct job *job)
{
    size_t before = job->block_bytes;
    job = job_drop_body(job);
    pusher->dropped_bytes += before - job->block_bytes;
    return job;
}

static struct conclusion conclusion_now(const klp_pusher *pusher)
{
    uint64_t most = pusher->settings.max_reply_bytes;
    uint64_t held = pusher->reply_bytes + pusher->seen_bytes;
    return (struct conclusion){
        .secrets = &pusher->credentials.secrets,
        .reply_bytes_left = held < most ? most - held : 0,
        .now_us = clock_now_us(),
    };
}

static void end_ticket(klp_pusher *pusher, struct job *job, const struct ending *ending)
{
    ticket_table_remove(&pusher->tickets, job);
    if (job->event.op == KLP_OP_PUSH)
        age_list_remove(&pusher->undecided_pushes, job);
    else if (job->event.op == KLP_OP_AWAIT)
        pusher->seen_bytes -= job->reply_bytes;
    struct conclusion conclusion = conclusion_now(pusher);

    conclusion.others_go_on = ending->others_go_on;
    job = pusher_drop_body(pusher, job);
    if (ending->is_refused) {
        conclude_refused(job, ending->assessment, &conclusion);
    } else if (ending->assessment) {
        conclude_assessed(job, ending->assessment, &conclusion);
    } else {
        conclude_local(job, ending->end, ending->aborted, &conclusion);
        job->event.retry_after_ms = ending->retry_after_ms;
    }
    job->event.seq = ++pusher->last_seq;
    pusher->reply_bytes += job->reply_bytes;
    job_list_append(&pusher->decided, job);
    pusher_log_verdict(pusher, &job->event);
}

/* Before those behind it go on: they are to know. */
static void remember_doubt(klp_pusher *pusher, const struct job *job, const struct ending *ending)
{
    bool is_applied = ending->assessment && !ending->is_refused && ending->assessment->verdict.ok;

    if (is_applied)
        doubtful_keys_remove(&pusher->doubtful_keys, job->key_hash);
    else if (job->possibly_applied)
        doubtful_keys_add(&pusher->doubtful_keys, job->key_hash);
}

/* Its verdict is that of all who have joined it. */
static void end_call(klp_pusher *pusher, struct job *job, const struct ending *ending)
{
    struct job_list joined = {0};
    struct job *other;

    if (job->event.op == KLP_OP_PUSH) {
        if (job->is_under_way)
            remember_doubt(pusher, job, ending);
        pusher_dismiss(pusher, job, &joined);
        for (other = joined.first; other; other = other->next)
            copy_course(other, job);
    }
    end_ticket(pusher, job, ending);
    while ((other = job_list_take_first(&joined)))
        end_ticket(pusher, other, ending);
}

void pusher_decide_local(klp_pusher *pusher, struct job *job, enum local_end end, int64_t retry_after_ms)
{
    end_call(pusher, job, &(struct ending){.end = end, .retry_after_ms = retry_after_ms});
}

void pusher_decide_refused(klp_pusher *pusher, struct job *job, const struct assessment *assessment)
{
    end_call(pusher, job, &(struct ending){.assessment = assessment, .is_refused = true});
}

void pusher_end(klp_pusher *pusher, struct job *job, enum local_end end, int64_t retry_after_ms)
{
    if (job->event.op == KLP_OP_AWAIT && end == LOCAL_DEADLINE_EXCEEDED)
        end = LOCAL_AWAIT_TIMEOUT;
    if (!job->leader) {
        pusher_decide_local(pusher, job, end, retry_after_ms);
        return;
    }
    /* the others go on, and may be applied yet */
    copy_course(job, job->leader);
    if (job_is_in_flight(job->leader)) { /* which is counted once it ends */
        job->event.attempts++;
        job->event.sends++;
    }
    job->leader = NULL;
    job->possibly_applied = true;
    end_ticket(pusher, job, &(struct ending){.end = end, .retry_after_ms = retry_after_ms, .others_go_on = true});
}

/* ─── Another attempt ───────────────────────────────────────────────────────────────────────────── */

enum { NO_RETRY = -1, LONG_ENOUGH_MS = 5000 };

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* An empty budget puts a retry off, but not beyond half of the time that it has left: it fails none. */
static uint64_t put_off(klp_pusher *pusher, const struct job *job, uint64_t at_us, uint64_t now_us)
{
    uint64_t half_us = now_us + (job->time_us[JOB_DEADLINE] - now_us) / 2;
    return later(at_us, earlier(budget_take(&pusher->budget, now_us), half_us));
}

static bool retry_at_all(klp_pusher *pusher, const struct job *job, const struct assessment *assessment,
                         uint32_t random, uint64_t now_us, uint64_t *at_us)
{
    struct failed_call call = {
        .is_retryable = assessment->verdict.retryable,
        .attempts = job->attempts_charged,
        .retry_after_ms = assessment->retry_after_ms,
        .deadline_us = job->time_us[JOB_DEADLINE],
    };

    if (!retry_at(&pusher->settings.retry, &call, now_us, random, at_us))
        return false;
    *at_us = put_off(pusher, job, *at_us, now_us);
    return true;
}

static bool is_forming(const struct assessment *assessment)
{
    return assessment->verdict.ok &&
           json_text_is(&assessment->reply.document, assessment->reply.lobby.status, "forming");
}

/* ±10 %, so that a fleet does not look in step. */
static uint64_t poll_interval_us(const struct job *job, uint32_t random)
{
    uint64_t interval_us = (uint64_t)job->poll_interval_ms * 1000;
    return interval_us - interval_us / 10 + (interval_us / 5 * random >> 32);
}

/* An await looks again while the lobby forms, and makes up for looks that fail in passing, until its time is up. */
static bool look_again_at(klp_pusher *pusher, struct job *job, const struct assessment *assessment, uint32_t random,
                          uint64_t now_us, uint64_t *at_us)
{
    uint64_t wait_us = poll_interval_us(job, random);

    if (is_forming(assessment)) {
        struct conclusion conclusion = conclusion_now(pusher);
        pusher->seen_bytes -= job->reply_bytes;
        conclusion.reply_bytes_left += job->reply_bytes;
        conclude_later(job, assessment, &conclusion);
        pusher->seen_bytes += job->reply_bytes;
        job->attempts_charged = 0;
    } else if (assessment->verdict.retryable && !assessment->verdict.ok) {
        uint64_t backoff_ms = backoff_wait_ms(&pusher->settings.retry.backoff, job->attempts_charged + 1, random);
        backoff_ms = backoff_wait_at_least_ms(backoff_ms, assessment->retry_after_ms, random);
        wait_us = later(wait_us, earlier(backoff_ms, SETTINGS_MAX_DEADLINE_MS) * 1000);
    } else {
        return false;
    }
    *at_us = now_us + wait_us;
    return true;
}

/* True: the job is to go out again, at *at_us. */
static bool goes_on(klp_pusher *pusher, struct job *job, const struct assessment *assessment, bool has_another_key,
                    uint32_t random, uint64_t now_us, uint64_t *at_us)
{
    *at_us = now_us;
    if (has_another_key)
        return true;
    if (job->event.op == KLP_OP_AWAIT)
        return look_again_at(pusher, job, assessment, random, now_us, at_us);
    return retry_at_all(pusher, job, assessment, random, now_us, at_us);
}

/* ─── Answers ───────────────────────────────────────────────────────────────────────────────────── */

static bool was_cut(const struct job *job, const struct assessment *assessment)
{
    return assessment->attempt.end == ATTEMPT_TIMEOUT && job->is_attempt_cut;
}

/* Tells the gate. True: the attempt is charged; the gate did not know already. */
static bool tell_gate(klp_pusher *pusher, const struct job *job, const struct assessment *assessment, uint32_t random)
{
    if (assessment->answer == &out_of_memory) /* no news of the server */
        return true;
    if (was_cut(job, assessment) && job->attempt_given_ms < LONG_ENOUGH_MS) { /* which says nothing of the server */
        gate_note_abort(&pusher->gate, job->attempt_started_us);
        return true;
    }
    enum gate_news news = gate_news_of(&assessment->attempt);
    uint64_t named_ms = assessment->retry_after_ms > 0 ? (uint64_t)assessment->retry_after_ms : 0;
    bool is_news = gate_note(&pusher->gate, news, job->attempt_started_us, named_ms, clock_now_us(), random);

    if (assessment->verdict.ok)
        budget_note_success(&pusher->budget);
    return is_news || news != GATE_RATE_LIMITED;
}

static void decide_answer(klp_pusher *pusher, struct job *job, const struct transport_reply *answer)
{
    struct assessment assessment;
    uint32_t random = random_series_next(&pusher->jitter);
    uint64_t at_us, now_us = clock_now_us();

    assess_attempt(job, answer, clock_unix_s(), &assessment);
    pusher->round_attempts++;
    pusher->round_sends += answer->sends;
    bool is_charged = tell_gate(pusher, job, &assessment, random);
    bool has_another_key = answer->http_status == 401 && pusher_has_another_key(pusher, job);
    pusher_note_key(pusher, job, &assessment);

    if (job == pusher->key_check.ping) {
        pusher_tell_attempt(pusher, job, answer, &assessment, NO_RETRY);
        pusher_decide_check(pusher, &assessment, has_another_key);
    } else {
        /* one that a ticket with less time has cut short costs those nothing that have joined it since, and have more
         */
        bool has_more_time = was_cut(job, &assessment) && now_us < job->time_us[JOB_DEADLINE];
        job->attempts_charged += is_charged && !has_another_key && !has_more_time;
        if (goes_on(pusher, job, &assessment, has_another_key, random, now_us, &at_us)) {
            job->is_retry = !assessment.verdict.ok;
            pusher_tell_attempt(pusher, job, answer, &assessment, (int64_t)((at_us - now_us) / 1000));
            job->api_key = NULL;
            schedule_add_later(&pusher->schedule, job, at_us);
        } else {
            pusher_tell_attempt(pusher, job, answer, &assessment, NO_RETRY);
            end_call(pusher, job, &(struct ending){.assessment = &assessment});
        }
    }
    assessment_free(&assessment);
}

static void take_off_the_wire(klp_pusher *pusher, struct job *job)
{
    if (job->place == JOB_IS_CUT_SHORT)
        schedule_take(&pusher->schedule, job);
}

void pusher_decide_reply(klp_pusher *pusher, struct transport_reply *reply)
{
    struct job *job = reply->owner;
    struct api_key *api_key = job->api_key;
    uint64_t started_us = job->attempt_started_us;

    take_off_the_wire(pusher, job);
    decide_answer(pusher, job, reply); /* the job may be another's by now */
    transport_release(pusher->transport, reply);
    credentials_give_back(&pusher->credentials, api_key, started_us);
}

void pusher_decide_unsent(klp_pusher *pusher, struct job *job)
{
    struct api_key *api_key = job->api_key;
    uint64_t started_us = job->attempt_started_us;

    decide_answer(pusher, job, &out_of_memory);
    credentials_give_back(&pusher->credentials, api_key, started_us);
}

void pusher_decide_aborted(klp_pusher *pusher, struct transport_reply *reply, enum local_end end)
{
    struct job *job = reply->owner;
    struct api_key *api_key = job->api_key;
    uint64_t started_us = job->attempt_started_us;

    take_off_the_wire(pusher, job);
    pusher->round_attempts++;
    pusher->round_sends += reply->sends;
    gate_note_abort(&pusher->gate, job->attempt_started_us);
    note_aborted(job, reply);
    pusher_tell_attempt(pusher, job, reply, NULL, NO_RETRY);
    if (job == pusher->key_check.ping) {
        pusher->key_check.is_out = false;
    } else {
        job->possibly_applied |= job_is_write(job) && reply->sends > 0;
        end_call(pusher, job, &(struct ending){.end = end, .aborted = reply, .retry_after_ms = KLP_NO_RETRY_AFTER});
    }
    transport_release(pusher->transport, reply);
    credentials_give_back(&pusher->credentials, api_key, started_us);
}
