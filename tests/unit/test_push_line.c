/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pusher/age_list.h"
#include "pusher/same_key.h"

static const uint64_t secret[2] = {1, 2};
static const klp_text nothing = {"", 0};

static struct job *push_of(struct same_key *keys, const char *event_key, const char *key, const char *body)
{
    const struct job_texts texts = {.game_id = KLP_LIT("game"),
                                    .event_key = klp_cstr(event_key),
                                    .key = klp_cstr(key),
                                    .lobby_id = nothing,
                                    .method = nothing,
                                    .path = nothing,
                                    .trace_parent = nothing};
    struct job *job = job_new(KLP_OP_PUSH, &texts, strlen(body));

    assert_non_null(job);
    memcpy(job_body(job), body, strlen(body));
    job->idempotency_offset = (uint32_t)(strchr(body, '#') - body);
    same_key_note(keys, job);
    return job;
}

static void a_key_is_its_game_event_and_key(void **state)
{
    struct same_key keys;

    (void)state;
    assert_true(same_key_init(&keys, 4, secret));
    struct job *a = push_of(&keys, "duel", "m-1", "roster#1"), *b = push_of(&keys, "duel", "m-1", "other#2"),
               *c = push_of(&keys, "due", "lm-1", "roster#1"), *d = push_of(&keys, "duel", "m-2", "roster#1");
    assert_null(same_key_find(&keys, a));
    same_key_begin(&keys, a);
    assert_ptr_equal(same_key_find(&keys, b), a);
    assert_null(same_key_find(&keys, c));
    assert_null(same_key_find(&keys, d));
    assert_null(same_key_end(&keys, a));
    assert_null(same_key_find(&keys, b));
    job_free(a), job_free(b), job_free(c), job_free(d);
    same_key_destroy(&keys);
}

static void pushes_are_equal_but_for_the_idempotency_key(void **state)
{
    struct same_key keys;

    (void)state;
    assert_true(same_key_init(&keys, 4, secret));
    struct job *a = push_of(&keys, "duel", "m-1", "roster#1"), *b = push_of(&keys, "duel", "m-1", "roster#other"),
               *c = push_of(&keys, "duel", "m-1", "rosteR#1"), *d = push_of(&keys, "duel", "m-1", "roster2#1");
    assert_true(same_key_is_equal(a, b));
    assert_false(same_key_is_equal(a, c));
    assert_false(same_key_is_equal(a, d));
    job_free(a), job_free(b), job_free(c), job_free(d);
    same_key_destroy(&keys);
}

static void the_line_is_kept_in_order_whoever_leaves_it(void **state)
{
    enum { IN_LINE = 6 };
    struct same_key keys;
    struct job *line[IN_LINE];

    (void)state;
    /* all ways to leave of those that wait, before the rest is served */
    for (unsigned leaving = 0; leaving < 1u << (IN_LINE - 1); leaving++) {
        assert_true(same_key_init(&keys, 2, secret));
        for (int i = 0; i < IN_LINE; i++) {
            line[i] = push_of(&keys, "duel", "m-1", "roster#1");
            if (i == 0)
                same_key_begin(&keys, line[0]);
            else
                same_key_stand_in_line(same_key_find(&keys, line[i]), line[i]);
        }
        for (int i = 1; i < IN_LINE; i++)
            if (leaving & 1u << (i - 1))
                same_key_leave_line(&keys, line[i]);
        struct job *late = push_of(&keys, "duel", "m-1", "roster#1");
        same_key_stand_in_line(same_key_find(&keys, late), late);

        struct job *under_way = line[0];
        for (int i = 1; i < IN_LINE; i++) {
            if (leaving & 1u << (i - 1))
                continue;
            assert_ptr_equal(same_key_end(&keys, under_way), line[i]);
            under_way = line[i];
            assert_true(under_way->is_under_way);
            assert_ptr_equal(same_key_find(&keys, late), under_way);
        }
        assert_ptr_equal(same_key_end(&keys, under_way), late);
        assert_null(same_key_end(&keys, late));
        for (int i = 0; i < IN_LINE; i++)
            job_free(line[i]);
        job_free(late);
        same_key_destroy(&keys);
    }
}

static void many_keys_share_few_places(void **state)
{
    enum { KEYS = 500 };
    struct same_key keys;
    struct job *jobs[KEYS];
    char key[16];

    (void)state;
    assert_true(same_key_init(&keys, 1, secret));
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        jobs[i] = push_of(&keys, "duel", key, "roster#1");
        assert_null(same_key_find(&keys, jobs[i]));
        same_key_begin(&keys, jobs[i]);
    }
    for (int i = 0; i < KEYS; i += 2)
        assert_null(same_key_end(&keys, jobs[i]));
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(same_key_find(&keys, jobs[i]), i % 2 ? jobs[i] : NULL);
    for (int i = 0; i < KEYS; i++)
        job_free(jobs[i]);
    same_key_destroy(&keys);
}

/* All pairs of a list of five, neighbours or not, in both orders. */
static void two_of_an_age_list_change_places(void **state)
{
    enum { JOBS = 5 };
    struct same_key keys;

    (void)state;
    assert_true(same_key_init(&keys, 1, secret));
    for (int a = 0; a < JOBS; a++) {
        for (int b = 0; b < JOBS; b++) {
            struct age_list list = {0};
            struct job *jobs[JOBS], *expected[JOBS];
            if (a == b)
                continue;
            for (int i = 0; i < JOBS; i++) {
                expected[i] = jobs[i] = push_of(&keys, "duel", "m-1", "roster#1");
                age_list_add(&list, jobs[i]);
            }
            age_list_swap(&list, jobs[a], jobs[b]);
            expected[a] = jobs[b];
            expected[b] = jobs[a];
            struct job *forward = list.oldest, *backward = list.newest;
            for (int i = 0; i < JOBS; i++, forward = forward->newer, backward = backward->older) {
                assert_ptr_equal(forward, expected[i]);
                assert_ptr_equal(backward, expected[JOBS - 1 - i]);
            }
            assert_null(forward);
            assert_null(backward);
            for (int i = 0; i < JOBS; i++) {
                age_list_remove(&list, jobs[i]);
                job_free(jobs[i]);
            }
            assert_null(list.oldest);
            assert_null(list.newest);
        }
    }
    same_key_destroy(&keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_its_game_event_and_key),
        cmocka_unit_test(pushes_are_equal_but_for_the_idempotency_key),
        cmocka_unit_test(the_line_is_kept_in_order_whoever_leaves_it),
        cmocka_unit_test(many_keys_share_few_places),
        cmocka_unit_test(two_of_an_age_list_change_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
