/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pusher/pointer_set.h"
#include "random.h"

/* Against a plain array of flags, through a long mixed life that fills it to its room. */
static void an_address_is_in_it_from_add_to_remove(void **state)
{
    enum { MOST = 500, ROUNDS = 200000 };
    static char things[MOST][48];
    static bool is_in[MOST];
    struct pointer_set set;
    struct random random = {.state = 11};

    (void)state;
    assert_true(pointer_set_init(&set, MOST));
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t i = random_below(&random, MOST);
        bool wants_in = random_below(&random, 100) < (round / 20000 % 2 ? 20u : 90u); /* now full, now nearly empty */
        if (wants_in && !is_in[i]) {
            pointer_set_add(&set, things[i]);
            is_in[i] = true;
        } else if (!wants_in) {
            assert_int_equal(pointer_set_remove(&set, things[i]), is_in[i]);
            is_in[i] = false;
        }
    }
    for (int i = 0; i < MOST; i++) {
        assert_int_equal(pointer_set_remove(&set, things[i]), is_in[i]);
        assert_false(pointer_set_remove(&set, things[i]));
    }
    assert_false(pointer_set_remove(&set, NULL));
    assert_false(pointer_set_remove(&set, &set));
    pointer_set_destroy(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_address_is_in_it_from_add_to_remove)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
