/* SPDX-License-Identifier: Apache-2.0
 * What many rosters took, as a line on stderr. */
#ifndef KLP_STATISTICS_H
#define KLP_STATISTICS_H

#include <stdint.h>

#include "session.h"

void statistics_tell(const struct session *session, int64_t elapsed_ms);

#endif
