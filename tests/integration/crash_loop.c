/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_loop.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash_books.h"
#include "process.h"
#include "programs/crash_rosters.h"
#include "rig.h"

enum { MOST_HOSTS = 8, MOST_OPTIONS = 24, ADOPT_MS = 200 };

/* What a host or reader may live for at most, from its start. */
#define LIFE_US (patience_ms(200) * 1000u)

#define LIMIT_MS 7200000u

struct run {
    const struct crash_loop *loop;
    struct sandbox_client *sandbox;
    char folder[64], url[128], file[128];
    struct process *hosts[MOST_HOSTS];
    unsigned numbers[MOST_HOSTS]; /* of the hosts that live */
    unsigned host_count, last_number;
    struct process *reader;
    unsigned rounds, seed, chance;
};

unsigned crash_loop_number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text && *text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static unsigned below(struct run *run, unsigned bound)
{
    return (unsigned)rand_r(&run->chance) % bound;
}

static void pause_us(unsigned us)
{
    nanosleep(&(struct timespec){us / 1000000u, (long)(us % 1000000u) * 1000}, NULL);
}

/* ---- the stage ---- */

static void script_all_that_can_fail(struct run *run)
{
    static const struct {
        unsigned share_permille;
        const char *action;
    } faults[] = {
        {40, "{\"reset_before\":true}"},
        {60, "{\"reset_after\":true}"},
        {20, "{\"close_after\":true}"},
        {20, "{\"cut_body\":true}"},
        {30, "{\"status\":503}"},
        {30, "{\"status\":503,\"apply\":true}"},
        {30, "{\"status\":429,\"headers\":{\"Retry-After\":\"0\"}}"},
        {1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}"},
        {150, "{\"delay_ms\":20}"},
        {80, "{\"delay_ms\":60,\"apply_late\":true}"},
    };
    char rule[256];

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"push\"},\"share_permille\":%u,\"seed\":%u,\"action\":%s}",
                 faults[i].share_permille, run->seed % 1000000 + (unsigned)i, faults[i].action);
        sandbox_script(run->sandbox, rule);
    }
}

static void set_up(struct run *run)
{
    char path[128];

    run->rounds = crash_loop_number("KLP_CRASH_ROUNDS", is_under_valgrind() ? 4 : is_slowed() ? 12 : 50);
    run->seed = crash_loop_number("KLP_SEED", (unsigned)(rig_now_ms() % 1000000));
    run->chance = run->seed;
    print_message("    %s: %u rounds, KLP_SEED=%u\n", run->loop->title, run->rounds, run->seed);
    run->sandbox = sandbox_start((const char *[]){"--log-limit", "1000", "--no-log-bodies", NULL});
    script_all_that_can_fail(run);
    snprintf(run->folder, sizeof run->folder, "/tmp/klp-crash-XXXXXX");
    assert_non_null(mkdtemp(run->folder));
    snprintf(path, sizeof path, "%s/outbox", run->folder);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(run->url, sizeof run->url, "ipc://%s/results.ipc", run->folder);
    snprintf(run->file, sizeof run->file, "%s/reader.told", run->folder);
}

static void empty(const char *folder)
{
    char path[512];
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    assert_non_null(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path))
            assert_int_equal(errno, EISDIR);
    }
    closedir(directory);
}

static void remove_folder(const struct run *run)
{
    char path[128];

    snprintf(path, sizeof path, "%s/outbox", run->folder);
    empty(path);
    rmdir(path);
    empty(run->folder);
    rmdir(run->folder);
}

/* ---- who lives on it ---- */

static struct process *start(const char *const argv[])
{
    char library[4200];
    const char *environment[] = {library, "KRATY_SERVER_KEY=" SANDBOX_KEY, NULL};

    snprintf(library, sizeof library, "KLP_LIBRARY=%s", rig_library());
    return process_start(&(struct process_setup){.argv = argv, .environment = environment, .limit_ms = LIMIT_MS});
}

/* Nobody has it any more: whatever becomes of it, a teardown keeps away from it. */
static struct process *give_up(struct process **process)
{
    struct process *given = *process;
    *process = NULL;
    return given;
}

