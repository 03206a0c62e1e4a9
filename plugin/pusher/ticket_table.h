/* SPDX-License-Identifier: Apache-2.0
 * The calls without a verdict, by ticket. */
#ifndef KLP_PUSHER_TICKET_TABLE_H
#define KLP_PUSHER_TICKET_TABLE_H

#include "pusher/job.h"

struct ticket_table {
    struct job **jobs; /* tickets follow one another: their last bits spread them evenly */
    size_t mask;
};

/* For `most` calls at once; its memory is taken when it is used. False: out of memory. */
bool ticket_table_init(struct ticket_table *table, size_t most);
void ticket_table_destroy(struct ticket_table *table);

void ticket_table_add(struct ticket_table *table, struct job *job);
void ticket_table_remove(struct ticket_table *table, struct job *job);
struct job *ticket_table_find(const struct ticket_table *table, uint64_t ticket); /* or NULL */

#endif
