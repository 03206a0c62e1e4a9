/* SPDX-License-Identifier: Apache-2.0
 * stop() and close() return in time whatever the network does, and what they abort gets an honest verdict. */

/* runs alone: measures how long stop() and close() take */

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "sandbox_client.h"

enum { DRAIN_MS = 250, PLACES = 8 };

static klp_config config_at(const char *scheme, unsigned port)
{
    static char url[64];

    snprintf(url, sizeof url, "%s://127.0.0.1:%u", scheme, port);
    klp_config config = guest_config(url, NULL);
    config.deadline_ms = 60000; /* only stop() ends anything here */
    return config;
}

static void push_many(klp_pusher *pusher, unsigned count)
{
    char key[32];

    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof key, "match-%u", i);
        guest_push(pusher, key);
    }
}

/* All that is left: `sent` of the `count` events are of requests that reached the wire. */
static void assert_shut_down(klp_pusher *pusher, unsigned count, unsigned sent)
{
    unsigned possibly = 0;
    const klp_event *event;

    for (unsigned i = 0; i < count; i++) {
        event = guest_next_event(pusher);
        possibly += event->outcome == KLP_POSSIBLY_APPLIED;
        guest_assert_failed(event, event->sends > 0 ? KLP_POSSIBLY_APPLIED : KLP_NOT_APPLIED, "shutdown", true);
        assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
        assert_int_equal(guest_api()->ack(pusher, event), KLP_OK);
    }
    assert_int_equal(possibly, sent);
    assert_int_equal(guest_api()->next_event(pusher, 0, &event), KLP_E_DRAINED);
}

static void stop_of_connections_that_hang(void **state)
{
    struct guest_black_hole hole = guest_open_black_hole();
    klp_config config = config_at("http", hole.port);
    klp_pusher *pusher = guest_open(&config);

    (void)state;
    push_many(pusher, 20);
    guest_await_in_flight(pusher, PLACES);
    assert_true(guest_stop(pusher, DRAIN_MS) >= DRAIN_MS); /* it does wait for what might still come */
    assert_shut_down(pusher, 20, 0);
    guest_close(pusher);
    guest_close_black_hole(&hole);
}

static void stop_of_requests_that_nobody_answers(void **state)
{
    char said[4096];
    unsigned port;
    int connections[PLACES], listener = guest_listen(&port);
    klp_config config = config_at("http", port);
    klp_pusher *pusher = guest_open(&config);

    (void)state;
    push_many(pusher, 20);
    for (unsigned i = 0; i < PLACES; i++) {
        connections[i] = guest_accept(listener);
        guest_receive(connections[i], said, sizeof said);
        assert_memory_equal(said, "POST ", 5);
    }
    guest_stop(pusher, DRAIN_MS);
    assert_shut_down(pusher, 20, PLACES);
    guest_close(pusher);
    for (unsigned i = 0; i < PLACES; i++)
        close(connections[i]);
    close(listener);
}

static void stop_in_the_middle_of_a_tls_handshake(void **state)
{
    char said[4096];
    unsigned port;
    int listener = guest_listen(&port);
    klp_config config = config_at("https", port);
    klp_pusher *pusher = guest_open(&config);

    (void)state;
    push_many(pusher, 3);
    int connection = guest_accept(listener);
    guest_receive(connection, said, sizeof said);
    assert_int_equal(said[0], 0x16); /* a handshake record */
    guest_stop(pusher, DRAIN_MS);
    assert_shut_down(pusher, 3, 0);
    guest_close(pusher);
    close(connection);
    close(listener);
}

static void close_alone_stops_at_once(void **state)
{
    struct guest_black_hole hole = guest_open_black_hole();
    klp_config config = config_at("https", hole.port);
    klp_pusher *pusher = guest_open(&config);

    (void)state;
    push_many(pusher, 20);
    guest_await_in_flight(pusher, PLACES);
    guest_close(pusher);
    guest_close_black_hole(&hole);
}

