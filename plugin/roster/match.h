/* SPDX-License-Identifier: Apache-2.0
 * What a document says of the match as a whole. */
#ifndef KLP_ROSTER_MATCH_H
#define KLP_ROSTER_MATCH_H

#include "roster/document.h"
#include "roster/format.h"
#include "roster/refusal.h"

struct match {
    int key; /* a text that can be pushed */
    size_t key_bytes;
    int event; /* the same; JSON_NONE: the document names none */
    size_t event_bytes;
    uint32_t capacity;
    int32_t fill_bots;
};

/* That it is final, under which key, for how many. False: refused. */
bool match_read(const struct format *format, const struct document *document, const klp_roster_options *options,
                struct match *match, struct roster_refusal *refusal);

#endif
