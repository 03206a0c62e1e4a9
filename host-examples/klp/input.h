/* SPDX-License-Identifier: Apache-2.0
 * All of stdin, in bounded memory. */
#ifndef KLP_INPUT_H
#define KLP_INPUT_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

#define INPUT_MAX_BYTES ((size_t)1 << 20)

/* Reads to its end. False: stderr says why, and nothing is to be cleared. */
bool input_read(klp_text *input);
void input_clear(klp_text *input);

#endif
