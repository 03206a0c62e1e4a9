/* SPDX-License-Identifier: Apache-2.0
 * Pushes that failed, kept for a while to be sent again. */
#include "store_rig.h"

static void assert_text(klp_text text, const char *expected)
{
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.data, expected, text.size);
}

static void commit(struct store *store)
{
    assert_int_equal(store_commit(store), STORE_OK);
}

static struct store *reopen(struct store *store)
{
    store_close(store);
    return rig_open();
}

/* ─── Keeping ───────────────────────────────────────────────────────────────────────────────────── */

static const char body[] = "{\"a\":\"\\u0000\",\"idempotencyKey\":\"abc\"}";

/* A call that was tried, with a ticket (8) of its own and one (9) that joined it. */
static void put_tried_call(struct store *store)
{
    struct store_job job = {.id = 8, .op = KLP_OP_CALL, .accepted_unix_ms = INT64_MAX};
    struct store_ticket ticket = {8, 8, UINT64_MAX, 1000, 8200, klp_cstr("00-4bf9-00f0-01")};
    struct store_ticket joined = {9, 8, 77, 5000, 5100, KLP_TEXT_NONE};

    job.game_id = klp_cstr("game_1");
    job.event_key = klp_cstr("");
    job.key = klp_cstr("käse");
    job.method = klp_cstr("PATCH");
    job.path = klp_cstr("/server/v1/x%20y");
    job.body = klp_cstr(body);
    job.idempotency_offset = 32;
    job.idempotency_bytes = 3;
    for (int i = 0; i < 32; i++)
        job.fingerprint[i] = (unsigned char)(i == 3 ? 0 : 255 - i);
    assert_int_equal(store_put_job(store, &job), STORE_OK);
    assert_int_equal(store_put_ticket(store, &ticket), STORE_OK);
    assert_int_equal(store_put_ticket(store, &joined), STORE_OK);
    job.attempts = 7;
    job.attempts_charged = 6;
    job.sends = UINT32_MAX;
    job.http_status = 401;
    job.last_error = klp_cstr("network_error");
    job.next_unix_ms = INT64_MIN;
    job.recoveries = 2;
    job.attempt_open = job.possibly_applied = true;
    assert_int_equal(store_update_job(store, &job), STORE_OK);
}

static bool check_failed(void *user, const struct store_failed *failed)
{
    const struct store_job *job = &failed->job;

    *(int *)user += 1;
    assert_int_equal(failed->id, 8);
    assert_int_equal(failed->outcome, KLP_POSSIBLY_APPLIED);
    assert_text(failed->error_code, "unauthorized");
    assert_int_equal(failed->ended_unix_ms, 9000);
    assert_int_equal(failed->ticket.ticket, 8);
    assert_int_equal(failed->ticket.job, 0);
    assert_true(failed->ticket.cookie == UINT64_MAX);
    assert_int_equal(failed->ticket.accepted_unix_ms, 1000);
    assert_int_equal(failed->ticket.deadline_unix_ms, 8200);
    assert_text(failed->ticket.trace_parent, "00-4bf9-00f0-01");
    assert_int_equal(job->id, 0);
    assert_int_equal(job->op, KLP_OP_CALL);
    assert_text(job->game_id, "game_1");
    assert_text(job->event_key, "");
    assert_text(job->key, "käse");
    assert_text(job->method, "PATCH");
    assert_text(job->path, "/server/v1/x%20y");
    assert_text(job->body, body);
    assert_int_equal(job->idempotency_offset, 32);
    assert_int_equal(job->idempotency_bytes, 3);
    for (int i = 0; i < 32; i++)
        assert_int_equal(job->fingerprint[i], i == 3 ? 0 : 255 - i);
    assert_int_equal(job->accepted_unix_ms, INT64_MAX);
    assert_int_equal(job->attempts, 7);
    assert_int_equal(job->attempts_charged, 6);
    assert_int_equal(job->sends, UINT32_MAX);
    assert_int_equal(job->http_status, 401);
    assert_text(job->last_error, "network_error");
    assert_int_equal(job->next_unix_ms, INT64_MIN);
    assert_int_equal(job->recoveries, 2);
    assert_true(job->attempt_open && job->possibly_applied);
    return true;
}

