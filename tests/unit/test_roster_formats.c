/* SPDX-License-Identifier: Apache-2.0
 * The forms that a matchmaker's documents come in, and what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "roster_reading.h"
#include "slowed.h"

/* Takes the document and compares all of it: "key: a b c / capacity metadata". */
static void expect(const char *format, const char *document, const klp_roster_options *options, const char *wanted)
{
    klp_roster *roster = roster_taken(format, document, options);
    char got[2048];
    int at = snprintf(got, sizeof got, "%s:", roster->key.data);

    for (size_t i = 0; i < roster->player_count; i++)
        at += snprintf(got + at, sizeof got - (size_t)at, " %s", roster->player_ids[i].data);
    snprintf(got + at, sizeof got - (size_t)at, " / %u %s", roster->capacity, roster->metadata_json.data);
    assert_string_equal(got, wanted);
    roster_api()->free_roster(roster);
}

static klp_roster_options asking_for(const klp_text *attributes, size_t count)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    options.attributes = attributes;
    options.attribute_count = count;
    return options;
}

/* ─── FlexMatch ──────────────────────────────────────────────────────────────────────────────────── */

#define SUCCEEDED                                                                                                      \
    "{\"detail\":{\"type\":\"MatchmakingSucceeded\",\"matchId\":\"m\",\"tickets\":[{\"players\":[{\"playerId\":\"a\"}" \
    "]}"                                                                                                               \
    "]}}"

/* The same text as a member of another document. */
static char *wrapped(const char *form, const char *document)
{
    json_t *text = json_string(document);
    char *quoted = json_dumps(text, JSON_ENCODE_ANY);
    size_t size = strlen(form) + strlen(quoted);
    char *whole = malloc(size);

    assert_non_null(whole);
    snprintf(whole, size, form, quoted);
    free(quoted);
    json_decref(text);
    return whole;
}

static void an_event_is_found_in_all_that_carries_it(void **state)
{
    static const char *const forms[] = {
        "{\"Type\":\"Notification\",\"Message\":%s}",
        "{\"Message\":%s}",
        "{\"Records\":[{\"Sns\":{\"Type\":\"Notification\",\"Message\":%s}}]}",
        "{\"Records\":[{\"eventSource\":\"aws:sqs\",\"body\":%s}]}",
    };

    (void)state;
    expect("flexmatch_event", SUCCEEDED, NULL, "m: a / 0 ");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char *one = wrapped(forms[i], SUCCEEDED), *two = wrapped(forms[3], one);
        expect("flexmatch_event", one, NULL, "m: a / 0 ");
        expect("flexmatch_event", two, NULL, "m: a / 0 ");
        free(one);
        free(two);
    }
}

static void tickets_without_players_give_way_to_the_session(void **state)
{
    (void)state;
    expect("flexmatch_event",
           "{\"detail\":{\"type\":\"MatchmakingSucceeded\",\"matchId\":\"m\",\"tickets\":[],\"gameSessionInfo\":"
           "{\"players\":[{\"playerId\":\"a\",\"team\":\"red\"},{\"playerId\":\"b\"}]}}}",
           NULL, "m: a b / 0 {\"teams\":{\"a\":\"red\"}}");
}

