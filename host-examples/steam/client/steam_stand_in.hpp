/* SPDX-License-Identifier: Apache-2.0
 *
 * In the place of <steam/steam_api.h> where there is no Steamworks SDK: the names of it that lobby_snapshot.cpp uses,
 * and one lobby, of which the steps of a file say what becomes. Nothing of it goes into a game. */
#ifndef STEAM_STAND_IN_HPP
#define STEAM_STAND_IN_HPP

#include <cstdint>
#include <string>

using uint64 = unsigned long long;

/* From the highest bit: universe (8), type (4), instance (20), account (32). */
class CSteamID
{
  public:
    CSteamID() = default;
    CSteamID(uint64 id) : id_(id)
    {
    }

    uint64 ConvertToUint64() const
    {
        return id_;
    }
    bool IsLobby() const /* a chat, by its type, that has the flag of lobbies in its instance */
    {
        return (id_ >> 52 & 0xF) == 8 && (id_ >> 32 & 0x40000) != 0;
    }
    bool operator==(CSteamID other) const
    {
        return id_ == other.id_;
    }
    bool operator!=(CSteamID other) const
    {
        return id_ != other.id_;
    }

  private:
    uint64 id_ = 0;
};

/* As with Steam, who is in a lobby is known to its members alone: all others hear of none. */
class ISteamMatchmaking
{
  public:
    int GetNumLobbyMembers(CSteamID lobby);
    CSteamID GetLobbyMemberByIndex(CSteamID lobby, int index);
    CSteamID GetLobbyOwner(CSteamID lobby);
    int GetLobbyMemberLimit(CSteamID lobby); /* 0: none */
    const char *GetLobbyData(CSteamID lobby, const char *key);
};

class ISteamUser
{
  public:
    CSteamID GetSteamID();
};

ISteamMatchmaking *SteamMatchmaking();
ISteamUser *SteamUser();

/* ---- what the file of steps is played with ---- */

namespace stand_in
{

void create(CSteamID lobby, int limit); /* and forget the one before */
void join(CSteamID user);               /* the first one to join owns it */
void leave(CSteamID user);              /* of those who stay another one does */
void give_to(CSteamID owner);           /* as SetLobbyOwner() */
void set_data(const std::string &key, const std::string &value);
void be(CSteamID user); /* whose client this is */
CSteamID lobby();

} // namespace stand_in

#endif
