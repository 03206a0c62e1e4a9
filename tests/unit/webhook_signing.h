/* SPDX-License-Identifier: Apache-2.0
 * Signs webhooks by OpenSSL's one-shot HMAC, and asks what becomes of them. Include behind cmocka.h. */
#ifndef KLP_TESTS_WEBHOOK_SIGNING_H
#define KLP_TESTS_WEBHOOK_SIGNING_H

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kraty/webhook.h"

#define NOW         INT64_C(1780920000)
#define NOW_TEXT    "1780920000"
#define TOLERANCE_S 300
#define TAG_BYTES   32
#define HEX_BYTES   64
#define BODY        "{\"id\":\"evt_1\",\"eventName\":\"lobby.started\"}"
#define SECRET      "whsec_test_12345"

static inline void make_tag(unsigned char tag[TAG_BYTES], klp_text secret, klp_text time, klp_text body)
{
    unsigned size = 0;
    size_t total = time.size + 1 + body.size;
    char *message = malloc(total);
    assert_non_null(message);
    if (time.size)
        memcpy(message, time.data, time.size);
    message[time.size] = '.';
    if (body.size)
        memcpy(message + time.size + 1, body.data, body.size);
    assert_non_null(
        HMAC(EVP_sha256(), secret.data, (int)secret.size, (const unsigned char *)message, total, tag, &size));
    assert_int_equal(size, TAG_BYTES);
    free(message);
}

/* 64 hex digits and a NUL. */
static inline void sign_time(char hex[HEX_BYTES + 1], klp_text secret, klp_text time, klp_text body)
{
    unsigned char tag[TAG_BYTES];
    make_tag(tag, secret, time, body);
    for (size_t i = 0; i < TAG_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", tag[i]);
}

/* For BODY, now. */
static inline void sign(char hex[HEX_BYTES + 1], const char *secret)
{
    sign_time(hex, klp_cstr(secret), klp_cstr(NOW_TEXT), klp_cstr(BODY));
}

static inline enum webhook_result verify(klp_text header, klp_text secret, klp_text body)
{
    struct webhook webhook = {header, &secret, 1, body, TOLERANCE_S, NOW};
    return webhook_verify(&webhook);
}

/* SECRET and BODY; a %s in the header is the right v1. */
__attribute__((format(printf, 1, 0))) static inline enum webhook_result result_of(const char *format)
{
    char hex[HEX_BYTES + 1];
    char header[8192];
    sign(hex, SECRET);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    assert_in_range(snprintf(header, sizeof header, format, hex), 0, sizeof header - 1);
#pragma GCC diagnostic pop
    return verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY));
}

/* A header that names this time and is rightly signed for it. */
static inline enum webhook_result result_at(klp_text time, int64_t now_unix_s, uint32_t tolerance_s)
{
    klp_text secret = klp_cstr(SECRET);
    char hex[HEX_BYTES + 1];
    char header[1024];
    sign_time(hex, secret, time, klp_cstr(BODY));
    assert_true(time.size < 512);
    memcpy(header, "t=", 2);
    memcpy(header + 2, time.data, time.size);
    int size = snprintf(header + 2 + time.size, sizeof header - 2 - time.size, ",v1=%s", hex);
    struct webhook webhook = {
        {header, 2 + time.size + (size_t)size}, &secret, 1, klp_cstr(BODY), tolerance_s, now_unix_s};
    return webhook_verify(&webhook);
}

#endif
