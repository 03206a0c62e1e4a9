/* SPDX-License-Identifier: Apache-2.0
 * The directory of the outboxes: whether it is fit, and how the files in it are called. */
#ifndef KLP_OUTBOX_DIRECTORY_H
#define KLP_OUTBOX_DIRECTORY_H

#include <stdint.h>

#include "outbox/store.h"

enum { DIRECTORY_EPOCH_DIGITS = 16 };

/* The path of a directory without symbolic links (free() it), which SQLite is told not to follow. STORE_UNFIT: none,
 * not to be searched, or on a network; to be written in as well when `to_write`. */
enum store_result directory_resolve(const char *directory, bool to_write, char **resolved, klp_text_buffer *why);

/* "<pusher>-<epoch>.outbox". Of the pusher's name everything but letters, digits, '_', '.' and '-' is written as %XX; a
 * long one is cut, and told from others by a hash. */
void directory_file_name(klp_text pusher, const char *epoch, char file[STORE_FILE_BYTES]);

/* Whether a file is an outbox by its name. */
bool directory_is_outbox(const char *file);

/* Whether it can be this pusher's: two long names may share a hash, so what stands in the file decides. */
bool directory_is_of(const char *file, klp_text pusher);

/* The regular files of a (resolved) directory whose name `is_one` accepts, sorted. */
struct directory_names {
    char (*files)[STORE_FILE_BYTES];
    size_t count;
};
enum store_result directory_scan(const char *directory, bool (*is_one)(const char *file),
                                 struct directory_names *names);
void directory_names_free(struct directory_names *names);

/* Makes renames and removals in it outlast a power loss. */
bool directory_flush(const char *directory);

#endif
