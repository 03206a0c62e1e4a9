/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_peak.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

void memory_peak_forget(void)
{
    int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

    assert_true(file >= 0);
    assert_int_equal(write(file, "5", 1), 1);
    close(file);
}

long memory_peak_kb(void)
{
    char line[256];
    long peak_kb = -1;
    FILE *file = fopen("/proc/self/status", "re");

    assert_non_null(file);
    while (peak_kb < 0 && fgets(line, sizeof line, file))
        (void)!sscanf(line, "VmHWM: %ld kB", &peak_kb);
    fclose(file);
    assert_true(peak_kb > 0);
    return peak_kb;
}
