/* SPDX-License-Identifier: Apache-2.0
 * More unread events than memory is to hold: they wait in the outbox, and the host is told them in their order. */
#include <semaphore.h>

#include "outbox_paging.h"
#include "rosters.h"

static void take_and_ack(struct rig *rig, struct row *row, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const klp_event *event = rig_take(rig);
        note(row, event);
        rig_ack(rig, event);
    }
}

static void assert_all_told(struct rig *rig, struct row *row)
{
    const klp_event *event = NULL;

    assert_int_equal(row->count, row->most);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.unread_events, 0);
    assert_int_equal(stats.queued_bytes + stats.reply_bytes, 0);
    free(row->is_seen);
}

static void a_host_that_reads_late_is_told_all_in_order(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);

    rig_open(rig, &config);
    push_and_read(rig, 0, MANY);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.unread_events, MANY);
    assert_in_range(stats.reply_bytes, 1, 4 << 20); /* those in memory alone */
    assert_in_range(stats.queued_bytes, 1, 1 << 20);
    take_and_ack(rig, &row, (size_t)MANY);
    assert_all_told(rig, &row);
    assert_int_equal(rig_stats(rig).events_acknowledged, MANY);
    outbox_restart(outbox, &config);
    assert_int_equal(rig_stats(rig).unread_events, 0);
}

static void the_usual_bound_holds_them_as_well(void **state)
{
    int most = is_slowed() ? 5000 : 10000; /* above what stays in memory */
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    struct row row = row_of((size_t)most);

    config.outbox_sync = KLP_SYNC_NORMAL;
    rig_open(rig, &config);
    push_and_read(rig, 0, most);
    take_and_ack(rig, &row, (size_t)most);
    assert_all_told(rig, &row);
}

/* It reads while pushes go on, now faster, now slower than they come. */
static void reading_and_pushing_in_turn_mixes_nothing_up(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    int rounds = 30, each = MANY / 30;
    struct row row = row_of((size_t)(rounds * each));

    rig_open(rig, &config);
    for (int i = 0; i < rounds; i++) {
        push_and_read(rig, i * each, (i + 1) * each);
        size_t left = (size_t)((i + 1) * each) - row.count;
        take_and_ack(rig, &row, i % 3 == 0 ? left / 10 : i % 3 == 1 ? left / 2 : left);
    }
    take_and_ack(rig, &row, row.most - row.count);
    assert_all_told(rig, &row);
}

static void events_left_on_the_disk_are_told_after_a_restart(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);
    size_t pushes = 0;

    rig_open(rig, &config);
    for (int i = 0; i < MANY; i++)
        pushes += i % 7 != 6;
    push_and_read(rig, 0, MANY);
    take_and_ack(rig, &row, (size_t)MANY / 3);
    for (int i = 0; i < FEW / 2; i++)
        (void)rig_take(rig); /* in hand, and never acknowledged */
    outbox_restart(outbox, &config);
    size_t left = rig_stats(rig).unread_events;
    take_and_ack(rig, &row, left);
    assert_true(row.count - row.reads == pushes); /* of reads those in memory may be lost with the process */
    assert_true(row.count + FEW >= row.most);
    row.most = row.count;
    assert_all_told(rig, &row);
    outbox_restart(outbox, NULL);
    assert_int_equal(rig_stats(rig).unread_events, 0);
}

/* A host that reads on after stop() has what is in memory; the rest is told after the next open, and nothing twice. */
static void events_that_stop_left_on_the_disk_are_told_after_a_restart(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);
    const klp_event *event = NULL;
    klp_status status;
    size_t opens = 0;

    rig_open(rig, &config);
    push_and_read(rig, 0, MANY);
    for (; row.count < row.most; opens++) {
        size_t left = row.most - row.count;
        assert_int_equal(rig_stats(rig).unread_events, left);
        take_and_ack(rig, &row, left < row.most / 10 ? left : row.most / 10);
        assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
        while (!(status = rig->klp->next_event(rig->pusher, 0, &event))) {
            note(&row, event);
            rig_ack(rig, event);
        }
        assert_int_equal(status, KLP_E_DRAINED);
        rig_close(rig);
        rig_open(rig, &config);
    }
    assert_true(opens > 1);
    assert_all_told(rig, &row);
}

