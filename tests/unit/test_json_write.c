/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json/check.h"
#include "json/write.h"

/* One of everything. */
static void write_all(struct json_writer *writer)
{
    static const char raw[] = "{ \"r\":\r\n [1,\n2] }";
    json_open(writer, '{');
    json_name(writer, "text");
    json_put_string(writer, "a\"b\\c\x01\n\xc3\xa4", 9);
    json_name(writer, "empty");
    json_put_string(writer, NULL, 0);
    json_name(writer, "numbers");
    json_open(writer, '[');
    json_put_unsigned(writer, 0);
    json_put_unsigned(writer, UINT64_MAX);
    json_put_signed(writer, 0);
    json_put_signed(writer, -7);
    json_put_signed(writer, INT64_MIN);
    json_put_signed(writer, INT64_MAX);
    json_close(writer, ']');
    json_name(writer, "flags");
    json_open(writer, '[');
    json_put_bool(writer, true);
    json_put_bool(writer, false);
    json_close(writer, ']');
    json_name(writer, "none");
    json_open(writer, '[');
    json_open(writer, '{');
    json_close(writer, '}');
    json_open(writer, '[');
    json_close(writer, ']');
    json_close(writer, ']');
    json_name(writer, "raw");
    json_put_raw(writer, raw, sizeof raw - 1);
    json_name(writer, "line");
    json_put_raw_on_one_line(writer, raw, sizeof raw - 1);
    json_name_text(writer, "a\"\n\xc3\xa4", 5);
    json_put_bool(writer, true);
    json_name_raw(writer, "\"\\u0041\"", 8);
    json_put_bool(writer, false);
    json_close(writer, '}');
}

static const char all[] =
    "{\"text\":\"a\\\"b\\\\c\\u0001\\n\xc3\xa4\",\"empty\":\"\","
    "\"numbers\":[0,18446744073709551615,0,-7,-9223372036854775808,9223372036854775807],\"flags\":[true,false],"
    "\"none\":[{},[]],\"raw\":{ \"r\":\r\n [1,\n2] },\"line\":{ \"r\":   [1, 2] },"
    "\"a\\\"\\n\xc3\xa4\":true,\"\\u0041\":false}";

static void everything_is_written_as_json(void **state)
{
    (void)state;
    char out[sizeof all];
    struct json_writer writer = {.data = out, .capacity = sizeof out};
    write_all(&writer);
    assert_int_equal(writer.size, sizeof all - 1);
    assert_memory_equal(out, all, writer.size);
    assert_true(json_check(out, writer.size, sizeof out, 3, NULL, NULL));
}

static void what_does_not_fit_is_counted_and_not_written(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < sizeof all; capacity++) {
        char *out = malloc(capacity ? capacity : 1); /* exactly: the sanitizers stand behind it */
        assert_non_null(out);
        struct json_writer writer = {.data = capacity ? out : NULL, .capacity = capacity};
        write_all(&writer);
        assert_int_equal(writer.size, sizeof all - 1);
        assert_memory_equal(out, all, capacity);
        free(out);
    }
}

static void every_byte_of_a_string_is_as_json_wants_it(void **state)
{
    (void)state;
    static const char *const short_escapes[128] = {['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
                                                   ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t"};
    for (int byte = 0; byte < 128; byte++) {
        /* at each place of a word */
        for (size_t place = 0; place < 17; place++) {
            char text[17];
            char out[64];
            char escape[8] = {(char)byte};
            char expected[64];
            memset(text, 'x', sizeof text);
            text[place] = (char)byte;
            if (short_escapes[byte])
                snprintf(escape, sizeof escape, "%s", short_escapes[byte]);
            else if (byte < 0x20)
                snprintf(escape, sizeof escape, "\\u%04x", (unsigned)byte);
            snprintf(expected, sizeof expected, "\"%.*s%s%.*s\"", (int)place, "xxxxxxxxxxxxxxxxx", escape,
                     (int)(sizeof text - place - 1), "xxxxxxxxxxxxxxxxx");
            struct json_writer writer = {.data = out, .capacity = sizeof out};
            json_put_string(&writer, text, sizeof text);
            assert_int_equal(writer.size, strlen(expected));
            assert_memory_equal(out, expected, writer.size);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_written_as_json),
        cmocka_unit_test(what_does_not_fit_is_counted_and_not_written),
        cmocka_unit_test(every_byte_of_a_string_is_as_json_wants_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