static void every_field_outlives_its_job(void **state)
{
    struct store *store = rig_open(), *view;
    struct store_event first = rig_event(1, 8, 100);
    int seen = 0;

    (void)state;
    put_tried_call(store);
    assert_int_equal(store_keep_failed(store, 8, 8, KLP_POSSIBLY_APPLIED, klp_cstr("unauthorized"), 9000), STORE_OK);
    assert_int_equal(store_conclude(store, &first, 8), STORE_OK);
    struct store_event second = rig_event(2, 9, 100);
    assert_int_equal(store_conclude(store, &second, 8), STORE_OK);
    assert_int_equal(store_facts(store)->failed, 0);
    commit(store);
    store = reopen(store);
    rig_assert_holds(store, 0, 0, 2);
    rig_assert_failed(store, 1, 8);
    assert_int_equal(store_each_failed(store, 7, check_failed, &seen), STORE_OK);
    assert_int_equal(store_each_failed(store, 8, check_failed, &seen), STORE_OK);
    assert_int_equal(store_each_failed(store, UINT64_MAX, check_failed, &seen), STORE_OK);
    assert_int_equal(store_view(rig_directory, store_file(store), &view, NULL), STORE_OK);
    assert_int_equal(store_each_failed(view, 0, check_failed, &seen), STORE_OK);
    rig_assert_failed(view, 1, 8);
    assert_int_equal(seen, 2);
    store_close(view);
    store_close(store);
}

