/* SPDX-License-Identifier: Apache-2.0
 * What is refused of JSON, and at which place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_fault.h"

static void a_fault_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
        size_t at;
    } cases[] = {
        {"", "is empty", 0},
        {" \n", "is empty", 2},
        {"{\"a\" 1}", "expected ':'", 5},
        {"{\"a\"", "expected ':'", 4},
        {"{1:2}", "expected a member name", 1},
        {"{", "expected a member name", 1},
        {"{,}", "expected a member name", 1},
        {"{\"a\":1,,}", "expected a member name", 7},
        {"{\"a\":1 ", "expected ',' or '}'", 7},
        {"{\"a\":1]", "expected ',' or '}'", 6},
        {"[1}", "expected ',' or ']'", 2},
        {"[1", "expected ',' or ']'", 2},
        {"[[1]", "expected ',' or ']'", 4},
        {"[", "expected a value", 1},
        {"[,1]", "expected a value", 1},
        {"]", "expected a value", 0},
        {"}", "expected a value", 0},
        {":", "expected a value", 0},
        {"{\"a\":", "expected a value", 5},
        {"<html>", "expected a value", 0},
        {"\xef\xbb\xbf{}", "expected a value", 0}, /* a byte order mark */
        {"'a'", "expected a value", 0},
        {"nul", "expected a value", 0},
        {"True", "expected a value", 0},
        {"NaN", "expected a value", 0},
        {"+1", "expected a value", 0},
        {".5", "expected a value", 0},
        {"nullx", "text after the end", 4},
        {"{}{}", "text after the end", 2},
        {"1 2", "text after the end", 2},
        {"{} // more", "text after the end", 3},
        {"[true false]", "expected ',' or ']'", 6},
        {"\"abc", "unfinished string", 0},
        {"[\"abc", "unfinished string", 1},
        {"{\"abc\":\"\\\"}", "unfinished string", 7},
        {"\"a\tb\"", "control byte in a string", 2},
        {"\"12345678\n\"", "control byte in a string", 9},
        {"\"\x1f\"", "control byte in a string", 1},
        {"\"a\\x\"", "bad escape", 2},
        {"\"\\u12g4\"", "bad escape", 1},
        {"\"\\u12\"", "bad escape", 1},
        {"\"\\", "bad escape", 1},
        {"\"\\U0041\"", "bad escape", 1},
        {"\"\\'\"", "bad escape", 1},
        {"\"\\ud83d\"", "lone surrogate", 1},
        {"\"\\ude00\"", "lone surrogate", 1},
        {"\"\\ud83d\\u0041\"", "lone surrogate", 1},
        {"\"\\ud83d\\ud83d\\ude00\"", "lone surrogate", 1},
        {"\"\\ud83d\\ude00\\udfff\"", "lone surrogate", 13},
        {"{\"\\udfff\":1}", "lone surrogate", 2},
        {"\"\\ud83d\\u\"", "lone surrogate", 1},
        {"\"ab\xff\"", "invalid UTF-8", 3},
        {"\"\xc0\xaf\"", "invalid UTF-8", 1},
        {"\"\xed\xa0\x80\"", "invalid UTF-8", 1},
        {"\"\xf4\x90\x80\x80\"", "invalid UTF-8", 1},
        {"\"\xc3\"", "invalid UTF-8", 1},
        {"[1,\xff]", "invalid UTF-8", 3},
        {"{\xff", "invalid UTF-8", 1},
        {"01", "bad number", 1},
        {"-01", "bad number", 2},
        {"1.", "bad number", 2},
        {"[1.]", "bad number", 3},
        {"--1", "bad number", 1},
        {"-", "bad number", 1},
        {"-a", "bad number", 1},
        {"1.e5", "bad number", 2},
        {"1e", "bad number", 2},
        {"1e+", "bad number", 3},
        {"1e+-1", "bad number", 3},
        {"1e5.5", "text after the end", 3},
        {"1,5", "text after the end", 1},
        {"0x10", "text after the end", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_fault(cases[i].text, strlen(cases[i].text), cases[i].reason, cases[i].at);
}

