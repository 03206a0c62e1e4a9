/* SPDX-License-Identifier: Apache-2.0 */
#include "steam_stand_in.hpp"

#include <algorithm>
#include <map>
#include <vector>

struct Lobby {
    CSteamID id, owner;
    int limit = 0;
    std::vector<CSteamID> members;
    std::map<std::string, std::string> data;

    bool has(CSteamID user) const
    {
        return std::find(members.begin(), members.end(), user) != members.end();
    }
};

static Lobby the_lobby;
static CSteamID local_user;

static bool is_seen(CSteamID lobby)
{
    return lobby == the_lobby.id && the_lobby.has(local_user);
}

int ISteamMatchmaking::GetNumLobbyMembers(CSteamID lobby)
{
    return is_seen(lobby) ? static_cast<int>(the_lobby.members.size()) : 0;
}

CSteamID ISteamMatchmaking::GetLobbyMemberByIndex(CSteamID lobby, int index)
{
    const bool is_there = index >= 0 && index < GetNumLobbyMembers(lobby);
    return is_there ? the_lobby.members[static_cast<std::size_t>(index)] : CSteamID();
}

CSteamID ISteamMatchmaking::GetLobbyOwner(CSteamID lobby)
{
    return is_seen(lobby) ? the_lobby.owner : CSteamID();
}

int ISteamMatchmaking::GetLobbyMemberLimit(CSteamID lobby)
{
    return is_seen(lobby) ? the_lobby.limit : 0;
}

const char *ISteamMatchmaking::GetLobbyData(CSteamID lobby, const char *key)
{
    const auto found = the_lobby.data.find(key);
    return lobby == the_lobby.id && found != the_lobby.data.end() ? found->second.c_str() : "";
}

CSteamID ISteamUser::GetSteamID()
{
    return local_user;
}

ISteamMatchmaking *SteamMatchmaking()
{
    static ISteamMatchmaking matchmaking;
    return &matchmaking;
}

ISteamUser *SteamUser()
{
    static ISteamUser user;
    return &user;
}

namespace stand_in
{

void create(CSteamID lobby, int limit)
{
    the_lobby = Lobby();
    the_lobby.id = lobby;
    the_lobby.limit = limit;
}

void join(CSteamID user)
{
    if (the_lobby.members.empty())
        the_lobby.owner = user;
    if (!the_lobby.has(user))
        the_lobby.members.push_back(user);
}

void leave(CSteamID user)
{
    auto &members = the_lobby.members;
    members.erase(std::remove(members.begin(), members.end(), user), members.end());
    if (the_lobby.owner == user)
        the_lobby.owner = members.empty() ? CSteamID() : members.front();
}

void give_to(CSteamID owner)
{
    if (the_lobby.has(owner))
        the_lobby.owner = owner;
}

void set_data(const std::string &key, const std::string &value)
{
    the_lobby.data[key] = value;
}

void be(CSteamID user)
{
    local_user = user;
}

CSteamID lobby()
{
    return the_lobby.id;
}

} // namespace stand_in
