/* SPDX-License-Identifier: Apache-2.0 */
#include "clock_leap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guest.h"
#include "process.h"

static int32_t outcome_named(const char *name)
{
    for (int32_t outcome = KLP_APPLIED; outcome <= KLP_POSSIBLY_APPLIED; outcome++)
        if (strcmp(guest_api()->outcome_text(outcome), name) == 0)
            return outcome;
    fail_msg("%s is no outcome", name);
    return KLP_OUTCOME_NONE;
}

klp_event clock_leap_run(const struct clock_leap *leap)
{
    static char error[64];
    char program[4096], seconds[16], deadline_ms[16], outcome[64];
    unsigned long long elapsed_ms = 0;
    klp_event event = {0};

    snprintf(seconds, sizeof seconds, "%d", leap->seconds);
    snprintf(deadline_ms, sizeof deadline_ms, "%u", leap->deadline_ms);
    const char *const argv[] = {
        guest_program("clock_leaps", program), leap->url, leap->when, seconds, deadline_ms, NULL};
    struct process_result run = process_run(argv, guest_environment, NULL);
    if (run.exit_status != 0 || run.errors_bytes > 0 ||
        sscanf(run.output, "%63s %63s %u %u %d %llu", outcome, error, &event.attempts, &event.sends, &event.http_status,
               &elapsed_ms) != 6)
        fail_msg("exit status %d, signal %d\nstdout: %s\nstderr: %s", run.exit_status, run.signal_number, run.output,
                 run.errors);
    process_result_clear(&run);
    event.outcome = outcome_named(outcome);
    event.ok = event.outcome == KLP_APPLIED;
    event.error_code = klp_cstr(strcmp(error, "-") == 0 ? "" : error);
    event.elapsed_us = elapsed_ms * 1000;
    return event;
}
