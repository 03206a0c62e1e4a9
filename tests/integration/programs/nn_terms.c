/* SPDX-License-Identifier: Apache-2.0
 * A host that calls nn_term(), which closes its pushers' result sockets, too: no verdict is lost, and the worker does
 * not spin on the dead socket.
 *
 * Usage: nn_terms BASE_URL RESULTS_URL */
#include <nanomsg/nn.h>

#include "host.h"

enum { PUSHES = 20, WATCHED_MS = 700, SPENT_AT_MOST_MS = 350 };

static uint64_t cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    const klp_api *api = host_load();

    HOST_REQUIRE(argc == 3);
    klp_config config = host_config(argv[1], NULL, argv[2]);
    klp_pusher *pusher = host_open(api, &config);
    host_push_many(api, pusher, PUSHES);
    HOST_REQUIRE(api->flush(pusher, HOST_LIMIT_MS) == KLP_OK);

    nn_term();
    uint64_t before_ms = cpu_ms();
    nanosleep(&(struct timespec){WATCHED_MS / 1000, WATCHED_MS % 1000 * 1000000}, NULL);
    uint64_t spent_ms = cpu_ms() - before_ms;
    if (spent_ms > SPENT_AT_MOST_MS)
        host_fail("%llu ms of CPU in %d ms", (unsigned long long)spent_ms, WATCHED_MS);

    HOST_REQUIRE(api->stop(pusher, 0) == KLP_OK);
    host_take_applied(api, pusher, PUSHES);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    return 0;
}
