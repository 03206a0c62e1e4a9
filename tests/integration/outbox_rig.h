/* SPDX-License-Identifier: Apache-2.0
 * A pusher with an outbox, in a directory of the test's own; with cmocka. Stopping it with no time to drain, closing it
 * and opening it again is what a restart of its process is. */
#ifndef OUTBOX_RIG_H
#define OUTBOX_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

struct outbox {
    struct rig *rig;
    char folder[64];
};

/* cmocka's setup and teardown: *state becomes a struct outbox, with an empty directory and no pusher. */
int outbox_setup(void **state);
int outbox_teardown(void **state);

/* rig_config() with the outbox, the number of attempts that is the default then, and waits of 50, 100, … 400 ms. */
klp_config outbox_config(const struct outbox *outbox);
void outbox_open(struct outbox *outbox);

/* Stop with no time, close; and with these settings, or outbox_config(), open again. */
void outbox_close(struct outbox *outbox);
void outbox_restart(struct outbox *outbox, const klp_config *config);

/* Fails to open, with this status; what it says of the reason, until the next call. */
const char *outbox_refusal(struct outbox *outbox, const klp_config *config, klp_status status);

/* Until it holds, within twenty seconds. */
#define outbox_await(condition)                                                                                        \
    for (uint64_t await_limit_ms_ = rig_now_ms() + patience_ms(20000); !(condition); rig_blink())                      \
        if (rig_now_ms() > await_limit_ms_)                                                                            \
    fail_msg("in vain: %s", #condition)

/* ---- the directory ---- */

/* How many outbox files are there, and the name of one that begins with this. */
size_t outbox_files(const struct outbox *outbox);
const char *outbox_file(const struct outbox *outbox, const char *begin);
bool outbox_has(const struct outbox *outbox, const char *begin); /* a file of any kind */

/* Whether any file there has these bytes in it. */
bool outbox_contains(const struct outbox *outbox, const char *bytes);

/* ---- what the server saw ---- */

/* That all arrivals that push `key` have the same body, idempotency key and all; how many. */
size_t outbox_same_bodies(struct outbox *outbox, const char *key);

#endif
