/* SPDX-License-Identifier: Apache-2.0
 * Rosters out of the documents that matchmakers make. Knows nothing of pushers. */
#ifndef KLP_ROSTER_ROSTER_H
#define KLP_ROSTER_ROSTER_H

#include "kraty/lobby_pusher.h"
#include "roster/format.h"
#include "roster/refusal.h"

/* Reads a document of at most JSON_MAX_BYTES. The options' texts have been checked; of a push's nothing is looked at.
 *
 * True: *roster is the caller's until roster_free(). False: *roster is NULL, *refusal says why. */
bool roster_read(const struct format *format, const char *text, size_t size, const klp_roster_options *options,
                 klp_roster **roster, struct roster_refusal *refusal);
void roster_free(klp_roster *roster); /* NULL is legal */

#endif
