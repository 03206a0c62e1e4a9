/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/trace_parent.h"

#include <stdbool.h>
#include <string.h>

/* Lower case only, as the recommendation has it: a receiver restarts the trace over upper case. */
static bool is_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
}

static bool has_shape(const char *text)
{
    static const char shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    _Static_assert(sizeof shape - 1 == TRACE_PARENT_BYTES, "the shape is as long as the text");

    for (size_t i = 0; i < TRACE_PARENT_BYTES; i++)
        if (shape[i] == 'x' ? !is_digit(text[i]) : text[i] != '-')
            return false;
    return true;
}

static bool is_zero(const char *digits, size_t count)
{
    return strspn(digits, "0") >= count;
}

const char *trace_parent_fault(const char *given, size_t size)
{
    char text[TRACE_PARENT_BYTES + 1] = "";

    if (size != TRACE_PARENT_BYTES)
        return "is not 55 bytes, as 00-<32 hex digits>-<16 hex digits>-<2 hex digits> is";
    memcpy(text, given, size);
    if (!has_shape(text))
        return "is not 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case";
    if (memcmp(text, "ff", 2) == 0)
        return "is of version ff, which is none";
    if (is_zero(text + 3, 32))
        return "has a trace id of zeros, which is none";
    if (is_zero(text + 36, 16))
        return "has a parent id of zeros, which is none";
    return NULL;
}
