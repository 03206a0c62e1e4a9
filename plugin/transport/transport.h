/* SPDX-License-Identifier: Apache-2.0
 * The edge to HTTP: requests out, replies in, and the wait for both. One thread uses it, with all signals blocked
 * (TLS writes raise SIGPIPE). */
#ifndef KLP_TRANSPORT_TRANSPORT_H
#define KLP_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery/judge.h"
#include "kraty/lobby_pusher.h"

struct transport;

/* Texts must outlive the transport. */
struct transport_options {
    const char *base_url; /* checked by base_url_check(), without a slash at its end */
    const char *ca_file;  /* or NULL */
    const char *proxy;    /* or NULL */
    const char *no_proxy; /* hosts that the proxy is not for, separated by commas; or NULL */
    unsigned max_in_flight;
    bool wants_times; /* of every attempt */
};

struct transport_request {
    const char *method;        /* static */
    const char *path;          /* below the base URL; read until the call returns */
    const char *authorization; /* the whole header line; holds the API key. Must live until the reply is released */
    const char *trace_parent;  /* or empty; read until the call returns */
    const char *body;          /* or NULL. Must live until the reply is released */
    size_t body_bytes;
    uint64_t timeout_ms; /* at least 1 */
    void *owner;         /* comes back in the reply */
};

/* Where an attempt's time went, each from its start: see klp_attempt. */
struct transport_times {
    uint64_t name_us, connect_us, tls_us, first_byte_us, total_us;
    uint64_t bytes_sent, bytes_received;
};

struct transport_reply {
    void *owner;
    enum attempt_end end;
    unsigned sends;
    int http_status;
    const char *body; /* with ATTEMPT_ANSWERED */
    size_t body_bytes;
    klp_text retry_after, date, request_id; /* headers; size 0 when absent */
    int curl_code;                          /* CURLcode */
    const char *failure;                    /* one sentence when not answered; never NULL */
    struct transport_times times;           /* with wants_times */
};

klp_status transport_open(const struct transport_options *options, struct transport **transport, klp_text_buffer *why);

/* Called once, by the thread that has it from here on. */
void transport_enter(struct transport *transport);

/* Closes all connections. Requests under way are dropped without a reply. */
void transport_close(struct transport *transport);

unsigned transport_free_places(const struct transport *transport);

/* Starts a request; the bytes go out in transport_run(). Legal while there is a free place.
 * False: out of memory; nothing started. */
bool transport_start(struct transport *transport, const struct transport_request *request);

/* Does what can be done without waiting. Whether there is a reply to take. */
bool transport_run(struct transport *transport);

/* The next reply that is there, or NULL. It lives, and keeps its place, until it is released. */
struct transport_reply *transport_take(struct transport *transport);

/* Takes a request off the wire, as ATTEMPT_ABORTED: one whose owner is_it() wants, or, without such a function, any.
 * NULL when there is none. Released like any reply. */
typedef bool transport_match(const void *owner, uint64_t wanted);
struct transport_reply *transport_abort(struct transport *transport, transport_match *is_it, uint64_t wanted);

void transport_release(struct transport *transport, struct transport_reply *reply);

/* How long to sleep at most, on three accounts; CLOCK_NEVER_US: as long as you like. With a network the shortest
 * counts. Without one (the stub) time may pass faster, and not for everybody. */
struct transport_pause {
    uint64_t calls_us;   /* until a call wants something … */
    uint64_t upkeep_us;  /* … or the outbox does, or the time of stop() is up … */
    uint64_t outside_us; /* … or the reader of results, by the time outside, has been waited for long enough */
    bool is_stopping;
};

/* Sleeps until there is something for transport_run(), one of the descriptors (-1: none) is readable, or the
 * time is over. */
void transport_wait(struct transport *transport, const int *descriptors, size_t count,
                    const struct transport_pause *pause);

uint64_t transport_connections_opened(const struct transport *transport);

#endif
