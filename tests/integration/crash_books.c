/* SPDX-License-Identifier: Apache-2.0 */
#include "crash_books.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "programs/crash_rosters.h"

enum { NAME_BYTES = 192 };

struct crash_books {
    json_t *pushes;  /* by cookie: key, state ("intent", "accepted", …), ticket, outcome */
    json_t *events;  /* by "pusher epoch seq": the line as it was first told */
    json_t *tickets; /* by "pusher epoch ticket": the seq of its verdict */
    json_t *rosters; /* by key: the cookies that it was pushed under */
    struct crash_figures figures;
};

struct crash_books *crash_books_new(void)
{
    struct crash_books *books = calloc(1, sizeof *books);

    assert_non_null(books);
    books->pushes = json_object();
    books->events = json_object();
    books->tickets = json_object();
    books->rosters = json_object();
    return books;
}

void crash_books_free(struct crash_books *books)
{
    json_decref(books->pushes);
    json_decref(books->events);
    json_decref(books->tickets);
    json_decref(books->rosters);
    free(books);
}

const struct crash_figures *crash_books_figures(const struct crash_books *books)
{
    return &books->figures;
}

/* Every whole line, without its end. */
static void each_line(struct crash_books *books, const char *path, void (*each)(struct crash_books *, char *, void *),
                      void *user)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t size;

    if (!file)
        return; /* it was killed before it said anything */
    while ((size = getline(&line, &room, file)) > 0 && line[size - 1] == '\n') {
        line[size - 1] = '\0';
        each(books, line, user);
    }
    free(line);
    fclose(file);
}

static json_t *push_of(const struct crash_books *books, const char *cookie)
{
    json_t *push = json_object_get(books->pushes, cookie);
    if (!push)
        fail_msg("nobody has pushed %s", cookie);
    return push;
}

static bool is_in_state(const json_t *push, const char *state)
{
    return strcmp(json_string_value(json_object_get(push, "state")), state) == 0;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

/* ---- what hosts were promised ---- */

static void note_intent(struct crash_books *books, const char *cookie, const char *key)
{
    json_t *cookies = json_object_get(books->rosters, key);

    if (json_object_get(books->pushes, cookie))
        fail_msg("the host has used %s twice", cookie);
    json_object_set_new(books->pushes, cookie, json_pack("{s:s, s:s}", "state", "intent", "key", key));
    if (!cookies) {
        cookies = json_array();
        json_object_set_new(books->rosters, key, cookies);
    }
    json_array_append_new(cookies, json_string(cookie));
    books->figures.intents++;
}

static void note_said(struct crash_books *books, char *line, void *user)
{
    char word[16], cookie[32], rest[64];
    (void)user;

    int count = sscanf(line, "%15s %31s %63s", word, cookie, rest);
    if (count >= 2 && strcmp(word, "life") == 0) {
        books->figures.lives++;
        return;
    }
    assert_int_equal(count, 3);
    if (strcmp(word, "intent") == 0) {
        note_intent(books, cookie, rest);
        return;
    }
    json_t *push = push_of(books, cookie);
    assert_true(is_in_state(push, "intent"));
    json_object_set_new(push, "state", json_string(word));
    if (strcmp(word, "refused") == 0) {
        books->figures.refused++;
        return;
    }
    json_object_set_new(push, "ticket", json_string(rest));
    if (strcmp(word, "accepted") == 0)
        books->figures.accepted++;
    else
        books->figures.queued++;
}

void crash_books_read_said(struct crash_books *books, const char *path)
{
    each_line(books, path, note_said, NULL);
}

/* ---- what they were told ---- */

/* The verdict is of a push that was made, and says of it what is so. */
static void match_push(struct crash_books *books, json_t *event, const char *line)
{
    const char *cookie = text_of(event, "cookie");
    json_t *push = push_of(books, cookie);
    char ticket[32], name[CRASH_TEXT_BYTES];

    snprintf(ticket, sizeof ticket, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(event, "ticket")));
    crash_name(crash_host_of(strtoull(cookie, NULL, 10)), name);
    if (strcmp(text_of(event, "key"), text_of(push, "key")) != 0 || strcmp(text_of(event, "pusher"), name) != 0)
        fail_msg("the key or the pusher is not that of the push %s: %s", cookie, line);
    if (is_in_state(push, "refused"))
        fail_msg("it was refused, and yet has a verdict: %s", line);
    if (json_object_get(push, "ticket") && strcmp(text_of(push, "ticket"), ticket) != 0)
        fail_msg("the push %s was given the ticket %s: %s", cookie, text_of(push, "ticket"), line);
    if (json_object_get(push, "outcome"))
        fail_msg("the push %s has another verdict already: %s", cookie, line);
    json_object_set(push, "outcome", json_object_get(event, "outcome"));
}