static void attributes_are_kept_when_asked_for_by_name(void **state)
{
    static const char document[] =
        "{\"matchId\":\"m\",\"matchmakingConfigurationArn\":\"arn:aws:gamelift:eu:0:matchmakingconfiguration\\/duel\","
        "\"teams\":[{\"name\":\"n\\u00f6rd\",\"players\":[{\"playerId\":\"a\\\"\",\"attributes\":{"
        "\"mmr\":{\"attributeType\":\"DOUBLE\",\"valueAttribute\":1432},"
        "\"maps\":{\"attributeType\":\"STRING_LIST\",\"valueAttribute\":[\"dock\",\n\"mill\"]},"
        "\"token\":{\"attributeType\":\"STRING\",\"valueAttribute\":\"secret\"}}},{\"playerId\":\"b\"}]}]}";
    static const klp_text names[] = {KLP_LIT("maps"), KLP_LIT("rank"), KLP_LIT("mmr")};
    klp_roster_options options = asking_for(names, 3);

    (void)state;
    expect("flexmatch_matchmaker_data", document, NULL,
           "m: a\" b / 0 {\"configuration\":\"duel\",\"teams\":{\"a\\\"\":\"n\\u00f6rd\",\"b\":\"n\\u00f6rd\"}}");
    expect("flexmatch_matchmaker_data", document, &options,
           "m: a\" b / 0 {\"configuration\":\"duel\",\"teams\":{\"a\\\"\":\"n\\u00f6rd\",\"b\":\"n\\u00f6rd\"},"
           "\"attributes\":{\"a\\\"\":{\"maps\":[\"dock\", \"mill\"],\"mmr\":1432}}}");
}

static void what_an_event_carries_is_kept_when_asked_for(void **state)
{
    static const klp_text names[] = {KLP_LIT("customEventData")};
    klp_roster_options options = asking_for(names, 1);

    (void)state;
    expect("flexmatch_event",
           "{\"resources\":[\"duel\"],\"detail\":{\"type\":\"MatchmakingSucceeded\",\"matchId\":\"m\",\"tickets\":"
           "[{\"players\":[{\"playerId\":\"a\"}]}],\"customEventData\":\"season-4\"}}",
           &options, "m: a / 0 {\"configuration\":\"duel\",\"properties\":{\"customEventData\":\"season-4\"}}");
}

/* ─── Photon, Steam ──────────────────────────────────────────────────────────────────────────────── */

static void a_room_has_its_creator_before_the_expected(void **state)
{
    static const klp_text names[] = {KLP_LIT("map"), KLP_LIT("AuthCookie")};
    klp_roster_options options = asking_for(names, 2);
    static const char quantum[] =
        "{\"GameId\":\"0:eu:r\",\"UserId\":\"c\",\"Region\":null,\"AuthCookie\":{\"s\":\"secret\"},\"EnterRoomParams\":"
        "{\"RoomOptions\":{\"MaxPlayers\":3,\"CustomRoomProperties\":{\"map\":\"dock\"}},\"ExpectedUsers\":[\"b\","
        "\"c\",\"a\"]}}";
    static const char realtime[] =
        "{\"Type\":\"Create\",\"GameId\":\"r\",\"UserId\":\"c\",\"Region\":\"EU\",\"NickName\":\"Ada\","
        "\"CreateOptions\":{\"MaxPlayers\":0,\"CustomProperties\":{\"map\":\"dock\"},\"ExpectedUsers\":[\"b\"]}}";

    (void)state;
    expect("photon_webhook", quantum, NULL, "0:eu:r: c b a / 3 ");
    expect("photon_webhook", quantum, &options, "0:eu:r: c b a / 3 {\"properties\":{\"map\":\"dock\"}}");
    expect("photon_webhook", realtime, &options, "r: c b / 0 {\"region\":\"EU\",\"properties\":{\"map\":\"dock\"}}");
    options.capacity = 2;
    expect("photon_webhook", realtime, &options, "r: c b / 2 {\"region\":\"EU\",\"properties\":{\"map\":\"dock\"}}");
    options.capacity = 4; /* what the host says goes before what the document says */
    expect("photon_webhook", quantum, &options, "0:eu:r: c b a / 4 {\"properties\":{\"map\":\"dock\"}}");
    expect("photon_webhook",
           "{\"GameId\":\"r\",\"UserId\":\"c\",\"EnterRoomParams\":{\"RoomOptions\":{},\"ExpectedUsers\":null}}", NULL,
           "r: c / 0 ");
    expect("photon_webhook",
           "{\"GameId\":\"r\",\"UserId\":\"c\",\"EnterRoomParams\":{\"RoomOptions\":{},\"ExpectedUsers\":[\"c\"]}}",
           NULL, "r: c / 0 ");
}

