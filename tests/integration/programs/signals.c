/* SPDX-License-Identifier: Apache-2.0
 *
 * signals MODE URL [CA_FILE]: a host that keeps an eye on its signals. SIGPIPE has its default disposition here. */
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>

#include "host.h"

static const klp_api *api;
static const char *url, *ca_file;

/* ─── Dispositions and masks ────────────────────────────────────────────────────────────────────── */

struct state {
    struct sigaction actions[65];
    sigset_t mask;
};

static struct state look(void)
{
    struct state state;

    memset(&state, 0, sizeof state);
    for (int number = 1; number <= 64; number++)
        sigaction(number, NULL, &state.actions[number]); /* refused for the two that glibc keeps to itself */
    HOST_REQUIRE(sigprocmask(SIG_SETMASK, NULL, &state.mask) == 0);
    return state;
}

static void require_unchanged(const struct state *before, const char *after_what)
{
    struct state now = look();

    for (int number = 1; number <= 64; number++) {
        const struct sigaction *is = &now.actions[number], *was = &before->actions[number];
        /* of the mask only what the kernel fills in */
        if (is->sa_handler != was->sa_handler || is->sa_flags != was->sa_flags ||
            memcmp(&is->sa_mask, &was->sa_mask, sizeof(uint64_t)) != 0)
            host_fail("%s changed what signal %d does", after_what, number);
        if (sigismember(&now.mask, number) != sigismember(&before->mask, number))
            host_fail("%s changed whether signal %d is blocked", after_what, number);
    }
}

static void are_left_alone(void)
{
    sigset_t some;
    klp_text_buffer why = {0};
    char results_url[64];

    sigemptyset(&some);
    sigaddset(&some, SIGUSR2);
    HOST_REQUIRE(sigprocmask(SIG_SETMASK, &some, NULL) == 0); /* neither none nor all */
    struct state before = look();

    HOST_REQUIRE(klp_load(NULL, &why));
    require_unchanged(&before, "klp_load()");
    api = host_load();
    snprintf(results_url, sizeof results_url, "ipc:///tmp/signals-%ld.ipc", (long)getpid());
    klp_config config = host_config(url, ca_file, results_url);
    klp_pusher *told = host_open(api, &config);
    require_unchanged(&before, "open() with a results_url");
    config.results_url = klp_cstr(NULL);
    klp_pusher *pusher = host_open(api, &config);
    require_unchanged(&before, "open()");
    host_push_many(api, told, 50);
    host_push_many(api, pusher, 50);
    require_unchanged(&before, "push()");
    host_take_applied(api, pusher, 50);
    require_unchanged(&before, "next_event()");
    HOST_REQUIRE(api->flush(told, HOST_LIMIT_MS) == KLP_OK && api->stop(told, 0) == KLP_OK);
    require_unchanged(&before, "stop()");
    HOST_REQUIRE(api->close(told) == KLP_OK && api->close(pusher) == KLP_OK);
    require_unchanged(&before, "close()");
}

/* ─── SIGPIPE ───────────────────────────────────────────────────────────────────────────────────── */

/* The server resets connections: what is written to them afterwards would raise SIGPIPE. */
static void a_storm_of_resets(void)
{
    const unsigned PUSHES = is_under_valgrind() ? 100 : is_slowed() ? 200 : 1000;
    klp_config config = host_config(url, ca_file, NULL);
    unsigned failures = 0;

    config.deadline_ms = 2000;
    klp_pusher *pusher = host_open(api, &config);
    host_push_many(api, pusher, PUSHES);
    for (unsigned i = 0; i < PUSHES; i++) {
        const klp_event *event = host_next_event(api, pusher);
        failures += !event->ok;
        HOST_REQUIRE(api->ack(pusher, event) == KLP_OK);
    }
    HOST_REQUIRE(failures > 0); /* else there was no storm */
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

/* ─── Where the host's signals land ─────────────────────────────────────────────────────────────── */

enum { MOST_THREADS = 64 };

struct threads {
    pid_t ids[MOST_THREADS];
    size_t count;
};

static struct threads list_threads(void)
{
    struct threads threads = {.count = 0};
    struct dirent *entry;
    DIR *folder = opendir("/proc/self/task");

    HOST_REQUIRE(folder);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.' && threads.count < MOST_THREADS)
            threads.ids[threads.count++] = (pid_t)strtol(entry->d_name, NULL, 10);
    closedir(folder);
    return threads;
}

static bool is_among(const struct threads *threads, pid_t id)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->ids[i] == id)
            return true;
    return false;
}

