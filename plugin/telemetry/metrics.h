/* SPDX-License-Identifier: Apache-2.0
 * Statistics and latencies as OpenMetrics 1.0 text. Pure. */
#ifndef KLP_TELEMETRY_METRICS_H
#define KLP_TELEMETRY_METRICS_H

#include <stddef.h>

#include "kraty/lobby_pusher.h"

struct metrics {
    klp_text name; /* of the pusher, UTF-8: every sample has it as the label `pusher` */
    const klp_stats *stats;
    const klp_histogram *queue, *total;
};

/* Bytes of the text, to its "# EOF" and a line feed; no NUL is written or counted. What is in `out` is of use when they
 * fit into capacity; nothing is written past that. */
size_t metrics_write(const struct metrics *metrics, char *out, size_t capacity);

#endif