static void a_steam_lobby_keeps_the_data_asked_for(void **state)
{
    static const klp_text names[] = {KLP_LIT("map")};
    klp_roster_options options = asking_for(names, 1);

    (void)state;
    expect("steam_lobby",
           "{\"lobby\":\"109775240917155841\",\"limit\":0,\"members\":[\"76561197960265730\",\"76561197960265729\"],"
           "\"data\":{\"map\":\"dock\",\"password\":\"secret\"}}",
           &options, "109775240917155841: 76561197960265730 76561197960265729 / 0 {\"properties\":{\"map\":\"dock\"}}");
}

/* ─── Agones ─────────────────────────────────────────────────────────────────────────────────────── */

static void a_game_server_is_the_sdks_or_kubernetes(void **state)
{
    static const klp_text names[] = {KLP_LIT("mode")};
    klp_roster_options options = asking_for(names, 1);

    (void)state;
    options.key_annotation = klp_cstr("agones.dev/sdk-match_id");
    expect("agones_gameserver",
           "{\"result\":{\"object_meta\":{\"name\":\"gs\",\"annotations\":{\"agones.dev/sdk-match_id\":\"m\",\"mode\":"
           "\"duel\"}},\"status\":{\"state\":\"Allocated\",\"lists\":{\"players\":{\"capacity\":\"4\",\"values\":["
           "\"a\"]}}}}}",
           &options, "m: a / 4 {\"game_server\":\"gs\",\"properties\":{\"mode\":\"duel\"}}");
    expect("agones_gameserver",
           "{\"objectMeta\":{\"name\":\"gs\",\"annotations\":{\"agones.dev/sdk-match_id\":\"m\"}},\"status\":"
           "{\"state\":\"Allocated\",\"lists\":{\"players\":{\"capacity\":\"0\",\"values\":[\"a\"]}}}}",
           &options, "m: a / 0 {\"game_server\":\"gs\"}");
    expect("agones_gameserver",
           "{\"apiVersion\":\"agones.dev/v1\",\"kind\":\"GameServer\",\"metadata\":{\"name\":\"gs\",\"annotations\":"
           "{\"agones.dev/sdk-match_id\":\"m\"}},\"status\":{\"state\":\"Allocated\",\"players\":{\"count\":2,"
           "\"capacity\":8,\"ids\":[\"a\",\"b\"]}}}",
           &options, "m: a b / 8 {\"game_server\":\"gs\"}");
    /* the key is the annotation of that very name */
    roster_refused("agones_gameserver",
                   "{\"object_meta\":{\"annotations\":{\"agones.dev/sdk-matchId\":\"m\"}},\"status\":"
                   "{\"state\":\"Allocated\",\"lists\":{\"players\":{\"values\":[\"a\"]}}}}",
                   &options, KLP_E_ROSTER, "annotation agones.dev/sdk-match_id is missing");
}

/* ─── Open Match ─────────────────────────────────────────────────────────────────────────────────── */

static void a_player_id_stands_where_the_host_says(void **state)
{
    static const klp_text names[] = {KLP_LIT("mode"), KLP_LIT("mmr")};
    klp_roster_options options = asking_for(names, 2);
    static const char bare[] =
        "{\"match_id\":\"m\",\"match_profile\":\"duel\",\"tickets\":[{\"id\":\"t\",\"searchFields\":{\"stringArgs\":"
        "{\"player_id\":\"a\",\"mode\":\"x\"},\"doubleArgs\":{\"mmr\":7}}}]}";

    (void)state;
    options.player_id_path = klp_cstr("search_fields.string_args.player_id");
    expect("open_match", bare, &options,
           "m: a / 0 {\"profile\":\"duel\",\"attributes\":{\"a\":{\"mode\":\"x\",\"mmr\":7}}}");
    options.attribute_count = 0;
    options.player_id_path = klp_cstr("searchFields.stringArgs.playerId");
    expect("open_match", bare, &options, "m: a / 0 {\"profile\":\"duel\"}");
    options.player_id_path = klp_cstr("id");
    expect("open_match", bare, &options, "m: t / 0 {\"profile\":\"duel\"}");
    options.player_id_path = klp_cstr("extensions.player");
    roster_refused("open_match", bare, &options, KLP_E_ROSTER, "tickets[0].extensions is missing");
    options.player_id_path = klp_cstr("search_fields.double_args.mmr");
    roster_refused("open_match", bare, &options, KLP_E_ROSTER,
                   "tickets[0].search_fields.double_args.mmr is a number, not a string");
}

