/* SPDX-License-Identifier: Apache-2.0
 *
 * flexmatch-events: the events of FlexMatch come in, and the match of each MatchmakingSucceeded goes to Kraty, once,
 * however often and in whatever order SNS delivers it: the match's id is the lobby's key, by which Kraty knows a
 * repeat. Events come on stdin, a JSON document a line, and with --listen as SNS posts them: bare, in a notification,
 * or in the record of a Lambda invocation. Verdicts go to stdout, a line each.
 *
 *     flexmatch-events [OPTION]... < events.ndjson          (ends when all have their verdict)
 *     flexmatch-events --listen 127.0.0.1:8080 [OPTION]...  (ends upon SIGTERM) */
#include "options.h"
#include "sns_listener.h"

#include <errno.h>
#include <jansson.h>
#include <kraty/lobby_pusher_load.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SHUTDOWN_MS 5000 /* what is on its way gets this long when a signal ends us */
#define LOOK_MS     100  /* between two looks whether the last verdict, or room, is there */

static const klp_api *klp;
static klp_pusher *pusher;
static klp_text_buffer why;
static klp_roster_options roster_options = KLP_ROSTER_OPTIONS_INIT; /* beside what an event says */
static bool has_outbox;

static struct {
    size_t pushed, not_final, refused, repeated, failed;
} counts;

