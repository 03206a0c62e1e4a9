/* SPDX-License-Identifier: Apache-2.0
 * The time of a stubbed pusher, in numbers: it begins with every pusher alike. Pure. */
#ifndef KLP_STUB_VIRTUAL_TIME_H
#define KLP_STUB_VIRTUAL_TIME_H

#include <stdint.h>

#define VIRTUAL_TIME_START_US   UINT64_C(3600000000) /* of the monotonic clock: an hour up */
#define VIRTUAL_TIME_START_UNIX INT64_C(1767225600)  /* 2026-01-01T00:00:00Z */
#define VIRTUAL_TIME_END_US     (UINT64_C(1) << 62)  /* it goes no further; 146,000 years */

enum { VIRTUAL_TIME_TEXT_BYTES = 40 };

/* ISO 8601, with milliseconds, in UTC. */
void virtual_time_text(uint64_t at_us, char text[VIRTUAL_TIME_TEXT_BYTES]);

/* The wall clock at that time. */
int64_t virtual_time_unix_ms(uint64_t at_us);

#endif
