/* SPDX-License-Identifier: Apache-2.0
 * How calls have fared so far, copied, since what is read from a file cannot be written at the same time. */
#ifndef KLP_OUTBOX_COURSE_H
#define KLP_OUTBOX_COURSE_H

#include <stdbool.h>
#include <stddef.h>

#include "outbox/store.h"

struct outbox_course {
    struct store_job job; /* without its other texts */
    char last_error[STORE_ERROR_BYTES];
};

struct outbox_courses {
    struct outbox_course *items;
    size_t count;
};

/* False: out of memory. */
bool outbox_courses_add(struct outbox_courses *courses, const struct store_job *job);
void outbox_courses_clear(struct outbox_courses *courses);

/* Writes one back, as it is now. */
enum store_result outbox_course_write(struct store *store, struct outbox_course *course);

/* Whoever opens a file is told what the last one died over, once: so it is counted here, as a pusher would have, for a
 * call that kills its process to be known by the third. */
enum store_result outbox_count_death(struct store *store);

#endif
