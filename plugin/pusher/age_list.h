/* SPDX-License-Identifier: Apache-2.0
 * The pushes without a verdict in the order in which they were accepted. */
#ifndef KLP_PUSHER_AGE_LIST_H
#define KLP_PUSHER_AGE_LIST_H

#include "pusher/job.h"

struct age_list {
    struct job *oldest, *newest;
};

void age_list_add(struct age_list *list, struct job *job); /* the newest */
void age_list_remove(struct age_list *list, struct job *job);

/* Two of them change places. */
void age_list_swap(struct age_list *list, struct job *a, struct job *b);

#endif
