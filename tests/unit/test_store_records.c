/* SPDX-License-Identifier: Apache-2.0 */
#include "store_rig.h"

static void assert_text(klp_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static bool check_job(void *user, const struct store_job *job)
{
    *(int *)user += 1;
    assert_int_equal(job->id, 42);
    assert_int_equal(job->op, KLP_OP_CALL);
    assert_text(job->game_id, "game_1");
    assert_text(job->event_key, "");
    assert_text(job->key, "käse\xf0\x9f\x8e\xb2");
    assert_text(job->method, "PATCH");
    assert_text(job->path, "/server/v1/x%20y");
    assert_text(job->body, "{\"a\":\"\\u0000\",\"idempotencyKey\":\"abc\"}");
    assert_int_equal(job->idempotency_offset, 32);
    assert_int_equal(job->idempotency_bytes, 3);
    for (int i = 0; i < 32; i++)
        assert_int_equal(job->fingerprint[i], i == 3 ? 0 : 255 - i);
    assert_int_equal(job->accepted_unix_ms, INT64_MAX);
    assert_int_equal(job->attempts, 7);
    assert_int_equal(job->attempts_charged, 6);
    assert_int_equal(job->sends, UINT32_MAX);
    assert_int_equal(job->http_status, -1);
    assert_text(job->last_error, "network_error");
    assert_int_equal(job->next_unix_ms, INT64_MIN);
    assert_int_equal(job->recoveries, 2);
    assert_true(job->attempt_open && job->possibly_applied);
    return true;
}

static bool check_ticket(void *user, const struct store_ticket *ticket)
{
    *(int *)user += 1;
    assert_int_equal(ticket->ticket, 42);
    assert_int_equal(ticket->job, 42);
    assert_true(ticket->cookie == UINT64_MAX);
    assert_int_equal(ticket->accepted_unix_ms, 1);
    assert_int_equal(ticket->deadline_unix_ms, -1);
    assert_text(ticket->trace_parent, "");
    return true;
}

static bool check_event(void *user, const struct store_event *event)
{
    *(int *)user += 1;
    assert_int_equal(event->seq, 9);
    assert_int_equal(event->ticket, 41);
    assert_text(event->json, "{\"v\":1}");
    assert_int_equal(event->recoveries, 3);
    return true;
}

static void every_field_comes_back_as_it_was(void **state)
{
    struct store *store = rig_open();
    struct store_job job = {.id = 42, .op = KLP_OP_CALL, .accepted_unix_ms = INT64_MAX};
    struct store_ticket ticket = {42, 42, UINT64_MAX, 1, -1, KLP_TEXT_NONE};
    struct store_event event = {.seq = 9, .ticket = 41, .json = klp_cstr("{\"v\":1}")};
    int jobs = 0, tickets = 0, events = 0;

    (void)state;
    job.game_id = klp_cstr("game_1");
    job.key = klp_cstr("käse\xf0\x9f\x8e\xb2");
    job.method = klp_cstr("PATCH");
    job.path = klp_cstr("/server/v1/x%20y");
    job.body = klp_cstr("{\"a\":\"\\u0000\",\"idempotencyKey\":\"abc\"}");
    job.idempotency_offset = 32;
    job.idempotency_bytes = 3;
    for (int i = 0; i < 32; i++)
        job.fingerprint[i] = (unsigned char)(i == 3 ? 0 : 255 - i);
    assert_int_equal(store_put_job(store, &job), STORE_OK);
    assert_int_equal(store_put_ticket(store, &ticket), STORE_OK);
    job.attempts = 7;
    job.attempts_charged = 6;
    job.sends = UINT32_MAX;
    job.http_status = -1;
    job.last_error = klp_cstr("network_error");
    job.next_unix_ms = INT64_MIN;
    job.recoveries = 2;
    job.attempt_open = job.possibly_applied = true;
    assert_int_equal(store_update_job(store, &job), STORE_OK);
    assert_int_equal(store_conclude(store, &event, 41), STORE_OK);
    assert_int_equal(store_update_event(store, 9, 3), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);

    store = rig_open();
    assert_int_equal(store_each_job(store, 41, check_job, &jobs), STORE_OK);
    assert_int_equal(store_each_job(store, 42, check_job, &jobs), STORE_OK);
    assert_int_equal(store_each_ticket(store, 42, check_ticket, &tickets), STORE_OK);
    assert_int_equal(store_each_event(store, 8, check_event, &events), STORE_OK);
    assert_int_equal(store_each_event(store, UINT64_MAX, check_event, &events), STORE_OK);
    assert_int_equal(jobs, 1);
    assert_int_equal(tickets, 1);
    assert_int_equal(events, 1);
    store_close(store);
}

static void what_is_not_committed_is_not_there(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(rig_put(store, 2), STORE_OK);
    assert_int_equal(store_facts(store)->jobs, 1);
    store_roll_back(store);
    rig_assert_holds(store, 1, 1, 0);
    assert_int_equal(rig_put(store, 3), STORE_OK);
    store_close(store);
    store = rig_open();
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void a_job_leaves_with_its_last_ticket(void **state)
{
    struct store *store = rig_open();
    struct store_ticket joined = rig_ticket(2, 1);

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_put_ticket(store, &joined), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 2, 0);
    struct store_event event = rig_event(10, 1, 100);
    assert_int_equal(store_conclude(store, &event, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 1);
    event = rig_event(11, 2, 100);
    assert_int_equal(store_conclude(store, &event, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 0, 0, 2);
    assert_int_equal(store_forget_event(store, 11), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 0, 0, 1);
    assert_int_equal(store_forget_events(store, UINT64_MAX), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 0, 0, 0);
    store_close(store);
}

static void what_is_put_again_replaces_what_was_there(void **state)
{
    struct store *store = rig_open();

    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(rig_put(store, 1), STORE_OK);
        assert_int_equal(rig_put(store, 2), STORE_OK);
        assert_int_equal(rig_conclude(store, 5, 2), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        rig_assert_holds(store, 1, 1, 1);
    }
    store_close(store);
}

static void half_a_record_is_not_committed(void **state)
{
    struct store *store = rig_open();
    struct store_ticket ticket = rig_ticket(8, 7);

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_put_ticket(store, &ticket), STORE_OK); /* of a job that is not there */
    assert_int_equal(store_commit(store), STORE_FAILED);
    rig_assert_holds(store, 0, 0, 0);
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void an_update_of_nothing_says_so_and_spoils_nothing(void **state)
{
    struct store *store = rig_open();
    struct store_job job = rig_job(5, 10);

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_update_job(store, &job), STORE_NOT_THERE);
    assert_int_equal(store_update_event(store, 5, 1), STORE_NOT_THERE);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void a_long_error_code_is_cut(void **state)
{
    struct store *store = rig_open();
    struct store_job job = rig_job(1, 10);
    char code[1000];

    (void)state;
    memset(code, 'x', sizeof code);
    assert_int_equal(rig_put(store, 1), STORE_OK);
    job.last_error = (klp_text){code, sizeof code};
    assert_int_equal(store_update_job(store, &job), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void numbers_that_were_reserved_never_come_again(void **state)
{
    struct store *store = rig_open();
    char epoch[17];

    (void)state;
    assert_int_equal(store_facts(store)->last_ticket, 0);
    memcpy(epoch, store_facts(store)->epoch, sizeof epoch);
    assert_int_equal(store_reserve(store, 1000, 2000), STORE_OK);
    assert_int_equal(store_facts(store)->last_ticket, 0);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_reserve(store, 500, 3000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_int_equal(store_reserve(store, 5000, 5000), STORE_OK);
    store_roll_back(store);
    assert_int_equal(store_facts(store)->last_ticket, 1000);
    store_close(store);
    store = rig_open();
    assert_int_equal(store_facts(store)->last_ticket, 1000);
    assert_int_equal(store_facts(store)->last_seq, 3000);
    assert_string_equal(store_facts(store)->epoch, epoch);
    assert_int_equal(strlen(epoch), 16);
    store_close(store);
}

static void a_megabyte_is_a_record_as_any_other(void **state)
{
    struct store *store = rig_open();
    struct store_job job = rig_job(1, 1 << 20);
    struct store_ticket ticket = rig_ticket(1, 1);

    (void)state;
    assert_int_equal(store_put_job(store, &job), STORE_OK);
    assert_int_equal(store_put_ticket(store, &ticket), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    store = rig_open();
    rig_assert_holds(store, 1, 1, 0);
    struct store_event event = rig_event(1, 1, 1 << 20);
    assert_int_equal(store_conclude(store, &event, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 0, 0, 1);
    store_close(store);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_field_comes_back_as_it_was),
        STORE_TEST(what_is_not_committed_is_not_there),
        STORE_TEST(a_job_leaves_with_its_last_ticket),
        STORE_TEST(what_is_put_again_replaces_what_was_there),
        STORE_TEST(half_a_record_is_not_committed),
        STORE_TEST(an_update_of_nothing_says_so_and_spoils_nothing),
        STORE_TEST(a_long_error_code_is_cut),
        STORE_TEST(numbers_that_were_reserved_never_come_again),
        STORE_TEST(a_megabyte_is_a_record_as_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
