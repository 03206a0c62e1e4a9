/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/redact.h"
#include "random.h"
#include "vectors.h"
#include "json/check.h"

#define TEXT_BYTES 512u

static void expect_text(const char *text, const char *needle, const char *expected)
{
    char copy[TEXT_BYTES];
    snprintf(copy, sizeof copy, "%s", text);
    redact_text(copy, strlen(copy), needle, strlen(needle));
    assert_string_equal(copy, expected);
}

static void expect_json(const char *json, const char *needle, const char *expected)
{
    char copy[TEXT_BYTES];
    snprintf(copy, sizeof copy, "%s", json);
    redact_json(copy, strlen(copy), needle, strlen(needle));
    assert_string_equal(copy, expected);
    assert_int_equal(strlen(json), strlen(expected));
}

static void expect_needle(const char *api_key, const char *expected)
{
    const char *needle = NULL;
    size_t needle_size = 0;
    redact_needle(api_key, strlen(api_key), &needle, &needle_size);
    assert_int_equal(needle_size, strlen(expected));
    assert_memory_equal(needle, expected, needle_size);
    assert_true(needle >= api_key && needle + needle_size == api_key + strlen(api_key));
}

static void the_needle_is_the_secret_part(void **state)
{
    (void)state;
    expect_needle("kp_live.s3cretS3CRET", "s3cretS3CRET");
    expect_needle("kp.12345678", "12345678");
    expect_needle("kp.1234567", "kp.1234567"); /* too short to look for alone */
    expect_needle("kp.1234.678", "1234.678");
    expect_needle("nodotatall", "nodotatall");
    expect_needle(".12345678", "12345678");
    expect_needle("kp.", "kp.");
    expect_needle("", "");
}

static void plain_text_is_redacted_byte_for_byte(void **state)
{
    (void)state;
    expect_text("key s3cret, again s3cret", "s3cret", "key ******, again ******");
    expect_text("s3crets3cret", "s3cret", "************");
    expect_text("s3cre s3cre", "s3cret", "s3cre s3cre");
    expect_text("", "s3cret", "");
    expect_text("abcabcabc", "abcabc", "*********"); /* occurrences that overlap */
    expect_text("aaaaa", "aa", "*****");
    expect_text("aabaab", "aab", "******");
    expect_text("\xc3\xa4s3cret\xff", "s3cret", "\xc3\xa4******\xff");
}

static void an_empty_needle_does_nothing(void **state)
{
    (void)state;
    expect_text("text", "", "text");
    expect_json("{\"a\":\"b\"}", "", "{\"a\":\"b\"}");
    redact_text(NULL, 0, "s3cret", 6);
    redact_json(NULL, 0, "s3cret", 6);
}

static void escapes_do_not_hide_an_occurrence(void **state)
{
    (void)state;
    expect_json("{\"m\":\"key s3cret.\"}", "s3cret", "{\"m\":\"key ******.\"}");
    expect_json("{\"s3cret\":[\"as3cretb\"]}", "s3cret", "{\"******\":[\"a******b\"]}");
    expect_json("\"\\u00733cret\"", "s3cret", "\"***********\"");
    expect_json("\"\\u0073\\u0033\\u0063\\u0072\\u0065\\u0074!\"", "s3cret",
                "\"************************************!\"");
    expect_json("\"a\\/b a/b\"", "a/b", "\"**** ***\"");
    expect_json("\"a\\\"b\"", "a\"b", "\"****\"");
    expect_json("\"a\\\\b\"", "a\\b", "\"****\"");
    expect_json("\"a\\u005Cb a\\u005cb\"", "a\\b", "\"******** ********\"");
    expect_json("\"abcabc\\u0061bc\"", "abcabc", "\"**************\""); /* overlapping */
}

