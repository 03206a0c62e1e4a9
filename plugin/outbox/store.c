/* SPDX-License-Identifier: Apache-2.0
 * Which file becomes a store, and what becomes of it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/database.h"
#include "outbox/directory.h"
#include "outbox/file.h"
#include "outbox/paths.h"
#include "why.h"

/* What an open was asked for. */
struct wish {
    const struct store_owner *owner;
    enum store_sync sync;
    uint64_t max_bytes;
    bool must_be_his; /* the owner's by name */
};

static bool is_his(const struct store *store, const struct store_owner *owner)
{
    return store->pusher_bytes == owner->pusher.size &&
           memcmp(store->pusher, owner->pusher.data, store->pusher_bytes) == 0;
}

/* Opens the file of a store, which must be there. */
static enum store_result open_there(struct store *store, const struct wish *wish)
{
    enum store_result result = file_look(store);

    if (!result)
        result = file_lock(store);
    if (result)
        return result;
    /* who had the lock a moment ago may have removed the file */
    result = file_look(store);
    if (result == STORE_NOT_THERE)
        unlink(store->lock_path);
    if (!result)
        result = database_open(store, wish->owner, wish->sync, wish->max_bytes);
    if (!result && wish->must_be_his && !is_his(store, wish->owner)) {
        database_close(store, true);
        result = failure_say(store, STORE_NOT_THERE, "it is another pusher's");
    }
    return result;
}

static enum store_result finish(enum store_result result, struct store *opened, struct store **store, char *file,
                                klp_text_buffer *why)
{
    if (!result) {
        batch_tell(opened);
        handling_take(opened);
        *store = opened;
        return STORE_OK;
    }
    if (file)
        memcpy(file, opened->file, STORE_FILE_BYTES);
    why_say(why, KLP_OK, "outbox %s", opened->failure);
    file_free(opened);
    return result;
}

static enum store_result no_memory(klp_text_buffer *why)
{
    why_say(why, KLP_OK, "out of memory");
    return STORE_NO_MEMORY;
}

static enum store_result prepare(const char *directory, bool to_write, char **resolved, klp_text_buffer *why)
{
    const char *problem;
    enum store_result result;

    why_clear(why);
    if (!database_library_is_fit(&problem)) {
        why_say(why, KLP_OK, "%s in this process", problem);
        return STORE_UNFIT;
    }
    result = directory_resolve(directory, to_write, resolved, why);
    return result == STORE_NO_MEMORY ? no_memory(why) : result;
}

/* ─── A new file ────────────────────────────────────────────────────────────────────────────────── */

static const char unfinished[] = ".new";

static bool is_unfinished(const char *file)
{
    char whole[STORE_FILE_BYTES];
    size_t size = strlen(file), end_bytes = sizeof unfinished - 1;

    if (size <= end_bytes || strcmp(file + size - end_bytes, unfinished) != 0)
        return false;
    snprintf(whole, sizeof whole, "%.*s", (int)(size - end_bytes), file);
    return directory_is_outbox(whole);
}

/* Removes what processes left that died while they made a file: nothing is in it yet. */
static void sweep(const char *directory)
{
    struct directory_names names;

    if (directory_scan(directory, is_unfinished, &names))
        return;
    for (size_t i = 0; i < names.count; i++) {
        struct stat found;
        char *unfinished_path = paths_of(directory, names.files[i], "");
        names.files[i][strlen(names.files[i]) - (sizeof unfinished - 1)] = '\0';
        struct store *store = file_new(directory, names.files[i]);
        if (unfinished_path && store && lock_take(&store->lock, store->lock_path) == STORE_OK) {
            paths_remove(unfinished_path);
            if (lstat(store->path, &found))
                unlink(store->lock_path);
        }
        if (store)
            file_free(store);
        free(unfinished_path);
    }
    directory_names_free(&names);
}

static bool make_epoch(char epoch[DIRECTORY_EPOCH_DIGITS + 1])
{
    uint64_t number;

    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        return false;
    snprintf(epoch, DIRECTORY_EPOCH_DIGITS + 1, "%016llx", (unsigned long long)number);
    return true;
}

static enum store_result make_new(const char *directory, const struct wish *wish, struct store **store, char *file,
                                  klp_text_buffer *why)
{
    char epoch[DIRECTORY_EPOCH_DIGITS + 1], name[STORE_FILE_BYTES];
    enum store_result result;

    sweep(directory);
    if (!make_epoch(epoch)) {
        why_say(why, KLP_OK, "outbox: the system refused randomness");
        return STORE_FAILED;
    }
    directory_file_name(wish->owner->pusher, epoch, name);
    struct store *made = file_new(directory, name);
    if (!made)
        return no_memory(why);
    result = file_lock(made);
    if (!result) {
        result = database_create(made, wish->owner, epoch);
        if (result)
            unlink(made->lock_path);
    }
    if (!result)
        result = database_open(made, wish->owner, wish->sync, wish->max_bytes);
    return finish(result, made, store, file, why);
}

/* ─── Opening ───────────────────────────────────────────────────────────────────────────────────── */

/* The first of his files that opens. STORE_NOT_THERE: he has none that could be. */
static enum store_result open_one_of(const struct directory_names *names, const char *directory,
                                     const struct wish *wish, struct store **store, char *file, klp_text_buffer *why)
{
    enum store_result first = STORE_NOT_THERE;

    for (size_t i = 0; i < names->count; i++) {
        if (!directory_is_of(names->files[i], wish->owner->pusher))
            continue;
        struct store *opened = file_new(directory, names->files[i]);
        if (!opened)
            return no_memory(why);
        enum store_result result = open_there(opened, wish);
        bool is_first = first == STORE_NOT_THERE && result != STORE_LOCKED && result != STORE_NOT_THERE;
        finish(result, opened, store, is_first ? file : NULL, is_first ? why : NULL);
        if (!result) {
            if (file)
                file[0] = '\0';
            why_clear(why);
            return STORE_OK;
        }
        if (is_first)
            first = result;
    }
    return first;
}

