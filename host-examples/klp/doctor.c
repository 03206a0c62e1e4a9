/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor.h"

#include "doctor_checks.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

int doctor_run(const struct options *options)
{
    struct examination examination = {
        .options = options,
        .report = {.output = {.signals = -1}, .is_as_json = options->is_as_json},
        .timeout_ms = options->timeout_ms ? options->timeout_ms : DEFAULT_TIMEOUT_MS,
    };

    check_library(&examination);
    check_open(&examination);
    check_key(&examination);
    check_network(&examination);
    check_clock(&examination);
    check_ping(&examination);
    check_outbox(&examination);
    check_results(&examination);
    check_limits(&examination);
    report_sum_up(&examination.report);
    return examination.report.counts[HEALTH_FAIL] || examination.report.output.has_failed ? EXIT_NOT_APPLIED
                                                                                          : EXIT_APPLIED;
}
