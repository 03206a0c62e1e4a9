/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "complain.h"
#include "lines.h"
#include "progress.h"
#include "push.h"
#include "row.h"
#include "statistics.h"

enum { FULL_PATIENCE_MS = 2000, FULL_STEP_MS = 50 };

struct bulk {
    struct session *session;
    const char *event; /* for rows that name none, or NULL */
    struct lines lines;
    struct row row;
    struct progress progress;
    int64_t started_ms;
    int64_t full_since_ms; /* the outbox, while nothing is under way that could make room in it; 0: it is not */
    uint32_t flags;        /* of every push */
    bool is_row_waiting;   /* `row` found the queue full */
    bool is_cut_short;     /* not everything was read and pushed */
};

static void note_row(struct bulk *bulk, const char *what)
{
    progress_hide(&bulk->progress);
    complain("line %zu: %s", bulk->lines.number, what);
}

static void refuse_row(struct bulk *bulk, const char *why)
{
    note_row(bulk, why);
    bulk->session->tally.not_applied++;
}

/* An outbox has room again a moment after the last verdict was acknowledged, or it has none for this row. */
static bool is_worth_waiting(struct bulk *bulk, klp_status status)
{
    if (status == KLP_E_QUEUE_FULL || status == KLP_E_RESULTS_FULL)
        return true;
    if (status != KLP_E_OUTBOX_FULL)
        return false;
    if (!session_is_all_told(bulk->session))
        bulk->full_since_ms = 0;
    else if (!bulk->full_since_ms)
        bulk->full_since_ms = clock_ms();
    return !bulk->full_since_ms || clock_ms() - bulk->full_since_ms < FULL_PATIENCE_MS;
}

/* False: the queue is full, and the row waits. */
static bool push_row(struct bulk *bulk)
{
    struct session *session = bulk->session;
    klp_text_buffer why = {0};

    bulk->row.lobby.cookie = bulk->lines.number;
    bulk->row.lobby.flags = bulk->flags;
    klp_status status = session->klp->push(session->pusher, &bulk->row.lobby, NULL, &why);
    bulk->is_row_waiting = is_worth_waiting(bulk, status);
    if (bulk->is_row_waiting)
        return false;
    bulk->full_since_ms = 0;
    if (status == KLP_E_TIMEOUT)
        note_row(bulk, why.data);
    else if (status)
        refuse_row(bulk, why.data);
    session->tally.asked += status == KLP_OK || status == KLP_E_TIMEOUT;
    row_clear(&bulk->row);
    return true;
}

/* Pushes every whole line there is. False: the queue is full. */
static bool push_lines(struct bulk *bulk)
{
    const char *line;
    size_t size;

    if (bulk->is_row_waiting && !push_row(bulk))
        return false;
    for (;;) {
        switch (lines_take(&bulk->lines, &line, &size)) {
        case LINE_NOT_YET:
            return true;
        case LINE_TOO_LONG:
            refuse_row(bulk, "longer than 2 MiB");
            continue;
        case LINE_TAKEN:
            break;
        }
        if (!row_read(&bulk->row, line, size, bulk->event)) {
            refuse_row(bulk, bulk->row.why);
            row_clear(&bulk->row);
        } else if (!push_row(bulk)) {
            return false;
        }
    }
}

static void read_lines(struct bulk *bulk)
{
    if (lines_fill(&bulk->lines))
        return;
    progress_hide(&bulk->progress);
    complain("stdin: %s", strerror(errno));
    bulk->lines.is_at_end = true;
    bulk->is_cut_short = true;
}

static int wait_ms(const struct bulk *bulk)
{
    int progress_ms = progress_wait_ms(&bulk->progress);

    if (!bulk->full_since_ms || (progress_ms >= 0 && progress_ms < FULL_STEP_MS))
        return progress_ms;
    return FULL_STEP_MS;
}

/* Until every row was pushed and its verdict told, a signal comes, or stdout takes no more. */
static void run(struct bulk *bulk)
{
    struct session *session = bulk->session;
    struct pollfd ready[] = {
        {.fd = session->signals, .events = POLLIN}, {.fd = session->events, .events = POLLIN}, {.events = POLLIN}};

    for (;;) {
        bool is_room = push_lines(bulk);
        bool is_all_pushed = is_room && bulk->lines.is_at_end;
        if (is_all_pushed && session_is_all_told(session))
            return;

        ready[2].fd = is_room && !bulk->lines.is_at_end ? STDIN_FILENO : -1;
        if (poll(ready, 3, wait_ms(bulk)) < 0)
            continue;
        if (ready[1].revents)
            session_tell(session);
        if (ready[0].revents || session->output.has_failed) {
            bulk->is_cut_short |= !is_all_pushed;
            return;
        }
        if (ready[2].revents)
            read_lines(bulk);
        progress_show(&bulk->progress, &session->tally);
    }
}

static void sum_up(const struct bulk *bulk, bool is_quiet)
{
    const struct tally *tally = &bulk->session->tally;

    if (bulk->is_cut_short)
        complain("ended before line %zu was pushed", bulk->lines.number + !bulk->is_row_waiting);
    if (is_quiet)
        return;
    complain("%zu applied (%zu of them known before), %zu not applied, %zu possibly applied", tally->applied,
             tally->replayed, tally->not_applied, tally->possibly_applied);
    statistics_tell(bulk->session, clock_ms() - bulk->started_ms);
}

int push_many(struct session *session, const struct options *options)
{
    struct bulk bulk = {.session = session,
                        .event = options->event,
                        .started_ms = clock_ms(),
                        .flags = options->is_durable ? KLP_PUSH_DURABLE : 0};

    if (!lines_open(&bulk.lines, STDIN_FILENO)) {
        complain("out of memory");
        return EXIT_NOT_APPLIED;
    }
    /* With --verbose there are lines enough, and they would be written into it. */
    progress_start(&bulk.progress, !options->is_quiet && !options->is_verbose);
    run(&bulk);
    session_stop(session);
    progress_hide(&bulk.progress);
    sum_up(&bulk, options->is_quiet);
    row_clear(&bulk.row);
    lines_close(&bulk.lines);

    int status = session_exit_status(session);
    return status == EXIT_APPLIED && bulk.is_cut_short ? EXIT_NOT_APPLIED : status;
}
