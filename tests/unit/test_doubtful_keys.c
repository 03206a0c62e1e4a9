/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pusher/doubtful_keys.h"
#include "random.h"

static void the_oldest_is_forgotten_when_there_is_no_room(void **state)
{
    struct doubtful_keys keys;

    (void)state;
    assert_true(doubtful_keys_init(&keys, 3));
    for (uint64_t hash = 1; hash <= 3; hash++)
        doubtful_keys_add(&keys, hash);
    assert_true(doubtful_keys_has(&keys, 1) && doubtful_keys_has(&keys, 2) && doubtful_keys_has(&keys, 3));
    doubtful_keys_add(&keys, 4);
    assert_false(doubtful_keys_has(&keys, 1));
    assert_true(doubtful_keys_has(&keys, 2) && doubtful_keys_has(&keys, 3) && doubtful_keys_has(&keys, 4));
    doubtful_keys_destroy(&keys);
}

static void what_is_added_again_is_the_newest(void **state)
{
    struct doubtful_keys keys;

    (void)state;
    assert_true(doubtful_keys_init(&keys, 3));
    for (uint64_t hash = 1; hash <= 3; hash++)
        doubtful_keys_add(&keys, hash);
    doubtful_keys_add(&keys, 1);
    doubtful_keys_add(&keys, 4);
    assert_true(doubtful_keys_has(&keys, 1));
    assert_false(doubtful_keys_has(&keys, 2));
    doubtful_keys_destroy(&keys);
}

static void what_is_removed_is_gone_and_leaves_its_room(void **state)
{
    struct doubtful_keys keys;

    (void)state;
    assert_true(doubtful_keys_init(&keys, 2));
    doubtful_keys_add(&keys, 0); /* a hash as any other */
    doubtful_keys_add(&keys, UINT64_MAX);
    doubtful_keys_remove(&keys, 7);
    doubtful_keys_remove(&keys, 0);
    assert_false(doubtful_keys_has(&keys, 0));
    doubtful_keys_add(&keys, 1);
    assert_true(doubtful_keys_has(&keys, UINT64_MAX) && doubtful_keys_has(&keys, 1));
    doubtful_keys_destroy(&keys);
}

static void without_room_or_memory_nothing_is_remembered(void **state)
{
    struct doubtful_keys keys;
    const size_t rooms[] = {0, UINT32_MAX, (size_t)UINT32_MAX + 1, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        assert_int_equal(doubtful_keys_init(&keys, rooms[i]), rooms[i] == 0);
        doubtful_keys_add(&keys, 1);
        assert_false(doubtful_keys_has(&keys, 1));
        doubtful_keys_remove(&keys, 1);
        doubtful_keys_destroy(&keys);
        doubtful_keys_destroy(&keys);
    }
}

/* ─── Against what it is meant to be: a list, the oldest first ──────────────────────────────────── */

enum { MODEL_MOST = 64 };

struct model {
    uint64_t hashes[MODEL_MOST + 1];
    size_t count, most;
};

static size_t model_find(const struct model *model, uint64_t hash)
{
    size_t at = 0;
    while (at < model->count && model->hashes[at] != hash)
        at++;
    return at;
}

static void model_remove_at(struct model *model, size_t at)
{
    model->count--;
    memmove(model->hashes + at, model->hashes + at + 1, (model->count - at) * sizeof *model->hashes);
}

static void model_remove(struct model *model, uint64_t hash)
{
    if (model_find(model, hash) < model->count)
        model_remove_at(model, model_find(model, hash));
}

static void model_add(struct model *model, uint64_t hash)
{
    model_remove(model, hash);
    model->hashes[model->count++] = hash;
    if (model->count > model->most)
        model_remove_at(model, 0);
}

/* Hashes that fall into few chains, and hashes that fall into many. */
static uint64_t any_hash(struct random *random, uint32_t kinds)
{
    uint64_t number = random_below(random, kinds);
    return number % 2 ? number : number * UINT64_C(0xd1342543de82ef95);
}

static void it_does_as_a_plain_list_would(void **state)
{
    static const size_t rooms[] = {1, 2, 3, 7, 16, MODEL_MOST};
    struct random random = {.state = 99};

    (void)state;
    for (size_t i = 0; i < sizeof rooms / sizeof *rooms; i++) {
        struct doubtful_keys keys;
        struct model model = {.most = rooms[i]};
        uint32_t kinds = (uint32_t)rooms[i] * 2 + 2;
        assert_true(doubtful_keys_init(&keys, rooms[i]));
        for (int step = 0; step < 20000; step++) {
            uint64_t hash = any_hash(&random, kinds);
            if (random_below(&random, 3) == 0) {
                doubtful_keys_remove(&keys, hash);
                model_remove(&model, hash);
            } else {
                doubtful_keys_add(&keys, hash);
                model_add(&model, hash);
            }
            for (uint64_t number = 0; number < kinds; number++) {
                uint64_t asked = number % 2 ? number : number * UINT64_C(0xd1342543de82ef95);
                assert_int_equal(doubtful_keys_has(&keys, asked), model_find(&model, asked) < model.count);
            }
        }
        doubtful_keys_destroy(&keys);
    }
}

static void a_million_are_remembered_in_no_time(void **state)
{
    enum { ROOM = 250000, ADDED = 1000000 };
    struct doubtful_keys keys;

    (void)state;
    assert_true(doubtful_keys_init(&keys, ROOM));
    for (uint64_t i = 0; i < ADDED; i++)
        doubtful_keys_add(&keys, i * UINT64_C(0xd1342543de82ef95));
    for (uint64_t i = 0; i < ADDED; i++)
        assert_int_equal(doubtful_keys_has(&keys, i * UINT64_C(0xd1342543de82ef95)), i >= ADDED - ROOM);
    doubtful_keys_destroy(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oldest_is_forgotten_when_there_is_no_room),
        cmocka_unit_test(what_is_added_again_is_the_newest),
        cmocka_unit_test(what_is_removed_is_gone_and_leaves_its_room),
        cmocka_unit_test(without_room_or_memory_nothing_is_remembered),
        cmocka_unit_test(it_does_as_a_plain_list_would),
        cmocka_unit_test(a_million_are_remembered_in_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
