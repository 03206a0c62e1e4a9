/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pusher/duplicates.h"

enum { MOST = 10000, ID_BYTES = 24 };

static char ids[MOST][ID_BYTES];
static klp_text texts[MOST];

static void fill(void)
{
    for (int i = 0; i < MOST; i++) {
        snprintf(ids[i], ID_BYTES, "u-%d", i);
        texts[i] = klp_cstr(ids[i]);
    }
}

static bool find(size_t count, size_t *first, size_t *second)
{
    static const uint64_t secret[2] = {0x0123456789abcdef, 0xfedcba9876543210};
    void *scratch = malloc(duplicates_scratch_bytes(count) + 1);
    assert_non_null(scratch);
    bool is_found = duplicates_find(texts, count, secret, scratch, first, second);
    free(scratch);
    return is_found;
}

static void a_pair_is_found_wherever_it_stands(void **state)
{
    static const size_t counts[] = {2, 3, 7, 8, 9, 10, 16, 17, 100, 9999, MOST};
    size_t first, second;

    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t count = counts[i];
        size_t pairs[][2] = {
            {0, 1}, {0, count - 1}, {count - 2, count - 1}, {count / 2 ? count / 2 - 1 : 0, count - 1}};

        fill();
        assert_false(find(count, &first, &second));
        for (size_t pair = 0; pair < 4; pair++) {
            fill();
            texts[pairs[pair][1]] = texts[pairs[pair][0]];
            assert_true(find(count, &first, &second));
            assert_int_equal(first, pairs[pair][0]);
            assert_int_equal(second, pairs[pair][1]);
        }
    }
}

static void texts_that_differ_only_in_length_are_two(void **state)
{
    static char zeros[40];
    size_t first, second;

    (void)state;
    for (size_t i = 0; i < 33; i++)
        texts[i] = (klp_text){zeros, i + 1};
    assert_false(find(33, &first, &second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_found_wherever_it_stands),
        cmocka_unit_test(texts_that_differ_only_in_length_are_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
