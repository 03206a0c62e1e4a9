/* SPDX-License-Identifier: Apache-2.0
 * The exact integer a JSON number stands for. Nothing here asks the locale, as strtod() would. */
#ifndef KLP_JSON_NUMBER_H
#define KLP_JSON_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `text` is a number by JSON's grammar. False when it is not integral or its magnitude is above 2^64 - 1. */
bool json_number_read(const char *text, size_t size, bool *is_negative, uint64_t *magnitude);

#endif