/* A ticket has one verdict, and names one push. */
static void match_ticket(struct crash_books *books, const char *owner, json_t *event, const char *line)
{
    char name[NAME_BYTES];

    snprintf(name, sizeof name, "%s %" JSON_INTEGER_FORMAT, owner,
             json_integer_value(json_object_get(event, "ticket")));
    if (json_object_get(books->tickets, name))
        fail_msg("the ticket of %s has another verdict already: %s", name, line);
    json_object_set(books->tickets, name, json_object_get(event, "seq"));
}

/* `user`: the highest seq that was told in this file, by "pusher epoch". */
static void note_told(struct crash_books *books, char *line, void *user)
{
    json_t *event = json_loads(line, JSON_REJECT_DUPLICATES, NULL), *highest = user;
    char owner[NAME_BYTES - 32], name[NAME_BYTES];

    if (!event)
        fail_msg("no event: %s", line);
    json_int_t seq = json_integer_value(json_object_get(event, "seq"));
    snprintf(owner, sizeof owner, "%s %s", text_of(event, "pusher"), text_of(event, "epoch"));
    snprintf(name, sizeof name, "%s %" JSON_INTEGER_FORMAT, owner, seq);
    const char *known = json_string_value(json_object_get(books->events, name));
    if (known) {
        books->figures.repeats++;
        if (strcmp(known, line) != 0)
            fail_msg("an event that was told again has changed\nfrom %s\nto   %s", known, line);
    } else {
        json_object_set_new(books->events, name, json_string(line));
        books->figures.events++;
        books->figures.recovered += json_is_true(json_object_get(event, "recovered"));
        if (seq <= json_integer_value(json_object_get(highest, owner)))
            fail_msg("the seq of %s went back from %" JSON_INTEGER_FORMAT ": %s", owner,
                     json_integer_value(json_object_get(highest, owner)), line);
        match_ticket(books, owner, event, line);
        match_push(books, event, line);
    }
    if (seq > json_integer_value(json_object_get(highest, owner)))
        json_object_set_new(highest, owner, json_integer(seq));
    json_decref(event);
}

void crash_books_read_told(struct crash_books *books, const char *path)
{
    json_t *highest = json_object();

    each_line(books, path, note_told, highest);
    json_decref(highest);
}

/* ---- what the server has ---- */

static void assert_players(json_t *lobby, const char *key)
{
    json_t *players = json_object_get(lobby, "players");
    char player[CRASH_TEXT_BYTES];

    assert_int_equal(json_array_size(players), crash_player_count(key));
    for (size_t i = 0; i < json_array_size(players); i++) {
        crash_player(key, i, player);
        assert_string_equal(json_string_value(json_array_get(players, i)), player);
    }
}

/* Pushes of this key with the outcome, or of which something was kept when `outcome` is NULL. */
static size_t count_pushes(const struct crash_books *books, const char *key, const char *outcome)
{
    json_t *cookies = json_object_get(books->rosters, key), *cookie;
    size_t count = 0, i;

    json_array_foreach(cookies, i, cookie)
    {
        json_t *push = push_of(books, json_string_value(cookie));
        count += outcome ? strcmp(text_of(push, "outcome"), outcome) == 0 : !is_in_state(push, "refused");
    }
    return count;
}

