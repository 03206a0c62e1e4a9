/* SPDX-License-Identifier: Apache-2.0
 * 64-bit Steam ids, in decimal. */
#ifndef KLP_ROSTER_STEAM_ID_H
#define KLP_ROSTER_STEAM_ID_H

#include <stdbool.h>

#include "kraty/lobby_pusher.h"

/* As Steam writes one: digits, no zero before them, not above 2^64 - 1. Another spelling would be another player. */
bool steam_id_is(klp_text text);

/* A person's: not a lobby's, a game server's, a clan's. */
bool steam_id_is_individual(klp_text text);

#endif
