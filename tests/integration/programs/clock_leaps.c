/* SPDX-License-Identifier: Apache-2.0
 *
 * clock_leaps URL WHEN SECONDS DEADLINE_MS: a host whose wall clock is set while a push is under way, as all code of
 * its process sees it, libraries included. WHEN is `before` the push, `out` (its first request is) or `answered` (that
 * is, and the next one is waited for). Prints the verdict: outcome, error code, attempts, sends, HTTP status,
 * milliseconds. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "host.h"

/* ─── The clock: -rdynamic puts these before libc's own ─────────────────────────────────────────── */

static atomic_long leap_s;

int clock_gettime(clockid_t id, struct timespec *now)
{
    long status = syscall(SYS_clock_gettime, id, now);
    if (status == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        now->tv_sec += atomic_load(&leap_s);
    return (int)status;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

/* ─── The push ──────────────────────────────────────────────────────────────────────────────────── */

static klp_config config_of(const char *url, uint32_t deadline_ms)
{
    klp_config config = host_config(url, NULL, NULL);
    config.deadline_ms = deadline_ms;
    config.backoff_initial_ms = 200;
    config.jitter_permille = KLP_JITTER_NONE;
    return config;
}

static void leap(const klp_api *api, klp_pusher *pusher, const char *when, long seconds)
{
    const klp_event *event;

    if (strcmp(when, "out") == 0)
        HOST_AWAIT(host_stats(api, pusher).in_flight > 0);
    else
        HOST_AWAIT(host_stats(api, pusher).attempts > 0);
    atomic_store(&leap_s, seconds);
    HOST_REQUIRE(api->next_event(pusher, 0, &event) == KLP_E_TIMEOUT); /* else it was not under way */
}

int main(int argc, char **argv)
{
    HOST_REQUIRE(argc == 5);
    const char *when = argv[2];
    long seconds = strtol(argv[3], NULL, 10);
    bool is_before = strcmp(when, "before") == 0;
    const klp_api *api = host_load();
    klp_config config = config_of(argv[1], (uint32_t)strtoul(argv[4], NULL, 10));

    if (is_before)
        atomic_store(&leap_s, seconds);
    klp_pusher *pusher = host_open(api, &config);
    uint64_t begun_ms = host_now_ms();
    host_push(api, pusher, 7);
    if (!is_before)
        leap(api, pusher, when, seconds);
    const klp_event *event = host_next_event(api, pusher);
    printf("%s %s %u %u %d %llu\n", api->outcome_text(event->outcome), event->ok ? "-" : event->error_code.data,
           event->attempts, event->sends, (int)event->http_status, (unsigned long long)(host_now_ms() - begun_ms));
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    return 0;
}
