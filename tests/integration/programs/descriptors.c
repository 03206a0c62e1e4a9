/* SPDX-License-Identifier: Apache-2.0
 *
 * descriptors MODE URL SECURE_URL CA_FILE: a host that counts what the plugin takes of the system, and looks whether a
 * program it might start would inherit any of it. */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <stdatomic.h>

#include "host.h"

static const klp_api *api;
static const char *url, *secure_url, *ca_file;

/* ─── Inheritable descriptors ───────────────────────────────────────────────────────────────────── */

enum { MOST = 1024 };

static bool is_known[MOST]; /* the host's own */

static bool is_inheritable(int descriptor)
{
    int flags = fcntl(descriptor, F_GETFD);
    return flags >= 0 && !(flags & FD_CLOEXEC);
}

static void describe(int descriptor, char target[128])
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(path, target, 127);
    target[size > 0 ? size : 0] = '\0';
}

static void remember_descriptors(void)
{
    for (int descriptor = 0; descriptor < MOST; descriptor++)
        is_known[descriptor] = fcntl(descriptor, F_GETFD) >= 0;
}

/* Whether it is inheritable and stays so: a library may set the flag an instant after it made the descriptor. */
static bool stays_inheritable(int descriptor)
{
    char before[128], after[128];

    describe(descriptor, before);
    for (unsigned i = 0; i < 20; i++) {
        if (!is_inheritable(descriptor))
            return false;
        host_blink();
    }
    describe(descriptor, after);
    return is_inheritable(descriptor) && strcmp(before, after) == 0;
}

/* Returns how many descriptors there are that are not the host's. */
static unsigned require_none_inheritable(const char *when)
{
    unsigned count = 0;
    char target[128];

    for (int descriptor = 0; descriptor < MOST; descriptor++) {
        if (is_known[descriptor] || fcntl(descriptor, F_GETFD) < 0)
            continue;
        count++;
        if (is_inheritable(descriptor) && stays_inheritable(descriptor)) {
            describe(descriptor, target);
            host_fail("%s: descriptor %d, %s, would be inherited", when, descriptor, target);
        }
    }
    return count;
}

static atomic_bool is_over;

static void *answer(void *argument)
{
    const int *socket = argument;
    void *message;

    while (!atomic_load(&is_over)) {
        if (nn_recv(*socket, &message, NN_MSG, 0) < 0)
            continue; /* a look at is_over */
        nn_freemsg(message);
        nn_send(*socket, "ok", 2, 0);
    }
    return NULL;
}

static int bind_results(const char *results_url)
{
    int receive_ms = 50, socket = nn_socket(AF_SP, NN_REP);

    HOST_REQUIRE(socket >= 0 && nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &receive_ms, sizeof receive_ms) == 0);
    HOST_REQUIRE(nn_bind(socket, results_url) >= 0);
    return socket;
}

/* A port that is given to nobody else while the socket is open. It does not listen; nanomsg, which says SO_REUSEADDR,
 * may. */
