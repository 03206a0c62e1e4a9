/* SPDX-License-Identifier: Apache-2.0
 *
 * The `details` of validation_failed: {"fields": ["key", …], "issues": {"key": "is required", …}}. */
#ifndef SANDBOX_VALIDATION_H
#define SANDBOX_VALIDATION_H

#include <jansson.h>
#include <stdbool.h>

struct reply;

json_t *validation_new(void);

/* The first issue of a field is the one that is told. */
void validation_issue(json_t *details, const char *field, const char *issue);

bool validation_failed(const json_t *details);

/* The reply of these details, which are taken over; none, for want of memory, make it a 500. */
void validation_reply(struct reply *reply, unsigned status, json_t *details);

/* The same with a single field in it. */
void validation_reply_one(struct reply *reply, unsigned status, const char *field, const char *issue);

#endif
