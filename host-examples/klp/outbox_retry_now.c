/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"
#include "complain.h"
#include "outbox.h"
#include "outbox_course.h"
#include "outbox_files.h"

struct waiting {
    struct outbox_courses courses;
    uint64_t job; /* that one alone; 0: all */
    int64_t now_unix_ms;
    bool has_memory;
};

static bool take_waiting(void *user, const struct store_job *job)
{
    struct waiting *waiting = user;
    bool is_wanted = !waiting->job || job->id == waiting->job;

    if (is_wanted && job->next_unix_ms > waiting->now_unix_ms)
        waiting->has_memory = outbox_courses_add(&waiting->courses, job);
    return !waiting->job && waiting->has_memory;
}

static bool make_due(struct store *store, struct waiting *waiting)
{
    enum store_result result = STORE_OK;

    for (size_t i = 0; !result && i < waiting->courses.count; i++) {
        waiting->courses.items[i].job.next_unix_ms = waiting->now_unix_ms;
        result = outbox_course_write(store, &waiting->courses.items[i]);
    }
    return result == STORE_OK;
}

/* `job` 0: every one that waits. How many of them did goes to *count. */
static bool retry_file(const struct outbox_files *files, const struct outbox_file *file, uint64_t job, size_t *count)
{
    struct waiting waiting = {.job = job, .now_unix_ms = clock_wall_ms(), .has_memory = true};
    struct store *store = outbox_file_open(files, file);

    if (!store)
        return false;
    bool is_read = store_each_job(store, job ? job - 1 : 0, take_waiting, &waiting) == STORE_OK;
    if (!waiting.has_memory)
        complain("out of memory");
    bool is_done = waiting.has_memory && outbox_file_commit(store, is_read && make_due(store, &waiting));
    *count += is_done ? waiting.courses.count : 0;
    store_close(store);
    outbox_courses_clear(&waiting.courses);
    return is_done;
}

int outbox_retry_now(const struct options *options)
{
    struct outbox_files files;
    struct outbox_place place;
    size_t count = 0;
    bool is_done = true;

    if (!outbox_files_find(options, &files))
        return EXIT_USAGE;
    if (options->ticket) {
        is_done = outbox_files_find_ticket(&files, options->ticket, OUTBOX_UNDECIDED, &place) &&
                  retry_file(&files, place.file, place.job, &count);
    } else {
        for (size_t i = 0; i < files.count; i++)
            if (files.items[i].facts.jobs)
                is_done &= retry_file(&files, &files.items[i], 0, &count);
        is_done &= outbox_files_complain(&files) == 0;
    }
    if (is_done || count)
        complain("%zu that waited for a later time are due at once", count);
    outbox_files_clear(&files);
    return is_done ? EXIT_APPLIED : EXIT_NOT_APPLIED;
}
