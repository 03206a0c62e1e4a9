/* SPDX-License-Identifier: Apache-2.0
 *
 * It is the worker that takes such a push: nobody but it may make room for a call that no bound counts, and the call is
 * to be known as recovered before anything can become of it. */
#include "stub/recovered.h"

#include "pusher/arguments.h"
#include "pusher/pusher.h"
#include "why.h"

enum { SENTENCE_BYTES = 512 };

/* As many as there may be, and one more. */
static bool make_room(klp_pusher *pusher)
{
    pthread_mutex_lock(&pusher->lock);
    size_t most = pusher->settings.max_queued + pusher->recovered_calls + 1;
    pthread_mutex_unlock(&pusher->lock);
    return schedule_make_room(&pusher->schedule, most);
}

/* It is there: only the worker takes from the intake. */
static struct job *take_from_intake(klp_pusher *pusher, klp_ticket ticket)
{
    pthread_mutex_lock(&pusher->lock);
    struct job *job = pusher->intake.last;
    while (job->event.ticket != ticket)
        job = job->previous;
    job_list_remove(&pusher->intake, job);
    pusher->stats.accepted--; /* by another process */
    pthread_mutex_unlock(&pusher->lock);
    return job;
}

/* Admitted as any push, so that it is written down where there is an outbox; by then it may be another block. */
static void admit(klp_pusher *pusher, klp_ticket ticket)
{
    pusher_admit(pusher, take_from_intake(pusher, ticket));
    struct job *job = ticket_table_find(&pusher->tickets, ticket);
    pthread_mutex_lock(&pusher->lock);
    job->event.recovered = 1;
    pusher->recovered_calls++;
    pusher->stats.recovered++;
    pthread_mutex_unlock(&pusher->lock);
}

static klp_status recover(klp_pusher *pusher, const klp_lobby *lobby, klp_text_buffer *why)
{
    klp_ticket ticket = 0;

    if (!make_room(pusher))
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");
    klp_status status = pusher_push(pusher, lobby, &ticket, why);
    if (!status)
        admit(pusher, ticket);
    return status;
}

void recovered_look(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    struct world_recovery *recoveries = world->recoveries;
    world->recoveries = NULL;
    pthread_mutex_unlock(&world->lock);
    if (!recoveries)
        return;
    for (struct world_recovery *recovery = recoveries; recovery; recovery = recovery->next)
        recovery->status = recover(world->pusher, recovery->lobby, recovery->why);
    pthread_mutex_lock(&world->lock);
    for (struct world_recovery *recovery = recoveries, *next; recovery; recovery = next) {
        next = recovery->next; /* whoever waits for it takes it away */
        recovery->is_done = true;
    }
    pthread_cond_broadcast(&world->settled);
    pthread_mutex_unlock(&world->lock);
}

/* Under the lock. */
static void append(struct world *world, struct world_recovery *recovery)
{
    struct world_recovery **at = &world->recoveries;

    while (*at)
        at = &(*at)->next;
    *at = recovery;
}

klp_status recovered_push(struct world *world, const klp_lobby *given, klp_text_buffer *why)
{
    char sentence[SENTENCE_BYTES];
    klp_text_buffer reason = {sentence, sizeof sentence, 0}; /* the worker's own text would be another thread's */
    klp_lobby lobby;

    klp_status status = argument_copy(given, &lobby, sizeof lobby, "klp_lobby", why);
    if (status)
        return status;
    lobby.flags &= ~(uint32_t)KLP_PUSH_DURABLE; /* which waits for the worker */
    struct world_recovery recovery = {.lobby = &lobby, .why = &reason};
    pthread_mutex_lock(&world->lock);
    if (!world->is_over)
        append(world, &recovery);
    pthread_mutex_unlock(&world->lock);
    pusher_wake(world->pusher);
    pthread_mutex_lock(&world->lock);
    while (!recovery.is_done && !world->is_over)
        pthread_cond_wait(&world->settled, &world->lock);
    bool is_done = recovery.is_done;
    pthread_mutex_unlock(&world->lock);
    if (!is_done)
        return why_say(why, KLP_E_STOPPED, "the pusher has been stopped");
    return recovery.status ? why_say(why, recovery.status, "%s", sentence) : KLP_OK;
}