/* More than max_unread_events in the host's hands are not given: it has to acknowledge some first. */
static void a_host_that_takes_many_gets_them_as_it_acknowledges(void **state)
{
    enum { ALL = 400 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of(ALL);
    const klp_event *hand[ALL], *event = NULL;
    size_t first = 0, taken = 0;

    rig_open(rig, &config);
    push_and_read(rig, 0, ALL);
    while (taken < FEW)
        hand[taken++] = rig_take(rig);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    assert_null(event);
    while (taken < ALL) {
        for (int i = 0; i < FEW / 2; i++) {
            note(&row, hand[first]);
            rig_ack(rig, hand[first++]);
        }
        for (int i = 0; i < FEW / 2 && taken < ALL; i++)
            hand[taken++] = rig_take(rig);
    }
    while (first < ALL) {
        note(&row, hand[first]);
        rig_ack(rig, hand[first++]);
    }
    assert_all_told(rig, &row);
}

/* Hold the worker up at its first attempts, one each. */
struct gates {
    sem_t open[2];
    size_t passed;
};

static void wait_at_gate(void *user, const klp_attempt *attempt)
{
    struct gates *gates = user;
    (void)attempt;

    if (gates->passed < 2)
        sem_wait(&gates->open[gates->passed++]);
}

static size_t answered_gets(struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, count = 0;

    json_array_foreach(log, i, arrival)
    {
        count += strcmp(sandbox_text_at(arrival, "method"), "GET") == 0 &&
                 json_is_integer(json_object_get(arrival, "answered_us"));
    }
    json_decref(log);
    return count;
}

/* All that memory may hold are events of reads, which the outbox has not got; behind them are those of pushes. */
static void acknowledging_what_is_in_memory_alone_brings_the_rest(void **state)
{
    enum { READS = 12, PUSHES = 8 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");
    const klp_event *hand[READS], *event = NULL;
    struct gates gates = {.passed = 0};

    sem_init(&gates.open[0], 0, 0);
    sem_init(&gates.open[1], 0, 0);
    config.max_unread_events = READS;
    config.max_in_flight = READS + PUSHES;
    config.on_attempt = wait_at_gate;
    config.callback_user = &gates;
    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":2000}}");
    rig_open(rig, &config);
    rig_push_many(rig, 0, PUSHES);
    outbox_await(rig_stats(rig).in_flight == PUSHES);
    /* they all begin when the ping lets the worker go on; their answers are there when the first of them does */
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    outbox_await(answered_gets(rig) == 1);
    for (int i = 0; i < READS; i++)
        assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 0, NULL, NULL), KLP_OK);
    sem_post(&gates.open[0]);
    event = rig_take(rig);
    assert_int_equal(event->op, KLP_OP_PING);
    rig_ack(rig, event);
    outbox_await(answered_gets(rig) == 1 + READS);
    sem_post(&gates.open[1]);
    assert_int_equal(rig->klp->flush(rig->pusher, WITHIN_MS), KLP_OK);
    for (int i = 0; i < READS; i++) {
        hand[i] = rig_take(rig);
        assert_int_equal(hand[i]->op, KLP_OP_READ);
    }
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_TIMEOUT);
    for (int i = 0; i < 50; i++) /* the worker, which all that has woken, goes to sleep again */
        rig_blink();
    for (int i = 0; i < READS; i++)
        rig_ack(rig, hand[i]);
    for (int i = 0; i < PUSHES; i++) {
        if (rig->klp->next_event(rig->pusher, patience_ms(4000), &event)) /* well before the worker wakes by itself */
            fail_msg("nothing came after %d of %d", i, PUSHES);
        assert_applied(event);
        rig_ack(rig, event);
    }
    assert_int_equal(rig_stats(rig).unread_events, 0);
    rig_close(rig);
    sem_destroy(&gates.open[0]);
    sem_destroy(&gates.open[1]);
}

