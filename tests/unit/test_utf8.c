/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "json/utf8.h"

/* Another way to say what UTF-8 is: decode by the lead byte, then ask whether that was the shortest form. */
static size_t reference_character(const unsigned char *byte, size_t size)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = 0;
    uint32_t code_point = 0;
    if (size == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    if ((byte[0] & 0xE0) == 0xC0)
        bytes = 2;
    else if ((byte[0] & 0xF0) == 0xE0)
        bytes = 3;
    else if ((byte[0] & 0xF8) == 0xF0)
        bytes = 4;
    if (bytes == 0 || bytes > size)
        return 0;
    code_point = byte[0] & (0x7Fu >> bytes);
    for (size_t i = 1; i < bytes; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return 0;
        code_point = code_point << 6 | (byte[i] & 0x3Fu);
    }
    if (code_point < smallest[bytes] || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF))
        return 0;
    return bytes;
}

static void expect_like_the_reference(const unsigned char *bytes, size_t size)
{
    assert_int_equal(utf8_character((const char *)bytes, size), reference_character(bytes, size));
}

static void a_character_is_what_the_reference_says(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xE0, 0xFF};
    unsigned char bytes[4];
    for (unsigned lead = 0; lead < 256; lead++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t third = 0; third < sizeof edges; third++) {
                for (size_t fourth = 0; fourth < sizeof edges; fourth++) {
                    bytes[0] = (unsigned char)lead;
                    bytes[1] = (unsigned char)second;
                    bytes[2] = edges[third];
                    bytes[3] = edges[fourth];
                    for (size_t size = 0; size <= 4; size++)
                        expect_like_the_reference(bytes, size);
                }
            }
        }
    }
}

static void every_code_point_is_put_and_found_again(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point++) {
        char out[4];
        if (code_point >= 0xD800 && code_point <= 0xDFFF)
            continue;
        size_t bytes = utf8_put(out, code_point);
        assert_int_equal(reference_character((const unsigned char *)out, bytes), bytes);
        assert_int_equal(utf8_character(out, bytes), bytes);
        uint32_t decoded = (unsigned char)out[0] & (bytes == 1 ? 0x7Fu : 0x7Fu >> bytes);
        for (size_t i = 1; i < bytes; i++)
            decoded = decoded << 6 | ((unsigned char)out[i] & 0x3Fu);
        assert_int_equal(decoded, code_point);
    }
}

static void a_fault_is_named_by_place_and_length(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size, at, bytes;
    } cases[] = {
        {"\xff", 1, 0, 1},
        {"\xc0\xaf", 2, 0, 2},
        {"ab\xff", 3, 2, 1},
        {"ab\xff\xfe\xfd", 5, 2, 3},
        {"ab\xed\xa0\x80z", 6, 2, 3},
        {"\xf4\x90\x80\x80", 4, 0, 4},
        {"a\xf5\x80\x80\x80", 5, 1, 4},
        {"\xc3\xa4\xc3", 3, 2, 1},         /* cut */
        {"\xf0\x9f\x98", 3, 0, 3},         /* cut */
        {"\xf0\x9f\x98\xc3\xa4", 5, 0, 3}, /* cut by a character */
        {"12345678\x80"
         "12345678",
         17, 8, 1}, /* at a word's start */
        {"1234567\x80"
         "12345678",
         16, 7, 1}, /* at a word's end */
        {"12345678"
         "12345678\xe2\x82\xac\xe2\x82",
         21, 19, 2},
        {"\x80"
         "abc\x80",
         5, 0, 1}, /* the first fault */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct utf8_fault fault = {99, 99};
        assert_false(utf8_check(cases[i].text, cases[i].size, &fault));
        assert_int_equal(fault.at, cases[i].at);
        assert_int_equal(fault.bytes, cases[i].bytes);
        assert_false(utf8_check(cases[i].text, cases[i].size, NULL));
    }
}

