/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json_fault.h"
#include "kraty/call_body.h"
#include "kraty/lobby_pusher.h"
#include "random.h"
#include "vectors.h"

#define UUID "0b5e9d54-3d0e-4e7c-9a52-6f0a8b1c2d3e"

struct written {
    char *text; /* with a NUL that is not counted */
    size_t size;
    struct call_body facts;
};

/* Measures, then writes into exactly that room. */
static struct written write_body(enum call_method method, const char *body, size_t size)
{
    struct written written;
    struct call_body measured;
    struct json_writer measure = {0};
    char *copy = exact_copy(body, size);
    assert_int_equal(call_body_write(&measure, method, copy, size, UUID, strlen(UUID), &measured), JSON_OK);

    char *room = malloc(measure.size ? measure.size : 1);
    assert_non_null(room);
    struct json_writer writer = {.data = room, .capacity = measure.size};
    assert_int_equal(call_body_write(&writer, method, copy, size, UUID, strlen(UUID), &written.facts), JSON_OK);
    assert_int_equal(writer.size, measure.size);
    assert_int_equal(written.facts.key_offset, measured.key_offset);
    assert_int_equal(written.facts.key_bytes, measured.key_bytes);
    assert_int_equal(written.facts.is_ours, measured.is_ours);

    written.size = writer.size;
    written.text = calloc(1, writer.size + 1);
    assert_non_null(written.text);
    memcpy(written.text, room, writer.size);
    free(room);
    free(copy);
    return written;
}

/* `key` is what stands at the idempotency key's place. */
static void expect_body(enum call_method method, const char *body, const char *expected, const char *key, bool is_ours)
{
    size_t at;
    assert_null(call_body_fault(method, body, strlen(body), &at));
    struct written written = write_body(method, body, strlen(body));
    assert_string_equal(written.text, expected);
    assert_int_equal(written.facts.is_ours, is_ours);
    assert_int_equal(written.facts.key_bytes, strlen(key));
    assert_memory_equal(written.text + written.facts.key_offset, key, strlen(key));
    if (written.facts.key_offset > 0) {
        assert_int_equal(written.text[written.facts.key_offset - 1], '"');
        assert_int_equal(written.text[written.facts.key_offset + written.facts.key_bytes], '"');
    }
    free(written.text);
}

static void methods_are_known_by_their_exact_names(void **state)
{
    static const struct {
        const char *name;
        enum call_method method;
        bool is_write, is_stamped;
    } methods[] = {
        {"GET", CALL_GET, false, false},   {"POST", CALL_POST, true, true},      {"PUT", CALL_PUT, true, true},
        {"PATCH", CALL_PATCH, true, true}, {"DELETE", CALL_DELETE, true, false},
    };
    static const char *const others[] = {"", "get", "Post", "GE", "GETS", "POST ", "HEAD", "PAT", "OPTIONS", "CONNECT"};

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        assert_int_equal(call_method_of(methods[i].name, strlen(methods[i].name)), methods[i].method);
        assert_string_equal(call_method_name(methods[i].method), methods[i].name);
        assert_int_equal(call_method_is_write(methods[i].method), methods[i].is_write);
        assert_int_equal(call_method_is_stamped(methods[i].method), methods[i].is_stamped);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(call_method_of(others[i], strlen(others[i])), CALL_NONE);
    assert_int_equal(call_method_of(NULL, 0), CALL_NONE);
    assert_int_equal(call_method_of("GET\0", 4), CALL_NONE);
    assert_string_equal(call_method_name(CALL_NONE), "");
    assert_false(call_method_is_write(CALL_NONE) || call_method_is_stamped(CALL_NONE));
}

