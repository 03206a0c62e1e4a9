/* SPDX-License-Identifier: Apache-2.0
 *
 * kraty-sandbox: from the command line to a server that runs until it is told to end. */
#include "options.h"
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_PEM_BYTES (1u << 20)

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "kraty-sandbox: %s: %s\n", what, why);
}

/* NULL: stderr says why. */
static char *read_text_file(const char *option, const char *path)
{
    size_t size = 0;
    char *text = malloc(MAX_PEM_BYTES + 1);
    FILE *file = fopen(path, "re");
    if (!text || !file)
        goto complain;
    size = fread(text, 1, MAX_PEM_BYTES, file);
    if (ferror(file))
        goto complain;
    text[size] = '\0';
    fclose(file);
    return text;

complain:
    complain(option, strerror(errno));
    if (file)
        fclose(file);
    free(text);
    return NULL;
}

static bool add_fault_rules(struct faults *faults, const char *option, json_t *rules, const char *parse_error)
{
    char why[FAULT_WHY_BYTES];
    json_t *ids = rules ? faults_add(faults, rules, why) : NULL;
    if (!ids)
        complain(option, rules ? why : parse_error);
    bool added = ids != NULL;
    json_decref(ids);
    json_decref(rules);
    return added;
}

static bool load_faults(struct faults *faults, const struct options *options)
{
    json_error_t error;

    for (size_t i = 0; i < options->fault_count; i++) {
        json_t *rules = json_loads(options->fault_texts[i], JSON_ALLOW_NUL, &error);
        if (!add_fault_rules(faults, "--fault", rules, error.text))
            return false;
    }
    if (!options->faults_path)
        return true;
    json_t *rules = json_load_file(options->faults_path, JSON_ALLOW_NUL, &error);
    return add_fault_rules(faults, "--faults", rules, error.text);
}

/* The environment's key, for the first game of the config, and then the config's own. */
static bool load_keys(struct world *world)
{
    char why[KEYRING_WHY_BYTES];
    const char *text = getenv("KRATY_SERVER_KEY");
    json_t *description = json_pack("{s:s}", "key", text ? text : KEYRING_DEFAULT_TEXT);
    bool added = keyring_add(world->keyring, description, why) != NULL;
    json_decref(description);
    if (!added) {
        complain("KRATY_SERVER_KEY", why);
        return false;
    }

    size_t index;
    json_t *key;
    json_array_foreach(world->config.keys, index, key)
    {
        if (!keyring_add(world->keyring, key, why)) {
            complain("--config: keys", why);
            return false;
        }
    }
    return true;
}

static bool open_world(struct world *world, const char *config_path)
{
    char why[CONFIG_WHY_BYTES];

    clock_start(&world->clock);
    pthread_mutex_init(&world->lock, NULL);
    lobbies_init(&world->lobbies);
    memory_init(&world->memory);
    if (!config_load(&world->config, config_path, why)) {
        complain("--config", why);
        return false;
    }
    struct key_defaults defaults = {.studio = world->config.studio,
                                    .environment = world->config.environment,
                                    .game = world->config.game_count ? world->config.games[0].id : ""};
    world->keyring = keyring_new(&defaults);
    return world->keyring && load_keys(world);
}

static void close_world(struct world *world)
{
    memory_clear(&world->memory);
    lobbies_clear(&world->lobbies);
    keyring_free(world->keyring);
    config_clear(&world->config);
    pthread_mutex_destroy(&world->lock);
}

/* Blocked before the first thread starts, so that every thread inherits it and only the descriptor tells. */
static int open_signals(void)
{
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

static bool stdin_has_ended(void)
{
    char ignored[256];
    ssize_t got = read(STDIN_FILENO, ignored, sizeof ignored);
    return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

static void wait_for_the_end(int signal_fd, int quit_fd, bool watches_stdin)
{
    struct pollfd ends[] = {{.fd = signal_fd, .events = POLLIN},
                            {.fd = quit_fd, .events = POLLIN},
                            {.fd = watches_stdin ? STDIN_FILENO : -1, .events = POLLIN}};
    for (;;) {
        if (poll(ends, sizeof ends / sizeof ends[0], -1) < 0 && errno != EINTR)
            return;
        if (ends[0].revents || ends[1].revents || (ends[2].revents && stdin_has_ended()))
            return;
    }
}

static int serve(struct sandbox *sandbox, const struct options *options, int signal_fd)
{
    int exit_status = EXIT_FAILURE;
    char why[SERVER_WHY_BYTES];
    struct server_settings settings = {.port = options->port, .threads = options->threads};

    if (options->tls_cert_path) {
        settings.tls_cert = read_text_file("--tls-cert", options->tls_cert_path);
        settings.tls_key = settings.tls_cert ? read_text_file("--tls-key", options->tls_key_path) : NULL;
        if (!settings.tls_key)
            goto free_pem;
    }
    sandbox->timers = timers_start();
    if (!sandbox->timers)
        goto free_pem;
    if (!server_start(sandbox, &settings, why)) {
        complain("cannot start", why);
        timers_stop(sandbox->timers);
        goto free_timers;
    }

    printf("kraty-sandbox listening on %s://127.0.0.1:%u\n", settings.tls_cert ? "https" : "http", sandbox->port);
    fflush(stdout);
    wait_for_the_end(signal_fd, sandbox->quit_fd, options->parent_dies);
    server_stop(sandbox);
    exit_status = EXIT_SUCCESS;

free_timers:
    timers_free(sandbox->timers);
free_pem:
    free(settings.tls_key);
    free(settings.tls_cert);
    return exit_status;
}

static int run(const struct options *options)
{
    static struct sandbox sandbox;
    int exit_status = OPTIONS_EXIT_BAD;

    json_object_seed(0);
    if (getrandom(&sandbox.run, sizeof sandbox.run, 0) < 0)
        sandbox.run = (uint32_t)getpid();
    sandbox.is_verbose = options->is_verbose;

    int signal_fd = open_signals();
    sandbox.quit_fd = eventfd(0, EFD_CLOEXEC);
    if (signal_fd < 0 || sandbox.quit_fd < 0)
        goto close_descriptors;
    if (!open_world(&sandbox.world, options->config_path))
        goto close_world;
    sandbox.arrivals =
        arrivals_new(options->log_limit, options->log_bodies, &sandbox.world.clock, sandbox.world.keyring);
    sandbox.faults = faults_new();
    if (sandbox.arrivals && sandbox.faults && load_faults(sandbox.faults, options))
        exit_status = serve(&sandbox, options, signal_fd);

    faults_free(sandbox.faults);
    arrivals_free(sandbox.arrivals);
close_world:
    close_world(&sandbox.world);
close_descriptors:
    close(sandbox.quit_fd);
    close(signal_fd);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct options options;
    int exit_status = OPTIONS_EXIT_BAD;

    switch (options_read(&options, argc, argv)) {
    case OPTIONS_RUN:
        exit_status = run(&options);
        break;
    case OPTIONS_DONE:
        exit_status = EXIT_SUCCESS;
        break;
    case OPTIONS_BAD:
        break;
    }
    options_clear(&options);
    return exit_status;
}
