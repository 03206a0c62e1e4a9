/* SPDX-License-Identifier: Apache-2.0
 * How a call ends: its event, and those of all that have joined it. */
#include "clock.h"
#include "pusher/pusher.h"

struct job *pusher_drop_body(klp_pusher *pusher, struct job *job)
{
    size_t before = job->block_bytes;
    job = job_drop_body(job);
    pusher->dropped_bytes += job->is_uncounted ? 0 : before - job->block_bytes;
    return job;
}

struct conclusion pusher_conclusion(const klp_pusher *pusher)
{
    uint64_t most = pusher->settings.max_reply_bytes;
    uint64_t held = pusher->reply_bytes + pusher->seen_bytes;
    return (struct conclusion){
        .secrets = &pusher->credentials.secrets,
        .reply_bytes_left = held < most ? most - held : 0,
        .now_us = clock_now_us(),
    };
}

void pusher_strike(klp_pusher *pusher, struct job *job)
{
    journal_leave(job);
    if (job->file != &pusher->journal.own)
        return;
    ticket_table_remove(&pusher->tickets, job);
    if (job->event.op == KLP_OP_PUSH)
        age_list_remove(&pusher->undecided_pushes, job);
}

static void end_ticket(klp_pusher *pusher, struct job *job, const struct ending *ending)
{
    pusher_strike(pusher, job);
    if (job->event.op == KLP_OP_AWAIT)
        pusher->seen_bytes -= job->reply_bytes;
    struct conclusion conclusion = pusher_conclusion(pusher);

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
    job->event.seq = ++job->file->last_seq;
    pusher->reply_bytes += job->reply_bytes;
    job_list_append(&pusher->decided, job);
    journal_conclude(pusher, job);
}

static bool is_applied(const struct ending *ending)
{
    return ending->assessment && !ending->is_refused && ending->assessment->verdict.ok;
}

/* Before those behind it go on: they are to know. */
static void remember_doubt(klp_pusher *pusher, const struct job *job, const struct ending *ending)
{
    if (is_applied(ending))
        doubtful_keys_remove(&pusher->doubtful_keys, job->key_hash);
    else if (job->possibly_applied)
        doubtful_keys_add(&pusher->doubtful_keys, job->key_hash);
}

void pusher_end_call(klp_pusher *pusher, struct job *job, const struct ending *ending)
{
    struct job_list joined = {0};
    struct job *other;

    if (!is_applied(ending) && job->attempt_open) { /* what failed is kept as it ended */
        job->attempt_open = false;
        journal_update(pusher, job);
    }
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
    pusher_end_call(pusher, job, &(struct ending){.end = end, .retry_after_ms = retry_after_ms});
}

void pusher_decide_refused(klp_pusher *pusher, struct job *job, const struct assessment *assessment)
{
    pusher_end_call(pusher, job, &(struct ending){.assessment = assessment, .is_refused = true});
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
    journal_part(job);
    job->possibly_applied = true;
    end_ticket(pusher, job, &(struct ending){.end = end, .retry_after_ms = retry_after_ms, .others_go_on = true});
}
