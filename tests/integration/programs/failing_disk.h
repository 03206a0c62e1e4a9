/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk that refuses while a file says so: what a program that includes this writes below a folder then fails,
 * whichever library writes it, since the program's own functions stand before libc's. The file holds one of these
 * words:
 *
 *     full        nothing can be written any more: ENOSPC
 *     broken      neither written nor synced: EIO
 *     unsynced    what is written cannot be synced: EIO */
#ifndef FAILING_DISK_H
#define FAILING_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    char folder[2048], control[2048];
    atomic_uint refused; /* calls */
} failing_disk;

/* Before the first thread. */
static inline void failing_disk_watch(const char *folder, const char *control)
{
    if (!realpath(folder, failing_disk.folder))
        failing_disk.folder[0] = '\0';
    snprintf(failing_disk.control, sizeof failing_disk.control, "%s", control);
}

static bool failing_disk_is_ours(int descriptor)
{
    char link[64], path[4096];
    size_t folder_bytes = strlen(failing_disk.folder);

    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path);
    return folder_bytes > 0 && size > (ssize_t)folder_bytes && memcmp(path, failing_disk.folder, folder_bytes) == 0 &&
           path[folder_bytes] == '/';
}

/* 0, or what this call fails with. */
static int failing_disk_error(int descriptor, bool is_sync)
{
    char word[16] = "";

    if (!failing_disk.control[0])
        return 0;
    int control = (int)syscall(SYS_openat, AT_FDCWD, failing_disk.control, O_RDONLY | O_CLOEXEC, 0);
    if (control < 0)
        return 0;
    if (syscall(SYS_read, control, word, sizeof word - 1) < 0)
        word[0] = '\0';
    syscall(SYS_close, control);
    int error = strncmp(word, "full", 4) == 0       ? (is_sync ? 0 : ENOSPC)
                : strncmp(word, "broken", 6) == 0   ? EIO
                : strncmp(word, "unsynced", 8) == 0 ? (is_sync ? EIO : 0)
                                                    : 0;
    if (!error || !failing_disk_is_ours(descriptor))
        return 0;
    atomic_fetch_add(&failing_disk.refused, 1);
    return error;
}

/* True: it fails, and errno says of what. */
static bool failing_disk_refuses(int descriptor, bool is_sync)
{
    int kept = errno, error = failing_disk_error(descriptor, is_sync);

    errno = error ? error : kept;
    return error != 0;
}

#define FAILING_DISK_SHOWN __attribute__((visibility("default")))

FAILING_DISK_SHOWN ssize_t write(int descriptor, const void *bytes, size_t size)
{
    return failing_disk_refuses(descriptor, false) ? -1 : syscall(SYS_write, descriptor, bytes, size);
}

FAILING_DISK_SHOWN ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at)
{
    return failing_disk_refuses(descriptor, false) ? -1 : syscall(SYS_pwrite64, descriptor, bytes, size, at);
}

FAILING_DISK_SHOWN ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at)
{
    return failing_disk_refuses(descriptor, false) ? -1 : syscall(SYS_pwrite64, descriptor, bytes, size, at);
}

FAILING_DISK_SHOWN int fsync(int descriptor)
{
    return failing_disk_refuses(descriptor, true) ? -1 : (int)syscall(SYS_fsync, descriptor);
}

FAILING_DISK_SHOWN int fdatasync(int descriptor)
{
    return failing_disk_refuses(descriptor, true) ? -1 : (int)syscall(SYS_fdatasync, descriptor);
}

#endif
