/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox_course.h"

#include <stdlib.h>
#include <string.h>

bool outbox_courses_add(struct outbox_courses *courses, const struct store_job *job)
{
    size_t error_bytes = job->last_error.size < STORE_ERROR_BYTES ? job->last_error.size : STORE_ERROR_BYTES;

    if ((courses->count & (courses->count - 1)) == 0) { /* 0, 1, 2, 4, …: grow */
        size_t capacity = courses->count ? 2 * courses->count : 1;
        void *grown = realloc(courses->items, capacity * sizeof *courses->items);
        if (!grown)
            return false;
        courses->items = grown;
    }
    struct outbox_course *course = &courses->items[courses->count++];
    course->job = *job;
    memcpy(course->last_error, job->last_error.data, error_bytes);
    course->job.last_error.size = error_bytes;
    return true;
}

void outbox_courses_clear(struct outbox_courses *courses)
{
    free(courses->items);
    *courses = (struct outbox_courses){0};
}

enum store_result outbox_course_write(struct store *store, struct outbox_course *course)
{
    course->job.last_error.data = course->last_error; /* where the array is by now */
    return store_update_job(store, &course->job);
}

/* ─── Deaths ────────────────────────────────────────────────────────────────────────────────────── */

struct death {
    uint64_t number;
    struct outbox_courses courses;
    bool is_of_event;
    uint32_t recoveries;
};

static bool take_job(void *user, const struct store_job *job)
{
    struct death *death = user;

    if (job->id == death->number)
        (void)outbox_courses_add(&death->courses, job); /* without memory it goes uncounted */
    return false;
}

static bool take_event(void *user, const struct store_event *event)
{
    struct death *death = user;

    death->is_of_event = event->seq == death->number;
    death->recoveries = event->recoveries;
    return false;
}

enum store_result outbox_count_death(struct store *store)
{
    const struct store_handling *died_over = &store_facts(store)->died_over;
    struct death death = {.number = died_over->number};
    enum store_result result = STORE_OK;

    if (died_over->kind == STORE_HANDLES_NOTHING || !death.number)
        return STORE_OK;
    if (died_over->kind == STORE_HANDLES_JOB)
        result = store_each_job(store, death.number - 1, take_job, &death);
    else
        result = store_each_event(store, death.number - 1, take_event, &death);
    if (!result && death.courses.count) {
        death.courses.items[0].job.recoveries++;
        result = outbox_course_write(store, &death.courses.items[0]);
    } else if (!result && death.is_of_event) {
        result = store_update_event(store, death.number, death.recoveries + 1);
    }
    outbox_courses_clear(&death.courses);
    return result ? result : store_commit(store);
}
