/* SPDX-License-Identifier: Apache-2.0
 * klp webhook verify: whether a webhook comes from Kraty. */
#ifndef KLP_WEBHOOK_H
#define KLP_WEBHOOK_H

#include "options.h"

/* Returns the exit status. Nothing it writes holds a secret, or anything of the webhook. */
int webhook_verify(const struct options *options);

#endif
