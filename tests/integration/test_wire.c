/* SPDX-License-Identifier: Apache-2.0
 * What a call looks like to the server, byte for byte, and how its connections are used. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

/* The only request logged, as a new reference. */
static json_t *only_arrival(struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 1);
    json_t *arrival = json_incref(json_array_get(log, 0));
    json_decref(log);
    return arrival;
}

static const char *header_of(json_t *arrival, const char *name)
{
    json_t *headers = json_object_get(arrival, "headers"), *header;
    size_t i;

    json_array_foreach(headers, i, header)
    {
        if (strcmp(json_string_value(json_array_get(header, 0)), name) == 0)
            return json_string_value(json_array_get(header, 1));
    }
    return NULL;
}

static void is_uuid_4(const char *text)
{
    static const char pattern[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";

    assert_int_equal(strlen(text), sizeof pattern - 1);
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        if (pattern[i] == 'x')
            assert_true(isdigit((unsigned char)text[i]) || (text[i] >= 'a' && text[i] <= 'f'));
        else if (pattern[i] == 'y')
            assert_non_null(strchr("89ab", text[i]));
        else
            assert_int_equal(text[i], pattern[i]);
    }
}

static void a_push_is_on_the_wire_what_the_contract_says(void **state)
{
    static const klp_text players[] = {KLP_LIT("76561198000000001"), KLP_LIT("\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87 \"7\"")};
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("match/1 \xc3\xa9");
    char body[512], length[32];

    lobby.event_key = klp_cstr("quick_brawl");
    lobby.player_ids = players;
    lobby.capacity = 4;
    lobby.fill_bots = KLP_FILL_BOTS_NO;
    lobby.metadata_json = klp_cstr("{\"map\": \"mill\",\n\"mmr\":[1.50,2e3]}");
    rig_open(rig, NULL);
    rig_push_lobby(rig, &lobby);
    rig_ack(rig, rig_take(rig));

    json_t *arrival = only_arrival(rig);
    assert_string_equal(sandbox_text_at(arrival, "method"), "POST");
    assert_string_equal(sandbox_text_at(arrival, "path"), "/server/v1/games/game_1/events/quick_brawl/lobbies");
    const char *sent = sandbox_text_at(arrival, "body");
    char uuid[37] = "";
    assert_true(strlen(sent) > 38);
    memcpy(uuid, sent + strlen(sent) - 38, 36);
    is_uuid_4(uuid);
    snprintf(body, sizeof body,
             "{\"key\":\"match/1 \xc3\xa9\",\"externalPlayerIds\":[\"76561198000000001\","
             "\"\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87 \\\"7\\\"\"],\"capacity\":4,\"fillBots\":false,"
             "\"metadata\":{\"map\": \"mill\",\n\"mmr\":[1.50,2e3]},\"idempotencyKey\":\"%s\"}",
             uuid);
    assert_string_equal(sent, body);

    snprintf(length, sizeof length, "%zu", strlen(body));
    assert_int_equal(json_array_size(json_object_get(arrival, "headers")), 6);
    assert_string_equal(header_of(arrival, "Host"), strstr(sandbox_url(rig->sandbox), "127.0.0.1"));
    assert_string_equal(header_of(arrival, "Authorization"), "Bearer matches");
    assert_string_equal(header_of(arrival, "Accept"), "application/json");
    assert_string_equal(header_of(arrival, "Content-Type"), "application/json");
    assert_string_equal(header_of(arrival, "X-Kraty-SDK"), "kraty-lobby-pusher/" KLP_VERSION);
    assert_string_equal(header_of(arrival, "Content-Length"), length);
    json_decref(arrival);
}

static void what_is_not_set_is_absent(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    json_t *arrival = only_arrival(rig);
    json_t *body = json_loads(sandbox_text_at(arrival, "body"), 0, NULL);
    assert_int_equal(json_object_size(body), 3);
    assert_string_equal(sandbox_text_at(body, "key"), "m");
    assert_int_equal(json_array_size(json_object_get(body, "externalPlayerIds")), 2);
    is_uuid_4(sandbox_text_at(body, "idempotencyKey"));
    json_decref(body);
    json_decref(arrival);
}

static void a_hosts_own_idempotency_key_is_sent_as_it_is(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");

    lobby.idempotency_key = klp_cstr("ticket \"9\"");
    rig_open(rig, NULL);
    rig_push_lobby(rig, &lobby);
    rig_ack(rig, rig_take(rig));
    json_t *arrival = only_arrival(rig);
    json_t *body = json_loads(sandbox_text_at(arrival, "body"), 0, NULL);
    assert_string_equal(sandbox_text_at(body, "idempotencyKey"), "ticket \"9\"");
    json_decref(body);
    json_decref(arrival);
}

