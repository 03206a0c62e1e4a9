/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/trace_parent.h"

#define GOOD "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

#define LENGTH "is not 55 bytes, as 00-<32 hex digits>-<16 hex digits>-<2 hex digits> is"
#define SHAPE  "is not 00-<32 hex digits>-<16 hex digits>-<2 hex digits>, in lower case"

static const char *fault_of(const char *text, size_t size)
{
    char *exact = malloc(size ? size : 1); /* for the sanitizers to guard */
    assert_non_null(exact);
    memcpy(exact, text, size);
    const char *fault = trace_parent_fault(exact, size);
    free(exact);
    return fault;
}

static void the_recommendations_examples_are_taken(void **state)
{
    static const char *const texts[] = {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff",
        "00-00000000000000000000000000000001-0000000000000001-00",
        "00-10000000000000000000000000000000-1000000000000000-00",
        "cc-12345678901234567890123456789012-1234567890123456-01",
        "01-12345678901234567890123456789012-1234567890123456-01",
        "fe-12345678901234567890123456789012-1234567890123456-01",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_null(fault_of(texts[i], strlen(texts[i])));
}

static void what_it_is_not_is_said(void **state)
{
    static const struct {
        const char *text, *fault;
    } texts[] = {
        {"", LENGTH},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", LENGTH},
        {GOOD "0", LENGTH},
        {GOOD " ", LENGTH},
        {"01-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like", LENGTH},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "is of version ff, which is none"},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", "has a trace id of zeros, which is none"},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "has a parent id of zeros, which is none"},
        {"00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", SHAPE},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01", SHAPE},
        {"0-00af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", SHAPE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_string_equal(fault_of(texts[i].text, strlen(texts[i].text)), texts[i].fault);
    assert_string_equal(trace_parent_fault(NULL, 0), LENGTH);
}

/* Every byte in every place: 55 of them may become a header, and no other. */
static void no_byte_is_taken_that_has_no_place_there(void **state)
{
    (void)state;
    for (size_t at = 0; at < TRACE_PARENT_BYTES; at++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[] = GOOD;
            text[at] = (char)byte;
            bool is_dash = GOOD[at] == '-';
            bool fits = is_dash ? byte == '-' : byte && strchr("0123456789abcdef", byte);
            if ((trace_parent_fault(text, TRACE_PARENT_BYTES) == NULL) != fits)
                fail_msg("%02x at %zu", (unsigned)byte, at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recommendations_examples_are_taken),
        cmocka_unit_test(what_it_is_not_is_said),
        cmocka_unit_test(no_byte_is_taken_that_has_no_place_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
