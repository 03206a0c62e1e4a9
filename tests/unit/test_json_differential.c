/* SPDX-License-Identifier: Apache-2.0
 * Our reader against jansson's, over documents that are nearly JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "vectors.h"
#include "json/read.h"

#define DOCUMENTS      250000u
#define DOCUMENT_BYTES 256u

static const char *const seeds[] = {
    "{\"data\":{\"id\":\"lob1\",\"status\":\"active\",\"capacity\":4,\"fillBy\":null,\"botSlots\":0}}",
    "{\"error\":{\"code\":\"conflict\",\"message\":\"m\",\"details\":{\"fields\":[\"key\"]}}}",
    "[0,-1,2.5,-3.25e+10,4E-2,5e3,1234567890123,-0,0.0]",
    "[true,false,null,\"\",[],{}]",
    "{\"a\":1,\"b\":2,\"a\":{\"a\":[1,2,[3,[4]]]},\"c\":\"d\"}",
    "\"plain \\\"quoted\\\" \\\\ \\/ \\b\\f\\n\\r\\t \\u0041\\u00e4\\u20AC\"",
    "[\"\\ud83d\\ude00\",\"\\udbff\\udfff\",\"\\uD800\\uDC00\",\"\\ue000\"]",
    "\"\xc3\xa4 \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xed\x9f\xbf \xee\x80\x80\"",
    " {\n\t\"key\" : [ 1 , 2 ] ,\r\n \"other\" : { } }\n",
    "[[[[[[[[]]]]]]],{\"a\":{\"b\":{\"c\":{}}}}]",
    "{\"\":\"\",\" \":\" \",\"\\u0061\":1,\"a\":2}",
    "-12345.678e9",
    "true",
    "null",
    "[9223372036854775807,-9223372036854775808]",
    "{\"k\":\"a long string that has no escape at all in it, for the words\"}",
};

static size_t insert(char *text, size_t size, size_t at, const char *bytes, size_t count)
{
    if (size + count > DOCUMENT_BYTES)
        return size;
    memmove(text + at + count, text + at, size - at);
    memcpy(text + at, bytes, count);
    return size + count;
}

static size_t delete (char *text, size_t size, size_t at, size_t count)
{
    if (count > size - at)
        count = size - at;
    memmove(text + at, text + at + count, size - at - count);
    return size - count;
}

static size_t mutate(struct random *random, char *text, size_t size)
{
    static const char *const pieces[] = {
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\n",
        "0",
        "1",
        "9",
        "-",
        "+",
        ".",
        "e",
        "E",
        "t",
        "true",
        "null",
        "\"a\":",
        ",\"b\":1",
        ",1",
        "[]",
        "{}",
        "\t",
        "\x1f",
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "\\ud83d\\ude00",
        "\\u12",
        "\\n",
        "\\\"",
        "\x7f",
        "\x80",
        "\xc3",
        "\xc3\xa4",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf0\x9f\x98\x80",
        "\xf4\x90\x80\x80",
        "\xff",
        "e400",
        "99999999999999999999",
    };
    const char *piece = pieces[random_below(random, sizeof pieces / sizeof pieces[0])];
    size_t at = random_below(random, (uint32_t)size + 1);
    switch (random_below(random, 8)) {
    case 0:
        return delete (text, size, at, 1);
    case 1:
        return delete (text, size, at, random_below(random, 8));
    case 2:
        if (at < size)
            text[at] = (char)random_below(random, 256);
        return size;
    case 3:
        return insert(text, size, at, "\0", random_below(random, 40) == 0);
    case 4: { /* a stretch twice */
        char stretch[16];
        size_t from = random_below(random, (uint32_t)size + 1);
        size_t count = random_below(random, sizeof stretch);
        count = count < size - from ? count : size - from;
        memcpy(stretch, text + from, count);
        return insert(text, size, at, stretch, count);
    }
    case 5:
        if (at < size)
            text[at] = piece[0];
        return size;
    default:
        return insert(text, size, at, piece, strlen(piece));
    }
}

/* ─── The same tree ──────────────────────────────────────────────────────────────────────────────── */

static bool same(const struct json_document *ours, int value, const json_t *theirs);

static bool same_string(const struct json_document *ours, int value, const char *text, size_t size)
{
    char decoded[DOCUMENT_BYTES + 1];
    return json_text(ours, value, decoded, sizeof decoded) == size && memcmp(decoded, text, size) == 0 &&
           json_raw(ours, value).size >= size + 2;
}

