/* SPDX-License-Identifier: Apache-2.0
 * One API key, in a page that core dumps and children do not get. */
#ifndef KLP_PUSHER_API_KEY_H
#define KLP_PUSHER_API_KEY_H

#include <stdbool.h>

#include "kraty/lobby_pusher.h"

struct api_key;

/* From a text of the host's; `field` names it in `why`. */
klp_status api_key_of_text(klp_text text, const char *field, struct api_key **api_key, klp_text_buffer *why);

/* From a file's one line. */
klp_status api_key_of_file(const char *path, struct api_key **api_key, klp_text_buffer *why);

/* From the host's text, from a file, or from $KRATY_SERVER_KEY, in this order; `file` is NULL when there is none. */
klp_status api_key_open(klp_text given, const char *file, struct api_key **api_key, klp_text_buffer *why);

/* Overwrites and releases it; NULL is legal. */
void api_key_close(struct api_key *api_key);

bool api_key_is_equal(const struct api_key *a, const struct api_key *b);

/* "Authorization: Bearer …" */
const char *api_key_header(const struct api_key *api_key);
klp_text api_key_text(const struct api_key *api_key);

/* A key that attempts are using outlives its successor's coming: it is counted here how many do. */
unsigned *api_key_uses(struct api_key *api_key);
struct api_key **api_key_next(struct api_key *api_key); /* for a list of them */

#endif
