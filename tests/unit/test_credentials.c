/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "pusher/credentials.h"
#include "random.h"

enum { MS = 1000, GRACE_MS = 30000 };

static struct api_key *key_of(const char *text)
{
    struct api_key *api_key = NULL;
    assert_int_equal(api_key_of_text(klp_cstr(text), "api_key", &api_key, NULL), KLP_OK);
    return api_key;
}

static struct credentials with_grace(uint64_t grace_ms)
{
    struct credentials credentials;
    credentials_init(&credentials, key_of("one.secret"), NULL, grace_ms * MS);
    return credentials;
}

static void assert_current(const struct credentials *credentials, const char *text)
{
    klp_text current = api_key_text(credentials->current);
    assert_int_equal(current.size, strlen(text));
    assert_memory_equal(current.data, text, current.size);
}

/* ─── Which key ─────────────────────────────────────────────────────────────────────────────────── */

static void a_new_key_is_another_generation_and_the_same_one_is_not(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);

    (void)state;
    assert_int_equal(credentials.generation, 1);
    assert_int_equal(credentials_give(&credentials, key_of("one.secret")), CREDENTIALS_SAME);
    assert_int_equal(credentials.generation, 1);
    assert_int_equal(credentials_give(&credentials, key_of("two.secret")), CREDENTIALS_CHANGED);
    assert_int_equal(credentials_give(&credentials, key_of("two.secre")), CREDENTIALS_CHANGED);
    assert_int_equal(credentials_give(&credentials, key_of("one.secret")), CREDENTIALS_CHANGED);
    assert_int_equal(credentials.generation, 4);
    assert_current(&credentials, "one.secret");
    credentials_close(&credentials);
}

static void a_key_lives_as_long_as_an_attempt_uses_it(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    struct api_key *first = credentials_take(&credentials);
    struct api_key *again = credentials_take(&credentials);

    (void)state;
    assert_ptr_equal(first, again);
    credentials_give(&credentials, key_of("two.secret"));
    struct api_key *second = credentials_take(&credentials);
    credentials_give(&credentials, key_of("three.secret"));
    assert_string_equal(api_key_header(first), "Authorization: Bearer one.secret");
    assert_string_equal(api_key_header(second), "Authorization: Bearer two.secret");
    credentials_give_back(&credentials, first, 1);
    assert_string_equal(api_key_header(again), "Authorization: Bearer one.secret");
    credentials_give_back(&credentials, again, 1);
    credentials_give_back(&credentials, second, 1);
    struct api_key *third = credentials_take(&credentials);
    credentials_give_back(&credentials, third, 1);
    assert_ptr_equal(credentials_take(&credentials), third); /* the current one stays without uses, too */
    credentials_give(&credentials, key_of("four.secret"));
    credentials_close(&credentials); /* with one that is still in use */
}

static size_t retired_count(const struct credentials *credentials)
{
    size_t count = 0;
    for (struct api_key *key = credentials->retired; key; key = *api_key_next(key))
        count++;
    return count;
}

/* Whatever the order in which attempts end. */
static void keys_of_before_go_in_any_order(void **state)
{
    enum { MOST = 12 };
    struct random random = {.state = 3};

    (void)state;
    for (int round = 0; round < 200; round++) {
        struct credentials credentials = with_grace(GRACE_MS);
        struct api_key *taken[MOST];
        size_t count = 0;
        for (uint64_t step = 0; step < 60; step++) {
            char text[32];
            size_t which = count ? (size_t)random_below(&random, (uint32_t)count) : 0;
            snprintf(text, sizeof text, "key.%u-%u", (unsigned)step, (unsigned)random_below(&random, 1000));
            if (random_below(&random, 4) == 0) {
                credentials_give(&credentials, key_of(text));
            } else if (count < MOST && random_below(&random, 2)) {
                taken[count++] = credentials_take(&credentials);
            } else if (count) {
                credentials_give_back(&credentials, taken[which], step);
                taken[which] = taken[--count];
            }
        }
        while (count)
            credentials_give_back(&credentials, taken[--count], 99);
        assert_true(retired_count(&credentials) <= 3);
        credentials_close(&credentials);
    }
}

static bool is_kept_out(const struct credentials *credentials, const char *secret)
{
    char text[64];
    size_t size = (size_t)snprintf(text, sizeof text, "it was %s, was it not", secret);
    secrets_redact_text(&credentials->secrets, text, size);
    return !strstr(text, secret);
}

