/* SPDX-License-Identifier: Apache-2.0
 *
 * What mono 6.8 itself says on stdout, now and then on a busy machine, when a thread that it wants to stop is gone by
 * then. It is nobody's output. */
#ifndef MONO_SAYS_H
#define MONO_SAYS_H

#include <string.h>

/* Takes such lines out of a text. */
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

#endif
