/* SPDX-License-Identifier: Apache-2.0
 *
 * A Steam lobby as its owner's client sees it, in the form that kraty-lobby-pusher reads (KLP_FORMAT_STEAM_LOBBY). This
 * and lobby_snapshot.cpp go into the game's client; they need Steamworks and nothing of Kraty. */
#ifndef STEAM_LOBBY_SNAPSHOT_HPP
#define STEAM_LOBBY_SNAPSHOT_HPP

#include <initializer_list>
#include <string>

/* The stand-in has the same names, for machines without the SDK. */
#if __has_include(<steam/steam_api.h>)
#include <steam/steam_api.h>
#else
#include "steam_stand_in.hpp"
#endif

struct lobby_snapshot {
    std::string json; /* one line, to be sent to the game server; empty: there is none … */
    std::string why;  /* … and this says why */

    explicit operator bool() const
    {
        return !json.empty();
    }
};

/* Takes it, when the match is to begin: who is in the lobby, its limit, and of its data what is named here, but nothing
 * that nobody else may know. Only the lobby's owner has one to give: every other member would send the same lobby as it
 * was a moment earlier or later.
 *
 * All that it asks is in the client's memory, and changes within SteamAPI_RunCallbacks() alone: called on the thread
 * that calls that, it sees one moment, with one owner. */
lobby_snapshot take_lobby_snapshot(CSteamID lobby, std::initializer_list<const char *> data_keys = {});

#endif
