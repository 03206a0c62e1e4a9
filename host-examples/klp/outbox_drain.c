/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <kraty/lobby_pusher_load.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "complain.h"
#include "outbox.h"
#include "outbox_files.h"
#include "outbox_key.h"
#include "outbox_pushers.h"
#include "progress.h"
#include "session.h"

enum {
    MOST_AT_ONCE = 32, /* pushers, each with a thread and eight connections; more only of one name */
    STEP_MS = 200,
    KEY_TIMEOUT_MS = 15000
};

struct drain {
    const klp_api *klp;
    const struct options *options;
    struct outbox_files files;
    struct output output;
    struct progress progress;
    struct tally tally;
    int64_t end_ms;  /* 0: none */
    size_t pushers;  /* that were open */
    bool is_wanting; /* something could not be opened or read */
    bool is_ended;   /* by a signal, its deadline, or stdout */
};

/* ─── One group of files ────────────────────────────────────────────────────────────────────────── */

static bool is_over(struct drain *drain)
{
    struct pollfd asked = {.fd = drain->output.signals, .events = POLLIN};

    drain->is_ended |=
        drain->output.has_failed || (drain->end_ms && clock_ms() >= drain->end_ms) || poll(&asked, 1, 0) > 0;
    return drain->is_ended;
}

static int wait_ms(const struct drain *drain)
{
    int64_t left_ms = drain->end_ms ? drain->end_ms - clock_ms() : STEP_MS;
    return left_ms < 0 ? 0 : left_ms < STEP_MS ? (int)left_ms : STEP_MS;
}

static void deliver(struct drain *drain, struct outbox_pushers *pushers, struct pollfd *ready)
{
    uint64_t undecided;

    ready[0] = (struct pollfd){.fd = drain->output.signals, .events = POLLIN};
    for (size_t i = 0; i < pushers->count; i++)
        ready[1 + i] = (struct pollfd){.fd = pushers->items[i].events, .events = POLLIN};
    while (!is_over(drain) && !outbox_pushers_are_done(pushers, &undecided)) {
        progress_show_left(&drain->progress, &drain->tally, undecided);
        poll(ready, 1 + pushers->count, wait_ms(drain));
        outbox_pushers_tell(pushers);
    }
}

static void drain_files(struct drain *drain, struct outbox_told *told, size_t count)
{
    struct outbox_pushers pushers = {.klp = drain->klp,
                                     .options = drain->options,
                                     .files = told,
                                     .file_count = count,
                                     .output = &drain->output,
                                     .tally = &drain->tally};
    struct pollfd *ready = calloc(count + 1, sizeof *ready);

    pushers.items = calloc(count, sizeof *pushers.items);
    if (!ready || !pushers.items) {
        complain("out of memory");
        drain->is_wanting = true;
        goto free_all;
    }
    drain->is_wanting |= !outbox_pushers_open(&pushers);
    drain->pushers += pushers.count;
    deliver(drain, &pushers, ready);
    drain->is_wanting |= !outbox_pushers_close(&pushers);

free_all:
    free(pushers.items);
    free(ready);
}

/* ─── All of them ───────────────────────────────────────────────────────────────────────────────── */

static bool has_work(const struct drain *drain, const struct outbox_file *file)
{
    return file->pusher && (file->facts.jobs || (drain->options->is_acknowledging && file->facts.events));
}

static bool is_same_name(const struct outbox_file *a, const struct outbox_file *b)
{
    return a->pusher && b->pusher && strcmp(a->pusher, b->pusher) == 0;
}

/* A pusher is opened by its name, and takes the first of its files that nobody has: so all of a name are opened. */
static bool is_to_be_opened(const struct drain *drain, const struct outbox_file *file)
{
    const struct outbox_files *files = &drain->files;

    if (file->is_in_use || !file->pusher)
        return false;
    for (size_t i = 0; i < files->count; i++)
        if (!files->items[i].is_in_use && is_same_name(&files->items[i], file) && has_work(drain, &files->items[i]))
            return true;
    return false;
}

