/* SPDX-License-Identifier: Apache-2.0
 * A file that is not to be used any more, but not lost either, gets another name. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/directory.h"
#include "outbox/file.h"
#include "outbox/paths.h"

/* The log goes first: a database that lost it is known as damaged, should we die in between, and meets it again when it
 * is set aside in its turn. */
static enum store_result rename_all(const struct store *store, const char *new_path)
{
    static const char *const ends[] = {"-wal", "-shm", ""};

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char *from = paths_join(store->path, ends[i]), *to = paths_join(new_path, ends[i]);
        bool is_done = from && to && (rename(from, to) == 0 || (errno == ENOENT && ends[i][0]));
        bool has_memory = from && to;
        free(from);
        free(to);
        if (!is_done)
            return has_memory ? STORE_FAILED : STORE_NO_MEMORY;
    }
    return directory_flush(store->directory) ? STORE_OK : STORE_FAILED;
}

static enum store_result set_aside(struct store *store, char new_name[STORE_FILE_BYTES])
{
    int stem_bytes = (int)(strlen(store->file) - strlen(".outbox"));
    enum store_result result = file_look(store);

    if (!result)
        result = file_lock(store);
    if (!result)
        result = file_look(store);
    for (unsigned number = 1; !result; number++) {
        struct stat found;
        snprintf(new_name, STORE_FILE_BYTES, "%.*s.aside-%u", stem_bytes, store->file, number);
        char *new_path = paths_of(store->directory, new_name, "");
        if (!new_path)
            return STORE_NO_MEMORY;
        bool is_free = lstat(new_path, &found) && errno == ENOENT;
        if (is_free)
            result = rename_all(store, new_path);
        free(new_path);
        if (is_free)
            break;
    }
    if (!result)
        unlink(store->lock_path);
    return result;
}

enum store_result store_set_aside(const char *directory, const char *file, char new_name[STORE_FILE_BYTES])
{
    char *resolved;

    new_name[0] = '\0';
    if (!directory_is_outbox(file))
        return STORE_NOT_THERE;
    enum store_result result = directory_resolve(directory, true, &resolved, NULL);
    if (result)
        return result;
    struct store *store = file_new(resolved, file);
    free(resolved);
    if (!store)
        return STORE_NO_MEMORY;
    result = set_aside(store, new_name);
    if (result)
        new_name[0] = '\0';
    file_free(store);
    return result;
}
