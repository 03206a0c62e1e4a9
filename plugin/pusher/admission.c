/* SPDX-License-Identifier: Apache-2.0
 * Which pushes go out, and which wait for another one of their key. */
#include "pusher/pusher.h"

/* Only our own can be asked for; what is adopted is somebody else's. */
static bool is_own(const klp_pusher *pusher, const struct job *job)
{
    return job->file == &pusher->journal.own;
}

/* Of two of one file. */
static void swap_tickets(klp_pusher *pusher, struct job *a, struct job *b)
{
    if (!is_own(pusher, a)) {
        journal_swap(pusher, a, b);
        return;
    }
    ticket_table_remove(&pusher->tickets, a);
    ticket_table_remove(&pusher->tickets, b);
    journal_swap(pusher, a, b);
    age_list_swap(&pusher->undecided_pushes, a, b);
    ticket_table_add(&pusher->tickets, a);
    ticket_table_add(&pusher->tickets, b);
}

static void note_ticket(klp_pusher *pusher, struct job *job)
{
    if (!is_own(pusher, job))
        return;
    ticket_table_add(&pusher->tickets, job);
    if (job->event.op == KLP_OP_PUSH)
        age_list_add(&pusher->undecided_pushes, job);
}

/* Those of two files go out one after the other: each has a verdict of its own there. */
static bool is_to_join(const struct job *job, const struct job *other)
{
    return job->file == other->file && same_key_is_equal(other, job);
}

/* The ticket with the latest deadline is the leader's: so his deadline is the push's own. */
static void join(klp_pusher *pusher, struct job *job, struct job *leader)
{
    job = pusher_drop_body(pusher, job);
    note_ticket(pusher, job);
    job->event.joined = 1;
    job->leader = leader; /* it is written as one that has joined */
    journal_join(pusher, job, leader);
    if (job->time_us[JOB_DEADLINE] > leader->time_us[JOB_DEADLINE])
        swap_tickets(pusher, leader, job);
    schedule_attach_joined(&pusher->schedule, job, leader);
    pusher->round_joined++;
}

static void take_over_doubt(klp_pusher *pusher, struct job *job)
{
    job->possibly_applied |= doubtful_keys_has(&pusher->doubtful_keys, job->key_hash);
}

/* By itself: behind the push under way of its key, or under way. */
static void stand(klp_pusher *pusher, struct job *job, struct job *under_way)
{
    note_ticket(pusher, job);
    take_over_doubt(pusher, job); /* also one that never gets beyond the line: it may be a repeat */
    pusher_stamp(pusher, job);
    if (!job->event.recovered)
        journal_admit(pusher, job);
    if (under_way) {
        same_key_stand_in_line(under_way, job);
        schedule_attach_held(&pusher->schedule, job);
    } else {
        same_key_begin(&pusher->same_key, job);
        schedule_add(&pusher->schedule, job);
    }
}

void pusher_admit(klp_pusher *pusher, struct job *job)
{
    if (job->event.op != KLP_OP_PUSH) {
        note_ticket(pusher, job);
        pusher_stamp(pusher, job);
        journal_admit(pusher, job);
        schedule_add(&pusher->schedule, job);
        return;
    }
    same_key_note(&pusher->same_key, job);
    struct job *under_way = same_key_find(&pusher->same_key, job);

    if (under_way && is_to_join(job, under_way)) {
        join(pusher, job, under_way);
        return;
    }
    if (under_way && under_way->end_of_line != under_way && is_to_join(job, under_way->end_of_line)) {
        join(pusher, job, under_way->end_of_line);
        return;
    }
    stand(pusher, job, under_way);
}

/* What an earlier process had admitted: nothing joins anew. */
void pusher_readmit(klp_pusher *pusher, struct job *job)
{
    if (job->event.op != KLP_OP_PUSH) {
        note_ticket(pusher, job);
        schedule_add(&pusher->schedule, job);
    } else if (job->leader) {
        note_ticket(pusher, job);
        schedule_attach_joined(&pusher->schedule, job, job->leader);
        if (job->time_us[JOB_DEADLINE] > job->leader->time_us[JOB_DEADLINE])
            swap_tickets(pusher, job->leader, job);
    } else {
        same_key_note(&pusher->same_key, job);
        stand(pusher, job, same_key_find(&pusher->same_key, job));
    }
}

void pusher_dismiss(klp_pusher *pusher, struct job *job, struct job_list *joined)
{
    struct job *other;

    while ((other = job->joined.first)) {
        schedule_take(&pusher->schedule, other);
        journal_part(other);
        job_list_append(joined, other);
    }
    if (!job->is_under_way) {
        same_key_leave_line(&pusher->same_key, job);
        return;
    }
    struct job *next = same_key_end(&pusher->same_key, job);
    if (next) {
        bool was_doubtful = next->possibly_applied;
        take_over_doubt(pusher, next);
        if (next->possibly_applied != was_doubtful)
            journal_update(pusher, next); /* it may be left to the outbox before it is tried */
        schedule_release_held(&pusher->schedule, next);
    }
}

struct job *pusher_part(klp_pusher *pusher, struct job *leader)
{
    struct job *latest = leader->joined.last;

    swap_tickets(pusher, leader, latest);
    schedule_take(&pusher->schedule, latest);
    if (job_is_in_flight(leader)) /* its attempt was given the time of a ticket that leaves it */
        schedule_cut_short(&pusher->schedule, leader);
    return latest;
}
