/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"

enum kind {
    TEXT,
    ANY_TEXT, /* may be empty */
    NUMBER,
    LONG_NUMBER,
    PERMILLE,
    YES_NO,
    ENVIRONMENT, /* live or test */
    SYNC,        /* normal or full */
    LIST,        /* may be given again and again */
    SWITCH       /* has no value */
};

struct flag {
    const char *name;
    unsigned commands; /* those that know it */
    enum kind kind;
    size_t offset;        /* of its member in struct options */
    uint64_t least, most; /* of a number */
};

enum {
    SENDING = COMMAND_PUSH | COMMAND_READ | COMMAND_PING | COMMAND_CALL | COMMAND_OUTBOX_DRAIN,
    CONNECTED = SENDING | COMMAND_AWAIT,
    OUTBOX_OF_TICKETS = COMMAND_OUTBOX_SHOW | COMMAND_OUTBOX_RETRY_NOW | COMMAND_OUTBOX_DROP | COMMAND_OUTBOX_REQUEUE,
    OUTBOX = OUTBOX_OF_TICKETS | COMMAND_OUTBOX_LIST | COMMAND_OUTBOX_FAILED | COMMAND_OUTBOX_DRAIN,
    OUTBOX_READING = COMMAND_OUTBOX_LIST | COMMAND_OUTBOX_SHOW | COMMAND_OUTBOX_FAILED,
    WITH_WORDS = COMMAND_CALL | COMMAND_OUTBOX | OUTBOX_OF_TICKETS,
    EVERY = CONNECTED | COMMAND_WEBHOOK_VERIFY | COMMAND_ROSTER | COMMAND_DOCTOR | COMMAND_OUTBOX | OUTBOX
};

#define MEMBER(name) offsetof(struct options, name)
#define WEEK_MS      604800000
#define END_OF_9999  253402300799
#define PIB          ((uint64_t)1 << 50)

