/* SPDX-License-Identifier: Apache-2.0
 * What gives no roster, and how that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster_reading.h"

#define PLAIN(players)    "{\"key\":\"k\",\"players\":" players "}"
#define FLEXMATCH(teams)  "{\"matchId\":\"m\",\"teams\":" teams "}"
#define EVENT(detail)     "{\"detail\":" detail "}"
#define PHOTON(user, max) "{\"Type\":\"Create\",\"GameId\":\"g\"," user "\"CreateOptions\":{\"MaxPlayers\":" max "}}"
#define QUANTUM(expected)                                                                                              \
    "{\"GameId\":\"g\",\"UserId\":\"u-1\",\"EnterRoomParams\":{\"RoomOptions\":{\"MaxPlayers\":2},"                    \
    "\"ExpectedUsers\":" expected "}}"
#define AGONES(annotations, list)                                                                                      \
    "{\"object_meta\":{\"annotations\":" annotations                                                                   \
    "},\"status\":{\"state\":\"Allocated\",\"lists\":{\"players\":" list "}}}"
#define STEAM(members) "{\"lobby\":\"109775240917155841\",\"members\":" members "}"

/* ─── No JSON ────────────────────────────────────────────────────────────────────────────────────── */

static void what_is_no_json_object_is_malformed(void **state)
{
    (void)state;
    roster_refused("plain", "", NULL, KLP_E_MALFORMED, "the document is empty");
    roster_refused("flexmatch_matchmaker_data", "", NULL, KLP_E_MALFORMED,
                   "the document is empty: no matchmaker made this session");
    roster_refused("plain", "  \n", NULL, KLP_E_MALFORMED, "not JSON: is empty at 3");
    roster_refused("plain", "<html>", NULL, KLP_E_MALFORMED, "not JSON: expected a value at 0");
    roster_refused("plain", "{\"key\":\"k\",}", NULL, KLP_E_MALFORMED, "not JSON: expected a member name at 11");
    roster_refused("plain", "{\"key\":\"k\"} x", NULL, KLP_E_MALFORMED, "not JSON: text after the end at 12");
    roster_refused("plain", "{\"key\":\"\xff\"}", NULL, KLP_E_MALFORMED, "not JSON: invalid UTF-8 at 8");
    roster_refused("plain", "[]", NULL, KLP_E_MALFORMED, "the document is JSON, but not an object");
    roster_refused("plain", "\"eyJ.never.shown\"", NULL, KLP_E_MALFORMED, "the document is JSON, but not an object");
    roster_refused_bytes("plain", "{\"key\":\"k\"}", 12, NULL, KLP_E_MALFORMED, "not JSON: NUL byte at 11");
}

static void what_only_lacks_its_end_is_truncated(void **state)
{
    static const char *const cut[] = {"{",
                                      "{\"a",
                                      "{\"a\":",
                                      "{\"a\":tru",
                                      "{\"a\":n",
                                      "{\"a\":-",
                                      "{\"a\":1.",
                                      "{\"a\":1e",
                                      "{\"a\":12",
                                      "{\"a\":\"\\",
                                      "{\"a\":\"\\u",
                                      "{\"a\":\"\\u00",
                                      "{\"a\":\"\\ud83d",
                                      "{\"a\":\"\\ud83d\\",
                                      "{\"a\":\"\\ud83d\\ude0",
                                      "{\"a\":\"\xc3",
                                      "{\"a\":\"\xe0",
                                      "{\"a\":\"\xe2\x82",
                                      "{\"a\":\"\xed",
                                      "{\"a\":\"\xf0",
                                      "{\"a\":\"\xf0\x9f\x98",
                                      "{\"a\":\"\xf4",
                                      "{\"a\":[1,[2",
                                      "{\"a\":1, ",
                                      " \n{\"a\":1"};
    char sentence[80];

    (void)state;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        snprintf(sentence, sizeof sentence, "truncated at %zu bytes: the JSON object does not end", strlen(cut[i]));
        roster_refused("plain", cut[i], NULL, KLP_E_TRUNCATED, sentence);
    }
}

