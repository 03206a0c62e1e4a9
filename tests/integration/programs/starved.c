/* SPDX-License-Identifier: Apache-2.0
 *
 * starved MODE URL: a host that runs out of file descriptors. */
#include <fcntl.h>
#include <sys/resource.h>

#include "host.h"

enum { LIMIT = 200, MOST = 4096, STARVED_MS = 400 };

static const klp_api *api;
static const char *url;
static int eaten[MOST];
static unsigned eaten_count;

static void limit_descriptors(void)
{
    struct rlimit limit = {LIMIT, LIMIT};
    if (is_under_valgrind())
        return; /* it holds a program to the limit that it found, and refuses another one */
    HOST_REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void eat_all(void)
{
    int descriptor;

    while ((descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) {
        HOST_REQUIRE(eaten_count < MOST);
        eaten[eaten_count++] = descriptor;
    }
    HOST_REQUIRE(errno == EMFILE);
}

static void give_back(unsigned count)
{
    HOST_REQUIRE(count <= eaten_count);
    for (unsigned i = 0; i < count; i++)
        close(eaten[--eaten_count]);
}

static void results_url_of(char results_url[64])
{
    snprintf(results_url, 64, "ipc:///tmp/starved-%ld.ipc", (long)getpid());
}

/* With every number of descriptors left: open() works or says that it cannot, and leaves nothing behind. */
static void at_open(bool has_results)
{
    enum { PLENTY = 40 };
    char results_url[64];
    unsigned refused = 0;

    results_url_of(results_url);
    klp_config config = host_config(url, NULL, has_results ? results_url : NULL);
    for (unsigned left = 0; left <= PLENTY; left++) {
        klp_pusher *pusher;
        klp_text_buffer why = {0};
        eat_all();
        give_back(left);
        klp_status status = api->open(&config, &pusher, &why);
        if (status) {
            if (status != KLP_E_SYSTEM || why.size == 0 || pusher)
                host_fail("with %u descriptors left: %s: %s", left, api->status_text(status), why.data);
            refused++;
        } else {
            HOST_REQUIRE(api->close(pusher) == KLP_OK);
        }
        unsigned before = eaten_count;
        eat_all();
        if (eaten_count != before + left)
            host_fail("with %u descriptors left open() kept %u", left, before + left - eaten_count);
        give_back(eaten_count);
        HOST_REQUIRE(left > 0 || status == KLP_E_SYSTEM);
        HOST_REQUIRE(left < PLENTY || status == KLP_OK);
    }
    HOST_REQUIRE(!has_results || refused >= 8); /* nanomsg needs that many, and ends the process without them */
}

static bool is_due(const klp_event *event)
{
    if (!event->attempts)
        return strcmp(event->error_code.data, "deadline_exceeded") == 0;
    return strcmp(event->error_code.data, "network_error") == 0 || strcmp(event->error_code.data, "timeout") == 0;
}

/* A push is either tried and finds no socket, or no time is left for it to look; or it waits, while the server seems to
 * be away, until it is too late. */
static unsigned take_failures(klp_pusher *pusher, unsigned count)
{
    unsigned tried = 0;

    for (unsigned i = 0; i < count; i++) {
        const klp_event *event = host_next_event(api, pusher);
        if (event->outcome != KLP_NOT_APPLIED || event->sends || !event->retryable || !is_due(event))
            host_fail("%s, %s after %u attempts: %s", api->outcome_text(event->outcome), event->error_code.data,
                      event->attempts, event->error_message.data);
        tried += event->attempts > 0;
        HOST_REQUIRE(api->ack(pusher, event) == KLP_OK);
    }
    return tried;
}

static bool push_once(klp_pusher *pusher)
{
    host_push(api, pusher, 0);
    const klp_event *event = host_next_event(api, pusher);
    bool is_applied = event->outcome == KLP_APPLIED;
    HOST_REQUIRE(api->ack(pusher, event) == KLP_OK);
    return is_applied;
}

/* Nothing is left for connections, nor for nanomsg, which goes on trying to reach nobody. */
static void at_work(void)
{
    char results_url[64];

    results_url_of(results_url);
    klp_config config = host_config(url, NULL, results_url);
    config.deadline_ms = 50;
    config.max_attempts = 1;
    klp_pusher *told = host_open(api, &config);
    config.results_url = klp_cstr(NULL);
    klp_pusher *pusher = host_open(api, &config);
    eat_all();
    uint64_t pushed = 0, tried = 0, until_ms = host_now_ms() + STARVED_MS;
    while (host_now_ms() < until_ms) { /* pushes fail at once, and nanomsg tries every 100 ms */
        host_push_many(api, told, 20);
        host_push_many(api, pusher, 20);
        pushed += 20;
        tried += take_failures(pusher, 20);
        HOST_REQUIRE(api->flush(told, HOST_LIMIT_MS) == KLP_OK && host_stats(api, told).not_applied == pushed);
    }
    HOST_REQUIRE(tried > 0);

    give_back(eaten_count); /* better times */
    HOST_AWAIT(push_once(pusher));
    HOST_REQUIRE(api->close(told) == KLP_OK && api->close(pusher) == KLP_OK);
}

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc == 3);
    url = argv[2];
    api = host_load();
    klp_pusher *first = host_open_at(api, url); /* the libraries have opened what they open but once */
    host_push(api, first, 0);
    host_take_applied(api, first, 1);
    HOST_REQUIRE(api->close(first) == KLP_OK);
    limit_descriptors();
    if (strcmp(argv[1], "at-open") == 0) {
        at_open(false);
        at_open(true);
    } else {
        at_work();
    }
    return 0;
}
