/* SPDX-License-Identifier: Apache-2.0
 * What the doctor found, to stdout: a line for each thing that was looked at, as soon as it is known. */
#ifndef KLP_DOCTOR_REPORT_H
#define KLP_DOCTOR_REPORT_H

#include <stdbool.h>

#include "output.h"

enum health {
    HEALTH_OK,
    HEALTH_WARN, /* it works, or may; but look at it */
    HEALTH_FAIL, /* it cannot work like this */
    HEALTH_SKIP  /* not looked at, or it cannot be told */
};

enum { HEALTH_KINDS = HEALTH_SKIP + 1 };

struct report {
    struct output output;
    bool is_as_json;
    unsigned counts[HEALTH_KINDS];
};

/* `check` names what was looked at, and stays the same from release to release. `advice` says what to do; NULL: nothing
 * is to be done. What others have chosen, and might do something to a terminal, is made harmless. */
#if defined(__GNUC__)
__attribute__((format(printf, 5, 6)))
#endif
void report_line(struct report *report, enum health health, const char *check, const char *advice, const char *format,
                 ...);

/* How many there were of each, on stderr. */
void report_sum_up(const struct report *report);

#endif