static void nothing_hides_behind_a_nul(void **state)
{
    (void)state;
    expect_fault("{}\0{}", 5, "NUL byte", 2);
    expect_fault("\0", 1, "NUL byte", 0);
    expect_fault("[1\0]", 4, "NUL byte", 2);
    expect_fault("{\0}", 3, "NUL byte", 1);
    expect_fault("\"a\0b\"", 5, "NUL byte", 2);
    expect_fault("{\"a\"\0:1}", 8, "NUL byte", 4);
    expect_fault("null\0", 5, "NUL byte", 4);
}

/* All that jsmn takes, even strict. */
static void what_jsmn_is_lenient_about_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "[1 2 3]",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,}",
        "[1,,2]",
        "{\"a\"}",
        "{\"a\":}",
        "tru",
        "[tru]",
        "01",
        "[01]",
        "1.",
        "[1.]",
        "--1",
        "[--1]",
        "[\"\x01\"]",
        "[\"\n\"]",
        "[\"\xff\"]",
        "[\"\\ud800\"]",
        "{} {}",
        "[1] [2]",
        "1 2",
        "\"a\" \"b\"",
        "{}x",
        "[1]]",
        "{\"a\":1}}",
        "[1,]",
        "[,]",
        "{,}",
        "{\"a\":1:2}",
        "[\"a\":1]",
        "[1:2]",
        "{\"a\",\"b\"}",
        "",
        "   ",
        "{\"a\":1,\"b\"}",
        "[tru,fals,nul]",
        "{1:2}",
        "{[]:1}",
        "{\"a\" \"b\"}",
        "[-]",
        "[1-2]",
        "[n]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_document document;
        if (json_read(texts[i], strlen(texts[i]), &document, NULL) != JSON_MALFORMED)
            fail_msg("taken: %s", texts[i]);
    }
    struct json_document document;
    assert_int_equal(json_read("[1]\0garbage", 11, &document, NULL), JSON_MALFORMED);
    assert_int_equal(json_read("\0", 1, &document, NULL), JSON_MALFORMED);
}

static void bounds_are_kept_to_the_byte(void **state)
{
    (void)state;
    struct json_fault fault;
    assert_true(json_check("[1]", 3, 3, 1, NULL, &fault));
    assert_false(json_check("[1]", 3, 2, 1, NULL, &fault));
    assert_string_equal(fault.reason, "too large");
    assert_int_equal(fault.at, 2);
    assert_false(json_check("\xff\xff\xff", 3, 2, 1, NULL, &fault)); /* the size is looked at first */
    assert_string_equal(fault.reason, "too large");

    assert_true(json_check("7", 1, 9, 0, NULL, &fault));
    assert_false(json_check("[]", 2, 9, 0, NULL, &fault));
    assert_string_equal(fault.reason, "nested too deep");
    assert_false(json_check("[{}]", 4, 9, 1, NULL, &fault));
    assert_int_equal(fault.at, 1);
    assert_true(json_check("[{}]", 4, 9, 2, NULL, &fault));
    assert_true(json_check("[{},{\"a\":[]},[]]", 16, 99, 3, NULL, &fault)); /* deep, not many */

    for (unsigned depth = 1; depth <= 34; depth++) {
        char text[512];
        size_t size = 0;
        for (unsigned i = 0; i < depth; i++)
            size += (size_t)sprintf(text + size, i % 2 ? "[" : "{\"a\":");
        size += (size_t)sprintf(text + size, "0");
        for (unsigned i = depth; i-- > 0;)
            text[size++] = i % 2 ? ']' : '}';
        assert_int_equal(json_check(text, size, sizeof text, JSON_MAX_DEPTH, NULL, NULL), depth <= JSON_MAX_DEPTH);
        struct json_document document;
        assert_int_equal(json_read(text, size, &document, NULL), depth <= JSON_MAX_DEPTH ? JSON_OK : JSON_MALFORMED);
        json_free(&document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_named_with_its_place),
        cmocka_unit_test(nothing_hides_behind_a_nul),
        cmocka_unit_test(what_jsmn_is_lenient_about_is_refused),
        cmocka_unit_test(bounds_are_kept_to_the_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
