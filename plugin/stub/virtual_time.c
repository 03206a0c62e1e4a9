/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/virtual_time.h"

#include <stdio.h>
#include <time.h>

int64_t virtual_time_unix_ms(uint64_t at_us)
{
    return VIRTUAL_TIME_START_UNIX * 1000 + ((int64_t)at_us - (int64_t)VIRTUAL_TIME_START_US) / 1000;
}

void virtual_time_text(uint64_t at_us, char text[VIRTUAL_TIME_TEXT_BYTES])
{
    int64_t unix_ms = virtual_time_unix_ms(at_us);
    time_t unix_s = (time_t)(unix_ms / 1000);
    struct tm date;

    if (unix_ms < 0 || !gmtime_r(&unix_s, &date)) {
        snprintf(text, VIRTUAL_TIME_TEXT_BYTES, "9999-12-31T23:59:59.999Z");
        return;
    }
    size_t size = strftime(text, VIRTUAL_TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &date);
    snprintf(text + size, VIRTUAL_TIME_TEXT_BYTES - size, ".%03dZ", (int)(unix_ms % 1000));
}
