/* SPDX-License-Identifier: Apache-2.0
 * What a webhook is judged by once its header is read: secret, body and time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "random.h"
#include "webhook_signing.h"

/* ─── The signature ──────────────────────────────────────────────────────────────────────────────── */

static void any_of_several_secrets_may_be_right(void **state)
{
    (void)state;
    static const klp_text secrets[] = {KLP_LIT("old"), KLP_LIT(""), KLP_LIT("new"), KLP_LIT("newer"), KLP_LIT("a")};
    char hex[HEX_BYTES + 1];
    char header[128];
    for (size_t i = 0; i < 5; i++) {
        sign(hex, secrets[i].data);
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        for (size_t count = 0; count <= 5; count++) {
            bool is_known = i < count && secrets[i].size > 0;
            struct webhook webhook = {klp_cstr(header), secrets, count, klp_cstr(BODY), TOLERANCE_S, NOW};
            assert_int_equal(webhook_verify(&webhook), is_known ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG);
        }
    }
}

static void an_empty_secret_signs_nothing(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    sign(hex, "");
    snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    const klp_text empty[] = {KLP_TEXT_NONE, KLP_LIT(""), {SECRET, 0}};
    struct webhook webhook = {klp_cstr(header), empty, 3, klp_cstr(BODY), TOLERANCE_S, NOW};
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);

    /* nor does it stand for the one before it */
    const klp_text after_another[] = {KLP_LIT("other"), KLP_TEXT_NONE};
    webhook.secrets = after_another;
    webhook.secret_count = 2;
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);
    webhook.secrets = NULL;
    webhook.secret_count = 0;
    assert_int_equal(webhook_verify(&webhook), WEBHOOK_SIGNATURE_WRONG);
}

static void secrets_of_any_bytes_and_size_are_whole(void **state)
{
    (void)state;
    char secret[300];
    char hex[HEX_BYTES + 1];
    char header[128];
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (char)(i % 7 * 41);                   /* NUL bytes among them */
    for (size_t size = 2; size < sizeof secret; size++) { /* 64 bytes are a block of SHA-256 */
        sign_time(hex, (klp_text){secret, size}, klp_cstr(NOW_TEXT), klp_cstr(BODY));
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        assert_int_equal(verify(klp_cstr(header), (klp_text){secret, size}, klp_cstr(BODY)), WEBHOOK_VALID);
        klp_text shorter = {secret, size - 1};
        /* HMAC itself fills a short secret up with NUL bytes */
        if (secret[size - 1] != 0 || size > 64)
            assert_int_equal(verify(klp_cstr(header), shorter, klp_cstr(BODY)), WEBHOOK_SIGNATURE_WRONG);
    }
}

static void a_body_is_any_bytes_and_all_of_them(void **state)
{
    (void)state;
    enum { BODY_BYTES = 1 << 20 };
    char *body = malloc(BODY_BYTES);
    assert_non_null(body);
    char hex[HEX_BYTES + 1];
    char header[128];
    klp_text secret = klp_cstr(SECRET);
    struct random random = {7};
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)random_below(&random, 256);
    body[0] = body[1000] = body[BODY_BYTES - 1] = 0;
    static const size_t sizes[] = {0, 1, 2, 52, 53, 54, 63, 64, 65, 1001, 4096, BODY_BYTES - 1, BODY_BYTES};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        klp_text whole = {body, sizes[i]};
        sign_time(hex, secret, klp_cstr(NOW_TEXT), whole);
        snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_VALID);
        if (sizes[i] == 0) {
            assert_int_equal(verify(klp_cstr(header), secret, (klp_text)KLP_TEXT_NONE), WEBHOOK_VALID);
            continue;
        }
        klp_text shorter = {body, sizes[i] - 1};
        assert_int_equal(verify(klp_cstr(header), secret, shorter), WEBHOOK_SIGNATURE_WRONG);
        body[sizes[i] - 1] ^= 1;
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_SIGNATURE_WRONG);
        body[sizes[i] - 1] ^= 1;
        body[0] ^= 1;
        assert_int_equal(verify(klp_cstr(header), secret, whole), WEBHOOK_SIGNATURE_WRONG);
        body[0] ^= 1;
    }
    free(body);
}

