/* SPDX-License-Identifier: Apache-2.0
 * The files of an outbox directory that a command is about, as they were when it looked. */
#ifndef KLP_OUTBOX_FILES_H
#define KLP_OUTBOX_FILES_H

#include "outbox/store.h"
#include <stdbool.h>
#include <stddef.h>

#include "options.h"

struct outbox_file {
    char name[STORE_FILE_BYTES];
    char *pusher; /* NULL: it could not be read */
    char why[512];
    struct store_facts facts;
    uint64_t bytes;
    bool is_in_use;
};

struct outbox_files {
    const char *directory;
    struct outbox_file *items;
    size_t count;
};

/* All of --outbox, or those of --pusher, or --file. False: stderr says why there is nothing to be done, and nothing is
 * to be cleared. */
bool outbox_files_find(const struct options *options, struct outbox_files *files);
void outbox_files_clear(struct outbox_files *files);

/* Those that could not be read, on stderr; how many. */
size_t outbox_files_complain(const struct outbox_files *files);

/* Opens one to look at. NULL: stderr says why. */
struct store *outbox_file_view(const struct outbox_files *files, const struct outbox_file *file);

/* Opens one to write, which nobody else has open then. NULL: stderr says why. */
struct store *outbox_file_open(const struct outbox_files *files, const struct outbox_file *file);

/* Makes true what was written, if it was. False: stderr says why not, and the file is as it was. */
bool outbox_file_commit(struct store *store, bool is_written);

/* Where a ticket is. */
struct outbox_place {
    const struct outbox_file *file;
    uint64_t job; /* its call, when it is undecided; 0: it is not */
    bool has_verdict, has_failed;
};

enum outbox_kind { OUTBOX_UNDECIDED = 1, OUTBOX_VERDICT = 2, OUTBOX_FAILED = 4 };

/* The one file that has a ticket as one of these kinds. False: none has, or several, or it could not be looked at;
 * stderr says so. */
bool outbox_files_find_ticket(const struct outbox_files *files, uint64_t ticket, unsigned kinds,
                              struct outbox_place *place);

#endif
