/* SPDX-License-Identifier: Apache-2.0
 * What the command line says. */
#ifndef FLEXMATCH_EVENTS_OPTIONS_H
#define FLEXMATCH_EVENTS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Texts are arguments or literals; NULL: not given. */
struct options {
    const char *game_id, *event_key;
    uint32_t capacity;      /* of every lobby; 0: the event's */
    const char *listen;     /* 127.0.0.1:PORT */
    const char *outbox_dir; /* what was accepted outlives the process … */
    const char *name;       /* … and is taken up by the next one of this name */
    uint32_t max_queued;    /* pushes without a verdict; 0: the library's bound */
};

/* False: they are wrong, and stderr says how. */
bool options_read(int argc, char **argv, struct options *options);

#endif
