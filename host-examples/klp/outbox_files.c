/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "outbox_course.h"

/* ─── Which there are ───────────────────────────────────────────────────────────────────────────── */

struct search {
    const struct options *options;
    struct outbox_files *files;
    bool has_memory;
};

/* False: out of memory. */
static bool look(const char *directory, struct outbox_file *file, bool *is_there)
{
    klp_text_buffer why = {file->why, sizeof file->why, 0};
    struct store *store;

    file->is_in_use = store_is_in_use(directory, file->name);
    enum store_result result = store_view(directory, file->name, &store, &why);
    *is_there = result != STORE_NOT_THERE;
    if (result)
        return result != STORE_NO_MEMORY;
    file->facts = *store_facts(store);
    file->bytes = store_bytes(store);
    file->pusher = strndup(store_pusher(store).data, store_pusher(store).size);
    store_close(store);
    return file->pusher;
}

static bool is_asked_for(const struct options *options, const struct outbox_file *file)
{
    return !options->pusher || (file->pusher && strcmp(file->pusher, options->pusher) == 0);
}

static bool add(void *user, const char *name)
{
    struct search *search = user;
    struct outbox_files *files = search->files;
    struct outbox_file file = {.pusher = NULL};
    bool is_there;

    if (search->options->file && strcmp(name, search->options->file) != 0)
        return true;
    snprintf(file.name, sizeof file.name, "%s", name);
    search->has_memory = look(files->directory, &file, &is_there);
    if (search->has_memory && is_there && is_asked_for(search->options, &file)) {
        void *grown = realloc(files->items, (files->count + 1) * sizeof *files->items);
        search->has_memory = grown != NULL;
        if (grown) {
            files->items = grown;
            files->items[files->count++] = file;
            return true;
        }
    }
    free(file.pusher);
    return search->has_memory;
}

bool outbox_files_find(const struct options *options, struct outbox_files *files)
{
    *files = (struct outbox_files){.directory = options->outbox};
    struct search search = {options, files, true};
    enum store_result result = store_list(options->outbox, add, &search);
    if (result || !search.has_memory)
        complain(result && result != STORE_NO_MEMORY ? "--outbox is no directory that can be read" : "out of memory");
    else if (!files->count && (options->file || options->pusher))
        complain("the outbox has no such file: %s", options->file ? "--file" : "--pusher");
    else
        return true;
    outbox_files_clear(files);
    return false;
}

void outbox_files_clear(struct outbox_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].pusher);
    free(files->items);
    *files = (struct outbox_files){.directory = NULL};
}

size_t outbox_files_complain(const struct outbox_files *files)
{
    size_t count = 0;

    for (size_t i = 0; i < files->count; i++)
        if (!files->items[i].pusher) {
            complain("%s", files->items[i].why);
            count++;
        }
    return count;
}

struct store *outbox_file_view(const struct outbox_files *files, const struct outbox_file *file)
{
    klp_text_buffer why = {0};
    struct store *store;

    if (store_view(files->directory, file->name, &store, &why) == STORE_OK)
        return store;
    complain("%s", why.data);
    return NULL;
}

struct store *outbox_file_open(const struct outbox_files *files, const struct outbox_file *file)
{
    klp_text_buffer why = {0};
    struct store *store;

    switch (store_adopt(files->directory, file->name, NULL, STORE_SURVIVES_POWER_LOSS, 0, &store, &why)) {
    case STORE_OK:
        break;
    case STORE_LOCKED:
        complain("%s is in use: nothing in it is changed while a pusher has it", file->name);
        return NULL;
    default:
        complain("%s", why.data);
        return NULL;
    }
    if (outbox_count_death(store) == STORE_OK)
        return store;
    complain("%s", store_last_failure(store));
    store_close(store);
    return NULL;
}

bool outbox_file_commit(struct store *store, bool is_written)
{
    bool is_done = is_written && store_commit(store) == STORE_OK;

    if (!is_done)
        complain("%s", store_last_failure(store));
    return is_done;
}

/* ─── Where a ticket is ─────────────────────────────────────────────────────────────────────────── */

struct wanted {
    struct store *store;
    uint64_t ticket;
    struct outbox_place *place;
};

static bool is_its_ticket(void *user, const struct store_ticket *ticket)
{
    const struct wanted *wanted = user;

    if (ticket->ticket == wanted->ticket)
        wanted->place->job = ticket->job;
    return !wanted->place->job;
}

/* A call has the number of its first ticket. */
static bool is_in_job(void *user, const struct store_job *job)
{
    const struct wanted *wanted = user;

    if (job->id > wanted->ticket)
        return false;
    return store_each_ticket(wanted->store, job->id, is_its_ticket, user) == STORE_OK && !wanted->place->job;
}

static bool is_in_event(void *user, const struct store_event *event)
{
    const struct wanted *wanted = user;

    wanted->place->has_verdict = event->ticket == wanted->ticket;
    return !wanted->place->has_verdict;
}

static bool is_in_failed(void *user, const struct store_failed *failed)
{
    const struct wanted *wanted = user;

    wanted->place->has_failed = failed->id == wanted->ticket;
    return false;
}

static bool find_in_file(const struct outbox_files *files, struct outbox_place *place, uint64_t ticket, unsigned kinds)
{
    struct store *store = outbox_file_view(files, place->file);
    struct wanted wanted = {store, ticket, place};

    if (!store)
        return false;
    enum store_result result = kinds & OUTBOX_UNDECIDED ? store_each_job(store, 0, is_in_job, &wanted) : STORE_OK;
    if (!result && (kinds & OUTBOX_VERDICT))
        result = store_each_event(store, 0, is_in_event, &wanted);
    if (!result && (kinds & OUTBOX_FAILED))
        result = store_each_failed(store, ticket - 1, is_in_failed, &wanted);
    if (result)
        complain("%s", store_last_failure(store));
    store_close(store);
    return result == STORE_OK;
}

bool outbox_files_find_ticket(const struct outbox_files *files, uint64_t ticket, unsigned kinds,
                              struct outbox_place *place)
{
    *place = (struct outbox_place){.file = NULL};
    for (size_t i = 0; i < files->count; i++) {
        struct outbox_place found = {.file = &files->items[i]};
        if (!found.file->pusher)
            continue;
        if (!find_in_file(files, &found, ticket, kinds))
            return false;
        if (!found.job && !found.has_verdict && !found.has_failed)
            continue;
        if (place->file) {
            complain("ticket %" PRIu64 " is in %s and in %s: choose with --file", ticket, place->file->name,
                     found.file->name);
            return false;
        }
        *place = found;
    }
    if (!place->file)
        complain("there is no such ticket %" PRIu64 "%s", ticket,
                 kinds == OUTBOX_FAILED      ? " among what failed"
                 : kinds == OUTBOX_UNDECIDED ? " without a verdict"
                                             : "");
    return place->file;
}
