/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage: verify_rosters LOBBIES ROSTERS CONFIG
 *
 * Compares what a sandbox holds with the rosters that were to be pushed to it: each must be there exactly once and
 * as it was written (players in their order, capacity, fillBots, metadata), and nothing else.
 *
 * LOBBIES is the sandbox's URL, or a file with what its GET /_sandbox/lobbies answered; ROSTERS the NDJSON; CONFIG
 * the sandbox's config, which has the events' own capacity and fillBots. Exit status: 0 when all is as it should be. */
#include <errno.h>
#include <jansson.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GAME_ID      "game_1"
#define MAX_COMPLAIN 10

static size_t complaints;

static void complain(const char *key, const char *what)
{
    if (complaints++ < MAX_COMPLAIN)
        fprintf(stderr, "%s: %s\n", key, what);
}

static void die(const char *what, const char *reason)
{
    fprintf(stderr, "verify_rosters: %s: %s\n", what, reason);
    exit(2);
}

/* ─── What the sandbox holds ────────────────────────────────────────────────────────────────────── */

static int connect_to_port(unsigned long port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int connection = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address))
        die("the sandbox", strerror(errno));
    return connection;
}

static char *read_all(FILE *stream)
{
    char *text = NULL;
    size_t size = 0, got;

    do {
        text = realloc(text, size + 65537);
        if (!text)
            die("reading", "out of memory");
        got = fread(text + size, 1, 65536, stream);
        size += got;
    } while (got > 0);
    text[size] = '\0';
    return text;
}

/* HTTP/1.0: the body ends with the connection. */
static json_t *fetch(const char *url)
{
    const char *colon = strrchr(url, ':');
    json_error_t error;

    FILE *stream = fdopen(connect_to_port(strtoul(colon + 1, NULL, 10)), "r+");
    if (!stream)
        die(url, strerror(errno));
    fputs("GET /_sandbox/lobbies HTTP/1.0\r\nHost: localhost\r\n\r\n", stream);
    fflush(stream);
    char *reply = read_all(stream);
    fclose(stream);

    char *body = strstr(reply, "\r\n\r\n");
    json_t *lobbies = body ? json_loads(body, 0, &error) : NULL;
    if (!json_is_array(lobbies))
        die(url, "no list of lobbies came back");
    free(reply);
    return lobbies;
}

static json_t *load(const char *path)
{
    json_error_t error;
    json_t *document = json_load_file(path, 0, &error);
    if (!document)
        die(path, error.text);
    return document;
}

/* "event key" to the list of its lobbies. */
static json_t *index_lobbies(const json_t *lobbies)
{
    json_t *index = json_object(), *lobby;
    size_t at;

    json_array_foreach(lobbies, at, lobby)
    {
        json_t *name = json_sprintf("%s %s", json_string_value(json_object_get(lobby, "event")),
                                    json_string_value(json_object_get(lobby, "key")));
        json_t *same = json_object_get(index, json_string_value(name));
        if (!same) {
            same = json_array();
            json_object_set_new(index, json_string_value(name), same);
        }
        json_array_append(same, lobby);
        json_decref(name);
    }
    return index;
}

/* ─── What it should hold ───────────────────────────────────────────────────────────────────────── */

/* In the shape of the control path's lobbies; what the roster leaves open is the event's. */
static json_t *expected_lobby(const json_t *roster, json_t *config)
{
    const char *event = json_string_value(json_object_get(roster, "event"));
    json_t *capacity = NULL, *fill_bots = NULL, *own;

    json_unpack(config, "{s:{s:{s:{s:{s:{s:o, s:o}}}}}}", "games", GAME_ID, "events", event, "leaderboard", "capacity",
                &capacity, "fillBots", &fill_bots);
    if ((own = json_object_get(roster, "capacity")))
        capacity = own;
    if ((own = json_object_get(roster, "fill_bots")))
        fill_bots = own;
    own = json_object_get(roster, "metadata");
    return json_pack("{s:s, s:s, s:O, s:O, s:O, s:O, s:O?}", "game", GAME_ID, "event", event, "key",
                     json_object_get(roster, "key"), "players", json_object_get(roster, "players"), "capacity",
                     capacity, "fillBots", fill_bots, "metadata", own);
}

static bool is_same(const char *name, const json_t *lobby, json_t *expected)
{
    bool is_same = true;
    const char *field;
    json_t *value;

    json_object_foreach(expected, field, value)
    {
        const json_t *held = json_object_get(lobby, field);
        if (held ? json_equal(held, value) : json_is_null(value))
            continue;
        char what[64];
        snprintf(what, sizeof what, "%s is another", field);
        complain(name, what);
        is_same = false;
    }
    return is_same;
}

static bool verify(const char *name, const json_t *held, json_t *expected)
{
    if (json_array_size(held) != 1) {
        complain(name, held ? "is there more than once" : "is missing");
        return false;
    }
    return is_same(name, json_array_get(held, 0), expected);
}

/* Every lobby that there should be, by "event key": a roster told twice is one of them. */
static json_t *read_rosters(const char *path, json_t *config)
{
    json_t *lobbies = json_object();
    json_error_t error;
    FILE *stream = fopen(path, "r");
    if (!stream)
        die(path, strerror(errno));

    for (;;) {
        int next = getc(stream);
        if (next == EOF)
            break;
        ungetc(next, stream);
        if (next == '\n') {
            getc(stream);
            continue;
        }
        json_t *roster = json_loadf(stream, JSON_DISABLE_EOF_CHECK, &error);
        json_t *expected = roster ? expected_lobby(roster, config) : NULL;
        if (!expected)
            die(path, roster ? "a roster is of no event in the config" : error.text);
        json_t *name = json_sprintf("%s %s", json_string_value(json_object_get(expected, "event")),
                                    json_string_value(json_object_get(expected, "key")));
        const json_t *known = json_object_get(lobbies, json_string_value(name));
        if (known && !json_equal(known, expected))
            die(json_string_value(name), "two rosters of this key differ");
        json_object_set_new(lobbies, json_string_value(name), expected);
        json_decref(name);
        json_decref(roster);
    }
    fclose(stream);
    return lobbies;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fputs("Usage: verify_rosters LOBBIES ROSTERS CONFIG\n", stderr);
        return 2;
    }
    json_t *config = load(argv[3]);
    json_t *lobbies = strncmp(argv[1], "http://", 7) == 0 ? fetch(argv[1]) : load(argv[1]);
    json_t *held = index_lobbies(lobbies), *expected = read_rosters(argv[2], config), *lobby;
    size_t verified = 0;
    const char *name;

    json_object_foreach(expected, name, lobby)
    {
        verified += verify(name, json_object_get(held, name), lobby);
    }
    json_object_foreach(held, name, lobby)
    {
        if (!json_object_get(expected, name))
            complain(name, "was never pushed");
    }
    printf("%zu of %zu\n", verified, json_object_size(expected));
    bool is_right = complaints == 0 && verified == json_object_size(expected) && verified > 0;
    json_decref(expected);
    json_decref(held);
    json_decref(lobbies);
    json_decref(config);
    return is_right ? 0 : 1;
}
