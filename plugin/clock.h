/* SPDX-License-Identifier: Apache-2.0
 * Time, for those who wait: monotonic, in microseconds. */
#ifndef KLP_CLOCK_H
#define KLP_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_NEVER_US UINT64_MAX

/* The pusher's: what deadlines, retries and ages go by. In the stub it passes as a test has it pass. */
uint64_t clock_now_us(void);

/* Theirs who are waited for, and who wait themselves: the host's threads, the reader of results. */
uint64_t clock_outside_us(void);

int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);

/* now + wait, where UINT32_MAX (KLP_WAIT_FOREVER) is never. */
uint64_t clock_after_ms(uint64_t now_us, uint32_t wait_ms);

/* For pthread_cond_timedwait on a condition made with the monotonic clock. */
struct timespec clock_timespec(uint64_t us);

#endif
