/* SPDX-License-Identifier: Apache-2.0
 * More unread events than memory is to hold: the reader of the result socket is told them, too. */
#include <signal.h>

#include "outbox_paging.h"
#include "process.h"
#include "rosters.h"

static struct process *start_reader(const char *url, const char *file)
{
    const char *argv[] = {rig_program("result_reader"), url, file, "--answer", "seq", NULL};
    struct process_setup setup = {.argv = argv};
    struct process *reader = process_start(&setup);

    process_await_output(reader, 1); /* bound */
    return reader;
}

static void end_reader(struct process *reader)
{
    process_signal(reader, SIGKILL);
    struct process_result result = process_finish(reader);
    process_result_clear(&result);
}

/* Every line is of the next event, but that a message which was not acknowledged in time is told once more. */
static void read_lines(struct rig *rig, const char *path, struct row *row)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    assert_non_null(file);
    while ((size = getline(&line, &room, file)) > 0) {
        klp_event *event = NULL;
        assert_int_equal(rig->klp->decode_event(line, (size_t)size, &event, NULL), KLP_OK);
        if (event->seq > row->seq)
            note(row, event);
        else
            assert_true(row->is_seen[event->cookie]);
        rig->klp->free_event(event);
    }
    free(line);
    fclose(file);
}

static void the_reader_of_the_socket_comes_late_and_is_told_all(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);
    char url[128], file[128];

    snprintf(url, sizeof url, "ipc://%s/results.ipc", outbox->folder);
    snprintf(file, sizeof file, "%s/lines", outbox->folder);
    config.results_url = klp_cstr(url);
    rig_open(rig, &config);
    push_and_read(rig, 0, MANY / 2);
    assert_in_range(rig_stats(rig).reply_bytes, 1, 4 << 20);
    struct process *reader = start_reader(url, file);
    push_and_read(rig, MANY / 2, MANY);
    outbox_await(rig_stats(rig).unread_events == 0);
    read_lines(rig, file, &row);
    assert_int_equal(row.count, MANY);
    assert_int_equal(rig_stats(rig).reply_bytes + rig_stats(rig).queued_bytes, 0);
    outbox_restart(outbox, &config);
    assert_int_equal(rig_stats(rig).unread_events, 0);
    free(row.is_seen);
    end_reader(reader);
}

static void the_reader_of_the_socket_is_told_what_an_earlier_process_left(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);
    char url[128], file[128];
    size_t pushes = 0;

    snprintf(url, sizeof url, "ipc://%s/results.ipc", outbox->folder);
    snprintf(file, sizeof file, "%s/lines", outbox->folder);
    config.results_url = klp_cstr(url);
    rig_open(rig, &config);
    push_and_read(rig, 0, MANY);
    for (int i = 0; i < MANY; i++)
        pushes += i % 7 != 6;
    outbox_restart(outbox, &config);
    struct process *reader = start_reader(url, file);
    outbox_await(rig_stats(rig).unread_events == 0);
    read_lines(rig, file, &row);
    assert_int_equal(row.count - row.reads, pushes);
    outbox_restart(outbox, &config);
    assert_int_equal(rig_stats(rig).unread_events, 0);
    free(row.is_seen);
    end_reader(reader);
}

/* Of two that are no more, besides its own: a message is of one of them at a time. */
static void the_reader_of_the_socket_is_told_what_others_left(void **state)
{
    static const char *const names[] = {"dead-a", "dead-b", "live"};
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    int each = MANY / 3;
    char url[128], file[128], *line = NULL;
    size_t room = 0;
    ssize_t size;

    snprintf(url, sizeof url, "ipc://%s/results.ipc", outbox->folder);
    snprintf(file, sizeof file, "%s/lines", outbox->folder);
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    for (int i = 0; i < 3; i++) {
        config.name = klp_cstr(names[i]);
        if (i == 2) {
            config.results_url = klp_cstr(url);
            config.outbox_adopt_ms = 20;
        }
        rig_open(rig, &config);
        rig_push_many(rig, i * each, (i + 1) * each);
        assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(60000)), KLP_OK);
        if (i < 2)
            outbox_close(outbox);
    }
    outbox_await(rig_stats(rig).adopted == 2);
    struct process *reader = start_reader(url, file);
    outbox_await(rig_stats(rig).unread_events == 0);
    outbox_await(outbox_files(outbox) == 1);
    end_reader(reader);

    uint64_t seqs[3] = {0};
    int counts[3] = {0};
    FILE *lines = fopen(file, "r");
    assert_non_null(lines);
    while ((size = getline(&line, &room, lines)) > 0) {
        klp_event *event = NULL;
        assert_int_equal(rig->klp->decode_event(line, (size_t)size, &event, NULL), KLP_OK);
        int of = event->pusher.data[0] == 'l' ? 2 : event->pusher.data[5] - 'a';
        assert_text(event->pusher, names[of]);
        counts[of] += event->seq > seqs[of]; /* what is told once more is no more than that */
        seqs[of] = event->seq > seqs[of] ? event->seq : seqs[of];
        rig->klp->free_event(event);
    }
    free(line);
    fclose(lines);
    for (int i = 0; i < 3; i++)
        assert_int_equal(counts[i], each);
    assert_int_equal(rig_stats(rig).events_acknowledged, 3 * each);
}

/* stop() gives the reader its time, for what is on the disk alone, too. */
static void stop_lets_the_reader_of_the_socket_have_what_is_on_the_disk(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = small(outbox);
    struct row row = row_of((size_t)MANY);
    char url[128], file[128];

    snprintf(url, sizeof url, "ipc://%s/results.ipc", outbox->folder);
    snprintf(file, sizeof file, "%s/lines", outbox->folder);
    config.results_url = klp_cstr(url);
    rig_open(rig, &config);
    push_and_read(rig, 0, MANY);
    struct process *reader = start_reader(url, file);
    assert_int_equal(rig->klp->stop(rig->pusher, patience_ms(30000)), KLP_OK);
    const klp_event *event;
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    read_lines(rig, file, &row);
    assert_int_equal(row.count, MANY);
    free(row.is_seen);
    end_reader(reader);
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(the_reader_of_the_socket_comes_late_and_is_told_all),
        test(the_reader_of_the_socket_is_told_what_an_earlier_process_left),
        test(the_reader_of_the_socket_is_told_what_others_left),
        test(stop_lets_the_reader_of_the_socket_have_what_is_on_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
