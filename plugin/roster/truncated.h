/* SPDX-License-Identifier: Apache-2.0
 * Whether what is no JSON would be, if only it went on. */
#ifndef KLP_ROSTER_TRUNCATED_H
#define KLP_ROSTER_TRUNCATED_H

#include <stdbool.h>
#include <stddef.h>

#include "json/check.h"

/* `fault` is what json_check() says of the text. Of a JSON object, every proper beginning that is more than white
 * space is truncated; nothing else is. */
bool truncated_is(const char *text, size_t size, const struct json_fault *fault);

#endif
