/* SPDX-License-Identifier: Apache-2.0
 * klp roster, and klp push --roster-format: rosters out of matchmakers' documents. Both return the exit status. */
#ifndef KLP_ROSTER_H
#define KLP_ROSTER_H

#include "options.h"

int roster_tell(const struct options *options);
int roster_push(const struct options *options);

#endif
