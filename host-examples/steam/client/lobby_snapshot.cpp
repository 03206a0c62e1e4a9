/* SPDX-License-Identifier: Apache-2.0 */
#include "lobby_snapshot.hpp"

static std::string decimal(CSteamID id)
{
    return std::to_string(id.ConvertToUint64());
}

/* As text: a number of JSON has 53 bits, and a SteamID64 has 64. */
static std::string quote(CSteamID id)
{
    return '"' + decimal(id) + '"';
}

static std::string quote(const char *text)
{
    static const char digits[] = "0123456789abcdef";
    std::string quoted = "\"";

    for (; *text; text++) {
        const auto byte = static_cast<unsigned char>(*text);
        if (byte < 0x20)
            quoted.append("\\u00").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
        else
            quoted.append(byte == '"' || byte == '\\' ? "\\" : "").append(1, *text);
    }
    return quoted + '"';
}

lobby_snapshot take_lobby_snapshot(CSteamID lobby, std::initializer_list<const char *> data_keys)
{
    ISteamMatchmaking *steam = SteamMatchmaking();
    ISteamUser *user = SteamUser();
    if (!steam || !user)
        return {"", "Steam does not run"};
    if (!lobby.IsLobby())
        return {"", decimal(lobby) + " is not a lobby"};

    const int members = steam->GetNumLobbyMembers(lobby);
    if (members < 1)
        return {"", "it is not in lobby " + decimal(lobby)};
    const CSteamID owner = steam->GetLobbyOwner(lobby);
    if (owner != user->GetSteamID())
        return {"", "the owner of lobby " + decimal(lobby) + " is " + decimal(owner)};

    std::string json = "{\"lobby\":" + quote(lobby) + ",\"owner\":" + quote(owner) +
                       ",\"limit\":" + std::to_string(steam->GetLobbyMemberLimit(lobby)) + ",\"members\":[";
    for (int i = 0; i < members; i++)
        json.append(i > 0 ? "," : "").append(quote(steam->GetLobbyMemberByIndex(lobby, i)));
    json += "],\"data\":{";
    const char *comma = "";
    for (const char *key : data_keys) {
        const char *value = steam->GetLobbyData(lobby, key); /* "" when it is not set */
        if (!*value)
            continue;
        json.append(comma).append(quote(key)).append(":").append(quote(value));
        comma = ",";
    }
    return {json + "}}", ""};
}
