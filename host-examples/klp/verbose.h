/* SPDX-License-Identifier: Apache-2.0
 * What the pusher tells while it works, as lines on stderr: its warnings and errors; with --verbose everything, and
 * every attempt. */
#ifndef KLP_VERBOSE_H
#define KLP_VERBOSE_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

/* The pusher's thread alone uses it while the pusher is open. */
struct verbose {
    bool wipes_progress; /* a line of it may stand on the terminal */
    size_t left_out;     /* lines, since stderr last took one */
};

/* Sets the callbacks of `config`, which point at `verbose` from then on. */
void verbose_start(struct verbose *verbose, bool is_verbose, klp_config *config);

/* Once the pusher is closed: tells how many lines were lost last. */
void verbose_end(struct verbose *verbose);

#endif
