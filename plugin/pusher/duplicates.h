/* SPDX-License-Identifier: Apache-2.0
 * Finds a text that stands twice. */
#ifndef KLP_PUSHER_DUPLICATES_H
#define KLP_PUSHER_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* Bytes of scratch memory, aligned as uint32_t, that `count` texts need; 0 for a few. */
size_t duplicates_scratch_bytes(size_t count);

/* Whether two texts are the same; *first < *second are then their indices. `secret` keys the hash, so that nobody can
 * choose ids that collide. */
bool duplicates_find(const klp_text *texts, size_t count, const uint64_t secret[2], void *scratch, size_t *first,
                     size_t *second);

#endif
