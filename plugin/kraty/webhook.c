/* SPDX-License-Identifier: Apache-2.0 */
#include "kraty/webhook.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define MAX_HEADER_BYTES 4096
#define MAX_CANDIDATES   16
#define MAX_AHEAD_S      60
#define TAG_BYTES        32 /* of SHA-256 */

/* ─── The header ─────────────────────────────────────────────────────────────────────────────────── */

struct header {
    klp_text timestamp; /* as it stands there: that is what was signed, leading zeros and all */
    int64_t unix_s;
    unsigned char candidates[MAX_CANDIDATES][TAG_BYTES];
    size_t candidate_count;
};

static bool is_blank(char character)
{
    return character == ' ' || character == '\t';
}

static klp_text trimmed(klp_text text)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    while (text.size > 0 && is_blank(*text.data)) {
        text.data++;
        text.size--;
    }
    return text;
}

/* What stands before the next comma; *rest goes on behind it. */
static klp_text take_part(klp_text *rest)
{
    const char *comma = memchr(rest->data, ',', rest->size);
    klp_text part = {rest->data, comma ? (size_t)(comma - rest->data) : rest->size};
    size_t taken = comma ? part.size + 1 : part.size;
    rest->data += taken;
    rest->size -= taken;
    return trimmed(part);
}

static bool has_name(klp_text part, const char *name, klp_text *value)
{
    size_t size = strlen(name);
    if (part.size < size || memcmp(part.data, name, size) != 0)
        return false;
    *value = (klp_text){part.data + size, part.size - size};
    return true;
}

static bool read_unix_s(klp_text digits, int64_t *unix_s)
{
    *unix_s = 0;
    for (size_t i = 0; i < digits.size; i++) {
        int digit = digits.data[i] - '0';
        if (digit < 0 || digit > 9 || *unix_s > (INT64_MAX - digit) / 10)
            return false;
        *unix_s = *unix_s * 10 + digit;
    }
    return digits.size > 0;
}

/* 0…15; -1 when it is no hex digit. */
static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

