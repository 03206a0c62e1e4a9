/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/paths.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *paths_join(const char *start, const char *end)
{
    size_t start_bytes = strlen(start), end_bytes = strlen(end) + 1;
    char *joined = malloc(start_bytes + end_bytes);

    if (!joined)
        return NULL;
    memcpy(joined, start, start_bytes);
    memcpy(joined + start_bytes, end, end_bytes);
    return joined;
}

char *paths_of(const char *directory, const char *file, const char *end)
{
    size_t directory_bytes = strlen(directory), file_bytes = strlen(file), end_bytes = strlen(end) + 1;
    char *joined = malloc(directory_bytes + 1 + file_bytes + end_bytes);

    if (!joined)
        return NULL;
    memcpy(joined, directory, directory_bytes);
    joined[directory_bytes] = '/';
    memcpy(joined + directory_bytes + 1, file, file_bytes);
    memcpy(joined + directory_bytes + 1 + file_bytes, end, end_bytes);
    return joined;
}

void paths_remove(const char *database)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"}; /* a log without its database is nothing */

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *path = paths_join(database, ends[i]);
        if (path)
            unlink(path);
        free(path);
    }
}
