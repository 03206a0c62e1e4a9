/* SPDX-License-Identifier: Apache-2.0
 * Results over nanomsg, to a reader in a process of its own, which is killed as hosts are. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "process.h"
#include "rig.h"

#ifdef __SANITIZE_THREAD__
enum { UNDER_LOAD = 600 };
#else
enum { UNDER_LOAD = 2000 };
#endif

/* What is not acknowledged is sent again after so long, also where the reader was only slow. */
enum { RESEND_MS = 2000 };

struct results {
    struct rig *rig;
    char folder[64], url[128], file[128];
    uint64_t opened_ms;
};

static int results_setup(void **state)
{
    struct results *results = calloc(1, sizeof *results);
    void *rig = NULL;

    if (!results || rig_setup(&rig))
        return -1;
    results->rig = rig;
    snprintf(results->folder, sizeof results->folder, "/tmp/klp-results-XXXXXX");
    if (!mkdtemp(results->folder))
        return -1;
    snprintf(results->url, sizeof results->url, "ipc://%s/results.ipc", results->folder);
    snprintf(results->file, sizeof results->file, "%s/lines", results->folder);
    *state = results;
    return 0;
}

static int results_teardown(void **state)
{
    struct results *results = *state;
    void *rig = results->rig;
    char path[256];

    rig_teardown(&rig);
    unlink(results->file);
    snprintf(path, sizeof path, "%s/results.ipc", results->folder);
    unlink(path);
    rmdir(results->folder);
    free(results);
    return 0;
}

static void open_pusher(struct results *results)
{
    klp_config config = rig_config(results->rig);
    config.results_url = klp_cstr(results->url);
    results->opened_ms = rig_now_ms();
    rig_open(results->rig, &config);
}

static struct process *start_reader(const struct results *results, const char *option, const char *value)
{
    const char *argv[] = {rig_program("result_reader"), results->url, results->file, option, value, NULL};
    struct process_setup setup = {.argv = argv};
    struct process *reader = process_start(&setup);

    process_await_output(reader, 1); /* bound */
    return reader;
}

static void kill_reader(struct process *reader)
{
    process_signal(reader, SIGKILL);
    struct process_result result = process_finish(reader);
    assert_int_equal(result.signal_number, SIGKILL); /* it did not end by itself */
    process_result_clear(&result);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Until the reader has acknowledged everything. */
static void await_all_told(struct rig *rig)
{
    uint64_t limit_ms = rig_now_ms() + 30000;
    klp_stats stats;

    assert_int_equal(rig->klp->flush(rig->pusher, 30000), KLP_OK);
    while (stats = rig_stats(rig), stats.unread_events > 0) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%llu events were not acknowledged", (unsigned long long)stats.unread_events);
        pause_ms(5);
    }
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(stats.reply_bytes, 0);
}

/* How often each seq of 1…count stands in the reader's file; every line is an event. `pusher` NULL: of any. */
static unsigned *tellings(const struct results *results, const char *pusher, size_t count)
{
    const klp_api *klp = results->rig->klp;
    unsigned *times = calloc(count + 1, sizeof *times);
    FILE *file = fopen(results->file, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    assert_non_null(times);
    assert_non_null(file);
    while ((size = getline(&line, &room, file)) > 0) {
        klp_text_buffer why = {0};
        klp_event *event;
        if (line[size - 1] != '\n')
            break; /* the reader was killed while it wrote; it has not acknowledged that */
        if (klp->decode_event(line, (size_t)size, &event, &why))
            fail_msg("%s in %s", why.data, line);
        if (!pusher || strcmp(event->pusher.data, pusher) == 0) {
            assert_in_range(event->seq, 1, count);
            times[event->seq]++;
        }
        klp->free_event(event);
    }
    free(line);
    fclose(file);
    return times;
}

static void assert_told(const struct results *results, const char *pusher, size_t count, unsigned most)
{
    unsigned *times = tellings(results, pusher, count);
    for (size_t seq = 1; seq <= count; seq++) {
        if (times[seq] == 0 || times[seq] > most)
            fail_msg("seq %zu was told %u times", seq, times[seq]);
    }
    free(times);
}

static void assert_told_once(const struct results *results, const char *pusher, size_t count)
{
    uint64_t resends = (rig_now_ms() - results->opened_ms) / RESEND_MS;
    assert_told(results, pusher, count, 1 + (unsigned)resends);
}

/* The next event of the reader's file; NULL at its end. One that was told before is left out. */
static json_t *next_told(FILE *file, json_int_t *seq)
{
    char line[4096];

    while (fgets(line, sizeof line, file)) {
        json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(event);
        json_int_t its_seq = json_integer_value(json_object_get(event, "seq"));
        if (its_seq > *seq) {
            *seq = its_seq;
            return event;
        }
        json_decref(event);
    }
    return NULL;
}

static void every_way_to_acknowledge_is_understood(void **state)
{
    static const char *const answers[] = {"all", "ok", "seq", "half"};
    struct results *results = *state;

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        print_message("  %s\n", answers[i]);
        struct process *reader = start_reader(results, "--answer", answers[i]);
        open_pusher(results);
        rig_push_many(results->rig, 0, 200);
        await_all_told(results->rig);
        klp_stats stats = rig_stats(results->rig);
        assert_int_equal(stats.events_acknowledged, 200);
        assert_int_equal(stats.replies_ignored, 0);
        if (i < 3)
            assert_told_once(results, NULL, 200);
        else
            assert_told(results, NULL, 200, 200); /* what is above an acknowledged seq is told again */
        rig_close(results->rig);
        kill_reader(reader);
        unlink(results->file);
        sandbox_reset(results->rig->sandbox);
    }
}