struct late_thread {
    klp_pusher *pusher;
    klp_status next_event, flush;
};

static void *use_late(void *argument)
{
    struct late_thread *late = argument;
    const klp_event *event;

    late->next_event = guest_api()->next_event(late->pusher, 1000, &event);
    late->flush = guest_api()->flush(late->pusher, 1000);
    return NULL;
}

/* The system gives the id of a thread that was joined to the next one: which is no worker. */
static void after_stop_a_new_thread_is_the_hosts(void **state)
{
    struct guest_black_hole hole = guest_open_black_hole();
    klp_config config = config_at("http", hole.port);

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct late_thread late = {.pusher = guest_open(&config)};
        pthread_t thread;
        assert_int_equal(guest_api()->stop(late.pusher, 0), KLP_OK);
        assert_int_equal(pthread_create(&thread, NULL, use_late, &late), 0);
        pthread_join(thread, NULL);
        assert_int_equal(late.next_event, KLP_E_DRAINED);
        assert_int_equal(late.flush, KLP_OK);
        guest_close(late.pusher);
    }
    guest_close_black_hole(&hole);
}

static void a_name_that_does_not_resolve_is_a_transport_error_and_stops_in_time(void **state)
{
    klp_config config = guest_config("https://never.invalid", NULL);

    (void)state;
    config.deadline_ms = 1000; /* where the resolver itself never answers this is a timeout */
    struct guest_verdict verdict = guest_push_once(&config, "nowhere");
    assert_int_equal(verdict.event->sends, 0);
    assert_int_equal(verdict.event->error_origin, KLP_ORIGIN_TRANSPORT);
    guest_assert_failed(verdict.event, KLP_NOT_APPLIED,
                        strcmp(verdict.event->error_code.data, "timeout") == 0 ? "timeout" : "network_error", true);
    guest_push(verdict.pusher, "nowhere-2");
    guest_stop(verdict.pusher, 0);
    guest_done(&verdict);
}

static void stop_while_the_resolver_never_answers(void **state)
{
    (void)state;
    assert_true(guest_run("resolves", NULL, NULL, NULL, NULL) < 1000 + 2 * LITTLE_MS); /* its exit included */
}

static void stop_waits_for_what_ends_by_itself(void **state)
{
    struct sandbox_client *sandbox = sandbox_start(NULL);
    klp_config config = guest_config(sandbox_url(sandbox), NULL);
    klp_pusher *pusher = guest_open(&config);

    (void)state;
    sandbox_script(sandbox, "{\"times\": -1, \"action\": {\"delay_ms\": 200}}");
    push_many(pusher, 4);
    assert_true(guest_stop(pusher, GUEST_LIMIT_MS) < 200 + LITTLE_MS); /* and no longer */
    for (unsigned i = 0; i < 4; i++)
        guest_assert_applied(guest_next_event(pusher));
    guest_close(pusher);
    assert_int_equal(sandbox_lobby_count(sandbox), 4);
    sandbox_stop(sandbox);
}

/* ---- results ---- */

static int bind_results(char url[64])
{
    int receive_ms = (int)GUEST_LIMIT_MS, socket = nn_socket(AF_SP, NN_REP);

    snprintf(url, 64, "ipc:///tmp/guest-stop-%ld.ipc", (long)getpid());
    assert_true(socket >= 0 && nn_bind(socket, url) >= 0);
    assert_int_equal(nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &receive_ms, sizeof receive_ms), 0);
    return socket;
}

static void unbind_results(int socket, const char *url)
{
    nn_close(socket);
    unlink(url + strlen("ipc://"));
}

