/* SPDX-License-Identifier: Apache-2.0
 * One request and its reply on one of libcurl's easy handles, which is used again and again. */
#ifndef KLP_TRANSPORT_CURL_EXCHANGE_H
#define KLP_TRANSPORT_CURL_EXCHANGE_H

#include <curl/curl.h>

#include "transport/transport.h"

enum { EXCHANGE_HEADER_BYTES = 128, EXCHANGE_TRACE_BYTES = 80 };

struct exchange_header {
    char data[EXCHANGE_HEADER_BYTES];
    size_t size;
};

struct exchange {
    struct transport_reply reply; /* first: a reply is turned back into its exchange by a cast */
    struct exchange *next;
    CURL *easy;
    char *body;
    size_t body_bytes, body_capacity;
    bool is_too_large, is_out_of_memory, is_in_flight;
    bool has_connected;               /* a connection was made for it, or tried to be */
    uint64_t started_us, answered_us; /* with wants_times; 0: no byte of a reply has come */
    struct exchange_header retry_after, date, request_id;
    uint64_t *connections_opened; /* the transport's counter */
    /* Nodes of our own, so that libcurl keeps no copy of the API key beside the one in its page. */
    struct curl_slist authorization, content_type, accept, sdk, no_expect, trace_parent;
    char trace_parent_line[EXCHANGE_TRACE_BYTES];
    bool wants_times;
    char failure[CURL_ERROR_SIZE];
};

/* Makes the easy handle with everything that is the same for all requests. CURLE_OUT_OF_MEMORY, or what this libcurl
 * says to an option that it does not know. */
CURLcode exchange_init(struct exchange *exchange, const struct transport_options *options);
void exchange_destroy(struct exchange *exchange);

/* Sets what is this request's own; `url` is copied by libcurl. */
bool exchange_prepare(struct exchange *exchange, const struct transport_request *request, const char *url);

/* Fills the reply from libcurl's verdict. */
void exchange_conclude(struct exchange *exchange, CURLcode code);
void exchange_conclude_aborted(struct exchange *exchange);

/* Gives back what a large reply took. */
void exchange_recycle(struct exchange *exchange);

#endif
