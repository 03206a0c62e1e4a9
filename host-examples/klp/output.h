/* SPDX-License-Identifier: Apache-2.0
 * Lines to stdout that a reader who does not read cannot hold up for ever. */
#ifndef KLP_OUTPUT_H
#define KLP_OUTPUT_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>

struct output {
    int signals;     /* readable once the program was asked to end */
    bool has_failed; /* and said so on stderr; nothing more is written */
};

/* Writes the line and a line break, unbuffered: what is written is out. Waits for a slow reader, but only a little
 * once the program was asked to end. False: it failed, now or before. */
bool output_line(struct output *output, klp_text line);

#endif