static void stop_with_a_results_reader_that_never_replies(void **state)
{
    char results_url[64];
    void *message;
    struct sandbox_client *sandbox = sandbox_start(NULL);
    int socket = bind_results(results_url);
    klp_config config = guest_config(sandbox_url(sandbox), NULL);
    const klp_event *event;

    (void)state;
    config.results_url = klp_cstr(results_url);
    klp_pusher *pusher = guest_open(&config);
    push_many(pusher, 10);
    assert_true(nn_recv(socket, &message, NN_MSG, 0) > 0);
    nn_freemsg(message);
    assert_int_equal(guest_api()->next_event(pusher, 0, &event), KLP_E_NOT_AVAILABLE);

    assert_int_equal(guest_api()->flush(pusher, GUEST_LIMIT_MS), KLP_OK);
    assert_true(guest_stop(pusher, DRAIN_MS) >= DRAIN_MS);
    for (unsigned i = 0; i < 10; i++) { /* nothing is lost: they are to be had here now */
        event = guest_next_event(pusher);
        guest_assert_applied(event);
        assert_int_equal(guest_api()->ack(pusher, event), KLP_OK);
    }
    assert_int_equal(guest_api()->next_event(pusher, 0, &event), KLP_E_DRAINED);
    guest_close(pusher);
    unbind_results(socket, results_url);
    sandbox_stop(sandbox);
}

static void stop_with_no_results_reader_at_all(void **state)
{
    char results_url[64];
    struct sandbox_client *sandbox = sandbox_start(NULL);
    klp_config config = guest_config(sandbox_url(sandbox), NULL);

    (void)state;
    snprintf(results_url, sizeof results_url, "ipc:///tmp/guest-nobody-%ld.ipc", (long)getpid());
    config.results_url = klp_cstr(results_url);
    klp_pusher *pusher = guest_open(&config);
    push_many(pusher, 10);
    assert_int_equal(guest_api()->flush(pusher, GUEST_LIMIT_MS), KLP_OK);
    guest_stop(pusher, DRAIN_MS);
    for (unsigned i = 0; i < 10; i++)
        guest_assert_applied(guest_next_event(pusher));
    guest_close(pusher);
    sandbox_stop(sandbox);
}

static void stop_is_over_once_a_reader_has_acknowledged(void **state)
{
    char results_url[64];
    void *message;
    struct sandbox_client *sandbox = sandbox_start(NULL);
    int socket = bind_results(results_url);
    klp_config config = guest_config(sandbox_url(sandbox), NULL);
    const klp_event *event;

    (void)state;
    config.results_url = klp_cstr(results_url);
    klp_pusher *pusher = guest_open(&config);
    guest_push(pusher, "match-1");
    assert_true(nn_recv(socket, &message, NN_MSG, 0) > 0);
    nn_freemsg(message);
    assert_int_equal(nn_send(socket, "ok", 2, 0), 2);
    assert_true(guest_stop(pusher, GUEST_LIMIT_MS) < LITTLE_MS);
    assert_int_equal(guest_api()->next_event(pusher, 0, &event), KLP_E_DRAINED);
    guest_close(pusher);
    unbind_results(socket, results_url);
    sandbox_stop(sandbox);
}

/* ---- sleeping ---- */

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    guest_run("wakes", NULL, NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_of_connections_that_hang),
        cmocka_unit_test(stop_of_requests_that_nobody_answers),
        cmocka_unit_test(stop_in_the_middle_of_a_tls_handshake),
        cmocka_unit_test(close_alone_stops_at_once),
        cmocka_unit_test(after_stop_a_new_thread_is_the_hosts),
        cmocka_unit_test(a_name_that_does_not_resolve_is_a_transport_error_and_stops_in_time),
        cmocka_unit_test(stop_while_the_resolver_never_answers),
        cmocka_unit_test(stop_waits_for_what_ends_by_itself),
        cmocka_unit_test(stop_with_a_results_reader_that_never_replies),
        cmocka_unit_test(stop_with_no_results_reader_at_all),
        cmocka_unit_test(stop_is_over_once_a_reader_has_acknowledged),
        cmocka_unit_test(no_wake_up_is_lost),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