/* What others wrote may hold what a terminal, or a reader of lines, takes for something else. */
static void print_plain(FILE *stream, klp_text text)
{
    for (size_t i = 0; i < text.size; i++)
        putc((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : text.data[i], stream);
}

/* ---- events in ---- */

enum fate { TAKEN, REFUSED, NOT_NOW };

/* What becomes of one; of what is refused `why` says why. */
static enum fate push_event(const char *document, size_t size, uint32_t flags, klp_status *status)
{
    klp_roster_options options = roster_options;

    options.flags = flags;
    *status = klp->push_document(pusher, klp_cstr(KLP_FORMAT_FLEXMATCH_EVENT), document, size, &options, NULL, &why);
    switch (*status) {
    case KLP_OK:
        counts.pushed++;
        return TAKEN;
    case KLP_E_NOT_FINAL: /* seven of eight types: a ticket waits, a match is proposed, accepted, cancelled, … */
        counts.not_final++;
        return TAKEN;
    case KLP_E_MALFORMED:
    case KLP_E_TRUNCATED:
    case KLP_E_ROSTER:
    case KLP_E_INVALID_ARGUMENT:
        counts.refused++;
        return REFUSED;
    default: /* no room: when verdicts came there is */
        return NOT_NOW;
    }
}

static char input[2 * KLP_MAX_DOCUMENT_BYTES];
static size_t input_bytes, line_number;
static bool is_in_long_line; /* in the rest of one that no event is as long as */

/* False: not now, but the same line again when verdicts came. */
static bool take_line(const char *line, size_t size)
{
    klp_status status;

    if (size > 0 && !is_in_long_line)
        switch (push_event(line, size, 0, &status)) {
        case TAKEN:
            break;
        case REFUSED:
            fprintf(stderr, "line %zu: %s\n", line_number + 1, why.data);
            break;
        case NOT_NOW:
            return false;
        }
    is_in_long_line = false;
    line_number++;
    return true;
}

/* Takes the whole lines in the buffer. False: not now. */
static bool take_lines(void)
{
    char *line = input, *end;

    while ((end = memchr(line, '\n', input_bytes)) && take_line(line, (size_t)(end - line))) {
        input_bytes -= (size_t)(end + 1 - line);
        line = end + 1;
    }
    memmove(input, line, input_bytes);
    if (!end && input_bytes == sizeof input - 1) {
        if (!is_in_long_line) {
            fprintf(stderr, "line %zu: longer than an event may be\n", line_number + 1);
            counts.refused++;
        }
        is_in_long_line = true;
        input_bytes = 0;
    }
    return !end;
}

/* False: that was the last of it. */
static bool read_input(void)
{
    ssize_t got = read(STDIN_FILENO, input + input_bytes, sizeof input - 1 - input_bytes);

    if (got > 0)
        input_bytes += (size_t)got;
    else if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    else if (input_bytes > 0)
        input[input_bytes++] = '\n'; /* the last line came without */
    return got > 0;
}

/* ---- events in from SNS ---- */

/* Before SNS sends a topic's messages it sends a URL, which somebody has to visit. Not we: whoever can post here could
 * then have us fetch any URL from inside of this network, or subscribe us to a topic of their own. */
static void show_subscription(const char *body, size_t size)
{
    json_t *message = json_loadb(body, size, 0, NULL);
    const char *type, *topic, *url;

    if (message &&
        json_unpack(message, "{s:s, s:s, s:s}", "Type", &type, "TopicArn", &topic, "SubscribeURL", &url) == 0) {
        fputs("SNS: ", stderr);
        print_plain(stderr, klp_cstr(type));
        fputs(" of ", stderr);
        print_plain(stderr, klp_cstr(topic));
        fputs(". If that topic is yours, and is to be sent here, visit ", stderr);
        print_plain(stderr, klp_cstr(url));
        putc('\n', stderr);
    }
    json_decref(message);
}

/* Returns the HTTP status. SNS forgets what was answered with 200: with an outbox, only when the disk has it. */
static unsigned on_message(const char *body, size_t size)
{
    klp_status status;

    switch (push_event(body, size, has_outbox ? KLP_PUSH_DURABLE : 0, &status)) {
    case TAKEN:
        if (status == KLP_E_NOT_FINAL)
            show_subscription(body, size);
        return 200;
    case REFUSED:
        fprintf(stderr, "SNS: refused: %s\n", why.data);
        return 400;
    case NOT_NOW: /* or, with KLP_E_TIMEOUT, accepted and not yet on the disk: sent again it joins itself */
        break;
    }
    fprintf(stderr, "SNS: not now: %s\n", klp->status_text(status));
    return 503;
}

/* ---- verdicts out ---- */

static void tell(const klp_event *event)
{
    counts.repeated += event->replayed || event->joined;
    counts.failed += !event->ok;
    print_plain(stdout, event->key);
    printf(" %s ", klp->outcome_text(event->outcome));
    print_plain(stdout, event->ok ? event->lobby_id : event->error_code);
    printf(" %.3f ms%s%s\n", (double)event->elapsed_us / 1000,
           event->replayed ? " replayed" /* Kraty knew it */
           : event->joined ? " joined"   /* it shared the request of one that was on its way */
                           : "",
           event->recovered ? " recovered" : "");
    if (klp_event_is_idempotency_conflict(event)) {
        print_plain(stderr, event->key);
        fputs(": Kraty has this match with the roster that was pushed first, and that one stands\n", stderr);
    }
}

/* False: stdout takes no more; what it did not take is not acknowledged, and with an outbox told to the next process.
 */
static bool tell_verdicts(uint32_t timeout_ms)
{
    const klp_event *event;

    while (klp->next_event(pusher, timeout_ms, &event) == KLP_OK) {
        tell(event);
        if (fflush(stdout))
            return false;
        klp->ack(pusher, event);
    }
    return true;
}

/* One poll loop, until the input has ended and every push has its verdict: true; or until something else ends it. */
static bool run(int signals, struct sns_listener *listener)
{
    struct pollfd ready[] = {{.fd = signals, .events = POLLIN},
                             {.events = POLLIN},
                             {.fd = listener ? sns_listener_descriptor(listener) : -1, .events = POLLIN},
                             {.events = POLLIN}};
    bool is_input_open = true;

    klp->event_fd(pusher, &ready[1].fd);
    for (;;) {
        bool is_room = take_lines();
        bool is_ending = !is_input_open && is_room && !listener;
        if (is_ending && klp->flush(pusher, 0) == KLP_OK)
            return true;
        ready[3].fd = is_input_open && is_room ? STDIN_FILENO : -1;
        int timeout_ms = listener ? sns_listener_timeout_ms(listener) : -1;
        if ((is_ending || !is_room) && (timeout_ms < 0 || timeout_ms > LOOK_MS))
            timeout_ms = LOOK_MS;
        while (poll(ready, 4, timeout_ms) < 0)
            if (errno != EINTR)
                return false;
        if (ready[0].revents || !tell_verdicts(0))
            return listener && ready[0].revents; /* nothing but a signal ends who listens */
        if (listener)
            sns_listener_run(listener);
        if (ready[3].revents)
            is_input_open = read_input();
    }
}

int main(int argc, char **argv)
{
    struct options options;
    struct sns_listener *listener = NULL;
    const char *reason;
    sigset_t ends;

    if (!options_read(argc, argv, &options))
        return 2;
    if (!(klp = klp_load(NULL, &why)))
        return fprintf(stderr, "load: %s\n", why.data), 1;
    roster_options.event_key = klp_cstr(options.event_key);
    roster_options.capacity = options.capacity;
    has_outbox = options.outbox_dir != NULL;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);

    klp_config config = KLP_CONFIG_INIT; /* the API key comes from KRATY_SERVER_KEY */
    config.name = klp_cstr(options.name);
    config.game_id = klp_cstr(options.game_id);
    config.outbox_dir = klp_cstr(options.outbox_dir);
    config.max_queued = options.max_queued;
    if (klp->open(&config, &pusher, &why))
        return fprintf(stderr, "open: %s\n", why.data), 1;
    if (options.listen && !(listener = sns_listener_open(options.listen, on_message, &reason))) {
        fprintf(stderr, "listen %s: %s\n", options.listen, reason);
        klp->close(pusher);
        return 1;
    }
    if (listener)
        fprintf(stderr, "listening on http://127.0.0.1:%u\n", sns_listener_port(listener));

    bool is_listening = listener != NULL, is_all = run(signalfd(-1, &ends, SFD_CLOEXEC), listener);
    sns_listener_close(listener);
    klp->stop(pusher, SHUTDOWN_MS);
    bool is_told = tell_verdicts(KLP_WAIT_FOREVER); /* until the last */
    klp->close(pusher);
    fprintf(stderr, "%zu pushed, %zu repeated, %zu failed; %zu not final, %zu refused\n", counts.pushed,
            counts.repeated, counts.failed, counts.not_final, counts.refused);
    return is_all && is_told && (is_listening || (!counts.refused && !counts.failed)) ? 0 : 1;
}
