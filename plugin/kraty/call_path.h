/* SPDX-License-Identifier: Apache-2.0
 * The path of a call. */
#ifndef KLP_KRATY_CALL_PATH_H
#define KLP_KRATY_CALL_PATH_H

#include <stddef.h>

#include "kraty/lobby_pusher.h"

/* "/server/v1/players/42/grants" of {"players", "42", "grants"}, none of which has a path_segment_fault().
 * Bytes needed, without the NUL; written with it when they fit. */
size_t path_of_call(const klp_text *segments, size_t count, char *out, size_t capacity);

/* The same of a path that path_of_call() wrote, without what may be an id: the first segment stays, the others become
 * "{}", as in "/server/v1/players/{}/{}". */
size_t path_template_of_call(const char *path, size_t size, char *out, size_t capacity);

#endif
