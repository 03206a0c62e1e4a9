/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum {
    FIRST_MS = 1000, /* what is done by then needs none */
    STEP_MS = 200
};

void progress_start(struct progress *progress, bool is_allowed)
{
    *progress = (struct progress){.is_wanted = is_allowed && isatty(STDERR_FILENO), .next_ms = clock_ms() + FIRST_MS};
}

static void show(struct progress *progress, uint64_t number, const char *what, const struct tally *tally)
{
    if (!progress->is_wanted || clock_ms() < progress->next_ms)
        return;
    fprintf(stderr, "\r\033[K%" PRIu64 " %s, %zu applied, %zu not applied, %zu possibly applied", number, what,
            tally->applied, tally->not_applied, tally->possibly_applied);
    progress->is_shown = true;
    progress->next_ms = clock_ms() + STEP_MS;
}

void progress_show(struct progress *progress, const struct tally *tally)
{
    show(progress, tally->asked, "pushed", tally);
}

void progress_show_left(struct progress *progress, const struct tally *tally, uint64_t undecided)
{
    show(progress, undecided, "undecided", tally);
}

int progress_wait_ms(const struct progress *progress)
{
    if (!progress->is_wanted)
        return -1;
    int64_t left_ms = progress->next_ms - clock_ms();
    return left_ms > 0 ? (int)left_ms : 0;
}

void progress_hide(struct progress *progress)
{
    if (progress->is_shown)
        fputs("\r\033[K", stderr);
    progress->is_shown = false;
}
