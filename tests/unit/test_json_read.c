/* SPDX-License-Identifier: Apache-2.0
 * What is read of JSON, and how it is walked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_fault.h"

static struct json_document document_of(const char *text)
{
    struct json_document document;
    struct json_fault fault = {"", 0};
    enum json_result result = json_read(text, strlen(text), &document, &fault);
    if (result != JSON_OK)
        fail_msg("%s: %s at %zu", text, fault.reason, fault.at);
    return document;
}

static void facts_name_the_kind_and_count_the_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        char kind;
        size_t tokens;
    } cases[] = {
        {"{}", '{', 1},           {" [ ] ", '[', 1}, {"\"a\"", '"', 1},
        {" -7.5e-3\n", '0', 1},   {"0", '0', 1},     {"true", 't', 1},
        {"\tfalse", 'f', 1},      {"null ", 'n', 1}, {"{\"a\":1,\"b\":[true,null,\"\"],\"c\":{\"d\":{}}}", '{', 12},
        {"[[],[[]],{}]", '[', 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_facts facts;
        assert_true(json_check(cases[i].text, strlen(cases[i].text), 99, 9, &facts, NULL));
        assert_int_equal(facts.kind, cases[i].kind);
        assert_int_equal(facts.tokens, cases[i].tokens);
        char *copy = exact_copy(cases[i].text, strlen(cases[i].text));
        struct json_document document;
        assert_int_equal(json_read(copy, strlen(cases[i].text), &document, NULL), JSON_OK);
        assert_int_equal(document.count, cases[i].tokens);
        assert_int_equal(json_kind(&document, JSON_ROOT), cases[i].kind);
        json_free(&document);
        free(copy);
    }
}

static void expect_raw(const struct json_document *document, int value, const char *expected)
{
    struct json_slice raw = json_raw(document, value);
    assert_int_equal(raw.size, strlen(expected));
    assert_memory_equal(raw.data, expected, raw.size);
}

static void a_document_is_walked(void **state)
{
    (void)state;
    struct json_document document =
        document_of(" {\"a\": [1, {\"b\": 2}, [], \"c\"], \"d\" : { } , \"e\":null,\"f\":\"x\\ny\"} ");
    static const char *const keys[] = {"\"a\"", "\"d\"", "\"e\"", "\"f\""};
    static const char *const values[] = {"[1, {\"b\": 2}, [], \"c\"]", "{ }", "null", "\"x\\ny\""};
    static const char *const elements[] = {"1", "{\"b\": 2}", "[]", "\"c\""};
    size_t i = 0;
    for (int key = json_first(&document, JSON_ROOT); key != JSON_NONE; key = json_next(&document, key), i++) {
        assert_in_range(i, 0, 3);
        expect_raw(&document, key, keys[i]);
        expect_raw(&document, json_value_of_key(&document, key), values[i]);
        assert_int_equal(json_next(&document, json_value_of_key(&document, key)), JSON_NONE);
    }
    assert_int_equal(i, 4);
    assert_int_equal(json_length(&document, JSON_ROOT), 4);

    int array = json_member(&document, JSON_ROOT, "a");
    i = 0;
    for (int element = json_first(&document, array); element != JSON_NONE; element = json_next(&document, element), i++)
        expect_raw(&document, element, elements[i]);
    assert_int_equal(i, 4);
    assert_int_equal(json_length(&document, array), 4);
    json_free(&document);
    assert_null(document.tokens);
    json_free(&document);
}

static void what_is_not_there_is_none(void **state)
{
    (void)state;
    struct json_document document = document_of("{\"a\":[],\"b\":{},\"c\":\"text\",\"d\":7}");
    int64_t integer;
    uint64_t magnitude;
    int key = json_first(&document, JSON_ROOT);
    assert_int_equal(json_member(&document, JSON_ROOT, "x"), JSON_NONE);
    assert_int_equal(json_member(&document, JSON_ROOT, ""), JSON_NONE);
    assert_int_equal(json_member(&document, JSON_NONE, "a"), JSON_NONE);
    assert_int_equal(json_member(&document, key, "a"), JSON_NONE);
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        int value = json_member(&document, JSON_ROOT, names[i]);
        assert_true(value != JSON_NONE);
        assert_int_equal(json_first(&document, value), JSON_NONE);
        assert_int_equal(json_length(&document, value), 0);
        assert_int_equal(json_member(&document, value, "a"), JSON_NONE);
        assert_int_equal(json_value_of_key(&document, value), JSON_NONE);
    }
    assert_int_equal(json_length(&document, key), 0); /* a name is no container */
    assert_int_equal(json_first(&document, key), JSON_NONE);
    assert_int_equal(json_kind(&document, JSON_NONE), '\0');
    assert_int_equal(json_kind(&document, 9999), '\0');
    assert_int_equal(json_first(&document, JSON_NONE), JSON_NONE);
    assert_int_equal(json_next(&document, JSON_NONE), JSON_NONE);
    assert_int_equal(json_next(&document, JSON_ROOT), JSON_NONE);
    assert_int_equal(json_length(&document, JSON_NONE), 0);
    assert_int_equal(json_value_of_key(&document, JSON_NONE), JSON_NONE);
    assert_int_equal(json_raw(&document, JSON_NONE).size, 0);
    assert_int_equal(json_text(&document, JSON_NONE, NULL, 0), 0);
    assert_int_equal(json_text(&document, JSON_ROOT, NULL, 0), 0);
    assert_false(json_text_is(&document, JSON_NONE, ""));
    assert_false(json_text_is(&document, JSON_ROOT, ""));
    assert_false(json_signed(&document, JSON_NONE, &integer));
    assert_false(json_signed(&document, json_member(&document, JSON_ROOT, "c"), &integer));
    assert_false(json_unsigned(&document, JSON_ROOT, &magnitude));
    json_free(&document);
}