static void a_read_and_a_ping_have_no_body_and_no_content_type(void **state)
{
    struct rig *rig = *state;
    klp_text game = KLP_LIT("game_1"), lobby = KLP_LIT("lob/1 \xc3\xa9%");

    rig_open(rig, NULL);
    assert_int_equal(rig->klp->read(rig->pusher, game, lobby, 5, NULL, NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig->klp->ping(rig->pusher, 6, NULL, NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));

    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 2);
    for (size_t i = 0; i < 2; i++) {
        json_t *arrival = json_array_get(log, i);
        assert_string_equal(sandbox_text_at(arrival, "method"), "GET");
        assert_string_equal(sandbox_text_at(arrival, "path"),
                            i ? "/server/v1/ping" : "/server/v1/games/game_1/lobbies/lob%2F1%20%C3%A9%25");
        assert_int_equal(json_array_size(json_object_get(arrival, "headers")), 4);
        assert_string_equal(header_of(arrival, "Authorization"), "Bearer matches");
        assert_string_equal(header_of(arrival, "Accept"), "application/json");
        assert_string_equal(header_of(arrival, "X-Kraty-SDK"), "kraty-lobby-pusher/" KLP_VERSION);
        assert_true(json_is_null(json_object_get(arrival, "body")));
    }
    json_decref(log);
}

static void a_base_urls_path_comes_first(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char url[256];

    snprintf(url, sizeof url, "%s/gateway/a@b//", sandbox_url(rig->sandbox));
    config.base_url = klp_cstr(url);
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    json_t *arrival = only_arrival(rig);
    assert_string_equal(sandbox_text_at(arrival, "path"),
                        "/gateway/a@b/server/v1/games/game_1/events/quick_brawl/lobbies");
    json_decref(arrival);
}

static void path_segments_are_encoded_as_the_vectors_say(void **state)
{
    struct rig *rig = *state;
    json_error_t error;
    json_t *vectors = json_load_file("tests/vectors/path_segments.json", 0, &error), *vector;
    json_t *cases = json_object_get(vectors, "encode");
    char path[4096];
    size_t i;

    assert_true(json_array_size(cases) > 0);
    rig_open(rig, NULL);
    json_array_foreach(cases, i, vector)
    {
        klp_text segment = klp_cstr(sandbox_text_at(vector, "text"));
        if (segment.size > KLP_MAX_ID_BYTES)
            fail_msg("a vector is longer than an id may be");
        assert_int_equal(rig->klp->read(rig->pusher, segment, segment, 0, NULL, NULL), KLP_OK);
        rig_ack(rig, rig_take(rig));
    }
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), json_array_size(cases));
    json_array_foreach(cases, i, vector)
    {
        const char *encoded = sandbox_text_at(vector, "encoded");
        snprintf(path, sizeof path, "/server/v1/games/%s/lobbies/%s", encoded, encoded);
        assert_string_equal(sandbox_text_at(json_array_get(log, i), "path"), path);
    }
    json_decref(log);
    json_decref(vectors);
}

static void connections_are_kept_and_no_more_than_asked_for(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char key[32];

    config.max_in_flight = 3;
    rig_open(rig, &config);
    int64_t before = sandbox_stat(rig->sandbox, "connections_opened");
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(rig, key);
    }
    for (int i = 0; i < 500; i++)
        rig_ack(rig, rig_take(rig));
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 500);
    int64_t opened = sandbox_stat(rig->sandbox, "connections_opened") - before;
    assert_in_range(opened, 1, 3);
    assert_int_equal(rig_stats(rig).connections, opened);
}

static void every_push_has_an_idempotency_key_of_its_own(void **state)
{
    enum { PUSHES = 300 };
    struct rig *rig = *state;
    json_t *seen = json_object();
    char key[32];

    rig_open(rig, NULL);
    for (int i = 0; i < PUSHES; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(rig, key);
    }
    for (int i = 0; i < PUSHES; i++)
        rig_ack(rig, rig_take(rig));
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i;
    json_array_foreach(log, i, arrival)
    {
        json_t *body = json_loads(sandbox_text_at(arrival, "body"), 0, NULL);
        json_object_set_new(seen, sandbox_text_at(body, "idempotencyKey"), json_true());
        json_decref(body);
    }
    assert_int_equal(json_object_size(seen), PUSHES);
    json_decref(seen);
    json_decref(log);
}

static void reads_and_pings_get_past_a_thousand_pushes(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    size_t before_ping = 0;
    char key[32];

    config.max_in_flight = 2;
    rig_open(rig, &config);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(rig, key);
    }
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    for (;; before_ping++) {
        const klp_event *event = rig_take(rig);
        bool is_ping = event->op == KLP_OP_PING;
        rig_ack(rig, event);
        if (is_ping)
            break;
    }
    assert_true(before_ping < 1000);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_push_is_on_the_wire_what_the_contract_says),
        test(what_is_not_set_is_absent),
        test(a_hosts_own_idempotency_key_is_sent_as_it_is),
        test(a_read_and_a_ping_have_no_body_and_no_content_type),
        test(a_base_urls_path_comes_first),
        test(path_segments_are_encoded_as_the_vectors_say),
        test(connections_are_kept_and_no_more_than_asked_for),
        test(every_push_has_an_idempotency_key_of_its_own),
        test(reads_and_pings_get_past_a_thousand_pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
