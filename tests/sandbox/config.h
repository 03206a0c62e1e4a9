/* SPDX-License-Identifier: Apache-2.0
 *
 * The studio as the config file describes it: games, their events, the keys to start with. */
#ifndef SANDBOX_CONFIG_H
#define SANDBOX_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_WHY_BYTES 256

struct event_config {
    const char *key;
    const char *mode; /* leaderboardMode */
    bool enabled;
    bool fill_bots;
    json_int_t capacity;
    uint64_t form_ms;     /* 0: no forming time of its own */
    uint64_t bot_drip_ms; /* 0: all bots at once */
    uint64_t duration_ms; /* 0: never closes */
};

struct game_config {
    const char *id;
    const char *studio;
    struct event_config *events;
    size_t event_count;
};

/* Its texts point into `document`, which it owns. */
struct config {
    json_t *document;
    const char *studio;
    const char *environment;
    struct game_config *games;
    size_t game_count;
    json_t *keys; /* borrowed array of key objects, or NULL; the keyring reads them */
};

/* `path` NULL: the built-in studio, the same as sandbox.json. False: `why` says what is wrong. */
bool config_load(struct config *config, const char *path, char why[CONFIG_WHY_BYTES]);

void config_clear(struct config *config);

const struct game_config *config_game(const struct config *config, const char *id);
const struct event_config *config_event(const struct game_config *game, const char *key);

#endif
