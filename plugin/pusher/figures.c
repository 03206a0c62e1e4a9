/* SPDX-License-Identifier: Apache-2.0
 * What can be asked of a pusher at work: statistics, latencies, and both as a page of metrics. */
#include <string.h>

#include "clock.h"
#include "pusher/pusher.h"
#include "telemetry/metrics.h"

/* Those that the worker has seen are older than those that it has not. */
uint64_t pusher_oldest_push_us(const klp_pusher *pusher)
{
    const struct job *job = pusher->intake.first;

    if (pusher->oldest_push_us)
        return pusher->oldest_push_us;
    while (job && job->event.op != KLP_OP_PUSH)
        job = job->next;
    return job ? job->accepted_us : 0;
}

static klp_stats stats_now(klp_pusher *pusher)
{
    uint64_t now_us = clock_now_us();

    pthread_mutex_lock(&pusher->lock);
    klp_stats stats = pusher->stats;
    stats.in_flight = pusher->in_flight;
    stats.queued = pusher->undecided > pusher->in_flight ? pusher->undecided - pusher->in_flight : 0;
    stats.awaiting = pusher->awaiting;
    stats.gate_opens_in_ms = pusher->gate_opens_us > now_us ? (pusher->gate_opens_us - now_us + 999) / 1000 : 0;
    if (stats.gate == KLP_GATE_HELD && stats.gate_opens_in_ms == 0)
        stats.gate = KLP_GATE_PROBING; /* its time has come; the worker sees it when there is something to send */
    uint64_t oldest_us = pusher_oldest_push_us(pusher);
    if (oldest_us) /* 0 is for none */
        stats.oldest_push_age_ms = 1 + (oldest_us < now_us ? (now_us - oldest_us) / 1000 : 0);
    pthread_mutex_unlock(&pusher->lock);
    stats.struct_size = (uint32_t)sizeof stats;
    return stats;
}

/* Fills a struct of the caller's, of whatever size he knows, which is its first member. */
static void fill_struct(void *given, const void *known, uint32_t known_size)
{
    uint32_t struct_size;

    memcpy(&struct_size, given, sizeof struct_size);
    memcpy(given, known, struct_size < known_size ? struct_size : known_size);
    if (struct_size > known_size)
        memset((char *)given + known_size, 0, struct_size - known_size);
    memcpy(given, &struct_size, sizeof struct_size);
}

void pusher_stats(klp_pusher *pusher, klp_stats *stats)
{
    klp_stats known = stats_now(pusher);
    fill_struct(stats, &known, (uint32_t)sizeof known);
}

static klp_histogram latencies_now(klp_pusher *pusher, bool of_queue)
{
    pthread_mutex_lock(&pusher->lock);
    klp_histogram histogram = of_queue ? pusher->queue_latencies : pusher->total_latencies;
    pthread_mutex_unlock(&pusher->lock);
    return histogram;
}

void pusher_latencies(klp_pusher *pusher, bool of_queue, klp_histogram *histogram)
{
    klp_histogram known = latencies_now(pusher, of_queue);
    fill_struct(histogram, &known, (uint32_t)sizeof known);
}

klp_status pusher_metrics(klp_pusher *pusher, char *out, size_t capacity, size_t *size)
{
    klp_stats stats = stats_now(pusher);
    klp_histogram queue = latencies_now(pusher, true), total = latencies_now(pusher, false);
    struct metrics metrics = {.name = pusher->settings.name, .stats = &stats, .queue = &queue, .total = &total};

    *size = metrics_write(&metrics, NULL, 0);
    if (*size >= capacity)
        return KLP_E_INVALID_ARGUMENT;
    metrics_write(&metrics, out, capacity);
    out[*size] = '\0';
    return KLP_OK;
}
