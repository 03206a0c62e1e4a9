/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/path.h"
#include "vectors.h"
#include "json/utf8.h"

static void segments_are_encoded_as_the_vectors_have_them(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("path_segments.json");
    size_t i;
    json_t *entry;
    json_array_foreach(vectors_array(vectors, "encode"), i, entry)
    {
        json_t *text = json_object_get(entry, "text");
        json_t *encoded = json_object_get(entry, "encoded");
        char out[2048];
        size_t bytes = path_encode_segment(json_string_value(text), json_string_length(text), NULL);
        assert_int_equal(bytes, json_string_length(encoded));
        assert_int_equal(path_encode_segment(json_string_value(text), json_string_length(text), out), bytes);
        assert_memory_equal(out, json_string_value(encoded), bytes);
        assert_null(path_segment_fault(json_string_value(text), json_string_length(text)));
        assert_true(utf8_check(json_string_value(text), json_string_length(text), NULL));
    }
    json_decref(vectors);
}

static void refused_segments_are_refused(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("path_segments.json");
    size_t i;
    json_t *entry;
    json_array_foreach(vectors_array(vectors, "refused"), i, entry)
        assert_non_null(path_segment_fault(json_string_value(entry), json_string_length(entry)));
    json_array_foreach(vectors_array(vectors, "refused_hex"), i, entry)
    {
        const char *hex = json_string_value(entry);
        char bytes[64];
        size_t size = 0;
        for (; hex[2 * size]; size++) {
            char pair[3] = {hex[2 * size], hex[2 * size + 1], '\0'};
            bytes[size] = (char)strtoul(pair, NULL, 16);
        }
        assert_true(size > 0);
        assert_false(utf8_check(bytes, size, NULL));
    }
    json_decref(vectors);
}

static void every_byte_is_encoded_as_encodeURIComponent_does(void **state)
{
    (void)state;
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()";
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        char out[4] = {0};
        char expected[4] = {text};
        if (!memchr(unreserved, byte, sizeof unreserved - 1))
            snprintf(expected, sizeof expected, "%%%02X", (unsigned)byte);
        assert_int_equal(path_encode_segment(&text, 1, out), strlen(expected));
        assert_string_equal(out, expected);
    }
    assert_int_equal(path_encode_segment("", 0, NULL), 0);
}

static void reasons_are_sentences_behind_a_name(void **state)
{
    (void)state;
    assert_string_equal(path_segment_fault("", 0), "is empty");
    assert_string_equal(path_segment_fault(NULL, 0), "is empty");
    assert_string_equal(path_segment_fault(".", 1), "is \".\", which would be a path step");
    assert_string_equal(path_segment_fault("..", 2), "is \"..\", which would be a path step");
}

static void paths_are_written_when_they_fit_and_measured_when_not(void **state)
{
    (void)state;
    static const char push[] = "/server/v1/games/game%201/events/quick%2Fbrawl/lobbies";
    static const char read[] = "/server/v1/games/game%201/lobbies/lob_01%C3%A4";
    char out[128];

    assert_int_equal(path_of_push("game 1", 6, "quick/brawl", 11, NULL, 0), strlen(push));
    assert_int_equal(path_of_push("game 1", 6, "quick/brawl", 11, out, sizeof push), strlen(push));
    assert_string_equal(out, push);
    assert_int_equal(path_of_read("game 1", 6, "lob_01\xc3\xa4", 8, out, sizeof read), strlen(read));
    assert_string_equal(out, read);

    memset(out, '?', sizeof out);
    assert_int_equal(path_of_push("game 1", 6, "quick/brawl", 11, out, sizeof push - 1), strlen(push));
    assert_int_equal(path_of_read("game 1", 6, "lob_01\xc3\xa4", 8, out, sizeof read - 1), strlen(read));
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], '?');
    assert_string_equal(PATH_OF_PING, "/server/v1/ping");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_are_encoded_as_the_vectors_have_them),
        cmocka_unit_test(refused_segments_are_refused),
        cmocka_unit_test(every_byte_is_encoded_as_encodeURIComponent_does),
        cmocka_unit_test(reasons_are_sentences_behind_a_name),
        cmocka_unit_test(paths_are_written_when_they_fit_and_measured_when_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
