/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table from bytes to pointers. Not locked: its owner is. */
#ifndef SANDBOX_TABLE_H
#define SANDBOX_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table_entry;

struct table {
    struct table_entry **buckets;
    size_t bucket_count;
    size_t count;
};

/* NULL when the key is unknown. */
void *table_get(const struct table *table, const void *key, size_t key_bytes);

/* Copies the key; the key must not be in the table yet. False: out of memory, nothing kept. */
bool table_put(struct table *table, const void *key, size_t key_bytes, void *value);

/* Takes the entry out and returns its value, NULL when the key is unknown. */
void *table_take(struct table *table, const void *key, size_t key_bytes);

/* Forgets every entry; the values stay with their owner. */
void table_clear(struct table *table);

#endif
