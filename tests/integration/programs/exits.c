/* SPDX-License-Identifier: Apache-2.0
 *
 * exits MODE [URL] [CA_FILE] [DELAY_US]: a host that ends in one of the ways hosts end. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>

#include "host.h"

/* At exit the plugin waits two seconds for its worker, and then goes without it; slowed down on a busy machine a
 * handshake takes longer. That nothing crashes then is what counts. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
    return "report_thread_leaks=0";
}

static const klp_api *api;
static klp_pusher *pusher;
static const char *url, *ca_file;
static unsigned delay_us;
static char own_url[64];

/* Through the worker's first flight: the ClientHello is here, and nothing will ever be said to it. */
static void during_a_silent_handshake(void)
{
    unsigned char first;
    int listener = host_listen("https", own_url);

    pusher = host_open_at(api, own_url);
    host_push(api, pusher, 0);
    host_await_readable(listener);
    int connection = accept(listener, NULL, NULL);
    HOST_REQUIRE(connection >= 0);
    host_await_readable(connection);
    HOST_REQUIRE(recv(connection, &first, 1, 0) == 1 && first == 0x16); /* a TLS handshake record */
    exit(0);
}

/* The server closes after every reply, so that the worker does little else than handshakes. */
static void during_many_handshakes(void)
{
    klp_config config = host_config(url, ca_file, NULL);

    config.max_in_flight = 32;
    pusher = host_open(api, &config);
    host_push_many(api, pusher, 2000);
    HOST_AWAIT(host_stats(api, pusher).connections > 0);
    nanosleep(&(struct timespec){.tv_nsec = delay_us * 1000L}, NULL); /* any instant will do */
    HOST_REQUIRE(host_stats(api, pusher).queued > 0);
    exit(0);
}

static void with_work_queued(void)
{
    host_listen("http", own_url);
    pusher = host_open_at(api, own_url);
    host_push_many(api, pusher, 1000);
    HOST_AWAIT(host_stats(api, pusher).in_flight == 8);
    exit(0);
}

static void *exit_here(void *unused)
{
    (void)unused;
    HOST_AWAIT(host_stats(api, pusher).applied > 0);
    exit(0);
}

/* The first thread meanwhile is in the plugin, and stays with it until there is no more. */
static void from_a_second_thread(void)
{
    pthread_t thread;
    const klp_event *event;
    uint64_t number = 0;

    pusher = host_open_at(api, url);
    HOST_REQUIRE(pthread_create(&thread, NULL, exit_here, NULL) == 0);
    for (;;) {
        klp_status status = host_try_push(api, pusher, number++);
        HOST_REQUIRE(status == KLP_OK || status == KLP_E_STOPPED);
        status = api->next_event(pusher, KLP_WAIT_FOREVER, &event);
        if (status == KLP_E_DRAINED)
            pause();
        HOST_REQUIRE(status == KLP_OK && api->ack(pusher, event) == KLP_OK);
    }
}

static void with_two_pushers(void)
{
    klp_pusher *second = host_open_at(api, url);

    pusher = host_open_at(api, url);
    host_push_many(api, pusher, 500);
    host_push_many(api, second, 500);
    HOST_AWAIT(host_stats(api, pusher).applied > 0 && host_stats(api, second).applied > 0);
    exit(0);
}

static void after_close(void)
{
    pusher = host_open_at(api, url);
    host_push(api, pusher, 0);
    host_take_applied(api, pusher, 1);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    exit(0);
}

static void after_stop(void)
{
    pusher = host_open_at(api, url);
    host_push(api, pusher, 0);
    HOST_REQUIRE(api->stop(pusher, HOST_LIMIT_MS) == KLP_OK);
    exit(0);
}

/* main returns behind this one. */
static void with_events_unread(void)
{
    pusher = host_open_at(api, url);
    host_push_many(api, pusher, 20);
    HOST_REQUIRE(api->flush(pusher, HOST_LIMIT_MS) == KLP_OK);
    HOST_REQUIRE(host_stats(api, pusher).unread_events == 20);
}

