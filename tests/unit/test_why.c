/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pusher/random.h"
#include "why.h"

static void a_zeroed_buffer_is_given_a_text(void **state)
{
    klp_text_buffer why = {0};

    (void)state;
    why_clear(&why);
    assert_string_equal(why.data, "");
    assert_int_equal(why_say(&why, KLP_E_STOPPED, "%s[%d] is empty", "player_ids", 3), KLP_E_STOPPED);
    assert_string_equal(why.data, "player_ids[3] is empty");
    assert_int_equal(why.size, strlen(why.data));
    assert_int_equal(why.capacity, 0);
    why_clear(&why);
    assert_string_equal(why.data, "");
    assert_int_equal(why.size, 0);

    why = (klp_text_buffer){.data = NULL, .capacity = 100}; /* a size without a place */
    why_clear(&why);
    assert_string_equal(why.data, "");
    why_say(&why, KLP_OK, "said all the same");
    assert_string_equal(why.data, "said all the same");
    why = (klp_text_buffer){.data = NULL, .capacity = 100};
    why_say(&why, KLP_OK, "and at once");
    assert_string_equal(why.data, "and at once");
}

static void the_callers_own_buffer_is_cut_at_a_character(void **state)
{
    char text[6];
    klp_text_buffer why = {.data = text, .capacity = sizeof text};

    (void)state;
    why_say(&why, KLP_OK, "%s", "abcd\xc3\xa9z");
    assert_string_equal(text, "abcd");
    assert_int_equal(why.size, 4);
    why_say(&why, KLP_OK, "%s", "abc\xc3\xa9z");
    assert_string_equal(text, "abc\xc3\xa9");
    why_clear(&why);
    assert_string_equal(text, "");

    char one[1] = {'x'};
    why = (klp_text_buffer){.data = one, .capacity = 1};
    why_say(&why, KLP_OK, "abc");
    assert_int_equal(one[0], 0);
    assert_int_equal(why.size, 0);
}

static void nobody_has_to_ask_why(void **state)
{
    (void)state;
    why_clear(NULL);
    assert_int_equal(why_say(NULL, KLP_E_TIMEOUT, "x"), KLP_E_TIMEOUT);
}

static void *say_other(void *argument)
{
    klp_text_buffer why = {0};
    (void)argument;
    why_say(&why, KLP_OK, "other");
    return strcmp(why.data, "other") == 0 ? NULL : argument;
}

static void each_thread_has_a_text_of_its_own(void **state)
{
    klp_text_buffer why = {0};
    pthread_t thread;
    void *wrong;

    (void)state;
    why_say(&why, KLP_OK, "mine");
    assert_int_equal(pthread_create(&thread, NULL, say_other, &why), 0);
    pthread_join(thread, &wrong);
    assert_null(wrong);
    assert_string_equal(why.data, "mine");
}

static void uuids_are_of_version_4(void **state)
{
    static const unsigned char ones[16] = {255, 255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 255, 255, 255, 255, 255, 255};
    static const unsigned char zeros[16];
    char uuid[UUID_BYTES + 1] = "";

    (void)state;
    random_uuid(uuid, zeros);
    assert_string_equal(uuid, "00000000-0000-4000-8000-000000000000");
    random_uuid(uuid, ones);
    assert_string_equal(uuid, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

static void a_series_of_uuids_never_repeats_and_depends_on_its_key(void **state)
{
    enum { COUNT = 2000 };
    static char uuids[2][COUNT][UUID_BYTES + 1];
    struct uuid_series series[2] = {{.key = {1, 2}}, {.key = {1, 3}}};

    (void)state;
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < COUNT; i++) {
            uuid_series_next(&series[which], uuids[which][i]);
            assert_int_equal(uuids[which][i][14], '4');
            assert_non_null(strchr("89ab", uuids[which][i][19]));
        }
    for (int i = 0; i < COUNT; i++) {
        assert_string_not_equal(uuids[0][i], uuids[1][i]);
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(uuids[0][i], uuids[0][j], UUID_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zeroed_buffer_is_given_a_text),
        cmocka_unit_test(the_callers_own_buffer_is_cut_at_a_character),
        cmocka_unit_test(nobody_has_to_ask_why),
        cmocka_unit_test(each_thread_has_a_text_of_its_own),
        cmocka_unit_test(uuids_are_of_version_4),
        cmocka_unit_test(a_series_of_uuids_never_repeats_and_depends_on_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
