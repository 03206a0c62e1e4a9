/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/mount.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

/* FUSE, by statfs(2): it does not say whose. */
#define FUSE_TYPE 0x65735546u

static const struct {
    uint32_t statfs_type;
    const char *name;
} kernel_ones[] = {
    {0x00006969, "NFS"},
    {0x0000517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB (smb3)"},
    {0x01021997, "9p"},
    {0x00c36400, "Ceph"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x0000564c, "NCP"},
    {0x0bd00bd0, "Lustre"},
    {0x7461636f, "OCFS2"},
    {0x01161970, "GFS2"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0x786f4256, "VirtualBox' shared folders"},
    {0xbacbacbc, "VMware's shared folders"},
};

static const char *const fuse_ones[] = {
    "fuse.sshfs",         "fuse.glusterfs", "fuse.ceph",  "fuse.ceph-fuse", "fuse.s3fs",      "fuse.goofys",
    "fuse.gcsfuse",       "fuse.rclone",    "fuse.davfs", "fuse.davfs2",    "fuse.curlftpfs", "fuse.juicefs",
    "fuse.mfs",           "fuse.lizardfs",  "fuse.nfs",   "fuse.smbnetfs",  "fuse.blobfuse",  "fuse.blobfuse2",
    "fuse.mount-s3",      "fuse.seaweedfs", "fuse.hdfs",  "fuse.beegfs",    "fuse.cvmfs2",    "fuse.vmhgfs-fuse",
    "fuse.mountpoint-s3", "fuse.geesefs",   "fuse.dfuse",
};

const char *mount_network_name_of(uint32_t statfs_type, const char *mount_type)
{
    for (size_t i = 0; i < sizeof kernel_ones / sizeof *kernel_ones; i++)
        if (kernel_ones[i].statfs_type == statfs_type)
            return kernel_ones[i].name;
    for (size_t i = 0; statfs_type == FUSE_TYPE && i < sizeof fuse_ones / sizeof *fuse_ones; i++)
        if (strcmp(fuse_ones[i], mount_type) == 0)
            return fuse_ones[i];
    return NULL;
}

/* Of "36 35 98:0 /root /mnt rw - fuse.sshfs …" the word behind " - ", for the device that is asked for. */
static void find_mount_type(dev_t device, char type[32])
{
    char line[4096];
    FILE *mounts = fopen("/proc/self/mountinfo", "re");

    type[0] = '\0';
    if (!mounts)
        return;
    while (!type[0] && fgets(line, sizeof line, mounts)) {
        unsigned major_number, minor_number;
        if (sscanf(line, "%*d %*d %u:%u", &major_number, &minor_number) != 2 || major_number != major(device) ||
            minor_number != minor(device))
            continue;
        const char *separator = strstr(line, " - ");
        if (!separator || sscanf(separator, " - %31s", type) != 1)
            type[0] = '\0';
    }
    fclose(mounts);
}

const char *mount_network_name(const char *path, const struct stat *found)
{
    struct statfs system;
    char mount_type[32] = "";

    if (statfs(path, &system))
        return NULL;
    if ((uint32_t)system.f_type == FUSE_TYPE)
        find_mount_type(found->st_dev, mount_type);
    return mount_network_name_of((uint32_t)system.f_type, mount_type);
}
