/* SPDX-License-Identifier: Apache-2.0
 * What stands in a file. The schema only ever grows: a file says with user_version which one it has, and in `meta`
 * ("reads_from") since which one it can be read and written. New columns have defaults, so that a release that does not
 * know them can insert, and names that stand in no other table, so that one that joins these can read. */
#ifndef KLP_OUTBOX_SCHEMA_H
#define KLP_OUTBOX_SCHEMA_H

#include "outbox/inside.h"

enum { SCHEMA_VERSION = 2 };

/* Fills a new and empty database. An SQLITE_… code. */
int schema_create(sqlite3 *database, const struct store_owner *owner, const char *epoch);

/* Whether a database is an outbox that this release reads: STORE_OK, STORE_DAMAGED, STORE_TOO_NEW, …
 */
enum store_result schema_check(struct store *store);

/* Brings one that was found good, and ours, up to date. A disk without room for that is no failure: what an older one
 * has is enough. */
enum store_result schema_upgrade(struct store *store);

/* Reads whose it is and its numbers. STORE_FOREIGN: of another origin or key prefix than the owner's (NULL: anybody's).
 */
enum store_result schema_read(struct store *store, const struct store_owner *owner);

/* Whether the last one who had it closed it. */
bool schema_was_closed(struct store *store);

/* "It is in use", or not. */
enum store_result schema_mark(struct store *store, bool is_closed);

#endif
