/* SPDX-License-Identifier: Apache-2.0
 * More unread events than memory is to hold, and what has been told of them; with cmocka. */
#ifndef OUTBOX_PAGING_H
#define OUTBOX_PAGING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "outbox_rig.h"

enum { FEW = 64 };

#define MANY (is_slowed() ? 600 : 3000)

static inline klp_config small(const struct outbox *outbox)
{
    klp_config config = outbox_config(outbox);
    config.max_unread_events = FEW;
    config.outbox_sync = KLP_SYNC_NORMAL;
    return config;
}

/* Pushes with a read for every seventh, of the cookies from…to-1, all decided. */
static inline void push_and_read(struct rig *rig, int from, int to)
{
    klp_text none = KLP_TEXT_NONE, nowhere = KLP_LIT("lob_nowhere");

    for (int i = from; i < to; i++) {
        char key[32];
        snprintf(key, sizeof key, "m-%d", i);
        klp_lobby lobby = rig_lobby(key);
        lobby.cookie = (uint64_t)i;
        if (i % 7 == 6)
            assert_int_equal(rig->klp->read(rig->pusher, none, nowhere, (uint64_t)i, NULL, NULL), KLP_OK);
        else
            rig_push_lobby(rig, &lobby);
    }
    assert_int_equal(rig->klp->flush(rig->pusher, patience_ms(60000)), KLP_OK);
}

/* What has been told. */
struct row {
    uint64_t seq;
    size_t count, reads;
    bool *is_seen; /* by cookie */
    size_t most;
};

static inline struct row row_of(size_t most)
{
    struct row row = {.most = most, .is_seen = calloc(most, sizeof(bool))};
    assert_non_null(row.is_seen);
    return row;
}

static inline void note(struct row *row, const klp_event *event)
{
    assert_true(event->seq > row->seq);
    row->seq = event->seq;
    assert_in_range(event->cookie, 0, row->most - 1);
    assert_false(row->is_seen[event->cookie]);
    row->is_seen[event->cookie] = true;
    assert_int_equal(event->op, event->cookie % 7 == 6 ? KLP_OP_READ : KLP_OP_PUSH);
    assert_int_equal(event->outcome, event->op == KLP_OP_PUSH ? KLP_APPLIED : KLP_OUTCOME_NONE);
    row->reads += event->op == KLP_OP_READ;
    row->count++;
}

#endif
