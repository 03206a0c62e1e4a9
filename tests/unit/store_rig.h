/* SPDX-License-Identifier: Apache-2.0
 * A directory of its own for each test of the store, and records to put there. */
#ifndef STORE_RIG_H
#define STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/store.h"

static char rig_directory[64];

/* Where a flush costs nothing, if that is to be had: for tests that do not measure, and do much. */
static bool rig_in_memory;

static const struct store_owner rig_owner = {{"mm-eu-1", 7}, {"https://api.kraty.example:443", 29}, {"srv_live_1", 10}};

static inline int rig_set_up(void **state)
{
    (void)state;
    snprintf(rig_directory, sizeof rig_directory, "%s/store-XXXXXX",
             rig_in_memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(rig_directory) ? 0 : -1;
}

static inline void rig_path(char path[512], const char *file, const char *end)
{
    snprintf(path, 512, "%s/%s%s", rig_directory, file, end);
}

static inline int rig_tear_down(void **state)
{
    char path[512];
    DIR *stream = opendir(rig_directory);

    (void)state;
    for (const struct dirent *entry; stream && (entry = readdir(stream));) {
        rig_path(path, entry->d_name, "");
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (stream)
        closedir(stream);
    return rmdir(rig_directory);
}

/* Opens, and fails the test with the reason when that is not what comes out. */
static inline struct store *rig_open_as(const struct store_owner *owner, uint64_t max_bytes, enum store_result expected)
{
    klp_text_buffer why = {0};
    struct store *store = NULL;
    enum store_result result = store_open(rig_directory, owner, STORE_SURVIVES_PROCESS, max_bytes, &store, NULL, &why);

    if (result != expected)
        fail_msg("open: %d instead of %d: %s", result, expected, why.data);
    return store;
}

static inline struct store *rig_open(void)
{
    return rig_open_as(&rig_owner, 0, STORE_OK);
}

/* Texts that live as long as the next call of it. */
static inline struct store_job rig_job(uint64_t id, size_t body_bytes)
{
    static char body[1 << 21], key[32];
    struct store_job job = {.id = id, .op = KLP_OP_PUSH, .accepted_unix_ms = 1700000000000 + (int64_t)id};

    memset(body, 'b', body_bytes);
    snprintf(key, sizeof key, "match-%llu", (unsigned long long)id);
    job.game_id = klp_cstr("game_1");
    job.event_key = klp_cstr("quick_brawl");
    job.key = klp_cstr(key);
    job.method = klp_cstr("POST");
    job.path = klp_cstr("/server/v1/games/game_1/events/quick_brawl/lobbies");
    job.body = (klp_text){body, body_bytes};
    memset(job.fingerprint, (int)(id % 256), sizeof job.fingerprint);
    return job;
}

static inline struct store_ticket rig_ticket(uint64_t ticket, uint64_t job)
{
    struct store_ticket record = {.ticket = ticket, .job = job, .cookie = UINT64_MAX - ticket};

    record.accepted_unix_ms = 1700000000000;
    record.deadline_unix_ms = 1700007200000;
    record.trace_parent = klp_cstr("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    return record;
}

static inline struct store_event rig_event(uint64_t seq, uint64_t ticket, size_t bytes)
{
    static char json[1 << 21];

    memset(json, 'e', bytes);
    return (struct store_event){.seq = seq, .ticket = ticket, .json = {json, bytes}};
}

/* A job of 600 bytes with its one ticket, of the same number. */
static inline enum store_result rig_put(struct store *store, uint64_t id)
{
    struct store_job job = rig_job(id, 600);
    struct store_ticket ticket = rig_ticket(id, id);
    enum store_result result = store_put_job(store, &job);

    return result ? result : store_put_ticket(store, &ticket);
}

static inline enum store_result rig_conclude(struct store *store, uint64_t seq, uint64_t id)
{
    struct store_event event = rig_event(seq, id, 800);

    return store_conclude(store, &event, id);
}

/* The same, and a copy of it stays among the failed. */
static inline enum store_result rig_fail(struct store *store, uint64_t seq, uint64_t id, int64_t ended_unix_ms)
{
    enum store_result result =
        store_keep_failed(store, id, id, KLP_NOT_APPLIED, klp_cstr("unauthorized"), ended_unix_ms);

    return result ? result : rig_conclude(store, seq, id);
}

/* ─── What is there ─────────────────────────────────────────────────────────────────────────────── */

struct rig_census {
    struct store *store;
    uint64_t jobs, tickets, events, lone_jobs, job_sum, event_sum, last_seq, failed, failed_sum;
    uint64_t tickets_of_job;
};

static inline bool rig_count_ticket(void *user, const struct store_ticket *ticket)
{
    struct rig_census *census = user;

    (void)ticket;
    census->tickets++;
    census->tickets_of_job++;
    return true;
}

static inline bool rig_count_job(void *user, const struct store_job *job)
{
    struct rig_census *census = user;

    census->jobs++;
    census->job_sum += job->id;
    census->tickets_of_job = 0;
    if (store_each_ticket(census->store, job->id, rig_count_ticket, census) || !census->tickets_of_job)
        census->lone_jobs++;
    return true;
}

static inline bool rig_count_event(void *user, const struct store_event *event)
{
    struct rig_census *census = user;

    census->events++;
    census->event_sum += event->ticket;
    census->last_seq = event->seq;
    return true;
}

static inline bool rig_count_failed(void *user, const struct store_failed *failed)
{
    struct rig_census *census = user;

    census->failed++;
    census->failed_sum += failed->id;
    return true;
}

static inline enum store_result rig_census(struct store *store, struct rig_census *census)
{
    enum store_result result;

    *census = (struct rig_census){.store = store};
    result = store_each_job(store, 0, rig_count_job, census);
    if (!result)
        result = store_each_event(store, 0, rig_count_event, census);
    return result ? result : store_each_failed(store, 0, rig_count_failed, census);
}

static inline void rig_assert_holds(struct store *store, uint64_t jobs, uint64_t tickets, uint64_t events)
{
    struct rig_census census;

    assert_int_equal(rig_census(store, &census), STORE_OK);
    assert_int_equal(census.jobs, jobs);
    assert_int_equal(census.tickets, tickets);
    assert_int_equal(census.events, events);
    assert_int_equal(census.lone_jobs, 0);
    assert_int_equal(store_facts(store)->jobs, jobs);
    assert_int_equal(store_facts(store)->events, events);
}

/* How many failed ones there are, and the sum of their numbers. */
static inline void rig_assert_failed(struct store *store, uint64_t count, uint64_t sum)
{
    struct rig_census census;

    assert_int_equal(rig_census(store, &census), STORE_OK);
    assert_int_equal(census.failed, count);
    assert_int_equal(census.failed_sum, sum);
    assert_int_equal(store_facts(store)->failed, count);
}

static inline bool rig_has_file(const char *file, const char *end)
{
    char path[512];
    struct stat found;

    rig_path(path, file, end);
    return lstat(path, &found) == 0;
}

#endif