static void an_event_of_each_kind_is_told_whole(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");
    struct process *reader = start_reader(results, "--answer", "seq");
    json_int_t seq = 0;

    open_pusher(results);
    rig_push(rig, "m-\xc3\xa9\n");
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, 0, NULL, NULL), KLP_OK);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    await_all_told(rig);
    kill_reader(reader);

    FILE *file = fopen(results->file, "r");
    static const char *const ops[] = {"push", "read", "ping"};
    for (size_t i = 0; i < 3; i++) {
        json_t *event = next_told(file, &seq);
        assert_non_null(event);
        assert_string_equal(sandbox_text_at(event, "op"), ops[i]);
        assert_string_equal(sandbox_text_at(event, "pusher"), "rig");
        assert_int_equal(json_integer_value(json_object_get(event, "v")), 1);
        assert_int_equal(seq, i + 1);
        if (i == 0)
            assert_string_equal(sandbox_text_at(event, "key"), "m-\xc3\xa9\n");
        if (i == 1)
            assert_string_equal(sandbox_text_at(event, "error.code"), "not_found");
        if (i == 2)
            assert_string_equal(sandbox_text_at(event, "api_key.gameId"), "game_1");
        json_decref(event);
    }
    assert_null(next_told(file, &seq));
    fclose(file);
}

static void what_is_not_acknowledged_is_told_again_and_kept(void **state)
{
    static const char *const answers[] = {"none", "nonsense"};
    struct results *results = *state;
    struct rig *rig = results->rig;

    for (size_t i = 0; i < 2; i++) {
        const klp_event *event = NULL;
        print_message("  %s\n", answers[i]);
        struct process *reader = start_reader(results, "--answer", answers[i]);
        open_pusher(results);
        rig_push_many(rig, 0, 5);
        assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
        assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_NOT_AVAILABLE);
        uint64_t limit_ms = rig_now_ms() + 20000;
        while (rig_stats(rig).messages_sent < 2 && rig_now_ms() < limit_ms)
            pause_ms(20);
        klp_stats stats = rig_stats(rig);
        assert_true(stats.messages_sent >= 2);
        assert_int_equal(stats.events_acknowledged, 0);
        assert_int_equal(stats.replies_ignored > 0, i == 1);

        assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
        for (uint64_t seq = 1; seq <= 5; seq++) {
            event = rig_take(rig);
            assert_int_equal(event->seq, seq);
            rig_ack(rig, event);
        }
        assert_int_equal(rig->klp->next_event(rig->pusher, KLP_WAIT_FOREVER, &event), KLP_E_DRAINED);
        rig_close(rig);
        kill_reader(reader);
        unlink(results->file);
        sandbox_reset(rig->sandbox);
    }
}

static void a_reader_that_comes_late_is_told_everything(void **state)
{
    struct results *results = *state;

    open_pusher(results);
    rig_push_many(results->rig, 0, 3000); /* some megabytes: several messages */
    assert_int_equal(results->rig->klp->flush(results->rig->pusher, 60000), KLP_OK);
    struct process *reader = start_reader(results, "--answer", "seq");
    await_all_told(results->rig);
    assert_told(results, NULL, 3000, 2);
    kill_reader(reader);
}

static void no_event_is_lost_when_the_reader_is_killed_under_load(void **state)
{
    enum { KILLS = 12 };
    struct results *results = *state;
    struct rig *rig = results->rig;
    unsigned seed = 20261121;
    char key[32];
    int pushed = 0;

    open_pusher(results);
    for (int kill = 0; kill < KILLS; kill++) {
        struct process *reader = start_reader(results, "--answer", "seq");
        for (int i = 0; i < UNDER_LOAD / KILLS; i++) {
            snprintf(key, sizeof key, "m-%d", pushed++);
            rig_push(rig, key);
        }
        pause_ms(rand_r(&seed) % 40); /* the instant is meant to be any */
        kill_reader(reader);
    }
    struct process *reader = start_reader(results, "--answer", "seq");
    await_all_told(rig);
    assert_told(results, NULL, (size_t)pushed, KILLS + 1);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), pushed);
    assert_int_equal(rig_stats(rig).applied, pushed);
    kill_reader(reader);
}