/* The files of a name stand together, since theirs begin with it, or with what stands for it. */
static int by_pusher(const void *a, const void *b)
{
    const struct outbox_told *one = a, *other = b;
    int order = strcmp(one->file->pusher, other->file->pusher);

    return order ? order : strcmp(one->file->name, other->file->name);
}

static size_t choose(struct drain *drain, struct outbox_told *told)
{
    size_t count = 0;

    for (size_t i = 0; i < drain->files.count; i++) {
        const struct outbox_file *file = &drain->files.items[i];
        if (is_to_be_opened(drain, file))
            told[count++].file = file;
        else if (has_work(drain, file)) {
            complain("%s is in use: it is left to the pusher that has it", file->name);
            drain->is_wanting = true;
        }
    }
    qsort(told, count, sizeof *told, by_pusher);
    return count;
}

/* How many of the next ones are opened at once: never some of a name alone. */
static size_t group_of(const struct outbox_told *told, size_t count)
{
    size_t size = count < MOST_AT_ONCE ? count : MOST_AT_ONCE;

    while (size < count && is_same_name(told[size - 1].file, told[size].file))
        size++;
    return size;
}

static void drain_all(struct drain *drain, struct outbox_told *told, size_t count)
{
    for (size_t done = 0, size; done < count; done += size) {
        size = group_of(told + done, count - done);
        if (!is_over(drain)) {
            drain_files(drain, told + done, size);
            continue;
        }
        for (size_t i = 0; i < size; i++)
            drain->tally.left += told[done + i].file->facts.jobs;
    }
}

static bool open_drain(struct drain *drain, const struct options *options)
{
    klp_text_buffer why = {0};

    *drain = (struct drain){.options = options, .output.signals = session_open_signals()};
    if (drain->output.signals < 0) {
        complain("signalfd: %s", strerror(errno));
        return false;
    }
    drain->end_ms = options->deadline_ms ? clock_ms() + options->deadline_ms : 0;
    drain->klp = klp_load(NULL, &why);
    if (!drain->klp) {
        complain("%s", why.data);
        goto close_signals;
    }
    if (outbox_files_find(options, &drain->files))
        return true;

close_signals:
    close(drain->output.signals);
    return false;
}

static int sum_up(const struct drain *drain, size_t count)
{
    const struct tally *tally = &drain->tally;
    int status = tally_exit_status(tally);

    if (count)
        complain("%zu applied (%zu of them known before), %zu not applied, %zu possibly applied; %zu left without a "
                 "verdict",
                 tally->applied, tally->replayed, tally->not_applied, tally->possibly_applied, tally->left);
    if (count && !drain->pushers)
        return EXIT_USAGE;
    return status == EXIT_APPLIED && (drain->is_wanting || drain->output.has_failed) ? EXIT_NOT_APPLIED : status;
}

int outbox_drain(const struct options *options)
{
    struct drain drain;
    struct outbox_told *told = NULL;
    int status = EXIT_USAGE;

    if (!open_drain(&drain, options))
        return EXIT_USAGE;
    uint32_t key_ms =
        options->deadline_ms && options->deadline_ms < KEY_TIMEOUT_MS ? options->deadline_ms : KEY_TIMEOUT_MS;
    drain.is_wanting = outbox_files_complain(&drain.files) > 0;
    told = calloc(drain.files.count + 1, sizeof *told);
    if (!told) {
        complain("out of memory");
        goto clear_files;
    }
    size_t count = choose(&drain, told);
    if (count && !outbox_key_is_good(drain.klp, options, key_ms))
        goto free_told;
    progress_start(&drain.progress, !options->is_verbose);
    drain_all(&drain, told, count);
    progress_hide(&drain.progress);
    status = sum_up(&drain, count);

free_told:
    free(told);
clear_files:
    outbox_files_clear(&drain.files);
    close(drain.output.signals);
    return status;
}
