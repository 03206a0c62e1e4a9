/* SPDX-License-Identifier: Apache-2.0
 * What failed is kept where there is room, and goes where something else needs it. */
#include "store_rig.h"

#include "random.h"

static void commit(struct store *store)
{
    assert_int_equal(store_commit(store), STORE_OK);
}

enum { BOUND_BYTES = 4 << 20 };

static struct store *open_bounded(void)
{
    return rig_open_as(&rig_owner, BOUND_BYTES, STORE_OK);
}

static size_t database_bytes(const struct store *store)
{
    char path[512];
    struct stat found;

    rig_path(path, store_file(store), "");
    assert_int_equal(lstat(path, &found), 0);
    return (size_t)found.st_size;
}

static enum store_result put(struct store *store, uint64_t id, size_t body_bytes)
{
    struct store_job job = rig_job(id, body_bytes);
    struct store_ticket ticket = rig_ticket(id, id);
    enum store_result result = store_put_job(store, &job);

    if (result == STORE_OK)
        assert_int_equal(store_put_ticket(store, &ticket), STORE_OK);
    return result;
}

/* Live ones until no more fit; how many. */
static uint64_t fill(struct store *store, uint64_t first, size_t body_bytes)
{
    uint64_t id = first;

    while (put(store, id, body_bytes) == STORE_OK)
        if (++id % 64 == 0)
            commit(store);
    commit(store);
    return id - first;
}

static void conclude_all(struct store *store, uint64_t first, uint64_t count)
{
    struct random random = {.state = 5};
    uint64_t *order = calloc(count, sizeof *order);

    for (uint64_t i = 0; i < count; i++)
        order[i] = first + i;
    for (uint64_t left = count; left > 0; left--) { /* the largest that are sure of their room, in no order */
        uint64_t pick = random_below(&random, (uint32_t)left);
        struct store_event event = rig_event(order[pick], order[pick], STORE_VERDICT_BYTES);
        assert_int_equal(store_keep_failed(store, order[pick], order[pick], KLP_NOT_APPLIED, klp_cstr("x"), 1),
                         STORE_OK);
        assert_int_equal(store_conclude(store, &event, order[pick]), STORE_OK);
        order[pick] = order[left - 1];
        if (left % 8 == 0)
            commit(store);
    }
    commit(store);
    free(order);
}

/* More than there is room for; the newest are kept. */
static void flood_with_failed(struct store *store, uint64_t count, size_t body_bytes)
{
    for (uint64_t id = 1; id <= count; id++) {
        assert_int_equal(put(store, id, body_bytes), STORE_OK);
        assert_int_equal(rig_fail(store, id, id, (int64_t)id), STORE_OK);
        assert_int_equal(store_forget_events(store, id), STORE_OK);
        if (id % 16 == 0)
            commit(store);
    }
    commit(store);
    struct rig_census census;
    assert_int_equal(rig_census(store, &census), STORE_OK);
    uint64_t kept = census.failed;
    assert_in_range(kept, 20, count - 1);
    assert_int_equal(census.failed_sum, kept * (2 * count - kept + 1) / 2);
}

static void the_failed_give_way_to_what_lives(void **state)
{
    static const struct {
        size_t body_bytes;
        uint64_t failed;
    } cases[] = {{1, 20000}, {600, 5000}, {2100, 2000}, {5000, 1000}, {60000, 100}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store *store = open_bounded();
        uint64_t without = fill(store, 100001, cases[i].body_bytes);
        for (uint64_t id = 100001; id <= 100000 + without; id++)
            assert_int_equal(rig_conclude(store, id, id), STORE_OK);
        assert_int_equal(store_forget_events(store, UINT64_MAX), STORE_OK);
        commit(store);
        store_remove(store);

        store = open_bounded();
        flood_with_failed(store, cases[i].failed, cases[i].body_bytes);
        uint64_t live = fill(store, 100001, cases[i].body_bytes);
        assert_in_range(live, without - 2, without); /* as if there had been none, but for a larger file's map */
        rig_assert_failed(store, 0, 0);
        conclude_all(store, 100001, live);
        rig_assert_holds(store, 0, 0, live);
        assert_true(database_bytes(store) <= BOUND_BYTES);
        assert_int_equal(store_expire_failed(store, INT64_MAX, 0), STORE_OK);
        assert_int_equal(store_forget_events(store, UINT64_MAX), STORE_OK);
        commit(store);
        store_remove(store);
    }
}

