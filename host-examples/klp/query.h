/* SPDX-License-Identifier: Apache-2.0
 * klp read, klp await and klp ping: what changes nothing. All return the exit status. */
#ifndef KLP_QUERY_H
#define KLP_QUERY_H

#include "options.h"
#include "session.h"

int query_read(struct session *session, const struct options *options);
int query_await(struct session *session, const struct options *options);
int query_ping(struct session *session, const struct options *options);

#endif