/* 2,000 verdicts a second are 32 a tick of 16 ms, and a tick is one exchange. Here they all wait for it. */
static void a_reader_that_answers_once_a_tick_gets_many_events_a_message(void **state)
{
    struct results *results = *state;

    open_pusher(results);
    rig_push_many(results->rig, 0, 4000);
    assert_int_equal(results->rig->klp->flush(results->rig->pusher, 60000), KLP_OK);
    struct process *reader = start_reader(results, "--tick-ms", "16");
    await_all_told(results->rig);
    assert_told(results, NULL, 4000, 2);
    assert_in_range(rig_stats(results->rig).messages_sent, 1, 4000 / 32);
    kill_reader(reader);
}

static void several_pushers_report_to_one_reader(void **state)
{
    enum { PUSHERS = 3, EACH = 100 };
    static const char *const names[PUSHERS] = {"mm-a", "mm-b", "mm-c"};
    struct results *results = *state;
    struct rig rigs[PUSHERS];
    struct process *reader = start_reader(results, "--answer", "seq");

    results->opened_ms = rig_now_ms();
    for (int i = 0; i < PUSHERS; i++) {
        rigs[i] = *results->rig;
        klp_config config = rig_config(&rigs[i]);
        config.name = klp_cstr(names[i]);
        config.results_url = klp_cstr(results->url);
        rig_open(&rigs[i], &config);
    }
    for (int i = 0; i < PUSHERS; i++)
        rig_push_many(&rigs[i], 0, EACH);
    for (int i = 0; i < PUSHERS; i++)
        await_all_told(&rigs[i]);
    for (int i = 0; i < PUSHERS; i++) {
        rig_close(&rigs[i]);
        assert_told_once(results, names[i], EACH);
    }
    assert_int_equal(sandbox_lobby_count(results->rig->sandbox), EACH); /* the same keys: told thrice, there once */
    kill_reader(reader);
}

static void tcp_serves_as_well(void **state)
{
    struct results *results = *state;

    snprintf(results->url, sizeof results->url, "tcp://127.0.0.1:%u", rig_closed_port());
    struct process *reader = start_reader(results, "--answer", "seq");
    open_pusher(results);
    rig_push_many(results->rig, 0, 300);
    await_all_told(results->rig);
    assert_told_once(results, NULL, 300);
    kill_reader(reader);
}

static void a_reply_too_large_for_the_socket_is_left_out_and_its_verdict_told(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    size_t size = 400000;
    char *rule = malloc(size + 1024), *at = rule;

    assert_non_null(rule);
    at += sprintf(at, "{\"match\":{\"op\":\"push\"},\"times\":2,\"action\":{\"status\":201,\"body\":\"{\\\"data\\\":{"
                      "\\\"id\\\":\\\"lob_big\\\","
                      "\\\"status\\\":\\\"active\\\",\\\"capacity\\\":2,\\\"participantCount\\\":2,\\\"x\\\":\\\"");
    memset(at, 'x', size);
    strcpy(at + size, "\\\"}}\"}}");
    sandbox_script(rig->sandbox, rule);
    free(rule);

    struct process *reader = start_reader(results, "--answer", "seq");
    open_pusher(results);
    rig_push_many(rig, 0, 3);
    await_all_told(rig);
    kill_reader(reader);

    FILE *file = fopen(results->file, "r");
    char *line = NULL;
    size_t room = 0, truncated = 0;
    while (getline(&line, &room, file) > 0) {
        klp_event *event;
        assert_true(strlen(line) <= KLP_MAX_EVENT_BYTES + 1);
        assert_int_equal(rig->klp->decode_event(line, strlen(line), &event, NULL), KLP_OK);
        assert_int_equal(event->outcome, KLP_APPLIED);
        if (event->truncated) {
            assert_true(event->truncated_bytes > size);
            assert_text(event->lobby_json, "");
            assert_text(event->lobby_id, "lob_big");
            assert_int_equal(event->filled_slots, 2);
            truncated++;
        }
        rig->klp->free_event(event);
    }
    assert_int_equal(truncated, 2);
    free(line);
    fclose(file);
}

