/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread that calls back later; what keeps a delayed reply from holding up anybody else. */
#ifndef SANDBOX_TIMERS_H
#define SANDBOX_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

struct timers;

struct timers *timers_start(void);

/* Fires whatever is still due, whether its time has come or not, and refuses everything after. */
void timers_stop(struct timers *timers);

void timers_free(struct timers *timers);

/* Calls fire(context) on the timers' thread after wait_us. False: stopped or out of memory, it will
 * never be called. */
bool timers_after(struct timers *timers, uint64_t wait_us, void (*fire)(void *context), void *context);

#endif
