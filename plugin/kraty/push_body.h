/* SPDX-License-Identifier: Apache-2.0
 * The body of a push. A field that is not set is absent. */
#ifndef KLP_KRATY_PUSH_BODY_H
#define KLP_KRATY_PUSH_BODY_H

#include "kraty/lobby_pusher.h"
#include "json/write.h"

/* Writes {"key","externalPlayerIds","capacity"?,"fillBots"?,"metadata"?,"idempotencyKey"} of a lobby that was
 * checked. idempotency_key: what stands there (printable ASCII); a caller that will know it later gives that
 * many placeholder bytes. Returns the offset of the idempotency key's first byte. */
size_t push_body_write(struct json_writer *writer, const klp_lobby *lobby, klp_text idempotency_key);

#endif
