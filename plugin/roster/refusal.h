/* SPDX-License-Identifier: Apache-2.0
 * Why a document gives no roster. */
#ifndef KLP_ROSTER_REFUSAL_H
#define KLP_ROSTER_REFUSAL_H

#include <stdbool.h>

#include "kraty/lobby_pusher.h"

enum roster_fault {
    ROSTER_FINE = 0,
    ROSTER_NO_MEMORY,
    ROSTER_BAD_OPTION,    /* the host has not given what the format needs */
    ROSTER_NO_DOCUMENT,   /* empty */
    ROSTER_NOT_JSON,      /* or no JSON object, or nested too deep */
    ROSTER_TRUNCATED,     /* the start of a JSON object */
    ROSTER_NOT_FINAL,     /* a message of the same matchmaker that says nothing of who plays for good */
    ROSTER_MISSING,       /* a field is not there, or null */
    ROSTER_EMPTY,         /* an id is "", or nobody plays */
    ROSTER_NOT_TEXT,      /* an id is no string */
    ROSTER_SHAPE,         /* a field is of another type or form than the format has it */
    ROSTER_DUPLICATE,     /* a player stands twice */
    ROSTER_OVER_CAPACITY, /* more players than there is room for */
    ROSTER_TOO_LARGE      /* past a bound of klp_lobby */
};

/* One sentence. Of the document it holds numbers, names of fields, a player's id and the plain word that a state is:
 * never a token, a cookie, or an attribute. */
struct roster_refusal {
    enum roster_fault fault;
    char sentence[256];
};

/* False, so that a check reads `return roster_refuse(refusal, ROSTER_…, "…");`. */
bool roster_refuse(struct roster_refusal *refusal, enum roster_fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define ROSTER_PRINTABLE_BYTES 68

/* At most 64 bytes of a text for a sentence, without control bytes, which do what they like to a terminal; an ellipsis
 * shows that there was more. Returns `out`. */
const char *roster_printable(const char *text, size_t size, char out[ROSTER_PRINTABLE_BYTES]);

#endif
