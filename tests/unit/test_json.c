/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "json/read.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* A copy that ends where the text does, for the sanitizers to guard. */
static char *exact_copy(const char *text, size_t size)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    return copy;
}

static void expect_fault(const char *text, size_t size, const char *reason, size_t at)
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

static struct json_document document_of(const char *text)
{
    struct json_document document;
    struct json_fault fault = {"", 0};
    enum json_result result = json_read(text, strlen(text), &document, &fault);
    if (result != JSON_OK)
        fail_msg("%s: %s at %zu", text, fault.reason, fault.at);
    return document;
}

/* ─── What is refused ────────────────────────────────────────────────────────────────────────────── */

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

/* ─── What is read ───────────────────────────────────────────────────────────────────────────────── */

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

/* ─── As large as it may be ──────────────────────────────────────────────────────────────────────── */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A linear pass over a mebibyte takes milliseconds, a quadratic one minutes: sanitizers fit in between. */
#define PROMPTLY_S 5.0

/* A mebibyte of `unit` after `head`, ended by `tail`, filled up with white space. */
static char *mebibyte(const char *head, const char *unit, const char *tail)
{
    char *text = malloc(JSON_MAX_BYTES + 1);
    assert_non_null(text);
    size_t size = (size_t)sprintf(text, "%s", head);
    while (size + strlen(unit) + strlen(tail) <= JSON_MAX_BYTES)
        size += (size_t)sprintf(text + size, "%s", unit);
    size += (size_t)sprintf(text + size, "%s", tail);
    memset(text + size, ' ', JSON_MAX_BYTES + 1 - size);
    return text;
}

/* Visits all that is in a container and what is in that; returns how many tokens that were. */
static size_t walk(const struct json_document *document, int value)
{
    size_t tokens = 1;
    size_t length = 0;
    for (int element = json_first(document, value); element != JSON_NONE; element = json_next(document, element)) {
        length++;
        if (json_kind(document, value) == '{')
            tokens += 1 + walk(document, json_value_of_key(document, element));
        else
            tokens += walk(document, element);
    }
    assert_int_equal(length, json_length(document, value));
    return tokens;
}

static void large_documents_are_read_promptly(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit, *tail;
    } cases[] = {
        {"[0", ",0", "]"},
        {"[[]", ",[]", "]"},
        {"[{}", ",{}", "]"},
        {"[\"\"", ",\"\"", "]"},
        {"{\"\":0", ",\"\":0", "}"},
        {"{\"a\":[]", ",\"a\":[]", "}"},
        {"[[0]", ",[0,[0,{\"a\":[0]}]]", "]"},
        {"\"", "x", "\""},
        {"\"", "\\u0041", "\""},
        {"\"", "\\ud83d\\ude00", "\""},
        {"\"", "\xe6\x97\xa5", "\""},
        {"{\"", "x", "\":0}"},
        {"", " ", "7"},
        {"7", " ", ""},
        {"1", "0", ""},
        {"0.", "0", "1"},
        {"1e", "0", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mebibyte(cases[i].head, cases[i].unit, cases[i].tail);
        struct json_document document;
        int64_t integer;
        double start = seconds_now();
        assert_int_equal(json_read(text, JSON_MAX_BYTES, &document, NULL), JSON_OK);
        assert_int_equal(walk(&document, JSON_ROOT), document.count);
        json_member(&document, JSON_ROOT, "a");
        json_text(&document, JSON_ROOT, NULL, 0);
        json_signed(&document, JSON_ROOT, &integer);
        json_free(&document);
        assert_true(seconds_now() - start < PROMPTLY_S);
        expect_fault(text, JSON_MAX_BYTES + 1, "too large", JSON_MAX_BYTES);
        free(text);
    }
}

static void large_nonsense_is_refused_promptly(void **state)
{
    (void)state;
    static const struct {
        const char *head, *unit, *tail, *reason;
        size_t at;
    } cases[] = {
        {"", "[", "", "nested too deep", 32},
        {"", "{\"a\":", "", "nested too deep", 160},
        {"[", "{},", "]", "expected a value", JSON_MAX_BYTES - 1},
        {"\"", "x", "", "unfinished string", 0},
        {"\"", "\\\"", "", "unfinished string", 0},
        {"", "\"\"", "", "text after the end", 2},
        {"", " ", "", "is empty", JSON_MAX_BYTES},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mebibyte(cases[i].head, cases[i].unit, cases[i].tail);
        size_t size = JSON_MAX_BYTES;
        if (i == 2) /* without the white space that fills it up */
            size = (JSON_MAX_BYTES - 2) / 3 * 3 + 2;
        double start = seconds_now();
        expect_fault(text, size, cases[i].reason, i == 2 ? size - 1 : cases[i].at);
        assert_true(seconds_now() - start < PROMPTLY_S);
        free(text);
    }
}

/* ─── No memory ──────────────────────────────────────────────────────────────────────────────────── */

#ifndef SANITIZED
static int read_without_memory(const char *text, size_t size)
{
    /* Next to nothing more for this process: the tokens of a mebibyte need ten. */
    struct rlimit limit = {.rlim_cur = 1, .rlim_max = 1};
    struct json_document document;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return 2;
    memset(&document, 0xff, sizeof document);
    enum json_result result = json_read(text, size, &document, NULL);
    bool is_empty = !document.tokens && document.count == 0;
    json_free(&document);
    return result == JSON_NO_MEMORY && is_empty ? 0 : 1;
}
#endif

static void without_memory_nothing_is_read(void **state)
{
    (void)state;
#ifdef SANITIZED
    skip(); /* a sanitizer does not live with a limit on its address space */
#else
    char *text = mebibyte("[0", ",0", "]");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(read_without_memory(text, JSON_MAX_BYTES));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    free(text);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_named_with_its_place),
        cmocka_unit_test(nothing_hides_behind_a_nul),
        cmocka_unit_test(what_jsmn_is_lenient_about_is_refused),
        cmocka_unit_test(bounds_are_kept_to_the_byte),
        cmocka_unit_test(facts_name_the_kind_and_count_the_tokens),
        cmocka_unit_test(a_document_is_walked),
        cmocka_unit_test(what_is_not_there_is_none),
        cmocka_unit_test(the_last_of_two_members_counts),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(large_documents_are_read_promptly),
        cmocka_unit_test(large_nonsense_is_refused_promptly),
        cmocka_unit_test(without_memory_nothing_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