static void the_vendors_calls_are_stamped_as_the_vectors_say(void **state)
{
    json_t *vectors = vectors_load("server_calls.json");
    json_t *entry;
    size_t i, kept = 0, stamped = 0, left_alone = 0;

    (void)state;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "method"));
        enum call_method method = call_method_of(name, strlen(name));
        json_t *body = json_object_get(entry, "body");
        char *given = body ? json_dumps(body, i % 2 ? JSON_COMPACT : JSON_INDENT(2)) : strdup("");
        size_t at;
        assert_null(call_body_fault(method, given, strlen(given), &at));
        struct written written = write_body(method, given, strlen(given));

        if (method == CALL_GET) {
            assert_int_equal(written.size, 0);
            left_alone++;
        } else if (json_object_get(body, "idempotencyKey")) {
            assert_string_equal(written.text, given);
            assert_false(written.facts.is_ours);
            kept++;
        } else {
            json_t *sent = json_loadb(written.text, written.size, JSON_REJECT_DUPLICATES, NULL);
            assert_string_equal(json_string_value(json_object_get(sent, "idempotencyKey")), UUID);
            json_object_del(sent, "idempotencyKey");
            json_t *nothing = json_object();
            assert_true(json_equal(sent, body ? body : nothing));
            assert_true(written.facts.is_ours);
            assert_memory_equal(written.text + written.facts.key_offset, UUID, strlen(UUID));
            json_decref(nothing);
            json_decref(sent);
            stamped++;
        }
        free(written.text);
        free(given);
    }
    assert_true(kept > 0 && stamped > 0 && left_alone > 0);
    json_decref(vectors);
}

static void a_key_is_added_as_the_last_member(void **state)
{
    (void)state;
    expect_body(CALL_POST, "", "{\"idempotencyKey\":\"" UUID "\"}", UUID, true);
    expect_body(CALL_PUT, "{}", "{\"idempotencyKey\":\"" UUID "\"}", UUID, true);
    expect_body(CALL_PATCH, " {\n} \t", " {\n\"idempotencyKey\":\"" UUID "\"} \t", UUID, true);
    expect_body(CALL_POST, "{\"a\":1}", "{\"a\":1,\"idempotencyKey\":\"" UUID "\"}", UUID, true);
    expect_body(CALL_POST, "\r\n{ \"a\" : [ ] }\n", "\r\n{ \"a\" : [ ] ,\"idempotencyKey\":\"" UUID "\"}\n", UUID,
                true);
    expect_body(CALL_POST, "{\"IdempotencyKey\":\"x\"}", "{\"IdempotencyKey\":\"x\",\"idempotencyKey\":\"" UUID "\"}",
                UUID, true);
}

static void a_key_further_inside_does_not_count(void **state)
{
    (void)state;
    expect_body(CALL_POST, "{\"rows\":[{\"idempotencyKey\":\"p_1\"}]}",
                "{\"rows\":[{\"idempotencyKey\":\"p_1\"}],\"idempotencyKey\":\"" UUID "\"}", UUID, true);
    expect_body(CALL_POST, "{\"a\":{\"idempotencyKey\":\"p_1\"}}",
                "{\"a\":{\"idempotencyKey\":\"p_1\"},\"idempotencyKey\":\"" UUID "\"}", UUID, true);
    expect_body(CALL_POST, "{\"a\":\"idempotencyKey\",\"b\":\"\\\"idempotencyKey\\\":\\\"x\\\"\"}",
                "{\"a\":\"idempotencyKey\",\"b\":\"\\\"idempotencyKey\\\":\\\"x\\\"\",\"idempotencyKey\":\"" UUID "\"}",
                UUID, true);
}

