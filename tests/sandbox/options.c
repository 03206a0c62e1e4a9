/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] = "Usage: kraty-sandbox [OPTION]...\n"
                           "Serves Kraty's server API on 127.0.0.1 for tests and demos, with faults by script.\n"
                           "\n"
                           "  --port N          listen on this port; 0, the default, takes a free one\n"
                           "  --config FILE     studio, games, events and keys as JSON; without it the same as\n"
                           "                    tests/sandbox/sandbox.json is built in\n"
                           "  --fault JSON      add a fault rule, or an array of them; may be repeated\n"
                           "  --faults FILE     add the fault rules of a JSON file\n"
                           "  --tls-cert FILE   serve HTTPS with this certificate chain (PEM) ...\n"
                           "  --tls-key FILE    ... and this private key (PEM); both or neither\n"
                           "  --log-limit N     keep the newest N arrivals in the log (default 100000)\n"
                           "  --no-log-bodies   keep no request bodies in the log\n"
                           "  --threads N       serve with N threads, 1 to 64 (default 2)\n"
                           "  --parent-dies     end when stdin reaches its end\n"
                           "  --verbose         a line on stderr for every request\n"
                           "  --help            this text\n"
                           "  --version         the version\n"
                           "\n"
                           "Environment:\n"
                           "  KRATY_SERVER_KEY  the API key that is accepted; sandbox.key-for-tests-only when\n"
                           "                    it is not set. It is never taken from the command line, where\n"
                           "                    every user of the machine can read it, and never printed\n"
                           "\n"
                           "Once it listens it prints one line, \"kraty-sandbox listening on URL\", and serves\n"
                           "until SIGTERM, SIGINT, POST /_sandbox/quit or, with --parent-dies, the end of stdin.\n"
                           "Exit status: 0 after a clean end, 1 when it cannot start, 2 for a bad option.\n"
                           "README.md beside the sources has the fault rules and the control paths.\n";

enum option_id {
    OPT_PORT = 256,
    OPT_CONFIG,
    OPT_FAULT,
    OPT_FAULTS,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_LOG_LIMIT,
    OPT_NO_LOG_BODIES,
    OPT_THREADS,
    OPT_PARENT_DIES,
    OPT_VERBOSE,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option known[] = {
    {"port", required_argument, NULL, OPT_PORT},           {"config", required_argument, NULL, OPT_CONFIG},
    {"fault", required_argument, NULL, OPT_FAULT},         {"faults", required_argument, NULL, OPT_FAULTS},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},   {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"log-limit", required_argument, NULL, OPT_LOG_LIMIT}, {"no-log-bodies", no_argument, NULL, OPT_NO_LOG_BODIES},
    {"threads", required_argument, NULL, OPT_THREADS},     {"parent-dies", no_argument, NULL, OPT_PARENT_DIES},
    {"verbose", no_argument, NULL, OPT_VERBOSE},           {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},           {NULL, 0, NULL, 0},
};

/* Only the option's name: getopt's own message would echo a key that was given by mistake. */
static void refuse(const char *option, const char *why)
{
    fprintf(stderr, "kraty-sandbox: %.*s %s\n", (int)strcspn(option, "="), option, why);
}

static bool read_number(const char *name, unsigned long smallest, unsigned long largest, unsigned long *number)
{
    char *end;
    errno = 0;
    *number = strtoul(optarg, &end, 10);
    if (optarg[0] < '0' || optarg[0] > '9' || *end || errno || *number < smallest || *number > largest) {
        fprintf(stderr, "kraty-sandbox: --%s must be a number from %lu to %lu\n", name, smallest, largest);
        return false;
    }
    return true;
}

static enum options_outcome take(struct options *options, int id)
{
    unsigned long number;

    switch (id) {
    case OPT_PORT:
        if (!read_number("port", 0, 65535, &number))
            return OPTIONS_BAD;
        options->port = (unsigned)number;
        return OPTIONS_RUN;
    case OPT_THREADS:
        if (!read_number("threads", 1, 64, &number))
            return OPTIONS_BAD;
        options->threads = (unsigned)number;
        return OPTIONS_RUN;
    case OPT_LOG_LIMIT:
        if (!read_number("log-limit", 1, 10000000, &number))
            return OPTIONS_BAD;
        options->log_limit = number;
        return OPTIONS_RUN;
    case OPT_CONFIG:
        options->config_path = optarg;
        return OPTIONS_RUN;
    case OPT_FAULT:
        options->fault_texts[options->fault_count++] = optarg;
        return OPTIONS_RUN;
    case OPT_FAULTS:
        options->faults_path = optarg;
        return OPTIONS_RUN;
    case OPT_TLS_CERT:
        options->tls_cert_path = optarg;
        return OPTIONS_RUN;
    case OPT_TLS_KEY:
        options->tls_key_path = optarg;
        return OPTIONS_RUN;
    case OPT_NO_LOG_BODIES:
        options->log_bodies = false;
        return OPTIONS_RUN;
    case OPT_PARENT_DIES:
        options->parent_dies = true;
        return OPTIONS_RUN;
    case OPT_VERBOSE:
        options->is_verbose = true;
        return OPTIONS_RUN;
    case OPT_HELP:
        fputs(help, stdout);
        return OPTIONS_DONE;
    case OPT_VERSION:
        puts("kraty-sandbox " SANDBOX_VERSION);
        return OPTIONS_DONE;
    default:
        return OPTIONS_BAD;
    }
}

enum options_outcome options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){.threads = 2, .log_limit = 100000, .log_bodies = true};
    options->fault_texts = calloc((size_t)argc + 1, sizeof *options->fault_texts);
    if (!options->fault_texts) {
        fputs("kraty-sandbox: out of memory\n", stderr);
        return OPTIONS_BAD;
    }

    opterr = 0;
    for (int id; (id = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        enum options_outcome outcome = take(options, id);
        if (outcome == OPTIONS_BAD && (id == '?' || id == ':'))
            refuse(argv[optind - 1], id == ':' ? "needs a value" : "is no option, or takes no value; see --help");
        if (outcome != OPTIONS_RUN)
            return outcome;
    }
    if (optind < argc) {
        fputs("kraty-sandbox: takes options only, see --help\n", stderr);
        return OPTIONS_BAD;
    }
    if (!options->tls_cert_path != !options->tls_key_path) {
        fprintf(stderr, "kraty-sandbox: --tls-cert and --tls-key need each other\n");
        return OPTIONS_BAD;
    }
    return OPTIONS_RUN;
}

void options_clear(struct options *options)
{
    free(options->fault_texts);
}
