/* SPDX-License-Identifier: Apache-2.0 */
#include "options.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <getopt.h>
#include <kraty/lobby_pusher.h>

static const char usage[] =
    "Usage: gamelift [OPTION]...\n"
    "\n"
    "  --game ID               (game_1)\n"
    "  --event KEY             (quick_brawl)\n"
    "  --api-key-file FILE     instead of $KRATY_SERVER_KEY\n"
    "  --outbox DIR            keeps what is on its way when the process dies\n"
    "  --name NAME             of this process: the same after a restart\n"
    "  --results URL           the socket for verdicts, ipc:// or tcp:// (one in a folder of its own)\n"
    "  --port N                of the game (7777)\n"
    "  --drain-ms N            what is on its way gets this long at the end (10000)\n"
    "\n"
    "With GameLift's game server wrapper, which passes the session instead of the SDK:\n"
    "  --matchmaker-data JSON  {{.MatchmakerData}}, or @FILE\n"
    "  --max-players N         {{.MaximumPlayerSessionCount}}\n"
    "  --session-id ID         {{.GameSessionId}}\n";

enum option_id {
    GAME = 1,
    EVENT,
    API_KEY_FILE,
    OUTBOX,
    NAME,
    RESULTS,
    PORT,
    DRAIN_MS,
    MATCHMAKER_DATA,
    MAX_PLAYERS,
    SESSION_ID
};

static const option known[] = {{"game", required_argument, nullptr, GAME},
                               {"event", required_argument, nullptr, EVENT},
                               {"api-key-file", required_argument, nullptr, API_KEY_FILE},
                               {"outbox", required_argument, nullptr, OUTBOX},
                               {"name", required_argument, nullptr, NAME},
                               {"results", required_argument, nullptr, RESULTS},
                               {"port", required_argument, nullptr, PORT},
                               {"drain-ms", required_argument, nullptr, DRAIN_MS},
                               {"matchmaker-data", required_argument, nullptr, MATCHMAKER_DATA},
                               {"max-players", required_argument, nullptr, MAX_PLAYERS},
                               {"session-id", required_argument, nullptr, SESSION_ID},
                               {nullptr, 0, nullptr, 0}};

template <typename number> static bool read_number(const char *name, const char *given, long most, number &out)
{
    char *end;

    errno = 0;
    const long value = std::strtol(given, &end, 10);
    if (errno || end == given || *end || value < 0 || value > most) {
        std::fprintf(stderr, "gamelift: --%s is a number up to %ld, not \"%s\"\n", name, most, given);
        return false;
    }
    out = static_cast<number>(value);
    return true;
}

/* @FILE: what is in it. One argument of a process holds 128 KiB on Linux; the data may have three times that. */
static bool read_matchmaker_data(const char *given, std::string &data)
{
    char bytes[65536];
    std::size_t size;

    if (*given != '@')
        return data = given, true;
    std::FILE *file = std::fopen(given + 1, "re");
    bool is_read = file != nullptr;
    while (is_read && (size = std::fread(bytes, 1, sizeof bytes, file)) > 0 && data.size() <= KLP_MAX_DOCUMENT_BYTES)
        data.append(bytes, size);
    is_read = is_read && !std::ferror(file);
    if (!is_read)
        std::fprintf(stderr, "gamelift: --matchmaker-data: %s: %s\n", given + 1, std::strerror(errno));
    if (file)
        std::fclose(file);
    return is_read;
}

static bool take(int id, options &options)
{
    switch (id) {
    case GAME:
        return options.game_id = optarg, true;
    case EVENT:
        return options.event_key = optarg, true;
    case API_KEY_FILE:
        return options.api_key_file = optarg, true;
    case OUTBOX:
        return options.outbox_dir = optarg, true;
    case NAME:
        return options.name = optarg, true;
    case RESULTS:
        return options.results_url = optarg, true;
    case PORT:
        return read_number("port", optarg, 65535, options.port);
    case DRAIN_MS:
        return read_number("drain-ms", optarg, 3600000, options.drain_ms);
    case MATCHMAKER_DATA:
        options.is_wrapped = true;
        return read_matchmaker_data(optarg, options.matchmaker_data);
    case MAX_PLAYERS:
        return read_number("max-players", optarg, KLP_MAX_PLAYERS, options.max_players);
    case SESSION_ID:
        return options.session_id = optarg, true;
    default:
        std::fputs(usage, stderr);
        return false;
    }
}

bool read_options(int argc, char **argv, options &options)
{
    int id;

    while ((id = getopt_long(argc, argv, "", known, nullptr)) != -1)
        if (!take(id, options))
            return false;
    if (optind == argc)
        return true;
    std::fputs(usage, stderr);
    return false;
}
