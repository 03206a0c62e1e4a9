/* SPDX-License-Identifier: Apache-2.0
 *
 * The control path, /_sandbox/…: the script, the log, the clock. Needs no key: loopback only. */
#ifndef SANDBOX_CONTROL_H
#define SANDBOX_CONTROL_H

#include "reply.h"

#include <stdbool.h>
#include <stddef.h>

struct sandbox;

struct control_request {
    const char *method;
    const char *target; /* with the query */
    const char *body;
    size_t body_bytes;
};

/* True: the sandbox is to end once the reply is out. */
bool control_answer(struct sandbox *sandbox, const struct control_request *request, struct reply *reply);

#endif