static void a_ticket_may_be_of_a_group(void **state)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    static const char document[] =
        "{\"match\":{\"match_id\":\"m\",\"tickets\":["
        "{\"extensions\":{\"party\":{\"value\":[\"a\",\"b\"],\"members\":[{\"id\":\"c\"},{\"id\":\"d\"}]}}},"
        "{\"extensions\":{\"party\":{\"value\":[[\"e\"],[]],\"members\":[{\"id\":\"f\"}]}}}]}}";

    (void)state;
    options.player_id_path = klp_cstr("extensions.party.value");
    expect("open_match", document, &options, "m: a b e / 0 ");
    options.player_id_path = klp_cstr("extensions.party.members.id");
    expect("open_match", document, &options, "m: c d f / 0 ");
    options.player_id_path = klp_cstr("extensions.party.members.name");
    roster_refused("open_match", document, &options, KLP_E_ROSTER,
                   "tickets[0].extensions.party.members[0].name is missing");
}

/* A name in proto's way is tried as it is before it is tried in camel case. */
static void the_very_name_goes_before_its_camel_case(void **state)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    (void)state;
    options.player_id_path = klp_cstr("player_id");
    expect("open_match",
           "{\"match_id\":\"m\",\"tickets\":[{\"playerId\":\"camel\",\"player_id\":\"proto\"},"
           "{\"player_id\":\"proto2\",\"playerId\":\"camel\"}]}",
           &options, "m: proto proto2 / 0 ");
    roster_refused("open_match", "{\"match_id\":\"m\",\"tickets\":[{\"playerid\":\"a\"}]}", &options, KLP_E_ROSTER,
                   "tickets[0].player_id is missing");
}

/* ─── PlayFab, Unity, Nakama ─────────────────────────────────────────────────────────────────────── */

static void teams_are_kept_where_a_document_has_them(void **state)
{
    static const klp_text names[] = {KLP_LIT("mmr")};
    klp_roster_options options = asking_for(names, 1);

    (void)state;
    expect(
        "playfab_match",
        "{\"code\":200,\"data\":{\"MatchId\":\"m\",\"ArrangementString\":\"secret\",\"Members\":[{\"Entity\":{\"Id\":"
        "\"a\"},\"TeamId\":\"red\",\"Attributes\":{\"DataObject\":{\"mmr\":7}}},{\"Entity\":{\"Id\":\"b\"},"
        "\"Attributes\":null}]}}",
        &options, "m: a b / 0 {\"teams\":{\"a\":\"red\"},\"attributes\":{\"a\":{\"mmr\":7}}}");
    expect("playfab_match", "{\"MatchId\":\"m\",\"Members\":[{\"Entity\":{\"Id\":\"a\"}}]}", NULL, "m: a / 0 ");
    expect(
        "unity_match",
        "{\"matchId\":\"m\",\"queueName\":\"q\",\"poolName\":\"p\",\"matchProperties\":{\"region\":\"eu\",\"teams\":["
        "{\"teamName\":\"red\",\"playerIds\":[\"b\",\"x\"]},{\"teamName\":\"blue\",\"playerIds\":[\"a\"]}],"
        "\"players\":[{\"id\":\"a\"},{\"id\":\"b\",\"customData\":{\"mmr\":7}},{\"id\":\"c\"}]}}",
        &options,
        "m: a b c / 0 {\"queue\":\"q\",\"pool\":\"p\",\"region\":\"eu\",\"teams\":{\"a\":\"blue\",\"b\":\"red\"},"
        "\"attributes\":{\"b\":{\"mmr\":7}}}");
    expect("unity_match",
           "{\"matchId\":\"m\",\"matchProperties\":{\"teams\":[{\"teamName\":\"red\",\"playerIds\":[\"b\",\"a\"]}]}}",
           NULL, "m: b a / 0 {\"teams\":{\"b\":\"red\",\"a\":\"red\"}}");
}

