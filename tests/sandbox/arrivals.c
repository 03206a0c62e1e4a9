/* SPDX-License-Identifier: Apache-2.0 */
#include "arrivals.h"
#include "reply.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (256u << 20)
#define BATCH     256 /* entries told under one hold of the lock: arrivals must not wait for a long answer */

struct arrival {
    uint64_t n;
    uint64_t at_us;
    uint64_t connection;
    char *call; /* "METHOD\0target" */
    size_t call_bytes;
    char *headers;
    size_t header_bytes;
    char *body; /* NULL: none, or not kept */
    size_t body_bytes;
    struct arrival_fate fate;
};

struct arrivals {
    pthread_mutex_t lock;
    const struct sandbox_clock *clock;
    struct keyring *keyring;
    bool keep_bodies;
    struct arrival *ring; /* entry n is at n % limit while first <= n < next */
    size_t limit;
    uint64_t first;
    uint64_t next;
    uint64_t dropped;
    size_t bytes;
};

bool arrival_headers_add(struct arrival_headers *headers, const char *name, const char *value)
{
    size_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
    if (headers->room - headers->size < name_bytes + value_bytes) {
        size_t room = headers->size + name_bytes + value_bytes + 512;
        char *bytes = realloc(headers->bytes, room);
        if (!bytes)
            return false;
        headers->bytes = bytes;
        headers->room = room;
    }
    memcpy(mempcpy(headers->bytes + headers->size, name, name_bytes), value, value_bytes);
    headers->size += name_bytes + value_bytes;
    return true;
}

struct arrivals *arrivals_new(size_t limit, bool keep_bodies, const struct sandbox_clock *clock,
                              struct keyring *keyring)
{
    struct arrivals *arrivals = calloc(1, sizeof *arrivals);
    if (!arrivals)
        return NULL;
    arrivals->ring = calloc(limit, sizeof *arrivals->ring);
    if (!arrivals->ring) {
        free(arrivals);
        return NULL;
    }
    pthread_mutex_init(&arrivals->lock, NULL);
    arrivals->limit = limit;
    arrivals->keep_bodies = keep_bodies;
    arrivals->clock = clock;
    arrivals->keyring = keyring;
    arrivals->first = arrivals->next = 1;
    return arrivals;
}

static struct arrival *at(struct arrivals *arrivals, uint64_t n)
{
    return &arrivals->ring[n % arrivals->limit];
}

static size_t size_of(const struct arrival *arrival)
{
    return arrival->call_bytes + arrival->header_bytes + arrival->body_bytes;
}

static void forget_first(struct arrivals *arrivals)
{
    struct arrival *arrival = at(arrivals, arrivals->first++);
    arrivals->bytes -= size_of(arrival);
    free(arrival->call);
    free(arrival->headers);
    free(arrival->body);
    *arrival = (struct arrival){0};
}

static void keep_within_bounds(struct arrivals *arrivals)
{
    while (arrivals->next - arrivals->first > arrivals->limit ||
           (arrivals->bytes > MAX_BYTES && arrivals->next - arrivals->first > 1)) {
        forget_first(arrivals);
        arrivals->dropped++;
    }
}

void arrivals_clear(struct arrivals *arrivals)
{
    pthread_mutex_lock(&arrivals->lock);
    while (arrivals->first < arrivals->next)
        forget_first(arrivals);
    arrivals->dropped = 0;
    pthread_mutex_unlock(&arrivals->lock);
}

void arrivals_free(struct arrivals *arrivals)
{
    if (!arrivals)
        return;
    arrivals_clear(arrivals);
    pthread_mutex_destroy(&arrivals->lock);
    free(arrivals->ring);
    free(arrivals);
}

uint64_t arrivals_begin(struct arrivals *arrivals, uint64_t connection, const char *method, const char *target,
                        struct arrival_headers *headers)
{
    size_t method_bytes = strlen(method) + 1, target_bytes = strlen(target) + 1;
    char *call = malloc(method_bytes + target_bytes);
    if (call)
        memcpy(mempcpy(call, method, method_bytes), target, target_bytes);

    pthread_mutex_lock(&arrivals->lock);
    /* The slot must be free before it is filled; the bytes are looked after below. */
    if (arrivals->next - arrivals->first == arrivals->limit) {
        forget_first(arrivals);
        arrivals->dropped++;
    }
    uint64_t n = arrivals->next++;
    struct arrival *arrival = at(arrivals, n);
    *arrival = (struct arrival){.n = n,
                                .at_us = clock_elapsed_us(arrivals->clock),
                                .connection = connection,
                                .call = call,
                                .call_bytes = call ? method_bytes + target_bytes : 0,
                                .headers = headers->bytes,
                                .header_bytes = headers->size};
    arrivals->bytes += size_of(arrival);
    keep_within_bounds(arrivals);
    pthread_mutex_unlock(&arrivals->lock);

