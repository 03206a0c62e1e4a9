/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/call_path.h"

#include <string.h>

#include "kraty/path.h"

#define PREFIX "/server/v1"

#define ANY_SEGMENT "/{}"

static char *put(char *out, const char *text, size_t size)
{
    memcpy(out, text, size);
    return out + size;
}

size_t path_of_call(const klp_text *segments, size_t count, char *out, size_t capacity)
{
    size_t bytes = strlen(PREFIX);

    for (size_t i = 0; i < count; i++)
        bytes += 1 + path_encode_segment(segments[i].data, segments[i].size, NULL);
    if (bytes >= capacity)
        return bytes;
    out = put(out, PREFIX, strlen(PREFIX));
    for (size_t i = 0; i < count; i++) {
        *out++ = '/';
        out += path_encode_segment(segments[i].data, segments[i].size, out);
    }
    *out = '\0';
    return bytes;
}

static size_t slashes_in(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '/';
    return count;
}

/* Behind the prefix and one segment. */
static size_t end_of_first_segment(const char *path, size_t size)
{
    size_t at = strlen(PREFIX) + 1;
    while (at < size && path[at] != '/')
        at++;
    return at < size ? at : size;
}

size_t path_template_of_call(const char *path, size_t size, char *out, size_t capacity)
{
    size_t kept = end_of_first_segment(path, size);
    size_t others = slashes_in(path + kept, size - kept);
    size_t bytes = kept + others * strlen(ANY_SEGMENT);

    if (bytes >= capacity)
        return bytes;
    out = put(out, path, kept);
    for (size_t i = 0; i < others; i++)
        out = put(out, ANY_SEGMENT, strlen(ANY_SEGMENT));
    *out = '\0';
    return bytes;
}