static void one_event_in_memory_is_enough(void **state)
{
    enum { ALL = 50 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox), usual = outbox_config(outbox);
    struct row row = row_of(ALL);

    rig_open(rig, &usual);
    push_and_read(rig, 0, 6);
    outbox_close(outbox);
    config.max_unread_events = 1;
    rig_open(rig, &config);
    take_and_ack(rig, &row, 6);
    row.is_seen[6] = true; /* a read that is not made */
    for (int i = 7; i < ALL; i++) {
        if (i % 7 != 6)
            push_and_read(rig, i, i + 1);
        else
            row.is_seen[i] = true;
        if (i % 7 != 6)
            take_and_ack(rig, &row, 1);
    }
    row.most = row.count;
    assert_all_told(rig, &row);
}

/* Replies of so many bytes from now on. */
static void script_replies_of(struct rig *rig, size_t size)
{
    char *rule = malloc(size + 1024), *at = rule;

    assert_non_null(rule);
    at += sprintf(at, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":201,\"body\":\"{\\\"data\\\":{"
                      "\\\"id\\\":\\\"lob_big\\\",\\\"status\\\":\\\"active\\\",\\\"capacity\\\":2,"
                      "\\\"participantCount\\\":2,\\\"x\\\":\\\"");
    memset(at, 'x', size);
    strcpy(at + size, "\\\"}}\"}}");
    sandbox_script(rig->sandbox, rule);
    free(rule);
}

/* What waits on the disk takes no memory, and nothing of it is left out. */
static void large_replies_wait_on_the_disk_whole(void **state)
{
    enum { SIZE = 32000 };
    int most = is_slowed() ? 300 : 1000;
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);

    script_replies_of(rig, SIZE);
    rig_open(rig, &config);
    rig_push_many(rig, 0, most);
    assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(60000)), KLP_OK);
    uint64_t most_bytes = 0, seq = 0;
    for (int i = 0; i < most; i++) {
        const klp_event *event = rig_take(rig);
        klp_stats stats = rig_stats(rig);
        assert_true(event->seq > seq);
        seq = event->seq;
        assert_false(event->truncated);
        assert_true(event->lobby_json.size > SIZE);
        most_bytes = stats.reply_bytes > most_bytes ? stats.reply_bytes : most_bytes;
        rig_ack(rig, event);
    }
    assert_in_range(most_bytes, SIZE, 2 * FEW * 3 * (SIZE + 1024));
    assert_int_equal(rig_stats(rig).replies_left_out, 0);
    assert_int_equal(rig_stats(rig).reply_bytes, 0);
}

/* What is brought from the disk keeps to max_reply_bytes, and takes the room of no reply to come. */
static void what_is_loaded_keeps_to_the_bound_of_replies(void **state)
{
    enum { SIZE = 60000, BOUND = 1 << 20, EACH = 100, ROUNDS = 4 };
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    int taken = 0;

    script_replies_of(rig, SIZE);
    rig_open(rig, &config);
    rig_push_many(rig, 0, EACH);
    assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(60000)), KLP_OK);
    config.max_reply_bytes = BOUND;
    outbox_restart(outbox, &config);
    for (int i = 1; i <= ROUNDS; i++) {
        rig_push_many(rig, i * EACH, (i + 1) * EACH);
        while (taken < i * EACH) {
            const klp_event *event = rig_take(rig);
            assert_in_range(rig_stats(rig).reply_bytes, SIZE, BOUND + 3 * (SIZE + 1024));
            assert_false(event->truncated);
            rig_ack(rig, event);
            taken++;
        }
        assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(60000)), KLP_OK);
    }
    assert_int_equal(rig_stats(rig).replies_left_out, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_host_that_reads_late_is_told_all_in_order),
        test(the_usual_bound_holds_them_as_well),
        test(reading_and_pushing_in_turn_mixes_nothing_up),
        test(events_left_on_the_disk_are_told_after_a_restart),
        test(events_that_stop_left_on_the_disk_are_told_after_a_restart),
        test(a_host_that_takes_many_gets_them_as_it_acknowledges),
        test(acknowledging_what_is_in_memory_alone_brings_the_rest),
        test(one_event_in_memory_is_enough),
        test(large_replies_wait_on_the_disk_whole),
        test(what_is_loaded_keeps_to_the_bound_of_replies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
