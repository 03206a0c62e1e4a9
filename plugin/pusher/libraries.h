/* SPDX-License-Identifier: Apache-2.0
 * The libraries we stand on, as they are in the host's process. */
#ifndef KLP_PUSHER_LIBRARIES_H
#define KLP_PUSHER_LIBRARIES_H

#include "kraty/lobby_pusher.h"

/* Checks that the symbols we call are the libraries' own, and initialises these. Once per process; later calls give
 * the first one's answer. KLP_OK, KLP_E_LIBRARY or KLP_E_SYSTEM. */
klp_status libraries_init(klp_text_buffer *why);

#endif
