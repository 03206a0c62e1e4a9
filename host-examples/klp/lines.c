/* SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = LINES_MAX_BYTES + 1 }; /* with the line break */

bool lines_open(struct lines *lines, int descriptor)
{
    *lines = (struct lines){.descriptor = descriptor, .buffer = malloc(ROOM)};
    return lines->buffer;
}

void lines_close(struct lines *lines)
{
    free(lines->buffer);
    lines->buffer = NULL;
}

bool lines_fill(struct lines *lines)
{
    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;

    ssize_t got = read(lines->descriptor, lines->buffer + lines->end, ROOM - lines->end);
    if (got > 0)
        lines->end += (size_t)got;
    else if (got == 0)
        lines->is_at_end = true;
    return got >= 0 || errno == EINTR || errno == EAGAIN;
}

static bool is_blank(const char *line, size_t size)
{
    while (size > 0 && strchr(" \t\r", line[size - 1]) && line[size - 1])
        size--;
    return size == 0;
}

/* False: there is no whole line yet. */
static bool cut(struct lines *lines, const char **line, size_t *size)
{
    char *start = lines->buffer + lines->start;
    size_t left = lines->end - lines->start;
    const char *end = memchr(start, '\n', left);

    if (!end && (!lines->is_at_end || left == 0))
        return false;
    *line = start;
    *size = end ? (size_t)(end - start) : left;
    lines->start += *size + (end ? 1 : 0);
    return true;
}

enum line lines_take(struct lines *lines, const char **line, size_t *size)
{
    while (cut(lines, line, size)) {
        if (lines->is_skipping) {
            lines->is_skipping = false; /* that was its end */
            continue;
        }
        lines->number++;
        if (!is_blank(*line, *size))
            return LINE_TAKEN;
    }
    if (lines->end - lines->start < ROOM && !lines->is_skipping)
        return LINE_NOT_YET;

    bool is_first_part = !lines->is_skipping;
    lines->start = lines->end;
    lines->is_skipping = true;
    lines->number += is_first_part;
    return is_first_part ? LINE_TOO_LONG : LINE_NOT_YET;
}
