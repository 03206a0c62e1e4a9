/* SPDX-License-Identifier: Apache-2.0
 *
 * A webhook of Photon's, from its path and body to what it says of a room, and to what Photon wants to hear.
 *
 * Of Realtime (and PUN) the body says what it is, and the path is what the studio configured: here the names of
 * Photon's own preset. Of Quantum and Fusion the path says what it is; with their PlayFab integration its slashes are
 * underscores. */
#ifndef WEBHOOK_H
#define WEBHOOK_H

#include <jansson.h>

#include "rooms.h"

#define WEBHOOK_WHY_BYTES 512

struct webhook_path;

/* NULL: none of Photon's. */
const struct webhook_path *webhook_path(const char *path);

struct webhook {
    bool is_of_a_room; /* else there is nothing in it but to be answered */
    struct room_hook hook;
    const char *answer; /* with status 200 */

    /* What `hook` points into. */
    json_t *document;
    klp_roster *roster;
};

/* Returns the HTTP status to answer with: 200, or why not, with a sentence that names the field. Nothing of the body's
 * cookies or properties is in it. In either case *webhook is to be cleared. */
unsigned webhook_read(const klp_api *klp, const struct webhook_path *path, const char *body, size_t body_bytes,
                      struct webhook *webhook, char why[WEBHOOK_WHY_BYTES]);
void webhook_clear(const klp_api *klp, struct webhook *webhook);

#endif
