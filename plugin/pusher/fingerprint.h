/* SPDX-License-Identifier: Apache-2.0
 * By what two bodies are the same: SHA-256 of a body without its idempotency key. */
#ifndef KLP_PUSHER_FINGERPRINT_H
#define KLP_PUSHER_FINGERPRINT_H

#include <stdint.h>

#include "kraty/lobby_pusher.h"

/* The key stands within the body. All zeros: there was no memory for it. */
void fingerprint_of_body(klp_text body, uint32_t key_offset, uint32_t key_bytes, unsigned char fingerprint[32]);

#endif