/* "17.80…" signed as t=17 and a body "80…" is no other time and body. */
static void a_time_and_a_body_cannot_be_split_elsewhere(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    klp_text secret = klp_cstr(SECRET);
    sign_time(hex, secret, klp_cstr(NOW_TEXT), klp_cstr("5.x"));
    snprintf(header, sizeof header, "t=" NOW_TEXT ".5,v1=%s", hex);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr("x")), WEBHOOK_HEADER_MALFORMED);
    snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr("5.x")), WEBHOOK_VALID);
    assert_int_equal(verify(klp_cstr(header), secret, klp_cstr(".5.x")), WEBHOOK_SIGNATURE_WRONG);
}

static bool is_hex_letter(char character)
{
    return ((character | 0x20) >= 'a') && ((character | 0x20) <= 'f');
}

static void one_changed_bit_is_refused(void **state)
{
    (void)state;
    struct random random = {2026};
    for (unsigned round = 0; round < 12; round++) {
        char secret_bytes[48], body_bytes[160], header_bytes[128], hex[HEX_BYTES + 1];
        klp_text secret = {secret_bytes, 16 + random_below(&random, 33)};
        klp_text body = {body_bytes, 1 + random_below(&random, 160)};
        for (size_t i = 0; i < secret.size; i++)
            secret_bytes[i] = (char)('!' + random_below(&random, 94));
        for (size_t i = 0; i < body.size; i++)
            body_bytes[i] = (char)random_below(&random, 256);
        sign_time(hex, secret, klp_cstr(NOW_TEXT), body);
        if (round % 2)
            for (char *digit = hex; *digit; digit++)
                *digit = (char)(*digit >= 'a' ? *digit - 0x20 : *digit);
        int size = snprintf(header_bytes, sizeof header_bytes, "t=" NOW_TEXT ",v1=%s", hex);
        klp_text header = {header_bytes, (size_t)size};
        assert_int_equal(verify(header, secret, body), WEBHOOK_VALID);

        const struct {
            char *bytes;
            size_t size;
        } parts[] = {{header_bytes, header.size}, {secret_bytes, secret.size}, {body_bytes, body.size}};
        size_t digits_from = header.size - HEX_BYTES;
        for (size_t part = 0; part < 3; part++)
            for (size_t bit = 0; bit < parts[part].size * 8; bit++) {
                char *byte = &parts[part].bytes[bit / 8];
                /* a letter in the other case is the same digit */
                bool is_same = part == 0 && bit / 8 >= digits_from && bit % 8 == 5 && is_hex_letter(*byte);
                *byte = (char)(*byte ^ 1 << bit % 8);
                enum webhook_result result = verify(header, secret, body);
                *byte = (char)(*byte ^ 1 << bit % 8);
                if ((result == WEBHOOK_VALID) != is_same)
                    fail_msg("round %u, part %zu, bit %zu: %s", round, part, bit, webhook_result_text(result));
                if (part > 0)
                    assert_int_equal(result, WEBHOOK_SIGNATURE_WRONG);
            }
        assert_int_equal(verify(header, secret, body), WEBHOOK_VALID);
    }
}

/* ─── The time ───────────────────────────────────────────────────────────────────────────────────── */

