/* SPDX-License-Identifier: Apache-2.0 */
#include "watch.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* The sidecar may start after the game server: the first tries come quickly. A stream that lasted STEADY_MS was a good
 * one; a single line does not make it so, or one that breaks after each would be asked for without end. */
enum { FIRST_PAUSE_MS = 200, LONGEST_PAUSE_MS = 10000, STEADY_MS = 10000, CONNECT_MS = 5000 };

struct watch {
    CURLM *multi;
    CURL *stream;
    watch_line on_line;
    watch_complaint on_complaint;
    bool is_running, has_spoken; /* this try */
    uint64_t began_ms, next_try_ms;
    unsigned failures; /* one after the other */
    char told[CURL_ERROR_SIZE + 64], error[CURL_ERROR_SIZE];
    bool is_skipping; /* to the end of a line that is too long */
    size_t size;
    char line[WATCH_MAX_LINE_BYTES];
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Twice as long with every failure, and half of it at random: a fleet's sidecars that restart together are not asked
 * together. */
static unsigned pause_ms(unsigned failures)
{
    unsigned longest = FIRST_PAUSE_MS, random = 0;

    while (failures-- > 1 && longest < LONGEST_PAUSE_MS)
        longest *= 2;
    if (longest > LONGEST_PAUSE_MS)
        longest = LONGEST_PAUSE_MS;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (unsigned)now_ms();
    return longest / 2 + random % (longest / 2 + 1);
}

/* ---- lines ---- */

static void end_line(struct watch *watch)
{
    if (!watch->is_skipping && watch->size > 0) {
        watch->has_spoken = true;
        watch->on_line(watch->line, watch->size);
    }
    watch->size = 0;
    watch->is_skipping = false;
}

static void add(struct watch *watch, const char *bytes, size_t size)
{
    if (watch->is_skipping)
        return;
    if (size > sizeof watch->line - watch->size) {
        watch->is_skipping = true;
        watch->on_complaint("a line is longer than a state can be, and is skipped");
        return;
    }
    memcpy(watch->line + watch->size, bytes, size);
    watch->size += size;
}

/* libcurl's: bytes as they come, which end anywhere in a line. */
static size_t take(char *bytes, size_t one, size_t size, void *user)
{
    struct watch *watch = user;
    size_t left = size, part;

    (void)one; /* always 1 */
    for (char *line_end; (line_end = memchr(bytes, '\n', left)); bytes += part, left -= part) {
        part = (size_t)(line_end + 1 - bytes);
        add(watch, bytes, part - 1);
        end_line(watch);
    }
    add(watch, bytes, left);
    return size;
}

/* ---- tries ---- */

static void complain(struct watch *watch, const char *reason, unsigned wait_ms)
{
    char complaint[sizeof watch->told + 64];

    if (strcmp(watch->told, reason) == 0 && (watch->failures & (watch->failures - 1)) != 0)
        return;
    snprintf(watch->told, sizeof watch->told, "%s", reason);
    snprintf(complaint, sizeof complaint, "%s; again in %u ms", reason, wait_ms);
    watch->on_complaint(complaint);
}

static void pause_after(struct watch *watch, const char *reason)
{
    uint64_t now = now_ms();

    watch->failures = now - watch->began_ms < STEADY_MS ? watch->failures + 1 : 1;
    unsigned wait_ms = pause_ms(watch->failures);
    watch->next_try_ms = now + wait_ms;
    complain(watch, reason, wait_ms);
}

static void begin_try(struct watch *watch)
{
    watch->size = 0; /* half a line is nothing: a stream begins with the whole state */
    watch->is_skipping = watch->has_spoken = false;
    watch->error[0] = '\0';
    watch->began_ms = now_ms();
    watch->is_running = curl_multi_add_handle(watch->multi, watch->stream) == CURLM_OK;
    if (!watch->is_running)
        pause_after(watch, "libcurl is out of memory");
}

static void end_try(struct watch *watch, CURLcode result)
{
    char reason[sizeof watch->told];
    const char *what = result == CURLE_OK ? "the stream ended" : watch->error;

    curl_multi_remove_handle(watch->multi, watch->stream);
    watch->is_running = false;
    if (result == CURLE_OPERATION_TIMEDOUT && watch->has_spoken && watch->size == 0) {
        watch->failures = 0; /* nothing has changed for long: as well as not it was a good one */
        return;
    }
    snprintf(reason, sizeof reason, "%s%s", *what ? what : curl_easy_strerror(result),
             watch->size > 0 || watch->is_skipping ? ", in the middle of a line" : "");
    pause_after(watch, reason);
}

/* How long there is nothing to do. */
static int run(struct watch *watch)
{
    int running = 0, left = 0;
    CURLMsg *message;

    if (!watch->is_running && now_ms() >= watch->next_try_ms)
        begin_try(watch);
    curl_multi_perform(watch->multi, &running);
    while ((message = curl_multi_info_read(watch->multi, &left)))
        if (message->msg == CURLMSG_DONE)
            end_try(watch, message->data.result);
    if (watch->is_running)
        return 60000; /* libcurl wakes earlier where it has to */
    uint64_t now = now_ms();
    return watch->next_try_ms > now ? (int)(watch->next_try_ms - now) : 0;
}

bool watch_wait(struct watch *watch, struct curl_waitfd *others, unsigned count)
{
    int wait_ms = run(watch);
    CURLMcode code = curl_multi_poll(watch->multi, others, count, wait_ms, NULL);

    if (code != CURLM_OK)
        watch->on_complaint(curl_multi_strerror(code));
    return code == CURLM_OK;
}

/* ---- from first to last ---- */

struct watch *watch_open(const char *url, unsigned silence_s, watch_line on_line, watch_complaint on_complaint)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (!watch)
        return NULL;
    watch->on_line = on_line;
    watch->on_complaint = on_complaint;
    watch->multi = curl_multi_init();
    CURL *stream = watch->stream = curl_easy_init();
    if (!watch->multi || !stream || curl_easy_setopt(stream, CURLOPT_URL, url) != CURLE_OK) {
        watch_close(watch);
        return NULL;
    }
    curl_easy_setopt(stream, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(stream, CURLOPT_PROXY, ""); /* whatever the environment says: it is in our own pod */
    curl_easy_setopt(stream, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(stream, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(stream, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(stream, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(stream, CURLOPT_LOW_SPEED_TIME, (long)silence_s);
    curl_easy_setopt(stream, CURLOPT_ERRORBUFFER, watch->error);
    curl_easy_setopt(stream, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(stream, CURLOPT_WRITEDATA, watch);
    return watch;
}

void watch_close(struct watch *watch)
{
    if (!watch)
        return;
    if (watch->is_running)
        curl_multi_remove_handle(watch->multi, watch->stream);
    curl_easy_cleanup(watch->stream);
    curl_multi_cleanup(watch->multi);
    free(watch);
}
