/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/curl_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "clock.h"

enum { KEPT_BODY_BYTES = 65536 };

/* ─── libcurl's callbacks ───────────────────────────────────────────────────────────────────────── */

static bool reserve_body(struct exchange *exchange, size_t needed)
{
    if (needed <= exchange->body_capacity)
        return true;
    size_t capacity = exchange->body_capacity ? exchange->body_capacity : 1024;
    while (capacity < needed)
        capacity *= 2; /* needed is at most KLP_MAX_REPLY_BYTES */
    char *body = realloc(exchange->body, capacity);
    if (!body)
        return false;
    exchange->body = body;
    exchange->body_capacity = capacity;
    return true;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *user)
{
    struct exchange *exchange = user;

    (void)one;
    if (size > KLP_MAX_REPLY_BYTES - exchange->body_bytes) {
        exchange->is_too_large = true;
        return 0;
    }
    if (!reserve_body(exchange, exchange->body_bytes + size)) {
        exchange->is_out_of_memory = true;
        return 0;
    }
    memcpy(exchange->body + exchange->body_bytes, bytes, size);
    exchange->body_bytes += size;
    return size;
}

static bool starts_with(const char *line, size_t size, const char *name)
{
    size_t name_size = strlen(name);
    return size > name_size && strncasecmp(line, name, name_size) == 0;
}

/* Keeps a header's value without the white space around it. A longer one than we have room for is none of ours. */
static void keep_header(struct exchange_header *header, const char *value, size_t size)
{
    while (size > 0 && (*value == ' ' || *value == '\t'))
        value++, size--;
    while (size > 0 &&
           (value[size - 1] == '\r' || value[size - 1] == '\n' || value[size - 1] == ' ' || value[size - 1] == '\t'))
        size--;
    if (size >= sizeof header->data)
        return;
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)value[i] < 0x20 || (unsigned char)value[i] > 0x7e)
            return;
    memcpy(header->data, value, size);
    header->data[size] = '\0';
    header->size = size;
}

static void forget_headers(struct exchange *exchange)
{
    exchange->retry_after.size = exchange->date.size = exchange->request_id.size = 0;
    exchange->retry_after.data[0] = exchange->date.data[0] = exchange->request_id.data[0] = '\0';
}

static size_t on_header(char *line, size_t one, size_t size, void *user)
{
    static const char retry_after[] = "retry-after:", date[] = "date:", request_id[] = "x-request-id:";
    struct exchange *exchange = user;

    (void)one;
    if (exchange->wants_times && !exchange->answered_us)
        exchange->answered_us = clock_now_us();
    if (starts_with(line, size, "HTTP/"))
        forget_headers(exchange); /* those before were of an interim reply, or of the proxy */
    else if (starts_with(line, size, retry_after))
        keep_header(&exchange->retry_after, line + sizeof retry_after - 1, size - sizeof retry_after + 1);
    else if (starts_with(line, size, date))
        keep_header(&exchange->date, line + sizeof date - 1, size - sizeof date + 1);
    else if (starts_with(line, size, request_id))
        keep_header(&exchange->request_id, line + sizeof request_id - 1, size - sizeof request_id + 1);
    return size;
}

/* Called once a connection is ready and nothing has been written to it yet: from here on bytes may be on the wire.
 * libcurl resends on a kept connection that turns out to be dead, so one attempt may come here twice. */
static int on_send(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct exchange *exchange = user;

    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    exchange->reply.sends++;
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = user;

    (void)purpose;
    exchange->has_connected = true;
    ++*exchange->connections_opened;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ─── The handle ────────────────────────────────────────────────────────────────────────────────── */

static CURLcode set_manners(CURL *easy)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* else a dead resolver holds stop() for 10 s */
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    return code;
}

static CURLcode set_trust(CURL *easy, const struct transport_options *options)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (!code) /* costs 20 ms of CPU a connection on Debian, and keeps libcurl from caching the store */
        code = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
    if (!code && options->ca_file)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
    if (!code && options->ca_file)
        code = curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, options->ca_file);
    return code;
}

