/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface behind transport.h. One multi for the pusher's whole life: it keeps the connections and
 * the parsed certificate store. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "kraty/path.h"
#include "transport/curl_exchange.h"
#include "transport/curl_wakeup_pair.h"
#include "transport/transport.h"
#include "why.h"

enum { MAX_DESCRIPTORS = 4, LONGEST_SLEEP_MS = 10000 /* nothing depends on it */ };

struct transport {
    struct transport_options options;
    CURLM *multi;
    struct exchange *exchanges; /* max_in_flight of them; an easy handle is made at first use */
    struct exchange *free;
    unsigned free_count;
    uint64_t connections_opened;
    char *url; /* scratch: base URL and the longest path */
    size_t url_capacity, base_url_size;
};

static bool set_limits(struct transport *transport)
{
    long places = (long)transport->options.max_in_flight;
    return !curl_multi_setopt(transport->multi, CURLMOPT_MAXCONNECTS, places) &&
           !curl_multi_setopt(transport->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, places) &&
           !curl_multi_setopt(transport->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

klp_status transport_open(const struct transport_options *options, struct transport **out, klp_text_buffer *why)
{
    klp_status status = KLP_E_NO_MEMORY;
    struct transport *transport = calloc(1, sizeof *transport);
    if (!transport)
        goto no_memory;
    transport->options = *options;
    transport->base_url_size = strlen(options->base_url);
    transport->url_capacity = transport->base_url_size + PATH_MAX_BYTES + 1;
    transport->url = malloc(transport->url_capacity);
    if (!transport->url)
        goto free_transport;
    memcpy(transport->url, options->base_url, transport->base_url_size);
    transport->exchanges = calloc(options->max_in_flight, sizeof *transport->exchanges);
    if (!transport->exchanges)
        goto free_url;
    transport->multi = curl_multi_init();
    if (!transport->multi || !set_limits(transport))
        goto close_multi;
    curl_wakeup_pair_close_on_exec(transport->multi);

    for (unsigned i = 0; i < options->max_in_flight; i++) {
        transport->exchanges[i].connections_opened = &transport->connections_opened;
        transport->exchanges[i].next = transport->free;
        transport->free = &transport->exchanges[i];
    }
    transport->free_count = options->max_in_flight;
    /* The first one is made now: a libcurl that lacks an option we need is told of at open. */
    CURLcode code = exchange_init(transport->free, options);
    if (code && code != CURLE_OUT_OF_MEMORY)
        status = why_say(why, KLP_E_LIBRARY, "libcurl %s lacks an option that is needed: %s",
                         curl_version_info(CURLVERSION_NOW)->version, curl_easy_strerror(code));
    if (code)
        goto close_multi;
    *out = transport;
    return KLP_OK;

close_multi:
    if (transport->multi)
        curl_multi_cleanup(transport->multi);
    free(transport->exchanges);
free_url:
    free(transport->url);
free_transport:
    free(transport);
no_memory:
    return status == KLP_E_NO_MEMORY ? why_say(why, status, "out of memory") : status;
}

void transport_enter(struct transport *transport)
{
    (void)transport; /* a multi handle does not mind */
}

void transport_close(struct transport *transport)
{
    for (unsigned i = 0; i < transport->options.max_in_flight; i++) {
        struct exchange *exchange = &transport->exchanges[i];
        if (exchange->is_in_flight)
            curl_multi_remove_handle(transport->multi, exchange->easy);
        exchange_destroy(exchange);
    }
    curl_multi_cleanup(transport->multi);
    free(transport->exchanges);
    free(transport->url);
    free(transport);
}

unsigned transport_free_places(const struct transport *transport)
{
    return transport->free_count;
}

uint64_t transport_connections_opened(const struct transport *transport)
{
    return transport->connections_opened;
}

bool transport_start(struct transport *transport, const struct transport_request *request)
{
    struct exchange *exchange = transport->free;
    size_t path_size = strlen(request->path);

    if (path_size >= transport->url_capacity - transport->base_url_size)
        return false;
    memcpy(transport->url + transport->base_url_size, request->path, path_size + 1);
    if (!exchange->easy && exchange_init(exchange, &transport->options))
        return false;
    if (!exchange_prepare(exchange, request, transport->url) || curl_multi_add_handle(transport->multi, exchange->easy))
        return false;
    exchange->is_in_flight = true;
    transport->free = exchange->next;
    transport->free_count--;
    return true;
}

bool transport_run(struct transport *transport)
{
    int running = 0;
    curl_multi_perform(transport->multi, &running);
    return (unsigned)running < transport->options.max_in_flight - transport->free_count;
}

static void take_off(struct transport *transport, struct exchange *exchange)
{
    curl_multi_remove_handle(transport->multi, exchange->easy);
    exchange->is_in_flight = false;
}

struct transport_reply *transport_take(struct transport *transport)
{
    CURLMsg *message;
    int left = 0;

    while ((message = curl_multi_info_read(transport->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message is gone once the handle is removed */
        struct exchange *exchange = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&exchange);
        take_off(transport, exchange);
        exchange_conclude(exchange, code);
        return &exchange->reply;
    }
    return NULL;
}

static struct exchange *find(const struct transport *transport, transport_match *is_it, uint64_t wanted)
{
    for (unsigned i = 0; i < transport->options.max_in_flight; i++) {
        struct exchange *exchange = &transport->exchanges[i];
        if (exchange->is_in_flight && (!is_it || is_it(exchange->reply.owner, wanted)))
            return exchange;
    }
    return NULL;
}

struct transport_reply *transport_abort(struct transport *transport, transport_match *is_it, uint64_t wanted)
{
    struct exchange *exchange = find(transport, is_it, wanted);
    if (!exchange)
        return NULL;
    take_off(transport, exchange);
    exchange_conclude_aborted(exchange);
    return &exchange->reply;
}

void transport_release(struct transport *transport, struct transport_reply *reply)
{
    struct exchange *exchange = (struct exchange *)reply;

    exchange_recycle(exchange);
    exchange->next = transport->free;
    transport->free = exchange;
    transport->free_count++;
}

static uint64_t shorter(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void transport_wait(struct transport *transport, const int *descriptors, size_t count,
                    const struct transport_pause *pause)
{
    uint64_t wait_us = shorter(shorter(pause->calls_us, pause->upkeep_us), pause->outside_us);
    int wait_ms = (int)((shorter(wait_us, LONGEST_SLEEP_MS * 1000u) + 999) / 1000);
    struct curl_waitfd waits[MAX_DESCRIPTORS];
    unsigned used = 0;

    for (size_t i = 0; i < count && used < MAX_DESCRIPTORS; i++)
        if (descriptors[i] >= 0)
            waits[used++] = (struct curl_waitfd){.fd = descriptors[i], .events = CURL_WAIT_POLLIN};
    curl_multi_poll(transport->multi, waits, used, wait_ms, NULL);
}
