/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

#include <inttypes.h>
#include <stdio.h>

#include "complain.h"

static double quantile_ms(const klp_histogram *histogram, uint32_t permille)
{
    return (double)klp_histogram_quantile_us(histogram, permille) / 1000;
}

void statistics_tell(const struct session *session, int64_t elapsed_ms)
{
    klp_stats stats = KLP_STATS_INIT;
    klp_histogram total = {.struct_size = sizeof total};
    double elapsed_s = (double)(elapsed_ms > 0 ? elapsed_ms : 1) / 1000;
    char latencies[128] = "";

    if (session->tally.asked == 0 || session->klp->stats(session->pusher, &stats) ||
        session->klp->latencies(session->pusher, KLP_LATENCY_TOTAL, &total))
        return;
    if (total.count)
        snprintf(latencies, sizeof latencies, "; to the verdict p50 %.1f ms, p99 %.1f ms, longest %.1f ms",
                 quantile_ms(&total, 500), quantile_ms(&total, 990), (double)total.max_us / 1000);
    complain("%zu pushed in %.3f s (%.0f/s), %" PRIu64 " joined another; %" PRIu64 " attempts, %" PRIu64 " retries%s",
             session->tally.asked, elapsed_s, (double)session->tally.asked / elapsed_s, stats.joined, stats.attempts,
             stats.retries, latencies);
}
