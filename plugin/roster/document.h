/* SPDX-License-Identifier: Apache-2.0
 * A document as JSON, out of whatever carried it. */
#ifndef KLP_ROSTER_DOCUMENT_H
#define KLP_ROSTER_DOCUMENT_H

#include "roster/format.h"
#include "roster/refusal.h"
#include "json/read.h"

struct document {
    struct json_document json;
    int envelope;    /* what the format's paths start at */
    char *unwrapped; /* the text that json is of, when it was one within another document */
};

/* True: document_free() releases it, and the text has to outlive it. False: refused, and there is nothing to release.
 *
 * Of a format that is_wrapped the text may be an SNS notification (Message), or the one record of a Lambda invocation
 * by SNS or SQS (Records), one within the other at most three deep. */
bool document_read(const struct format *format, const char *text, size_t size, struct document *document,
                   struct roster_refusal *refusal);
void document_free(struct document *document);

#endif
