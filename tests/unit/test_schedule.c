/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pusher/schedule.h"
#include "random.h"

static struct job *job_of(int32_t op, uint64_t deadline_us, uint64_t ticket)
{
    static const klp_text nothing = {"", 0};
    const struct job_texts texts = {nothing, nothing, nothing, nothing, nothing, nothing, nothing};
    struct job *job = job_new(op, &texts, 0);
    assert_non_null(job);
    job->time_us[JOB_DEADLINE] = deadline_us;
    job->event.ticket = ticket;
    return job;
}

static uint64_t take_ticket(struct job *job)
{
    assert_non_null(job);
    uint64_t ticket = job->event.ticket;
    job_free(job);
    return ticket;
}

static void pushes_go_out_in_the_order_they_came(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 100));
    for (uint64_t i = 0; i < 100; i++)
        schedule_add(&schedule, job_of(KLP_OP_PUSH, 1000 - i * 7 % 100, i));
    for (uint64_t i = 0; i < 100; i++)
        assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), i);
    assert_null(schedule_take_next(&schedule, false));
    assert_int_equal(schedule_next_us(&schedule), UINT64_MAX);
    schedule_destroy(&schedule);
}

static void queries_yield_to_pushes_and_are_not_starved(void **state)
{
    struct schedule schedule;
    unsigned queries = 0;

    (void)state;
    assert_true(schedule_init(&schedule, 1000));
    for (int i = 0; i < 400; i++)
        schedule_add(&schedule, job_of(KLP_OP_PUSH, 1, 1));
    for (int i = 0; i < 10; i++)
        schedule_add(&schedule, job_of(KLP_OP_READ, 1, 2));
    for (int i = 0; i < 80; i++)
        queries += take_ticket(schedule_take_next(&schedule, false)) == 2;
    assert_int_equal(queries, 10); /* one of eight */
    schedule_destroy(&schedule);
}

static struct job *tried(struct job *job)
{
    job->event.attempts = 1;
    return job;
}

static void a_push_that_is_due_again_goes_before_what_was_never_tried(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    schedule_add_later(&schedule, tried(job_of(KLP_OP_PUSH, 900, 1)), 200);
    schedule_add_later(&schedule, tried(job_of(KLP_OP_PUSH, 900, 2)), 100);
    for (uint64_t i = 3; i < 6; i++)
        schedule_add(&schedule, job_of(KLP_OP_PUSH, 1000, i));
    assert_int_equal(schedule_next_us(&schedule), 100);
    schedule_wake(&schedule, 99);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 3);
    schedule_wake(&schedule, 250);
    assert_int_equal(schedule_next_us(&schedule), 900);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 2);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 1);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 4);
    assert_true(schedule_has_ready(&schedule));
    schedule_destroy(&schedule);
}

static void a_query_that_is_due_again_yields_to_pushes_all_the_same(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    schedule_add_later(&schedule, tried(job_of(KLP_OP_CALL, 900, 1)), 100);
    schedule_add(&schedule, job_of(KLP_OP_PUSH, 1000, 2));
    schedule_wake(&schedule, 100);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 2);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 1);
    schedule_destroy(&schedule);
}

/* A read is not held up by a server that fails pushes alone. */
static void pushes_that_are_due_again_and_again_starve_no_query(void **state)
{
    struct schedule schedule;
    unsigned starts_before = 0;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    schedule_add(&schedule, job_of(KLP_OP_READ, 900, 2));
    schedule_add_later(&schedule, tried(job_of(KLP_OP_PUSH, 1000, 1)), 0);
    for (;;) {
        schedule_wake(&schedule, 1);
        struct job *job = schedule_take_next(&schedule, false);
        if (job->event.ticket == 2) {
            job_free(job);
            break;
        }
        schedule_add_later(&schedule, job, 0);
        assert_true(++starts_before < 8);
    }
    assert_int_equal(starts_before, 7);
    schedule_destroy(&schedule);
}

static void where_it_is_narrow_every_other_start_is_a_querys(void **state)
{
    struct schedule schedule;
    unsigned reads = 0;

    (void)state;
    assert_true(schedule_init(&schedule, 100));
    for (int i = 0; i < 20; i++) {
        schedule_add(&schedule, job_of(KLP_OP_PUSH, 900, KLP_OP_PUSH));
        schedule_add(&schedule, job_of(KLP_OP_READ, 900, KLP_OP_READ));
    }
    for (int i = 0; i < 20; i++)
        reads += take_ticket(schedule_take_next(&schedule, true)) == KLP_OP_READ;
    assert_int_equal(reads, 10);
    schedule_destroy(&schedule);
}

