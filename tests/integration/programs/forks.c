/* SPDX-License-Identifier: Apache-2.0
 *
 * forks MODE URL: a host that forks, before and after it opened a pusher. */
#include <fcntl.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "host.h"

#define CHILDREN (is_slowed() ? 8u : 20u)

/* In a child the leak sanitizer finds the parent's memory, but not the parent's threads that hold it. */
static bool is_child;
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return is_child;
}

/* Likewise valgrind; it cannot be told so, but it does not look at what memory another program left behind. */
static void leave_nothing_to_valgrind(void)
{
    if (is_child && is_under_valgrind())
        execl("/bin/true", "true", (char *)NULL);
}

static const klp_api *api;
static klp_pusher *pusher;
static const char *url;

/* ─── A child ───────────────────────────────────────────────────────────────────────────────────── */

/* A refused child does nothing that takes time: if it does not end at once, it waits for a worker that it has not got,
 * for two seconds at its exit. Then they all do; where the machine stood still it is one that is late. */
#define REFUSED_MS     patience_ms(1500)
#define CHILD_LIMIT_MS (is_under_valgrind() ? 60000u : HOST_LIMIT_MS)
enum { CHANCES = 3 };

/* Returns how long it took. */
static uint64_t await_child(pid_t child)
{
    uint64_t begun_ms = host_now_ms();
    int status = 0;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (host_now_ms() - begun_ms > CHILD_LIMIT_MS) {
            kill(child, SIGKILL);
            host_fail("a child did not end within %u ms", CHILD_LIMIT_MS);
        }
        host_blink();
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        host_fail("a child ended with exit status %d, signal %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
                  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return host_now_ms() - begun_ms;
}

static void become_child(void)
{
    is_child = true;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* one that hangs is not left behind */
}

/* Every function that is given a pusher, and open(). `taken` is an event that the parent took before. */
static void require_that_all_is_refused(const klp_event *taken)
{
    char sentence[128] = "";
    klp_text_buffer why = {sentence, sizeof sentence, 0};
    klp_config config = host_config(url, NULL, NULL);
    klp_lobby lobby = KLP_LOBBY_INIT;
    klp_stats stats = KLP_STATS_INIT;
    klp_pusher *second = pusher;
    const klp_event *event = taken;
    klp_ticket ticket = 77;
    int descriptor = -77;

    HOST_REQUIRE(api->open(&config, &second, &why) == KLP_E_FORKED && !second && strstr(sentence, "child"));
    HOST_REQUIRE(host_try_push(api, pusher, 1) == KLP_E_FORKED);
    HOST_REQUIRE(api->push(pusher, &lobby, &ticket, &why) == KLP_E_FORKED && strstr(sentence, "child"));
    HOST_REQUIRE(api->read(pusher, klp_cstr(NULL), klp_cstr("lob_1"), 0, &ticket, &why) == KLP_E_FORKED);
    HOST_REQUIRE(api->ping(pusher, 0, &ticket, &why) == KLP_E_FORKED && ticket == 77);
    HOST_REQUIRE(api->cancel(pusher, 1) == KLP_E_FORKED);
    HOST_REQUIRE(api->next_event(pusher, KLP_WAIT_FOREVER, &event) == KLP_E_FORKED && !event);
    HOST_REQUIRE(api->ack(pusher, taken) == KLP_E_FORKED);
    HOST_REQUIRE(api->event_fd(pusher, &descriptor) == KLP_E_FORKED && descriptor == -77);
    HOST_REQUIRE(api->flush(pusher, KLP_WAIT_FOREVER) == KLP_E_FORKED);
    HOST_REQUIRE(api->stats(pusher, &stats) == KLP_E_FORKED && stats.accepted == 0);
    HOST_REQUIRE(api->stop(pusher, HOST_LIMIT_MS) == KLP_E_FORKED);
    HOST_REQUIRE(api->close(pusher) == KLP_E_FORKED);
    HOST_REQUIRE(api->close(NULL) == KLP_E_FORKED || api->close(NULL) == KLP_OK);
    HOST_REQUIRE(strcmp(api->status_text(KLP_E_FORKED), "KLP_E_FORKED") == 0);
}

/* Ends as a program does, its exit handlers and all. */
static void live_as_child(const klp_event *taken)
{
    become_child();
    require_that_all_is_refused(taken);
    exit(0);
}

static void fork_one(const klp_event *taken)
{
    for (unsigned i = 0; i < CHANCES; i++) {
        pid_t child = fork();
        HOST_REQUIRE(child >= 0);
        if (child == 0)
            live_as_child(taken);
        if (await_child(child) < REFUSED_MS)
            return;
    }
    host_fail("%d children in a row took longer than %u ms", CHANCES, REFUSED_MS);
}

/* ─── Modes ─────────────────────────────────────────────────────────────────────────────────────── */

static void a_child_is_refused(void)
{
    pusher = host_open_at(api, url);
    host_push_many(api, pusher, 2);
    const klp_event *taken = host_next_event(api, pusher);
    HOST_REQUIRE(taken->outcome == KLP_APPLIED);
    fork_one(taken);

    pid_t child = fork();
    HOST_REQUIRE(child >= 0);
    if (child == 0) { /* the child's child, too */
        become_child();
        fork_one(taken);
        exit(0);
    }
    await_child(child);

    HOST_REQUIRE(api->ack(pusher, taken) == KLP_OK);
    host_push(api, pusher, 2);
    host_take_applied(api, pusher, 2);
    klp_pusher *second = host_open_at(api, url);
    HOST_REQUIRE(api->close(second) == KLP_OK);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    fork_one(NULL); /* closed is as forked: its pointer is not looked at */
}

/* ─── Under load ────────────────────────────────────────────────────────────────────────────────── */

enum { MOST = 1 << 20 };

static atomic_bool is_enough, is_over;
static atomic_ulong pushed, told;
static bool seen[MOST];
static int results;

static void *push_all(void *unused)
{
    (void)unused;
    while (!atomic_load(&is_enough)) {
        klp_status status = host_try_push(api, pusher, atomic_load(&pushed));
        HOST_REQUIRE(status == KLP_OK || status == KLP_E_QUEUE_FULL);
        if (status)
            host_blink();
        else
            HOST_REQUIRE(atomic_fetch_add(&pushed, 1) < MOST - 1);
    }
    return NULL;
}

static void read_line(const char *line, size_t size)
{
    klp_event *event;

    HOST_REQUIRE(api->decode_event(line, size, &event, NULL) == KLP_OK);
    HOST_REQUIRE(event->outcome == KLP_APPLIED && event->cookie < MOST);
    if (!seen[event->cookie]) {
        seen[event->cookie] = true;
        atomic_fetch_add(&told, 1);
    }
    api->free_event(event);
}

static void *read_results(void *unused)
{
    char *message;

    (void)unused;
    while (!atomic_load(&is_over)) {
        int size = nn_recv(results, &message, NN_MSG, 0);
        if (size < 0)
            continue; /* a look at is_over */
        for (char *line = message, *end; (end = memchr(line, '\n', (size_t)(message + size - line))); line = end + 1)
            read_line(line, (size_t)(end - line));
        nn_freemsg(message);
        HOST_REQUIRE(nn_send(results, "ok", 2, 0) == 2);
    }
    return NULL;
}

static void children_come_and_go_under_load(void)
{
    char results_url[64];
    int receive_ms = 100;
    pthread_t threads[2];

    snprintf(results_url, sizeof results_url, "ipc:///tmp/forks-%ld.ipc", (long)getpid());
    results = nn_socket(AF_SP, NN_REP);
    HOST_REQUIRE(results >= 0 && nn_bind(results, results_url) >= 0);
    HOST_REQUIRE(nn_setsockopt(results, NN_SOL_SOCKET, NN_RCVTIMEO, &receive_ms, sizeof receive_ms) == 0);
    klp_config config = host_config(url, NULL, results_url);
    config.max_queued = 256;
    pusher = host_open(api, &config);
    HOST_REQUIRE(pthread_create(&threads[0], NULL, push_all, NULL) == 0);
    HOST_REQUIRE(pthread_create(&threads[1], NULL, read_results, NULL) == 0);
    HOST_AWAIT(atomic_load(&told) > 0);

    for (unsigned i = 0; i < CHILDREN; i++) {
        unsigned long before = atomic_load(&told);
        fork_one(NULL);
        HOST_AWAIT(atomic_load(&told) > before); /* the parent's results go on */
    }

    atomic_store(&is_enough, true);
    pthread_join(threads[0], NULL);
    HOST_AWAIT(atomic_load(&told) == atomic_load(&pushed));
    atomic_store(&is_over, true);
    pthread_join(threads[1], NULL);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    nn_close(results);
    unlink(results_url + strlen("ipc://"));
}

/* The library is loaded and even used, but nothing was opened: both are free. */
static void a_fork_before_the_first_open_is_free(void)
{
    klp_event *event;

    HOST_REQUIRE(api->decode_event("x", 1, &event, NULL) == KLP_E_MALFORMED);
    pid_t child = fork();
    HOST_REQUIRE(child >= 0);
    pusher = host_open_at(api, url);
    host_push_many(api, pusher, 20);
    host_take_applied(api, pusher, 20);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    if (child > 0)
        await_child(child);
}

/* ─── In a pid namespace of its own ─────────────────────────────────────────────────────────────── */

static pid_t fork_into_namespace(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Both the parent and its child are process 1, as in containers: a comparison of pids sees no difference. */
static void a_child_of_the_same_pid_is_refused(void)
{
    pid_t first = fork_into_namespace();
    if (first < 0) {
        printf("skipped: no pid namespaces: %s\n", strerror(errno));
        exit(HOST_SKIPPED);
    }
    if (first > 0) {
        await_child(first);
        return;
    }
    HOST_REQUIRE(syscall(SYS_getpid) == 1);
    pusher = host_open_at(api, url);
    host_push(api, pusher, 0);
    const klp_event *taken = host_next_event(api, pusher);
    pid_t second = fork_into_namespace();
    HOST_REQUIRE(second >= 0);
    if (second == 0) {
        HOST_REQUIRE(syscall(SYS_getpid) == 1);
        live_as_child(taken);
    }
    await_child(second);
    HOST_REQUIRE(api->ack(pusher, taken) == KLP_OK);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"and-is-refused", a_child_is_refused},
    {"under-load", children_come_and_go_under_load},
    {"before-open", a_fork_before_the_first_open_is_free},
    {"into-a-namespace", a_child_of_the_same_pid_is_refused},
};

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc == 3);
    url = argv[2];
    atexit(leave_nothing_to_valgrind); /* the first of all exit handlers, and so the last to run */
    api = host_load();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    host_fail("no such mode: %s", argv[1]);
}