static void a_nakama_match_has_an_id_beside_its_token(void **state)
{
    static const klp_text names[] = {KLP_LIT("mode"), KLP_LIT("mmr"), KLP_LIT("token"), KLP_LIT("session_id")};
    klp_roster_options options = asking_for(names, 4);

    (void)state;
    expect("nakama_matched",
           "{\"match_id\":\"m.node\",\"token\":\"secret\",\"users\":[{\"presence\":{\"user_id\":\"a\",\"session_id\":"
           "\"secret\"},\"string_properties\":{\"mode\":\"x\"},\"numeric_properties\":{\"mmr\":7}}]}",
           &options, "m.node: a / 0 {\"attributes\":{\"a\":{\"mode\":\"x\",\"mmr\":7}}}");
}

/* ─── Plain ──────────────────────────────────────────────────────────────────────────────────────── */

static void a_plain_roster_says_all_that_a_lobby_has(void **state)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_roster *roster = roster_taken("plain",
                                      "{\"key\":\"k\",\"players\":[\"a\"],\"capacity\":4,\"fill_bots\":true,"
                                      "\"metadata\":{\n\"x\":[1.50]},\"event\":\"duel\"}",
                                      NULL);
    klp_lobby lobby = klp_roster_lobby(roster);

    (void)state;
    assert_int_equal(lobby.struct_size, sizeof lobby);
    assert_string_equal(lobby.key.data, "k");
    assert_string_equal(lobby.event_key.data, "duel");
    assert_int_equal(lobby.player_count, 1);
    assert_string_equal(lobby.player_ids[0].data, "a");
    assert_int_equal(lobby.capacity, 4);
    assert_int_equal(lobby.fill_bots, KLP_FILL_BOTS_YES);
    assert_string_equal(lobby.metadata_json.data, "{ \"x\":[1.50]}");
    roster_api()->free_roster(roster);

    options.fill_bots = KLP_FILL_BOTS_NO;
    roster = roster_taken("plain", "{\"key\":\"k\",\"players\":[\"a\"],\"fill_bots\":true}", &options);
    assert_int_equal(roster->fill_bots, KLP_FILL_BOTS_NO);
    roster_api()->free_roster(roster);
    roster = roster_taken(
        "plain", "{\"key\":\"k\",\"players\":[\"a\"],\"capacity\":null,\"fill_bots\":null,\"metadata\":null}", NULL);
    assert_int_equal(roster->fill_bots, KLP_FILL_BOTS_DEFAULT);
    assert_int_equal(roster->capacity, 0);
    roster_api()->free_roster(roster);
}

/* ─── Bounds ─────────────────────────────────────────────────────────────────────────────────────── */

static void ten_thousand_players_are_the_most(void **state)
{
    size_t size = 20 * (KLP_MAX_PLAYERS + 2), at;
    char *document = malloc(size);

    (void)state;
    assert_non_null(document);
    at = (size_t)snprintf(document, size, "{\"key\":\"k\",\"players\":[");
    for (unsigned i = 0; i < KLP_MAX_PLAYERS; i++)
        at += (size_t)snprintf(document + at, size - at, "%s\"p%u\"", i ? "," : "", i);
    strcpy(document + at, "]}");
    klp_roster *roster = roster_taken("plain", document, NULL);
    assert_int_equal(roster->player_count, KLP_MAX_PLAYERS);
    assert_string_equal(roster->player_ids[KLP_MAX_PLAYERS - 1].data, "p9999");
    roster_api()->free_roster(roster);
    strcpy(document + at, ",\"x\"]}");
    roster_refused("plain", document, NULL, KLP_E_ROSTER, "there are more than 10000 players");
    free(document);
}

