/* SPDX-License-Identifier: Apache-2.0
 * The W3C trace context's header `traceparent`: <version>-<trace id>-<parent id>-<flags>. */
#ifndef KLP_KRATY_TRACE_PARENT_H
#define KLP_KRATY_TRACE_PARENT_H

#include <stddef.h>

enum { TRACE_PARENT_BYTES = 55 };

/* NULL when the text is one, of version 00 or a later one that looks the same (one with more behind is refused: what
 * that is nobody knows yet). Else what is wrong with it, as a sentence behind the field's name; static. */
const char *trace_parent_fault(const char *text, size_t size);

#endif
