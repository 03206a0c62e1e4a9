/* SPDX-License-Identifier: Apache-2.0
 * A backend that is away for a while, and a reader of results that is, under constant load: nothing is lost, the memory
 * does not grow with it, and who comes back is not run over. $KLP_OUTAGE_S sets how long it is away. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash_books.h"
#include "crash_loop.h"
#include "process.h"
#include "relay.h"
#include "rig.h"

/* In flight at most; what comes back is to see far fewer at first. */
enum { IN_FLIGHT = 64 };

#define WITHIN_MS patience_ms(60000)

struct outage {
    struct sandbox_client *sandbox;
    struct relay *relay;
    struct process *host, *reader;
    char folder[64], said[96], told[96], results[96], library[4200];
    size_t most_kb; /* resident at most, since it was asked last */
};

static int set_up(void **state)
{
    struct outage *outage = calloc(1, sizeof *outage);
    char path[96];

    if (!outage)
        return -1;
    snprintf(outage->folder, sizeof outage->folder, "/tmp/klp-outage-XXXXXX");
    if (!mkdtemp(outage->folder))
        return -1;
    snprintf(path, sizeof path, "%s/outbox", outage->folder);
    if (mkdir(path, 0700))
        return -1;
    snprintf(outage->said, sizeof outage->said, "%s/host-1.said", outage->folder);
    snprintf(outage->told, sizeof outage->told, "%s/host-1.told", outage->folder);
    snprintf(outage->results, sizeof outage->results, "ipc://%s/results.ipc", outage->folder);
    snprintf(outage->library, sizeof outage->library, "KLP_LIBRARY=%s", rig_library());
    outage->sandbox = sandbox_start((const char *[]){"--log-limit", "1000000", "--no-log-bodies", NULL});
    /* so that requests overlap where they may */
    sandbox_script(outage->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":10}}");
    outage->relay = relay_start(sandbox_port(outage->sandbox));
    *state = outage;
    return 0;
}

static void end_process(struct process *process)
{
    if (!process)
        return;
    process_signal(process, SIGKILL);
    struct process_result result = process_finish(process);
    process_result_clear(&result);
}

