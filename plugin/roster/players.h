/* SPDX-License-Identifier: Apache-2.0
 * Who plays, as tokens of a document. */
#ifndef KLP_ROSTER_PLAYERS_H
#define KLP_ROSTER_PLAYERS_H

#include <stdbool.h>
#include <stddef.h>

#include "roster/document.h"
#include "roster/walk.h"

struct player {
    int id;    /* a text that can be pushed */
    int team;  /* a text; JSON_NONE: not known */
    int owner; /* of the attributes */
};

struct players {
    struct player *items; /* in the order of the document, at most KLP_MAX_PLAYERS */
    size_t count;
    size_t room;
    size_t expected_from;                /* from here on they are those who were expected */
    size_t id_bytes;                     /* decoded, with a NUL each */
    const struct format_players *source; /* that they came of */
};

/* The team found last, and what it is the team of. Players of one stand in a row: so it is searched once for all of
 * them, however many there are and however large what it is searched in. */
struct team_finder {
    int element;
    int team;
};

#define TEAM_FINDER_INIT ((struct team_finder){JSON_NONE, JSON_NONE})

/* The team of the player that the walk is at; JSON_NONE: it is not said. */
int players_team(struct team_finder *finder, const struct format_players *source, const struct walk *walk);

/* A text of the document that is pushed as an id: a string, not empty, not too long, no NUL. False: refused; `place`
 * names it. *bytes: decoded, without a NUL. */
bool players_check_id(const struct json_document *json, int value, const char *place, char out[KLP_MAX_ID_BYTES + 1],
                      size_t *bytes, struct roster_refusal *refusal);

/* Whether something stands at the start of a path, up to its first array: not null, and no empty one. */
bool players_are_there(const struct document *document, const char *path);

/* True: players_free() releases it. False: refused, nothing to release. At least one is there; some may be twice. */
bool players_find(const struct format *format, const struct document *document, klp_text player_id_path,
                  struct players *players, struct roster_refusal *refusal);
void players_free(struct players *players);

#endif