static const struct flag flags[] = {
    {"--game", COMMAND_PUSH | COMMAND_READ | COMMAND_AWAIT | COMMAND_DOCTOR, TEXT, MEMBER(game), 0, 0},
    {"--event", COMMAND_PUSH, TEXT, MEMBER(event), 0, 0},
    {"--key", COMMAND_PUSH, TEXT, MEMBER(key), 0, 0},
    {"--player", COMMAND_PUSH, LIST, MEMBER(players), 0, 0},
    {"--capacity", COMMAND_PUSH | COMMAND_ROSTER, NUMBER, MEMBER(capacity), 1, UINT32_MAX},
    {"--fill-bots", COMMAND_PUSH, YES_NO, MEMBER(fill_bots), 0, 0},
    {"--metadata", COMMAND_PUSH, TEXT, MEMBER(metadata), 0, 0},
    {"--outbox", COMMAND_PUSH | COMMAND_DOCTOR | OUTBOX, TEXT, MEMBER(outbox), 0, 0},
    {"--outbox-sync", COMMAND_PUSH, SYNC, MEMBER(outbox_sync), 0, 0},
    {"--outbox-max-bytes", COMMAND_PUSH | COMMAND_DOCTOR, LONG_NUMBER, MEMBER(outbox_max_bytes), 1 << 20, PIB},
    {"--durable", COMMAND_PUSH, SWITCH, MEMBER(is_durable), 0, 0},
    {"--name", COMMAND_PUSH, TEXT, MEMBER(name), 0, 0},
    {"--roster-format", COMMAND_PUSH, TEXT, MEMBER(roster_format), 0, 0},
    {"--format", COMMAND_ROSTER, TEXT, MEMBER(roster_format), 0, 0},
    {"--player-id-path", COMMAND_PUSH | COMMAND_ROSTER, TEXT, MEMBER(player_id_path), 0, 0},
    {"--key-annotation", COMMAND_PUSH | COMMAND_ROSTER, TEXT, MEMBER(key_annotation), 0, 0},
    {"--quiet", COMMAND_PUSH, SWITCH, MEMBER(is_quiet), 0, 0},
    {"--pusher", OUTBOX, TEXT, MEMBER(pusher), 0, 0},
    {"--file", OUTBOX & ~COMMAND_OUTBOX_DRAIN, TEXT, MEMBER(file), 0, 0},
    {"--json", OUTBOX_READING | COMMAND_DOCTOR, SWITCH, MEMBER(is_as_json), 0, 0},
    {"--all", COMMAND_OUTBOX_RETRY_NOW | COMMAND_OUTBOX_REQUEUE, SWITCH, MEMBER(is_for_all), 0, 0},
    {"--ack", COMMAND_OUTBOX_DROP | COMMAND_OUTBOX_DRAIN, SWITCH, MEMBER(is_acknowledging), 0, 0},
    {"--yes", COMMAND_OUTBOX_DROP, SWITCH, MEMBER(is_sure), 0, 0},
    {"--lobby", COMMAND_READ | COMMAND_AWAIT, TEXT, MEMBER(lobby), 0, 0},
    {"--timeout-ms", COMMAND_AWAIT, NUMBER, MEMBER(wait_ms), 1, WEEK_MS},
    {"--interval-ms", COMMAND_AWAIT, NUMBER, MEMBER(interval_ms), 10, 3600000},
    {"--body", COMMAND_CALL, TEXT, MEMBER(body), 0, 0},
    {"--secret-env", COMMAND_WEBHOOK_VERIFY, LIST, MEMBER(secret_envs), 0, 0},
    {"--signature", COMMAND_WEBHOOK_VERIFY, ANY_TEXT, MEMBER(signature), 0, 0},
    {"--tolerance-s", COMMAND_WEBHOOK_VERIFY, NUMBER, MEMBER(tolerance_s), 1, UINT32_MAX},
    {"--now", COMMAND_WEBHOOK_VERIFY, LONG_NUMBER, MEMBER(now_unix_s), 1, END_OF_9999},
    {"--base-url", CONNECTED | COMMAND_DOCTOR, TEXT, MEMBER(base_url), 0, 0},
    {"--ca-file", CONNECTED | COMMAND_DOCTOR, TEXT, MEMBER(ca_file), 0, 0},
    {"--expect-environment", CONNECTED | COMMAND_DOCTOR, ENVIRONMENT, MEMBER(environment), 0, 0},
    {"--key-file", COMMAND_DOCTOR, TEXT, MEMBER(key_file), 0, 0},
    {"--results", COMMAND_DOCTOR, TEXT, MEMBER(results), 0, 0},
    {"--timeout-ms", COMMAND_DOCTOR, NUMBER, MEMBER(timeout_ms), 1, 60000},
    {"--attempts", SENDING, NUMBER, MEMBER(attempts), 1, 100},
    {"--jitter", SENDING, PERMILLE, MEMBER(jitter_permille), 0, 0},
    {"--timeout-ms", SENDING, NUMBER, MEMBER(timeout_ms), 1, 3600000},
    {"--deadline-ms", SENDING, NUMBER, MEMBER(deadline_ms), 1, WEEK_MS},
    {"--grace-ms", COMMAND_PUSH, NUMBER, MEMBER(grace_ms), 1, 3600000},
    {"--verbose", CONNECTED, SWITCH, MEMBER(is_verbose), 0, 0},
    {"--help", EVERY, SWITCH, MEMBER(wants_help), 0, 0},
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
    else if (is_named(argument, "--secret"))
        complain("--secret is not taken: every user of this machine can read a command line. "
                 "Put it into an environment variable, and name that with --secret-env");
    else if (strncmp(argument, "--", 2) == 0 && argument[2])
        complain("%.*s is not an option here (see --help)", (int)strcspn(argument, "="), argument);
    else
        complain("there is an argument that belongs to no option (see --help)");
    return false;
}

/* False: it is no number, or a larger one than `most`. */
static bool read_digits(const char *value, uint64_t most, uint64_t *sum)
{
    for (*sum = 0; *value >= '0' && *value <= '9'; value++) {
        uint64_t digit = (uint64_t)(*value - '0');
        if (digit > most || *sum > (most - digit) / 10)
            return false;
        *sum = *sum * 10 + digit;
    }
    return !*value;
}

static bool read_number(const struct flag *flag, const char *value, void *member)
{
    uint64_t sum;

    if (!read_digits(value, flag->most, &sum) || sum < flag->least) {
        complain("%s is not a number from %" PRIu64 " to %" PRIu64, flag->name, flag->least, flag->most);
        return false;
    }
    if (flag->kind == LONG_NUMBER)
        *(int64_t *)member = (int64_t)sum;
    else
        *(uint32_t *)member = (uint32_t)sum;
    return true;
}