static void valid_text_is_valid(void **state)
{
    (void)state;
    static const char text[] =
        "plain, \xc3\xa4, \xe6\x97\xa5\xe6\x9c\xac, \xf0\x9f\x98\x80\xf4\x8f\xbf\xbf, NUL \0 end";
    assert_true(utf8_check(text, sizeof text - 1, NULL));
    assert_true(utf8_check("", 0, NULL));
    assert_true(utf8_check(NULL, 0, NULL));
    assert_int_equal(utf8_character("", 0), 0);
    assert_int_equal(utf8_character("", 1), 1);
}

/* Texts of characters and of single stray bytes, in memory of exactly their size for the sanitizers' sake. */
static size_t random_text(struct random *random, char *out, size_t capacity, uint32_t stray_per_mille)
{
    static const uint32_t limits[] = {0x80, 0x80, 0x80, 0x800, 0xD800, 0x110000};
    size_t size = 0;
    while (size + 4 <= capacity) {
        if (random_below(random, 1000) < stray_per_mille) {
            out[size++] = (char)(0x80 + random_below(random, 0x80));
            continue;
        }
        uint32_t code_point = random_below(random, limits[random_below(random, 6)]);
        if (code_point < 0xD800 || code_point > 0xDFFF)
            size += utf8_put(out + size, code_point);
    }
    return size;
}

static void check_agrees_with_a_walk_by_characters(void **state)
{
    (void)state;
    struct random random = {20261108};
    unsigned valid = 0;
    unsigned invalid = 0;
    for (unsigned round = 0; round < 20000; round++) {
        char buffer[64];
        size_t size = random_text(&random, buffer, 4 + random_below(&random, 60), round % 3 ? 0 : 80);
        char *text = malloc(size ? size : 1);
        assert_non_null(text);
        memcpy(text, buffer, size);

        size_t at = 0;
        size_t bytes;
        while (at < size && (bytes = reference_character((unsigned char *)text + at, size - at)) > 0)
            at += bytes;
        struct utf8_fault fault;
        bool is_valid = utf8_check(text, size, &fault);
        assert_int_equal(is_valid, at == size);
        if (is_valid) {
            valid++;
        } else {
            invalid++;
            size_t end = fault.at + fault.bytes;
            assert_int_equal(fault.at, at);
            assert_in_range(end, at + 1, size);
            for (size_t i = at; i < end; i++)
                assert_int_equal(reference_character((unsigned char *)text + i, size - i), 0);
            assert_true(end == size || reference_character((unsigned char *)text + end, size - end) > 0);
        }
        free(text);
    }
    assert_true(valid > 5000);
    assert_true(invalid > 1000);
}

static void a_cut_leaves_whole_characters(void **state)
{
    (void)state;
    struct random random = {7};
    static const char text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const size_t cuts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11, 11};
    for (size_t limit = 0; limit < sizeof cuts / sizeof cuts[0]; limit++)
        assert_int_equal(utf8_cut(text, sizeof text - 1, limit), cuts[limit]);
    /* What is no text has no characters to split. */
    assert_int_equal(utf8_cut("\x80\x80\x80\x80\x80", 5, 3), 3);
    assert_int_equal(utf8_cut("abc\xe2\x82", 5, 4), 4);

    for (unsigned round = 0; round < 2000; round++) {
        char buffer[48];
        size_t size = random_text(&random, buffer, sizeof buffer, 0);
        for (size_t limit = 0; limit <= size; limit++) {
            size_t cut = utf8_cut(buffer, size, limit);
            assert_in_range(cut, limit < 3 ? 0 : limit - 3, limit);
            assert_true(utf8_check(buffer, cut, NULL));
            if (cut < limit) /* no more would have fitted */
                assert_true(cut + utf8_character(buffer + cut, size - cut) > limit);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_character_is_what_the_reference_says),
        cmocka_unit_test(every_code_point_is_put_and_found_again),
        cmocka_unit_test(a_fault_is_named_by_place_and_length),
        cmocka_unit_test(valid_text_is_valid),
        cmocka_unit_test(check_agrees_with_a_walk_by_characters),
        cmocka_unit_test(a_cut_leaves_whole_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