static int bind_results(char results_url[64])
{
    int receive_ms = HOST_LIMIT_MS, socket = nn_socket(AF_SP, NN_REP);

    snprintf(results_url, 64, "ipc:///tmp/exits-%ld.ipc", (long)getpid());
    HOST_REQUIRE(socket >= 0 && nn_bind(socket, results_url) >= 0);
    HOST_REQUIRE(nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &receive_ms, sizeof receive_ms) == 0);
    return socket;
}

/* The message was taken and is not answered. */
static void with_results_unanswered(void)
{
    char results_url[64];
    void *message;
    int socket = bind_results(results_url);
    klp_config config = host_config(url, NULL, results_url);

    pusher = host_open(api, &config);
    host_push_many(api, pusher, 50);
    HOST_REQUIRE(nn_recv(socket, &message, NN_MSG, 0) > 0);
    nn_freemsg(message);
    unlink(results_url + strlen("ipc://"));
    exit(0);
}

static void *answer(void *socket)
{
    void *message;

    while (nn_recv(*(int *)socket, &message, NN_MSG, 0) >= 0) {
        nn_freemsg(message);
        nn_send(*(int *)socket, "ok", 2, 0);
    }
    return NULL;
}

static void with_results_flowing(void)
{
    static char results_url[64];
    static int socket;
    pthread_t thread;

    socket = bind_results(results_url);
    klp_config config = host_config(url, NULL, results_url);
    pusher = host_open(api, &config);
    HOST_REQUIRE(pthread_create(&thread, NULL, answer, &socket) == 0);
    host_push_many(api, pusher, 2000);
    HOST_AWAIT(host_stats(api, pusher).events_acknowledged > 0);
    unlink(results_url + strlen("ipc://"));
    exit(0);
}

/* Its worker was stopped before anything that it stands on could be torn down. */
static void close_stopped_pusher(void)
{
    if (host_try_push(api, pusher, 0) != KLP_E_STOPPED || api->close(pusher) != KLP_OK)
        _exit(3);
}

static void close_pusher(void)
{
    if (api->close(pusher) != KLP_OK)
        _exit(3);
}

static void push_and_exit(void)
{
    host_push_many(api, pusher, 500);
    HOST_AWAIT(host_stats(api, pusher).applied > 0);
    exit(0);
}

/* Registered before the plugin is opened, the host's handler runs after the plugin's own. */
static void closing_in_an_early_handler(void)
{
    HOST_REQUIRE(atexit(close_stopped_pusher) == 0);
    pusher = host_open_at(api, url);
    push_and_exit();
}

static void closing_in_a_late_handler(void)
{
    pusher = host_open_at(api, url);
    HOST_REQUIRE(atexit(close_pusher) == 0);
    push_and_exit();
}

static const struct {
    const char *name;
    void (*run)(void);
} modes[] = {
    {"during-a-silent-handshake", during_a_silent_handshake},
    {"during-many-handshakes", during_many_handshakes},
    {"with-work-queued", with_work_queued},
    {"from-a-second-thread", from_a_second_thread},
    {"with-two-pushers", with_two_pushers},
    {"after-close", after_close},
    {"after-stop", after_stop},
    {"with-events-unread", with_events_unread},
    {"with-results-unanswered", with_results_unanswered},
    {"with-results-flowing", with_results_flowing},
    {"closing-in-an-early-handler", closing_in_an_early_handler},
    {"closing-in-a-late-handler", closing_in_a_late_handler},
};

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc > 1);
    url = argc > 2 ? argv[2] : NULL;
    ca_file = argc > 3 ? argv[3] : NULL;
    delay_us = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 0;
    api = host_load();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(argv[1], modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    host_fail("no such mode: %s", argv[1]);
}
