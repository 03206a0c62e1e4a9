/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts with an outbox (programs/outbox_host.c) that push to a sandbox which fails in all its ways, and are killed at
 * random, as is the reader of their results; until the last of them drains, and the books are closed (crash_books.h).
 *
 * $KLP_CRASH_ROUNDS sets how often something is killed, $KLP_SEED what is left to chance, which is printed. */
#ifndef CRASH_LOOP_H
#define CRASH_LOOP_H

#include <stdbool.h>

struct crash_loop {
    const char *title;      /* of its row in the table of figures */
    unsigned hosts;         /* at a time, on one directory, each with a name of its own; 0: one */
    bool spares_hosts;      /* they live until the end */
    bool has_reader;        /* of results, over nanomsg; else each host takes its events itself */
    bool kills_reader;      /* in every round, and independently of the host */
    unsigned gone_permille; /* killed hosts that never come back: another name begins, and others take up the file */
};

/* What a run that failed leaves stays in its folder, to be looked at. */
void crash_loop_run(const struct crash_loop *loop);

/* A test's teardown: nothing that was started lives on. */
int crash_loop_tear_down(void **state);

/* What is printed above the rows. A group's setup. */
int crash_loop_print_head(void **state);

/* $NAME as a number, or else this. */
unsigned crash_loop_number(const char *name, unsigned otherwise);

#endif
