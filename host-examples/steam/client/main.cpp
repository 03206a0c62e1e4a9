/* SPDX-License-Identifier: Apache-2.0
 *
 * steam-client: plays the clients of a Steam lobby without Steam. Steps come on stdin, a line each; what the clients
 * send to the game server goes to stdout, a message a line: who sends it, and the snapshot.
 *
 *     steam-client < host-examples/steam/lobby.txt | steam eu-1 */
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "lobby_snapshot.hpp"

/* The match begins in this user's game. In yours: in the function that `start match` ends up in. */
static bool start_match(CSteamID user)
{
    stand_in::be(user);
    const lobby_snapshot snapshot = take_lobby_snapshot(stand_in::lobby(), {"map", "mode"});
    if (!snapshot) {
        std::fprintf(stderr, "steam-client: %llu sends nothing: %s\n", user.ConvertToUint64(), snapshot.why.c_str());
        return true;
    }
    /* Over a connection on which the server knows the sender: in a game your own, not a line of text. */
    std::printf("%llu %s\n", user.ConvertToUint64(), snapshot.json.c_str());
    return std::fflush(stdout) == 0;
}

/* Of a line of the file. False: it is no step, or nobody listens. */
static bool play(const std::string &line)
{
    std::istringstream words(line);
    std::string step, key, value;
    uint64 id = 0;
    int limit = 0;

    if (!(words >> step) || step[0] == '#')
        return true;
    if (step == "data" && words >> key && std::getline(words >> std::ws, value))
        return stand_in::set_data(key, value), true;
    if (!(words >> id))
        return false;
    if (step == "lobby" && words >> limit)
        return stand_in::create(id, limit), true;
    if (step == "join")
        return stand_in::join(id), true;
    if (step == "leave")
        return stand_in::leave(id), true;
    if (step == "owner")
        return stand_in::give_to(id), true;
    return step == "start" && start_match(id);
}

int main()
{
    std::string line;
    for (int number = 1; std::getline(std::cin, line); number++)
        if (!play(line))
            return std::fprintf(stderr, "steam-client: line %d is no step, or nobody hears it\n", number), 1;
    return 0;
}
