/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <kraty/lobby_pusher.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] = "Usage: flexmatch-events [OPTION]... < events.ndjson\n"
                            "\n"
                            "  --game ID                (game_1)\n"
                            "  --event KEY              (quick_brawl)\n"
                            "  --capacity N             of every lobby (the event's)\n"
                            "  --listen 127.0.0.1:PORT  takes what SNS posts, too; port 0: a free one, told on stderr\n"
                            "  --outbox DIR             what was accepted outlives this process\n"
                            "  --name NAME              of this process: the same after a restart\n"
                            "  --max-queued N           pushes without a verdict\n"
                            "\n"
                            "The API key comes from $KRATY_SERVER_KEY.\n";

enum option_id { GAME = 1, EVENT, CAPACITY, LISTEN, OUTBOX, NAME, MAX_QUEUED };

static const struct option known[] = {{"game", required_argument, NULL, GAME},
                                      {"event", required_argument, NULL, EVENT},
                                      {"capacity", required_argument, NULL, CAPACITY},
                                      {"listen", required_argument, NULL, LISTEN},
                                      {"outbox", required_argument, NULL, OUTBOX},
                                      {"name", required_argument, NULL, NAME},
                                      {"max-queued", required_argument, NULL, MAX_QUEUED},
                                      {NULL, 0, NULL, 0}};

static bool read_number(const char *given, unsigned long most, uint32_t *out)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(given, &end, 10);
    if (*given < '0' || *given > '9' || *end || errno || value == 0 || value > most) {
        fprintf(stderr, "\"%s\" is not a number from 1 to %lu\n", given, most);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

static bool take(int id, struct options *options)
{
    switch (id) {
    case GAME:
        options->game_id = optarg;
        return true;
    case EVENT:
        options->event_key = optarg;
        return true;
    case CAPACITY:
        return read_number(optarg, UINT32_MAX, &options->capacity);
    case LISTEN:
        options->listen = optarg;
        return true;
    case OUTBOX:
        options->outbox_dir = optarg;
        return true;
    case NAME:
        options->name = optarg;
        return true;
    case MAX_QUEUED:
        return read_number(optarg, 1048576, &options->max_queued);
    default:
        return false;
    }
}

bool options_read(int argc, char **argv, struct options *options)
{
    int id;

    *options = (struct options){.game_id = "game_1", .event_key = "quick_brawl"};
    while ((id = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!take(id, options)) {
            fputs(usage, stderr);
            return false;
        }
    if (optind < argc)
        fputs(usage, stderr);
    return optind == argc;
}
