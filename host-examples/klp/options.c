/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "complain.h"

enum kind { TEXT, NUMBER, YES_NO, PLAYER, HELP };

struct flag {
    const char *name;
    unsigned commands; /* those that know it */
    enum kind kind;
    size_t offset; /* of its member in struct options */
    uint32_t most; /* of a number */
};

#define MEMBER(name) offsetof(struct options, name)
#define EVERY        (COMMAND_PUSH | COMMAND_READ | COMMAND_PING)

static const struct flag flags[] = {
    {"--game", COMMAND_PUSH | COMMAND_READ, TEXT, MEMBER(game), 0},
    {"--event", COMMAND_PUSH, TEXT, MEMBER(event), 0},
    {"--key", COMMAND_PUSH, TEXT, MEMBER(key), 0},
    {"--player", COMMAND_PUSH, PLAYER, 0, 0},
    {"--capacity", COMMAND_PUSH, NUMBER, MEMBER(capacity), UINT32_MAX},
    {"--fill-bots", COMMAND_PUSH, YES_NO, MEMBER(fill_bots), 0},
    {"--metadata", COMMAND_PUSH, TEXT, MEMBER(metadata), 0},
    {"--lobby", COMMAND_READ, TEXT, MEMBER(lobby), 0},
    {"--base-url", EVERY, TEXT, MEMBER(base_url), 0},
    {"--ca-file", EVERY, TEXT, MEMBER(ca_file), 0},
    {"--attempts", EVERY, NUMBER, MEMBER(attempts), 100},
    {"--timeout-ms", EVERY, NUMBER, MEMBER(timeout_ms), 3600000},
    {"--help", EVERY, HELP, MEMBER(wants_help), 0},
};

enum { FLAG_COUNT = sizeof flags / sizeof *flags };

static bool is_named(const char *argument, const char *name)
{
    size_t size = strlen(name);
    return strncmp(argument, name, size) == 0 && (argument[size] == '\0' || argument[size] == '=');
}

static const struct flag *find_flag(const char *argument, enum command command)
{
    if (strcmp(argument, "-h") == 0)
        argument = "--help";
    for (size_t i = 0; i < FLAG_COUNT; i++)
        if ((flags[i].commands & command) && is_named(argument, flags[i].name))
            return &flags[i];
    return NULL;
}

static bool refuse_unknown(const char *argument)
{
    if (is_named(argument, "--api-key"))
        complain("--api-key is not taken: every user of this machine can read a command line. "
                 "Put the key into KRATY_SERVER_KEY instead");
    else if (strncmp(argument, "--", 2) == 0 && argument[2])
        complain("%.*s is not an option here (see --help)", (int)strcspn(argument, "="), argument);
    else
        complain("there is an argument that belongs to no option (see --help)");
    return false;
}

static bool read_number(const struct flag *flag, const char *value, uint32_t *number)
{
    uint64_t sum = 0;
    size_t digits = strspn(value, "0123456789");

    for (size_t i = 0; i < digits && sum <= UINT32_MAX; i++)
        sum = sum * 10 + (uint64_t)(value[i] - '0');
    if (value[digits] || sum < 1 || sum > flag->most) {
        complain("%s is not a number from 1 to %u", flag->name, flag->most);
        return false;
    }
    *number = (uint32_t)sum;
    return true;
}

static bool read_yes_no(const struct flag *flag, const char *value, int32_t *choice)
{
    if (strcmp(value, "yes") == 0)
        *choice = KLP_FILL_BOTS_YES;
    else if (strcmp(value, "no") == 0)
        *choice = KLP_FILL_BOTS_NO;
    else
        complain("%s is neither yes nor no", flag->name);
    return *choice != KLP_FILL_BOTS_DEFAULT;
}

static bool read_value(struct options *options, const struct flag *flag, const char *value)
{
    char *member = (char *)options + flag->offset;

    if (!*value) {
        complain("%s is empty", flag->name);
        return false;
    }
    switch (flag->kind) {
    case TEXT:
        memcpy(member, &value, sizeof value);
        return true;
    case NUMBER:
        return read_number(flag, value, (uint32_t *)(void *)member);
    case YES_NO:
        return read_yes_no(flag, value, (int32_t *)(void *)member);
    default:
        options->players[options->player_count++] = klp_cstr(value);
        return true;
    }
}

static bool read_arguments(struct options *options, int argc, char **argv)
{
    bool is_given[FLAG_COUNT] = {false};

    for (int i = 0; i < argc; i++) {
        const struct flag *flag = find_flag(argv[i], options->command);
        if (!flag)
            return refuse_unknown(argv[i]);
        if (flag->kind == HELP) {
            options->wants_help = true;
            return true;
        }
        if (is_given[flag - flags] && flag->kind != PLAYER) {
            complain("%s is given twice", flag->name);
            return false;
        }
        is_given[flag - flags] = true;

        const char *value = strchr(argv[i], '=');
        if (!value && i + 1 == argc) {
            complain("%s has no value", flag->name);
            return false;
        }
        if (!read_value(options, flag, value ? value + 1 : argv[++i]))
            return false;
    }
    return true;
}

static bool need(const char *value, const char *name)
{
    if (!value)
        complain("%s is missing", name);
    return value;
}

/* What is part of one lobby makes no sense with many of them. */
static bool check_bulk(const struct options *options)
{
    const struct {
        bool is_given;
        const char *name;
    } parts[] = {
        {options->player_count > 0, "--player"},
        {options->capacity, "--capacity"},
        {options->fill_bots, "--fill-bots"},
        {options->metadata, "--metadata"},
    };

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].is_given) {
            complain("%s needs --key: without --key, rosters are read from stdin", parts[i].name);
            return false;
        }
    return true;
}

static bool check(const struct options *options)
{
    if (options->command == COMMAND_READ)
        return need(options->game, "--game") && need(options->lobby, "--lobby");
    if (options->command == COMMAND_PING)
        return true;
    if (!need(options->game, "--game"))
        return false;
    if (!options->key)
        return check_bulk(options);
    return need(options->event, "--event") && need(options->player_count ? "" : NULL, "--player");
}

bool options_read(struct options *options, enum command command, int argc, char **argv)
{
    *options = (struct options){.command = command};
    options->players = calloc((size_t)argc + 1, sizeof *options->players);
    if (!options->players) {
        complain("out of memory");
        return false;
    }
    if (read_arguments(options, argc, argv) && (options->wants_help || check(options)))
        return true;
    options_clear(options);
    return false;
}

void options_clear(struct options *options)
{
    free(options->players);
    *options = (struct options){0};
}
