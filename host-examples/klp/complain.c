/* SPDX-License-Identifier: Apache-2.0 */
#include "complain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void complain(const char *format, ...)
{
    char line[4096] = "klp: ";
    const size_t prefix = strlen(line), most = sizeof line - prefix - 1; /* the line break stands where the NUL did */
    va_list arguments;

    va_start(arguments, format);
    int written = vsnprintf(line + prefix, most, format, arguments);
    va_end(arguments);
    if (written < 0)
        return;
    size_t size = prefix + ((size_t)written < most ? (size_t)written : most - 1);
    line[size++] = '\n';
    while (write(STDERR_FILENO, line, size) < 0 && errno == EINTR)
        ;
}
