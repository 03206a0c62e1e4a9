/* SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_PAIRS = 256, ENDS = 2 };

struct relay {
    pthread_t thread;
    int orders[2], answers[2]; /* a byte each; 0 ends it */
    unsigned port, server_port;
    int holder; /* bound to the port and never listening: nobody else gets it meanwhile */
    char url[64];

    /* the thread's own */
    int listener;
    int pairs[MOST_PAIRS][ENDS]; /* a client, and its connection to the server */
    size_t pair_count;
};

static struct sockaddr_in address_of(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
}

/* On the port, or for 0 on any, which is then told. -1: it is taken. */
static int bind_to(unsigned *port)
{
    struct sockaddr_in address = address_of(*port);
    socklen_t size = sizeof address;
    int on = 1, bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    setsockopt(bound, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(bound, (struct sockaddr *)&address, size) || getsockname(bound, (struct sockaddr *)&address, &size)) {
        close(bound);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return bound;
}

static int listen_on(unsigned port)
{
    int listener = bind_to(&port);

    if (listener >= 0 && listen(listener, 256)) {
        close(listener);
        return -1;
    }
    return listener;
}

/* ---- its thread ---- */

static void reset(int descriptor)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(descriptor);
}

static void reset_pair(struct relay *relay, size_t i)
{
    reset(relay->pairs[i][0]);
    reset(relay->pairs[i][1]);
    relay->pair_count--;
    relay->pairs[i][0] = relay->pairs[relay->pair_count][0];
    relay->pairs[i][1] = relay->pairs[relay->pair_count][1];
}

static void take_client(struct relay *relay)
{
    const struct sockaddr_in address = address_of(relay->server_port);
    int on = 1, client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || server < 0 || relay->pair_count == MOST_PAIRS ||
        connect(server, (const struct sockaddr *)&address, sizeof address)) {
        reset(client);
        reset(server);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    relay->pairs[relay->pair_count][0] = client;
    relay->pairs[relay->pair_count][1] = server;
    relay->pair_count++;
}

/* False: one of them has ended. */
static bool pass_on(int from, int to)
{
    char bytes[65536];
    ssize_t size = recv(from, bytes, sizeof bytes, 0), sent = 0;

    while (size > 0 && sent < size) {
        ssize_t step = send(to, bytes + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (step <= 0)
            return false;
        sent += step;
    }
    return size > 0;
}

/* False: it is to end. */
static bool obey(struct relay *relay)
{
    char order = 0;

    if (read(relay->orders[0], &order, 1) != 1)
        return false;
    if (relay->listener >= 0)
        close(relay->listener);
    relay->listener = -1;
    while (relay->pair_count > 0)
        reset_pair(relay, 0);
    if (order == 'b')
        relay->listener = listen_on(relay->port);
    if (order == 'b' && relay->listener < 0)
        order = '?';
    return write(relay->answers[1], &order, 1) == 1 && order;
}

static void *stand_between(void *argument)
{
    struct relay *relay = argument;
    struct pollfd ready[2 + MOST_PAIRS * ENDS];

    for (;;) {
        ready[0] = (struct pollfd){.fd = relay->orders[0], .events = POLLIN};
        ready[1] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
        for (size_t i = 0; i < relay->pair_count; i++)
            for (size_t end = 0; end < ENDS; end++)
                ready[2 + ENDS * i + end] = (struct pollfd){.fd = relay->pairs[i][end], .events = POLLIN};
        if (poll(ready, 2 + ENDS * relay->pair_count, -1) < 0)
            continue;
        for (size_t i = relay->pair_count; i-- > 0;) {
            bool is_whole = true;
            for (size_t end = 0; end < ENDS && is_whole; end++)
                if (ready[2 + ENDS * i + end].revents)
                    is_whole = pass_on(relay->pairs[i][end], relay->pairs[i][1 - end]);
            if (!is_whole)
                reset_pair(relay, i); /* the last takes its place, and was looked at already */
        }
        if (ready[1].revents)
            take_client(relay);
        if (ready[0].revents && !obey(relay))
            return NULL;
    }
}

/* ---- the test's ---- */

static void order(struct relay *relay, char given)
{
    char answer = '?';

    assert_int_equal(write(relay->orders[1], &given, 1), 1);
    assert_int_equal(read(relay->answers[0], &answer, 1), 1);
    assert_int_equal(answer, given);
}

struct relay *relay_start(unsigned port)
{
    struct relay *relay = calloc(1, sizeof *relay);

    assert_non_null(relay);
    relay->server_port = port;
    relay->holder = bind_to(&relay->port);
    relay->listener = listen_on(relay->port);
    assert_true(relay->holder >= 0 && relay->listener >= 0);
    snprintf(relay->url, sizeof relay->url, "http://127.0.0.1:%u", relay->port);
    assert_int_equal(pipe2(relay->orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(relay->answers, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&relay->thread, NULL, stand_between, relay), 0);
    return relay;
}

void relay_stop(struct relay *relay)
{
    if (!relay)
        return;
    order(relay, 0);
    pthread_join(relay->thread, NULL);
    for (size_t end = 0; end < 2; end++) {
        close(relay->orders[end]);
        close(relay->answers[end]);
    }
    close(relay->holder);
    free(relay);
}

const char *relay_url(const struct relay *relay)
{
    return relay->url;
}

void relay_take_away(struct relay *relay)
{
    order(relay, 'a');
}

void relay_bring_back(struct relay *relay)
{
    order(relay, 'b');
}
