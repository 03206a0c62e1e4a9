/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char built_in[] =
    "{\"studio\": \"studio_1\", \"environment\": \"test\", \"games\": {\"game_1\": {\"events\": {"
    "\"quick_brawl\": {\"leaderboardMode\": \"lobby_matched\", \"leaderboard\": {\"capacity\": 8, \"fillBots\": "
    "false}},"
    "\"bot_brawl\": {\"leaderboardMode\": \"lobby_matched\", \"leaderboard\": {\"capacity\": 8, \"fillBots\": true},"
    " \"bot_drip_ms\": 50},"
    "\"battle_royale\": {\"leaderboardMode\": \"lobby_matched\","
    " \"leaderboard\": {\"capacity\": 100, \"fillBots\": false}},"
    "\"duel\": {\"leaderboardMode\": \"lobby_matched\", \"leaderboard\": {\"capacity\": 2, \"fillBots\": false}},"
    "\"weekly\": {\"leaderboardMode\": \"global\", \"leaderboard\": {\"capacity\": 100, \"fillBots\": false}},"
    "\"retired\": {\"leaderboardMode\": \"lobby_matched\", \"leaderboard\": {\"capacity\": 8, \"fillBots\": false},"
    " \"enabled\": false}"
    "}}}}";

#define DEFAULT_CAPACITY 100
#define DEFAULT_DRIP_MS  50
#define MAX_EVENT_MS     (365LL * 24 * 3600 * 1000)

static bool read_event(struct event_config *event, const char *key, json_t *json, char *why)
{
    int enabled = 1, fill_bots = 0;
    json_int_t capacity = DEFAULT_CAPACITY, form_ms = 0, bot_drip_ms = DEFAULT_DRIP_MS, duration_ms = 0;
    json_error_t error;

    event->key = key;
    event->mode = "lobby_matched";
    if (json_unpack_ex(json, &error, JSON_STRICT, "{s?s, s?b, s?{s?I, s?b !}, s?I, s?I, s?I !}", "leaderboardMode",
                       &event->mode, "enabled", &enabled, "leaderboard", "capacity", &capacity, "fillBots", &fill_bots,
                       "form_ms", &form_ms, "bot_drip_ms", &bot_drip_ms, "duration_ms", &duration_ms) != 0) {
        snprintf(why, CONFIG_WHY_BYTES, "event %s: %s", key, error.text);
        return false;
    }
    if (capacity < 1 || form_ms < 0 || form_ms > MAX_EVENT_MS || bot_drip_ms < 0 || bot_drip_ms > MAX_EVENT_MS ||
        duration_ms < 0 || duration_ms > MAX_EVENT_MS) {
        snprintf(why, CONFIG_WHY_BYTES, "event %s: capacity or a time is out of range", key);
        return false;
    }

    event->enabled = enabled;
    event->fill_bots = fill_bots;
    event->capacity = capacity;
    event->form_ms = (uint64_t)form_ms;
    event->bot_drip_ms = (uint64_t)bot_drip_ms;
    event->duration_ms = (uint64_t)duration_ms;
    return true;
}

static bool read_game(struct game_config *game, const char *id, json_t *json, const char *studio, char *why)
{
    json_t *events = NULL;
    json_error_t error;

    game->id = id;
    game->studio = studio;
    if (json_unpack_ex(json, &error, JSON_STRICT, "{s?s, s:o !}", "studio", &game->studio, "events", &events) != 0 ||
        !json_is_object(events)) {
        snprintf(why, CONFIG_WHY_BYTES, "game %s: %s", id, events ? "events is not an object" : error.text);
        return false;
    }
    game->events = calloc(json_object_size(events) + 1, sizeof *game->events);
    if (!game->events) {
        snprintf(why, CONFIG_WHY_BYTES, "out of memory");
        return false;
    }

    const char *key;
    json_t *event;
    json_object_foreach(events, key,
                        event) if (!read_event(&game->events[game->event_count++], key, event, why)) return false;
    return true;
}

static bool read_studio(struct config *config, char *why)
{
    json_t *games = NULL;
    json_error_t error;

    config->studio = "studio_1";
    config->environment = "test";
    if (json_unpack_ex(config->document, &error, JSON_STRICT, "{s?s, s?s, s?o, s:o !}", "studio", &config->studio,
                       "environment", &config->environment, "keys", &config->keys, "games", &games) != 0) {
        snprintf(why, CONFIG_WHY_BYTES, "%s", error.text);
        return false;
    }
    if (!json_is_object(games) || (config->keys && !json_is_array(config->keys))) {
        snprintf(why, CONFIG_WHY_BYTES, "games must be an object, keys an array");
        return false;
    }
    if (strcmp(config->environment, "test") != 0 && strcmp(config->environment, "live") != 0) {
        snprintf(why, CONFIG_WHY_BYTES, "environment must be test or live");
        return false;
    }
    config->games = calloc(json_object_size(games) + 1, sizeof *config->games);
    if (!config->games) {
        snprintf(why, CONFIG_WHY_BYTES, "out of memory");
        return false;
    }

    const char *id;
    json_t *game;
    json_object_foreach(games, id, game) if (!read_game(&config->games[config->game_count++], id, game, config->studio,
                                                        why)) return false;
    return true;
}

bool config_load(struct config *config, const char *path, char why[CONFIG_WHY_BYTES])
{
    json_error_t error;

    *config = (struct config){0};
    config->document = path ? json_load_file(path, 0, &error) : json_loads(built_in, 0, &error);
    if (!config->document) {
        snprintf(why, CONFIG_WHY_BYTES, "%s (line %d)", error.text, error.line);
        return false;
    }
    if (!read_studio(config, why)) {
        config_clear(config);
        return false;
    }
    return true;
}

void config_clear(struct config *config)
{
    for (size_t i = 0; i < config->game_count; i++)
        free(config->games[i].events);
    free(config->games);
    json_decref(config->document);
    *config = (struct config){0};
}

const struct game_config *config_game(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->game_count; i++)
        if (strcmp(config->games[i].id, id) == 0)
            return &config->games[i];
    return NULL;
}

const struct event_config *config_event(const struct game_config *game, const char *key)
{
    for (size_t i = 0; i < game->event_count; i++)
        if (strcmp(game->events[i].key, key) == 0)
            return &game->events[i];
    return NULL;
}
