/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/job.h"

#include <stdlib.h>
#include <string.h>

static const klp_text nothing = {"", 0};

/* Points the event's texts about the call at where they are, by their sizes. */
static void point_texts(struct job *job)
{
    klp_event *event = &job->event;
    klp_text *texts[] = {&event->game_id,  &event->event_key, &event->key,
                         &event->lobby_id, &event->method,    &event->path};
    char *at = job->texts;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        texts[i]->data = at;
        at += texts[i]->size + 1;
    }
    event->trace_parent.data = job->trace_parent;
}

static char *put_text(char *at, klp_text text)
{
    if (text.size)
        memcpy(at, text.data, text.size);
    at[text.size] = '\0';
    return at + text.size + 1;
}

struct job *job_new(int32_t op, const struct job_texts *texts, size_t body_bytes)
{
    const klp_text in_block[] = {texts->game_id,  texts->event_key, texts->key,
                                 texts->lobby_id, texts->method,    texts->path};
    size_t texts_bytes = 0;

    /* each within its bound, and the body within KLP_MAX_BODY_BYTES: no overflow */
    for (size_t i = 0; i < sizeof in_block / sizeof *in_block; i++)
        texts_bytes += in_block[i].size + 1;
    size_t block_bytes = sizeof(struct job) + texts_bytes + body_bytes;
    struct job *job = malloc(block_bytes);
    if (!job)
        return NULL;

    memset(job, 0, sizeof *job);
    job->block_bytes = block_bytes;
    job->body_offset = (uint32_t)texts_bytes;
    job->body_bytes = (uint32_t)body_bytes;
    job->event = (klp_event){
        .struct_size = (uint32_t)sizeof job->event,
        .op = op,
        .pusher = nothing,
        .epoch = nothing,
        .game_id = texts->game_id,
        .event_key = texts->event_key,
        .key = texts->key,
        .method = texts->method,
        .path = texts->path,
        .trace_parent = texts->trace_parent,
        .request_id = nothing,
        .lobby_id = texts->lobby_id,
        .lobby_status = nothing,
        .lobby_json = nothing,
        .error_code = nothing,
        .error_message = nothing,
        .error_details_json = nothing,
        .api_key_json = nothing,
        .data_json = nothing,
        .reply_json = nothing,
        .json = nothing,
    };
    char *at = job->texts;
    for (size_t i = 0; i < sizeof in_block / sizeof *in_block; i++)
        at = put_text(at, in_block[i]);
    put_text(job->trace_parent, texts->trace_parent);
    point_texts(job);
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    free(job->reply_block);
    free(job->seen_block);
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

void job_drop_reply(struct job *job)
{
    free(job->reply_block);
    job->reply_block = NULL;
    job->reply_bytes = 0;
    job->event.lobby_status = job->event.lobby_json = nothing;
    job->event.capacity = job->event.participant_count = job->event.bot_slots = job->event.filled_slots = 0;
    job->event.truncated = 0;
    job->event.truncated_bytes = 0;
}

void job_keep_seen(struct job *job)
{
    job->seen_block = job->reply_block;
    job->reply_block = NULL;
}

bool job_is_write(const struct job *job)
{
    return call_method_is_write(job->method);
}

static void swap_u64(uint64_t *a, uint64_t *b)
{
    uint64_t kept = *a;
    *a = *b;
    *b = kept;
}

void job_swap_tickets(struct job *a, struct job *b)
{
    char trace_parent[sizeof a->trace_parent];
    size_t trace_parent_size = a->event.trace_parent.size;

    swap_u64(&a->event.ticket, &b->event.ticket);
    swap_u64(&a->event.cookie, &b->event.cookie);
    swap_u64(&a->accepted_us, &b->accepted_us);
    swap_u64(&a->time_us[JOB_DEADLINE], &b->time_us[JOB_DEADLINE]);
    swap_u64(&a->written_in, &b->written_in);
    bool may_come_back = a->may_come_back;
    a->may_come_back = b->may_come_back;
    b->may_come_back = may_come_back;
    int32_t joined = a->event.joined, recovered = a->event.recovered;
    a->event.joined = b->event.joined;
    b->event.joined = joined;
    a->event.recovered = b->event.recovered; /* it is said of a ticket, too */
    b->event.recovered = recovered;
    memcpy(trace_parent, a->trace_parent, sizeof trace_parent);
    memcpy(a->trace_parent, b->trace_parent, sizeof trace_parent);
    memcpy(b->trace_parent, trace_parent, sizeof trace_parent);
    a->event.trace_parent.size = b->event.trace_parent.size;
    b->event.trace_parent.size = trace_parent_size;
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

void job_list_insert(struct job_list *list, struct job *job)
{
    struct job *before = list->last;

    while (before && before->time_us[JOB_DEADLINE] > job->time_us[JOB_DEADLINE])
        before = before->previous;
    if (before == list->last) {
        job_list_append(list, job);
        return;
    }
    struct job *after = before ? before->next : list->first;
    job->previous = before;
    job->next = after;
    after->previous = job;
    if (before)
        before->next = job;
    else
        list->first = job;
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
