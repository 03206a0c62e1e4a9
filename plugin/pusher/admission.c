/* SPDX-License-Identifier: Apache-2.0
 * Which pushes go out, and which wait for another one of their key. */
#include "pusher/pusher.h"

static void swap_tickets(klp_pusher *pusher, struct job *a, struct job *b)
{
    ticket_table_remove(&pusher->tickets, a);
    ticket_table_remove(&pusher->tickets, b);
    schedule_swap_tickets(&pusher->schedule, a, b);
    age_list_swap(&pusher->undecided_pushes, a, b);
    ticket_table_add(&pusher->tickets, a);
    ticket_table_add(&pusher->tickets, b);
}

/* The ticket with the latest deadline is the leader's: so his deadline is the push's own. */
static void join(klp_pusher *pusher, struct job *job, struct job *leader)
{
    job = pusher_drop_body(pusher, job);
    ticket_table_add(&pusher->tickets, job);
    job->event.joined = 1;
    age_list_add(&pusher->undecided_pushes, job);
    if (job->time_us[JOB_DEADLINE] > leader->time_us[JOB_DEADLINE])
        swap_tickets(pusher, leader, job);
    schedule_attach_joined(&pusher->schedule, job, leader);
    pusher->round_joined++;
}

static void take_over_doubt(klp_pusher *pusher, struct job *job)
{
    job->possibly_applied |= doubtful_keys_has(&pusher->doubtful_keys, job->key_hash);
}

void pusher_admit(klp_pusher *pusher, struct job *job)
{
    if (job->event.op != KLP_OP_PUSH) {
        ticket_table_add(&pusher->tickets, job);
        schedule_add(&pusher->schedule, job);
        return;
    }
    same_key_note(&pusher->same_key, job);
    struct job *under_way = same_key_find(&pusher->same_key, job);

    if (under_way && same_key_is_equal(under_way, job)) {
        join(pusher, job, under_way);
        return;
    }
    if (under_way && under_way->end_of_line != under_way && same_key_is_equal(under_way->end_of_line, job)) {
        join(pusher, job, under_way->end_of_line);
        return;
    }
    ticket_table_add(&pusher->tickets, job);
    age_list_add(&pusher->undecided_pushes, job);
    take_over_doubt(pusher, job); /* also one that never gets beyond the line: it may be a repeat */
    if (under_way) {
        same_key_stand_in_line(under_way, job);
        schedule_attach_held(&pusher->schedule, job);
    } else {
        same_key_begin(&pusher->same_key, job);
        schedule_add(&pusher->schedule, job);
    }
}

void pusher_dismiss(klp_pusher *pusher, struct job *job, struct job_list *joined)
{
    struct job *other;

    while ((other = job->joined.first)) {
        schedule_take(&pusher->schedule, other);
        other->leader = NULL;
        job_list_append(joined, other);
    }
    if (!job->is_under_way) {
        same_key_leave_line(&pusher->same_key, job);
        return;
    }
    struct job *next = same_key_end(&pusher->same_key, job);
    if (next) {
        take_over_doubt(pusher, next);
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
