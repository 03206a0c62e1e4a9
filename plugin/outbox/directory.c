/* SPDX-License-Identifier: Apache-2.0 */
#include "outbox/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "outbox/mount.h"
#include "why.h"

static const char suffix[] = ".outbox";

enum {
    NAME_MOST = 120, /* of the pusher's part: with everything that SQLite and we append a name stays below 255 bytes */
    HASH_DIGITS = 16,
    SUFFIX_BYTES = sizeof suffix - 1,
    TAIL_BYTES = 1 + DIRECTORY_EPOCH_DIGITS + SUFFIX_BYTES
};

enum store_result directory_resolve(const char *directory, bool to_write, char **resolved, klp_text_buffer *why)
{
    struct stat found = {0};
    char *path = realpath(directory, NULL);
    const char *problem = NULL, *network = NULL;

    *resolved = NULL;
    if (!path && errno == ENOMEM)
        return STORE_NO_MEMORY;
    if (path && stat(path, &found) == 0 && !S_ISDIR(found.st_mode))
        problem = "it is no directory";
    else if (!path || faccessat(AT_FDCWD, path, (to_write ? W_OK : 0) | R_OK | X_OK, AT_EACCESS))
        problem = strerror(errno);
    if (problem) {
        why_say(why, KLP_OK, "outbox directory %.200s: %s", directory, problem);
        goto free_path;
    }

    network = mount_network_name(path, &found);
    if (network) {
        why_say(why, KLP_OK,
                "outbox directory %.200s is on %s: locks and fsync of a network file system cannot be relied on",
                directory, network);
        goto free_path;
    }
    *resolved = path;
    return STORE_OK;

free_path:
    free(path);
    return STORE_UNFIT;
}

/* ─── Names ─────────────────────────────────────────────────────────────────────────────────────── */

static bool is_plain(char character, bool is_first)
{
    if ((character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
        (character >= '0' && character <= '9') || character == '_')
        return true;
    return (character == '-' || character == '.') && !is_first; /* neither hidden nor an option of a command */
}

/* FNV-1a. It only has to spread: what stands in a file decides whose it is. */
static uint64_t hash_of(klp_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* The pusher's part of a file's name; its length. */
static size_t encode(klp_text pusher, char out[NAME_MOST + 1])
{
    size_t size = 0, kept = 0; /* `kept`: what still leaves room for a hash */

    for (size_t i = 0; i < pusher.size; i++) {
        char character = pusher.data[i];
        char piece[4];
        bool plain = is_plain(character, i == 0);
        size_t piece_bytes = plain ? 1 : 3;

        if (size + piece_bytes > NAME_MOST) {
            snprintf(out + kept, NAME_MOST + 1 - kept, "~%016llx", (unsigned long long)hash_of(pusher));
            return kept + 1 + HASH_DIGITS;
        }
        snprintf(piece, sizeof piece, plain ? "%c" : "%%%02X", (unsigned char)character);
        memcpy(out + size, piece, piece_bytes);
        size += piece_bytes;
        if (size <= NAME_MOST - HASH_DIGITS - 1)
            kept = size;
    }
    out[size] = '\0';
    return size;
}

void directory_file_name(klp_text pusher, const char *epoch, char file[STORE_FILE_BYTES])
{
    char name[NAME_MOST + 1];

    encode(pusher, name);
    snprintf(file, STORE_FILE_BYTES, "%s-%s%s", name, epoch, suffix);
}

bool directory_is_outbox(const char *file)
{
    size_t size = strlen(file);

    if (size < TAIL_BYTES || size >= STORE_FILE_BYTES - 32 || strchr(file, '/') || file[0] == '.')
        return false;
    const char *tail = file + size - TAIL_BYTES;
    return tail[0] == '-' && strspn(tail + 1, "0123456789abcdef") == DIRECTORY_EPOCH_DIGITS &&
           strcmp(tail + 1 + DIRECTORY_EPOCH_DIGITS, suffix) == 0;
}

bool directory_is_of(const char *file, klp_text pusher)
{
    char name[NAME_MOST + 1];
    size_t size = encode(pusher, name);

    return directory_is_outbox(file) && strlen(file) == size + TAIL_BYTES && memcmp(file, name, size) == 0;
}

/* ─── Looking for files ─────────────────────────────────────────────────────────────────────────── */

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static bool add(struct directory_names *names, const char *file)
{
    if ((names->count & (names->count - 1)) == 0) { /* 0, 1, 2, 4, …: grow */
        size_t capacity = names->count ? 2 * names->count : 1;
        void *grown = realloc(names->files, capacity * sizeof *names->files);
        if (!grown)
            return false;
        names->files = grown;
    }
    snprintf(names->files[names->count++], STORE_FILE_BYTES, "%s", file);
    return true;
}

static enum store_result failure_to_read(int error)
{
    switch (error) {
    case ENOMEM:
        return STORE_NO_MEMORY;
    case ENOENT:
    case ENOTDIR:
    case EACCES:
        return STORE_UNFIT;
    default:
        return STORE_FAILED;
    }
}

enum store_result directory_scan(const char *directory, bool (*is_one)(const char *file), struct directory_names *names)
{
    enum store_result result = STORE_OK;
    DIR *stream = opendir(directory);

    *names = (struct directory_names){0};
    if (!stream)
        return failure_to_read(errno);
    while (result == STORE_OK) {
        struct stat found;
        errno = 0;
        const struct dirent *entry = readdir(stream);
        if (!entry) {
            result = errno ? failure_to_read(errno) : STORE_OK;
            break;
        }
        if (strlen(entry->d_name) < STORE_FILE_BYTES && is_one(entry->d_name) &&
            fstatat(dirfd(stream), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(found.st_mode) &&
            !add(names, entry->d_name))
            result = STORE_NO_MEMORY;
    }
    closedir(stream);
    if (result)
        directory_names_free(names);
    else if (names->count)
        qsort(names->files, names->count, sizeof *names->files, by_name);
    return result;
}

void directory_names_free(struct directory_names *names)
{
    free(names->files);
    *names = (struct directory_names){0};
}

bool directory_flush(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool flushed = fsync(fd) == 0;
    close(fd);
    return flushed;
}
