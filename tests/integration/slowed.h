/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a test, or a host that it runs, takes several times longer here than what ships: its limits are then wider,
 * and its rounds fewer. Sanitizers are known when it is compiled, valgrind by what tests/run says. */
#ifndef SLOWED_H
#define SLOWED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

static inline bool is_under_valgrind(void)
{
    return getenv("UNDER_VALGRIND") != NULL;
}

static inline bool is_slowed(void)
{
    return IS_SANITIZED || is_under_valgrind();
}

/* What a machine that stands still for a while may add to what is due; what takes longer hangs. */
#define STALL_MS (is_under_valgrind() ? 60000 : 10000)

/* What a thread may take to come to its turn: less than the ten seconds for which a lost wake-up or a resolver holds it
 * up. */
#define LITTLE_MS (is_under_valgrind() ? 30000u : 8000u)

/* What may take `ms` where nothing slows it down. Under valgrind it is not time that is tested. */
static inline uint32_t patience_ms(uint32_t ms)
{
    return is_under_valgrind() ? ms * 30 : IS_SANITIZED ? ms * 5 : ms;
}

#endif