static void what_is_wrong_before_its_end_is_not_truncated(void **state)
{
    (void)state;
    roster_refused("plain", "{\"a\":trX", NULL, KLP_E_MALFORMED, "not JSON: expected a value at 5");
    roster_refused("plain", "{\"a\":\"\\x", NULL, KLP_E_MALFORMED, "not JSON: bad escape at 6");
    roster_refused("plain", "{\"a\":\"\\u00g", NULL, KLP_E_MALFORMED, "not JSON: bad escape at 6");
    roster_refused("plain", "{\"a\":\"\\ud83d\\n", NULL, KLP_E_MALFORMED, "not JSON: lone surrogate at 6");
    roster_refused("plain", "{\"a\":\"\\ude00", NULL, KLP_E_MALFORMED, "not JSON: lone surrogate at 6");
    roster_refused("plain", "{\"a\":\"\xc3(", NULL, KLP_E_MALFORMED, "not JSON: invalid UTF-8 at 6");
    roster_refused("plain", "{\"a\":\"\xe0\x80", NULL, KLP_E_MALFORMED, "not JSON: invalid UTF-8 at 6");
    roster_refused("plain", "{\"a\":\"\xff", NULL, KLP_E_MALFORMED, "not JSON: invalid UTF-8 at 6");
    roster_refused("plain", "{\"a\":01", NULL, KLP_E_MALFORMED, "not JSON: bad number at 6");
    roster_refused("plain", "[1", NULL, KLP_E_MALFORMED, "not JSON: expected ',' or ']' at 2");
    roster_refused("plain", "tru", NULL, KLP_E_MALFORMED, "not JSON: expected a value at 0");
}

/* 4,095 bytes, and a NUL that nobody counted, or 4,096. Other documents end there by chance. */
static void matchmaker_data_cut_where_an_sdk_cuts_it_says_so(void **state)
{
    static const char hint[] =
        "truncated at %zu bytes: some builds of the GameLift server SDK cut at 4096 what may have 390000";
    static const char none[] = "truncated at %zu bytes: the JSON object does not end";
    char document[4100], sentence[128];

    (void)state;
    memset(document, 'x', sizeof document);
    memcpy(document, "{\"", 2);
    for (size_t size = 4094; size <= 4097; size++) {
        bool is_known = size == 4095 || size == 4096;
        snprintf(sentence, sizeof sentence, is_known ? hint : none, size);
        roster_refused_bytes("flexmatch_matchmaker_data", document, size, NULL, KLP_E_TRUNCATED, sentence);
        snprintf(sentence, sizeof sentence, none, size);
        roster_refused_bytes("flexmatch_event", document, size, NULL, KLP_E_TRUNCATED, sentence);
    }
}

static void size_and_depth_are_bounded(void **state)
{
    size_t size = KLP_MAX_DOCUMENT_BYTES + 1;
    char *document = malloc(size);

    (void)state;
    assert_non_null(document);
    memset(document, ' ', size);
    memcpy(document, PLAIN("[\"a\"]"), strlen(PLAIN("[\"a\"]")));
    roster_refused_bytes("plain", document, size, NULL, KLP_E_INVALID_ARGUMENT,
                         "the document is 1048577 bytes, more than 1048576");
    klp_roster *roster;
    assert_int_equal(roster_parse_bytes("plain", document, size - 1, NULL, &roster, NULL), KLP_OK);
    roster_api()->free_roster(roster);

    memset(document, '[', 40);
    memcpy(document, "{\"key\":", 7);
    roster_refused_bytes("plain", document, 40, NULL, KLP_E_MALFORMED, "not JSON: nested too deep at 38");
    free(document);
}

/* ─── Not final ──────────────────────────────────────────────────────────────────────────────────── */

