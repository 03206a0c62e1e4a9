/* SPDX-License-Identifier: Apache-2.0
 * Which file system a directory is on. On a network one a lock may be nobody's, shared memory is not shared, and a
 * flush is a promise: SQLite says to keep away. */
#ifndef KLP_OUTBOX_MOUNT_H
#define KLP_OUTBOX_MOUNT_H

#include <stdint.h>
#include <sys/stat.h>

/* The name of the network file system that a path is on; NULL: it is on none that we know. */
const char *mount_network_name(const char *path, const struct stat *found);

/* The same by statfs(2)'s type, and for FUSE by what mountinfo calls it ("fuse.sshfs"; may be ""). Pure. */
const char *mount_network_name_of(uint32_t statfs_type, const char *mount_type);

#endif
