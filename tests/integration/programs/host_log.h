/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of lines that outlives its host: each is one write at the end. What a killed one has left of a line is cut. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include <fcntl.h>

#include "host.h"

enum { HOST_LOG_TAIL_BYTES = 65536 };

static inline int host_log_open(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    char byte = '\n';

    while (size > 0 && pread(file, &byte, 1, size - 1) == 1 && byte != '\n')
        size--;
    if (size < 0 || ftruncate(file, size))
        host_fail("%s: %s", path, strerror(errno));
    return file;
}

static inline void host_log_write(int file, const char *bytes, size_t size)
{
    if (write(file, bytes, size) != (ssize_t)size)
        host_fail("log: %s", strerror(errno));
}

__attribute__((format(printf, 2, 3))) static inline void host_log_say(int file, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    HOST_REQUIRE(size > 0 && size < (int)sizeof line - 1);
    line[size++] = '\n';
    host_log_write(file, line, (size_t)size);
}

/* Its last lines, from a whole one on, with a NUL behind. The caller's to free. */
static inline char *host_log_tail(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    off_t from = size > HOST_LOG_TAIL_BYTES ? size - HOST_LOG_TAIL_BYTES : 0;
    char *tail = calloc(1, (size_t)(size - from) + 1);

    HOST_REQUIRE(tail && pread(file, tail, (size_t)(size - from), from) == size - from);
    if (from > 0) {
        char *line = strchr(tail, '\n');
        HOST_REQUIRE(line);
        memmove(tail, line + 1, strlen(line + 1) + 1);
    }
    return tail;
}

#endif
