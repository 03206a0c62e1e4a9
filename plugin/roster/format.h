/* SPDX-License-Identifier: Apache-2.0
 * What the documents of each matchmaker look like: a table. */
#ifndef KLP_ROSTER_FORMAT_H
#define KLP_ROSTER_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "kraty/lobby_pusher.h"
#include "roster/refusal.h"
#include "json/read.h"

/* Paths are as in member.h and walk.h; NULL, or an array's end, where a format has none. */

/* Where player ids stand. Of what belongs to one player the paths start at an element of an array on the way to the id:
 * at level 1 of the first array, at level 2 of the second. */
struct format_players {
    const char *ids; /* open_match: of the objects from which klp_roster_options.player_id_path leads on */
    const char *team;
    unsigned team_level;
    unsigned attributes_level;
    const char *attributes[2]; /* objects */
};

struct format_metadata {
    const char *name;
    const char *path; /* of a text; what is none is left out */
    bool is_resource; /* an ARN, of which the last segment is the name */
};

struct format {
    const char *name;

    const char *envelopes[3]; /* the first that is an object is what all other paths start at, else the document is */
    bool is_wrapped;          /* it may be a text within another document, as a notification carries it */
    unsigned is_cut_at;       /* bytes at which somebody is known to cut its documents; 0: nobody is */
    const char *cut_by;       /* and who */
    const char *when_empty;   /* a hint, behind "the document is empty" */

    /* Whether it says for good who plays. False: refused. `envelope`: see above. */
    bool (*check)(const struct json_document *document, int envelope, struct roster_refusal *refusal);

    const char *key;         /* NULL: the property that klp_roster_options.key_annotation names */
    const char *without_key; /* a hint for when there is none */
    bool (*is_key)(klp_text key);
    const char *what_key_is;

    struct format_players players[2]; /* the first that is there and not empty */
    struct format_players team_lists; /* the teams' members, where the players do not say their team */
    bool has_player_id_path;
    const char *expected[2]; /* ids of more players, where there are any; the first player may be among them again */
    bool (*is_player)(klp_text id);
    const char *what_player_is;

    const char *capacities[2];   /* the first that is there; 0 is no limit */
    bool is_capacity_text;       /* may be: an int64 of proto is */
    const char *properties[2];   /* objects of what the match as a whole has */
    const char *fill_bots;       /* true or false */
    const char *event;           /* a text */
    const char *metadata_object; /* all of the metadata */
    struct format_metadata metadata[3];
};

/* NULL: none has that name. */
const struct format *format_named(klp_text name);

/* All names, with ", " between. */
const char *format_names(void);

#endif