static void a_view_keeps_and_requeues_nothing(void **state)
{
    struct store *store = rig_open(), *view;

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(rig_fail(store, 1, 1, 1000), STORE_OK);
    assert_int_equal(rig_put(store, 2), STORE_OK);
    commit(store);
    assert_int_equal(store_view(rig_directory, store_file(store), &view, NULL), STORE_OK);
    assert_int_equal(store_keep_failed(view, 2, 2, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_FAILED);
    assert_int_equal(store_expire_failed(view, 5000, 0), STORE_FAILED);
    assert_int_equal(store_requeue(view, 1, 3, NULL, 1), STORE_FAILED);
    assert_int_equal(store_drop_failed(view, 1), STORE_FAILED);
    assert_int_equal(store_commit(view), STORE_OK); /* nothing */
    rig_assert_failed(view, 1, 1);
    store_close(view);
    store_close(store);
}

static void what_is_not_there_is_not_kept_and_spoils_nothing(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(rig_put(store, 2), STORE_OK);
    assert_int_equal(rig_fail(store, 1, 1, 1000), STORE_OK);
    assert_int_equal(store_keep_failed(store, 3, 3, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_NOT_THERE);
    assert_int_equal(store_keep_failed(store, 2, 3, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_NOT_THERE);
    assert_int_equal(store_keep_failed(store, 3, 2, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_NOT_THERE);
    assert_int_equal(store_keep_failed(store, 1, 1, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_NOT_THERE);
    assert_int_equal(store_drop_failed(store, 2), STORE_NOT_THERE);
    assert_int_equal(store_requeue(store, 0, 5, NULL, 1), STORE_NOT_THERE);
    assert_int_equal(store_requeue(store, 2, 5, NULL, 1), STORE_NOT_THERE);
    commit(store);
    rig_assert_holds(store, 1, 1, 1);
    rig_assert_failed(store, 1, 1); /* and what was kept stays */
    store_close(store);
}

static void a_batch_that_is_not_committed_kept_nothing(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    commit(store);
    assert_int_equal(rig_fail(store, 1, 1, 1000), STORE_OK);
    store_roll_back(store);
    rig_assert_holds(store, 1, 1, 0);
    rig_assert_failed(store, 0, 0);
    assert_int_equal(store_keep_failed(store, 1, 1, KLP_NOT_APPLIED, klp_cstr("x"), 1), STORE_OK);
    assert_int_equal(rig_fail(store, 1, 1, 1000), STORE_OK); /* again: in its place */
    commit(store);
    rig_assert_failed(store, 1, 1);

    assert_int_equal(store_requeue(store, 1, 2, NULL, 1), STORE_OK);
    store_roll_back(store);
    rig_assert_holds(store, 0, 0, 1);
    rig_assert_failed(store, 1, 1);
    assert_int_equal(store_drop_failed(store, 1), STORE_OK);
    store_roll_back(store);
    rig_assert_failed(store, 1, 1);
    store_close(store);
}

static bool has_cut_code(void *user, const struct store_failed *failed)
{
    *(bool *)user = failed->error_code.size == STORE_ERROR_BYTES;
    return true;
}

static void a_long_error_code_is_cut(void **state)
{
    struct store *store = rig_open();
    char code[1000];
    bool is_cut = false;

    (void)state;
    memset(code, 'x', sizeof code);
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_keep_failed(store, 1, 1, KLP_NOT_APPLIED, (klp_text){code, sizeof code}, 1), STORE_OK);
    assert_int_equal(store_each_failed(store, 0, has_cut_code, &is_cut), STORE_OK);
    assert_true(is_cut);
    store_close(store);
}

/* ─── Forgetting ────────────────────────────────────────────────────────────────────────────────── */

/* Those of 1 to `count`; number n ended at the second `count` - n, so the last is the oldest. */
static void put_failed(struct store *store, uint64_t count)
{
    for (uint64_t id = 1; id <= count; id++) {
        assert_int_equal(rig_put(store, id), STORE_OK);
        assert_int_equal(rig_fail(store, id, id, (int64_t)(count - id) * 1000), STORE_OK);
    }
    assert_int_equal(store_forget_events(store, count), STORE_OK);
    commit(store);
}

static void the_oldest_expire(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(store_expire_failed(store, INT64_MAX, 0), STORE_OK);
    put_failed(store, 10);
    assert_int_equal(store_expire_failed(store, INT64_MIN, 10), STORE_OK);
    commit(store);
    rig_assert_failed(store, 10, 55);
    assert_int_equal(store_expire_failed(store, 3000, UINT64_MAX), STORE_OK); /* ended at 0, 1 and 2 s */
    commit(store);
    rig_assert_failed(store, 7, 28);
    assert_int_equal(store_expire_failed(store, 4000, 2), STORE_OK);
    commit(store);
    rig_assert_failed(store, 2, 3);
    store = reopen(store);
    rig_assert_failed(store, 2, 3);
    assert_int_equal(store_expire_failed(store, INT64_MIN, 0), STORE_OK);
    commit(store);
    rig_assert_failed(store, 0, 0);
    store_close(store);
}

static void a_store_that_holds_but_failed_ones_is_not_removed(void **state)
{
    char file[STORE_FILE_BYTES];
    struct store *store = rig_open();

    (void)state;
    snprintf(file, sizeof file, "%s", store_file(store));
    put_failed(store, 1);
    store_remove(store);
    store = rig_open();
    assert_string_equal(store_file(store), file);
    rig_assert_failed(store, 1, 1);
    assert_int_equal(store_drop_failed(store, 1), STORE_OK);
    commit(store);
    store_remove(store);
    assert_false(rig_has_file(file, "") || rig_has_file(file, "-wal") || rig_has_file(file, ".lock"));
}

/* Whichever way it goes. */
static void what_is_gone_is_not_in_the_file(void **state)
{
    char path[512];
    struct store *store = rig_open();

    (void)state;
    put_failed(store, 300);
    for (uint64_t id = 1; id <= 300; id += 3)
        assert_int_equal(store_drop_failed(store, id), STORE_OK);
    for (uint64_t id = 2; id <= 300; id += 3) {
        assert_int_equal(store_requeue(store, id, 1000 + id, NULL, 1), STORE_OK);
        assert_int_equal(rig_conclude(store, 1000 + id, 1000 + id), STORE_OK);
    }
    assert_int_equal(store_expire_failed(store, INT64_MAX, 0), STORE_OK);
    assert_int_equal(store_forget_events(store, 2000), STORE_OK);
    commit(store);
    rig_assert_holds(store, 0, 0, 0);
    rig_assert_failed(store, 0, 0);
    rig_path(path, store_file(store), "");
    store_close(store);
    FILE *file = fopen(path, "r");
    size_t size = 0, run = 0;
    for (int byte, last = -1; (byte = fgetc(file)) != EOF; last = byte, size++) {
        run = byte == last && (byte == 'b' || byte == 'e') ? run + 1 : 0;
        assert_true(run < 8);
    }
    fclose(file);
    assert_true(size > 4096);
}

/* ─── Sending again ─────────────────────────────────────────────────────────────────────────────── */

struct found {
    struct store *store;
    const char *body;
    bool possibly_applied;
    int jobs, tickets;
};

static bool check_new_ticket(void *user, const struct store_ticket *ticket)
{
    struct found *found = user;

    found->tickets++;
    assert_int_equal(ticket->ticket, 50);
    assert_true(ticket->cookie == UINT64_MAX);
    assert_int_equal(ticket->accepted_unix_ms, 100000);
    assert_int_equal(ticket->deadline_unix_ms, 107200);
    assert_text(ticket->trace_parent, "00-4bf9-00f0-01");
    return true;
}

static bool check_new_job(void *user, const struct store_job *job)
{
    struct found *found = user;

    found->jobs++;
    assert_int_equal(job->id, 50);
    assert_int_equal(job->op, KLP_OP_CALL);
    assert_text(job->key, "käse");
    assert_text(job->method, "PATCH");
    assert_text(job->path, "/server/v1/x%20y");
    assert_text(job->body, found->body);
    assert_int_equal(job->idempotency_offset, 32);
    assert_int_equal(job->idempotency_bytes, 3);
    assert_int_equal(job->fingerprint[31], 255 - 31);
    assert_int_equal(job->accepted_unix_ms, 100000);
    assert_int_equal(job->attempts, 0);
    assert_int_equal(job->attempts_charged, 0);
    assert_int_equal(job->sends, 0);
    assert_int_equal(job->http_status, 0);
    assert_text(job->last_error, "");
    assert_int_equal(job->next_unix_ms, 0);
    assert_int_equal(job->recoveries, 0);
    assert_false(job->attempt_open);
    assert_int_equal(job->possibly_applied, found->possibly_applied);
    assert_int_equal(store_each_ticket(found->store, 50, check_new_ticket, found), STORE_OK);
    return true;
}

static void a_requeued_push_begins_anew_under_its_new_ticket(void **state)
{
    static const char other[] = "{\"a\":\"\\u0000\",\"idempotencyKey\":\"xyz\"}";

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct store *store = rig_open();
        struct found found = {.store = store, .body = i ? other : body, .possibly_applied = true};
        put_tried_call(store);
        assert_int_equal(store_keep_failed(store, 8, 8, KLP_NOT_APPLIED, klp_cstr("x"), 9000), STORE_OK);
        for (uint64_t ticket = 8; ticket <= 9; ticket++) {
            struct store_event event = rig_event(ticket, ticket, 100);
            assert_int_equal(store_conclude(store, &event, 8), STORE_OK);
        }
        commit(store);
        assert_int_equal(store_requeue(store, 8, 50, i ? other : NULL, 100000), STORE_OK);
        assert_int_equal(store_requeue(store, 8, 51, NULL, 100000), STORE_NOT_THERE);
        commit(store);
        rig_assert_holds(store, 1, 1, 2);
        rig_assert_failed(store, 0, 0);
        found.store = store = reopen(store);
        assert_int_equal(store_each_job(store, 0, check_new_job, &found), STORE_OK);
        assert_int_equal(found.jobs, 1);
        assert_int_equal(found.tickets, 1);
        assert_int_equal(rig_conclude(store, 50, 50), STORE_OK);
        assert_int_equal(store_forget_events(store, 50), STORE_OK);
        commit(store);
        store_remove(store);
    }
}

static bool note_possibly_applied(void *user, const struct store_job *job)
{
    *(int *)user = job->possibly_applied;
    return true;
}

static void only_what_was_possibly_applied_stays_so(void **state)
{
    static const int32_t outcomes[] = {KLP_NOT_APPLIED, KLP_POSSIBLY_APPLIED};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct store *store = rig_open();
        int possibly_applied = -1;
        assert_int_equal(rig_put(store, 1), STORE_OK);
        assert_int_equal(store_keep_failed(store, 1, 1, outcomes[i], klp_cstr("x"), 1), STORE_OK);
        assert_int_equal(rig_conclude(store, 1, 1), STORE_OK);
        assert_int_equal(store_requeue(store, 1, 2, NULL, 1), STORE_OK);
        assert_int_equal(store_each_job(store, 0, note_possibly_applied, &possibly_applied), STORE_OK);
        assert_int_equal(possibly_applied, i);
        store_close(store);
    }
}

static bool check_time(void *user, const struct store_ticket *ticket)
{
    assert_int_equal(ticket->deadline_unix_ms, *(const int64_t *)user);
    return true;
}

static void times_that_make_no_sense_overflow_nothing(void **state)
{
    static const struct {
        int64_t accepted, deadline, expected;
    } cases[] = {
        {INT64_MIN, INT64_MAX, 1000}, {9000, 8000, 1000}, {0, INT64_MAX, INT64_MAX}, {INT64_MAX, INT64_MIN, 1000}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store *store = rig_open();
        struct store_job job = rig_job(1, 10);
        struct store_ticket ticket = rig_ticket(1, 1);
        int64_t expected = cases[i].expected;
        ticket.accepted_unix_ms = cases[i].accepted;
        ticket.deadline_unix_ms = cases[i].deadline;
        assert_int_equal(store_put_job(store, &job), STORE_OK);
        assert_int_equal(store_put_ticket(store, &ticket), STORE_OK);
        assert_int_equal(rig_fail(store, 1, 1, 1), STORE_OK);
        assert_int_equal(store_requeue(store, 1, 2, NULL, 1000), STORE_OK);
        assert_int_equal(store_each_ticket(store, 2, check_time, &expected), STORE_OK);
        store_close(store);
    }
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(every_field_outlives_its_job),
        STORE_TEST(a_view_keeps_and_requeues_nothing),
        STORE_TEST(what_is_not_there_is_not_kept_and_spoils_nothing),
        STORE_TEST(a_batch_that_is_not_committed_kept_nothing),
        STORE_TEST(a_long_error_code_is_cut),
        STORE_TEST(the_oldest_expire),
        STORE_TEST(a_store_that_holds_but_failed_ones_is_not_removed),
        STORE_TEST(what_is_gone_is_not_in_the_file),
        STORE_TEST(a_requeued_push_begins_anew_under_its_new_ticket),
        STORE_TEST(only_what_was_possibly_applied_stays_so),
        STORE_TEST(times_that_make_no_sense_overflow_nothing),
    };
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
