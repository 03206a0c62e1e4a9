/* SPDX-License-Identifier: Apache-2.0
 *
 * What was measured of every fault, as one table; with cmocka. */
#ifndef FAULT_TABLE_H
#define FAULT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* Not looked at (yet), or there is nobody who could be asked. */
#define FAULT_UNKNOWN SIZE_MAX

struct fault_row {
    char fault[64];
    unsigned applied, replayed, not_applied, possibly_applied; /* verdicts; `replayed` of the applied */
    char error[32];                                            /* of the last that failed */
    unsigned attempts, sends;                                  /* of all together */
    unsigned most_attempts;                                    /* of one */
    size_t lobbies, arrivals;                                  /* on the server afterwards, or FAULT_UNKNOWN */
};

/* A new row, filled while its test runs: a test that fails leaves what it saw. */
struct fault_row *fault_table_add(const char *fault);

void fault_row_count(struct fault_row *row, const klp_event *event);

/* To stdout, each line beginning with "| ". */
void fault_table_print(void);

#endif
