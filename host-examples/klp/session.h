/* SPDX-License-Identifier: Apache-2.0
 * An open pusher, the signals that end it, and the tally of what it said. */
#ifndef KLP_SESSION_H
#define KLP_SESSION_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "output.h"
#include "tally.h"
#include "verbose.h"

struct session {
    const klp_api *klp;
    klp_pusher *pusher;
    bool has_outbox;
    int signals; /* SIGINT and SIGTERM: for poll */
    int events;  /* the pusher's: for poll */
    struct output output;
    struct verbose verbose;
    struct tally tally;
};

/* Calls under way at once with many rosters: enough to keep every connection busy, and few enough that none waits
 * long for its turn. */
enum { SESSION_MAX_QUEUED = 256 };

/* The pusher's name with an outbox, where none is given: its file goes by it, so it is the same in every run. */
#define SESSION_OUTBOX_NAME "klp"

/* SIGINT and SIGTERM no longer end the process: the descriptor, which poll() watches, tells of them. -1: errno says
 * why.
 */
int session_open_signals(void);

/* False: stderr says why, nothing was sent, nothing is to be closed. The session stays where it is until it is closed:
 * the pusher points at it. */
bool session_open(struct session *session, const struct options *options);

/* Writes what has come to stdout, and acknowledges what is written. */
void session_tell(struct session *session);

/* Whether every call so far is answered and told, and with an outbox what an earlier process had left in it, too. */
bool session_is_all_told(const struct session *session);

/* Waits until it is so; a signal ends it earlier, with honest answers. */
void session_finish(struct session *session);

/* Behind the one call of a run, which returned `status`, and `why` if that is not KLP_OK: waits for its verdict, unless
 * it was refused. Returns the exit status. */
int session_conclude(struct session *session, klp_status status, const char *why);

/* Ends it at once but for a short drain; what was asked is told, or left in the outbox, which stderr says. */
void session_stop(struct session *session);

/* Stops it if that was not done, and releases everything. */
void session_close(struct session *session);

/* The exit status that the tally is. */
int session_exit_status(const struct session *session);

#endif