static CURLcode set_proxy(CURL *easy, const struct transport_options *options)
{
    /* "" switches off http_proxy and its like; NOPROXY would otherwise come from the environment, too, which a host's
     * threads may be changing */
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_NOPROXY, options->no_proxy ? options->no_proxy : "");
    if (!code) /* they are not the server's */
        code = curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return code;
}

static CURLcode set_callbacks(struct exchange *exchange)
{
    CURL *easy = exchange->easy;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->failure);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_send);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PREREQDATA, exchange);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
    return code;
}

CURLcode exchange_init(struct exchange *exchange, const struct transport_options *options)
{
    exchange->wants_times = options->wants_times;
    exchange->easy = curl_easy_init();
    if (!exchange->easy)
        return CURLE_OUT_OF_MEMORY;
    CURLcode code = set_manners(exchange->easy);
    if (!code)
        code = set_trust(exchange->easy, options);
    if (!code)
        code = set_proxy(exchange->easy, options);
    if (!code)
        code = set_callbacks(exchange);
    if (code) {
        curl_easy_cleanup(exchange->easy);
        exchange->easy = NULL;
    }
    return code;
}

void exchange_destroy(struct exchange *exchange)
{
    curl_easy_cleanup(exchange->easy);
    free(exchange->body);
}

static struct curl_slist *link_headers(struct exchange *exchange, const struct transport_request *request)
{
    static char accept[] = "Accept: application/json", sdk[] = "X-Kraty-SDK: kraty-lobby-pusher/" KLP_VERSION,
                content_type[] = "Content-Type: application/json",
                no_expect[] = "Expect:"; /* no 100-continue round trip before large bodies */
    struct curl_slist *first = &exchange->authorization;

    exchange->no_expect = (struct curl_slist){no_expect, NULL};
    exchange->sdk = (struct curl_slist){sdk, &exchange->no_expect};
    exchange->accept = (struct curl_slist){accept, &exchange->sdk};
    exchange->authorization = (struct curl_slist){(char *)(uintptr_t)request->authorization, &exchange->accept};
    if (request->body) {
        exchange->content_type = (struct curl_slist){content_type, first};
        first = &exchange->content_type;
    }
    if (request->trace_parent[0]) {
        snprintf(exchange->trace_parent_line, sizeof exchange->trace_parent_line, "traceparent: %s",
                 request->trace_parent);
        exchange->trace_parent = (struct curl_slist){exchange->trace_parent_line, first};
        first = &exchange->trace_parent;
    }
    return first;
}

/* A body makes it a POST for libcurl, whatever it is called. */
static CURLcode set_method(CURL *easy, const struct transport_request *request)
{
    const char *usual = request->body ? "POST" : "GET";
    CURLcode code;

    if (request->body)
        code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
    else
        code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (!code && request->body)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_bytes);
    if (!code && request->body)
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body); /* not copied */
    if (!code)                                                            /* NULL: forgets the one of before */
        code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, strcmp(request->method, usual) ? request->method : NULL);
    return code;
}

bool exchange_prepare(struct exchange *exchange, const struct transport_request *request, const char *url)
{
    CURL *easy = exchange->easy;
    long timeout_ms = request->timeout_ms > INT32_MAX ? INT32_MAX : (long)request->timeout_ms;

    forget_headers(exchange);
    exchange->failure[0] = '\0';
    exchange->body_bytes = 0;
    exchange->is_too_large = exchange->is_out_of_memory = exchange->has_connected = false;
    exchange->started_us = exchange->wants_times ? clock_now_us() : 0;
    exchange->answered_us = 0;
    exchange->reply = (struct transport_reply){.owner = request->owner};

    return !curl_easy_setopt(easy, CURLOPT_URL, url) && !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) &&
           !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) && !set_method(easy, request) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, link_headers(exchange, request));
}

/* ─── The reply ─────────────────────────────────────────────────────────────────────────────────── */

