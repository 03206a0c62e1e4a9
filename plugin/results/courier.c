/* SPDX-License-Identifier: Apache-2.0 */
#include "results/courier.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "results/acknowledgement.h"
#include "results/event_json.h"
#include "results/results_url.h"
#include "why.h"

enum {
    RESEND_MS = 2000,
    RETRY_SEND_US = 100000,
    DESCRIPTORS_NEEDED = 12 /* nanomsg's first socket with its thread, and some to reconnect with */
};

struct courier {
    int socket, descriptor;
    bool is_awaiting_reply;
    bool is_dead; /* the events wait for stop() and next_event() */
    uint64_t pause_ends_us;
    uint64_t first_seq, last_seq; /* of the message being made or awaiting its reply */
    uint64_t messages_sent, replies_ignored;
    size_t size;
    char message[KLP_MAX_MESSAGE_BYTES];
};

/* nanomsg asserts, and so ends the process, when it finds no descriptor free. */
static bool has_room_for_descriptors(void)
{
    int probes[DESCRIPTORS_NEEDED];
    int count = 0;

    while (count < DESCRIPTORS_NEEDED && (probes[count] = eventfd(0, EFD_CLOEXEC)) >= 0)
        count++;
    for (int i = 0; i < count; i++)
        close(probes[i]);
    return count == DESCRIPTORS_NEEDED;
}

static klp_status set_options(struct courier *courier, bool is_ipv6, klp_text_buffer *why)
{
    int resend_ms = RESEND_MS, no_delay = 1, ipv4_only = !is_ipv6;
    size_t size = sizeof courier->descriptor;

    if (nn_setsockopt(courier->socket, NN_REQ, NN_REQ_RESEND_IVL, &resend_ms, sizeof resend_ms) ||
        nn_setsockopt(courier->socket, NN_TCP, NN_TCP_NODELAY, &no_delay, sizeof no_delay) ||
        nn_setsockopt(courier->socket, NN_SOL_SOCKET, NN_IPV4ONLY, &ipv4_only, sizeof ipv4_only) ||
        nn_getsockopt(courier->socket, NN_SOL_SOCKET, NN_RCVFD, &courier->descriptor, &size))
        return why_say(why, KLP_E_SYSTEM, "nanomsg: %s", nn_strerror(nn_errno()));
    return KLP_OK;
}

klp_status courier_open(const char *url, struct courier **out, klp_text_buffer *why)
{
    struct results_address address;
    klp_status status = results_url_check(url, &address, why);
    if (status)
        return status;
    if (!has_room_for_descriptors())
        return why_say(why, KLP_E_SYSTEM, "fewer than %d file descriptors are free", DESCRIPTORS_NEEDED);
    struct courier *courier = calloc(1, sizeof *courier);
    if (!courier)
        return why_say(why, KLP_E_NO_MEMORY, "out of memory");

    courier->socket = nn_socket(AF_SP, NN_REQ);
    if (courier->socket < 0) {
        status = why_say(why, KLP_E_SYSTEM, "nanomsg: %s", nn_strerror(nn_errno()));
        goto free_courier;
    }
    status = set_options(courier, address.is_ipv6, why);
    if (status)
        goto close_socket;
    if (nn_connect(courier->socket, address.text) < 0) {
        status = why_say(why, KLP_E_INVALID_ARGUMENT, "results_url: %s", nn_strerror(nn_errno()));
        goto close_socket;
    }
    *out = courier;
    return KLP_OK;

close_socket:
    nn_close(courier->socket);
free_courier:
    free(courier);
    return status;
}

void courier_close(struct courier *courier)
{
    nn_close(courier->socket);
    free(courier);
}

int courier_descriptor(const struct courier *courier)
{
    return courier->is_dead ? -1 : courier->descriptor;
}

bool courier_is_dead(const struct courier *courier)
{
    return courier->is_dead;
}

bool courier_may_send(const struct courier *courier, uint64_t now_us)
{
    return !courier->is_dead && !courier->is_awaiting_reply && now_us >= courier->pause_ends_us;
}

uint64_t courier_pause_ends_us(const struct courier *courier)
{
    return courier->is_dead || courier->is_awaiting_reply ? CLOCK_NEVER_US : courier->pause_ends_us;
}

bool courier_add(struct courier *courier, const klp_event *event)
{
    size_t left = sizeof courier->message - courier->size;
    size_t size = event_write_bounded(event, courier->message + courier->size, left);

    if (size >= left) /* its line break wants a byte, too */
        return false;
    if (courier->size == 0)
        courier->first_seq = event->seq;
    courier->last_seq = event->seq;
    courier->size += size;
    courier->message[courier->size++] = '\n';
    return true;
}

/* A socket that the host took away (by nn_term) tells nothing any more; its descriptor stays readable for ever. */
static void note_failure(struct courier *courier)
{
    if (nn_errno() == EBADF || nn_errno() == ETERM || nn_errno() == ENOTSOCK)
        courier->is_dead = true;
}

/* In memory of nanomsg's own: it ends the process where it finds none to copy into. False: there is none. */
static bool send_message(struct courier *courier)
{
    void *message = nn_allocmsg(courier->size, 0);
    if (!message)
        return false;
    memcpy(message, courier->message, courier->size);
    if (nn_send(courier->socket, &message, NN_MSG, NN_DONTWAIT) >= 0)
        return true;
    note_failure(courier);
    nn_freemsg(message);
    return false;
}

void courier_send(struct courier *courier, uint64_t now_us)
{
    if (send_message(courier)) {
        courier->is_awaiting_reply = true;
        courier->messages_sent++;
    } else {
        courier->pause_ends_us = now_us + RETRY_SEND_US;
    }
    courier->size = 0;
}

/* A reply that brings nothing forward is no reason to tell the same at once again. */
static void pause_before_resending(struct courier *courier, uint64_t now_us)
{
    courier->pause_ends_us = now_us + RESEND_MS * 1000u;
}

bool courier_receive(struct courier *courier, uint64_t now_us, uint64_t *acknowledged_seq)
{
    char *reply;

    if (courier->is_dead || !courier->is_awaiting_reply)
        return false;
    int size = nn_recv(courier->socket, &reply, NN_MSG, NN_DONTWAIT);
    if (size < 0) {
        note_failure(courier);
        return false;
    }

    courier->is_awaiting_reply = false;
    bool is_valid = acknowledgement_read(reply, (size_t)size, courier->last_seq, acknowledged_seq);
    nn_freemsg(reply);
    if (!is_valid)
        courier->replies_ignored++;
    if (is_valid && *acknowledged_seq >= courier->first_seq)
        return true;
    pause_before_resending(courier, now_us);
    return false;
}

uint64_t courier_messages_sent(const struct courier *courier)
{
    return courier->messages_sent;
}

uint64_t courier_replies_ignored(const struct courier *courier)
{
    return courier->replies_ignored;
}
