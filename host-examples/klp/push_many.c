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

struct bulk {
    struct session *session;
    const char *event; /* for rows that name none, or NULL */
    struct lines lines;
    struct row row;
    struct progress progress;
    int64_t started_ms;
    bool is_row_waiting; /* `row` found the queue full */
    bool is_cut_short;   /* not everything was read and pushed */
};

static void refuse_row(struct bulk *bulk, const char *why)
{
    progress_hide(&bulk->progress);
    complain("line %zu: %s", bulk->lines.number, why);
    bulk->session->tally.not_applied++;
}

/* False: the queue is full, and the row waits. */
static bool push_row(struct bulk *bulk)
{
    struct session *session = bulk->session;
    klp_text_buffer why = {0};

    bulk->row.lobby.cookie = bulk->lines.number;
    klp_status status = session->klp->push(session->pusher, &bulk->row.lobby, NULL, &why);
    bulk->is_row_waiting = status == KLP_E_QUEUE_FULL || status == KLP_E_RESULTS_FULL;
    if (bulk->is_row_waiting)
        return false;
    if (status)
        refuse_row(bulk, why.data);
    else
        session->tally.asked++;
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

/* Until every row was pushed and its verdict told, a signal comes, or stdout takes no more. */
static void run(struct bulk *bulk)
{
    struct session *session = bulk->session;
    struct pollfd ready[] = {
        {.fd = session->signals, .events = POLLIN}, {.fd = session->events, .events = POLLIN}, {.events = POLLIN}};

    for (;;) {
        bool is_room = push_lines(bulk);
        bool is_all_pushed = is_room && bulk->lines.is_at_end;
        if (is_all_pushed && session->tally.told == session->tally.asked)
            return;

        ready[2].fd = is_room && !bulk->lines.is_at_end ? STDIN_FILENO : -1;
        if (poll(ready, 3, progress_wait_ms(&bulk->progress)) < 0)
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
    struct bulk bulk = {.session = session, .event = options->event, .started_ms = clock_ms()};

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
