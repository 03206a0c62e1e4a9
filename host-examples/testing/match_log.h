/* SPDX-License-Identifier: Apache-2.0
 * The part of a matchmaker that is to be tested: it pushes matches, and keeps for each what became of it. */
#ifndef MATCH_LOG_H
#define MATCH_LOG_H

#include <kraty/lobby_pusher.h>

enum { MATCHES = 64, MATCH_KEY_BYTES = 32 };

struct match {
    char key[MATCH_KEY_BYTES];
    const char *outcome; /* "waiting" until it is pushed, then "pushed", then what the verdict says */
};

struct match_log {
    const klp_api *klp;
    klp_pusher *pusher;
    uint64_t last_seq; /* what is not above it was heard before */
    unsigned count, conflicts, recovered;
    struct match matches[MATCHES];
};

/* Takes a match in; false: there is no room for it. */
int match_log_add(struct match_log *log, const char *key);

/* Once a tick: pushes what waits, as long as the queue takes it, and hears what became of the rest. Never waits. */
void match_log_tick(struct match_log *log);

/* NULL: no such match. */
const char *match_log_outcome(const struct match_log *log, const char *key);

#endif
