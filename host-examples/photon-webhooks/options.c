/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool usage(const char *program)
{
    fprintf(stderr,
            "Usage: %s --game ID --event KEY [OPTION]...\n"
            "  --port N          of 127.0.0.1; default 8090, 0: a free one\n"
            "  --secret-file F   what Photon sends as X-SecretKey, one a line; default: of $" SECRET_VARIABLE "\n"
            "  --no-secret       believe whoever reaches the port\n"
            "  --form-ms N       how long a room waits for its users, from its Create on; default 30000\n"
            "  --forget-ms N     how long a room is remembered after its last webhook; default 3600000\n"
            "  --max-rooms N     at once; default 10000\n"
            "  --outbox DIR      where pushes outlive this process\n"
            "  --name NAME       of the outbox' file and in events, one a process; default photon-webhooks\n"
            "The API key comes from $KRATY_SERVER_KEY, the server from $KRATY_BASE_URL.\n",
            program);
    return false;
}

static bool read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;

    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *number >= least && *number <= most;
}

/* Names are taken whole, and not by getopt_long(), to which --secret would be short for --secret-file. */
bool options_read(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **text;
        uint64_t *number, least, most;
    } known[] = {
        {"--game", &options->game_id, NULL, 0, 0},
        {"--event", &options->event_key, NULL, 0, 0},
        {"--secret-file", &options->secret_file, NULL, 0, 0},
        {"--outbox", &options->outbox, NULL, 0, 0},
        {"--name", &options->name, NULL, 0, 0},
        {"--port", NULL, &options->port, 0, 65535},
        {"--form-ms", NULL, &options->form_ms, 1, 3600000},
        {"--forget-ms", NULL, &options->forget_ms, 0, UINT32_MAX},
        {"--max-rooms", NULL, &options->rooms, 1, 1000000},
    };
    const size_t count = sizeof known / sizeof *known;

    *options = (struct options){
        .name = "photon-webhooks", .port = 8090, .form_ms = 30000, .forget_ms = 3600000, .rooms = 10000};
    for (int i = 1; i < argc; i++) {
        size_t option = 0;
        if (strcmp(argv[i], "--no-secret") == 0) {
            options->is_without_secret = true;
            continue;
        }
        while (option < count && strcmp(argv[i], known[option].name) != 0)
            option++;
        if (option == count || ++i == argc)
            return usage(argv[0]);
        if (known[option].text)
            *known[option].text = argv[i];
        else if (!read_number(argv[i], known[option].least, known[option].most, known[option].number))
            return usage(argv[0]);
    }
    return (options->game_id && options->event_key && !(options->secret_file && options->is_without_secret)) ||
           usage(argv[0]);
}