static void what_only_looks_alike_stays(void **state)
{
    (void)state;
    expect_json("\"\\\\u0073\"", "s", "\"\\\\u0073\"");        /* an escaped backslash, then u0073 */
    expect_json("\"\\n\"", "n", "\"\\n\"");                    /* a line break, no n */
    expect_json("\"\\u0073\"", "u0073", "\"\\u0073\"");        /* the digits of an escape */
    expect_json("\"\\u0173\"", "s", "\"\\u0173\"");            /* U+0173, no s */
    expect_json("[true,12345678]", "true", "[true,12345678]"); /* no string */
    expect_json("[\"a\",\"b\"]", "a\",\"b", "[\"a\",\"b\"]");  /* not across strings */
    expect_json("\"\\ud83d\\ude00\"", "=", "\"\\ud83d\\ude00\"");
    expect_json("\"\xc3\xa4\"", "$", "\"\xc3\xa4\"");
}

static void a_key_of_digits_is_found_as_a_number_too(void **state)
{
    (void)state;
    expect_json("{\"key\":90125678,\"k\":\"90125678\",\"n\":9012567}", "90125678",
                "{\"key\":11111111,\"k\":\"********\",\"n\":9012567}");
    expect_json("[-90125678.5e1]", "90125678.5", "[-11111111.1e1]");
}

static void what_is_no_json_is_survived(void **state)
{
    (void)state;
    expect_json("\"unfinished s3cret", "s3cret", "\"unfinished ******");
    expect_json("\"cut \\u00", "s3cret", "\"cut \\u00");
    expect_json("\"cut \\", "s3cret", "\"cut \\");
    expect_json("\"\\ud83d s3cret", "s3cret", "\"\\ud83d ******");
    expect_json("s3cret", "s3cret", "s1cret");
    expect_json("\"s3cre", "s3cret", "\"s3cre");
}

/* ─── Any text, escaped any way ──────────────────────────────────────────────────────────────────── */

/* One character as JSON may have it. */
static size_t put_character(struct random *random, char *out, char character)
{
    bool must_escape = character == '"' || character == '\\';
    switch (random_below(random, 4)) {
    case 0:
        return (size_t)sprintf(out, random_below(random, 2) ? "\\u%04x" : "\\u%04X", (unsigned)character);
    case 1:
        if (must_escape || character == '/')
            return (size_t)sprintf(out, "\\%c", character);
        break;
    default:
        break;
    }
    return (size_t)(must_escape ? sprintf(out, "\\%c", character) : sprintf(out, "%c", character));
}

static void after_it_no_reader_finds_the_needle(void **state)
{
    (void)state;
    static const char alphabet[] = "ab/\"\\u0";
    struct random random = {99};
    unsigned redacted = 0;
    for (unsigned round = 0; round < 50000; round++) {
        char needle[8] = {0};
        char plain[32] = {0};
        char json[TEXT_BYTES] = "[\"";
        size_t needle_size = 1 + random_below(&random, 4);
        size_t plain_size = random_below(&random, sizeof plain - 1);
        size_t size = 2;
        for (size_t i = 0; i < needle_size; i++)
            needle[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
        for (size_t i = 0; i < plain_size; i++) {
            plain[i] = alphabet[random_below(&random, sizeof alphabet - 1)];
            size += put_character(&random, json + size, plain[i]);
        }
        size += (size_t)sprintf(json + size, "\"]");

        redact_json(json, size, needle, needle_size);
        assert_true(json_check(json, size, JSON_MAX_BYTES, JSON_MAX_DEPTH, NULL, NULL));
        json_t *read = json_loadb(json, size, 0, NULL);
        assert_non_null(read);
        const char *after = json_string_value(json_array_get(read, 0));
        assert_null(strstr(after, needle));
        if (!strstr(plain, needle))
            assert_string_equal(after, plain); /* nothing else was touched */
        else
            redacted++;
        json_decref(read);

        redact_text(plain, plain_size, needle, needle_size);
        assert_null(strstr(plain, needle));
        assert_int_equal(strlen(plain), plain_size);
    }
    assert_true(redacted > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_needle_is_the_secret_part), cmocka_unit_test(plain_text_is_redacted_byte_for_byte),
        cmocka_unit_test(an_empty_needle_does_nothing),  cmocka_unit_test(escapes_do_not_hide_an_occurrence),
        cmocka_unit_test(what_only_looks_alike_stays),   cmocka_unit_test(a_key_of_digits_is_found_as_a_number_too),
        cmocka_unit_test(what_is_no_json_is_survived),   cmocka_unit_test(after_it_no_reader_finds_the_needle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
