/* SPDX-License-Identifier: Apache-2.0
 * Counts durations in the buckets of a klp_histogram. Pure. */
#ifndef KLP_TELEMETRY_HISTOGRAM_H
#define KLP_TELEMETRY_HISTOGRAM_H

#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* The histogram starts zeroed. What is beyond the last bucket's bound (25 days) is counted there. */
void histogram_note(klp_histogram *histogram, uint64_t us);

#endif
