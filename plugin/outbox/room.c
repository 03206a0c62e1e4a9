/* SPDX-License-Identifier: Apache-2.0
 *
 * A full store must still be able to conclude: so what is accepted takes, besides its own bytes, the room of the
 * verdict that will replace it. Only what is accepted is ever refused; verdicts, retries and deletes live on what was
 * set aside for them. */
#include <stdio.h>

#include "outbox/inside.h"

enum {
    PAGE_BYTES = 4096,
    LOCAL_BYTES = 4000,     /* a record of this size still fits one page of a table, with its few numbers */
    KEPT_FREE_PAGES = 256,  /* not given back: it would be taken again soon */
    MOST_MOVED_PAGES = 1024 /* by one commit: some 10 ms */
};

_Static_assert((int)STORE_VERDICT_BYTES <= (int)LOCAL_BYTES, "a verdict's room is one page");

/* A verdict of STORE_VERDICT_BYTES has a page to itself, whatever order verdicts come in. Beside that: the pages above
 * the leaves and SQLite's map of what points where (1/64), the rows of attempts that grow (1/8 page a job), and what
 * rebalancing takes for a moment. */
static int64_t set_aside_bytes(const struct tally *tally)
{
    return (int64_t)(tally->tickets + tally->tickets / 64 + tally->jobs / 8 + 32) * PAGE_BYTES;
}

/* A ticket, the entry of the index over it, and the room of its verdict. */
static int64_t tickets_bytes(uint64_t tickets)
{
    return (int64_t)tickets * (PAGE_BYTES + PAGE_BYTES / 64 + 1024);
}

/* Records of half a page and a little more have a page each: up to that, at most half of a page is lost. */
static int64_t record_bytes(uint64_t bytes)
{
    if (bytes == 0)
        return 0;
    if (bytes <= LOCAL_BYTES)
        return 2 * (int64_t)bytes + 256;
    return (int64_t)(bytes + bytes / 512) + 3 * PAGE_BYTES;
}

static bool look(struct store *store, int64_t *pages, int64_t *free_pages)
{
    *pages = statement_number(store, STATEMENT_PAGE_COUNT);
    *free_pages = statement_number(store, STATEMENT_FREELIST_COUNT);
    return *pages >= 0 && *free_pages >= 0;
}

bool room_take(struct store *store, uint64_t bytes, uint64_t tickets)
{
    int64_t cost, pages, free_pages;

    if (!store->most_pages)
        return true;
    cost = record_bytes(bytes) + tickets_bytes(tickets);
    /* Two statements, some 1.5 µs: only when the last look is used up. */
    if (store->room_bytes < cost && look(store, &pages, &free_pages))
        store->room_bytes =
            ((int64_t)store->most_pages - (pages - free_pages)) * PAGE_BYTES - set_aside_bytes(&store->now);
    if (store->room_bytes < cost)
        return false;
    store->room_bytes -= cost;
    return true;
}

uint64_t store_room_bytes(struct store *store)
{
    enum { LOOK_AGAIN_BELOW = 1 << 16, LEAST_FAILED_BYTES = 256 };
    int64_t pages, free_pages;

    if (!store->most_pages)
        return UINT64_MAX;
    if (store->room_bytes < LOOK_AGAIN_BELOW && look(store, &pages, &free_pages))
        store->room_bytes =
            ((int64_t)store->most_pages - (pages - free_pages)) * PAGE_BYTES - set_aside_bytes(&store->now);
    /* what failed gives way */
    return (store->room_bytes > 0 ? (uint64_t)store->room_bytes : 0) + store->now.failed * LEAST_FAILED_BYTES;
}

uint64_t store_cost_bytes(uint64_t bytes)
{
    return (uint64_t)(record_bytes(bytes) + tickets_bytes(1));
}

void room_give_back(struct store *store, uint64_t tickets)
{
    store->room_bytes += tickets_bytes(tickets);
}

/* No database has more; and no number of bytes overflows with it. */
#define SQLITE_MOST_PAGES UINT64_C(0xfffffffe)

enum store_result room_bound(struct store *store, uint64_t max_bytes)
{
    char text[64];
    int64_t pages, free_pages, most;

    store->most_pages = max_bytes / PAGE_BYTES < SQLITE_MOST_PAGES ? max_bytes / PAGE_BYTES : SQLITE_MOST_PAGES;
    if (!max_bytes)
        return STORE_OK;
    if (!store->most_pages)
        store->most_pages = 1;
    if (!look(store, &pages, &free_pages))
        return failure_of(store, sqlite3_extended_errcode(store->database), "reading its size");
    /* It may have had a higher bound before: what it holds then has to be concluded all the same. */
    most = pages + set_aside_bytes(&store->now) / PAGE_BYTES;
    if (most < (int64_t)store->most_pages)
        most = (int64_t)store->most_pages;
    snprintf(text, sizeof text, "PRAGMA max_page_count = %lld", (long long)most);
    return failure_of(store, sqlite3_exec(store->database, text, NULL, NULL, NULL), "bounding it");
}

int room_shrink(struct store *store)
{
    char text[64];
    int64_t pages, free_pages, surplus;

    if (!look(store, &pages, &free_pages))
        return SQLITE_OK;
    surplus = free_pages - KEPT_FREE_PAGES - (pages - free_pages);
    if (surplus <= 0)
        return SQLITE_OK;
    if (surplus > MOST_MOVED_PAGES)
        surplus = MOST_MOVED_PAGES;
    snprintf(text, sizeof text, "PRAGMA incremental_vacuum(%lld)", (long long)surplus);
    return sqlite3_exec(store->database, text, NULL, NULL, NULL);
}
