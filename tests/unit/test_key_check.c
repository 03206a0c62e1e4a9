/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "pusher/key_check.h"

static bool is_of_game(const struct key_check *check, const char *game_id)
{
    return key_check_is_of_game(check, klp_cstr(game_id));
}

/* The answer to a ping, with this in its apiKey. */
static void note(struct key_check *check, const char *members)
{
    char body[4096];
    struct reply reply;

    snprintf(body, sizeof body, "{\"ok\":true,\"apiKey\":{\"id\":\"key_1\"%s%s}}", *members ? "," : "", members);
    assert_true(reply_read(body, strlen(body), REPLY_WANTS_API_KEY, &reply));
    assert_int_equal(reply.kind, REPLY_HAS_PAYLOAD);
    key_check_note(check, &reply);
    reply_free(&reply);
}

static struct key_check expecting(const char *environment)
{
    static const struct job_texts texts = {{"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}, {"", 0}};
    struct key_check check;
    struct job *ping = environment ? job_new(KLP_OP_PING, &texts, 0) : NULL;

    assert_int_equal(environment != NULL, ping != NULL);
    key_check_init(&check, environment, ping);
    return check;
}

static void where_nothing_is_expected_every_key_fits(void **state)
{
    struct key_check check = expecting(NULL);

    (void)state;
    assert_false(key_check_is_pending(&check));
    assert_false(key_check_is_due(&check, UINT64_MAX));
    assert_true(is_of_game(&check, "game_1"));
    key_check_begin_anew(&check);
    assert_false(key_check_is_pending(&check));
    key_check_close(&check);
}

static void a_key_of_the_environment_fits_and_one_of_another_does_not(void **state)
{
    static const struct {
        const char *members;
        enum key_check_state state;
    } answers[] = {
        {"\"environment\":\"live\"", KEY_FITS},
        {"\"environment\":\"l\\u0069ve\"", KEY_FITS},
        {"\"environment\":\"test\"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":\"LIVE\"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":\"live \"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":\"liv\"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":\"lives\"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":\"\"", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":null", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"\"environment\":[\"live\"]", KEY_IS_OF_ANOTHER_ENVIRONMENT},
        {"", KEY_IS_OF_ANOTHER_ENVIRONMENT}, /* a server that does not say is not trusted to mean it */
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct key_check check = expecting("live");
        assert_true(key_check_is_pending(&check));
        note(&check, answers[i].members);
        if (check.state != answers[i].state)
            fail_msg("%s", answers[i].members);
        assert_false(key_check_is_pending(&check));
        assert_true(is_of_game(&check, "game_1")); /* as far as is known */
        key_check_close(&check);
    }
}

static void a_game_is_compared_byte_by_byte(void **state)
{
    static const char *const others[] = {"game_", "game_11", "Game_1", "game_1 ", ""};
    struct key_check check = expecting("test");

    (void)state;
    note(&check, "\"environment\":\"test\",\"gameId\":\"game_1\"");
    assert_true(is_of_game(&check, "game_1"));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(is_of_game(&check, others[i]));
    key_check_close(&check);
}

static void a_game_that_cannot_be_one_is_not_compared(void **state)
{
    static const char *const members[] = {"\"gameId\":null", "\"gameId\":7", "\"gameId\":\"\"", "\"gameId\":{}"};
    char longest[KLP_MAX_ID_BYTES + 32], id[KLP_MAX_ID_BYTES + 2];
    struct key_check check = expecting("test");

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        note(&check, members[i]);
        assert_true(is_of_game(&check, "game_1"));
    }
    for (size_t size = KLP_MAX_ID_BYTES; size <= KLP_MAX_ID_BYTES + 1; size++) {
        memset(id, 'g', size);
        id[size] = '\0';
        snprintf(longest, sizeof longest, "\"gameId\":\"%s\"", id);
        note(&check, longest);
        assert_true(is_of_game(&check, id));
        assert_int_equal(is_of_game(&check, "game_1"), size > KLP_MAX_ID_BYTES);
    }
    key_check_close(&check);
}

static void another_key_is_asked_about_anew_and_at_once(void **state)
{
    struct key_check check = expecting("test");

    (void)state;
    assert_true(key_check_is_due(&check, 0));
    check.not_before_us = 500;
    check.failures = 3;
    assert_false(key_check_is_due(&check, 499));
    assert_true(key_check_is_due(&check, 500));
    key_check_begin_anew(&check);
    assert_true(key_check_is_due(&check, 0));
    assert_int_equal(check.failures, 0);
    note(&check, "\"environment\":\"live\",\"gameId\":\"game_2\"");
    assert_false(key_check_is_due(&check, UINT64_MAX));
    key_check_begin_anew(&check);
    assert_true(key_check_is_pending(&check));
    assert_true(is_of_game(&check, "game_1")); /* what was known is of the key of before */
    key_check_close(&check);
}

static void while_the_ping_is_out_there_is_no_other(void **state)
{
    struct key_check check = expecting("test");

    (void)state;
    check.is_out = true;
    assert_false(key_check_is_due(&check, UINT64_MAX));
    assert_true(key_check_is_pending(&check));
    key_check_begin_anew(&check); /* it is out with a key of before, and out nevertheless */
    assert_false(key_check_is_due(&check, UINT64_MAX));
    check.is_out = false;
    assert_true(key_check_is_due(&check, 0));
    key_check_close(&check);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nothing_is_expected_every_key_fits),
        cmocka_unit_test(a_key_of_the_environment_fits_and_one_of_another_does_not),
        cmocka_unit_test(a_game_is_compared_byte_by_byte),
        cmocka_unit_test(a_game_that_cannot_be_one_is_not_compared),
        cmocka_unit_test(another_key_is_asked_about_anew_and_at_once),
        cmocka_unit_test(while_the_ping_is_out_there_is_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