static void what_says_not_for_good_who_plays_is_not_final(void **state)
{
    (void)state;
    /* before anything else that a message which is not final may lack */
    roster_refused("flexmatch_event", EVENT("{\"type\":\"MatchmakingSearching\"}"), NULL, KLP_E_NOT_FINAL,
                   "not a final roster: detail.type is MatchmakingSearching, not MatchmakingSucceeded");
    roster_refused("flexmatch_event", EVENT("{\"type\":\"eyJ.never.shown\"}"), NULL, KLP_E_NOT_FINAL,
                   "not a final roster: detail.type is not MatchmakingSucceeded");
    roster_refused("flexmatch_event", EVENT("{\"type\":7}"), NULL, KLP_E_NOT_FINAL,
                   "not a final roster: detail.type is not MatchmakingSucceeded");
    roster_refused("flexmatch_event", EVENT("{}"), NULL, KLP_E_ROSTER, "detail.type is missing");
    roster_refused("flexmatch_event",
                   "{\"Type\":\"SubscriptionConfirmation\",\"Token\":\"never shown\",\"Message\":\"You have\"}", NULL,
                   KLP_E_NOT_FINAL, "not a final roster: Type is not Notification");
    roster_refused("photon_webhook", "{\"Type\":\"Leave\",\"GameId\":\"g\"}", NULL, KLP_E_NOT_FINAL,
                   "not a final roster: Type is Leave, not Create");
    roster_refused("photon_webhook", "{\"Type\":\"Load\",\"GameId\":\"g\",\"UserId\":\"u\"}", NULL, KLP_E_NOT_FINAL,
                   "not a final roster: Type is Load, not Create");
    roster_refused("photon_webhook", "{\"GameId\":\"g\",\"UserId\":\"u\",\"AuthCookie\":{\"a\":\"never shown\"}}", NULL,
                   KLP_E_NOT_FINAL,
                   "not a final roster: neither a Type nor EnterRoomParams.RoomOptions, so no room is created");
    roster_refused("playfab_match", "{\"code\":404,\"error\":\"MatchNotFound\"}", NULL, KLP_E_NOT_FINAL,
                   "not a final roster: it is an error of PlayFab's");
    roster_refused("playfab_match",
                   "{\"data\":{\"TicketId\":\"t\",\"Status\":\"Matched\",\"MatchId\":\"m\","
                   "\"Members\":[{\"Entity\":{\"Id\":\"A\"}}]}}",
                   NULL, KLP_E_NOT_FINAL, "not a final roster: a ticket has its own members only, GetMatch has all");
}

/* ─── Ids ────────────────────────────────────────────────────────────────────────────────────────── */

static void an_id_that_is_no_id_is_named_by_its_place(void **state)
{
    (void)state;
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[{}]}]"), NULL, KLP_E_ROSTER,
                   "teams[0].players[0].playerId is missing");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[{\"playerId\":null}]}]"), NULL, KLP_E_ROSTER,
                   "teams[0].players[0].playerId is null");
    roster_refused("flexmatch_matchmaker_data",
                   FLEXMATCH("[{\"players\":[]},{\"players\":[{\"playerId\":\"a\"},{\"playerId\":\"\"}]}]"), NULL,
                   KLP_E_ROSTER, "teams[1].players[1].playerId is empty");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[{\"playerId\":7}]}]"), NULL, KLP_E_ROSTER,
                   "teams[0].players[0].playerId is a number, not a string");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[{\"playerId\":[\"a\"]}]}]"), NULL,
                   KLP_E_ROSTER, "teams[0].players[0].playerId is not a string");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[{\"playerId\":\"a\\u0000b\"}]}]"), NULL,
                   KLP_E_ROSTER, "teams[0].players[0].playerId has a NUL byte");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[\"a\"]}]"), NULL, KLP_E_ROSTER,
                   "teams[0].players[0] is not an object");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"name\":\"n\"}]"), NULL, KLP_E_ROSTER,
                   "teams[0].players is missing");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("{\"players\":[]}"), NULL, KLP_E_ROSTER,
                   "teams is not an array");
    roster_refused("flexmatch_matchmaker_data", "{\"matchId\":\"m\"}", NULL, KLP_E_ROSTER, "teams is missing");
    roster_refused("flexmatch_matchmaker_data", "{\"teams\":[]}", NULL, KLP_E_ROSTER, "matchId is missing");
    roster_refused("plain", "{\"key\":5,\"players\":[\"a\"]}", NULL, KLP_E_ROSTER, "key is a number, not a string");
    roster_refused("plain", "{\"key\":\"\",\"players\":[\"a\"]}", NULL, KLP_E_ROSTER, "key is empty");
    roster_refused("photon_webhook", PHOTON("\"UserId\":\"\",", "4"), NULL, KLP_E_ROSTER, "UserId is empty");
    roster_refused("nakama_matched",
                   "{\"matchmaker_matched\":{\"token\":\"eyJ.never.shown\",\"users\":"
                   "[{\"presence\":{\"user_id\":\"u\"}}]}}",
                   NULL, KLP_E_ROSTER, "match_id is missing: a token stands in for it, which is a secret and no key");
}

