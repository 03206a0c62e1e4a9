/* SPDX-License-Identifier: Apache-2.0
 *
 * The counters of GET /_sandbox/stats. */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <stdatomic.h>
#include <stdint.h>

struct stats {
    atomic_uint_fast64_t requests; /* all but the control path's */
    atomic_uint_fast64_t connections_opened;
    atomic_uint_fast64_t connections_open;
    atomic_uint_fast64_t connections_reset_on_accept;
    atomic_uint_fast64_t faults_struck;
    atomic_uint_fast64_t pushes_applied;
    atomic_uint_fast64_t pushes_replayed;
    atomic_uint_fast64_t conflicts; /* every idempotency_conflict */
};

/* Everything but what is open: those connections are still there. */
static inline void stats_reset(struct stats *stats)
{
    atomic_store(&stats->requests, 0);
    atomic_store(&stats->connections_opened, 0);
    atomic_store(&stats->connections_reset_on_accept, 0);
    atomic_store(&stats->faults_struck, 0);
    atomic_store(&stats->pushes_applied, 0);
    atomic_store(&stats->pushes_replayed, 0);
    atomic_store(&stats->conflicts, 0);
}

static inline void stats_count(atomic_uint_fast64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

#endif