static uint64_t cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Members that nobody asks for, as many as fit. */
static size_t fill(char *document, size_t at, size_t end)
{
    for (; at + 8 < end; at += 5)
        memcpy(document + at, "\"\":0,", 5);
    return at;
}

/* Many players share a large object: each would search all of it for its team, and for its attributes. */
static void a_document_made_to_be_slow_is_not(void **state)
{
    static const klp_text names[] = {KLP_LIT("a1"), KLP_LIT("a2"), KLP_LIT("a3"), KLP_LIT("a4")};
    klp_roster_options options = asking_for(names, 4);
    size_t size = KLP_MAX_DOCUMENT_BYTES, players = 9000, at;
    char *document = malloc(size);
    klp_roster *roster;

    (void)state;
    assert_non_null(document);
    uint64_t from_ms = cpu_ms();
    at = (size_t)snprintf(document, size, "{\"matchId\":\"m\",\"teams\":[{\"players\":[");
    for (size_t i = 0; i < players; i++)
        at += (size_t)snprintf(document + at, size - at, "%s{\"playerId\":\"%zu\"}", i ? "," : "", i);
    at += (size_t)snprintf(document + at, size - at, "],");
    at = fill(document, at, size - 32);
    at += (size_t)snprintf(document + at, size - at, "\"\":0}]}");
    assert_int_equal(roster_parse_bytes("flexmatch_matchmaker_data", document, at, &options, &roster, NULL), KLP_OK);
    roster_api()->free_roster(roster);

    options.player_id_path = klp_cstr("ids");
    at = (size_t)snprintf(document, size, "{\"match_id\":\"m\",\"tickets\":[{\"ids\":[");
    for (size_t i = 0; i < players; i++)
        at += (size_t)snprintf(document + at, size - at, "%s\"%zu\"", i ? "," : "", i);
    at += (size_t)snprintf(document + at, size - at, "],\"search_fields\":{\"string_args\":{");
    at = fill(document, at, size - 32);
    at += (size_t)snprintf(document + at, size - at, "\"a4\":0}}}]}");
    assert_int_equal(roster_parse_bytes("open_match", document, at, &options, &roster, NULL), KLP_OK);
    roster_api()->free_roster(roster);
    assert_true(cpu_ms() - from_ms < patience_ms(1000));
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_found_in_all_that_carries_it),
        cmocka_unit_test(tickets_without_players_give_way_to_the_session),
        cmocka_unit_test(attributes_are_kept_when_asked_for_by_name),
        cmocka_unit_test(what_an_event_carries_is_kept_when_asked_for),
        cmocka_unit_test(a_room_has_its_creator_before_the_expected),
        cmocka_unit_test(a_steam_lobby_keeps_the_data_asked_for),
        cmocka_unit_test(a_game_server_is_the_sdks_or_kubernetes),
        cmocka_unit_test(a_player_id_stands_where_the_host_says),
        cmocka_unit_test(a_ticket_may_be_of_a_group),
        cmocka_unit_test(the_very_name_goes_before_its_camel_case),
        cmocka_unit_test(teams_are_kept_where_a_document_has_them),
        cmocka_unit_test(a_nakama_match_has_an_id_beside_its_token),
        cmocka_unit_test(a_plain_roster_says_all_that_a_lobby_has),
        cmocka_unit_test(ten_thousand_players_are_the_most),
        cmocka_unit_test(a_document_made_to_be_slow_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
