/* SPDX-License-Identifier: Apache-2.0
 *
 * wakes: a host whose pushes come at the worst of instants: just before and just after the worker reads what woke it.
 * Its own read() stands before libc's, so that it knows them. A worker that misses a wake-up there sleeps on while its
 * queue fills, for ten seconds when nothing else wakes it. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "host.h"

enum { ROUNDS = 50 };

static const klp_api *api;
static klp_pusher *pusher;
static pthread_t host_thread;
static int event_descriptor;
static atomic_bool is_armed, is_behind; /* the push in between comes behind the read, not before it */
static atomic_uint pushed;

static void push(void)
{
    host_push(api, pusher, atomic_fetch_add(&pushed, 1));
}

__attribute__((visibility("default"))) ssize_t read(int descriptor, void *bytes, size_t size)
{
    bool is_due = size == sizeof(uint64_t) && atomic_load(&is_armed) && descriptor != event_descriptor &&
                  !pthread_equal(pthread_self(), host_thread) && atomic_exchange(&is_armed, false);

    if (is_due && !atomic_load(&is_behind))
        push();
    ssize_t got = syscall(SYS_read, descriptor, bytes, size);
    if (is_due && atomic_load(&is_behind))
        push();
    return got;
}

int main(void)
{
    char url[64], said[4096];
    int listener = host_listen("http", url);

    host_thread = pthread_self();
    api = host_load();
    klp_config config = host_config(url, NULL, NULL);
    config.max_in_flight = 1;
    pusher = host_open(api, &config);
    HOST_REQUIRE(api->event_fd(pusher, &event_descriptor) == KLP_OK);

    /* Its one place is taken, and nothing comes from the network: only pushes wake the worker from here on. */
    push();
    host_await_readable(listener);
    int connection = accept(listener, NULL, NULL);
    host_await_readable(connection);
    HOST_REQUIRE(recv(connection, said, sizeof said, 0) > 0);

    for (unsigned round = 1; round <= ROUNDS; round++) {
        uint64_t begun_ms = host_now_ms();
        atomic_store(&is_behind, round % 2);
        atomic_store(&is_armed, true);
        push();
        HOST_AWAIT(atomic_load(&pushed) == 1 + 2 * round);
        if (host_now_ms() - begun_ms > LITTLE_MS)
            host_fail("a push woke the worker after %llu ms", (unsigned long long)(host_now_ms() - begun_ms));
    }

    uint64_t begun_ms = host_now_ms();
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    HOST_REQUIRE(host_now_ms() - begun_ms < LITTLE_MS);
    return 0;
}