static void an_id_may_have_1024_bytes_and_not_one_more(void **state)
{
    char document[1200], id[1100];

    (void)state;
    memset(id, 'i', sizeof id);
    snprintf(document, sizeof document, PLAIN("[\"%.1024s\"]"), id);
    roster_api()->free_roster(roster_taken("plain", document, NULL));
    snprintf(document, sizeof document, PLAIN("[\"%.1025s\"]"), id);
    roster_refused("plain", document, NULL, KLP_E_ROSTER, "players[0] is 1025 bytes, more than 1024");
}

static void nobody_is_no_roster(void **state)
{
    (void)state;
    roster_refused("plain", PLAIN("[]"), NULL, KLP_E_ROSTER, "nobody plays: there is no players[]");
    roster_refused("flexmatch_matchmaker_data", FLEXMATCH("[{\"players\":[]},{\"players\":[]}]"), NULL, KLP_E_ROSTER,
                   "nobody plays: there is no teams[].players[].playerId");
}

static void a_player_who_stands_twice_is_named(void **state)
{
    (void)state;
    roster_refused("plain", PLAIN("[\"b\",\"a\",\"a\",\"b\"]"), NULL, KLP_E_ROSTER, "duplicate player a");
    roster_refused("plain", PLAIN("[\"a\",\"\\u0061\"]"), NULL, KLP_E_ROSTER, "duplicate player a");
    roster_refused("plain", PLAIN("[\"a\\n\\u001b[2J\",\"a\\n\\u001b[2J\"]"), NULL, KLP_E_ROSTER,
                   "duplicate player a??[2J");
    roster_refused("flexmatch_event",
                   EVENT("{\"type\":\"MatchmakingSucceeded\",\"matchId\":\"m\",\"tickets\":[{\"players\":["
                         "{\"playerId\":\"a\"}]},{\"players\":[{\"playerId\":\"a\"}]}]}"),
                   NULL, KLP_E_ROSTER, "duplicate player a");
    /* whoever creates a room may be expected in it, but once */
    roster_refused("photon_webhook", QUANTUM("[\"u-1\",\"u-1\"]"), NULL, KLP_E_ROSTER, "duplicate player u-1");
    roster_refused("photon_webhook", QUANTUM("[\"u-2\",\"u-2\"]"), NULL, KLP_E_ROSTER, "duplicate player u-2");

    char document[400], id[200];
    memset(id, 'i', sizeof id);
    snprintf(document, sizeof document, PLAIN("[\"%.150s\",\"%.150s\"]"), id, id);
    snprintf(id + 100, 100, "duplicate player %.64s…", id);
    roster_refused("plain", document, NULL, KLP_E_ROSTER, id + 100);
}