static void kill_process(struct process **process)
{
    process_signal(*process, SIGKILL);
    struct process_result result = process_finish(give_up(process));
    if (result.signal_number != SIGKILL)
        fail_msg("it ended by itself, with %d, signal %d: %s", result.exit_status, result.signal_number, result.errors);
    process_result_clear(&result);
}

static struct process *start_host(struct run *run, unsigned number, bool is_last)
{
    char host[16], seed[16], adopt_ms[16], hold[16], rest_us[16];
    const char *argv[MOST_OPTIONS] = {rig_program("outbox_host"), sandbox_url(run->sandbox), run->folder, host};
    size_t count = 4;

    snprintf(host, sizeof host, "%u", number);
    snprintf(seed, sizeof seed, "%u", below(run, 1000000));
    /* together as much as one; and in many rounds no more than a server lists in one go */
    snprintf(rest_us, sizeof rest_us, "%u", (run->rounds > 200 ? 5000 : 2000) * run->host_count);
    snprintf(hold, sizeof hold, "%u", below(run, 16));
    snprintf(adopt_ms, sizeof adopt_ms, "%u", run->loop->gone_permille ? ADOPT_MS : UINT32_MAX);
    const char *const options[] = {
        "--rest-us", rest_us, "--seed", seed, "--hold", hold, "--adopt-ms", adopt_ms, is_last ? "--threads" : NULL,
        "0"};
    for (size_t i = 0; i + 1 < sizeof options / sizeof *options && options[i]; i += 2) {
        argv[count++] = options[i];
        argv[count++] = options[i + 1];
    }
    if (run->loop->has_reader) {
        argv[count++] = "--results";
        argv[count++] = run->url;
    }
    return start(argv);
}

static void start_reader(struct run *run)
{
    char tick_ms[16]; /* between writing down and acknowledging: where it is told again if it dies */

    snprintf(tick_ms, sizeof tick_ms, "%u", below(run, 10));
    run->reader = start((const char *[]){rig_program("result_reader"), run->url, run->file, "--answer",
                                         below(run, 2) ? "ok" : "seq", "--tick-ms", tick_ms, NULL});
}

static void start_all(struct run *run)
{
    assert_true(run->host_count <= MOST_HOSTS);
    for (unsigned i = 0; i < run->host_count; i++) {
        run->numbers[i] = ++run->last_number;
        run->hosts[i] = start_host(run, run->numbers[i], false);
    }
    if (run->loop->has_reader)
        start_reader(run);
}

static void kill_a_host(struct run *run)
{
    unsigned victim = below(run, run->host_count);

    kill_process(&run->hosts[victim]);
    if (below(run, 1000) < run->loop->gone_permille)
        run->numbers[victim] = ++run->last_number;
    run->hosts[victim] = start_host(run, run->numbers[victim], false);
}

static void kill_the_reader(struct run *run)
{
    kill_process(&run->reader);
    if (below(run, 4) == 0)
        pause_us(below(run, LIFE_US)); /* nobody listens for a while */
    start_reader(run);
}

static void play_round(struct run *run)
{
    const struct crash_loop *loop = run->loop;
    bool is_reader_first = loop->kills_reader && below(run, 2);

    pause_us(below(run, LIFE_US));
    if (is_reader_first)
        kill_the_reader(run);
    if (!loop->spares_hosts) {
        if (is_reader_first)
            pause_us(below(run, LIFE_US / 4));
        kill_a_host(run);
    }
    if (loop->kills_reader && !is_reader_first) {
        pause_us(below(run, LIFE_US / 4));
        kill_the_reader(run);
    }
}

/* ---- the end ---- */

static struct crash_books *read_books(const struct run *run)
{
    struct crash_books *books = crash_books_new();
    char path[256], name[CRASH_TEXT_BYTES];

    for (unsigned host = 1; host <= run->last_number; host++) {
        crash_name(host, name);
        snprintf(path, sizeof path, "%s/%s.said", run->folder, name);
        crash_books_read_said(books, path);
    }
    for (unsigned host = 1; host <= run->last_number; host++) {
        crash_name(host, name);
        snprintf(path, sizeof path, "%s/%s.told", run->folder, name);
        crash_books_read_told(books, path);
    }
    crash_books_read_told(books, run->file);
    return books;
}

