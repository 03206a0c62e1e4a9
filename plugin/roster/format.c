/* SPDX-License-Identifier: Apache-2.0 */
#include "roster/format.h"

#include <string.h>

#include "roster/member.h"
#include "roster/steam_id.h"

/* ─── Whether it is final ────────────────────────────────────────────────────────────────────────── */

/* The word a state is, when it is a plain word; whatever else stands there is nobody's to repeat. */
static bool read_word(const struct json_document *document, int value, char word[48])
{
    size_t size = json_text(document, value, word, 48);

    if (size == 0 || size >= 48)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!((word[i] >= 'a' && word[i] <= 'z') || (word[i] >= 'A' && word[i] <= 'Z')))
            return false;
    return true;
}

/* The state at a path has to be this one. */
static bool check_state(const struct json_document *document, int from, const char *path, const char *wanted,
                        struct roster_refusal *refusal)
{
    int state = member_at(document, from, path);
    char word[48];

    if (json_text_is(document, state, wanted))
        return true;
    if (state == JSON_NONE)
        return roster_refuse(refusal, ROSTER_MISSING, "%s is missing", path);
    if (read_word(document, state, word))
        return roster_refuse(refusal, ROSTER_NOT_FINAL, "not a final roster: %s is %s, not %s", path, word, wanted);
    return roster_refuse(refusal, ROSTER_NOT_FINAL, "not a final roster: %s is not %s", path, wanted);
}

static bool check_flexmatch_event(const struct json_document *document, int event, struct roster_refusal *refusal)
{
    return check_state(document, event, "detail.type", "MatchmakingSucceeded", refusal);
}

/* Realtime says its Type; of Quantum's and Fusion's only what goes to /game/create has the room's options. */
static bool check_photon(const struct json_document *document, int webhook, struct roster_refusal *refusal)
{
    if (member_at(document, webhook, "Type") != JSON_NONE)
        return check_state(document, webhook, "Type", "Create", refusal);
    if (json_kind(document, member_at(document, webhook, "EnterRoomParams.RoomOptions")) == '{')
        return true;
    return roster_refuse(refusal, ROSTER_NOT_FINAL,
                         "not a final roster: neither a Type nor EnterRoomParams.RoomOptions, so no room is created");
}

static bool check_agones(const struct json_document *document, int game_server, struct roster_refusal *refusal)
{
    return check_state(document, game_server, "status.state", "Allocated", refusal);
}

static bool check_playfab(const struct json_document *document, int data, struct roster_refusal *refusal)
{
    if (member_at(document, JSON_ROOT, "error") != JSON_NONE)
        return roster_refuse(refusal, ROSTER_NOT_FINAL, "not a final roster: it is an error of PlayFab's");
    if (member_at(document, data, "TicketId") != JSON_NONE)
        return roster_refuse(refusal, ROSTER_NOT_FINAL,
                             "not a final roster: a ticket has its own members only, GetMatch has all");
    return true;
}

/* A slip in a name would otherwise push another lobby than was meant. */
static bool check_plain(const struct json_document *document, int roster, struct roster_refusal *refusal)
{
    static const char *const names[] = {"key", "event", "players", "capacity", "fill_bots", "metadata"};
    char name[256], printable[ROSTER_PRINTABLE_BYTES];

    for (int key = json_first(document, roster); key != JSON_NONE; key = json_next(document, key)) {
        size_t i = 0;
        while (i < sizeof names / sizeof *names && !json_text_is(document, key, names[i]))
            i++;
        if (i < sizeof names / sizeof *names)
            continue;
        size_t size = json_text(document, key, name, sizeof name);
        return roster_refuse(refusal, ROSTER_SHAPE, "%s is not a field of a roster",
                             size < sizeof name ? roster_printable(name, size, printable) : "a very long name");
    }
    return true;
}

/* ─── The table ──────────────────────────────────────────────────────────────────────────────────── */

