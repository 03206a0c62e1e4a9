/* SPDX-License-Identifier: Apache-2.0
 * Lines out of a descriptor, in bounded memory. */
#ifndef KLP_LINES_H
#define KLP_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define LINES_MAX_BYTES ((size_t)2 << 20)

struct lines {
    int descriptor;
    char *buffer;
    size_t start, end; /* what was read and not taken */
    size_t number;     /* of the line taken last, from 1 */
    bool is_skipping;  /* the rest of a line that is too long */
    bool is_at_end;    /* nothing more will be read */
};

enum line { LINE_TAKEN, LINE_TOO_LONG, LINE_NOT_YET };

bool lines_open(struct lines *lines, int descriptor);
void lines_close(struct lines *lines);

/* Reads once, which blocks as read() does. False: it failed, errno says how. */
bool lines_fill(struct lines *lines);

/* The next line, without its line break, valid until lines_fill(); blank ones are passed over. LINE_TOO_LONG tells of
 * each such line once. */
enum line lines_take(struct lines *lines, const char **line, size_t *size);

#endif
