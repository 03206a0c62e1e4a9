/* SPDX-License-Identifier: Apache-2.0
 * The stub with what is real in it: the result socket, the outbox, the end of the process. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "stub_rig.h"

/* What is not acknowledged is sent again after so long, also where we were only slow. */
enum { RESEND_MS = 2000 };

/* Who reads the results, in a folder of his own. */
struct reader {
    int socket;
    char folder[32], url[64], last[4096];
    size_t last_size;
};

static void open_with_reader(struct stub_rig *rig, struct reader *reader)
{
    klp_config config = stub_rig_config();
    int patience = (int)patience_ms(10000);

    *reader = (struct reader){.socket = nn_socket(AF_SP, NN_REP), .folder = "/tmp/stub-results-XXXXXX"};
    assert_non_null(mkdtemp(reader->folder));
    snprintf(reader->url, sizeof reader->url, "ipc://%s/results", reader->folder);
    assert_true(nn_bind(reader->socket, reader->url) >= 0);
    assert_int_equal(nn_setsockopt(reader->socket, NN_SOL_SOCKET, NN_RCVTIMEO, &patience, sizeof patience), 0);
    config.results_url = klp_cstr(reader->url);
    stub_rig_open(rig, &config);
}

static void close_reader(const struct reader *reader)
{
    nn_close(reader->socket);
    unlink(reader->url + strlen("ipc://"));
    rmdir(reader->folder);
}

/* The next message, without an acknowledgement yet. */
static size_t receive(const struct reader *reader, char **lines)
{
    int size = nn_recv(reader->socket, lines, NN_MSG, 0);

    assert_true(size > 0);
    return (size_t)size;
}

static void acknowledge(const struct reader *reader)
{
    assert_int_equal(nn_send(reader->socket, "ok", 2, 0), 2);
}

static void the_result_socket_is_served_in_time_of_its_own(void **state)
{
    struct stub_rig *rig = *state;
    struct reader reader;
    char *lines;

    uint64_t opened_ms = rig_now_ms();
    open_with_reader(rig, &reader);
    stub_rig_script(rig, "[{\"match\": {\"key\": \"slow\"}, \"action\": {\"delay_ms\": 14000}},"
                         " {\"match\": {\"key\": \"quick\"}, \"action\": {\"repeat\": 1}}]");
    stub_rig_push(rig, "quick");
    stub_rig_push(rig, "slow");

    /* fourteen seconds pass in between, and nothing is told twice for that: but for what is scripted so */
    char all[16384] = "";
    while (!strstr(all, "\"slow\"")) {
        size_t size = receive(&reader, &lines);
        assert_true(strlen(all) + size < sizeof all);
        strncat(all, lines, size);
        nn_freemsg(lines);
        acknowledge(&reader);
    }
    size_t quick = 0, resends = (rig_now_ms() - opened_ms) / RESEND_MS;
    for (const char *at = all; (at = strstr(at, "\"key\":\"quick\"")); at++)
        quick++;
    assert_in_range(quick, 1, 2 + resends);
    while (quick < 2) {
        size_t size = receive(&reader, &lines);
        assert_non_null(memmem(lines, size, "\"key\":\"quick\"", 13));
        nn_freemsg(lines);
        acknowledge(&reader);
        quick++;
    }
    assert_int_equal(rig->klp->stop(rig->pusher, 10000), KLP_OK);
    const klp_event *event;
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    close_reader(&reader);
}

/* One that came before, since the reader was slow to acknowledge it, is left out. */
static bool next_message_has(struct reader *reader, const char *seq)
{
    char *lines;
    size_t size;

    while (size = receive(reader, &lines), size == reader->last_size && memcmp(lines, reader->last, size) == 0) {
        nn_freemsg(lines);
        acknowledge(reader);
    }
    bool has = memmem(lines, size, seq, strlen(seq)) != NULL;
    assert_true(size <= sizeof reader->last);
    memcpy(reader->last, lines, size);
    reader->last_size = size;
    nn_freemsg(lines);
    return has;
}

static void an_event_that_is_told_again_holds_up_none_that_stand_before_it(void **state)
{
    struct stub_rig *rig = *state;
    struct reader reader;
    const klp_event *event;

    open_with_reader(rig, &reader);
    stub_rig_push(rig, "match-1");
    assert_true(next_message_has(&reader, "\"seq\":1,"));
    stub_rig_push(rig, "match-2");
    stub_rig_push(rig, "match-3");
    assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(10000)), KLP_OK);
    stub_rig_advance(rig, 0); /* they are known */
    assert_int_equal(rig->stub->repeat_event(rig->pusher, 1), KLP_OK);
    stub_rig_advance(rig, 0); /* by now it would stand there */
    acknowledge(&reader);
    assert_true(next_message_has(&reader, "\"seq\":3,"));
    acknowledge(&reader);
    assert_true(next_message_has(&reader, "\"seq\":1,"));
    acknowledge(&reader);

    /* and what the reader has not been told by the end is left to the host */
    stub_rig_push(rig, "match-4");
    assert_true(next_message_has(&reader, "\"seq\":4,"));
    assert_int_equal(rig->stub->repeat_event(rig->pusher, 3), KLP_OK);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    event = stub_rig_take_now(rig);
    assert_int_equal(event->seq, 4);
    event = stub_rig_take_now(rig);
    assert_int_equal(event->seq, 3);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    close_reader(&reader);
}

static void an_outbox_works_as_the_real_one_does(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();
    klp_lobby lobby = stub_rig_lobby("match-1");
    char folder[] = "/tmp/stub-outbox-XXXXXX", command[64];

    assert_non_null(mkdtemp(folder));
    config.outbox_dir = klp_cstr(folder);
    lobby.flags = KLP_PUSH_DURABLE;
    lobby.cookie = 5;
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    stub_rig_advance(rig, 0); /* it is on the wire */
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);

    stub_rig_open(rig, &config);
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 2);
    assert_int_equal(event->recovered, 1);
    assert_int_equal(event->cookie, 5);
    stub_rig_ack(rig, event);
    assert_int_equal(rig->klp->stop(rig->pusher, 1000), KLP_OK);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void exit_is_not_held_up_by_held_time(void **state)
{
    struct stub_rig *rig = *state;
    char command[600];
    const char *build = getenv("BUILD");

    if (getenv("KLP_STUB_EXITS")) {
        stub_rig_open_held(rig, "[{\"action\": {\"silent\": true}}]");
        stub_rig_push(rig, "match-1");
        stub_rig_advance(rig, 0);
        exit(7);
    }
    snprintf(command, sizeof command, "KLP_STUB_EXITS=1 %s/tests/integration/test_stub_edges >/dev/null 2>&1",
             build ? build : "build");
    for (int chance = 1;; chance++) { /* one that is held up is so each time, for two seconds */
        uint64_t before_ms = rig_now_ms();
        int status = system(command);
        assert_int_equal(WEXITSTATUS(status), 7);
        if (rig_now_ms() - before_ms < patience_ms(1500))
            break;
        assert_true(chance < 3);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_rig_setup, stub_rig_teardown)

int main(void)
{
    const struct CMUnitTest exits[] = {TEST(exit_is_not_held_up_by_held_time)};
    const struct CMUnitTest tests[] = {
        TEST(the_result_socket_is_served_in_time_of_its_own),
        TEST(an_event_that_is_told_again_holds_up_none_that_stand_before_it),
        TEST(an_outbox_works_as_the_real_one_does),
        TEST(exit_is_not_held_up_by_held_time),
    };

    if (getenv("KLP_STUB_EXITS"))
        return cmocka_run_group_tests(exits, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