static const struct format formats[] = {
    {
        .name = KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA,
        .is_cut_at = 4096,
        .cut_by = "some builds of the GameLift server SDK cut at 4096 what may have 390000",
        .when_empty = ": no matchmaker made this session",
        .key = "matchId",
        .players = {{.ids = "teams[].players[].playerId",
                     .team = "name",
                     .team_level = 1,
                     .attributes = {"attributes"},
                     .attributes_level = 2}},
        .metadata = {{"configuration", "matchmakingConfigurationArn", true}},
    },
    {
        .name = KLP_FORMAT_FLEXMATCH_EVENT,
        .is_wrapped = true,
        .check = check_flexmatch_event,
        .key = "detail.matchId",
        /* the same players; without hosting by GameLift the session has none */
        .players = {{.ids = "detail.tickets[].players[].playerId", .team = "team", .team_level = 2},
                    {.ids = "detail.gameSessionInfo.players[].playerId", .team = "team", .team_level = 1}},
        .properties = {"detail"},
        .metadata = {{"configuration", "resources[0]", true}},
    },
    {
        .name = KLP_FORMAT_PHOTON_WEBHOOK,
        .check = check_photon,
        .key = "GameId",
        .players = {{.ids = "UserId"}},
        .expected = {"EnterRoomParams.ExpectedUsers[]", "CreateOptions.ExpectedUsers[]"},
        .capacities = {"CreateOptions.MaxPlayers", "EnterRoomParams.RoomOptions.MaxPlayers"},
        .properties = {"CreateOptions.CustomProperties", "EnterRoomParams.RoomOptions.CustomRoomProperties"},
        .metadata = {{"region", "Region", false}, {"app_version", "AppVersion", false}},
    },
    {
        .name = KLP_FORMAT_STEAM_LOBBY,
        .key = "lobby",
        .is_key = steam_id_is,
        .what_key_is = "a 64-bit Steam id",
        .players = {{.ids = "members[]"}},
        .is_player = steam_id_is_individual,
        .what_player_is = "an individual's SteamID64",
        .capacities = {"limit"},
        .properties = {"data"},
    },
    {
        .name = KLP_FORMAT_AGONES_GAMESERVER,
        .envelopes = {"result"}, /* of a watch */
        .check = check_agones,
        .players = {{.ids = "status.lists.players.values[]"}, {.ids = "status.players.ids[]"}},
        .capacities = {"status.lists.players.capacity", "status.players.capacity"},
        .is_capacity_text = true,
        .properties = {"object_meta.annotations", "metadata.annotations"}, /* the SDK's, Kubernetes' */
        .metadata = {{"game_server", "object_meta.name", false}, {"game_server", "metadata.name", false}},
    },
    {
        .name = KLP_FORMAT_OPEN_MATCH,
        .envelopes = {"result.match", "match", "result"}, /* of a stream through the gateway, of a stream */
        .key = "match_id",
        .players = {{.ids = "tickets[]",
                     .attributes = {"search_fields.string_args", "search_fields.double_args"},
                     .attributes_level = 1}},
        .has_player_id_path = true,
        .metadata = {{"profile", "match_profile", false}, {"function", "match_function", false}},
    },
    {
        .name = KLP_FORMAT_PLAYFAB_MATCH,
        .envelopes = {"data"},
        .check = check_playfab,
        .key = "MatchId",
        .players = {{.ids = "Members[].Entity.Id",
                     .team = "TeamId",
                     .team_level = 1,
                     .attributes = {"Attributes.DataObject"},
                     .attributes_level = 1}},
    },
    {
        .name = KLP_FORMAT_UNITY_MATCH,
        .key = "matchId",
        .players = {{.ids = "matchProperties.players[].id", .attributes = {"customData"}, .attributes_level = 1},
                    {.ids = "matchProperties.teams[].playerIds[]"}},
        .team_lists = {.ids = "matchProperties.teams[].playerIds[]", .team = "teamName", .team_level = 1},
        .metadata = {{"queue", "queueName", false},
                     {"pool", "poolName", false},
                     {"region", "matchProperties.region", false}},
    },
    {
        .name = KLP_FORMAT_NAKAMA_MATCHED,
        .envelopes = {"matchmaker_matched"},
        .key = "match_id",
        .without_key = ": a token stands in for it, which is a secret and no key",
        .players = {{.ids = "users[].presence.user_id",
                     .attributes = {"string_properties", "numeric_properties"},
                     .attributes_level = 1}},
    },
    {
        .name = KLP_FORMAT_PLAIN,
        .check = check_plain,
        .key = "key",
        .players = {{.ids = "players[]"}},
        .capacities = {"capacity"},
        .fill_bots = "fill_bots",
        .event = "event",
        .metadata_object = "metadata",
    },
};

const struct format *format_named(klp_text name)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (name.size == strlen(formats[i].name) && memcmp(name.data, formats[i].name, name.size) == 0)
            return &formats[i];
    return NULL;
}

const char *format_names(void)
{
    return KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA
        ", " KLP_FORMAT_FLEXMATCH_EVENT ", " KLP_FORMAT_PHOTON_WEBHOOK ", " KLP_FORMAT_STEAM_LOBBY
        ", " KLP_FORMAT_AGONES_GAMESERVER ", " KLP_FORMAT_OPEN_MATCH ", " KLP_FORMAT_PLAYFAB_MATCH
        ", " KLP_FORMAT_UNITY_MATCH ", " KLP_FORMAT_NAKAMA_MATCHED ", " KLP_FORMAT_PLAIN;
}
