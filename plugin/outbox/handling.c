/* SPDX-License-Identifier: Apache-2.0
 * What a process is handling, noted in the file of the lock: nobody else opens that, and it takes no commit. The kernel
 * keeps what was written, whatever becomes of us; a machine that loses its power may keep half of it, so it has a sum.
 */
#include "outbox/inside.h"

#include <unistd.h>

struct note {
    uint64_t magic, kind, number, sum;
};

static const uint64_t magic = UINT64_C(0x65746f6e2d706c6b); /* "klp-note" */

/* Odd factors lose nothing: whatever one word was changed to, the sum is another. */
static uint64_t sum_of(const struct note *note)
{
    static const uint64_t factor = UINT64_C(0x9e3779b97f4a7c15);

    return ((magic ^ note->kind) * factor ^ note->number) * factor;
}

void store_note_handling(struct store *store, struct store_handling handling)
{
    struct note note = {.magic = magic, .kind = (uint64_t)handling.kind, .number = handling.number};

    if (store->lock.fd < 0) /* a view, or the copy that a forked child has of a store */
        return;
    note.sum = sum_of(&note);
    if (pwrite(store->lock.fd, &note, sizeof note, 0) != (ssize_t)sizeof note)
        return; /* the next process is none the wiser */
}

void handling_take(struct store *store)
{
    static const struct store_handling nothing = {STORE_HANDLES_NOTHING, 0};
    struct note note;

    store->facts.died_over = nothing;
    if (store->lock.fd < 0)
        return;
    if (pread(store->lock.fd, &note, sizeof note, 0) == (ssize_t)sizeof note && note.magic == magic &&
        note.sum == sum_of(&note) && (note.kind == STORE_HANDLES_JOB || note.kind == STORE_HANDLES_EVENT))
        store->facts.died_over = (struct store_handling){(enum store_handled)note.kind, note.number};
    store_note_handling(store, nothing); /* and its place on the disk is taken: later notes need none */
}
