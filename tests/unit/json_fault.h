/* SPDX-License-Identifier: Apache-2.0
 * What is no JSON, and how that is told. Include behind cmocka.h. */
#ifndef KLP_TESTS_JSON_FAULT_H
#define KLP_TESTS_JSON_FAULT_H

#include <stdlib.h>
#include <string.h>

#include "json/read.h"

/* A copy that ends where the text does, for the sanitizers to guard. */
static inline char *exact_copy(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

static inline void expect_fault(const char *text, size_t size, const char *reason, size_t at)
{
    char *copy = exact_copy(text, size);
    struct json_fault fault = {"unset", 99999};
    struct json_document document;
    if (json_check(copy, size, JSON_MAX_BYTES, JSON_MAX_DEPTH, NULL, &fault))
        fail_msg("taken: %s", text);
    if (strcmp(fault.reason, reason) != 0 || fault.at != at)
        fail_msg("%s: %s at %zu", text, fault.reason, fault.at);
    assert_false(json_check(copy, size, JSON_MAX_BYTES, JSON_MAX_DEPTH, NULL, NULL));

    fault = (struct json_fault){"unset", 99999};
    assert_int_equal(json_read(copy, size, &document, &fault), JSON_MALFORMED);
    assert_string_equal(fault.reason, reason);
    assert_int_equal(fault.at, at);
    assert_null(document.tokens);
    free(copy);
}

#endif
