/* SPDX-License-Identifier: Apache-2.0
 * SQLite's side of opening and closing a store. We are a guest: another part of the process may use SQLite too, so
 * nothing of it is configured but our own connection. */
#ifndef KLP_OUTBOX_DATABASE_H
#define KLP_OUTBOX_DATABASE_H

#include "outbox/inside.h"

/* Whether the SQLite of this process will do. False: *problem says why not. */
bool database_library_is_fit(const char **problem);

/* Makes the file of a store whose lock is held: whole, or not at all. */
enum store_result database_create(struct store *store, const struct store_owner *owner, const char *epoch);

/* Opens the database that is there, checks it and reads what it says about itself. One that turns out damaged, or not
 * ours, is left as it is on the disk. */
enum store_result database_open(struct store *store, const struct store_owner *owner, enum store_sync sync,
                                uint64_t max_bytes);

/* Opens it to be looked at. */
enum store_result database_view(struct store *store);

/* What is in the log goes into the database when `is_kept`; without, both stay as they are. */
void database_close(struct store *store, bool is_kept);

#endif
