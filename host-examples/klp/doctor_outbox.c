/* SPDX-License-Identifier: Apache-2.0
 * The directory of an outbox: whether it can be used, how safe what is written there is, whether there is room, and
 * what writing costs. What is tried is tried on a file without a name, which is gone when it is closed, however that
 * happens. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_checks.h"
#include "outbox/mount.h"

#define DEFAULT_MAX_BYTES (UINT64_C(1) << 30) /* klp_config.outbox_max_bytes */

enum {
    LOG_BYTES = 4 << 20, /* comes to that */
    SYNC_TRIES = 15,
    SYNC_MOST_MS = 2000, /* of all of them */
    SYNC_SLOW_US = 20000
};

/* ─── Whether it can be used ────────────────────────────────────────────────────────────────────── */

static void fail(struct report *report, int error)
{
    report_line(report, HEALTH_FAIL, "outbox",
                error == ENOENT    ? "Make it: the library does not (mkdir -m 0700, owned by the host's user)"
                : error == ENOTDIR ? "Give --outbox a directory; the library puts its file into it"
                : error == EROFS   ? "Give it a volume that can be written"
                                   : "Make it this user's: chown it, chmod 0700",
                "the directory of --outbox: %s", strerror(error));
}

/* A descriptor of a file without a name; -1: errno says why there is none. */
static int open_nameless(const char *directory)
{
    return open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static bool knows_no_nameless(int error)
{
    return error == EOPNOTSUPP || error == EISDIR || error == EINVAL;
}

static void judge_mode(struct report *report, const struct stat *facts)
{
    unsigned mode = (unsigned)facts->st_mode & 07777;

    if (facts->st_uid != geteuid() && geteuid() != 0)
        report_line(report, HEALTH_WARN, "outbox", "Make it the host's user's own: chown it, chmod 0700",
                    "it can be written, but belongs to user %u", (unsigned)facts->st_uid);
    else if (mode & (S_IWGRP | S_IWOTH))
        report_line(report, HEALTH_WARN, "outbox", "chmod 0700 it",
                    "its mode is %04o: others may take away, or put there, what pushers rely on", mode);
    else if (mode & (S_IRGRP | S_IROTH))
        report_line(report, HEALTH_OK, "outbox", NULL,
                    "it can be used; its mode is %04o: others see the files' names, and nothing in them", mode);
    else
        report_line(report, HEALTH_OK, "outbox", NULL, "it can be used; its mode is %04o", mode);
}

/* ─── The disk ──────────────────────────────────────────────────────────────────────────────────── */

static const char *local_name(uint32_t type, char number[24])
{
    static const struct {
        uint32_t type;
        const char *name;
    } ones[] = {
        {EXT4_SUPER_MAGIC, "ext4"}, {BTRFS_SUPER_MAGIC, "btrfs"}, {XFS_SUPER_MAGIC, "xfs"},
        {F2FS_SUPER_MAGIC, "f2fs"}, {0x2fc12fc1, "zfs"},
    };

    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++)
        if (ones[i].type == type)
            return ones[i].name;
    snprintf(number, 24, "type 0x%" PRIx32, type);
    return number;
}

/* False: none of the further checks makes sense. */
static bool check_disk(struct report *report, const char *directory, const struct stat *facts)
{
    const char *network = mount_network_name(directory, facts);
    struct statfs system;
    char number[24];

    if (network) {
        report_line(report, HEALTH_FAIL, "outbox-disk", "Give it a directory on a disk of this machine",
                    "it is on %s: locks and fsync of a network file system cannot be relied on, and open() refuses it",
                    network);
        return false;
    }
    if (statfs(directory, &system)) {
        report_line(report, HEALTH_SKIP, "outbox-disk", NULL, "%s", strerror(errno));
        return true;
    }
    uint32_t type = (uint32_t)system.f_type;
    if (type == TMPFS_MAGIC || type == RAMFS_MAGIC)
        report_line(report, HEALTH_WARN, "outbox-disk", "Give it a directory on a disk, as /var/lib/…",
                    "it is in memory (tmpfs): what is written there is gone when the machine or its container ends");
    else if (type == OVERLAYFS_SUPER_MAGIC)
        report_line(report, HEALTH_WARN, "outbox-disk", "Mount a volume there",
                    "it is in a container's own layer (overlay), which is thrown away with the container");
    else
        report_line(report, HEALTH_OK, "outbox-disk", NULL, "it is local (%s)", local_name(type, number));
    return true;
}

