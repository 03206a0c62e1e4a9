/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_pushers.h"

#include <string.h>

#include "clock.h"
#include "complain.h"

enum { DRAIN_MS = 2000, MAX_IN_FLIGHT = 8, LONGEST_GRACE_MS = 3600000 };

/* ─── Opening ───────────────────────────────────────────────────────────────────────────────────── */

/* While it is open no other pusher of this name takes its file: the next one of the same name gets the next. */
static bool open_one(struct outbox_pushers *pushers, const char *name)
{
    const struct options *options = pushers->options;
    struct outbox_pusher *opened = &pushers->items[pushers->count];
    klp_config config = KLP_CONFIG_INIT;
    klp_text_buffer why = {0};

    *opened = (struct outbox_pusher){.pusher = NULL};
    config.name = klp_cstr(name);
    config.base_url = klp_cstr(options->base_url);
    config.ca_file = klp_cstr(options->ca_file);
    config.max_in_flight = MAX_IN_FLIGHT;
    config.max_queued = 1; /* nothing new comes */
    config.attempt_timeout_ms = options->timeout_ms;
    config.max_attempts = options->attempts;
    config.jitter_permille = options->jitter_permille;
    /* A key that is revoked meanwhile must not end them all: they are left. */
    config.session_grace_ms = LONGEST_GRACE_MS;
    config.outbox_dir = klp_cstr(options->outbox);
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    verbose_start(&opened->verbose, options->is_verbose, &config);
    if (pushers->klp->open(&config, &opened->pusher, &why) != KLP_OK) {
        complain("%s", why.data);
        return false;
    }
    pushers->klp->event_fd(opened->pusher, &opened->events);
    pushers->count++;
    return true;
}

bool outbox_pushers_open(struct outbox_pushers *pushers)
{
    bool is_open = true;

    for (size_t i = 0; i < pushers->file_count; i++)
        is_open &= open_one(pushers, pushers->files[i].file->pusher);
    return is_open;
}

/* ─── Telling ───────────────────────────────────────────────────────────────────────────────────── */

static struct outbox_told *file_of(const struct outbox_pushers *pushers, klp_text epoch)
{
    for (size_t i = 0; i < pushers->file_count; i++) {
        const char *found = pushers->files[i].file->facts.epoch;
        if (strlen(found) == epoch.size && memcmp(found, epoch.data, epoch.size) == 0)
            return &pushers->files[i];
    }
    return NULL;
}

/* What an earlier process had decided is told too, but is not what this run has done. */
static bool tell(struct outbox_pushers *pushers, const klp_event *event)
{
    struct outbox_told *told = file_of(pushers, event->epoch);

    if (!output_line(pushers->output, event->json))
        return false;
    if (!told || event->seq > told->file->facts.last_seq)
        tally_add(pushers->tally, event);
    if (told)
        told->seq = event->seq;
    return true;
}

void outbox_pushers_tell(struct outbox_pushers *pushers)
{
    const klp_event *event;

    for (size_t i = 0; i < pushers->count; i++)
        while (pushers->klp->next_event(pushers->items[i].pusher, 0, &event) == KLP_OK)
            if (tell(pushers, event) && pushers->options->is_acknowledging)
                pushers->klp->ack(pushers->items[i].pusher, event);
}

bool outbox_pushers_are_done(const struct outbox_pushers *pushers, uint64_t *undecided)
{
    bool are_done = true;

    *undecided = 0;
    for (size_t i = 0; i < pushers->count; i++) {
        klp_stats stats = KLP_STATS_INIT;
        are_done &= pushers->klp->flush(pushers->items[i].pusher, 0) == KLP_OK;
        pushers->klp->stats(pushers->items[i].pusher, &stats);
        *undecided += stats.queued + stats.in_flight;
        are_done &= !pushers->options->is_acknowledging || stats.unread_events == 0;
    }
    return are_done;
}

/* ─── Closing ───────────────────────────────────────────────────────────────────────────────────── */

struct rest {
    struct outbox_pushers *pushers;
    bool is_told;
};

/* A pusher hands out so many events and no more while they are not acknowledged: the rest comes from the file. */
static bool tell_rest(void *user, const struct store_event *record)
{
    struct rest *rest = user;
    klp_event *event;

    if (rest->pushers->klp->decode_event(record->json.data, record->json.size, &event, NULL) != KLP_OK)
        return true; /* it is kept for somebody to look at */
    event->json = record->json;
    rest->is_told = tell(rest->pushers, event);
    rest->pushers->klp->free_event(event);
    return rest->is_told;
}

static bool look_again(struct outbox_pushers *pushers, const struct outbox_told *told)
{
    const struct outbox_files files = {.directory = pushers->options->outbox};
    struct rest rest = {pushers, true};
    klp_text_buffer why = {0};
    struct store *store;

    enum store_result result = store_view(files.directory, told->file->name, &store, &why);
    if (result) {
        if (result != STORE_NOT_THERE)
            complain("%s", why.data);
        return result == STORE_NOT_THERE; /* its pusher has removed what was empty */
    }
    pushers->tally->left += store_facts(store)->jobs;
    if (!pushers->options->is_acknowledging && !pushers->output->has_failed)
        result = store_each_event(store, told->seq, tell_rest, &rest);
    if (result)
        complain("%s", store_last_failure(store));
    store_close(store);
    return result == STORE_OK;
}

bool outbox_pushers_close(struct outbox_pushers *pushers)
{
    int64_t stop_ms = clock_ms() + DRAIN_MS;
    bool is_read = true;

    for (size_t i = 0; i < pushers->count; i++) {
        int64_t left_ms = stop_ms - clock_ms();
        pushers->klp->stop(pushers->items[i].pusher, left_ms > 0 ? (uint32_t)left_ms : 0);
    }
    outbox_pushers_tell(pushers);
    for (size_t i = 0; i < pushers->count; i++) {
        pushers->klp->close(pushers->items[i].pusher);
        verbose_end(&pushers->items[i].verbose);
    }
    pushers->count = 0;
    for (size_t i = 0; i < pushers->file_count; i++)
        is_read &= look_again(pushers, &pushers->files[i]);
    return is_read;
}
