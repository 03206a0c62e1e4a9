/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of what arrived, in order, bounded by count and by bytes. */
#ifndef SANDBOX_ARRIVALS_H
#define SANDBOX_ARRIVALS_H

#include "clock.h"
#include "keyring.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arrivals;

/* Names and values in the order and case they came, each ended by a NUL. */
struct arrival_headers {
    char *bytes;
    size_t size;
    size_t room;
};

/* False: out of memory, nothing added. */
bool arrival_headers_add(struct arrival_headers *headers, const char *name, const char *value);

/* What became of an arrival. */
struct arrival_fate {
    unsigned status;   /* answered, 0: not (yet), or not by an HTTP reply */
    unsigned result;   /* what the contract answered before a fault changed it, 0: was not asked */
    const char *fault; /* static text, or NULL */
    unsigned rule_id;
    bool applied;
    bool replayed;
    bool is_answered;
    uint64_t answered_us;
};

/* limit: entries kept. NULL: out of memory. */
struct arrivals *arrivals_new(size_t limit, bool keep_bodies, const struct sandbox_clock *clock,
                              struct keyring *keyring);
void arrivals_free(struct arrivals *arrivals);

/* Logs an arrival and takes the headers' bytes. Returns its number, from 1. */
uint64_t arrivals_begin(struct arrivals *arrivals, uint64_t connection, const char *method, const char *target,
                        struct arrival_headers *headers);

/* Takes `body` (malloc'd, may be NULL). */
void arrivals_set_body(struct arrivals *arrivals, uint64_t n, char *body, size_t body_bytes);

void arrivals_set_fate(struct arrivals *arrivals, uint64_t n, const struct arrival_fate *fate);

void arrivals_clear(struct arrivals *arrivals);

/* Every entry with a number above `since`, no key in any of it. NULL: out of memory. */
json_t *arrivals_json(struct arrivals *arrivals, uint64_t since);

void arrivals_counts(struct arrivals *arrivals, uint64_t *kept, uint64_t *dropped);

#endif
