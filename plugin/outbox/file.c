/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "outbox/paths.h"

void file_free(struct store *store)
{
    lock_release(&store->lock);
    free(store->pusher);
    free(store->lock_path);
    free(store->path);
    free(store->directory);
    free(store);
}

struct store *file_new(const char *directory, const char *file)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        return NULL;
    store->lock.fd = -1;
    snprintf(store->file, sizeof store->file, "%s", file);
    store->directory = paths_join(directory, "");
    store->path = paths_of(directory, file, "");
    store->lock_path = paths_of(directory, file, ".lock");
    if (store->directory && store->path && store->lock_path)
        return store;
    file_free(store);
    return NULL;
}

enum store_result file_lock(struct store *store)
{
    switch (lock_take(&store->lock, store->lock_path)) {
    case STORE_OK:
        return STORE_OK;
    case STORE_LOCKED:
        return failure_say(store, STORE_LOCKED, "another pusher has it");
    case STORE_FULL:
        return failure_say(store, STORE_FULL, "making its lock: %s", strerror(errno));
    case STORE_NO_MEMORY:
        return failure_say(store, STORE_NO_MEMORY, "making its lock: out of memory");
    default:
        return failure_say(store, STORE_FAILED, "making its lock: %s", strerror(errno));
    }
}

enum store_result file_look(struct store *store)
{
    struct stat found;

    if (lstat(store->path, &found))
        return errno == ENOENT ? failure_say(store, STORE_NOT_THERE, "there is no such file")
                               : failure_say(store, STORE_FAILED, "%s", strerror(errno));
    if (!S_ISREG(found.st_mode))
        return failure_say(store, STORE_DAMAGED, "it is no regular file");
    /* A copy that was brought back may be readable for others. By its name: to open it, and to close it, would drop the
     * locks of a view that this process has of it. */
    if ((found.st_mode & 07777) != 0600 && chmod(store->path, 0600))
        return failure_say(store, STORE_FAILED, "making it ours alone: %s", strerror(errno));
    return STORE_OK;
}
