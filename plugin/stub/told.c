/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/told.h"

#include <stdlib.h>
#include <string.h>

#include "pusher/pusher.h"
#include "results/event_json.h"

/* An event that was told, as a job: see paging.c, which brings events back likewise. */
static struct job *job_of_line(klp_pusher *pusher, const char *json, size_t size)
{
    static const klp_text nothing = {"", 0};
    const struct job_texts texts = {nothing, nothing, nothing, nothing, nothing, nothing, nothing};
    klp_event *event = NULL;

    if (event_read(json, size, &event, NULL))
        return NULL;
    struct job *job = job_new(event->op, &texts, 0);
    if (!job) {
        event_free(event);
        return NULL;
    }
    job->event = *event;
    job->reply_block = (char *)event; /* its texts are behind it */
    job->reply_bytes = 3 * size;
    job->file = &pusher->journal.own;
    job->is_uncounted = true;
    return job;
}

/* On the worker while there is a courier, which the unread events belong to; else, and afterwards, on any thread. */
static bool append(klp_pusher *pusher, const char *json, size_t size)
{
    struct job *job = job_of_line(pusher, json, size);

    if (!job)
        return false;
    pthread_mutex_lock(&pusher->lock);
    bool was_readable = pusher_has_something_to_say(pusher);
    pusher->events_in_memory++;
    job->file->events_in_memory++;
    pusher->stats.unread_events++;
    pusher->stats.reply_bytes += job->reply_bytes;
    job_list_append(&pusher->unread, job);
    pusher_signal_events(pusher, was_readable);
    pthread_cond_broadcast(&pusher->changed);
    pthread_mutex_unlock(&pusher->lock);
    return true;
}

/* Under the world's lock. While there is a courier the unread events are the worker's. */
static bool is_with_the_worker(const struct world *world)
{
    return world->pusher->settings.results_url && !world->is_over;
}

static bool leave_to_the_worker(struct world *world, const struct world_told *told)
{
    struct world_line *line = malloc(sizeof *line + told->size);

    if (!line)
        return false;
    line->next = NULL;
    line->seq = told->seq;
    line->size = told->size;
    memcpy(line->json, told->json, told->size);
    *world->lines_end = line;
    world->lines_end = &line->next;
    return true;
}

/* Under the world's lock. */
static bool tell_again(struct world *world, const struct world_told *told)
{
    if (is_with_the_worker(world))
        return leave_to_the_worker(world, told);
    return append(world->pusher, told->json, told->size);
}

bool told_is_to_repeat(struct world *world, klp_ticket ticket, uint32_t times)
{
    struct world_repeat *repeat = malloc(sizeof *repeat);

    if (!repeat)
        return false;
    *repeat = (struct world_repeat){.next = world->repeats, .ticket = ticket, .times = times};
    world->repeats = repeat;
    return true;
}

/* How often the call's event is to be told again. */
static uint32_t take_repeats(struct world *world, klp_ticket ticket)
{
    for (struct world_repeat **at = &world->repeats; *at; at = &(*at)->next)
        if ((*at)->ticket == ticket) {
            struct world_repeat *repeat = *at;
            uint32_t times = repeat->times;
            *at = repeat->next;
            free(repeat);
            return times;
        }
    return 0;
}

/* Under the world's lock. */
static const struct world_told *find(const struct world *world, uint64_t seq)
{
    for (size_t i = 0; i < KLP_STUB_MAX_TOLD; i++)
        if (world->told[i].json && world->told[i].seq == seq)
            return &world->told[i];
    return NULL;
}

/* Takes the line over. Under the world's lock. */
static void note(struct world *world, const klp_event *event, char *json, size_t size)
{
    struct world_told *told = &world->told[world->told_count % KLP_STUB_MAX_TOLD];

    if (!json || find(world, event->seq)) { /* it is told for the second time, or there is no memory to know it by */
        free(json);
        return;
    }
    world->told_count++;
    free(told->json);
    *told = (struct world_told){.seq = event->seq, .json = json, .size = size};
    for (uint32_t times = take_repeats(world, event->ticket); times > 0; times--)
        tell_again(world, told);
}

void told_note(struct world *world, const klp_event *event)
{
    char *json = malloc(event->json.size);

    if (json)
        memcpy(json, event->json.data, event->json.size);
    pthread_mutex_lock(&world->lock);
    note(world, event, json, event->json.size);
    pthread_mutex_unlock(&world->lock);
}

static char *line_of(const klp_event *event, size_t *size)
{
    *size = event_write(event, NULL, 0);
    char *json = malloc(*size);
    if (json)
        event_write(event, json, *size);
    return json;
}

/* Nobody but the worker touches the unread events while there is a courier. */
static void note_unread(struct world *world)
{
    const struct job *job = world->pusher->unread.last;
    size_t size;

    while (job && job->previous && job->previous->event.seq > world->last_seq_told)
        job = job->previous;
    for (; job; job = job->next)
        if (job->event.seq > world->last_seq_told) {
            char *json = line_of(&job->event, &size);
            world->last_seq_told = job->event.seq;
            note(world, &job->event, json, size);
        }
}

/* What a reader acknowledges is everything up to a seq: so none may stand behind a larger one. */
static bool is_in_order(const klp_pusher *pusher, const struct world_line *line)
{
    return !pusher->unread.last || pusher->unread.last->event.seq <= line->seq;
}

bool told_has_line(const struct world *world)
{
    return world->lines && (world->is_over || is_in_order(world->pusher, world->lines));
}

/* NULL: there is none, or it has to wait. */
static struct world_line *take_line(struct world *world)
{
    struct world_line *line = NULL;

    pthread_mutex_lock(&world->lock);
    if (told_has_line(world)) {
        line = world->lines;
        world->lines = line->next;
        if (!world->lines)
            world->lines_end = &world->lines;
    }
    pthread_mutex_unlock(&world->lock);
    return line;
}

static void tell_lines(struct world *world)
{
    struct world_line *line;

    while ((line = take_line(world))) {
        append(world->pusher, line->json, line->size);
        free(line);
    }
}

void told_look(struct world *world)
{
    pthread_mutex_lock(&world->lock);
    bool is_to_be_told = world->pusher && world->pusher->settings.results_url;
    if (is_to_be_told)
        note_unread(world);
    pthread_mutex_unlock(&world->lock);
    if (is_to_be_told)
        tell_lines(world);
}

void told_end(struct world *world)
{
    if (world->pusher)
        tell_lines(world);
}

klp_status told_repeat(struct world *world, uint64_t seq)
{
    klp_status status = KLP_E_NOT_AVAILABLE;

    pthread_mutex_lock(&world->lock);
    const struct world_told *told = find(world, seq);
    if (told)
        status = tell_again(world, told) ? KLP_OK : KLP_E_NO_MEMORY;
    pthread_mutex_unlock(&world->lock);
    if (!status)
        pusher_wake(world->pusher);
    return status;
}