static bool same_object(const struct json_document *ours, int value, const json_t *theirs)
{
    const char *name;
    json_t *member;
    size_t names = json_object_size(theirs);
    json_object_foreach((json_t *)(uintptr_t)theirs, name, member)
    {
        if (!same(ours, json_member(ours, value, name), member))
            return false;
    }
    for (int key = json_first(ours, value); key != JSON_NONE; key = json_next(ours, key)) {
        char decoded[DOCUMENT_BYTES + 1];
        size_t size = json_text(ours, key, decoded, sizeof decoded);
        if (!json_object_getn(theirs, decoded, size))
            return false;
    }
    return json_length(ours, value) >= names;
}

static bool same_array(const struct json_document *ours, int value, const json_t *theirs)
{
    size_t i = 0;
    for (int element = json_first(ours, value); element != JSON_NONE; element = json_next(ours, element), i++) {
        if (!same(ours, element, json_array_get(theirs, i)))
            return false;
    }
    return i == json_array_size(theirs) && i == json_length(ours, value);
}

static bool same_real(const struct json_document *ours, int value, double theirs)
{
    int64_t integer;
    /* To jansson 7.0 and 1e2 are no integers. */
    return json_kind(ours, value) == '0' && (!json_signed(ours, value, &integer) || (double)integer == theirs);
}

static bool same(const struct json_document *ours, int value, const json_t *theirs)
{
    int64_t integer = 0;
    char kind = json_kind(ours, value);
    switch (json_typeof(theirs)) {
    case JSON_OBJECT:
        return kind == '{' && same_object(ours, value, theirs);
    case JSON_ARRAY:
        return kind == '[' && same_array(ours, value, theirs);
    case JSON_STRING:
        return kind == '"' && same_string(ours, value, json_string_value(theirs), json_string_length(theirs));
    case JSON_INTEGER:
        return json_signed(ours, value, &integer) && integer == json_integer_value(theirs);
    case JSON_REAL:
        return same_real(ours, value, json_real_value(theirs));
    case JSON_TRUE:
        return kind == 't';
    case JSON_FALSE:
        return kind == 'f';
    case JSON_NULL:
        return kind == 'n';
    }
    return false;
}

/* ─── The comparison ─────────────────────────────────────────────────────────────────────────────── */

/* Where jansson is stricter, or looser, than RFC 8259 and the bounds ask for. */
static bool may_differ(const char *our_reason, const json_t *theirs, const json_error_t *error)
{
    if (our_reason && strcmp(our_reason, "nested too deep") == 0)
        return true; /* jansson goes deeper */
    if (our_reason && strcmp(our_reason, "NUL byte") == 0)
        return true; /* jansson loses one that follows a word or a number */
    if (theirs)
        return false;
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow /* jansson has numbers of 64 bits only */
           || code == json_error_null_byte_in_key;
}

static void both_readers_take_the_same_documents(void **state)
{
    (void)state;
    struct random random = {20260101};
    size_t taken = 0;
    size_t refused = 0;
    size_t different = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        char text[DOCUMENT_BYTES];
        const char *seed = seeds[random_below(&random, sizeof seeds / sizeof seeds[0])];
        size_t size = strlen(seed);
        memcpy(text, seed, size);
        for (size_t mutations = 1 + random_below(&random, 3); mutations > 0; mutations--)
            size = mutate(&random, text, size);
        char *exact = malloc(size ? size : 1); /* ends where the text does, for the sanitizers to guard */
        assert_non_null(exact);
        memcpy(exact, text, size);

        struct json_document ours;
        struct json_fault fault = {NULL, 0};
        json_error_t error;
        enum json_result result = json_read(exact, size, &ours, &fault);
        json_t *theirs = json_loadb(exact, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        assert_int_equal(result == JSON_OK, json_check(exact, size, size, JSON_MAX_DEPTH, NULL, NULL));
        assert_true(fault.at <= size);
        if ((result == JSON_OK) != (theirs != NULL)) {
            if (!may_differ(fault.reason, theirs, &error))
                fail_msg("%.*s: %s / %s", (int)size, exact, fault.reason, error.text);
            different++;
        } else if (theirs) {
            if (!same(&ours, JSON_ROOT, theirs))
                fail_msg("%.*s: not the same tree", (int)size, exact);
            taken++;
        } else {
            refused++;
        }
        json_decref(theirs);
        json_free(&ours);
        free(exact);
    }
    print_message("%zu taken, %zu refused, %zu known to differ\n", taken, refused, different);
    assert_true(taken > DOCUMENTS / 10);
    assert_true(refused > DOCUMENTS / 10);
    assert_in_range(different, 1, DOCUMENTS / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_readers_take_the_same_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
