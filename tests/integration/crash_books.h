/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds what hosts were promised (their .said), what they were told (their .told, or a reader's file) and what a server
 * has against each other. What does not agree fails the running cmocka test; with cmocka.
 *
 *     struct crash_books *books = crash_books_new();
 *     crash_books_read_said(books, path);                   of every host, before
 *     crash_books_read_told(books, path);                   … what was told
 *     crash_books_close(books, sandbox);                    all of it agrees */
#ifndef CRASH_BOOKS_H
#define CRASH_BOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox_client.h"

struct crash_figures {
    size_t lives;
    size_t intents;
    size_t accepted; /* of them, and written down */
    size_t queued;   /* taken without being written down */
    size_t refused;
    size_t unanswered;
    size_t events;    /* each counted once … */
    size_t repeats;   /* … and how often one was told again */
    size_t recovered; /* of the events */
    size_t lobbies;
};

struct crash_books;

struct crash_books *crash_books_new(void);
void crash_books_free(struct crash_books *books);

void crash_books_read_said(struct crash_books *books, const char *path);
void crash_books_read_told(struct crash_books *books, const char *path);

/* Pushes that were accepted, or else lobbies that are there, of which no event was read yet. */
size_t crash_books_untold(const struct crash_books *books, struct sandbox_client *sandbox);

/* Everything is there that was accepted, exactly once and with the right players, and was told to be; nothing else is
 * there; and no verdict says otherwise. */
void crash_books_close(struct crash_books *books, struct sandbox_client *sandbox);

const struct crash_figures *crash_books_figures(const struct crash_books *books);

#endif
