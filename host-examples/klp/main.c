/* SPDX-License-Identifier: Apache-2.0
 *
 * klp: the operator's command line. Pushes lobbies, reads and awaits them, makes any other call, checks the API key and
 * webhooks, looks after outboxes, reads rosters out of matchmakers' documents, examines what an integration stands on.
 */
#include <errno.h>
#include <fcntl.h>
#include <kraty/lobby_pusher_load.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "complain.h"
#include "doctor.h"
#include "options.h"
#include "outbox.h"
#include "push.h"
#include "query.h"
#include "roster.h"
#include "session.h"
#include "usage.h"
#include "webhook.h"

#define COMMANDS "push, read, await, ping, call, webhook verify, roster, outbox, doctor"

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

static int run_in_session(const struct options *options)
{
    struct session session;

    if (!session_open(&session, options))
        return EXIT_USAGE;
    int status = options->command == COMMAND_READ    ? query_read(&session, options)
                 : options->command == COMMAND_AWAIT ? query_await(&session, options)
                 : options->command == COMMAND_PING  ? query_ping(&session, options)
                 : options->key                      ? push_one(&session, options)
                                                     : push_many(&session, options);
    session_close(&session);
    return status;
}

static int run(const struct options *options)
{
    if (options->wants_help)
        return usage_tell((int)options->command);
    if (options->command >= COMMAND_OUTBOX)
        return outbox_run(options);
    return options->command == COMMAND_WEBHOOK_VERIFY ? webhook_verify(options)
           : options->command == COMMAND_CALL         ? call_run(options)
           : options->command == COMMAND_ROSTER       ? roster_tell(options)
           : options->command == COMMAND_DOCTOR       ? doctor_run(options)
           : options->roster_format                   ? roster_push(options)
                                                      : run_in_session(options);
}

/* Takes the words that name a command. 0: they name none. */
static int take_command(int *argc, char ***argv)
{
    static const struct {
        const char *words[2];
        enum command command;
    } commands[] = {
        {{"push", NULL}, COMMAND_PUSH},
        {{"read", NULL}, COMMAND_READ},
        {{"await", NULL}, COMMAND_AWAIT},
        {{"ping", NULL}, COMMAND_PING},
        {{"call", NULL}, COMMAND_CALL},
        {{"webhook", "verify"}, COMMAND_WEBHOOK_VERIFY},
        {{"roster", NULL}, COMMAND_ROSTER},
        {{"doctor", NULL}, COMMAND_DOCTOR},
        {{"outbox", "list"}, COMMAND_OUTBOX_LIST},
        {{"outbox", "show"}, COMMAND_OUTBOX_SHOW},
        {{"outbox", "retry-now"}, COMMAND_OUTBOX_RETRY_NOW},
        {{"outbox", "drop"}, COMMAND_OUTBOX_DROP},
        {{"outbox", "failed"}, COMMAND_OUTBOX_FAILED},
        {{"outbox", "requeue"}, COMMAND_OUTBOX_REQUEUE},
        {{"outbox", "drain"}, COMMAND_OUTBOX_DRAIN},
        {{"outbox", NULL}, COMMAND_OUTBOX},
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int count = commands[i].words[1] ? 2 : 1;
        if (*argc < count || strcmp((*argv)[0], commands[i].words[0]) != 0 ||
            (count == 2 && strcmp((*argv)[1], commands[i].words[1]) != 0))
            continue;
        *argc -= count;
        *argv += count;
        return (int)commands[i].command;
    }
    return 0;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

static int help(int argc, char **argv)
{
    int command = argc > 0 ? take_command(&argc, &argv) : 0;

    if (argc > 0) {
        complain("help knows " COMMANDS);
        return EXIT_USAGE;
    }
    return usage_tell(command);
}

int main(int argc, char **argv)
{
    struct options options;

    signal(SIGPIPE, SIG_IGN); /* a pipe without a reader shows when it is written to */
    if (!fill_standard_descriptors())
        return EXIT_USAGE;
    if (argc < 2) {
        complain("the command is missing: " COMMANDS " (see klp --help)");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return tell_version();
    if (is_one_of(argv[1], "--help", "-h"))
        return usage_tell(0);
    argc--;
    argv++;
    if (strcmp(argv[0], "help") == 0)
        return help(argc - 1, argv + 1);

    int command = take_command(&argc, &argv);
    if (!command) {
        complain("the first argument is none of " COMMANDS ", help and --version (see klp --help)");
        return EXIT_USAGE;
    }
    if (!options_read(&options, (enum command)command, argc, argv))
        return EXIT_USAGE;
    int status = run(&options);
    options_clear(&options);
    return status;
}
