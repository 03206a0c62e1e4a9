/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kraty/push_body.h"
#include "vectors.h"
#include "json/check.h"

#define UUID "0b5e9d54-3d0e-4e7c-9a52-6f0a8b1c2d3e"

static const klp_text alice_and_bob[] = {KLP_LIT("alice"), KLP_LIT("bob")};

static klp_lobby lobby_of(const char *key, const klp_text *player_ids, size_t player_count)
{
    klp_lobby lobby = KLP_LOBBY_INIT;
    lobby.game_id = klp_cstr("game_1");
    lobby.event_key = klp_cstr("quick_brawl");
    lobby.key = klp_cstr(key);
    lobby.player_ids = player_ids;
    lobby.player_count = player_count;
    return lobby;
}

/* Measures, writes into exactly that room, and compares. */
static void expect_body(const klp_lobby *lobby, const char *idempotency_key, const char *expected)
{
    struct json_writer measure = {0};
    size_t at = push_body_write(&measure, lobby, klp_cstr(idempotency_key));
    assert_int_equal(measure.size, strlen(expected));

    char *body = malloc(measure.size);
    assert_non_null(body);
    struct json_writer writer = {.data = body, .capacity = measure.size};
    assert_int_equal(push_body_write(&writer, lobby, klp_cstr(idempotency_key)), at);
    assert_int_equal(writer.size, measure.size);
    assert_memory_equal(body, expected, writer.size);
    assert_memory_equal(body + at, idempotency_key, strlen(idempotency_key));
    assert_true(json_check(body, writer.size, JSON_MAX_BYTES, JSON_MAX_DEPTH, NULL, NULL));
    free(body);
}

static void all_fields_are_written_in_order(void **state)
{
    (void)state;
    klp_lobby lobby = lobby_of("match-7", alice_and_bob, 2);
    lobby.capacity = 8;
    lobby.fill_bots = KLP_FILL_BOTS_YES;
    lobby.metadata_json = klp_cstr("{ \"map\": \"dock\",\n  \"mmr\": 1432 }");
    expect_body(&lobby, UUID,
                "{\"key\":\"match-7\",\"externalPlayerIds\":[\"alice\",\"bob\"],\"capacity\":8,\"fillBots\":true,"
                "\"metadata\":{ \"map\": \"dock\",\n  \"mmr\": 1432 },\"idempotencyKey\":\"" UUID "\"}");
}

static void what_is_not_set_is_absent(void **state)
{
    (void)state;
    klp_lobby lobby = lobby_of("match-7", alice_and_bob, 1);
    expect_body(&lobby, UUID,
                "{\"key\":\"match-7\",\"externalPlayerIds\":[\"alice\"],\"idempotencyKey\":\"" UUID "\"}");
}

static void no_bots_is_said(void **state)
{
    (void)state;
    klp_lobby lobby = lobby_of("m", alice_and_bob, 1);
    lobby.fill_bots = KLP_FILL_BOTS_NO;
    lobby.capacity = UINT32_MAX;
    expect_body(&lobby, UUID,
                "{\"key\":\"m\",\"externalPlayerIds\":[\"alice\"],\"capacity\":4294967295,\"fillBots\":false,"
                "\"idempotencyKey\":\"" UUID "\"}");
}

static void only_what_must_be_is_escaped(void **state)
{
    (void)state;
    static const klp_text ids[] = {
        KLP_LIT("quote\"back\\slash/"),
        KLP_LIT("\b\f\n\r\t\x01\x1f\x7f"),
        KLP_LIT("\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80"),
        KLP_LIT("\xe2\x80\xa8<&>'"),
        KLP_LIT("1234567\"12345678\\"),
    };
    klp_lobby lobby = lobby_of("\xc3\xa9\"", ids, sizeof ids / sizeof ids[0]);
    expect_body(&lobby, UUID,
                "{\"key\":\"\xc3\xa9\\\"\",\"externalPlayerIds\":[\"quote\\\"back\\\\slash/\","
                "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\",\"\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80\","
                "\"\xe2\x80\xa8<&>'\",\"1234567\\\"12345678\\\\\"],\"idempotencyKey\":\"" UUID "\"}");
}

static void an_idempotency_key_may_need_escapes(void **state)
{
    (void)state;
    static const char expected[] = "{\"key\":\"m\",\"externalPlayerIds\":[\"alice\"],\"idempotencyKey\":\"a\\\"b\"}";
    klp_lobby lobby = lobby_of("m", alice_and_bob, 1);
    char body[256];
    struct json_writer writer = {.data = body, .capacity = sizeof body};
    push_body_write(&writer, &lobby, klp_cstr("a\"b"));
    assert_int_equal(writer.size, strlen(expected));
    assert_memory_equal(body, expected, writer.size);
}

static void a_placeholder_is_filled_in_later(void **state)
{
    (void)state;
    static const char placeholder[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    klp_lobby lobby = lobby_of("idempotencyKey", alice_and_bob, 2); /* not to be found by searching */
    char with_placeholder[512];
    char with_key[512];
    struct json_writer first = {.data = with_placeholder, .capacity = sizeof with_placeholder};
    struct json_writer second = {.data = with_key, .capacity = sizeof with_key};
    size_t at = push_body_write(&first, &lobby, klp_cstr(placeholder));
    push_body_write(&second, &lobby, klp_cstr(UUID));
    assert_int_equal(strlen(placeholder), strlen(UUID));
    memcpy(with_placeholder + at, UUID, strlen(UUID));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(with_placeholder, with_key, first.size);
}

static void another_reader_reads_what_was_meant(void **state)
{
    (void)state;
    enum { PLAYERS = 1000 };
    static char names[PLAYERS][32];
    static klp_text ids[PLAYERS];
    static char body[65536];
    for (unsigned i = 0; i < PLAYERS; i++) {
        snprintf(names[i], sizeof names[i], "player \"%u\"\t\xc3\xbc\\%c", i * 7919, (char)(i % 31 + 1));
        ids[i] = klp_cstr(names[i]);
    }
    klp_lobby lobby = lobby_of("m", ids, PLAYERS);
    struct json_writer writer = {.data = body, .capacity = sizeof body};
    push_body_write(&writer, &lobby, klp_cstr(UUID));
    assert_in_range(writer.size, 1, sizeof body);

    json_t *read = json_loadb(body, writer.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *players = json_object_get(read, "externalPlayerIds");
    assert_int_equal(json_array_size(players), PLAYERS);
    for (unsigned i = 0; i < PLAYERS; i++)
        assert_string_equal(json_string_value(json_array_get(players, i)), names[i]);
    assert_int_equal(json_object_size(read), 3);
    json_decref(read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_are_written_in_order),
        cmocka_unit_test(what_is_not_set_is_absent),
        cmocka_unit_test(no_bots_is_said),
        cmocka_unit_test(only_what_must_be_is_escaped),
        cmocka_unit_test(an_idempotency_key_may_need_escapes),
        cmocka_unit_test(a_placeholder_is_filled_in_later),
        cmocka_unit_test(another_reader_reads_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
