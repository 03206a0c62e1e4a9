/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/ticket_table.h"

#include <stdlib.h>

bool ticket_table_init(struct ticket_table *table, size_t most)
{
    size_t size = 16;

    while (size < most)
        size *= 2; /* most is at most 2^20 */
    table->jobs = calloc(size, sizeof *table->jobs);
    table->mask = size - 1;
    return table->jobs != NULL;
}

void ticket_table_destroy(struct ticket_table *table)
{
    free(table->jobs);
}

static struct job **place_of(const struct ticket_table *table, uint64_t ticket)
{
    struct job **at = &table->jobs[ticket & table->mask];

    while (*at && (*at)->event.ticket != ticket)
        at = &(*at)->next_of_ticket;
    return at;
}

void ticket_table_add(struct ticket_table *table, struct job *job)
{
    struct job **first = &table->jobs[job->event.ticket & table->mask];

    job->next_of_ticket = *first;
    *first = job;
}

void ticket_table_remove(struct ticket_table *table, struct job *job)
{
    struct job **at = place_of(table, job->event.ticket);

    *at = job->next_of_ticket;
    job->next_of_ticket = NULL;
}

struct job *ticket_table_find(const struct ticket_table *table, uint64_t ticket)
{
    return *place_of(table, ticket);
}