/* A late reply may repeat the key that its request was sent with. */
static void keys_of_before_are_kept_out_of_texts_the_last_few_and_those_in_use(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    struct api_key *first = credentials_take(&credentials);

    (void)state;
    assert_true(is_kept_out(&credentials, "one.secret"));
    credentials_give(&credentials, key_of("two.secret"));
    credentials_give(&credentials, key_of("three.secret"));
    credentials_give(&credentials, key_of("four.secret"));
    credentials_give(&credentials, key_of("five.secret"));
    credentials_give(&credentials, key_of("six.secret"));
    assert_true(is_kept_out(&credentials, "six.secret"));
    assert_true(is_kept_out(&credentials, "five.secret"));
    assert_true(is_kept_out(&credentials, "three.secret"));
    assert_false(is_kept_out(&credentials, "two.secret")); /* nobody uses it, and three have come since */
    assert_true(is_kept_out(&credentials, "one.secret"));
    credentials_give_back(&credentials, first, 1);
    assert_false(is_kept_out(&credentials, "one.secret"));
    credentials_close(&credentials);
}

/* ─── Whether the server takes it ───────────────────────────────────────────────────────────────── */

static void a_refused_key_holds_everything_for_its_grace_and_then_one_goes(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);

    (void)state;
    assert_true(credentials_may_start(&credentials, 0));
    assert_false(credentials_is_refused(&credentials));
    assert_true(credentials_note_refusal(&credentials, 10 * MS));
    assert_true(credentials_is_refused(&credentials));
    assert_false(credentials_may_start(&credentials, (10 + GRACE_MS) * MS - 1));
    assert_int_equal(credentials_next_us(&credentials, 11 * MS), (10 + GRACE_MS) * MS);
    assert_true(credentials_may_start(&credentials, (10 + GRACE_MS) * MS));
    assert_int_equal(credentials_next_us(&credentials, (10 + GRACE_MS) * MS), UINT64_MAX);

    uint64_t probe_us = (11 + GRACE_MS) * MS;
    struct api_key *probe = credentials_take(&credentials);
    assert_false(credentials_may_start(&credentials, probe_us + 1));
    assert_true(credentials_is_refused(&credentials));                   /* no better is known of it */
    assert_false(credentials_note_refusal(&credentials, probe_us + MS)); /* no news */
    credentials_give_back(&credentials, probe, probe_us);
    assert_false(credentials_may_start(&credentials, probe_us + GRACE_MS * MS));
    assert_true(credentials_may_start(&credentials, probe_us + (1 + GRACE_MS) * MS));
    credentials_close(&credentials);
}

static void a_probe_that_proves_it_good_lets_all_go(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    uint64_t probe_us = (1 + GRACE_MS) * MS;

    (void)state;
    credentials_note_refusal(&credentials, MS);
    struct api_key *probe = credentials_take(&credentials);
    assert_true(credentials_note_good(&credentials, probe_us));
    assert_true(credentials_may_start(&credentials, probe_us + 1)); /* before it has been given back, too */
    credentials_give_back(&credentials, probe, probe_us);
    assert_true(credentials_may_start(&credentials, probe_us + 1));
    assert_false(credentials_is_refused(&credentials));
    assert_false(credentials_note_good(&credentials, probe_us)); /* no news */
    credentials_close(&credentials);
}

static void a_probe_that_tells_nothing_makes_room_for_the_next(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    uint64_t probe_us = (1 + GRACE_MS) * MS;

    (void)state;
    credentials_note_refusal(&credentials, MS);
    for (int i = 0; i < 3; i++) {
        assert_true(credentials_may_start(&credentials, probe_us));
        struct api_key *probe = credentials_take(&credentials);
        assert_false(credentials_may_start(&credentials, probe_us));
        credentials_give_back(&credentials, probe, probe_us);
    }
    credentials_close(&credentials);
}

static void a_new_key_ends_the_hold_and_is_tried_by_one(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    struct api_key *slow = credentials_take(&credentials);

    (void)state;
    credentials_note_refusal(&credentials, 10 * MS);
    assert_int_equal(credentials_give(&credentials, key_of("one.secret")), CREDENTIALS_SAME);
    assert_false(credentials_may_start(&credentials, 11 * MS));
    credentials_give(&credentials, key_of("two.secret"));
    assert_false(credentials_is_refused(&credentials));
    assert_true(credentials_may_start(&credentials, 11 * MS)); /* beside the slow one of before */
    struct api_key *probe = credentials_take(&credentials);
    assert_false(credentials_may_start(&credentials, 11 * MS));
    credentials_give_back(&credentials, slow, 5 * MS); /* which is no news of this one */
    assert_false(credentials_may_start(&credentials, 12 * MS));
    credentials_note_good(&credentials, 11 * MS);
    assert_true(credentials_may_start(&credentials, 12 * MS));
    credentials_give_back(&credentials, probe, 11 * MS);
    credentials_close(&credentials);
}