static enum attempt_end end_of(const struct exchange *exchange, CURLcode code)
{
    if (exchange->is_too_large)
        return ATTEMPT_REPLY_TOO_LARGE;
    switch ((int)code) {
    case CURLE_OK:
        return ATTEMPT_ANSWERED;
    case CURLE_OPERATION_TIMEDOUT:
        return ATTEMPT_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ATTEMPT_CERTIFICATE_REFUSED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_SHUTDOWN_FAILED:
        return ATTEMPT_TLS_ERROR;
    default:
        return ATTEMPT_NETWORK_ERROR;
    }
}

static klp_text text_of(const struct exchange_header *header)
{
    return (klp_text){header->data, header->size};
}

static uint64_t number_of(CURL *easy, CURLINFO which)
{
    curl_off_t number = 0;
    curl_easy_getinfo(easy, which, &number);
    return number > 0 ? (uint64_t)number : 0;
}

/* CURLINFO_REQUEST_SIZE has the body in it where that went out with its headers, as smaller ones do, and of a libcurl
 * of today always; CURLINFO_SIZE_UPLOAD_T has it in any case. */
static uint64_t bytes_sent(uint64_t request_bytes, uint64_t body_bytes)
{
    return request_bytes >= body_bytes ? request_bytes : request_bytes + body_bytes;
}

/* By our own clock: CURLINFO_STARTTRANSFER_TIME_T is when a larger body began to go out. */
static uint64_t first_byte_us(const struct exchange *exchange, uint64_t total_us)
{
    if (!exchange->answered_us)
        return 0;
    uint64_t us = exchange->answered_us - exchange->started_us;
    return us < total_us ? us : total_us;
}

static void fill_times(const struct exchange *exchange, struct transport_times *times)
{
    CURL *easy = exchange->easy;
    bool is_on_kept_connection = exchange->reply.sends > 0 && !exchange->has_connected;
    long request_bytes = 0, header_bytes = 0;

    if (!is_on_kept_connection) { /* else nothing was looked up, whatever libcurl has measured */
        times->name_us = number_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
        times->connect_us = number_of(easy, CURLINFO_CONNECT_TIME_T);
        times->tls_us = number_of(easy, CURLINFO_APPCONNECT_TIME_T);
    }
    times->total_us = number_of(easy, CURLINFO_TOTAL_TIME_T);
    times->first_byte_us = first_byte_us(exchange, times->total_us);
    curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    curl_easy_getinfo(easy, CURLINFO_HEADER_SIZE, &header_bytes);
    times->bytes_sent = bytes_sent((uint64_t)request_bytes, number_of(easy, CURLINFO_SIZE_UPLOAD_T));
    times->bytes_received = (uint64_t)header_bytes + number_of(easy, CURLINFO_SIZE_DOWNLOAD_T);
}

static void fill_reply(struct exchange *exchange, enum attempt_end end)
{
    long http_status = 0;

    curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &http_status);
    exchange->reply.end = end;
    exchange->reply.http_status = (int)http_status;
    exchange->reply.body = exchange->body ? exchange->body : "";
    exchange->reply.body_bytes = exchange->body_bytes;
    exchange->reply.retry_after = text_of(&exchange->retry_after);
    exchange->reply.date = text_of(&exchange->date);
    exchange->reply.request_id = text_of(&exchange->request_id);
    if (exchange->wants_times)
        fill_times(exchange, &exchange->reply.times);
}

void exchange_conclude(struct exchange *exchange, CURLcode code)
{
    enum attempt_end end = end_of(exchange, code);

    fill_reply(exchange, end);
    exchange->reply.curl_code = (int)code;
    exchange->reply.failure = exchange->failure[0] ? exchange->failure : curl_easy_strerror(code);
    if (end == ATTEMPT_REPLY_TOO_LARGE)
        exchange->reply.failure = "the reply is larger than 1 MiB";
    else if (exchange->is_out_of_memory)
        exchange->reply.failure = "out of memory while reading the reply";
}

void exchange_conclude_aborted(struct exchange *exchange)
{
    fill_reply(exchange, ATTEMPT_ABORTED);
    exchange->reply.failure = "aborted";
}

void exchange_recycle(struct exchange *exchange)
{
    if (exchange->body_capacity <= KEPT_BODY_BYTES)
        return;
    free(exchange->body);
    exchange->body = NULL;
    exchange->body_capacity = 0;
}
