/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream of lines over HTTP that is watched for ever, as the Agones sidecar's /watch/gameserver: when it breaks, it
 * is asked for again, after a pause that grows with every try that brought nothing. Waits nowhere but in watch_wait(),
 * on the one thread that calls all of this. */
#ifndef AGONES_WATCH_H
#define AGONES_WATCH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

/* A longer line is told, and skipped to its end: what is in it may be in the next one. */
#define WATCH_MAX_LINE_BYTES ((size_t)1 << 20)

/* Called within watch_wait() for every whole line, without its line break; the bytes live until it returns. */
typedef void (*watch_line)(const char *line, size_t size);

/* Called within watch_wait() when there is something to tell an operator: one sentence. Of tries that fail one after
 * the other for one reason, only the first, second, fourth, … is told. */
typedef void (*watch_complaint)(const char *complaint);

struct watch;

/* `silence_s`: a stream on which nothing comes for so long may hang, and is asked for again. NULL: out of memory, or of
 * what libcurl needs. */
struct watch *watch_open(const char *url, unsigned silence_s, watch_line on_line, watch_complaint on_complaint);

/* One turn of a host's loop: does what is due, hands over the lines that have come, and waits until there is more to
 * do, or one of `others` is readable: their `revents` say so. False: libcurl cannot wait any
 * more, as it has told. */
bool watch_wait(struct watch *watch, struct curl_waitfd *others, unsigned count);

/* NULL is legal. */
void watch_close(struct watch *watch);

#endif