static void a_time_is_right_within_its_bounds_wherever_they_lie(void **state)
{
    (void)state;
    static const struct {
        const char *time;
        int64_t now_unix_s;
        uint32_t tolerance_s;
        enum webhook_result result;
    } cases[] = {
        {NOW_TEXT, NOW, 0, WEBHOOK_VALID},
        {NOW_TEXT, NOW + 1, 0, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + 300, 300, WEBHOOK_VALID},
        {NOW_TEXT, NOW + 301, 300, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + UINT32_MAX, UINT32_MAX, WEBHOOK_VALID},
        {NOW_TEXT, NOW + UINT32_MAX + 1, UINT32_MAX, WEBHOOK_TOO_OLD},
        {NOW_TEXT, NOW + UINT32_MAX + 1, 300, WEBHOOK_TOO_OLD}, /* 2^32 s are not 0 s */
        {NOW_TEXT, NOW - 60, 0, WEBHOOK_VALID},
        {NOW_TEXT, NOW - 61, 0, WEBHOOK_TOO_NEW},
        {NOW_TEXT, NOW - 61, UINT32_MAX, WEBHOOK_TOO_NEW},
        {NOW_TEXT, NOW - UINT32_MAX - 1, 300, WEBHOOK_TOO_NEW},
        {"0", 0, 0, WEBHOOK_VALID},
        {"0", 300, 300, WEBHOOK_VALID},
        {"0", 301, 300, WEBHOOK_TOO_OLD},
        {"0", -60, 300, WEBHOOK_VALID},
        {"0", -61, 300, WEBHOOK_TOO_NEW},
        {"0", INT64_MIN, 300, WEBHOOK_TOO_NEW},
        {"0", INT64_MAX, UINT32_MAX, WEBHOOK_TOO_OLD},
        {"9223372036854775807", INT64_MAX, 0, WEBHOOK_VALID},
        {"9223372036854775807", INT64_MAX - 60, 0, WEBHOOK_VALID},
        {"9223372036854775807", INT64_MAX - 61, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", 0, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", -1, UINT32_MAX, WEBHOOK_TOO_NEW},
        {"9223372036854775807", INT64_MIN, UINT32_MAX, WEBHOOK_TOO_NEW}, /* 2^64 - 1 apart */
        {"9223372036854775507", INT64_MAX, 300, WEBHOOK_VALID},
        {"9223372036854775506", INT64_MAX, 300, WEBHOOK_TOO_OLD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum webhook_result result = result_at(klp_cstr(cases[i].time), cases[i].now_unix_s, cases[i].tolerance_s);
        if (result != cases[i].result)
            fail_msg("case %zu, %s: %s", i, cases[i].time, webhook_result_text(result));
    }
}

static void old_and_new_are_told_of_a_right_signature_only(void **state)
{
    (void)state;
    static const char tag[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char *const times[] = {"0", "1780919699", NOW_TEXT, "1780920061", "9223372036854775807"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char header[128];
        snprintf(header, sizeof header, "t=%s,v1=%s", times[i], tag);
        assert_int_equal(verify(klp_cstr(header), klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_SIGNATURE_WRONG);
    }
}

/* ─── The texts ──────────────────────────────────────────────────────────────────────────────────── */

static void every_result_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int i = WEBHOOK_VALID; i <= WEBHOOK_NO_MEMORY + 1; i++) {
        const char *text = webhook_result_text((enum webhook_result)i);
        assert_non_null(text);
        assert_true(strlen(text) > 10);
        for (int j = WEBHOOK_VALID; j < i; j++)
            assert_string_not_equal(text, webhook_result_text((enum webhook_result)j));
    }
    assert_string_equal(webhook_result_text((enum webhook_result)(WEBHOOK_NO_MEMORY + 1)), "unknown webhook_result");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_of_several_secrets_may_be_right),
        cmocka_unit_test(an_empty_secret_signs_nothing),
        cmocka_unit_test(secrets_of_any_bytes_and_size_are_whole),
        cmocka_unit_test(a_body_is_any_bytes_and_all_of_them),
        cmocka_unit_test(a_time_and_a_body_cannot_be_split_elsewhere),
        cmocka_unit_test(one_changed_bit_is_refused),
        cmocka_unit_test(a_time_is_right_within_its_bounds_wherever_they_lie),
        cmocka_unit_test(old_and_new_are_told_of_a_right_signature_only),
        cmocka_unit_test(every_result_has_a_sentence_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
