/* SPDX-License-Identifier: Apache-2.0 */
#include "verbose.h"

#include <ctype.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

#define WIPE     "\r\033[K"
#define LEFT_OUT "%zu lines are left out here, which nobody read in time"

/* At most PIPE_BUF bytes, which a pipe that is writable takes at once. */
struct line {
    char bytes[2048];
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *format, ...)
{
    size_t left = sizeof line->bytes - 1 - line->size; /* one is kept for the line break */
    va_list arguments;

    va_start(arguments, format);
    int written = vsnprintf(line->bytes + line->size, left, format, arguments);
    va_end(arguments);
    if (written > 0)
        line->size += (size_t)written < left ? (size_t)written : left - 1;
}

/* Parts of it may be the server's, and do what they like to a terminal. */
static void tame(struct line *line)
{
    for (size_t i = 0; i < line->size; i++)
        if (iscntrl((unsigned char)line->bytes[i]))
            line->bytes[i] = '?';
}

static bool is_writable(void)
{
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT);
}

/* A reader of stderr who does not read must not hold up what is delivered: then the line is left out, and counted. */
static void say(struct verbose *verbose, struct line *said)
{
    struct line line = {.size = 0};

    if (!is_writable()) {
        verbose->left_out++;
        return;
    }
    tame(said);
    add(&line, "%s", verbose->wipes_progress ? WIPE : "");
    if (verbose->left_out)
        add(&line, "klp: " LEFT_OUT "\n", verbose->left_out);
    add(&line, "%.*s", (int)said->size, said->bytes);
    line.bytes[line.size++] = '\n';
    verbose->left_out = write(STDERR_FILENO, line.bytes, line.size) < 0 ? verbose->left_out + 1 : 0;
}

/* ---- attempts ---- */

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static void add_result(struct line *line, const klp_attempt *attempt)
{
    if (attempt->http_status)
        add(line, " %" PRId32, attempt->http_status);
    else
        add(line, " no reply");
    if (!attempt->ok)
        add(line, " %.*s", KLP_TEXT_ARG(attempt->error_code));
    if (attempt->curl_code)
        add(line, " (curl %" PRId32 ")", attempt->curl_code);
    if (attempt->sends == 0)
        add(line, ", nothing sent");
    else if (attempt->sends > 1)
        add(line, ", sent %" PRIu32 " times", attempt->sends);
}

/* All from its start, but for the time in the queue. What was not needed or did not come has none. */
static void add_times(struct line *line, const klp_attempt *attempt)
{
    const struct {
        const char *name;
        uint64_t us;
    } times[] = {
        {"name", attempt->name_us},
        {"connection", attempt->connect_us},
        {"TLS", attempt->tls_us},
        {"first byte", attempt->first_byte_us},
    };

    add(line, ", %.1f ms (queued %.1f", ms(attempt->total_us), ms(attempt->queue_us));
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i].us)
            add(line, ", %s at %.1f", times[i].name, ms(times[i].us));
    add(line, ")");
}

static void on_attempt(void *user, const klp_attempt *attempt)
{
    struct line line = {.size = 0};

    add(&line, "klp: ");
    if (attempt->ticket)
        add(&line, "ticket %" PRIu64 ", attempt %" PRIu32, attempt->ticket, attempt->attempt);
    else
        add(&line, "looking at the key, attempt %" PRIu32, attempt->attempt);
    add(&line, ": %.*s %.*s:", KLP_TEXT_ARG(attempt->method), KLP_TEXT_ARG(attempt->path_template));
    add_result(&line, attempt);
    add_times(&line, attempt);
    if (attempt->request_id.size)
        add(&line, ", request %.*s", KLP_TEXT_ARG(attempt->request_id));
    if (attempt->retry_in_ms >= 0)
        add(&line, "; again in %" PRId64 " ms", attempt->retry_in_ms);
    say(user, &line);
}

/* ---- the log ---- */

static void on_log(void *user, int32_t level, klp_text text)
{
    struct line line = {.size = 0};

    add(&line, "klp: %s%.*s",
        level <= KLP_LOG_ERROR     ? "error: "
        : level == KLP_LOG_WARNING ? "warning: "
                                   : "",
        KLP_TEXT_ARG(text));
    say(user, &line);
}

void verbose_start(struct verbose *verbose, bool is_verbose, klp_config *config)
{
    *verbose = (struct verbose){.wipes_progress = !is_verbose && isatty(STDERR_FILENO)};
    config->on_attempt = is_verbose ? on_attempt : NULL;
    config->on_log = on_log;
    config->log_level = is_verbose ? KLP_LOG_INFO : KLP_LOG_WARNING;
    config->callback_user = verbose;
}

void verbose_end(struct verbose *verbose)
{
    if (verbose->left_out)
        complain(LEFT_OUT, verbose->left_out);
    verbose->left_out = 0;
}
