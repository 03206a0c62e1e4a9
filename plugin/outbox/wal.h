/* SPDX-License-Identifier: Apache-2.0
 * SQLite takes a write-ahead log that it cannot read, or that is gone, for an empty one: what was committed to it would
 * be dropped without a word. */
#ifndef KLP_OUTBOX_WAL_H
#define KLP_OUTBOX_WAL_H

#include "outbox/store.h"

/* Looks at the log beside a database. STORE_DAMAGED: its header is none. STORE_NOT_THERE: there is no log, or the empty
 * one that SQLite makes for whoever only reads, though there is the index of one (`-shm`): if the database was not
 * closed, its log is gone. STORE_OK: it is fine, or both are not there. */
enum store_result wal_look(const char *database);

#endif
