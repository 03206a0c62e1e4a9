/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeps what a pusher's callbacks are told, for a test to look at from its own thread.
 *
 *     struct recorder *recorder = recorder_new(&config);
 *     …                                               open, push, close
 *     const struct seen_attempt *seen = recorder_attempt(recorder, 0);
 *     recorder_free(recorder);                        after the pusher was closed */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

struct seen_attempt {
    klp_attempt attempt; /* its texts are the recorder's */
    uint64_t at_ms;      /* when it was told */
};

struct seen_line {
    int32_t level;
    char text[1200];
};

struct recorder;

/* Sets the config's callbacks. Both at all levels. */
struct recorder *recorder_new(klp_config *config);
void recorder_free(struct recorder *recorder);

size_t recorder_attempts(struct recorder *recorder);

/* Number i, which must come within ten seconds. */
const struct seen_attempt *recorder_attempt(struct recorder *recorder, size_t i);

size_t recorder_lines(struct recorder *recorder);
const struct seen_line *recorder_line(struct recorder *recorder, size_t i);

/* Lines with this in them. */
size_t recorder_lines_with(struct recorder *recorder, const char *part);

/* What may not be: NULL, or the first thing seen that breaks the callbacks' contract. */
const char *recorder_fault(struct recorder *recorder);

/* Calls this, too, of every attempt and line, on the worker's thread. Before the pusher is opened. */
void recorder_also(struct recorder *recorder, void (*call)(void *user), void *user);

#endif