enum store_result store_open(const char *directory, const struct store_owner *owner, enum store_sync sync,
                             uint64_t max_bytes, struct store **store, char file[STORE_FILE_BYTES],
                             klp_text_buffer *why)
{
    const struct wish wish = {owner, sync, max_bytes, true};
    struct directory_names names;
    char *resolved;

    *store = NULL;
    if (file)
        file[0] = '\0';
    enum store_result result = prepare(directory, true, &resolved, why);
    if (result)
        return result;
    result = directory_scan(resolved, directory_is_outbox, &names);
    if (result) {
        why_say(why, KLP_OK, "outbox directory %.200s cannot be read", resolved);
        goto free_resolved;
    }
    result = open_one_of(&names, resolved, &wish, store, file, why);
    if (result == STORE_NOT_THERE)
        result = make_new(resolved, &wish, store, file, why);
    directory_names_free(&names);

free_resolved:
    free(resolved);
    return result;
}

static enum store_result no_such_name(const char *file, klp_text_buffer *why)
{
    why_say(why, KLP_OK, "outbox %.200s: that is no name of an outbox", file);
    return STORE_NOT_THERE;
}

enum store_result store_adopt(const char *directory, const char *file, const struct store_owner *owner,
                              enum store_sync sync, uint64_t max_bytes, struct store **store, klp_text_buffer *why)
{
    const struct wish wish = {owner, sync, max_bytes, false};
    char *resolved;

    *store = NULL;
    if (!directory_is_outbox(file))
        return no_such_name(file, why);
    enum store_result result = prepare(directory, true, &resolved, why);
    if (result)
        return result;
    struct store *opened = file_new(resolved, file);
    free(resolved);
    return opened ? finish(open_there(opened, &wish), opened, store, NULL, why) : no_memory(why);
}

/* Whether the file that was looked at is gone. Then what SQLite has made beside it for us since is nobody's. */
static bool sweep_view(const struct store *store)
{
    struct stat found;

    if (lstat(store->path, &found) == 0 || errno != ENOENT)
        return false;
    paths_remove(store->path);
    return true;
}

enum store_result store_view(const char *directory, const char *file, struct store **store, klp_text_buffer *why)
{
    struct stat found;
    char *resolved;

    *store = NULL;
    if (strchr(file, '/') || strlen(file) >= STORE_FILE_BYTES)
        return no_such_name(file, why);
    enum store_result result = prepare(directory, false, &resolved, why);
    if (result)
        return result;
    struct store *opened = file_new(resolved, file);
    free(resolved);
    if (!opened)
        return no_memory(why);
    opened->is_view = true;
    result = lstat(opened->path, &found) ? STORE_NOT_THERE : database_view(opened);
    if (result && (result == STORE_NOT_THERE || sweep_view(opened)))
        result = failure_say(opened, STORE_NOT_THERE, "there is no such file");
    return finish(result, opened, store, NULL, why);
}

enum store_result store_list(const char *directory, bool (*each)(void *user, const char *file), void *user)
{
    struct directory_names names;
    enum store_result result = directory_scan(directory, directory_is_outbox, &names);

    if (result)
        return result;
    for (size_t i = 0; i < names.count && each(user, names.files[i]); i++)
        continue;
    directory_names_free(&names);
    return STORE_OK;
}

bool store_is_in_use(const char *directory, const char *file)
{
    char *path = paths_of(directory, file, ".lock");
    bool is_in_use = !path || lock_is_held(path);

    free(path);
    return is_in_use;
}

/* ─── Its end ───────────────────────────────────────────────────────────────────────────────────── */

void store_close(struct store *store)
{
    if (!store)
        return;
    store_roll_back(store);
    if (!store->is_view)
        (void)store_commit(store); /* a failed commit is written over, if it can be */
    store_note_handling(store, (struct store_handling){STORE_HANDLES_NOTHING, 0});
    database_close(store, !store->is_view);
    if (store->is_view)
        (void)sweep_view(store);
    file_free(store);
}

void store_remove(struct store *store)
{
    if (!store)
        return;
    store_roll_back(store);
    const struct tally *tally = &store->committed;
    if (store->is_view || tally->jobs || tally->tickets || tally->events || tally->failed) {
        store_close(store);
        return;
    }
    database_close(store, false);
    paths_remove(store->path);
    unlink(store->lock_path); /* last, and while we have it: until then nobody begins with what is left */
    file_free(store);
}

/* ─── What it is ────────────────────────────────────────────────────────────────────────────────── */

const struct store_facts *store_facts(const struct store *store)
{
    return &store->facts;
}

const char *store_file(const struct store *store)
{
    return store->file;
}

klp_text store_pusher(const struct store *store)
{
    return (klp_text){store->pusher, store->pusher_bytes};
}

static uint64_t bytes_of(const struct store *store, const char *end)
{
    struct stat found;
    char *path = paths_join(store->path, end);
    bool is_there = path && stat(path, &found) == 0;

    free(path);
    return is_there ? (uint64_t)found.st_size : 0;
}

uint64_t store_bytes(const struct store *store)
{
    return bytes_of(store, "") + bytes_of(store, "-wal");
}
