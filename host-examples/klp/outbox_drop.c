/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "complain.h"
#include "outbox.h"
#include "outbox_files.h"
#include "outbox_record.h"
#include "output.h"
#include "results/event_json.h"

/* One ticket of a call, as it is in the file; what is to stand in its place. */
struct dropped {
    struct store *store;
    uint64_t number; /* the ticket's */
    const struct store_job *job;
    const struct store_ticket *ticket;
    uint64_t tickets; /* of the call */
    int32_t outcome;
    char call[256];
    uint64_t seq;
    char *json;
    size_t json_bytes;
    void (*use)(struct dropped *dropped);
};

/* ─── Finding it ────────────────────────────────────────────────────────────────────────────────── */

static bool count_ticket(void *user, const struct store_ticket *ticket)
{
    struct dropped *dropped = user;

    (void)ticket;
    dropped->tickets++;
    return true;
}

static bool use_ticket(void *user, const struct store_ticket *ticket)
{
    struct dropped *dropped = user;

    if (ticket->ticket != dropped->number)
        return true;
    dropped->ticket = ticket;
    /* those that share its request go on, and may be applied yet */
    bool is_possibly_applied = outbox_is_possibly_applied(dropped->job) || dropped->tickets > 1;
    dropped->outcome = is_possibly_applied ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED;
    dropped->use(dropped);
    return false;
}

static bool use_job(void *user, const struct store_job *job)
{
    struct dropped *dropped = user;

    dropped->job = job;
    if (store_each_ticket(dropped->store, job->id, count_ticket, dropped) == STORE_OK)
        store_each_ticket(dropped->store, job->id, use_ticket, dropped);
    return false;
}

/* Hands it to `use`. False: it could not be read; or it is not there, if that did nothing. */
static bool find(struct dropped *dropped, uint64_t job, void (*use)(struct dropped *dropped))
{
    dropped->use = use;
    dropped->tickets = 0;
    dropped->outcome = KLP_OUTCOME_NONE;
    return store_each_job(dropped->store, job - 1, use_job, dropped) == STORE_OK;
}

/* ─── Asking ────────────────────────────────────────────────────────────────────────────────────── */

static void name_it(struct dropped *dropped)
{
    outbox_name_call(dropped->job, dropped->call, sizeof dropped->call);
}

static bool ask(const struct outbox_files *files, const struct outbox_place *place, uint64_t ticket)
{
    struct dropped dropped = {.number = ticket, .store = outbox_file_view(files, place->file)};
    char answer[8] = "";

    if (!dropped.store)
        return false;
    bool is_found = find(&dropped, place->job, name_it) && dropped.outcome;
    store_close(dropped.store);
    if (!is_found) {
        complain("ticket %" PRIu64 " has its verdict by now", ticket);
        return false;
    }
    fprintf(stderr, "klp: drop %s (ticket %" PRIu64 " of %s)? It ends as %s. [y/N] ", dropped.call, ticket,
            place->file->name, dropped.outcome == KLP_NOT_APPLIED ? "not_applied" : "possibly_applied");
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    complain("nothing was dropped");
    return false;
}

/* ─── Dropping ──────────────────────────────────────────────────────────────────────────────────── */

/* As the pusher would have told it that its host had cancelled it. */
static void write_verdict(struct dropped *dropped)
{
    const struct store_job *job = dropped->job;
    const struct store_ticket *ticket = dropped->ticket;
    int64_t age_ms = clock_wall_ms() - ticket->accepted_unix_ms;
    const klp_event event = {
        .struct_size = sizeof event,
        .op = job->op,
        .seq = dropped->seq,
        .ticket = ticket->ticket,
        .cookie = ticket->cookie,
        .pusher = store_pusher(dropped->store),
        .epoch = klp_cstr(store_facts(dropped->store)->epoch),
        .game_id = job->game_id,
        .event_key = job->event_key,
        .key = job->key,
        .method = job->method,
        .path = job->path,
        .trace_parent = ticket->trace_parent,
        .outcome = dropped->outcome,
        .recovered = 1,
        .joined = ticket->ticket != job->id,
        .attempts = outbox_attempts(job),
        .sends = outbox_sends(job),
        .http_status = job->http_status,
        .retryable = 1,
        .elapsed_us = age_ms > 0 ? (uint64_t)age_ms * 1000 : 0,
        .retry_after_ms = KLP_NO_RETRY_AFTER,
        .error_code = klp_cstr(KLP_CODE_CANCELLED),
        .error_message = klp_cstr(dropped->tickets > 1 ? "it was dropped from the outbox by its operator; an equal "
                                                         "push, whose request it shares, goes on"
                                                       : "it was dropped from the outbox by its operator"),
        .error_origin = KLP_ORIGIN_LOCAL,
    };

    dropped->json_bytes = event_write(&event, NULL, 0);
    dropped->json = malloc(dropped->json_bytes);
    if (dropped->json)
        event_write(&event, dropped->json, dropped->json_bytes);
}

/* A seq of our own, committed before it is used. */
static bool take_seq(struct dropped *dropped)
{
    const struct store_facts *facts = store_facts(dropped->store);

    dropped->seq = facts->last_seq + 1;
    return outbox_file_commit(dropped->store,
                              store_reserve(dropped->store, facts->last_ticket, dropped->seq) == STORE_OK);
}

static bool put_verdict(struct dropped *dropped, uint64_t job)
{
    const struct store_event event = {
        .seq = dropped->seq, .ticket = dropped->number, .json = {dropped->json, dropped->json_bytes}};

    return outbox_file_commit(dropped->store, store_conclude(dropped->store, &event, job) == STORE_OK);
}

static bool conclude(struct dropped *dropped, uint64_t job)
{
    if (!take_seq(dropped))
        return false;
    if (!find(dropped, job, write_verdict)) {
        complain("%s", store_last_failure(dropped->store));
        return false;
    }
    if (!dropped->outcome || !dropped->json) {
        complain(dropped->outcome ? "out of memory" : "it has its verdict by now");
        return false;
    }
    return put_verdict(dropped, job);
}

/* It is told here first; then it is its host's, unless we are to be that. */
static bool tell(struct dropped *dropped, bool is_acknowledging)
{
    struct output output = {.signals = -1};

    if (!output_line(&output, (klp_text){dropped->json, dropped->json_bytes}))
        return false;
    return !is_acknowledging ||
           outbox_file_commit(dropped->store, store_forget_event(dropped->store, dropped->seq) == STORE_OK);
}

static bool drop(const struct options *options, const struct outbox_files *files, const struct outbox_place *place)
{
    struct dropped dropped = {.number = options->ticket, .store = outbox_file_open(files, place->file)};

    if (!dropped.store)
        return false;
    bool is_done = conclude(&dropped, place->job) && tell(&dropped, options->is_acknowledging);
    store_close(dropped.store);
    free(dropped.json);
    return is_done;
}

int outbox_drop(const struct options *options)
{
    struct outbox_files files;
    struct outbox_place place;

    if (!options->is_sure && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))) {
        complain("--yes is missing: there is no terminal to ask at");
        return EXIT_USAGE;
    }
    if (!outbox_files_find(options, &files))
        return EXIT_USAGE;
    bool is_done = outbox_files_find_ticket(&files, options->ticket, OUTBOX_UNDECIDED, &place) &&
                   (options->is_sure || ask(&files, &place, options->ticket)) && drop(options, &files, &place);
    outbox_files_clear(&files);
    return is_done ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}