static void who_has_joined_stands_in_the_order_of_deadlines(void **state)
{
    static const uint64_t deadlines[] = {500, 300, 400, 300, 900, 100};
    struct schedule schedule;
    uint64_t before = 0;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    struct job *leader = job_of(KLP_OP_PUSH, 1000, 1);
    schedule_add(&schedule, leader);
    for (uint64_t i = 0; i < 6; i++)
        schedule_attach_joined(&schedule, job_of(KLP_OP_PUSH, deadlines[i], 2 + i), leader);
    assert_int_equal(leader->joined.count, 6);
    for (const struct job *job = leader->joined.first; job; job = job->next) {
        assert_true(job->time_us[JOB_DEADLINE] >= before);
        assert_ptr_equal(job->next ? job->next->previous : leader->joined.last, job);
        before = job->time_us[JOB_DEADLINE];
    }
    while (leader->joined.first) {
        struct job *job = leader->joined.first;
        schedule_take(&schedule, job);
        job_free(job);
    }
    schedule_destroy(&schedule);
}

static void polls_yield_to_all_others_and_are_not_starved(void **state)
{
    struct schedule schedule;
    unsigned starts[KLP_OP_CALL + 1] = {0};

    (void)state;
    assert_true(schedule_init(&schedule, 1000));
    for (int i = 0; i < 300; i++) {
        schedule_add(&schedule, job_of(KLP_OP_AWAIT, 1, KLP_OP_AWAIT));
        schedule_add(&schedule, job_of(KLP_OP_CALL, 1, KLP_OP_CALL));
        schedule_add(&schedule, job_of(KLP_OP_PUSH, 1, KLP_OP_PUSH));
    }
    for (int i = 0; i < 256; i++)
        starts[take_ticket(schedule_take_next(&schedule, false))]++;
    assert_int_equal(starts[KLP_OP_PUSH], 256 * 7 / 8);
    assert_int_equal(starts[KLP_OP_CALL], 256 / 8 * 7 / 8);
    assert_int_equal(starts[KLP_OP_AWAIT], 256 / 8 / 8);
    schedule_destroy(&schedule);
}

static void an_await_expires_with_all_others_but_not_for_a_gate(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    schedule_add_later(&schedule, job_of(KLP_OP_AWAIT, 100, 1), 50);
    schedule_add(&schedule, job_of(KLP_OP_PUSH, 200, 2));
    assert_int_equal(schedule_await_count(&schedule), 1);
    assert_null(schedule_take_expired_but_awaits(&schedule, 199));
    assert_int_equal(take_ticket(schedule_take_expired_but_awaits(&schedule, 200)), 2);
    assert_null(schedule_take_expired(&schedule, 99));
    assert_int_equal(take_ticket(schedule_take_expired(&schedule, 100)), 1);
    assert_null(schedule_take_await(&schedule));
    assert_int_equal(schedule_count(&schedule), 0);
    schedule_destroy(&schedule);
}

static void what_waits_for_another_push_is_not_ready_and_expires_all_the_same(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 10));
    struct job *leader = job_of(KLP_OP_PUSH, 900, 1), *joined = job_of(KLP_OP_PUSH, 300, 2),
               *held = job_of(KLP_OP_PUSH, 400, 3), *released = job_of(KLP_OP_PUSH, 500, 4);
    schedule_add(&schedule, leader);
    schedule_attach_joined(&schedule, joined, leader);
    schedule_attach_held(&schedule, held);
    schedule_attach_held(&schedule, released);
    assert_int_equal(schedule_count(&schedule), 1);
    assert_int_equal(schedule_next_us(&schedule), 300);

    schedule_swap_tickets(&schedule, leader, joined); /* each in its place, with the other's deadline */
    assert_int_equal(leader->event.ticket, 2);
    assert_int_equal(schedule_next_us(&schedule), 300);
    schedule_swap_tickets(&schedule, leader, joined);

    assert_ptr_equal(schedule_take_expired(&schedule, 300), joined);
    assert_ptr_equal(leader->joined.first, NULL);
    schedule_release_held(&schedule, released);
    assert_int_equal(schedule_count(&schedule), 2);
    assert_ptr_equal(schedule_take_expired(&schedule, 400), held);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 1);
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 4);
    assert_null(schedule_take_next(&schedule, false));
    assert_int_equal(schedule_count(&schedule), 0);
    job_free(joined);
    job_free(held);
    schedule_destroy(&schedule);
}