static void a_text_that_is_there_is_kept(void **state)
{
    static const struct {
        const char *body, *key;
    } bodies[] = {
        {"{\"idempotencyKey\":\"mine\"}", "mine"},
        {" { \"idempotencyKey\" :\t\"mine\" , \"a\" : 1 } ", "mine"},
        {"{\"idempotencyKey\":\"\"}", ""},
        {"{\"idempotency\\u004bey\":\"mine\"}", "mine"},
        {"{\"idempotencyKey\":\"a\\\"b\\u0041\\\\\"}", "a\\\"b\\u0041\\\\"},
        {"{\"idempotencyKey\":1,\"idempotencyKey\":\"last\"}", "last"},
        {"{\"idempotencyKey\":\"first\",\"idempotencyKey\":\"last\"}", "last"},
        {"{\"idempotencyKey\":\"first\",\"\\u0069dempotencyKey\":\"last\"}", "last"},
        {"{\"a\":{\"idempotencyKey\":1},\"idempotencyKey\":\"mine\",\"b\":{\"idempotencyKey\":2}}", "mine"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        for (enum call_method method = CALL_POST; method <= CALL_PATCH; method++)
            expect_body(method, bodies[i].body, bodies[i].body, bodies[i].key, false);
}

static void what_is_there_and_no_text_is_replaced(void **state)
{
    static const char *const values[] = {
        "null", "true", "false", "0", "-1.5e3", "[]", "{}", "[\"x\", 1]", "{ \"idempotencyKey\": \"x\" }"};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char body[256], expected[256];
        snprintf(body, sizeof body, "{\"a\": 1, \"idempotencyKey\" : %s , \"b\":[ ]}\n", values[i]);
        snprintf(expected, sizeof expected, "{\"a\": 1, \"idempotencyKey\" : \"" UUID "\" , \"b\":[ ]}\n");
        expect_body(CALL_POST, body, expected, UUID, true);
    }
    /* of two the last one, which is the one that counts */
    expect_body(CALL_POST, "{\"idempotencyKey\":\"x\",\"idempotencyKey\":7}",
                "{\"idempotencyKey\":\"x\",\"idempotencyKey\":\"" UUID "\"}", UUID, true);
}

static void other_methods_send_what_they_are_given(void **state)
{
    (void)state;
    expect_body(CALL_GET, "", "", "", false);
    expect_body(CALL_DELETE, "", "", "", false);
    expect_body(CALL_DELETE, " {\"a\":1} ", " {\"a\":1} ", "", false);
    expect_body(CALL_DELETE, "{\"idempotencyKey\":7}", "{\"idempotencyKey\":7}", "", false);
}

static void expect_refused(enum call_method method, const char *body, const char *sentence, size_t at)
{
    size_t found = 99999;
    char *copy = exact_copy(body, strlen(body));
    assert_string_equal(call_body_fault(method, copy, strlen(body), &found), sentence);
    assert_int_equal(found, at);
    free(copy);
}

static void what_is_no_object_is_refused_with_a_sentence(void **state)
{
    (void)state;
    expect_refused(CALL_GET, "{}", "is given, and a GET has none", 0);
    expect_refused(CALL_POST, " ", "is not one JSON object: expected '{'", 1);
    expect_refused(CALL_POST, "  []", "is not one JSON object: expected '{'", 2);
    expect_refused(CALL_POST, "null", "is not one JSON object: expected '{'", 0);
    expect_refused(CALL_DELETE, "\"{}\"", "is not one JSON object: expected '{'", 0);
    expect_refused(CALL_PUT, "{\"a\" 1}", "is not one JSON object: expected ':'", 5);
    expect_refused(CALL_PUT, "{\"a\":1 1}", "is not one JSON object: expected ',' or '}'", 7);
    expect_refused(CALL_PUT, "{\"a\":[1 1]}", "is not one JSON object: expected ',' or ']'", 8);
    expect_refused(CALL_PUT, "{\"a\":}", "is not one JSON object: expected a value", 5);
    expect_refused(CALL_PUT, "{1}", "is not one JSON object: expected a member name", 1);
    expect_refused(CALL_PUT, "{} {}", "is not one JSON object: text after the end", 3);
    expect_refused(CALL_PUT, "{\"a", "is not one JSON object: unfinished string", 1);
    expect_refused(CALL_PUT, "{\"\\x\":1}", "is not one JSON object: bad escape", 2);
    expect_refused(CALL_PUT, "{\"\\ud800\":1}", "is not one JSON object: lone surrogate", 2);
    expect_refused(CALL_PUT, "{\"\n\":1}", "is not one JSON object: control byte in a string", 2);
    expect_refused(CALL_PUT, "{\"\xff\":1}", "is not one JSON object: invalid UTF-8", 2);
    expect_refused(CALL_PUT, "{\"a\":01}", "is not one JSON object: bad number", 6);

    size_t at = 99999;
    assert_string_equal(call_body_fault(CALL_PUT, "{\"\0\":1}", 7, &at), "is not one JSON object: NUL byte");
    assert_int_equal(at, 2);
}

static void the_bounds_of_a_body_are_what_the_header_says(void **state)
{
    static char body[KLP_MAX_BODY_BYTES + 2];
    size_t at;

    (void)state;
    memset(body, ' ', sizeof body);
    body[0] = '{', body[KLP_MAX_BODY_BYTES - 1] = '}';
    assert_null(call_body_fault(CALL_POST, body, KLP_MAX_BODY_BYTES, &at));
    struct written written = write_body(CALL_POST, body, KLP_MAX_BODY_BYTES);
    assert_int_equal(written.size, KLP_MAX_BODY_BYTES + strlen("\"idempotencyKey\":\"" UUID "\""));
    free(written.text);
    assert_string_equal(call_body_fault(CALL_POST, body, KLP_MAX_BODY_BYTES + 1, &at), "is more than 1048576 bytes");
    assert_int_equal(at, KLP_MAX_BODY_BYTES);

    for (size_t depth = 1; depth <= 33; depth++) {
        size_t size = 0;
        body[size++] = '{';
        for (size_t i = 1; i < depth; i++) {
            memcpy(body + size, i == 1 ? "\"a\":[" : "[", i == 1 ? 5 : 1);
            size += i == 1 ? 5 : 1;
        }
        for (size_t i = 1; i < depth; i++)
            body[size++] = ']';
        body[size++] = '}';
        const char *fault = call_body_fault(CALL_POST, body, size, &at);
        if (depth <= KLP_MAX_METADATA_DEPTH)
            assert_null(fault);
        else
            assert_string_equal(fault, "is not one JSON object: nested too deep");
    }
}

static size_t put(char *out, const char *text)
{
    memcpy(out, text, strlen(text));
    return strlen(text);
}

/* Members at random, of which some are called idempotencyKey. */
static size_t any_object(struct random *random, char *out)
{
    static const char *const space[] = {"", "", " ", "\n", "\t \r\n"};
    static const char *const names[] = {"\"a\"", "\"idempotencyKey\"", "\"idempotency\\u004Bey\"", "\"\"",
                                        "\"idempotencyKey2\""};
    static const char *const values[] = {"1",           "\"x\"",    "\"\"", "null", "{\"idempotencyKey\":\"in\"}",
                                         "[{}, \"}\"]", "\"\\\"}\""};
    size_t size = put(out, space[random_below(random, 5)]);
    size += put(out + size, "{");
    for (uint32_t left = random_below(random, 4); left > 0; left--) {
        size += put(out + size, space[random_below(random, 5)]);
        size += put(out + size, names[random_below(random, 5)]);
        size += put(out + size, space[random_below(random, 5)]);
        size += put(out + size, ":");
        size += put(out + size, space[random_below(random, 5)]);
        size += put(out + size, values[random_below(random, 7)]);
        size += put(out + size, space[random_below(random, 5)]);
        if (left > 1)
            size += put(out + size, ",");
    }
    size += put(out + size, space[random_below(random, 5)]);
    size += put(out + size, "}");
    return size + put(out + size, space[random_below(random, 5)]);
}

/* By another reader, which takes the last of two members, too. */
static void whatever_is_given_the_same_is_sent_with_one_key(void **state)
{
    struct random random = {.state = 20260101};
    size_t kept = 0, stamped = 0;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char body[512];
        size_t size = any_object(&random, body), at;
        assert_null(call_body_fault(CALL_POST, body, size, &at));
        struct written written = write_body(CALL_POST, body, size);
        json_t *given = json_loadb(body, size, 0, NULL), *sent = json_loadb(written.text, written.size, 0, NULL);
        assert_non_null(sent);
        json_t *key = json_object_get(given, "idempotencyKey");
        if (json_is_string(key)) {
            assert_false(written.facts.is_ours);
            assert_int_equal(written.size, size);
            assert_memory_equal(written.text, body, size);
            kept++;
        } else {
            assert_true(written.facts.is_ours);
            assert_string_equal(json_string_value(json_object_get(sent, "idempotencyKey")), UUID);
            assert_memory_equal(written.text + written.facts.key_offset, UUID, written.facts.key_bytes);
            json_object_set_new(given, "idempotencyKey", json_string(UUID));
            stamped++;
        }
        assert_true(json_equal(given, sent));
        json_decref(given);
        json_decref(sent);
        free(written.text);
    }
    assert_true(kept > 1000 && stamped > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(methods_are_known_by_their_exact_names),
        cmocka_unit_test(the_vendors_calls_are_stamped_as_the_vectors_say),
        cmocka_unit_test(a_key_is_added_as_the_last_member),
        cmocka_unit_test(a_key_further_inside_does_not_count),
        cmocka_unit_test(a_text_that_is_there_is_kept),
        cmocka_unit_test(what_is_there_and_no_text_is_replaced),
        cmocka_unit_test(other_methods_send_what_they_are_given),
        cmocka_unit_test(what_is_no_object_is_refused_with_a_sentence),
        cmocka_unit_test(the_bounds_of_a_body_are_what_the_header_says),
        cmocka_unit_test(whatever_is_given_the_same_is_sent_with_one_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
