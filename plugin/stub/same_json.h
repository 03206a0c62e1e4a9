/* SPDX-License-Identifier: Apache-2.0
 * Whether two JSON values say the same, however they are written. Pure. */
#ifndef KLP_STUB_SAME_JSON_H
#define KLP_STUB_SAME_JSON_H

#include "json/read.h"

/* Objects whatever the order of their members; numbers by value when they are whole, else as they are written. */
bool same_json(const struct json_document *a, int value_a, const struct json_document *b, int value_b);

#endif