static void steam_ids_are_persons_and_spelled_one_way(void **state)
{
    static const char sentence[] = "members[0] is not an individual's SteamID64";

    (void)state;
    roster_refused("steam_lobby", STEAM("[\"109775240917155841\"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[\"076561197960265729\"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[\"76561197960265729 \"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[\"STEAM_0:1:0\"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[\"4503603922337793\"]"), NULL, KLP_E_ROSTER, sentence);  /* universe 0 */
    roster_refused("steam_lobby", STEAM("[\"76561197960265728\"]"), NULL, KLP_E_ROSTER, sentence); /* account 0 */
    roster_refused("steam_lobby", STEAM("[\"90071996842377217\"]"), NULL, KLP_E_ROSTER, sentence); /* a game server */
    roster_refused("steam_lobby", STEAM("[\"94637831238516737\"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[\"18446744073709551616\"]"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("steam_lobby", STEAM("[76561197960265729]"), NULL, KLP_E_ROSTER,
                   "members[0] is a number, not a string");
    roster_refused("steam_lobby", "{\"lobby\":\"Ada's\",\"members\":[\"76561197960265729\"]}", NULL, KLP_E_ROSTER,
                   "lobby is not a 64-bit Steam id");
}

/* ─── Capacity and the other fields ──────────────────────────────────────────────────────────────── */

static void more_players_than_the_capacity_are_refused(void **state)
{
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    (void)state;
    roster_refused("photon_webhook", QUANTUM("[\"u-2\",\"u-3\"]"), NULL, KLP_E_ROSTER,
                   "3 players, more than the capacity of 2");
    roster_refused("steam_lobby",
                   "{\"lobby\":\"1\",\"limit\":1,\"members\":[\"76561197960265729\",\"76561197960265730\"]}", NULL,
                   KLP_E_ROSTER, "2 players, more than the capacity of 1");
    options.capacity = 1;
    roster_refused("plain", "{\"key\":\"k\",\"players\":[\"a\",\"b\"],\"capacity\":4}", &options, KLP_E_ROSTER,
                   "2 players, more than the capacity of 1");
}

static void a_capacity_is_a_number_that_fits(void **state)
{
    static const char sentence[] = "CreateOptions.MaxPlayers, the capacity, is not an integer from 0 to 4294967295";
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;

    (void)state;
    roster_refused("photon_webhook", PHOTON("\"UserId\":\"u\",", "-1"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("photon_webhook", PHOTON("\"UserId\":\"u\",", "1.5"), NULL, KLP_E_ROSTER, sentence);
    roster_refused("photon_webhook", PHOTON("\"UserId\":\"u\",", "\"4\""), NULL, KLP_E_ROSTER, sentence);
    roster_refused("photon_webhook", PHOTON("\"UserId\":\"u\",", "4294967296"), NULL, KLP_E_ROSTER, sentence);
    options.key_annotation = klp_cstr("k");
    static const char agones[] = "status.lists.players.capacity, the capacity, is not an integer from 0 to 4294967295";
    roster_refused("agones_gameserver", AGONES("{\"k\":\"m\"}", "{\"capacity\":\"x\",\"values\":[\"a\"]}"), &options,
                   KLP_E_ROSTER, agones);
    roster_refused("agones_gameserver", AGONES("{\"k\":\"m\"}", "{\"capacity\":\"-4\",\"values\":[\"a\"]}"), &options,
                   KLP_E_ROSTER, agones);
    roster_refused("agones_gameserver", AGONES("{\"k\":\"m\"}", "{\"capacity\":\"4294967296\",\"values\":[\"a\"]}"),
                   &options, KLP_E_ROSTER, agones);
}

static void a_plain_roster_has_no_other_fields(void **state)
{
    (void)state;
    roster_refused("plain", "{\"key\":\"k\",\"players\":[\"a\"],\"capcity\":4}", NULL, KLP_E_ROSTER,
                   "capcity is not a field of a roster");
    roster_refused("plain", "{\"key\":\"k\",\"players\":[\"a\"],\"metadata\":[]}", NULL, KLP_E_ROSTER,
                   "metadata is not an object");
    roster_refused("plain", "{\"key\":\"k\",\"players\":[\"a\"],\"fill_bots\":1}", NULL, KLP_E_ROSTER,
                   "fill_bots is neither true nor false");
    roster_refused("plain", "{\"key\":\"k\",\"players\":[\"a\"],\"event\":1}", NULL, KLP_E_ROSTER,
                   "event is a number, not a string");
    roster_refused("plain", "{\"key\":\"k\",\"players\":\"a\"}", NULL, KLP_E_ROSTER, "players is not an array");
}

static void metadata_is_bounded_as_a_lobbys_is(void **state)
{
    size_t size = KLP_MAX_METADATA_BYTES + 100;
    char *document = malloc(size);

    (void)state;
    assert_non_null(document);
    int start = snprintf(document, size, "{\"key\":\"k\",\"players\":[\"a\"],\"metadata\":{\"a\":\"");
    memset(document + start, 'x', KLP_MAX_METADATA_BYTES - 8);
    strcpy(document + start + KLP_MAX_METADATA_BYTES - 8, "\"}}");
    roster_api()->free_roster(roster_taken("plain", document, NULL));
    strcpy(document + start + KLP_MAX_METADATA_BYTES - 8, "x\"}}");
    roster_refused("plain", document, NULL, KLP_E_ROSTER, "the metadata is 262145 bytes, more than 262144");

    start = snprintf(document, size, "{\"key\":\"k\",\"players\":[\"a\"],\"metadata\":{\"a\":");
    memset(document + start, '[', 30);
    memset(document + start + 30, ']', 30);
    strcpy(document + start + 60, "}}");
    roster_refused("plain", document, NULL, KLP_E_ROSTER, "the metadata is nested too deep at 34");
    free(document);
}

/* ─── What carries an event ──────────────────────────────────────────────────────────────────────── */

static void what_carries_an_event_carries_one(void **state)
{
    (void)state;
    roster_refused("flexmatch_event", "{\"Records\":[]}", NULL, KLP_E_ROSTER,
                   "Records is not one record: it has 0, and a roster is one");
    roster_refused("flexmatch_event", "{\"Records\":[{},{}]}", NULL, KLP_E_ROSTER,
                   "Records is not one record: it has 2, and a roster is one");
    roster_refused("flexmatch_event", "{\"Records\":[{\"eventSource\":\"aws:s3\"}]}", NULL, KLP_E_ROSTER,
                   "Records[0].Sns is missing");
    roster_refused("flexmatch_event", "{\"Type\":\"Notification\"}", NULL, KLP_E_ROSTER, "Message is not a string");
    roster_refused("flexmatch_event", "{\"Type\":\"Notification\",\"Message\":{}}", NULL, KLP_E_ROSTER,
                   "Message is not a string");
    roster_refused("flexmatch_event", "{\"Type\":\"Notification\",\"Message\":\"\"}", NULL, KLP_E_MALFORMED,
                   "the document within is empty");
    roster_refused("flexmatch_event", "{\"Type\":\"Notification\",\"Message\":\"{\\\"detail\\\":{\"}", NULL,
                   KLP_E_TRUNCATED, "truncated at 11 bytes: the JSON object does not end");
    roster_refused("flexmatch_event", "{\"Type\":\"Notification\",\"Message\":\"hello\"}", NULL, KLP_E_MALFORMED,
                   "not JSON: expected a value at 0");

    char document[256] = "{}", outer[256];
    for (int wraps = 0; wraps < 4; wraps++) {
        json_t *object = json_pack("{s:s}", "Message", document);
        char *text = json_dumps(object, JSON_COMPACT);
        snprintf(outer, sizeof outer, "%s", text);
        memcpy(document, outer, sizeof document);
        free(text);
        json_decref(object);
    }
    roster_refused("flexmatch_event", document, NULL, KLP_E_ROSTER, "wrapped more than 3 times");
}

/* ─── Arguments ──────────────────────────────────────────────────────────────────────────────────── */

static void arguments_are_checked_by_name(void **state)
{
    static const klp_text same[] = {KLP_LIT("mmr"), KLP_LIT("mode"), KLP_LIT("mmr")};
    klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
    klp_text many[KLP_MAX_ATTRIBUTES + 1] = {{NULL, 0}};
    const char *document = PLAIN("[\"a\"]");

    (void)state;
    roster_refused("", document, NULL, KLP_E_INVALID_ARGUMENT,
                   "format is none of flexmatch_matchmaker_data, flexmatch_event, photon_webhook, steam_lobby, "
                   "agones_gameserver, open_match, playfab_match, unity_match, nakama_matched, plain");
    roster_refused("open_match", document, NULL, KLP_E_INVALID_ARGUMENT,
                   "player_id_path is not given: a ticket of open_match has no place of its own for it");
    roster_refused("agones_gameserver", AGONES("{\"k\":\"m\"}", "{\"values\":[\"a\"]}"), NULL, KLP_E_INVALID_ARGUMENT,
                   "key_annotation is not given: a document of agones_gameserver has no other key");

    options.key_annotation = klp_cstr("match-id");
    roster_refused("agones_gameserver", AGONES("{\"k\":\"m\"}", "{\"values\":[\"a\"]}"), &options, KLP_E_ROSTER,
                   "annotation match-id is missing");
    options.player_id_path = klp_cstr("a..b");
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "player_id_path has an empty name at 1");
    options.player_id_path = klp_cstr(".a");
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "player_id_path has an empty name at 0");
    options.player_id_path = klp_cstr("a.");
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "player_id_path has an empty name at 1");

    options = (klp_roster_options)KLP_ROSTER_OPTIONS_INIT;
    options.attributes = same, options.attribute_count = 3;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "attributes[0] and attributes[2] are the same");
    options.attributes = NULL;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "attributes is NULL, attribute_count is 3");
    options.attributes = many;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "attributes[0] is empty");
    options.attribute_count = KLP_MAX_ATTRIBUTES + 1;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "attribute_count is 17, more than 16");

    options = (klp_roster_options)KLP_ROSTER_OPTIONS_INIT;
    options.fill_bots = 3;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "fill_bots is 3: not one of KLP_FILL_BOTS_…");
    options = (klp_roster_options)KLP_ROSTER_OPTIONS_INIT;
    options.reserved = 1;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT, "reserved is not 0");
    options.struct_size = 0;
    roster_refused("plain", document, &options, KLP_E_INVALID_ARGUMENT,
                   "klp_roster_options.struct_size is 0: start from the type's _INIT");
}