static bool is_told(const struct crash_books *books, const char *key)
{
    return count_pushes(books, key, "applied") + count_pushes(books, key, "possibly_applied") > 0;
}

size_t crash_books_untold(const struct crash_books *books, struct sandbox_client *sandbox)
{
    const char *cookie;
    json_t *push;
    size_t untold = 0, i;

    json_object_foreach(books->pushes, cookie, push)
    {
        untold += is_in_state(push, "accepted") && !json_object_get(push, "outcome");
    }
    if (untold > 0)
        return untold;

    json_t *lobbies = sandbox_lobbies(sandbox), *lobby;
    json_array_foreach(lobbies, i, lobby)
    {
        untold += !is_told(books, text_of(lobby, "key"));
    }
    json_decref(lobbies);
    return untold;
}

/* By key; a new reference. */
static json_t *check_lobbies(const struct crash_books *books, struct sandbox_client *sandbox)
{
    json_t *lobbies = sandbox_lobbies(sandbox), *by_key = json_object(), *lobby;
    size_t i;

    json_array_foreach(lobbies, i, lobby)
    {
        const char *key = text_of(lobby, "key");
        size_t pushes = count_pushes(books, key, NULL);
        if (pushes == 0)
            fail_msg("%s is there, and nobody has pushed it", key);
        if (json_object_get(by_key, key))
            fail_msg("%s is there twice", key);
        assert_players(lobby, key);
        /* what survives a process survives with its idempotency key */
        if (json_array_size(json_object_get(lobby, "idempotencyKeys")) > pushes)
            fail_msg("%s was pushed %zu times, under %zu idempotency keys", key, pushes,
                     json_array_size(json_object_get(lobby, "idempotencyKeys")));
        if (!is_told(books, key))
            fail_msg("%s is there, and nobody was told", key);
        json_object_set(by_key, key, lobby);
    }
    json_decref(lobbies);
    return by_key;
}

static void check_verdict(const json_t *lobbies, const char *cookie, const json_t *push)
{
    const char *key = text_of(push, "key"), *outcome = text_of(push, "outcome");
    bool is_there = json_object_get(lobbies, key) != NULL;

    if (is_in_state(push, "accepted") && !*outcome)
        fail_msg("the push %s of %s was accepted, and has no verdict; it is %s", cookie, key,
                 is_there ? "there" : "not there");
    if (is_in_state(push, "accepted") && strcmp(outcome, "applied") != 0)
        fail_msg("the push %s of %s was accepted, and ended %s", cookie, key, outcome);
    if (strcmp(outcome, "applied") == 0 && !is_there)
        fail_msg("the push %s of %s is applied, says its verdict, and is not there", cookie, key);
}

void crash_books_close(struct crash_books *books, struct sandbox_client *sandbox)
{
    json_t *lobbies = check_lobbies(books, sandbox), *push, *cookies;
    const char *cookie, *key;

    json_object_foreach(books->pushes, cookie, push)
    {
        check_verdict(lobbies, cookie, push);
        books->figures.unanswered += is_in_state(push, "intent");
    }
    json_object_foreach(books->rosters, key, cookies)
    {
        size_t kept = count_pushes(books, key, NULL);
        if (json_object_get(lobbies, key) && kept == count_pushes(books, key, "not_applied"))
            fail_msg("%s is there, and says to be not applied", key);
    }
    books->figures.lobbies = json_object_size(lobbies);
    assert_int_equal(sandbox_stat(sandbox, "conflicts"), 0);
    assert_int_equal(sandbox_stat(sandbox, "pushes_applied"), books->figures.lobbies);
    json_decref(lobbies);
}
