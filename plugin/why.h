/* SPDX-License-Identifier: Apache-2.0
 * The sentence that goes with a failed call. */
#ifndef KLP_WHY_H
#define KLP_WHY_H

#include "kraty/lobby_pusher.h"

/* Leaves an empty sentence, as every call does that succeeds. */
void why_clear(klp_text_buffer *why);

/* Says why and returns `status`, so that a check reads `return why_say(why, KLP_E_…, "…");`. */
klp_status why_say(klp_text_buffer *why, klp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