static void what_started_before_the_refusal_proves_nothing(void **state)
{
    struct credentials credentials = with_grace(GRACE_MS);
    struct api_key *slow = credentials_take(&credentials), *other = credentials_take(&credentials);
    uint64_t probe_us = (11 + GRACE_MS) * MS;

    (void)state;
    credentials_note_refusal(&credentials, 10 * MS);
    assert_false(credentials_note_good(&credentials, 10 * MS));
    assert_false(credentials_may_start(&credentials, 11 * MS));
    assert_true(credentials_may_start(&credentials, probe_us)); /* nor is it in the way */
    struct api_key *probe = credentials_take(&credentials);
    credentials_give_back(&credentials, slow, 5 * MS);
    assert_false(credentials_may_start(&credentials, probe_us)); /* and it is not the probe that has ended */
    credentials_give_back(&credentials, probe, probe_us);
    credentials_give_back(&credentials, other, 5 * MS);
    assert_true(credentials_may_start(&credentials, probe_us));
    credentials_close(&credentials);
}

static void without_a_grace_nothing_is_held(void **state)
{
    struct credentials credentials = with_grace(0);

    (void)state;
    for (uint64_t i = 1; i < 4; i++) {
        assert_true(credentials_note_refusal(&credentials, i * MS)); /* each is news */
        assert_true(credentials_may_start(&credentials, i * MS));
        assert_false(credentials_is_refused(&credentials));
    }
    assert_false(credentials_note_good(&credentials, 9 * MS));
    credentials_close(&credentials);
}

/* ─── The file ──────────────────────────────────────────────────────────────────────────────────── */

static char path[] = "/tmp/klp-credentials-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    strcpy(path + sizeof path - 7, "XXXXXX");
    int descriptor = mkstemp(path);
    if (descriptor < 0)
        return -1;
    close(descriptor);
    return 0;
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

/* Another file each time, as a change is known for certain. */
static void write_file(const char *text)
{
    char other[sizeof path + 4];
    snprintf(other, sizeof other, "%s.new", path);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(other, path), 0);
}

static enum credentials_news look(struct credentials *credentials, bool is_urgent, uint64_t now_us)
{
    char sentence[256] = "";
    klp_text_buffer why = {sentence, sizeof sentence, 0};
    enum credentials_news news = credentials_look(credentials, is_urgent, now_us, &why);
    assert_int_equal(news == CREDENTIALS_UNREADABLE, why.size > 0);
    assert_null(strstr(sentence, "secret"));
    return news;
}

static struct credentials with_file(const char *text)
{
    struct credentials credentials;
    write_file(text);
    credentials_init(&credentials, key_of("one.secret"), path, GRACE_MS * MS);
    return credentials;
}

static void what_was_written_since_open_shows_at_the_first_look(void **state)
{
    struct credentials credentials = with_file("two.secret\n");

    (void)state;
    assert_int_equal(look(&credentials, false, MS), CREDENTIALS_CHANGED);
    assert_current(&credentials, "two.secret");
    credentials_close(&credentials);
}

static void it_is_looked_at_five_times_a_second_and_at_once_when_it_is_urgent(void **state)
{
    struct credentials credentials = with_file("one.secret\n");
    uint64_t now_us = 7 * MS;

    (void)state;
    assert_int_equal(look(&credentials, false, now_us), CREDENTIALS_SAME);
    write_file("two.secret");
    assert_int_equal(look(&credentials, false, now_us + 199999), CREDENTIALS_SAME);
    assert_int_equal(look(&credentials, false, now_us + 200000), CREDENTIALS_CHANGED);
    write_file("three.secret");
    assert_int_equal(look(&credentials, false, now_us + 200001), CREDENTIALS_SAME);
    assert_int_equal(look(&credentials, true, now_us + 200001), CREDENTIALS_CHANGED);
    assert_int_equal(look(&credentials, true, now_us + 200001), CREDENTIALS_SAME);
    assert_int_equal(credentials.generation, 3);
    credentials_close(&credentials);
}