    *headers = (struct arrival_headers){0};
    return n;
}

static bool is_kept(const struct arrivals *arrivals, uint64_t n)
{
    return n >= arrivals->first && n < arrivals->next;
}

void arrivals_set_body(struct arrivals *arrivals, uint64_t n, char *body, size_t body_bytes)
{
    pthread_mutex_lock(&arrivals->lock);
    if (arrivals->keep_bodies && body && is_kept(arrivals, n)) {
        struct arrival *arrival = at(arrivals, n);
        arrival->body = body;
        arrival->body_bytes = body_bytes;
        arrivals->bytes += body_bytes;
        body = NULL;
        keep_within_bounds(arrivals);
    }
    pthread_mutex_unlock(&arrivals->lock);
    free(body);
}

void arrivals_set_fate(struct arrivals *arrivals, uint64_t n, const struct arrival_fate *fate)
{
    pthread_mutex_lock(&arrivals->lock);
    if (is_kept(arrivals, n))
        at(arrivals, n)->fate = *fate;
    pthread_mutex_unlock(&arrivals->lock);
}

static json_t *text_json(struct arrivals *arrivals, const char *text, size_t size)
{
    bool failed;
    size_t redacted_bytes;
    char *redacted = keyring_redact(arrivals->keyring, text, size, &redacted_bytes, &failed);
    if (failed)
        return NULL;
    json_t *json = redacted ? json_from_bytes(redacted, redacted_bytes) : json_from_bytes(text, size);
    free(redacted);
    return json;
}

static json_t *headers_json(struct arrivals *arrivals, const struct arrival *arrival)
{
    json_t *headers = json_array();
    const char *end = arrival->headers + arrival->header_bytes;
    for (const char *name = arrival->headers; headers && name < end;) {
        const char *value = name + strlen(name) + 1;
        json_array_append_new(headers, json_pack("[o, o]", text_json(arrivals, name, strlen(name)),
                                                 text_json(arrivals, value, strlen(value))));
        name = value + strlen(value) + 1;
    }
    return headers;
}

static json_t *number_or_null(bool is_there, uint64_t number)
{
    return is_there ? json_integer((json_int_t)number) : json_null();
}

static json_t *arrival_json(struct arrivals *arrivals, const struct arrival *arrival)
{
    char wall[CLOCK_TEXT_BYTES];
    const struct arrival_fate *fate = &arrival->fate;
    const char *method = arrival->call ? arrival->call : "";
    const char *target = arrival->call ? method + strlen(method) + 1 : "";

    clock_text(arrivals->clock, arrival->at_us, wall);
    /* clang-format off */
    return json_pack("{s:I, s:I, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s?, s:o, s:b, s:b, s:o}",
                     "n", (json_int_t)arrival->n,
                     "at_us", (json_int_t)arrival->at_us,
                     "wall", wall,
                     "connection", (json_int_t)arrival->connection,
                     "method", text_json(arrivals, method, strlen(method)),
                     "path", text_json(arrivals, target, strlen(target)),
                     "headers", headers_json(arrivals, arrival),
                     "body", arrival->body ? text_json(arrivals, arrival->body, arrival->body_bytes) : json_null(),
                     "status", number_or_null(fate->status, fate->status),
                     "result", number_or_null(fate->result, fate->result),
                     "fault", fate->fault,
                     "rule", number_or_null(fate->rule_id, fate->rule_id),
                     "applied", fate->applied,
                     "replayed", fate->replayed,
                     "answered_us", number_or_null(fate->is_answered, fate->answered_us));
    /* clang-format on */
}

/* Appends at most BATCH entries above *since, which moves on. False: that was all, or no memory. */
static bool append_batch(struct arrivals *arrivals, json_t *list, uint64_t *since)
{
    bool appended = false;

    pthread_mutex_lock(&arrivals->lock);
    uint64_t n = *since + 1 > arrivals->first ? *since + 1 : arrivals->first;
    for (unsigned told = 0; told < BATCH && n < arrivals->next; told++, n++) {
        appended = json_array_append_new(list, arrival_json(arrivals, at(arrivals, n))) == 0;
        *since = n;
    }
    pthread_mutex_unlock(&arrivals->lock);
    return appended;
}

json_t *arrivals_json(struct arrivals *arrivals, uint64_t since)
{
    json_t *list = json_array();
    if (since == UINT64_MAX)
        return list;
    while (list && append_batch(arrivals, list, &since))
        ;
    return list;
}

void arrivals_counts(struct arrivals *arrivals, uint64_t *kept, uint64_t *dropped)
{
    pthread_mutex_lock(&arrivals->lock);
    *kept = arrivals->next - arrivals->first;
    *dropped = arrivals->dropped;
    pthread_mutex_unlock(&arrivals->lock);
}