/* Events of every length in turn, told while the reader is slow: messages are filled to their last byte. */
static void messages_are_filled_to_the_brim_and_not_beyond(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    char key[1025];

    open_pusher(results);
    memset(key, 'k', sizeof key);
    for (int i = 0; i < 3000; i++) { /* nobody reads yet */
        int size = snprintf(key, sizeof key, "m-%d", i);
        key[size] = 'k';
        klp_lobby lobby = rig_lobby("");
        lobby.key = (klp_text){key, 400 + (size_t)i % 600};
        rig_push_lobby(rig, &lobby);
    }
    struct process *reader = start_reader(results, "--answer", "seq");
    await_all_told(rig);
    assert_told(results, NULL, 3000, 2);
    kill_reader(reader);
}

/* What a host should not do, and does: it takes its pushers' sockets away, too. */
static void nn_term_by_the_host_costs_no_verdict_and_no_cpu(void **state)
{
    struct results *results = *state;
    char library[4200], key[128];
    const char *argv[] = {rig_program("nn_terms"), sandbox_url(results->rig->sandbox), results->url, NULL};
    const char *environment[] = {library, key, NULL};

    snprintf(library, sizeof library, "KLP_LIBRARY=%s", rig_library());
    snprintf(key, sizeof key, "KRATY_SERVER_KEY=%s", SANDBOX_KEY);
    struct process_result run = process_run(argv, environment, NULL);
    if (run.exit_status != 0)
        fail_msg("%s", run.errors);
    process_result_clear(&run);
}

static void pushes_go_on_to_a_bound_while_nobody_reads(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    klp_config config = rig_config(rig);
    klp_lobby lobby = rig_lobby("one-more");
    klp_text_buffer why = {0};

    config.results_url = klp_cstr(results->url);
    config.max_unread_events = 50;
    rig_open(rig, &config);
    rig_push_many(rig, 0, 50);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_RESULTS_FULL);
    assert_string_equal(why.data, "max_unread_events (50) is reached: acknowledge events first");
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK); /* all fifty have their verdict */
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_RESULTS_FULL);

    struct process *reader = start_reader(results, "--answer", "seq");
    await_all_told(rig);
    rig_push_lobby(rig, &lobby);
    await_all_told(rig);
    assert_told(results, NULL, 51, 2);
    kill_reader(reader);
}

/* One thread that pushes, stops, and reads what is left: its own REP socket cannot be served during stop(). */
static void a_host_of_one_thread_reads_after_stop_what_it_could_not_during_it(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    int rep = nn_socket(AF_SP, NN_REP), fd;
    const klp_event *event = NULL;

    assert_true(rep >= 0);
    assert_true(nn_bind(rep, results->url) >= 0);
    open_pusher(results);
    assert_int_equal(rig->klp->event_fd(rig->pusher, &fd), KLP_OK);
    rig_push_many(rig, 0, 100);
    assert_int_equal(rig->klp->flush(rig->pusher, 10000), KLP_OK);
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, 0), 0); /* they are the socket's */

    uint64_t start_ms = rig_now_ms();
    assert_int_equal(rig->klp->stop(rig->pusher, 200), KLP_OK);
    assert_in_range(rig_now_ms() - start_ms, 0, patience_ms(5000));
    assert_int_equal(poll(&poll_fd, 1, 0), 1);
    for (uint64_t seq = 1; seq <= 100; seq++) {
        event = rig_take(rig);
        assert_int_equal(event->seq, seq);
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    assert_null(event);
    nn_close(rep);
}

static void stop_gives_the_reader_time_to_acknowledge(void **state)
{
    struct results *results = *state;
    struct rig *rig = results->rig;
    struct process *reader = start_reader(results, "--tick-ms", "10");
    const klp_event *event;

    open_pusher(results);
    rig_push_many(rig, 0, 500);
    assert_int_equal(rig->klp->stop(rig->pusher, 30000), KLP_OK);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &event), KLP_E_DRAINED);
    assert_told_once(results, NULL, 500);
    kill_reader(reader);
}

#define test(name) cmocka_unit_test_setup_teardown(name, results_setup, results_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_way_to_acknowledge_is_understood),
        test(an_event_of_each_kind_is_told_whole),
        test(what_is_not_acknowledged_is_told_again_and_kept),
        test(a_reader_that_comes_late_is_told_everything),
        test(no_event_is_lost_when_the_reader_is_killed_under_load),
        test(a_reader_that_answers_once_a_tick_gets_many_events_a_message),
        test(several_pushers_report_to_one_reader),
        test(tcp_serves_as_well),
        test(a_reply_too_large_for_the_socket_is_left_out_and_its_verdict_told),
        test(messages_are_filled_to_the_brim_and_not_beyond),
        test(nn_term_by_the_host_costs_no_verdict_and_no_cpu),
        test(pushes_go_on_to_a_bound_while_nobody_reads),
        test(a_host_of_one_thread_reads_after_stop_what_it_could_not_during_it),
        test(stop_gives_the_reader_time_to_acknowledge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
