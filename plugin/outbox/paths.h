/* SPDX-License-Identifier: Apache-2.0
 * A database is several files: these names hang together. */
#ifndef KLP_OUTBOX_PATHS_H
#define KLP_OUTBOX_PATHS_H

/* Two pieces in one; NULL without memory. */
char *paths_join(const char *start, const char *end);

/* directory/file + end. */
char *paths_of(const char *directory, const char *file, const char *end);

/* Removes a database and what SQLite keeps beside it. */
void paths_remove(const char *database);

#endif