static void while_everything_is_held_it_is_looked_at_on(void **state)
{
    struct credentials credentials = with_file("one.secret\n");

    (void)state;
    look(&credentials, false, MS);
    credentials_note_refusal(&credentials, 2 * MS);
    assert_int_equal(credentials_next_us(&credentials, 3 * MS), 201 * MS);
    credentials.look_again_us = (3 + GRACE_MS) * MS;
    assert_int_equal(credentials_next_us(&credentials, 3 * MS), (2 + GRACE_MS) * MS); /* whichever comes first */
    credentials_close(&credentials);
}

static void a_file_without_a_key_is_told_of_and_read_again_until_it_has_one(void **state)
{
    static const char *const texts[] = {"", " \n", "two secret", "two.secret\nthree.secret"};
    struct credentials credentials = with_file("one.secret");
    uint64_t now_us = MS;

    (void)state;
    look(&credentials, false, now_us);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_file(texts[i]);
        for (int n = 0; n < 2; n++)
            assert_int_equal(look(&credentials, false, now_us += CREDENTIALS_LOOK_EVERY_US), CREDENTIALS_UNREADABLE);
        assert_current(&credentials, "one.secret");
    }
    unlink(path);
    assert_int_equal(look(&credentials, false, now_us += CREDENTIALS_LOOK_EVERY_US), CREDENTIALS_UNREADABLE);
    write_file("one.secret");
    assert_int_equal(look(&credentials, false, now_us += CREDENTIALS_LOOK_EVERY_US), CREDENTIALS_SAME);
    write_file("\t two.secret \r\n");
    assert_int_equal(look(&credentials, false, now_us + CREDENTIALS_LOOK_EVERY_US), CREDENTIALS_CHANGED);
    assert_current(&credentials, "two.secret");
    credentials_close(&credentials);
}

static void a_given_key_is_overruled_by_the_files_next_change_and_no_earlier_one(void **state)
{
    struct credentials credentials = with_file("one.secret");

    (void)state;
    credentials_give(&credentials, key_of("two.secret")); /* before the first look */
    assert_int_equal(look(&credentials, false, MS), CREDENTIALS_SAME);
    write_file("three.secret");
    credentials_give(&credentials, key_of("four.secret"));
    assert_int_equal(look(&credentials, false, 300 * MS), CREDENTIALS_SAME);
    assert_current(&credentials, "four.secret");
    write_file("five.secret");
    assert_int_equal(look(&credentials, false, 600 * MS), CREDENTIALS_CHANGED);
    assert_current(&credentials, "five.secret");
    credentials_give(&credentials, key_of("six.secret"));
    assert_int_equal(look(&credentials, true, 600 * MS), CREDENTIALS_SAME); /* refused, but the file is as it was */
    assert_current(&credentials, "six.secret");
    write_file("seven.secret");
    assert_int_equal(look(&credentials, true, 600 * MS), CREDENTIALS_CHANGED);
    assert_current(&credentials, "seven.secret");
    credentials_close(&credentials);
}

#define test_with_file(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_another_generation_and_the_same_one_is_not),
        cmocka_unit_test(a_key_lives_as_long_as_an_attempt_uses_it),
        cmocka_unit_test(keys_of_before_go_in_any_order),
        cmocka_unit_test(keys_of_before_are_kept_out_of_texts_the_last_few_and_those_in_use),
        cmocka_unit_test(a_refused_key_holds_everything_for_its_grace_and_then_one_goes),
        cmocka_unit_test(a_probe_that_proves_it_good_lets_all_go),
        cmocka_unit_test(a_probe_that_tells_nothing_makes_room_for_the_next),
        cmocka_unit_test(a_new_key_ends_the_hold_and_is_tried_by_one),
        cmocka_unit_test(what_started_before_the_refusal_proves_nothing),
        cmocka_unit_test(without_a_grace_nothing_is_held),
        test_with_file(what_was_written_since_open_shows_at_the_first_look),
        test_with_file(it_is_looked_at_five_times_a_second_and_at_once_when_it_is_urgent),
        test_with_file(while_everything_is_held_it_is_looked_at_on),
        test_with_file(a_file_without_a_key_is_told_of_and_read_again_until_it_has_one),
        test_with_file(a_given_key_is_overruled_by_the_files_next_change_and_no_earlier_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
