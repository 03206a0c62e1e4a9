/* SPDX-License-Identifier: Apache-2.0
 * What the system allows a process that is started as klp was. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "doctor_checks.h"

enum { FEW_DESCRIPTORS = 256 }; /* a pusher has some thirty, and nanomsg ends a process that finds none free */

static void check_descriptors(struct report *report)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    if (limit.rlim_cur < FEW_DESCRIPTORS)
        report_line(report, HEALTH_WARN, "descriptors",
                    "Raise it (ulimit -n, LimitNOFILE=): a pusher takes some thirty beside the host's own",
                    "a process may have %ju", (uintmax_t)limit.rlim_cur);
    else if (limit.rlim_cur == RLIM_INFINITY)
        report_line(report, HEALTH_OK, "descriptors", NULL, "a process may have as many as it likes");
    else
        report_line(report, HEALTH_OK, "descriptors", NULL, "a process may have %ju", (uintmax_t)limit.rlim_cur);
}

/* What is piped to a program is not held to the limit: core(5). */
static bool are_piped(void)
{
    FILE *pattern = fopen("/proc/sys/kernel/core_pattern", "re");
    bool are = pattern && fgetc(pattern) == '|';

    if (pattern)
        fclose(pattern);
    return are;
}

static void check_core_dumps(struct examination *examination)
{
    struct report *report = &examination->report;
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit))
        return;
    if (limit.rlim_cur == 0 && !are_piped())
        report_line(report, HEALTH_OK, "core-dumps", NULL, "off");
    else if (examination->is_key_in_environment)
        report_line(report, HEALTH_OK, "core-dumps", "An api_key_file keeps it out",
                    "on; the library keeps the API key out of them, but the environment, "
                    "where it stands, is in them");
    else
        report_line(report, HEALTH_OK, "core-dumps", NULL, "on; the library keeps the API key out of them");
}

void check_limits(struct examination *examination)
{
    check_descriptors(&examination->report);
    check_core_dumps(examination);
}
