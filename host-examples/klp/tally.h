/* SPDX-License-Identifier: Apache-2.0
 * What became of calls, and the exit status that it makes. */
#ifndef KLP_TALLY_H
#define KLP_TALLY_H

#include <kraty/lobby_pusher.h>
#include <stddef.h>

struct tally {
    size_t asked; /* calls that were accepted */
    size_t left;  /* calls that stay in the outbox without a verdict, known once it is stopped */
    size_t told;
    size_t applied;
    size_t replayed; /* of those applied */
    size_t not_applied;
    size_t possibly_applied;
    size_t queries_ok; /* what changes nothing */
    size_t queries_failed;
};

void tally_add(struct tally *tally, const klp_event *event);
int tally_exit_status(const struct tally *tally);

#endif
