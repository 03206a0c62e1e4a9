/* SPDX-License-Identifier: Apache-2.0
 * What becomes of an attempt that has ended: another one, or the verdict. */
#include <string.h>

#include "clock.h"
#include "pusher/pusher.h"

enum { NO_RETRY = -1, LONG_ENOUGH_MS = 5000 };

/* The answer to an attempt that we had no memory to start. */
static const struct transport_reply out_of_memory = {.end = ATTEMPT_NETWORK_ERROR, .failure = "out of memory"};

static bool was_cut(const struct job *job, const struct assessment *assessment)
{
    return assessment->attempt.end == ATTEMPT_TIMEOUT && job->is_attempt_cut;
}

/* Tells the gate. True: the attempt is charged; the gate did not know already. */
static bool tell_gate(klp_pusher *pusher, const struct job *job, const struct assessment *assessment, uint32_t random)
{
    if (assessment->answer == &out_of_memory) { /* no news of the server */
        gate_note_abort(&pusher->gate, job->attempt_started_us);
        return true;
    }
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

/* For whoever looks into the outbox meanwhile. */
static void note_error(const klp_pusher *pusher, struct job *job, const struct assessment *assessment)
{
    char room[KLP_MAX_ID_BYTES + 1];
    klp_text code = pusher_error_code(&pusher->credentials.secrets, assessment, room, sizeof room);
    size_t size = code.size < sizeof job->last_error ? code.size : 0;

    memcpy(job->last_error, code.data, size);
    job->last_error[size] = '\0';
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
        if (pusher_goes_on(pusher, job, &assessment, has_another_key, random, now_us, &at_us)) {
            job->is_retry = !assessment.verdict.ok;
            pusher_tell_attempt(pusher, job, answer, &assessment, (int64_t)((at_us - now_us) / 1000));
            job->api_key = NULL;
            job->attempt_open = false;
            job->recoveries = 0;
            note_error(pusher, job, &assessment);
            schedule_add_later(&pusher->schedule, job, at_us);
            journal_update(pusher, job);
        } else {
            pusher_tell_attempt(pusher, job, answer, &assessment, NO_RETRY);
            pusher_end_call(pusher, job, &(struct ending){.assessment = &assessment});
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

    struct journal_file *file = job->file;

    take_off_the_wire(pusher, job);
    journal_note_handling(job);
    decide_answer(pusher, job, reply); /* the job may be another's by now */
    journal_note_handled(file);
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

void pusher_take_off_the_wire(klp_pusher *pusher, struct transport_reply *reply)
{
    struct job *job = reply->owner;

    take_off_the_wire(pusher, job);
    pusher->round_attempts++;
    pusher->round_sends += reply->sends;
    gate_note_abort(&pusher->gate, job->attempt_started_us);
    note_aborted(job, reply);
    pusher_tell_attempt(pusher, job, reply, NULL, NO_RETRY);
}

void pusher_give_back(klp_pusher *pusher, struct transport_reply *reply)
{
    struct job *job = reply->owner;

    transport_release(pusher->transport, reply);
    credentials_give_back(&pusher->credentials, job->api_key, job->attempt_started_us);
}

void pusher_decide_aborted(klp_pusher *pusher, struct transport_reply *reply, enum local_end end)
{
    struct job *job = reply->owner;
    struct api_key *api_key = job->api_key;
    uint64_t started_us = job->attempt_started_us;

    pusher_take_off_the_wire(pusher, reply);
    if (job == pusher->key_check.ping) {
        pusher->key_check.is_out = false;
    } else {
        job->possibly_applied |= job_is_write(job) && reply->sends > 0;
        pusher_end_call(pusher, job,
                        &(struct ending){.end = end, .aborted = reply, .retry_after_ms = KLP_NO_RETRY_AFTER});
    }
    transport_release(pusher->transport, reply);
    credentials_give_back(&pusher->credentials, api_key, started_us);
}