static double mib(uint64_t bytes)
{
    return (double)bytes / (1 << 20);
}

static void check_space(struct report *report, const char *directory, uint64_t max_bytes)
{
    struct statvfs room;

    if (statvfs(directory, &room)) {
        report_line(report, HEALTH_SKIP, "outbox-space", NULL, "%s", strerror(errno));
        return;
    }
    uint64_t bytes_free = (uint64_t)room.f_bavail * room.f_frsize;
    if (bytes_free < 2 * LOG_BYTES || (room.f_files && !room.f_favail))
        report_line(report, HEALTH_FAIL, "outbox-space", "Free some: nothing is sent that cannot be written down",
                    "%.0f MiB and %ju files are all that is left on this disk", mib(bytes_free),
                    (uintmax_t)room.f_favail);
    else if (bytes_free < max_bytes + LOG_BYTES)
        report_line(report, HEALTH_WARN, "outbox-space",
                    "Free some, or set outbox_max_bytes lower: push() then says KLP_E_OUTBOX_FULL before the disk is "
                    "full for everybody",
                    "%.0f MiB are free, less than outbox_max_bytes (%.0f MiB)", mib(bytes_free), mib(max_bytes));
    else
        report_line(report, HEALTH_OK, "outbox-space", NULL, "%.0f MiB are free, for outbox_max_bytes of %.0f MiB",
                    mib(bytes_free), mib(max_bytes));
}

/* ─── What a write costs ────────────────────────────────────────────────────────────────────────── */

static int by_size(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The middle one of some; -1: errno says why not. */
static int64_t measure_sync_us(int descriptor)
{
    static const char page[4096] = {1};
    int64_t took_us[SYNC_TRIES], begun_us = now_us();
    size_t count = 0;

    do {
        int64_t from_us = now_us();
        if (write(descriptor, page, sizeof page) != (ssize_t)sizeof page || fsync(descriptor))
            return -1;
        took_us[count++] = now_us() - from_us;
    } while (count < SYNC_TRIES && now_us() - begun_us < SYNC_MOST_MS * 1000);
    qsort(took_us, count, sizeof *took_us, by_size);
    return took_us[count / 2];
}

static void check_sync(struct report *report, int descriptor)
{
    errno = ENOSPC; /* a short write has none */
    int64_t us = measure_sync_us(descriptor);

    if (us < 0)
        report_line(report, HEALTH_FAIL, "outbox-sync", "Look at the disk, and at its quota", "writing there: %s",
                    strerror(errno));
    else if (us > SYNC_SLOW_US)
        report_line(report, HEALTH_WARN, "outbox-sync",
                    "Give it a faster disk: nothing is sent before it is written, and KLP_PUSH_DURABLE waits for that",
                    "4 KiB and an fsync take %.1f ms", (double)us / 1000);
    else
        report_line(report, HEALTH_OK, "outbox-sync", NULL,
                    "4 KiB and an fsync take %.2f ms, which all that wait at a time share", (double)us / 1000);
}

/* ─── All of it ─────────────────────────────────────────────────────────────────────────────────── */

void check_outbox(struct examination *examination)
{
    const struct options *options = examination->options;
    struct report *report = &examination->report;
    struct stat facts;

    if (!options->outbox) {
        report_line(report, HEALTH_SKIP, "outbox", NULL, "not asked for (--outbox)");
        return;
    }
    errno = 0;
    if (stat(options->outbox, &facts) == 0 && !S_ISDIR(facts.st_mode))
        errno = ENOTDIR;
    if (errno || faccessat(AT_FDCWD, options->outbox, R_OK | W_OK | X_OK, AT_EACCESS)) {
        fail(report, errno);
        return;
    }
    int descriptor = open_nameless(options->outbox), error = errno;
    if (descriptor < 0 && error != ENOSPC && error != EDQUOT && !knows_no_nameless(error)) {
        fail(report, error);
        return;
    }
    judge_mode(report, &facts);
    if (check_disk(report, options->outbox, &facts)) {
        check_space(report, options->outbox,
                    options->outbox_max_bytes ? (uint64_t)options->outbox_max_bytes : DEFAULT_MAX_BYTES);
        if (descriptor >= 0)
            check_sync(report, descriptor);
        else
            report_line(report, HEALTH_SKIP, "outbox-sync", NULL, "it cannot be tried without leaving a file: %s",
                        strerror(error));
        check_outbox_files(examination);
    }
    if (descriptor >= 0)
        close(descriptor);
}
