/* SPDX-License-Identifier: Apache-2.0
 * Pushers that deliver what files of an outbox hold, each in the name of a file's owner. */
#ifndef KLP_OUTBOX_PUSHERS_H
#define KLP_OUTBOX_PUSHERS_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

#include "options.h"
#include "outbox_files.h"
#include "output.h"
#include "tally.h"
#include "verbose.h"

/* How far the events of a file were told. */
struct outbox_told {
    const struct outbox_file *file;
    uint64_t seq;
};

struct outbox_pusher {
    klp_pusher *pusher;
    int events; /* for poll */
    struct verbose verbose;
};

struct outbox_pushers {
    const klp_api *klp;
    const struct options *options;
    struct outbox_told *files;
    size_t file_count;
    struct outbox_pusher *items; /* as many as there are files, at most */
    size_t count;
    struct output *output;
    struct tally *tally;
};

/* Opens one for each of these files, which are all that nobody has open of some names. False: stderr says why not all
 * could be; those that could are open all the same. It stays where it is until it is closed. */
bool outbox_pushers_open(struct outbox_pushers *pushers);

/* Tells what verdicts have come; those of this run count. They stay in the outbox without --ack. */
void outbox_pushers_tell(struct outbox_pushers *pushers);

/* Whether there is nothing left to be done. *undecided: calls. */
bool outbox_pushers_are_done(const struct outbox_pushers *pushers, uint64_t *undecided);

/* Stops and closes them, within a little; tells what they have not, and counts what is left. False: stderr says why
 * that could not be read. */
bool outbox_pushers_close(struct outbox_pushers *pushers);

#endif
