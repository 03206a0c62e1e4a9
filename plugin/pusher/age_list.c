/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/age_list.h"

static void insert_behind(struct age_list *list, struct job *job, struct job *older)
{
    struct job *newer = older ? older->newer : list->oldest;

    job->older = older;
    job->newer = newer;
    if (older)
        older->newer = job;
    else
        list->oldest = job;
    if (newer)
        newer->older = job;
    else
        list->newest = job;
}

void age_list_add(struct age_list *list, struct job *job)
{
    insert_behind(list, job, list->newest);
}

void age_list_remove(struct age_list *list, struct job *job)
{
    if (job->older)
        job->older->newer = job->newer;
    else
        list->oldest = job->newer;
    if (job->newer)
        job->newer->older = job->older;
    else
        list->newest = job->older;
    job->older = job->newer = NULL;
}

void age_list_swap(struct age_list *list, struct job *a, struct job *b)
{
    struct job *before_a = a->older, *before_b = b->older;

    age_list_remove(list, a);
    age_list_remove(list, b);
    if (before_a == b) { /* b, a: becomes a, b */
        insert_behind(list, a, before_b);
        insert_behind(list, b, a);
    } else if (before_b == a) {
        insert_behind(list, b, before_a);
        insert_behind(list, a, b);
    } else {
        insert_behind(list, b, before_a);
        insert_behind(list, a, before_b);
    }
}
