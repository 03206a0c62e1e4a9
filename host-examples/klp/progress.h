/* SPDX-License-Identifier: Apache-2.0
 * A line on the terminal while many lobbies are on their way. */
#ifndef KLP_PROGRESS_H
#define KLP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tally.h"

struct progress {
    bool is_wanted;
    bool is_shown;
    int64_t next_ms;
};

/* Nothing is ever shown when stderr is no terminal, or there is to be none. */
void progress_start(struct progress *progress, bool is_allowed);

/* Shows it when it is time to. */
void progress_show(struct progress *progress, const struct tally *tally);
void progress_show_left(struct progress *progress, const struct tally *tally, uint64_t undecided);

/* For poll(): until it is time; -1 for never. */
int progress_wait_ms(const struct progress *progress);

/* Takes it away again, for something else to be written. */
void progress_hide(struct progress *progress);

#endif
