/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/truncated.h"

#include <ctype.h>
#include <string.h>

#include "json/utf8.h"

static bool is_start_of(const char *rest, size_t size, const char *word)
{
    return size < strlen(word) && memcmp(rest, word, size) == 0;
}

/* `\uXXXX\uXXXX`, cut anywhere: json_check() stops at the first backslash of a pair that has no second half. */
static bool is_start_of_escape(const char *rest, size_t size)
{
    static const char form[] = "\\uXXXX\\uXXXX";

    if (size >= sizeof form - 1)
        return false;
    for (size_t i = 0; i < size; i++)
        if (form[i] == 'X' ? !isxdigit((unsigned char)rest[i]) : rest[i] != form[i])
            return false;
    return size < 6 || (tolower((unsigned char)rest[2]) == 'd' && strchr("89abAB", rest[3]));
}

/* Some bytes behind it would make it one. The ranges of the second byte are why one kind is not enough. */
static bool is_start_of_character(const char *rest, size_t size)
{
    static const char fills[] = {(char)0x80, (char)0xA0};

    for (size_t i = 0; i < sizeof fills && size < 4; i++) {
        char whole[4];
        memset(whole, fills[i], sizeof whole);
        memcpy(whole, rest, size);
        if (utf8_character(whole, sizeof whole) > size)
            return true;
    }
    return false;
}

bool truncated_is(const char *text, size_t size, const struct json_fault *fault)
{
    static const char space[] = " \t\r\n";
    size_t start = 0;

    while (start < size && memchr(space, text[start], sizeof space - 1))
        start++;
    if (start == size || text[start] != '{')
        return false;

    const char *rest = text + fault->at;
    size_t rest_bytes = size - fault->at;
    if (rest_bytes == 0 || strcmp(fault->reason, "unfinished string") == 0)
        return true;
    return is_start_of(rest, rest_bytes, "true") || is_start_of(rest, rest_bytes, "false") ||
           is_start_of(rest, rest_bytes, "null") || is_start_of_escape(rest, rest_bytes) ||
           is_start_of_character(rest, rest_bytes);
}