static int hold_port(char results_url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    HOST_REQUIRE(holder >= 0 && bind(holder, (struct sockaddr *)&address, size) == 0 &&
                 getsockname(holder, (struct sockaddr *)&address, &size) == 0 &&
                 setsockopt(holder, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0);
    snprintf(results_url, 64, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    return holder;
}

/* Requests over http and over TLS, results over ipc and over tcp. What nanomsg opens for the host's own sockets is
 * looked at along with the plugin's: it is of one kind. */
static void are_not_inherited(void)
{
    enum { PUSHERS = 2 };
    const unsigned PUSHES = is_slowed() ? 300 : 2000;
    char results_urls[PUSHERS][64];
    const char *urls[PUSHERS] = {url, secure_url};
    klp_pusher *pushers[PUSHERS];
    pthread_t threads[PUSHERS];
    int sockets[PUSHERS];
    unsigned most = 0;

    snprintf(results_urls[0], sizeof results_urls[0], "ipc:///tmp/descriptors-%ld.ipc", (long)getpid());
    int holder = hold_port(results_urls[1]);
    remember_descriptors();
    api = host_load();
    require_none_inheritable("after klp_load()");
    for (unsigned i = 0; i < PUSHERS; i++) {
        klp_config config = host_config(urls[i], ca_file, results_urls[i]);
        pushers[i] = host_open(api, &config);
    }
    require_none_inheritable("after open()");
    for (unsigned i = 0; i < PUSHERS; i++) {
        sockets[i] = bind_results(results_urls[i]);
        HOST_REQUIRE(pthread_create(&threads[i], NULL, answer, &sockets[i]) == 0);
    }

    for (unsigned i = 0; i < PUSHES; i++) {
        for (unsigned j = 0; j < PUSHERS; j++)
            host_push(api, pushers[j], i);
        if (i % 10 == 0) {
            unsigned count = require_none_inheritable("at work");
            most = count > most ? count : most;
        }
    }
    HOST_AWAIT(host_stats(api, pushers[0]).events_acknowledged == PUSHES);
    HOST_AWAIT(host_stats(api, pushers[1]).events_acknowledged == PUSHES);
    require_none_inheritable("with idle connections");
    HOST_REQUIRE(most >= 20); /* else connections and sockets were not seen */

    for (unsigned i = 0; i < PUSHERS; i++)
        HOST_REQUIRE(api->close(pushers[i]) == KLP_OK);
    atomic_store(&is_over, true);
    for (unsigned i = 0; i < PUSHERS; i++) {
        pthread_join(threads[i], NULL);
        nn_close(sockets[i]);
    }
    close(holder);
    unlink(results_urls[0] + strlen("ipc://"));
}

/* ─── All is given back ─────────────────────────────────────────────────────────────────────────── */

static unsigned count_entries(const char *path)
{
    unsigned count = 0;
    DIR *folder = opendir(path);

    HOST_REQUIRE(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static unsigned long resident_kb(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    HOST_REQUIRE(file && fscanf(file, "%lu %lu", &pages, &resident) == 2);
    fclose(file);
    return resident * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

/* What was allocated and not freed, everywhere in the process. */
static size_t used_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void one_life(unsigned number)
{
    char results_url[64];
    klp_config config = host_config(number % 8 == 0 ? secure_url : url, ca_file, NULL);

    if (number % 2) {
        snprintf(results_url, sizeof results_url, "ipc:///tmp/descriptors-nobody-%ld.ipc", (long)getpid());
        config.results_url = klp_cstr(results_url);
    }
    klp_pusher *pusher = host_open(api, &config);
    if (number % 4 < 3)
        host_push_many(api, pusher, 3);
    if (number % 4 == 2)
        host_take_applied(api, pusher, 2);
    if (number % 16 == 5)
        HOST_REQUIRE(api->stop(pusher, 5) == KLP_OK);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

static void whole_life(const char *at_url)
{
    klp_config config = host_config(at_url, ca_file, NULL);
    klp_pusher *pusher = host_open(api, &config);

    host_push(api, pusher, 0);
    host_take_applied(api, pusher, 1);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
}

static void are_given_back(void)
{
    /* the heap's own bookkeeping moves by some pages; what a life would keep is seen to the byte */
    enum { ALLOWED_KB = 3072 };
    const unsigned WARM = is_slowed() ? 20 : 200, LIVES = is_slowed() ? 100 : 1000;

    api = host_load();
    whole_life(url);
    whole_life(secure_url); /* libcurl and OpenSSL keep what they need once */
    unsigned descriptors = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    unsigned long before_kb = 0;
    size_t before_bytes = 0;

    for (unsigned i = 0; i < WARM + LIVES; i++) {
        if (i == WARM) {
            before_kb = resident_kb();
            before_bytes = used_bytes();
        }
        one_life(i);
        if (count_entries("/proc/self/fd") != descriptors)
            host_fail("%u descriptors instead of %u after %u lives", count_entries("/proc/self/fd"), descriptors,
                      i + 1);
    }
    HOST_AWAIT(count_entries("/proc/self/task") == threads); /* the kernel buries a joined thread a little later */
    if (is_slowed())
        return; /* sanitizers and valgrind keep what was freed, and find what was not */
    if (used_bytes() > before_bytes + LIVES * 8)
        host_fail("%zu bytes in use instead of %zu after %u lives", used_bytes(), before_bytes, LIVES);
    if (resident_kb() > before_kb + ALLOWED_KB)
        host_fail("%lu kB resident instead of %lu after %u lives", resident_kb(), before_kb, LIVES);
}

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc == 5);
    url = argv[2];
    secure_url = argv[3];
    ca_file = argv[4];
    if (strcmp(argv[1], "are-not-inherited") == 0)
        are_not_inherited();
    else
        are_given_back();
    return 0;
}
