/* SPDX-License-Identifier: Apache-2.0
 * Processes that are killed at any instant, and readers beside a living one. */
#include "store_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "random.h"
#include "slowed.h"

enum { MOST_FAILED = 10 };

/* Jobs, then verdicts, then what is forgotten, each in the order of its numbers. */
struct progress {
    uint64_t forgotten, concluded, put;
};

static bool note_range(void *user, const struct store_job *job)
{
    struct progress *progress = user;

    if (progress->put == 0)
        progress->concluded = job->id - 1;
    else
        assert_int_equal(job->id, progress->put + 1);
    progress->put = job->id;
    return true;
}

static bool note_event_range(void *user, const struct store_event *event)
{
    uint64_t *range = user;

    assert_int_equal(event->seq, event->ticket);
    if (range[1] == 0)
        range[0] = event->seq - 1;
    else
        assert_int_equal(event->seq, range[1] + 1);
    range[1] = event->seq;
    return true;
}

/* What a store holds, as the numbers that it was made of. There is always a job left, and an event. */
static struct progress read_progress(struct store *store)
{
    struct progress progress = {0};
    uint64_t events[2] = {0};
    struct rig_census census;

    assert_int_equal(rig_census(store, &census), STORE_OK);
    assert_int_equal(census.lone_jobs, 0);
    assert_int_equal(census.jobs, census.tickets);
    assert_int_equal(store_each_job(store, 0, note_range, &progress), STORE_OK);
    assert_int_equal(store_each_event(store, 0, note_event_range, events), STORE_OK);
    if (census.events) {
        progress.forgotten = events[0];
        assert_int_equal(events[1], progress.concluded); /* a verdict stands where its job was */
    }
    if (progress.concluded > MOST_FAILED) { /* and the last of them are kept as failed */
        assert_int_equal(census.failed, MOST_FAILED);
        assert_int_equal(census.failed_sum, MOST_FAILED * (2 * progress.concluded - MOST_FAILED + 1) / 2);
    }
    return progress;
}

static uint64_t at_most(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void live(int acknowledgements, uint64_t seed)
{
    struct random random = {.state = seed};
    struct store *store;

    if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL))
        _exit(1);
    struct progress progress = read_progress(store);
    for (;;) {
        uint64_t put = progress.put + random_below(&random, 20) + 1, failed = 0;
        uint64_t concluded = at_most(progress.concluded + random_below(&random, 24), put - 1);
        uint64_t forgotten = concluded ? at_most(progress.forgotten + random_below(&random, 24), concluded - 1) : 0;
        for (uint64_t id = progress.put + 1; id <= put; id++)
            failed += rig_put(store, id) != STORE_OK;
        for (uint64_t id = progress.concluded + 1; id <= concluded; id++)
            failed += rig_fail(store, id, id, (int64_t)id) != STORE_OK;
        failed += store_expire_failed(store, 0, MOST_FAILED) != STORE_OK;
        failed += store_reserve(store, put, concluded) != STORE_OK;
        failed += store_forget_events(store, forgotten) != STORE_OK;
        failed += store_commit(store) != STORE_OK;
        progress = (struct progress){forgotten, concluded, put};
        if (failed || write(acknowledgements, &progress, sizeof progress) != sizeof progress)
            _exit(2);
        if (random_below(&random, 50) == 0) { /* so that ends and beginnings are interrupted too */
            store_close(store);
            if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL))
                _exit(3);
        }
    }
}

static void what_was_acknowledged_survives_being_killed(void **state)
{
    struct random random = {.state = 20240229};
    struct progress before = {0};
    uint64_t rounds_with_work = 0;

    (void)state;
    /* where the child takes long to get to work, it lives longer, and fewer times */
    const int rounds = is_under_valgrind() ? 12 : 60;
    const uint32_t lives_us = is_under_valgrind() ? 2000000 : 60000;
    const uint64_t with_work = (uint64_t)rounds / 3 + 1;
    for (int round = 0; round < rounds || (rounds_with_work < with_work && round < 10 * rounds); round++) {
        struct progress acknowledged = before, one;
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            live(ends[1], random.state + (uint64_t)round);
        }
        close(ends[1]);
        uint32_t life_us = 3000 + (uint32_t)random_below(&random, lives_us);
        struct timespec pause_for = {.tv_sec = life_us / 1000000, .tv_nsec = (long)(life_us % 1000000) * 1000};
        nanosleep(&pause_for, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        while (read(ends[0], &one, sizeof one) == sizeof one) {
            acknowledged = one;
        }
        close(ends[0]);
        rounds_with_work += acknowledged.put > before.put;

        struct store *store = rig_open();
        struct progress found = read_progress(store);
        assert_true(found.put >= acknowledged.put);
        assert_true(found.concluded >= acknowledged.concluded);
        assert_true(found.forgotten >= acknowledged.forgotten || found.concluded == 0);
        assert_true(store_facts(store)->last_ticket >= found.put);
        assert_true(store_facts(store)->last_seq >= found.concluded);
        assert_true(store_facts(store)->last_ticket >= before.put);
        before = found;
        store_close(store);
    }
    assert_true(rounds_with_work >= with_work);
}

