/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct table_entry {
    struct table_entry *next;
    uint64_t hash;
    void *value;
    size_t key_bytes;
    unsigned char key[];
};

#define FIRST_BUCKETS 256

/* FNV-1a: the keys are short, and nobody attacks a sandbox with collisions. */
static uint64_t hash_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static struct table_entry **find(const struct table *table, const void *key, size_t key_bytes, uint64_t hash)
{
    struct table_entry **link = &table->buckets[hash & (table->bucket_count - 1)];
    while (*link &&
           ((*link)->hash != hash || (*link)->key_bytes != key_bytes || memcmp((*link)->key, key, key_bytes) != 0))
        link = &(*link)->next;
    return link;
}

static bool grow(struct table *table)
{
    size_t bucket_count = table->bucket_count ? table->bucket_count * 2 : FIRST_BUCKETS;
    struct table_entry **buckets = calloc(bucket_count, sizeof *buckets);
    if (!buckets)
        return false;

    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct table_entry *entry = table->buckets[i], *next; entry; entry = next) {
            struct table_entry **head = &buckets[entry->hash & (bucket_count - 1)];
            next = entry->next;
            entry->next = *head;
            *head = entry;
        }
    }
    free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = bucket_count;
    return true;
}

void *table_get(const struct table *table, const void *key, size_t key_bytes)
{
    if (!table->bucket_count)
        return NULL;
    struct table_entry *entry = *find(table, key, key_bytes, hash_of(key, key_bytes));
    return entry ? entry->value : NULL;
}

bool table_put(struct table *table, const void *key, size_t key_bytes, void *value)
{
    if (table->count >= table->bucket_count && !grow(table))
        return false;
    struct table_entry *entry = malloc(sizeof *entry + key_bytes);
    if (!entry)
        return false;

    entry->hash = hash_of(key, key_bytes);
    entry->value = value;
    entry->key_bytes = key_bytes;
    memcpy(entry->key, key, key_bytes);

    struct table_entry **head = &table->buckets[entry->hash & (table->bucket_count - 1)];
    entry->next = *head;
    *head = entry;
    table->count++;
    return true;
}

void *table_take(struct table *table, const void *key, size_t key_bytes)
{
    if (!table->bucket_count)
        return NULL;
    struct table_entry **link = find(table, key, key_bytes, hash_of(key, key_bytes));
    struct table_entry *entry = *link;
    if (!entry)
        return NULL;

    void *value = entry->value;
    *link = entry->next;
    free(entry);
    table->count--;
    return value;
}

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct table_entry *entry = table->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    free(table->buckets);
    *table = (struct table){0};
}