static void the_last_of_two_members_counts(void **state)
{
    (void)state;
    struct json_document document = document_of("{\"a\":1,\"b\":2,\"\\u0061\":3,\"A\":4,\"a\\u0000\":5,\"\":6}");
    expect_raw(&document, json_member(&document, JSON_ROOT, "a"), "3");
    expect_raw(&document, json_member(&document, JSON_ROOT, "b"), "2");
    expect_raw(&document, json_member(&document, JSON_ROOT, ""), "6");
    json_free(&document);
}

static void strings_are_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *json, *text;
        size_t size;
    } cases[] = {
        {"\"\"", "", 0},
        {"\"plain\"", "plain", 5},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8},
        {"\"\\u0041\\u00e4\\u00E4\\u20ac\\uFFFF\"", "A\xc3\xa4\xc3\xa4\xe2\x82\xac\xef\xbf\xbf", 11},
        {"\"a\\ud83d\\ude00b\"",
         "a\xf0\x9f\x98\x80"
         "b",
         6},
        {"\"\\udbff\\udfff\\ud800\\udc00\"", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", 8},
        {"\"a\\u0000b\"", "a\0b", 3},
        {"\"\xc3\xa4\\n\xe2\x82\xac\"", "\xc3\xa4\n\xe2\x82\xac", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_document document = document_of(cases[i].json);
        char out[64];
        size_t size = cases[i].size;
        assert_int_equal(json_text(&document, JSON_ROOT, NULL, 0), size);
        memset(out, '?', sizeof out);
        assert_int_equal(json_text(&document, JSON_ROOT, out, size), size); /* no room for the NUL */
        assert_int_equal(out[0], '?');
        assert_int_equal(json_text(&document, JSON_ROOT, out, size + 1), size);
        assert_memory_equal(out, cases[i].text, size);
        assert_int_equal(out[size], '\0');
        assert_int_equal(out[size + 1], '?');
        assert_int_equal(json_text_is(&document, JSON_ROOT, out), strlen(out) == size);
        out[size] = '!';
        out[size + 1] = '\0';
        assert_false(json_text_is(&document, JSON_ROOT, out));
        if (size > 0) {
            out[size - 1] = '\0';
            assert_false(json_text_is(&document, JSON_ROOT, out));
        }
        json_free(&document);
    }
}

static void integers_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        bool is_signed;
        int64_t signed_value;
        bool is_unsigned;
        uint64_t unsigned_value;
    } cases[] = {
        {"0", true, 0, true, 0},
        {"-0", true, 0, true, 0},
        {"-0.0e9", true, 0, true, 0},
        {"0e99999999999999999999", true, 0, true, 0},
        {"7", true, 7, true, 7},
        {"-3", true, -3, false, 0},
        {"7.0", true, 7, true, 7},
        {"7.5", false, 0, false, 0},
        {"1e2", true, 100, true, 100},
        {"1E+2", true, 100, true, 100},
        {"150e-1", true, 15, true, 15},
        {"155e-1", false, 0, false, 0},
        {"1.5e1", true, 15, true, 15},
        {"1.500e2", true, 150, true, 150},
        {"0.001e3", true, 1, true, 1},
        {"0.1", false, 0, false, 0},
        {"1e-1", false, 0, false, 0},
        {"1e-99999999999999999999", false, 0, false, 0},
        {"1e99999999999999999999", false, 0, false, 0},
        {"100000000000000000000000000e-26", true, 1, true, 1},
        {"0.00000000000000000000000001e26", true, 1, true, 1},
        {"1.00000000000000000000000000001", false, 0, false, 0},
        {"1e18", true, INT64_C(1000000000000000000), true, UINT64_C(1000000000000000000)},
        {"1e19", false, 0, true, UINT64_C(10000000000000000000)},
        {"1e20", false, 0, false, 0},
        {"9007199254740993", true, INT64_C(9007199254740993), true, UINT64_C(9007199254740993)}, /* 2^53 + 1 */
        {"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", false, 0, true, UINT64_C(9223372036854775808)},
        {"-9223372036854775807", true, -INT64_MAX, false, 0},
        {"-9223372036854775808", true, INT64_MIN, false, 0},
        {"-9.223372036854775808e18", true, INT64_MIN, false, 0},
        {"-9223372036854775809", false, 0, false, 0},
        {"18446744073709551615", false, 0, true, UINT64_MAX},
        {"1844674407370955161.50e1", false, 0, true, UINT64_MAX},
        {"18446744073709551616", false, 0, false, 0},
        {"99999999999999999999", false, 0, false, 0},
        {"\"7\"", false, 0, false, 0},
        {"true", false, 0, false, 0},
        {"null", false, 0, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_document document = document_of(cases[i].json);
        int64_t integer = 0;
        uint64_t magnitude = 0;
        if (json_signed(&document, JSON_ROOT, &integer) != cases[i].is_signed || integer != cases[i].signed_value)
            fail_msg("%s", cases[i].json);
        if (json_unsigned(&document, JSON_ROOT, &magnitude) != cases[i].is_unsigned ||
            (cases[i].is_unsigned && magnitude != cases[i].unsigned_value))
            fail_msg("%s", cases[i].json);
        json_free(&document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_name_the_kind_and_count_the_tokens),
        cmocka_unit_test(a_document_is_walked),
        cmocka_unit_test(what_is_not_there_is_none),
        cmocka_unit_test(the_last_of_two_members_counts),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(integers_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
