/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"

#define CONNECTION_HELP                                                                                                \
    "  --base-url URL      of the server; default: $KRATY_BASE_URL, else\n"                                            \
    "                      https://api.kraty.io. Plain http only to this machine\n"                                    \
    "  --ca-file FILE      trust these PEM certificates instead of the system's\n"                                     \
    "  --attempts N        how often it is tried, the first time included; default\n"                                  \
    "                      4, at most 100\n"                                                                           \
    "  --timeout-ms N      how long one attempt may take; default 15000, at most\n"                                    \
    "                      3600000\n"                                                                                  \
    "  --help              this text\n"

#define ENVIRONMENT_HELP                                                                                               \
    "Environment:\n"                                                                                                   \
    "  KRATY_SERVER_KEY    the API key. It is never taken from the command line,\n"                                    \
    "                      which every user of the machine can read\n"                                                 \
    "  KRATY_BASE_URL      see --base-url\n"                                                                           \
    "  KLP_LIBRARY         the library's file, if it is not where the loader looks\n"

static const char whole_text[] = "Usage: klp push --game ID --event KEY --key KEY --player ID... [OPTION]...\n"
                                 "       klp push --game ID [--event KEY] [OPTION]... < rosters.ndjson\n"
                                 "       klp read --game ID --lobby ID [OPTION]...\n"
                                 "       klp ping [OPTION]...\n"
                                 "       klp help [COMMAND], klp COMMAND --help, klp --version\n"
                                 "\n"
                                 "Pushes finished lobbies to Kraty, reads them back, checks the API key. What came\n"
                                 "of it goes to stdout, one JSON object a line; everything else goes to stderr.\n"
                                 "\n" ENVIRONMENT_HELP "\n"
                                 "Exit status:\n"
                                 "  0  applied; for read and ping: done\n"
                                 "  1  not applied; for read and ping: failed; also when stdout takes no more\n"
                                 "  2  wrong usage or configuration; nothing was sent\n"
                                 "  3  possibly applied: sent, and no complete answer came back\n"
                                 "  For many rosters: 0 when all were applied, else 3 when one was possibly\n"
                                 "  applied, else 1.\n";

static const char push_text[] = "Usage: klp push --game ID --event KEY --key KEY --player ID... [OPTION]...\n"
                                "       klp push --game ID [--event KEY] [OPTION]... < rosters.ndjson\n"
                                "\n"
                                "Pushes one lobby or, without --key, one for every line of stdin:\n"
                                "  {\"key\": \"match-1\", \"players\": [\"alice\", \"bob\"], \"event\": \"duel\",\n"
                                "   \"capacity\": 2, \"fill_bots\": false, \"metadata\": {}}\n"
                                "The last four may be left out; event then is --event's. Blank lines are skipped.\n"
                                "A line that is no such object is told on stderr with its number, counts as not\n"
                                "applied, and keeps no other from being pushed; a line may have 2 MiB. An event's\n"
                                "`cookie` is the number of its line. SIGINT and SIGTERM end the pushing; what was\n"
                                "pushed by then is still told.\n"
                                "\n"
                                "  --game ID           the game's id\n"
                                "  --event KEY         the event's key\n"
                                "  --key KEY           your own id of the lobby; the same key again is the same\n"
                                "                      lobby\n"
                                "  --player ID         a player; once for each\n"
                                "  --capacity N        instead of the event's\n"
                                "  --fill-bots yes|no  instead of the event's\n"
                                "  --metadata JSON     an object, kept with the lobby\n" CONNECTION_HELP
                                "An option's value may also follow a `=`: --capacity=8\n"
                                "\n" ENVIRONMENT_HELP "\n"
                                "Exit status:\n"
                                "  0  applied          (many: all of them)\n"
                                "  1  not applied      (many: at least one, and no other possibly); also when\n"
                                "                      stdout takes no more, or a signal came before the last\n"
                                "  2  wrong usage or configuration; nothing was sent\n"
                                "  3  possibly applied (many: at least one): sent, and no complete answer came\n"
                                "                      back; the same push again is safe\n";

static const char read_text[] = "Usage: klp read --game ID --lobby ID [OPTION]...\n"
                                "\n"
                                "Reads one lobby.\n"
                                "\n"
                                "  --game ID           the game's id\n"
                                "  --lobby ID          the server's id of the lobby\n" CONNECTION_HELP
                                "An option's value may also follow a `=`: --lobby=lob_1\n"
                                "\n" ENVIRONMENT_HELP "\n"
                                "Exit status:\n"
                                "  0  read\n"
                                "  1  not read; also when stdout takes no more\n"
                                "  2  wrong usage or configuration; nothing was sent\n";

static const char ping_text[] = "Usage: klp ping [OPTION]...\n"
                                "\n"
                                "Asks the server what it knows of the API key.\n"
                                "\n" CONNECTION_HELP "An option's value may also follow a `=`: --timeout-ms=500\n"
                                "\n" ENVIRONMENT_HELP "\n"
                                "Exit status:\n"
                                "  0  the key is good\n"
                                "  1  it is not, or no answer came; also when stdout takes no more\n"
                                "  2  wrong usage or configuration; nothing was sent\n";

int usage_tell(int command)
{
    const char *text = command == COMMAND_PUSH   ? push_text
                       : command == COMMAND_READ ? read_text
                       : command == COMMAND_PING ? ping_text
                                                 : whole_text;

    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_APPLIED;
    complain("stdout: %s", strerror(errno));
    return EXIT_NOT_APPLIED;
}