static void what_waits_is_not_ready_and_expires_all_the_same(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 4));
    schedule_add_later(&schedule, job_of(KLP_OP_PUSH, 300, 1), 500);
    assert_false(schedule_has_ready(&schedule));
    assert_null(schedule_take_next(&schedule, false));
    assert_null(schedule_take_expired(&schedule, 299));
    assert_int_equal(take_ticket(schedule_take_expired(&schedule, 300)), 1);
    assert_int_equal(schedule_next_us(&schedule), UINT64_MAX);
    schedule_destroy(&schedule);
}

static void a_lone_query_goes_at_once(void **state)
{
    struct schedule schedule;

    (void)state;
    assert_true(schedule_init(&schedule, 4));
    schedule_add(&schedule, job_of(KLP_OP_PING, 1, 7));
    assert_int_equal(take_ticket(schedule_take_next(&schedule, false)), 7);
    schedule_destroy(&schedule);
}

/* Against a plain array, through a long mixed life. */
static void deadlines_come_in_order_whatever_was_taken_between(void **state)
{
    enum { MOST = 300, ROUNDS = 20000 };
    struct schedule schedule;
    struct random random = {.state = 7};
    uint64_t deadlines[MOST]; /* by ticket; UINT64_MAX: not there */
    size_t count = 0;

    (void)state;
    assert_true(schedule_init(&schedule, MOST));
    for (size_t i = 0; i < MOST; i++)
        deadlines[i] = UINT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t earliest = UINT64_MAX;
        for (size_t i = 0; i < MOST; i++)
            earliest = deadlines[i] < earliest ? deadlines[i] : earliest;
        assert_int_equal(schedule_next_us(&schedule), earliest);
        assert_int_equal(schedule_count(&schedule), count);

        struct job *taken = NULL;
        switch (random_below(&random, 4)) {
        case 0:
            taken = schedule_take_next(&schedule, false);
            break;
        case 1:
            taken = schedule_take_expired(&schedule, 500);
            assert_int_equal(taken != NULL, earliest <= 500);
            if (taken)
                assert_int_equal(taken->time_us[JOB_DEADLINE], earliest);
            break;
        default: {
            size_t ticket = random_below(&random, MOST);
            if (deadlines[ticket] != UINT64_MAX)
                break;
            deadlines[ticket] = random_below(&random, 1000);
            schedule_add(&schedule,
                         job_of(random_below(&random, 3) ? KLP_OP_PUSH : KLP_OP_READ, deadlines[ticket], ticket));
            count++;
        }
        }
        if (taken) {
            deadlines[take_ticket(taken)] = UINT64_MAX;
            count--;
        }
    }
    schedule_destroy(&schedule);
}

static void a_job_keeps_its_texts_when_its_body_is_dropped(void **state)
{
    static const klp_text none = {"", 0};
    const struct job_texts texts = {.game_id = KLP_LIT("game"),
                                    .event_key = KLP_LIT("event"),
                                    .key = KLP_LIT("key"),
                                    .lobby_id = none,
                                    .method = none,
                                    .path = none,
                                    .trace_parent = KLP_LIT("00-1-2-00")};
    struct job *job = job_new(KLP_OP_PUSH, &texts, 500000);

    (void)state;
    assert_non_null(job);
    size_t before = job->block_bytes;
    job = job_drop_body(job);
    assert_true(before - job->block_bytes == 500000);
    assert_string_equal(job->event.game_id.data, "game");
    assert_string_equal(job->event.event_key.data, "event");
    assert_string_equal(job->event.key.data, "key");
    assert_string_equal(job->event.lobby_id.data, "");
    assert_string_equal(job->event.trace_parent.data, "00-1-2-00");
    assert_ptr_equal(job_drop_body(job), job);
    job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pushes_go_out_in_the_order_they_came),
        cmocka_unit_test(queries_yield_to_pushes_and_are_not_starved),
        cmocka_unit_test(a_push_that_is_due_again_goes_before_what_was_never_tried),
        cmocka_unit_test(a_query_that_is_due_again_yields_to_pushes_all_the_same),
        cmocka_unit_test(pushes_that_are_due_again_and_again_starve_no_query),
        cmocka_unit_test(where_it_is_narrow_every_other_start_is_a_querys),
        cmocka_unit_test(who_has_joined_stands_in_the_order_of_deadlines),
        cmocka_unit_test(polls_yield_to_all_others_and_are_not_starved),
        cmocka_unit_test(an_await_expires_with_all_others_but_not_for_a_gate),
        cmocka_unit_test(what_waits_for_another_push_is_not_ready_and_expires_all_the_same),
        cmocka_unit_test(what_waits_is_not_ready_and_expires_all_the_same),
        cmocka_unit_test(a_lone_query_goes_at_once),
        cmocka_unit_test(deadlines_come_in_order_whatever_was_taken_between),
        cmocka_unit_test(a_job_keeps_its_texts_when_its_body_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
