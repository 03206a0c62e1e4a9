/* SPDX-License-Identifier: Apache-2.0
 * The X-Signature header of a webhook: `t=<unix seconds>,v1=<hex>`, HMAC-SHA256 over "<t>." and the raw body. */
#ifndef KLP_KRATY_WEBHOOK_H
#define KLP_KRATY_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"

enum webhook_result {
    WEBHOOK_VALID = 0,
    WEBHOOK_HEADER_MALFORMED, /* absent or too long; not one t of digits alone; no v1 of 64 hex digits */
    WEBHOOK_TOO_OLD,          /* signed with one of the secrets, but too long ago: a replay, or a clock off */
    WEBHOOK_TOO_NEW,          /* signed with one of the secrets, but more than 60 s ahead */
    WEBHOOK_SIGNATURE_WRONG,  /* no secret gives any of the v1 */
    WEBHOOK_NO_MEMORY         /* OpenSSL refused: nothing is known of the webhook */
};

struct webhook {
    klp_text signature;      /* the header's value */
    const klp_text *secrets; /* any may match: one is being replaced by another. An empty one matches nothing */
    size_t secret_count;
    klp_text body;        /* as received, before anything parsed it; any bytes */
    uint32_t tolerance_s; /* how old it may be; exactly so old is still valid */
    int64_t now_unix_s;
};

/* Whether the platform sent this body, and lately. Copies nothing of the body, keeps nothing.
 *
 * A header that several v1 stand in is valid when any of them is right; of more than 16 the rest is ignored. How long
 * it takes does not tell which secret or which v1 was right, nor how much of a wrong one. Old and new are told of a
 * right signature only: what nobody signed is just wrong.
 * [any-thread] */
enum webhook_result webhook_verify(const struct webhook *webhook);

/* A sentence for whoever has to find out why. Never NULL, never freed, holds nothing of a webhook. */
const char *webhook_result_text(enum webhook_result result);

#endif
