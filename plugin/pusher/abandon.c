/* SPDX-License-Identifier: Apache-2.0
 * Calls that are left to the outbox as they are there, without a verdict, for whoever takes them up. */
#include "clock.h"
#include "pusher/pusher.h"

/* Those that have joined it, too; before the batch that is to be committed yet, which may fail. */
bool pusher_is_in_outbox(const klp_pusher *pusher, const struct job *job)
{
    uint64_t batch = pusher->journal.batch;
    bool is_there = job->journal_id && journal_has(job) && job->written_in < batch && job->body_in < batch;

    for (const struct job *other = job->joined.first; is_there && other; other = other->next)
        is_there = other->written_in && other->written_in < batch;
    return is_there;
}

static void forget(klp_pusher *pusher, struct job *job)
{
    pusher->round_abandoned++;
    pusher->round_abandoned_recovered += job->event.recovered != 0;
    pusher->round_abandoned_adopted += job->file != &pusher->journal.own;
    pusher->dropped_bytes += job->is_uncounted ? 0 : job->block_bytes;
    job_free(job);
}

static void abandon_ticket(klp_pusher *pusher, struct job *job)
{
    pusher_strike(pusher, job);
    forget(pusher, job);
}

void pusher_abandon(klp_pusher *pusher, struct job *job)
{
    struct job_list joined = {0};
    struct job *other;

    if (job->event.op == KLP_OP_PUSH)
        pusher_dismiss(pusher, job, &joined);
    while ((other = job_list_take_first(&joined)))
        abandon_ticket(pusher, other);
    abandon_ticket(pusher, job);
}

void pusher_abandon_on_the_wire(klp_pusher *pusher, struct transport_reply *reply)
{
    struct job *job = reply->owner;

    pusher_take_off_the_wire(pusher, reply);
    job->possibly_applied |= reply->sends > 0;
    job->attempt_open = false;
    journal_update(pusher, job);
    pusher_give_back(pusher, reply);
    pusher_abandon(pusher, job);
}

void pusher_abandon_decided(klp_pusher *pusher, const struct journal_file *file)
{
    struct job_list others = {0};
    struct job *job;

    while ((job = job_list_take_first(&pusher->decided))) {
        if (job->file == file)
            forget(pusher, job);
        else
            job_list_append(&others, job);
    }
    pusher->decided = others;
}
