/* SPDX-License-Identifier: Apache-2.0
 * Paths of the server surface, and their parameters as encodeURIComponent writes them. */
#ifndef KLP_KRATY_PATH_H
#define KLP_KRATY_PATH_H

#include <stddef.h>

/* Why a text cannot be a path parameter ("is empty", "is \".\", which would be a path step", …; static),
 * or NULL when it can. UTF-8 is checked by utf8_check(), not here. */
const char *path_segment_fault(const char *text, size_t size);

/* Bytes of the segment encoded; written to `out`, without a NUL, unless that is NULL. */
size_t path_encode_segment(const char *text, size_t size, char *out);

/* Paths, below the base URL. Bytes needed, without the NUL; written with it when they fit. */
size_t path_of_push(const char *game_id, size_t game_id_size, const char *event_key, size_t event_key_size, char *out,
                    size_t capacity);
size_t path_of_read(const char *game_id, size_t game_id_size, const char *lobby_id, size_t lobby_id_size, char *out,
                    size_t capacity);
/* No path is longer, without its NUL: two parameters of KLP_MAX_ID_BYTES, every byte encoded. */
#define PATH_MAX_BYTES (64u + 2u * 3u * 1024u)

#define PATH_OF_PING "/server/v1/ping"

#endif
