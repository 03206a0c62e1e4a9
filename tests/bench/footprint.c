/* SPDX-License-Identifier: Apache-2.0
 * What a host's process grows by: resident memory and threads before the library is loaded, with it, with an open
 * pusher, and after a thousand pushes; and how fast verdicts come back, in the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "rig.h"

enum { PUSHES = 20000 };

static void show(const char *when)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long rss_kb = 0, threads = 0;

    while (status && fgets(line, sizeof line, status)) {
        sscanf(line, "VmRSS: %ld", &rss_kb);
        sscanf(line, "Threads: %ld", &threads);
    }
    if (status)
        fclose(status);
    printf("%-36s %7ld kB %3ld threads\n", when, rss_kb, threads);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void push_and_take(struct rig *rig, const char *prefix, int count)
{
    char key[64];
    int taken = 0;

    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "%s-%d", prefix, i);
        klp_lobby lobby = rig_lobby(key);
        const klp_event *event;
        while (rig->klp->push(rig->pusher, &lobby, NULL, NULL) == KLP_E_QUEUE_FULL) {
            rig_ack(rig, rig_take(rig));
            taken++;
        }
        for (; rig->klp->next_event(rig->pusher, 0, &event) == KLP_OK; taken++)
            rig_ack(rig, event);
    }
    for (; taken < count; taken++)
        rig_ack(rig, rig_take(rig));
}

int main(void)
{
    struct rig rig = {0};

    show("before the library is loaded");
    rig.klp = rig_load();
    show("loaded");
    rig.sandbox = sandbox_start(NULL);
    rig_open(&rig, NULL);
    show("a pusher is open");
    push_and_take(&rig, "few", 1000);
    show("after 1,000 pushes");
    double start = seconds();
    push_and_take(&rig, "many", PUSHES);
    double elapsed = seconds() - start;
    show("after 21,000 pushes");
    printf("%d pushes in %.2f s: %.0f pushes/s over %d connections\n", PUSHES, elapsed, PUSHES / elapsed,
           (int)rig_stats(&rig).connections);
    rig_close(&rig);
    show("closed");
    sandbox_stop(rig.sandbox);
    return 0;
}