/* 0, 1, 0.5, 0.125. */
static bool read_permille(const struct flag *flag, const char *value, uint32_t *permille)
{
    uint32_t sum = 0;
    size_t decimals = value[0] && value[1] == '.' ? strspn(value + 2, "0123456789") : 0;
    const char *end = decimals ? value + 2 + decimals : value + 1;

    if ((*value == '0' || *value == '1') && !*end && decimals <= 3) {
        sum = (uint32_t)(*value - '0');
        for (size_t i = 0; i < 3; i++)
            sum = sum * 10 + (i < decimals ? (uint32_t)(value[2 + i] - '0') : 0);
        *permille = sum ? sum : KLP_JITTER_NONE;
        if (sum <= 1000)
            return true;
    }
    complain("%s is not a number from 0 to 1 with at most three decimals", flag->name);
    return false;
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

static bool read_either(const struct flag *flag, const char *value, const char *one, const char *other, void *member)
{
    if (strcmp(value, one) != 0 && strcmp(value, other) != 0) {
        complain("%s is neither %s nor %s", flag->name, one, other);
        return false;
    }
    memcpy(member, &value, sizeof value);
    return true;
}

static void append(struct list *list, const char *value)
{
    list->items[list->count++] = klp_cstr(value);
}

static bool read_value(struct options *options, const struct flag *flag, const char *value)
{
    void *member = (char *)options + flag->offset;

    if (!*value && flag->kind != ANY_TEXT) {
        complain("%s is empty", flag->name);
        return false;
    }
    switch (flag->kind) {
    case NUMBER:
    case LONG_NUMBER:
        return read_number(flag, value, member);
    case PERMILLE:
        return read_permille(flag, value, member);
    case YES_NO:
        return read_yes_no(flag, value, member);
    case ENVIRONMENT:
        return read_either(flag, value, "live", "test", member);
    case SYNC:
        return read_either(flag, value, "normal", "full", member);
    case LIST:
        append(member, value);
        return true;
    default:
        memcpy(member, &value, sizeof value);
        return true;
    }
}

static bool throw_switch(struct options *options, const struct flag *flag, const char *argument)
{
    if (strchr(argument, '=')) {
        complain("%s takes no value", flag->name);
        return false;
    }
    *(bool *)((char *)options + flag->offset) = true;
    return true;
}

/* How many arguments it took, with its value; 0: it is wrong. */
static int read_option(struct options *options, const struct flag *flag, int argc, char **argv)
{
    const char *value = strchr(argv[0], '=');

    if (flag->kind == SWITCH)
        return throw_switch(options, flag, argv[0]) ? 1 : 0;
    if (value)
        return read_value(options, flag, value + 1) ? 1 : 0;
    if (argc == 1) {
        complain("%s has no value", flag->name);
        return 0;
    }
    return read_value(options, flag, argv[1]) ? 2 : 0;
}

/* Some have words, too: what does not begin with a dash, and everything behind `--`. */
static bool read_arguments(struct options *options, int argc, char **argv)
{
    bool is_given[FLAG_COUNT] = {false}, has_words = options->command & WITH_WORDS, are_words_left = false;

    for (int i = 0, taken = 1; i < argc && !options->wants_help; i += taken, taken = 1) {
        if (has_words && (are_words_left || argv[i][0] != '-')) {
            append(&options->words, argv[i]);
            continue;
        }
        if (has_words && strcmp(argv[i], "--") == 0) {
            are_words_left = true;
            continue;
        }
        const struct flag *flag = find_flag(argv[i], options->command);
        if (!flag)
            return refuse_unknown(argv[i]);
        if (is_given[flag - flags] && flag->kind != LIST) {
            complain("%s is given twice", flag->name);
            return false;
        }
        is_given[flag - flags] = true;
        taken = read_option(options, flag, argc - i, argv + i);
        if (!taken)
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
        {options->players.count > 0, "--player"},
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

static bool check_outbox(const struct options *options)
{
    const char *idle = options->is_durable         ? "--durable"
                       : options->outbox_sync      ? "--outbox-sync"
                       : options->outbox_max_bytes ? "--outbox-max-bytes"
                                                   : NULL;

    if (options->outbox || !idle)
        return true;
    complain("%s needs --outbox", idle);
    return false;
}

static bool check_document(const struct options *options)
{
    const char *odd = options->key             ? "--key"
                      : options->players.count ? "--player"
                      : options->metadata      ? "--metadata"
                      : options->is_quiet      ? "--quiet"
                      : options->grace_ms      ? "--grace-ms"
                                               : NULL;

    if (odd) {
        complain("%s does not go with --roster-format: the one document on stdin is what is pushed", odd);
        return false;
    }
    return strcmp(options->roster_format, KLP_FORMAT_PLAIN) == 0 || need(options->event, "--event");
}

static bool check_push(const struct options *options)
{
    if (!need(options->game, "--game") || !check_outbox(options))
        return false;
    if (options->roster_format)
        return check_document(options);
    if (options->player_id_path || options->key_annotation) {
        complain("%s needs --roster-format", options->player_id_path ? "--player-id-path" : "--key-annotation");
        return false;
    }
    if (!options->key)
        return check_bulk(options);
    if (options->is_quiet || options->grace_ms) {
        complain("%s is for many rosters: leave out --key, and they are read from stdin",
                 options->is_quiet ? "--quiet" : "--grace-ms");
        return false;
    }
    return need(options->event, "--event") && need(options->players.count ? "" : NULL, "--player");
}

static bool check_call(const struct options *options)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    const char *method = options->words.items[0].data;
    size_t i = 0;

    if (!need(method, "the method"))
        return false;
    while (i < sizeof methods / sizeof *methods && strcmp(method, methods[i]) != 0)
        i++;
    if (i == sizeof methods / sizeof *methods) {
        complain("the first argument of call is none of GET, POST, PUT, PATCH and DELETE");
        return false;
    }
    return need(options->words.count > 1 ? "" : NULL, "a segment of the path");
}

static bool check_outbox_words(struct options *options)
{
    const char *ticket = options->words.items[0].data;
    bool is_optional = options->command == COMMAND_OUTBOX_RETRY_NOW || options->is_for_all;

    if (!ticket) {
        if (!is_optional)
            complain(options->command == COMMAND_OUTBOX_REQUEUE ? "a ticket is missing, or --all"
                                                                : "the ticket is missing");
        return is_optional;
    }
    if (options->is_for_all || options->words.count > 1) {
        complain(options->is_for_all ? "there is a ticket beside --all" : "there is more than one ticket");
        return false;
    }
    if (!read_digits(ticket, INT64_MAX, &options->ticket) || !options->ticket) {
        complain("that is no ticket: a number from 1 to %" PRId64, INT64_MAX);
        return false;
    }
    return true;
}

static bool check(struct options *options)
{
    switch (options->command) {
    case COMMAND_PUSH:
        return check_push(options);
    case COMMAND_READ:
    case COMMAND_AWAIT:
        return need(options->game, "--game") && need(options->lobby, "--lobby");
    case COMMAND_CALL:
        return check_call(options);
    case COMMAND_OUTBOX:
        complain("the command of outbox is none of list, show, retry-now, drop, failed, requeue and drain");
        return false;
    case COMMAND_OUTBOX_LIST:
    case COMMAND_OUTBOX_FAILED:
    case COMMAND_OUTBOX_DRAIN:
        return need(options->outbox, "--outbox");
    case COMMAND_OUTBOX_SHOW:
    case COMMAND_OUTBOX_RETRY_NOW:
    case COMMAND_OUTBOX_DROP:
    case COMMAND_OUTBOX_REQUEUE:
        return need(options->outbox, "--outbox") && check_outbox_words(options);
    case COMMAND_DOCTOR:
        return check_outbox(options);
    case COMMAND_ROSTER:
        return need(options->roster_format, "--format");
    case COMMAND_WEBHOOK_VERIFY:
        return need(options->secret_envs.count ? "" : NULL, "--secret-env") && need(options->signature, "--signature");
    default:
        return true;
    }
}

bool options_read(struct options *options, enum command command, int argc, char **argv)
{
    size_t most = (size_t)argc + 1;

    *options = (struct options){.command = command};
    options->room = calloc(3 * most, sizeof *options->room);
    if (!options->room) {
        complain("out of memory");
        return false;
    }
    options->players.items = options->room;
    options->words.items = options->room + most;
    options->secret_envs.items = options->room + 2 * most;
    if (read_arguments(options, argc, argv) && (options->wants_help || check(options)))
        return true;
    options_clear(options);
    return false;
}

void options_clear(struct options *options)
{
    free(options->room);
    *options = (struct options){0};
}