static void the_failed_give_way_to_tickets_that_join(void **state)
{
    struct store *store = open_bounded();
    enum store_result result = STORE_OK;
    uint64_t kept, joined = 1000000;

    (void)state;
    flood_with_failed(store, 5000, 600);
    kept = store_facts(store)->failed;
    assert_int_equal(put(store, 10001, 600), STORE_OK);
    for (; result == STORE_OK; joined++) {
        struct store_ticket ticket = rig_ticket(joined, 10001);
        result = store_put_ticket(store, &ticket);
    }
    assert_int_equal(result, STORE_FULL);
    assert_true(joined > 1000300);
    commit(store);
    rig_assert_failed(store, 0, 0);
    store_close(store);
    assert_true(kept > 1000);
}

static void the_failed_give_way_to_a_large_event(void **state)
{
    struct store *store = open_bounded();
    struct store_event event = rig_event(9000, 10001, 1 << 20);

    (void)state;
    flood_with_failed(store, 5000, 600);
    uint64_t kept = store_facts(store)->failed;
    assert_int_equal(put(store, 10001, 600), STORE_OK);
    assert_int_equal(store_conclude(store, &event, 10001), STORE_OK);
    commit(store);
    rig_assert_holds(store, 0, 0, 1);
    assert_in_range(store_facts(store)->failed, kept / 3, kept - 1); /* only as many as had to */
    event = rig_event(9001, 10002, STORE_VERDICT_BYTES);             /* of no ticket here, so it has none's room */
    while (store_conclude(store, &event, 10002) == STORE_OK)
        event.seq++;
    assert_in_range(event.seq, 9300, 9999);
    commit(store);
    rig_assert_failed(store, 0, 0);
    store_close(store);
}

static void a_requeue_without_room_leaves_it_among_the_failed(void **state)
{
    struct store *store = open_bounded();

    (void)state;
    for (uint64_t id = 1; id <= 2; id++) {
        assert_int_equal(put(store, id, 60000), STORE_OK);
        assert_int_equal(rig_fail(store, id, id, (int64_t)id), STORE_OK);
    }
    assert_int_equal(store_forget_events(store, 2), STORE_OK);
    commit(store);
    for (uint64_t id = 100; store_facts(store)->failed == 2; id++) { /* until the older one is gone */
        assert_int_equal(put(store, id, 600), STORE_OK);
        commit(store);
    }
    rig_assert_failed(store, 1, 2);
    uint64_t jobs = store_facts(store)->jobs;
    assert_int_equal(store_requeue(store, 2, 5000, NULL, 1), STORE_FULL);
    assert_non_null(strstr(store_last_failure(store), "bound"));
    commit(store);
    rig_assert_holds(store, jobs, jobs, 0);
    rig_assert_failed(store, 1, 2);
    for (uint64_t gone = 100; gone < 150; gone++)
        assert_int_equal(rig_conclude(store, gone, gone), STORE_OK);
    assert_int_equal(store_forget_events(store, 150), STORE_OK);
    commit(store);
    assert_int_equal(store_requeue(store, 2, 5000, NULL, 1), STORE_OK);
    commit(store);
    rig_assert_holds(store, jobs - 50 + 1, jobs - 50 + 1, 0);
    rig_assert_failed(store, 0, 0);
    store_close(store);
}

static void a_verdict_does_not_wait_for_what_cannot_be_kept(void **state)
{
    struct store *store = open_bounded();
    uint64_t jobs = fill(store, 1, 2000);

    (void)state;
    assert_int_equal(rig_fail(store, 1, 1, 1000), STORE_OK);
    commit(store);
    rig_assert_holds(store, jobs - 1, jobs - 1, 1);
    rig_assert_failed(store, 0, 0);
    assert_int_equal(store_forget_events(store, 1), STORE_OK);
    commit(store);
    assert_int_equal(rig_fail(store, 2, 2, 1000), STORE_OK); /* in the room of the first */
    commit(store);
    rig_assert_failed(store, 1, 2);
    store_close(store);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(the_failed_give_way_to_what_lives),
        STORE_TEST(the_failed_give_way_to_tickets_that_join),
        STORE_TEST(the_failed_give_way_to_a_large_event),
        STORE_TEST(a_requeue_without_room_leaves_it_among_the_failed),
        STORE_TEST(a_verdict_does_not_wait_for_what_cannot_be_kept),
    };
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
