/* SPDX-License-Identifier: Apache-2.0
 * Every value at a path, in the order of the document. */
#ifndef KLP_ROSTER_WALK_H
#define KLP_ROSTER_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "kraty/lobby_pusher.h"
#include "roster/refusal.h"
#include "json/read.h"

enum { WALK_MAX_LEVELS = 2, WALK_PLACE_BYTES = 128 };

struct walk {
    const struct json_document *document;
    struct roster_refusal *refusal;

    /* Told of each value. False ends the walk: the refusal says why. */
    bool (*visit)(struct walk *walk, int value);
    void *context;

    int elements[WALK_MAX_LEVELS + 1]; /* [0]: where it began; [1], [2]: the elements of arrays that it is in */
    unsigned level;
    size_t place_bytes;
    char place[WALK_PLACE_BYTES]; /* of the value, for a sentence: "teams[1].players[0].playerId" */
};

/* Walks from a value along names with dots between; a name that ends in "[]" stands for each element of that array.
 * What is missing, null, no object or no array on the way is refused with its place. */
bool walk_along(struct walk *walk, int from, const char *path);

/* The same along a path that a host wrote: names with dots between, and arrays on the way are walked wherever they
 * stand. It may continue another walk. */
bool walk_along_names(struct walk *walk, int from, klp_text path);

#endif
