/* SPDX-License-Identifier: Apache-2.0
 * klp outbox: what a pusher has written down, to be looked at, and put right while nobody has it open. Each returns the
 * exit status. */
#ifndef KLP_OUTBOX_COMMANDS_H
#define KLP_OUTBOX_COMMANDS_H

#include "options.h"

int outbox_run(const struct options *options);

/* They look at files beside whoever has them open. */
int outbox_list(const struct options *options);
int outbox_show(const struct options *options);
int outbox_failed(const struct options *options);

/* They refuse, by name, a file that somebody has open. */
int outbox_retry_now(const struct options *options);
int outbox_drop(const struct options *options);
int outbox_requeue(const struct options *options);

/* Sends what is there. */
int outbox_drain(const struct options *options);

#endif
