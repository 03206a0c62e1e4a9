/* SPDX-License-Identifier: Apache-2.0
 * The API key, in a page that core dumps and children do not get. */
#ifndef KLP_PUSHER_API_KEY_H
#define KLP_PUSHER_API_KEY_H

#include "kraty/lobby_pusher.h"

struct api_key;

/* From the host's text, from a file's one line, or from $KRATY_SERVER_KEY, in this order. */
klp_status api_key_open(klp_text given, klp_text file, struct api_key **api_key, klp_text_buffer *why);

/* Overwrites and releases it; NULL is legal. */
void api_key_close(struct api_key *api_key);

/* "Authorization: Bearer …" */
const char *api_key_header(const struct api_key *api_key);
klp_text api_key_text(const struct api_key *api_key);

#endif