static bool read_tag(klp_text hex, unsigned char tag[TAG_BYTES])
{
    if (hex.size != 2 * TAG_BYTES)
        return false;
    for (size_t i = 0; i < TAG_BYTES; i++) {
        int high = hex_digit(hex.data[2 * i]);
        int low = hex_digit(hex.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        tag[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static bool read_header(klp_text text, struct header *header)
{
    bool has_time = false;

    header->candidate_count = 0;
    if (text.size > MAX_HEADER_BYTES)
        return false;
    while (text.size > 0) {
        klp_text part = take_part(&text);
        klp_text value;
        if (has_name(part, "t=", &value)) {
            /* A second one leaves open which is signed and which is recent, and each reader of this header would
             * decide for itself: an old webhook with a new t beside would be new to some. */
            if (has_time || !read_unix_s(value, &header->unix_s))
                return false;
            header->timestamp = value;
            has_time = true;
        } else if (has_name(part, "v1=", &value) && header->candidate_count < MAX_CANDIDATES) {
            /* one that is no tag is left out: it may be of a kind to come, and it proves nothing */
            header->candidate_count += read_tag(value, header->candidates[header->candidate_count]);
        }
    }
    return has_time && header->candidate_count > 0;
}

/* ─── The signature ──────────────────────────────────────────────────────────────────────────────── */

/* Fetched by whoever comes first and kept for the rest of the process. Not a pthread_once: a fetch that failed for
 * lack of memory is tried again by the next webhook. */
static EVP_MAC *hmac(void)
{
    static _Atomic(EVP_MAC *) kept;

    EVP_MAC *mac = atomic_load_explicit(&kept, memory_order_acquire);
    if (mac)
        return mac;
    mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC *earlier = NULL;
    if (mac && !atomic_compare_exchange_strong(&kept, &earlier, mac)) {
        EVP_MAC_free(mac);
        return earlier;
    }
    return mac;
}

/* The tag that stands in a header when it is signed with this secret. */
static bool make_tag(EVP_MAC_CTX *context, klp_text secret, klp_text timestamp, klp_text body,
                     unsigned char tag[TAG_BYTES])
{
    char digest[] = OSSL_DIGEST_NAME_SHA2_256;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t size;

    return EVP_MAC_init(context, (const unsigned char *)secret.data, secret.size, parameters) &&
           EVP_MAC_update(context, (const unsigned char *)timestamp.data, timestamp.size) &&
           EVP_MAC_update(context, (const unsigned char *)".", 1) &&
           EVP_MAC_update(context, (const unsigned char *)body.data, body.size) &&
           EVP_MAC_final(context, tag, &size, TAG_BYTES) && size == TAG_BYTES;
}

/* Whether any secret gives any candidate. Goes through all of both, also past a match: the time it takes tells how many
 * there are, and not which of them it was. */
static bool try_secrets(EVP_MAC_CTX *context, const struct webhook *webhook, const struct header *header,
                        bool *is_right)
{
    bool is_made = true;
    unsigned char tag[TAG_BYTES];

    *is_right = false;
    for (size_t i = 0; is_made && i < webhook->secret_count; i++) {
        if (webhook->secrets[i].size == 0)
            continue; /* everybody knows it */
        is_made = make_tag(context, webhook->secrets[i], header->timestamp, webhook->body, tag);
        for (size_t j = 0; is_made && j < header->candidate_count; j++)
            *is_right |= CRYPTO_memcmp(tag, header->candidates[j], TAG_BYTES) == 0;
    }
    /* Whoever reads it from the stack could send a webhook of their own with it. The secrets were never copied by us,
     * and OpenSSL cleanses its copies with the context. */
    OPENSSL_cleanse(tag, sizeof tag);
    return is_made;
}

static enum webhook_result check_signature(const struct webhook *webhook, const struct header *header)
{
    enum webhook_result result = WEBHOOK_NO_MEMORY;
    bool is_right;

    /* In case nobody used OpenSSL yet, before anything else does: as the pusher needs it, which may be opened later. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    /* The errors of this thread are the host's: what we left there its next SSL_get_error() would take for its own. */
    ERR_set_mark();
    EVP_MAC *mac = hmac();
    EVP_MAC_CTX *context = mac ? EVP_MAC_CTX_new(mac) : NULL;
    if (context && try_secrets(context, webhook, header, &is_right))
        result = is_right ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG;
    EVP_MAC_CTX_free(context);
    ERR_pop_to_mark();
    return result;
}

/* ─── The time ───────────────────────────────────────────────────────────────────────────────────── */

/* From one time to a later one; unsigned, as the two may be further apart than an int64_t reaches. */
static uint64_t seconds_between(int64_t from_unix_s, int64_t to_unix_s)
{
    return (uint64_t)to_unix_s - (uint64_t)from_unix_s;
}

static enum webhook_result check_time(int64_t unix_s, int64_t now_unix_s, uint32_t tolerance_s)
{
    if (unix_s > now_unix_s)
        return seconds_between(now_unix_s, unix_s) > MAX_AHEAD_S ? WEBHOOK_TOO_NEW : WEBHOOK_VALID;
    return seconds_between(unix_s, now_unix_s) > tolerance_s ? WEBHOOK_TOO_OLD : WEBHOOK_VALID;
}

/* ─── All of it ──────────────────────────────────────────────────────────────────────────────────── */

enum webhook_result webhook_verify(const struct webhook *webhook)
{
    struct header header;
    if (!read_header(webhook->signature, &header))
        return WEBHOOK_HEADER_MALFORMED;
    enum webhook_result result = check_signature(webhook, &header);
    if (result)
        return result;
    return check_time(header.unix_s, webhook->now_unix_s, webhook->tolerance_s);
}

const char *webhook_result_text(enum webhook_result result)
{
    switch (result) {
    case WEBHOOK_VALID:
        return "the signature is right and recent";
    case WEBHOOK_HEADER_MALFORMED:
        return "X-Signature is not `t=<unix seconds>,v1=<64 hex digits>`";
    case WEBHOOK_TOO_OLD:
        return "the signature is right, but t is longer ago than the tolerance: a replay, or a clock that is off";
    case WEBHOOK_TOO_NEW:
        return "the signature is right, but t is more than 60 s in the future: a clock is off";
    case WEBHOOK_SIGNATURE_WRONG:
        return "no secret gives this signature: another secret, a body that is not the raw one, or not from Kraty";
    case WEBHOOK_NO_MEMORY:
        return "OpenSSL could not compute a signature, most likely for lack of memory";
    }
    return "unknown webhook_result";
}