/* The line `SigBlk:` of a thread; false: it has ended meanwhile. */
static bool read_blocked(pid_t thread, uint64_t *blocked)
{
    char path[64], line[256];
    bool is_found = false;

    snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
    FILE *status = fopen(path, "re");
    if (!status)
        return false;
    while (!is_found && fgets(line, sizeof line, status))
        if (strncmp(line, "SigBlk:", 7) == 0) {
            *blocked = strtoull(line + 7, NULL, 16);
            is_found = true;
        }
    fclose(status);
    return is_found;
}

/* All but SIGKILL and SIGSTOP, and the two that glibc keeps to itself. */
static uint64_t all_that_can_be_blocked(void)
{
    return ~(UINT64_C(1) << (SIGKILL - 1) | UINT64_C(1) << (SIGSTOP - 1) | UINT64_C(3) << 31);
}

static size_t require_blocked(const struct threads *known)
{
    struct threads threads = list_threads();
    size_t found = 0;

    for (size_t i = 0; i < threads.count; i++) {
        uint64_t blocked = 0;
        if (is_among(known, threads.ids[i]))
            continue;
        uint64_t until_ms = host_now_ms() + 1000; /* a thread just born blocks them in its first steps */
        bool is_there = read_blocked(threads.ids[i], &blocked);
        while (is_there && (blocked & all_that_can_be_blocked()) != all_that_can_be_blocked() &&
               host_now_ms() < until_ms) {
            host_blink();
            is_there = read_blocked(threads.ids[i], &blocked);
        }
        if (!is_there)
            continue;
        if ((blocked & all_that_can_be_blocked()) != all_that_can_be_blocked())
            host_fail("thread %d blocks but %016llx", threads.ids[i], (unsigned long long)blocked);
        found++;
    }
    return found;
}

static atomic_int taken_here, taken_elsewhere;
static pid_t host_thread;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(gettid() == host_thread ? &taken_here : &taken_elsewhere, 1);
}

static void land_on_the_host(void)
{
    enum { SIGNALS = 2000 };
    static const int numbers[] = {SIGUSR1, SIGALRM, SIGCHLD, SIGHUP, SIGPIPE};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    char results_url[64];
    struct threads known = list_threads();

    host_thread = gettid();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        HOST_REQUIRE(sigaction(numbers[i], &action, NULL) == 0);
    snprintf(results_url, sizeof results_url, "ipc:///tmp/signals-%ld.ipc", (long)getpid());
    klp_config config = host_config(url, ca_file, results_url);
    klp_pusher *told = host_open(api, &config);
    config.results_url = klp_cstr(NULL);
    klp_pusher *pusher = host_open(api, &config);

    for (unsigned i = 0; i < SIGNALS; i++) {
        if (i < 300) {
            host_push(api, told, i);
            host_push(api, pusher, i);
        }
        if (i % 100 == 0 && !is_under_valgrind())       /* what the kernel blocks there is valgrind's choice */
            HOST_REQUIRE(require_blocked(&known) >= 3); /* two workers, and nanomsg's */
        HOST_REQUIRE(kill(getpid(), numbers[i % (sizeof numbers / sizeof *numbers)]) == 0);
    }
    host_take_applied(api, pusher, 300);
    HOST_REQUIRE(api->close(told) == KLP_OK && api->close(pusher) == KLP_OK);
    HOST_REQUIRE(atomic_load(&taken_elsewhere) == 0);
    HOST_REQUIRE(atomic_load(&taken_here) > 0);
}

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc >= 3);
    url = argv[2];
    ca_file = argc > 3 ? argv[3] : NULL;
    if (strcmp(argv[1], "are-left-alone") == 0) {
        are_left_alone();
        return 0;
    }
    api = host_load();
    if (strcmp(argv[1], "in-a-storm-of-resets") == 0)
        a_storm_of_resets();
    else
        land_on_the_host();
    return 0;
}
