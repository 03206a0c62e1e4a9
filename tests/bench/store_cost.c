/* SPDX-License-Identifier: Apache-2.0
 * What the outbox' store costs: a commit of 1 and of 64 rows, flushed and not; its opening with a backlog; and what is
 * left of the file after 100,000 jobs came and went. In $TMPDIR, else in the folder it is run from: a file system in
 * memory would tell nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "outbox/store.h"

static char directory[512];
static const struct store_owner owner = {{"bench", 5}, {"https://api.example:443", 23}, {"srv", 3}};
static char text[800];

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void check(enum store_result result, const char *doing)
{
    if (!result)
        return;
    fprintf(stderr, "store_cost: %s: %d\n", doing, result);
    exit(1);
}

static struct store *open_store(enum store_sync sync)
{
    klp_text_buffer why = {0};
    struct store *store;

    check(store_open(directory, &owner, sync, 0, &store, NULL, &why), why.data ? why.data : "open");
    return store;
}

static void put(struct store *store, uint64_t id)
{
    struct store_job job = {.id = id, .op = KLP_OP_PUSH, .accepted_unix_ms = 1, .attempt_open = true};
    struct store_ticket ticket = {.ticket = id, .job = id};

    job.game_id = klp_cstr("game_1");
    job.event_key = klp_cstr("quick_brawl");
    job.key = klp_cstr("match-0123456789");
    job.method = klp_cstr("POST");
    job.path = klp_cstr("/server/v1/games/game_1/events/quick_brawl/lobbies");
    job.body = (klp_text){text, 600};
    check(store_put_job(store, &job), "put_job");
    check(store_put_ticket(store, &ticket), "put_ticket");
}

static void conclude(struct store *store, uint64_t id)
{
    struct store_event event = {.seq = id, .ticket = id, .json = {text, 800}};

    check(store_conclude(store, &event, id), "conclude");
}

static void time_commits(enum store_sync sync, unsigned rows, unsigned commits)
{
    struct store *store = open_store(sync);
    double start_us = now_us(), put_us, end_us;
    uint64_t all = (uint64_t)rows * commits;

    for (uint64_t id = 1; id <= all; id++) {
        put(store, id);
        if (id % rows == 0)
            check(store_commit(store), "commit");
    }
    put_us = now_us();
    for (uint64_t id = 1; id <= all; id++) {
        conclude(store, id);
        if (id % rows == 0) {
            check(store_forget_events(store, id - rows), "forget");
            check(store_commit(store), "commit");
        }
    }
    end_us = now_us();
    printf("%-6s %2u rows a commit: %8.1f us a commit of jobs (%9.0f rows/s), %8.1f us one of verdicts and deletes\n",
           sync == STORE_SURVIVES_POWER_LOSS ? "full" : "normal", rows, (put_us - start_us) / commits,
           (double)all / (put_us - start_us) * 1e6, (end_us - put_us) / commits);
    check(store_forget_events(store, all), "forget");
    check(store_commit(store), "commit");
    store_remove(store);
}

static bool count(void *user, const struct store_job *job)
{
    (void)job;
    ++*(uint64_t *)user;
    return true;
}

static void time_opening(uint64_t jobs)
{
    struct store *store = open_store(STORE_SURVIVES_PROCESS);
    double start_us, open_us, read_us;
    uint64_t counted = 0;

    for (uint64_t id = 1; id <= jobs; id++)
        put(store, id);
    check(store_commit(store), "commit");
    store_close(store);
    start_us = now_us();
    store = open_store(STORE_SURVIVES_POWER_LOSS);
    open_us = now_us();
    check(store_each_job(store, 0, count, &counted), "each_job");
    read_us = now_us();
    printf("opening with %7" PRIu64 " jobs: %7.1f ms, and %6.1f ms to read them\n", counted, (open_us - start_us) / 1e3,
           (read_us - open_us) / 1e3);
    for (uint64_t id = 1; id <= jobs; id++) {
        conclude(store, id);
        check(id % 1000 ? STORE_OK : store_forget_events(store, id), "forget");
        check(id % 1000 ? STORE_OK : store_commit(store), "commit");
    }
    store_remove(store);
}

static void watch_size(uint64_t jobs)
{
    struct store *store = open_store(STORE_SURVIVES_PROCESS);
    uint64_t most;
    double slowest_us = 0, start_us = now_us(), commit_us;

    for (uint64_t id = 1; id <= jobs; id++) {
        put(store, id);
        if (id % 64 == 0)
            check(store_commit(store), "commit");
    }
    most = store_bytes(store);
    for (uint64_t id = 1; id <= jobs; id++) {
        conclude(store, id);
        if (id % 64 == 0) {
            check(store_forget_events(store, id), "forget");
            commit_us = now_us();
            check(store_commit(store), "commit");
            commit_us = now_us() - commit_us;
            slowest_us = commit_us > slowest_us ? commit_us : slowest_us;
        }
    }
    check(store_forget_events(store, jobs), "forget");
    check(store_commit(store), "commit");
    printf("%" PRIu64 " jobs came and went in %.1f s: %" PRIu64 " KiB at most, %" PRIu64
           " KiB with its log after it, slowest commit %.1f ms",
           jobs, (now_us() - start_us) / 1e6, most / 1024, store_bytes(store) / 1024, slowest_us / 1e3);
    store_close(store);
    store = open_store(STORE_SURVIVES_PROCESS);
    printf("; opened again %" PRIu64 " KiB\n", store_bytes(store) / 1024);
    store_remove(store);
}

int main(void)
{
    const char *where = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%s/store-cost-XXXXXX", where ? where : ".");
    if (!mkdtemp(directory))
        return 1;
    memset(text, 'x', sizeof text);
    time_commits(STORE_SURVIVES_POWER_LOSS, 1, 500);
    time_commits(STORE_SURVIVES_POWER_LOSS, 64, 200);
    time_commits(STORE_SURVIVES_PROCESS, 1, 5000);
    time_commits(STORE_SURVIVES_PROCESS, 64, 500);
    time_opening(10000);
    time_opening(100000);
    watch_size(100000);
    return rmdir(directory) ? 1 : 0;
}
