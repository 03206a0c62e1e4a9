/* SPDX-License-Identifier: Apache-2.0
 *
 * klp: the operator's command line. Pushes lobbies, reads them, checks the API key. */
#include <errno.h>
#include <fcntl.h>
#include <kraty/lobby_pusher_load.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "options.h"
#include "push.h"
#include "query.h"
#include "session.h"
#include "usage.h"

/* With stdin, stdout or stderr closed, the next descriptor opened would be taken for it. What stands in fails when it
 * is used, as a closed one does. */
static bool fill_standard_descriptors(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

    for (int descriptor = 0; descriptor < 3; descriptor++)
        if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", modes[descriptor]) != descriptor)
            return false;
    return true;
}

static int tell_version(void)
{
    klp_text_buffer why = {0};
    const klp_api *klp = klp_load(NULL, &why);

    printf("klp " KLP_VERSION "\n");
    if (klp)
        printf("libkraty_lobby_pusher %s\n", klp->version());
    else
        complain("%s", why.data);
    if (fflush(stdout) == 0)
        return EXIT_APPLIED;
    complain("stdout: %s", strerror(errno));
    return EXIT_NOT_APPLIED;
}

static int run(const struct options *options)
{
    struct session session;

    if (options->wants_help)
        return usage_tell((int)options->command);
    if (!session_open(&session, options))
        return EXIT_USAGE;

    int status = options->command == COMMAND_READ   ? query_read(&session, options)
                 : options->command == COMMAND_PING ? query_ping(&session, options)
                 : options->key                     ? push_one(&session, options)
                                                    : push_many(&session, options);
    session_close(&session);
    return status;
}

static int find_command(const char *name)
{
    return strcmp(name, "push") == 0   ? COMMAND_PUSH
           : strcmp(name, "read") == 0 ? COMMAND_READ
           : strcmp(name, "ping") == 0 ? COMMAND_PING
                                       : 0;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int help(int argc, char **argv)
{
    int command = argc > 2 ? find_command(argv[2]) : 0;

    if (argc > 3 || (argc > 2 && !command)) {
        complain("help knows push, read and ping");
        return EXIT_USAGE;
    }
    return usage_tell(command);
}

int main(int argc, char **argv)
{
    struct options options;

    if (!fill_standard_descriptors())
        return EXIT_USAGE;
    if (argc < 2) {
        complain("push, read or ping? (see klp --help)");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return tell_version();
    if (is_one_of(argv[1], "--help", "-h"))
        return usage_tell(0);
    if (strcmp(argv[1], "help") == 0)
        return help(argc, argv);

    int command = find_command(argv[1]);
    if (!command) {
        complain("the first argument is neither push, read, ping, help nor --version");
        return EXIT_USAGE;
    }
    if (!options_read(&options, (enum command)command, argc - 2, argv + 2))
        return EXIT_USAGE;
    int status = run(&options);
    options_clear(&options);
    return status;
}
