/* SPDX-License-Identifier: Apache-2.0
 * The body of a call: what may be given, and what is sent, with the idempotency key that makes its retries safe. */
#ifndef KLP_KRATY_CALL_BODY_H
#define KLP_KRATY_CALL_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include "json/read.h"
#include "json/write.h"

enum call_method { CALL_NONE = 0, CALL_GET, CALL_POST, CALL_PUT, CALL_PATCH, CALL_DELETE };

enum call_method call_method_of(const char *text, size_t size); /* CALL_NONE: no method of a call */
const char *call_method_name(enum call_method method);          /* "GET"; "" for CALL_NONE */
bool call_method_is_write(enum call_method method);             /* it may change something: all but GET */
bool call_method_is_stamped(enum call_method method);           /* its body has an idempotency key: POST, PUT, PATCH */

/* NULL when a call may have this body (size 0: none). Else what is wrong with it, as a sentence behind the field's name
 * ("is not one JSON object: expected ':'"; static), and *at, the byte where. */
const char *call_body_fault(enum call_method method, const char *body, size_t size, size_t *at);

/* Where the idempotency key stands in what was written. */
struct call_body {
    size_t key_offset; /* its first byte, behind the quote … */
    size_t key_bytes;  /* … and its bytes there, escapes as they are; 0: none, or an empty one */
    bool is_ours;      /* the placeholder; else what the host has given */
};

/* Writes the body to be sent, of one that has no fault. A stamped method's gets the placeholder (printable ASCII) as
 * the string idempotencyKey, unless it has a string there; all else stays byte for byte. JSON_NO_MEMORY: nothing is
 * written that is of use. */
enum json_result call_body_write(struct json_writer *writer, enum call_method method, const char *body, size_t size,
                                 const char *placeholder, size_t placeholder_bytes, struct call_body *result);

#endif