/* ─── Views ─────────────────────────────────────────────────────────────────────────────────────── */

static void assert_cannot_write(struct store *view)
{
    struct store_job job = rig_job(1, 10);
    struct store_ticket ticket = rig_ticket(1, 1);
    struct store_event event = rig_event(1, 1, 10);

    assert_int_equal(store_put_job(view, &job), STORE_FAILED);
    assert_int_equal(store_put_ticket(view, &ticket), STORE_FAILED);
    assert_int_equal(store_update_job(view, &job), STORE_FAILED);
    assert_int_equal(store_conclude(view, &event, 1), STORE_FAILED);
    assert_int_equal(store_update_event(view, 1, 1), STORE_FAILED);
    assert_int_equal(store_forget_event(view, 1), STORE_FAILED);
    assert_int_equal(store_forget_events(view, 1), STORE_FAILED);
    assert_int_equal(store_reserve(view, 1, 1), STORE_FAILED);
    assert_int_equal(store_commit(view), STORE_OK); /* nothing */
    store_roll_back(view);
}

static void a_view_beside_a_living_writer_sees_whole_commits(void **state)
{
    struct progress one, seen = {0};
    char name[STORE_FILE_BYTES] = "";
    int ends[2];

    (void)state;
    struct store *store = rig_open();
    snprintf(name, sizeof name, "%s", store_file(store));
    store_close(store);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        live(ends[1], 5);
    }
    close(ends[1]);
    for (int round = 0; round < 200; round++) {
        struct store *view;
        klp_text_buffer why = {0};
        assert_int_equal(read(ends[0], &one, sizeof one), sizeof one);
        if (store_view(rig_directory, name, &view, &why))
            fail_msg("%s", why.data);
        if (round == 0)
            assert_cannot_write(view);
        struct progress progress = read_progress(view); /* in several goes, yet of one moment */
        assert_int_equal(store_facts(view)->jobs, progress.put - progress.concluded);
        assert_true(progress.put >= seen.put && progress.put >= one.put);
        seen = progress;
        assert_int_equal(store_facts(view)->epoch[16], 0);
        store_remove(view); /* only closes */
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);

    struct store *view; /* beside nobody, with a log to read */
    assert_int_equal(store_view(rig_directory, name, &view, NULL), STORE_OK);
    assert_true(read_progress(view).put >= seen.put);
    store_close(view);
    store = rig_open();
    assert_string_equal(store_file(store), name);
    assert_true(read_progress(store).put >= seen.put);
    store_close(store);
}

static void a_view_of_ones_own_store_takes_nothing_from_it(void **state)
{
    struct store *store = rig_open(), *view;

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(rig_put(store, 2), STORE_OK);
    assert_int_equal(store_view(rig_directory, store_file(store), &view, NULL), STORE_OK);
    rig_assert_holds(view, 1, 1, 0);
    store_close(view);
    assert_int_equal(store_commit(store), STORE_OK);
    pid_t child = fork();
    if (child == 0) { /* what it has is still its own */
        struct store *other;
        _exit((int)store_adopt(rig_directory, store_file(store), &rig_owner, STORE_SURVIVES_PROCESS, 0, &other, NULL));
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), STORE_LOCKED);
    rig_assert_holds(store, 2, 2, 0);
    store_close(store);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_was_acknowledged_survives_being_killed),
        STORE_TEST(a_view_beside_a_living_writer_sees_whole_commits),
        STORE_TEST(a_view_of_ones_own_store_takes_nothing_from_it),
    };

    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
