/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/job.h"

#include <stdlib.h>
#include <string.h>

/* Points the event's texts about the call at where they are, by their sizes. */
static void point_texts(struct job *job)
{
    klp_text *texts[] = {&job->event.game_id, &job->event.event_key, &job->event.key, &job->event.lobby_id};
    char *at = job->texts;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        texts[i]->data = at;
        at += texts[i]->size + 1;
    }
}

static char *put_text(char *at, klp_text text)
{
    if (text.size)
        memcpy(at, text.data, text.size);
    at[text.size] = '\0';
    return at + text.size + 1;
}

struct job *job_new(int32_t op, klp_text game_id, klp_text event_key, klp_text key, klp_text lobby_id,
                    size_t body_bytes)
{
    /* each at most KLP_MAX_ID_BYTES, and the body at most KLP_MAX_BODY_BYTES: no overflow */
    size_t texts_bytes = game_id.size + event_key.size + key.size + lobby_id.size + 4;
    size_t block_bytes = sizeof(struct job) + texts_bytes + body_bytes;
    struct job *job = malloc(block_bytes);
    if (!job)
        return NULL;

    memset(job, 0, sizeof *job);
    job->block_bytes = block_bytes;
    job->body_offset = (uint32_t)texts_bytes;
    job->body_bytes = (uint32_t)body_bytes;
    job->event.struct_size = (uint32_t)sizeof job->event;
    job->event.op = op;
    job->event.game_id = game_id;
    job->event.event_key = event_key;
    job->event.key = key;
    job->event.lobby_id = lobby_id;
    put_text(put_text(put_text(put_text(job->texts, game_id), event_key), key), lobby_id);
    point_texts(job);
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    free(job->reply_block);
    free(job->json);
    free(job);
}

char *job_body(struct job *job)
{
    return job->texts + job->body_offset;
}

struct job *job_drop_body(struct job *job)
{
    if (job->body_bytes == 0)
        return job;
    size_t block_bytes = sizeof *job + job->body_offset;
    struct job *smaller = realloc(job, block_bytes);
    if (!smaller)
        return job; /* what cannot be given back stays counted */
    smaller->block_bytes = block_bytes;
    smaller->body_bytes = 0;
    point_texts(smaller);
    return smaller;
}

void job_list_append(struct job_list *list, struct job *job)
{
    job->next = NULL;
    job->previous = list->last;
    if (list->last)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
}

void job_list_remove(struct job_list *list, struct job *job)
{
    if (job->previous)
        job->previous->next = job->next;
    else
        list->first = job->next;
    if (job->next)
        job->next->previous = job->previous;
    else
        list->last = job->previous;
    job->next = job->previous = NULL;
    list->count--;
}

struct job *job_list_take_first(struct job_list *list)
{
    struct job *job = list->first;
    if (job)
        job_list_remove(list, job);
    return job;
}

void job_list_append_all(struct job_list *list, struct job_list *from)
{
    if (!from->first)
        return;
    from->first->previous = list->last;
    if (list->last)
        list->last->next = from->first;
    else
        list->first = from->first;
    list->last = from->last;
    list->count += from->count;
    *from = (struct job_list){0};
}
