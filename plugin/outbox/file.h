/* SPDX-License-Identifier: Apache-2.0
 * A store before its database is open: a file's name, and its lock. */
#ifndef KLP_OUTBOX_FILE_H
#define KLP_OUTBOX_FILE_H

#include "outbox/inside.h"

/* Of a file of a (resolved) directory. NULL without memory. */
struct store *file_new(const char *directory, const char *file);

/* Gives up its lock too; the database is closed before. */
void file_free(struct store *store);

enum store_result file_lock(struct store *store);

/* Whether it is there, and ours alone. STORE_NOT_THERE, STORE_DAMAGED: it is no regular file, STORE_FAILED. */
enum store_result file_look(struct store *store);

#endif
