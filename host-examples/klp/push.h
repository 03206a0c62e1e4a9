/* SPDX-License-Identifier: Apache-2.0
 * klp push: one lobby, or many. Both return the exit status. */
#ifndef KLP_PUSH_H
#define KLP_PUSH_H

#include "options.h"
#include "session.h"

int push_one(struct session *session, const struct options *options);
int push_many(struct session *session, const struct options *options);

#endif