static size_t count_untold(const struct run *run)
{
    struct crash_books *books = read_books(run);
    size_t untold = crash_books_untold(books, run->sandbox);

    crash_books_free(books);
    return untold;
}

/* Files of hosts that are gone are taken up one by one; what there is to do may take long, but not be at a halt. */
static void await_all_told(const struct run *run)
{
    size_t untold, fewest = SIZE_MAX;
    uint64_t fewest_ms = 0;

    while ((untold = count_untold(run)) > 0) {
        uint64_t now_ms = rig_now_ms();
        if (untold < fewest) {
            fewest = untold;
            fewest_ms = now_ms;
        }
        if (now_ms - fewest_ms > patience_ms(60000))
            fail_msg("%zu pushes were accepted, or are there, and have no verdict", untold);
        pause_us(500000);
    }
}

/* Ends its input, and waits until it has told everything; `output`: how what it says must begin. */
static void finish_host(struct process **host, const char *output)
{
    struct process_result result = process_finish(give_up(host));

    if (result.exit_status != 0)
        fail_msg("the last host: exit status %d, signal %d: %s", result.exit_status, result.signal_number,
                 result.errors);
    if (output && strncmp(result.output, output, strlen(output)) != 0)
        fail_msg("the last host: %s", result.output);
    process_result_clear(&result);
}

static void drain(struct run *run)
{
    for (unsigned i = 0; i < run->host_count; i++) {
        if (run->loop->spares_hosts)
            finish_host(&run->hosts[i], NULL);
        else
            kill_process(&run->hosts[i]);
    }
    run->hosts[0] = start_host(run, run->numbers[0], true);
    await_all_told(run);
    finish_host(&run->hosts[0], NULL);
    run->hosts[0] = start_host(run, run->numbers[0], true);
    /* nothing is left; but what was never promised may lie in a file that nobody has taken up yet */
    finish_host(&run->hosts[0], run->loop->gone_permille ? "open 0\n" : "open 0\ndone 0 0\n");
    if (run->reader)
        kill_process(&run->reader);
}

int crash_loop_print_head(void **state)
{
    (void)state;
    printf("| %-40s | rounds | lives | pushed | accepted | verdicts | recovered | told again | lobbies |   s |\n", "");
    return 0;
}

static void print_figures(const struct run *run, const struct crash_figures *figures, uint64_t begun_ms)
{
    printf("| %-40s | %6u | %5zu | %6zu | %8zu | %8zu | %9zu | %10zu | %7zu | %3u |\n", run->loop->title, run->rounds,
           figures->lives, figures->intents, figures->accepted, figures->events, figures->recovered, figures->repeats,
           figures->lobbies, (unsigned)((rig_now_ms() - begun_ms) / 1000));
    fflush(stdout);
}

static struct run the_run;

void crash_loop_run(const struct crash_loop *loop)
{
    struct run *run = &the_run;
    uint64_t begun_ms = rig_now_ms();

    *run = (struct run){.loop = loop, .host_count = loop->hosts ? loop->hosts : 1};
    set_up(run);
    start_all(run);
    for (unsigned round = 0; round < run->rounds; round++)
        play_round(run);
    drain(run);

    struct crash_books *books = read_books(run);
    crash_books_close(books, run->sandbox);
    print_figures(run, crash_books_figures(books), begun_ms);
    assert_true(crash_books_figures(books)->accepted > (is_under_valgrind() ? 0 : run->rounds)); /* it was at work */
    crash_books_free(books);
    remove_folder(run);
}

int crash_loop_tear_down(void **state)
{
    struct run *run = &the_run;

    (void)state;
    for (unsigned i = 0; i < run->host_count; i++)
        if (run->hosts[i])
            kill_process(&run->hosts[i]);
    if (run->reader)
        kill_process(&run->reader);
    sandbox_stop(run->sandbox);
    *run = (struct run){0};
    return 0;
}
