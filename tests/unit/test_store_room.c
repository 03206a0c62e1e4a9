/* SPDX-License-Identifier: Apache-2.0
 * A store that is full, and one that was. */
#include "store_rig.h"

#include "random.h"

enum { BOUND_BYTES = 4 << 20 };

static uint64_t fill(struct store *store, size_t body_bytes)
{
    enum store_result result = STORE_OK;
    uint64_t id = 0;

    while (!result) {
        id++;
        struct store_job job = rig_job(id, body_bytes);
        struct store_ticket ticket = rig_ticket(id, id);
        result = store_put_job(store, &job);
        if (!result)
            assert_int_equal(store_put_ticket(store, &ticket), STORE_OK); /* its room came with the job */
        if (id % 64 == 0)
            assert_int_equal(store_commit(store), STORE_OK);
    }
    assert_int_equal(result, STORE_FULL);
    assert_non_null(strstr(store_last_failure(store), "bound"));
    assert_int_equal(store_commit(store), STORE_OK); /* what was put before it stays */
    return id - 1;
}

static size_t database_bytes(const struct store *store)
{
    char path[512];
    struct stat found;

    rig_path(path, store_file(store), "");
    assert_int_equal(lstat(path, &found), 0);
    return (size_t)found.st_size;
}

static void a_full_store_can_still_conclude_and_forget(void **state)
{
    static const size_t bodies[] = {1, 600, 2100, 5000, 60000};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct store *store = rig_open_as(&rig_owner, BOUND_BYTES, STORE_OK);
        struct random random = {.state = 7 + i};
        uint64_t jobs = fill(store, bodies[i]);
        uint64_t *order = calloc(jobs, sizeof *order);
        char error[STORE_ERROR_BYTES];

        assert_true(jobs > 40);
        memset(error, 'e', sizeof error);
        for (uint64_t id = 1; id <= jobs; id++) { /* every attempt fails, at length */
            struct store_job job = rig_job(id, bodies[i]);
            job.last_error = (klp_text){error, sizeof error};
            job.attempts = job.sends = job.recoveries = job.attempts_charged = UINT32_MAX;
            job.next_unix_ms = INT64_MAX;
            assert_int_equal(store_update_job(store, &job), STORE_OK);
            order[id - 1] = id;
        }
        assert_int_equal(store_reserve(store, INT64_MAX, INT64_MAX), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        for (uint64_t left = jobs; left > 0; left--) { /* verdicts of the largest size, in no order */
            uint64_t pick = random_below(&random, (uint32_t)left);
            struct store_event event = rig_event(order[pick], order[pick], STORE_VERDICT_BYTES);
            assert_int_equal(store_conclude(store, &event, order[pick]), STORE_OK);
            order[pick] = order[left - 1];
            if (left % 8 == 0)
                assert_int_equal(store_commit(store), STORE_OK);
        }
        assert_int_equal(store_commit(store), STORE_OK);
        rig_assert_holds(store, 0, 0, jobs);
        assert_true(database_bytes(store) <= BOUND_BYTES);
        assert_int_equal(store_forget_events(store, jobs), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        assert_int_equal(fill(store, bodies[i]), jobs); /* as much as before */
        free(order);
        for (uint64_t id = 1; id <= jobs; id++)
            assert_int_equal(rig_conclude(store, id, id), STORE_OK);
        assert_int_equal(store_forget_events(store, jobs), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        store_remove(store);
    }
}

static void a_verdict_too_large_for_a_full_store_is_refused_alone(void **state)
{
    struct store *store = rig_open_as(&rig_owner, BOUND_BYTES, STORE_OK);
    uint64_t jobs = fill(store, 600);

    (void)state;
    struct store_event event = rig_event(1, 1, 1 << 20);
    assert_int_equal(store_conclude(store, &event, 1), STORE_FULL);
    event = rig_event(2, 2, 100);
    assert_int_equal(store_conclude(store, &event, 2), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, jobs - 1, jobs - 1, 1);
    event = rig_event(1, 1, STORE_VERDICT_BYTES); /* without its large part */
    assert_int_equal(store_conclude(store, &event, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, jobs - 2, jobs - 2, 2);
    store_close(store);
}

static void a_lower_bound_than_what_is_there_lets_it_be_concluded(void **state)
{
    struct store *store = rig_open();

    (void)state;
    for (uint64_t id = 1; id <= 500; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    store = rig_open_as(&rig_owner, 1, STORE_OK);
    assert_int_equal(rig_put(store, 501), STORE_FULL);
    for (uint64_t id = 1; id <= 500; id++) {
        struct store_event event = rig_event(id, id, STORE_VERDICT_BYTES);
        assert_int_equal(store_conclude(store, &event, id), STORE_OK);
    }
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 0, 0, 500);
    store_close(store);
}

static void a_file_shrinks_after_its_backlog_went(void **state)
{
    struct store *store = rig_open();

    (void)state;
    for (uint64_t id = 1; id <= 20000; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    uint64_t most = store_bytes(store);
    assert_true(most > (16u << 20));
    for (uint64_t id = 1; id <= 20000; id++) {
        assert_int_equal(rig_conclude(store, id, id), STORE_OK);
        if (id % 64 == 0) {
            assert_int_equal(store_forget_events(store, id), STORE_OK);
            assert_int_equal(store_commit(store), STORE_OK);
        }
    }
    assert_int_equal(store_forget_events(store, 20000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    store = rig_open();
    assert_true(database_bytes(store) <= (2u << 20));
    rig_assert_holds(store, 0, 0, 0);
    store_close(store);
}

/* What a lobby was is nobody's business once it is gone. */
static void what_was_forgotten_is_not_in_the_file(void **state)
{
    char path[512];
    struct store *store = rig_open();

    (void)state;
    for (uint64_t id = 1; id <= 300; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    for (uint64_t id = 1; id <= 300; id++)
        assert_int_equal(rig_conclude(store, id, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_forget_events(store, 300), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_path(path, store_file(store), "");
    store_close(store);
    FILE *file = fopen(path, "r");
    size_t size = 0, run = 0;
    for (int byte, last = -1; (byte = fgetc(file)) != EOF; last = byte, size++) {
        run = byte == last && (byte == 'b' || byte == 'e') ? run + 1 : 0;
        assert_true(run < 8);
    }
    fclose(file);
    assert_true(size > 4096);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_full_store_can_still_conclude_and_forget),
        STORE_TEST(a_verdict_too_large_for_a_full_store_is_refused_alone),
        STORE_TEST(a_lower_bound_than_what_is_there_lets_it_be_concluded),
        STORE_TEST(a_file_shrinks_after_its_backlog_went),
        STORE_TEST(what_was_forgotten_is_not_in_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
