/* SPDX-License-Identifier: Apache-2.0
 *
 * What mono 6.8 itself does now and then on a busy machine: none of it is the program's or the library's doing. */
#ifndef MONO_SAYS_H
#define MONO_SAYS_H

#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "process.h"

/* A line on stdout when a thread that it wants to stop is gone by then. Takes such lines out of a text. */
static inline void drop_what_mono_says(char *text)
{
    static const char beginning[] = "w32error-unix.c: ";

    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        char *next = end ? end + 1 : line + strlen(line);
        if (strncmp(line, beginning, sizeof beginning - 1) == 0)
            memmove(line, next, strlen(next) + 1);
        else
            line = next;
    }
}

/* It stops all threads when a process exits, and may then find one of its own, which it asserts never to find, in a
 * lock's wait (mono/mono issue 19264, open). It names the transition on stdout and aborts. */
static inline bool mono_lost_its_threads(const struct process_result *result)
{
    return result->signal_number == SIGABRT && strstr(result->output, "Cannot transition thread ");
}

#endif
