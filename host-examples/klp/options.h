/* SPDX-License-Identifier: Apache-2.0
 * The command line. No message repeats a value that was given: it might be a key put in the wrong place. */
#ifndef KLP_OPTIONS_H
#define KLP_OPTIONS_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a run of klp ends with. */
enum {
    EXIT_APPLIED = 0,
    EXIT_NOT_APPLIED = 1, /* also a read or ping that failed, and output that could not be written */
    EXIT_USAGE = 2,
    EXIT_POSSIBLY_APPLIED = 3
};

enum command { COMMAND_PUSH = 1, COMMAND_READ = 2, COMMAND_PING = 4 };

/* Not given: NULL or 0. The texts are argv's. */
struct options {
    enum command command;
    const char *game;
    const char *event;
    const char *key;
    const char *lobby;
    const char *metadata;
    const char *base_url;
    const char *ca_file;
    klp_text *players;
    size_t player_count;
    uint32_t capacity;
    uint32_t attempts;
    uint32_t timeout_ms;
    int32_t fill_bots;
    bool wants_help;
};

/* Reads what stands behind the command. False: stderr says what is wrong, and nothing is to be cleared. */
bool options_read(struct options *options, enum command command, int argc, char **argv);
void options_clear(struct options *options);

#endif
