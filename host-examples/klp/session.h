/* SPDX-License-Identifier: Apache-2.0
 * An open pusher, the signals that end it, and the tally of what it said. */
#ifndef KLP_SESSION_H
#define KLP_SESSION_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "output.h"
#include "verbose.h"

struct tally {
    size_t asked; /* calls that were accepted */
    size_t told;
    size_t applied;
    size_t replayed; /* of those applied */
    size_t not_applied;
    size_t possibly_applied;
    size_t queries_ok; /* what changes nothing */
    size_t queries_failed;
};

struct session {
    const klp_api *klp;
    klp_pusher *pusher;
    int signals; /* SIGINT and SIGTERM: for poll */
    int events;  /* the pusher's: for poll */
    struct output output;
    struct verbose verbose;
    struct tally tally;
};

/* Calls under way at once with many rosters: enough to keep every connection busy, and few enough that none waits
 * long for its turn. */
enum { SESSION_MAX_QUEUED = 256 };

/* False: stderr says why, nothing was sent, nothing is to be closed. The session stays where it is until it is closed:
 * the pusher points at it. */
bool session_open(struct session *session, const struct options *options);

/* Writes what has come to stdout, and acknowledges what is written. */
void session_tell(struct session *session);

/* Waits until every call so far is answered and told; a signal ends it earlier, with honest answers. */
void session_finish(struct session *session);

/* Behind the one call of a run, which returned `status`, and `why` if it was refused: waits for its verdict. Returns
 * the exit status. */
int session_conclude(struct session *session, klp_status status, const char *why);

/* Ends it at once but for a short drain; what was asked is told. */
void session_stop(struct session *session);

/* Stops it if that was not done, and releases everything. */
void session_close(struct session *session);

/* The exit status that the tally is. */
int session_exit_status(const struct session *session);

#endif