static void empty(const char *folder)
{
    char path[512];
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    while (directory && (entry = readdir(directory)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    closedir(directory);
}

static int tear_down(void **state)
{
    struct outage *outage = *state;
    char path[96];

    end_process(outage->host);
    end_process(outage->reader);
    relay_stop(outage->relay);
    sandbox_stop(outage->sandbox);
    snprintf(path, sizeof path, "%s/outbox", outage->folder);
    empty(path);
    rmdir(path);
    empty(outage->folder);
    rmdir(outage->folder);
    free(outage);
    return 0;
}

/* ---- who is in it ---- */

static struct process *start(const struct outage *outage, const char *const argv[])
{
    const char *environment[] = {outage->library, "KRATY_SERVER_KEY=" SANDBOX_KEY, NULL};

    return process_start(&(struct process_setup){.argv = argv, .environment = environment, .limit_ms = 7200000});
}

/* Some hundreds of pushes a second, as many as may wait. */
static void start_host(struct outage *outage, bool has_reader)
{
    const char *const argv[] = {rig_program("outbox_host"),
                                relay_url(outage->relay),
                                outage->folder,
                                "1",
                                "--threads",
                                "4",
                                "--rest-us",
                                "10000",
                                "--queued",
                                "1000000",
                                "--in-flight",
                                "64",
                                "--backoff-ms",
                                "4000",
                                has_reader ? "--results" : NULL,
                                outage->results,
                                NULL};
    outage->host = start(outage, argv);
    process_await_output(outage->host, 1);
}

static void start_reader(struct outage *outage)
{
    outage->reader = start(outage, (const char *[]){rig_program("result_reader"), outage->results, outage->told, NULL});
}

static size_t resident_kb(const struct process *process)
{
    char path[64], line[256];
    unsigned long kb = 0;

    snprintf(path, sizeof path, "/proc/%ld/status", (long)process_pid(process));
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (kb == 0 && fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %lu", &kb);
    fclose(status);
    return kb;
}

static void look_at_memory(struct outage *outage)
{
    size_t kb = resident_kb(outage->host);

    outage->most_kb = kb > outage->most_kb ? kb : outage->most_kb;
    for (int i = 0; i < 20; i++)
        rig_blink();
}

static size_t take_most_kb(struct outage *outage)
{
    size_t most_kb = outage->most_kb;
    outage->most_kb = 0;
    return most_kb;
}

static void look_for(struct outage *outage, uint64_t ms)
{
    for (uint64_t until_ms = rig_now_ms() + ms; rig_now_ms() < until_ms;)
        look_at_memory(outage);
}

static void await_lobbies(struct outage *outage, size_t count)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;

    while (sandbox_lobby_count(outage->sandbox) < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu of %zu have arrived", sandbox_lobby_count(outage->sandbox), count);
        look_at_memory(outage);
    }
}

static struct crash_books *read_books(const struct outage *outage)
{
    struct crash_books *books = crash_books_new();

    crash_books_read_said(books, outage->said);
    crash_books_read_told(books, outage->told);
    return books;
}

static size_t accepted_so_far(const struct outage *outage)
{
    struct crash_books *books = read_books(outage);
    size_t accepted = crash_books_figures(books)->accepted + crash_books_figures(books)->queued;

    crash_books_free(books);
    return accepted;
}

/* ---- what is to be so ---- */

static uint64_t newest_arrival(struct outage *outage)
{
    json_t *log = sandbox_log(outage->sandbox);
    size_t count = json_array_size(log);
    json_int_t newest = json_integer_value(json_object_get(json_array_get(log, count - 1), "n"));

    json_decref(log);
    return (uint64_t)newest;
}

static size_t count_below(json_t *log, size_t end, const char *field, json_int_t at_us)
{
    size_t count = 0;

    for (size_t i = 0; i < end; i++) {
        json_t *time = json_object_get(json_array_get(log, i), field);
        count += json_is_integer(time) && json_integer_value(time) <= at_us;
    }
    return count;
}

/* Twice as many at once with every answer: of those that arrive after the mark, as long as that is less than the most.
 */
static void assert_is_ramp(struct outage *outage, uint64_t mark)
{
    json_t *log = sandbox_log_since(outage->sandbox, mark);
    size_t i;

    assert_true(json_array_size(log) > IN_FLIGHT);
    for (i = 0; i < json_array_size(log); i++) {
        json_int_t at_us = json_integer_value(json_object_get(json_array_get(log, i), "at_us"));
        size_t answered = count_below(log, i, "answered_us", at_us), at_once = i + 1 - answered;
        size_t most = answered < 6 ? (size_t)1 << answered : IN_FLIGHT;
        if (at_once > most)
            fail_msg("after %zu answers %zu requests were there at once", answered, at_once);
        if (answered >= 6)
            break;
    }
    assert_true(i < json_array_size(log));
    json_decref(log);
}

/* Resident: what waits is held in memory, too; what is told is not. */
static void assert_is_flat(const char *what, size_t before_kb, size_t after_kb, size_t waiting)
{
    if (!is_slowed() && after_kb > before_kb + 16384 + 2 * waiting)
        fail_msg("%s: %zu kB before, %zu kB with %zu waiting", what, before_kb, after_kb, waiting);
}

static void finish(struct outage *outage)
{
    struct process *host = outage->host;

    outage->host = NULL;
    struct process_result result = process_finish(host);
    if (result.exit_status != 0)
        fail_msg("the host: exit status %d, signal %d: %s", result.exit_status, result.signal_number, result.errors);
    process_result_clear(&result);
    struct crash_books *books = read_books(outage);
    crash_books_close(books, outage->sandbox);
    crash_books_free(books);
}

static unsigned away_s(void)
{
    return crash_loop_number("KLP_OUTAGE_S", 5);
}

static int print_head(void **state)
{
    (void)state;
    printf("| %-38s | pushed meanwhile | kB before | kB during | kB after |\n", "");
    return 0;
}

static void print_figures(const char *what, size_t waiting, size_t before_kb, size_t during_kb, size_t after_kb)
{
    char title[64];

    snprintf(title, sizeof title, "%s for %u s", what, away_s());
    printf("| %-38s | %16zu | %9zu | %9zu | %8zu |\n", title, waiting, before_kb, during_kb, after_kb);
    fflush(stdout);
}

static void a_backend_that_was_away_gets_everything_and_is_not_run_over(void **state)
{
    struct outage *outage = *state;

    start_host(outage, false);
    await_lobbies(outage, 100);
    size_t before_kb = take_most_kb(outage);

    relay_take_away(outage->relay);
    sandbox_settle(outage->sandbox);
    uint64_t mark = newest_arrival(outage);
    size_t arrived = sandbox_lobby_count(outage->sandbox);
    look_for(outage, away_s() * UINT64_C(1000));
    size_t during_kb = take_most_kb(outage), accepted = accepted_so_far(outage);
    assert_int_equal(sandbox_lobby_count(outage->sandbox), arrived);
    assert_true(accepted > arrived + 50); /* the load was constant */
    assert_is_flat("while it was away", before_kb, during_kb, accepted - arrived);

    relay_bring_back(outage->relay);
    await_lobbies(outage, accepted + 100);
    assert_is_ramp(outage, mark);
    size_t after_kb = take_most_kb(outage);
    assert_is_flat("when it was back", before_kb, after_kb, accepted - arrived);
    print_figures("the backend is away", accepted - arrived, before_kb, during_kb, after_kb);
    finish(outage);
}

static void a_reader_that_was_away_is_told_everything(void **state)
{
    struct outage *outage = *state;

    start_reader(outage);
    start_host(outage, true);
    await_lobbies(outage, 100);
    size_t before_kb = take_most_kb(outage);

    end_process(outage->reader);
    outage->reader = NULL;
    size_t arrived = sandbox_lobby_count(outage->sandbox);
    look_for(outage, away_s() * UINT64_C(1000));
    size_t during_kb = take_most_kb(outage), untold = sandbox_lobby_count(outage->sandbox) - arrived;
    assert_true(untold > 50);
    assert_is_flat("while it was away", before_kb, during_kb, untold);

    start_reader(outage);
    await_lobbies(outage, arrived + untold + 100);
    size_t after_kb = take_most_kb(outage);
    print_figures("the reader of results is away", untold, before_kb, during_kb, after_kb);
    finish(outage);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_backend_that_was_away_gets_everything_and_is_not_run_over),
        TEST(a_reader_that_was_away_is_told_everything),
    };
    return cmocka_run_group_tests(tests, print_head, NULL);
}
