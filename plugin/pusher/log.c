/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "json/utf8.h"

enum { LINE_BYTES = 1024, COUNT_BYTES = 48 };

/* One line it is to be, whatever libcurl or the system put into it. */
static void put_on_one_line(char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
}

void log_say(struct log *log, enum log_cause cause, int32_t level, uint64_t now_us, const char *format, ...)
{
    char line[LINE_BYTES + COUNT_BYTES];
    uint64_t held_back = 0;
    va_list arguments;

    if (!log->callback || level > log->level || !log_limit_admit(&log->limits[cause], now_us, &held_back))
        return;
    va_start(arguments, format);
    int needed = vsnprintf(line, LINE_BYTES, format, arguments);
    va_end(arguments);
    if (needed < 0)
        return;
    size_t size = needed < LINE_BYTES ? (size_t)needed : utf8_cut(line, LINE_BYTES - 1, LINE_BYTES - 4);
    put_on_one_line(line, size);
    if (held_back)
        size += (size_t)snprintf(line + size, COUNT_BYTES, " (and %llu like it)", (unsigned long long)held_back);
    line[size] = '\0';
    log->callback(log->user, level, (klp_text){line, size});
}
