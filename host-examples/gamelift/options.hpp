/* SPDX-License-Identifier: Apache-2.0
 * What the command line says. */
#ifndef GAMELIFT_OPTIONS_HPP
#define GAMELIFT_OPTIONS_HPP

#include <cstdint>
#include <string>

/* Pointers are arguments or literals; NULL: not given. */
struct options {
    const char *game_id = "game_1";
    const char *event_key = "quick_brawl";
    const char *name = nullptr;         /* of the pusher: the same after a restart */
    const char *outbox_dir = nullptr;   /* nothing is lost with the process */
    const char *api_key_file = nullptr; /* instead of $KRATY_SERVER_KEY */
    const char *results_url = nullptr;  /* instead of a socket in a folder of its own */
    int port = 7777;                    /* of the game, for GameLift to tell players */
    std::uint32_t drain_ms = 10000;     /* what is on its way to Kraty gets this long at the end */

    /* GameLift's game server wrapper has spoken to GameLift, and passes what it heard. */
    bool is_wrapped = false;
    std::string matchmaker_data;
    const char *session_id = "of the wrapper";
    int max_players = 0; /* 0: the event's capacity */
};

/* False: they are wrong, and stderr says how. */
bool read_options(int argc, char **argv, options &options);

#endif