static void null_is_refused_where_it_may_not_be(void **state)
{
    const klp_api *klp = roster_api();
    klp_text_buffer why = {0};
    klp_roster *roster = (klp_roster *)1;

    (void)state;
    assert_int_equal(klp->parse_roster(klp_cstr("plain"), "{}", 2, NULL, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "roster is NULL");
    assert_int_equal(klp->parse_roster(klp_cstr("plain"), NULL, 2, NULL, &roster, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "bytes is NULL, size is 2");
    assert_null(roster);
    assert_int_equal(klp->parse_roster(klp_cstr("plain"), NULL, 0, NULL, &roster, NULL), KLP_E_MALFORMED);
    klp->free_roster(NULL);
    assert_int_equal(klp->push_document(NULL, klp_cstr("plain"), "{}", 2, NULL, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "pusher is NULL");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_object_is_malformed),
        cmocka_unit_test(what_only_lacks_its_end_is_truncated),
        cmocka_unit_test(what_is_wrong_before_its_end_is_not_truncated),
        cmocka_unit_test(matchmaker_data_cut_where_an_sdk_cuts_it_says_so),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(what_says_not_for_good_who_plays_is_not_final),
        cmocka_unit_test(an_id_that_is_no_id_is_named_by_its_place),
        cmocka_unit_test(an_id_may_have_1024_bytes_and_not_one_more),
        cmocka_unit_test(nobody_is_no_roster),
        cmocka_unit_test(a_player_who_stands_twice_is_named),
        cmocka_unit_test(steam_ids_are_persons_and_spelled_one_way),
        cmocka_unit_test(more_players_than_the_capacity_are_refused),
        cmocka_unit_test(a_capacity_is_a_number_that_fits),
        cmocka_unit_test(a_plain_roster_has_no_other_fields),
        cmocka_unit_test(metadata_is_bounded_as_a_lobbys_is),
        cmocka_unit_test(what_carries_an_event_carries_one),
        cmocka_unit_test(arguments_are_checked_by_name),
        cmocka_unit_test(null_is_refused_where_it_may_not_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
