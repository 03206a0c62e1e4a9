/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/call_path.h"
#include "kraty/path.h"
#include "random.h"
#include "vectors.h"

enum { MOST_SEGMENTS = 16 };

/* Measures, finds one byte less too small, and writes into exactly the room; the caller's. */
static char *path_of(const klp_text *segments, size_t count)
{
    size_t bytes = path_of_call(segments, count, NULL, 0);
    char *out = malloc(bytes + 1);
    assert_non_null(out);
    memset(out, '?', bytes + 1);
    assert_int_equal(path_of_call(segments, count, out, bytes), bytes);
    for (size_t i = 0; i <= bytes; i++)
        assert_int_equal(out[i], '?');
    assert_int_equal(path_of_call(segments, count, out, bytes + 1), bytes);
    assert_int_equal(strlen(out), bytes);
    return out;
}

static char *template_of(const char *path)
{
    size_t size = strlen(path), bytes = path_template_of_call(path, size, NULL, 0);
    char *exact = malloc(size), *out = malloc(bytes + 1); /* the path without its NUL, for the sanitizers to guard */
    assert_true(exact && out);
    memcpy(exact, path, size);
    memset(out, '?', bytes + 1);
    assert_int_equal(path_template_of_call(exact, size, out, bytes), bytes);
    for (size_t i = 0; i <= bytes; i++)
        assert_int_equal(out[i], '?');
    assert_int_equal(path_template_of_call(exact, size, out, bytes + 1), bytes);
    assert_int_equal(strlen(out), bytes);
    free(exact);
    return out;
}

static void the_vendors_calls_have_the_paths_of_the_vectors(void **state)
{
    json_t *vectors = vectors_load("server_calls.json");
    json_t *entry;
    size_t i;

    (void)state;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        klp_text segments[MOST_SEGMENTS];
        json_t *segment;
        size_t count = 0;
        json_array_foreach(vectors_array(entry, "segments"), count, segment) segments[count] =
            (klp_text){json_string_value(segment), json_string_length(segment)};
        char *path = path_of(segments, count);
        assert_string_equal(path, json_string_value(json_object_get(entry, "path")));
        free(path);
    }
    json_decref(vectors);
}

static void expect_template(const char *path, const char *expected)
{
    char *template = template_of(path);
    assert_string_equal(template, expected);
    free(template);
}

static void a_template_keeps_the_first_segment_only(void **state)
{
    (void)state;
    expect_template("/server/v1/ping", "/server/v1/ping");
    expect_template("/server/v1/migrate/players", "/server/v1/migrate/{}");
    expect_template("/server/v1/players/42/grants", "/server/v1/players/{}/{}");
    expect_template("/server/v1/players/player%2042%2F/wallet/gold/credit", "/server/v1/players/{}/{}/{}/{}");
    expect_template("/server/v1/a/b", "/server/v1/a/{}");
}

/* Nothing of an id gets into a template, and it has as many segments as the path. */
static void paths_and_templates_agree_over_many_calls(void **state)
{
    struct random random = {.state = 7};

    (void)state;
    for (int round = 0; round < 5000; round++) {
        char texts[MOST_SEGMENTS][8], expected[1024] = "/server/v1", template[1024] = "/server/v1";
        klp_text segments[MOST_SEGMENTS];
        size_t count = 1 + random_below(&random, MOST_SEGMENTS);
        for (size_t i = 0; i < count; i++) {
            char encoded[32] = "";
            size_t size = 1 + random_below(&random, sizeof texts[i]);
            for (size_t at = 0; at < size; at++)
                texts[i][at] = (char)random_below(&random, 256);
            segments[i] = (klp_text){texts[i], size};
            encoded[path_encode_segment(texts[i], size, encoded)] = '\0';
            strcat(strcat(expected, "/"), encoded);
            strcat(strcat(template, "/"), i == 0 ? encoded : "{}");
        }
        char *path = path_of(segments, count);
        assert_string_equal(path, expected);
        expect_template(path, template);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vendors_calls_have_the_paths_of_the_vectors),
        cmocka_unit_test(a_template_keeps_the_first_segment_only),
        cmocka_unit_test(paths_and_templates_agree_over_many_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
