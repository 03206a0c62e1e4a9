/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/paths.h"

enum { HEADER_BYTES = 32, SUMMED_BYTES = 24 };

static uint32_t big_endian(const unsigned char *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t little_endian(const unsigned char *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* As "WAL File Format" of SQLite's documentation has it; the magic's last bit says how its writer's words lie. */
static bool is_header(const unsigned char header[HEADER_BYTES])
{
    static const unsigned char nothing[HEADER_BYTES];
    uint32_t magic = big_endian(header), first = 0, second = 0;

    /* a power loss can leave a file its size but not its bytes: then nothing behind them was flushed either */
    if (memcmp(header, nothing, sizeof nothing) == 0)
        return true;
    if ((magic & ~1u) != 0x377f0682u)
        return false;
    for (size_t at = 0; at < SUMMED_BYTES; at += 8) {
        uint32_t left = magic & 1u ? big_endian(header + at) : little_endian(header + at);
        uint32_t right = magic & 1u ? big_endian(header + at + 4) : little_endian(header + at + 4);
        first += left + second;
        second += right + first;
    }
    return first == big_endian(header + SUMMED_BYTES) && second == big_endian(header + SUMMED_BYTES + 4);
}

static enum store_result look_at(int fd, bool *is_empty)
{
    unsigned char bytes[HEADER_BYTES + 1];
    ssize_t got = pread(fd, bytes, sizeof bytes, 0);

    *is_empty = got == 0;
    if (got < 0)
        return STORE_FAILED;
    /* with nothing behind it, it need not even be whole: the disk may have failed at it */
    return got <= HEADER_BYTES || is_header(bytes) ? STORE_OK : STORE_DAMAGED;
}

enum store_result wal_look(const char *database)
{
    struct stat found;
    bool is_empty = false;
    char *log = paths_join(database, "-wal");
    char *index = paths_join(database, "-shm");
    enum store_result result = STORE_NO_MEMORY;

    if (!log || !index)
        goto free_paths;
    /* Unlike the database, SQLite holds no lock on the log, which our closing it would drop. */
    int fd = open(log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        result = look_at(fd, &is_empty);
        close(fd);
    } else if (errno == ENOENT) {
        result = STORE_OK;
        is_empty = true;
    } else {
        result = errno == ELOOP ? STORE_DAMAGED : STORE_FAILED;
    }
    if (is_empty && lstat(index, &found) == 0)
        result = STORE_NOT_THERE;

free_paths:
    free(index);
    free(log);
    return result;
}
