/* SPDX-License-Identifier: Apache-2.0
 * How the header of a webhook is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vectors.h"
#include "webhook_signing.h"

static void webhooks_are_judged_as_the_vectors_say(void **state)
{
    (void)state;
    json_t *vectors = vectors_load("webhook_signatures.json");
    size_t i;
    json_t *entry;
    unsigned valid = 0;
    json_array_foreach(vectors_array(vectors, "cases"), i, entry)
    {
        /* what a case does not say is said once, for all */
#define OF(name) (json_object_get(entry, name) ? json_object_get(entry, name) : json_object_get(vectors, name))
        klp_text secret = klp_cstr(json_string_value(OF("secret")));
        struct webhook webhook = {klp_cstr(json_string_value(OF("header"))),
                                  &secret,
                                  1,
                                  klp_cstr(json_string_value(OF("body"))),
                                  (uint32_t)json_integer_value(OF("tolerance_s")),
                                  json_integer_value(OF("now_unix_s"))};
#undef OF
        json_t *expected = json_object_get(entry, "valid");
        assert_true(json_is_boolean(expected));
        enum webhook_result result = webhook_verify(&webhook);
        if ((result == WEBHOOK_VALID) != json_is_true(expected))
            fail_msg("%s: %s", json_string_value(json_object_get(entry, "name")), webhook_result_text(result));
        assert_int_not_equal(result, WEBHOOK_NO_MEMORY);
        valid += json_is_true(expected);
    }
    assert_true(valid > 0 && valid < i);
    json_decref(vectors);
}

static void a_header_is_read_as_it_is_meant(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "t=" NOW_TEXT ",v1=%s",
        "v1=%s,t=" NOW_TEXT,
        " \t t=" NOW_TEXT "\t ,\t v1=%s \t",
        ",,t=" NOW_TEXT ", ,\t,v1=%s,,",
        "t=" NOW_TEXT ",v1=%s,v1=not-hex",
        "t=" NOW_TEXT ",v1=,v1=%s",
        "t=" NOW_TEXT ",v1=%1$s0,v1=%1$s",
        "t=" NOW_TEXT ",v1= %1$s,v1=%1$s",
        "t=" NOW_TEXT ",v1,v1=%s",
        "t=" NOW_TEXT ",v2=%1$s,v11=%1$s,v1=%1$s",
        "t,tt=5,T=6,=,t =7,v0=t=8,t=" NOW_TEXT ",v1=%s", /* one t among what is none */
        "t=" NOW_TEXT ",v1=0000000000000000000000000000000000000000000000000000000000000000,v1=%s",
        "t=" NOW_TEXT ",v1=%s,v1=0000000000000000000000000000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (result_of(headers[i]) != WEBHOOK_VALID)
            fail_msg("%s", headers[i]);
}

static void a_header_that_lacks_or_repeats_is_malformed(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",
        " ",
        ",",
        "t",
        "t=",
        "=",
        "t=" NOW_TEXT,
        "v1=%s",
        "t=" NOW_TEXT ",%s",
        "t=" NOW_TEXT ";v1=%s",
        "t=" NOW_TEXT " v1=%s",
        "t:" NOW_TEXT ",v1:%s",
        "T=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",V1=%s",
        "t =" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",v1 =%s",
        "t=" NOW_TEXT ",v1= %s",
        "t=" NOW_TEXT ",v1=\"%s\"",
        "t=" NOW_TEXT ",v1=0x%s",
        "t=" NOW_TEXT ",v1=%s\r\n",
        "t=" NOW_TEXT ",v1=%.63s",
        "t=" NOW_TEXT ",v1=%.63sg",
        "t=" NOW_TEXT ",v1=%.63s/",
        "t=" NOW_TEXT ",v1=%.63s:",
        "t=" NOW_TEXT ",v1=%.63s@",
        "t=" NOW_TEXT ",v1=%.63sG",
        "t=" NOW_TEXT ",v1=%.63s`",
        "t=" NOW_TEXT ",v1=g%.63s",
        "t=" NOW_TEXT ",v1=%1$s%1$s",
        "t=" NOW_TEXT ",v0=%s",
        /* which of them is signed, and which is recent? */
        "t=" NOW_TEXT ",t=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",t=1,v1=%s",
        "t=1,t=" NOW_TEXT ",v1=%s",
        "t=" NOW_TEXT ",v1=%s,t=x",
        "t=,t=" NOW_TEXT ",v1=%s",
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        if (result_of(headers[i]) != WEBHOOK_HEADER_MALFORMED)
            fail_msg("%s", headers[i]);
    assert_int_equal(verify((klp_text)KLP_TEXT_NONE, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);
}

static void a_time_is_digits_and_signed_as_it_stands(void **state)
{
    (void)state;
    static const klp_text right[] = {KLP_LIT(NOW_TEXT), KLP_LIT("0" NOW_TEXT),
                                     KLP_LIT("000000000000000000000000000000000000000000000000" NOW_TEXT)};
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_int_equal(result_at(right[i], NOW, 0), WEBHOOK_VALID);
    /* the same time, written in another way than it was signed */
    assert_int_equal(result_of("t=0" NOW_TEXT ",v1=%s"), WEBHOOK_SIGNATURE_WRONG);

    static const klp_text malformed[] = {
        KLP_LIT(""),
        KLP_LIT("+1780920000"),
        KLP_LIT("-1780920000"),
        KLP_LIT("17809 20000"),
        KLP_LIT("1780920000.0"),
        KLP_LIT("1780920000."),
        KLP_LIT("1.78092e9"),
        KLP_LIT("0x6a26b340"),
        KLP_LIT("1780920000s"),
        KLP_LIT("1780920000/"), /* the neighbours of the digits */
        KLP_LIT("178092000:"),
        KLP_LIT("1780920000\n"),
        KLP_LIT("1780920000\0"),
        KLP_LIT("\0001780920000"),
        KLP_LIT("\xd9\xa1\xd9\xa2"),    /* other scripts' digits */
        KLP_LIT("9223372036854775808"), /* one more than fits */
        KLP_LIT("9223372036854775810"),
        KLP_LIT("18446744075490471616"),                    /* 2^64 and now */
        KLP_LIT("340282366920938463463374607433549131456"), /* 2^128 and now */
        KLP_LIT("99999999999999999999999999999999999999999999999999"),
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
        if (result_at(malformed[i], NOW, TOLERANCE_S) != WEBHOOK_HEADER_MALFORMED)
            fail_msg("%s", malformed[i].data);
    /* blanks that belong to no part's edge */
    assert_int_equal(result_of("t= " NOW_TEXT ",v1=%s"), WEBHOOK_HEADER_MALFORMED);
    assert_int_equal(result_of("t=\t" NOW_TEXT ",v1=%s"), WEBHOOK_HEADER_MALFORMED);
}

static void a_header_has_room_for_4096_bytes(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[4098];
    sign(hex, SECRET);
    int size = snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s,", hex);
    memset(header + size, 'x', sizeof header - (size_t)size);
    assert_int_equal(verify((klp_text){header, 4096}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_VALID);
    assert_int_equal(verify((klp_text){header, 4097}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);

    size_t huge_bytes = 8 << 20;
    char *huge = malloc(huge_bytes);
    assert_non_null(huge);
    for (const char *fill = ", tv1=0\n"; *fill; fill++) {
        memset(huge, *fill, huge_bytes);
        assert_int_equal(verify((klp_text){huge, huge_bytes}, klp_cstr(SECRET), klp_cstr(BODY)),
                         WEBHOOK_HEADER_MALFORMED);
        assert_int_equal(verify((klp_text){huge, 4096}, klp_cstr(SECRET), klp_cstr(BODY)), WEBHOOK_HEADER_MALFORMED);
    }
    free(huge);
}

/* The right v1 at a place, from 1, among wrong ones. */
static enum webhook_result result_of_many(const char *wrong, size_t count, size_t place)
{
    char hex[HEX_BYTES + 1];
    char header[8192];
    sign(hex, SECRET);
    size_t size = (size_t)snprintf(header, sizeof header, "t=" NOW_TEXT);
    for (size_t i = 1; i <= count; i++)
        size += (size_t)snprintf(header + size, sizeof header - size, ",v1=%s", i == place ? hex : wrong);
    assert_true(size < sizeof header);
    return verify((klp_text){header, size}, klp_cstr(SECRET), klp_cstr(BODY));
}

static void the_first_sixteen_v1_count(void **state)
{
    (void)state;
    static const char wrong[] = "00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff";
    for (size_t place = 1; place <= 40; place++)
        assert_int_equal(result_of_many(wrong, 40, place), place <= 16 ? WEBHOOK_VALID : WEBHOOK_SIGNATURE_WRONG);
    /* what is no tag takes nobody's place */
    assert_int_equal(result_of_many("0", 500, 500), WEBHOOK_VALID);
    assert_int_equal(result_of_many("", 500, 500), WEBHOOK_VALID);
    assert_int_equal(result_of_many("0", 500, 0), WEBHOOK_HEADER_MALFORMED);
}

/* The header ends where its size says: a reader that went on would be told by the sanitizer, or by the verdict. */
static void a_header_ends_with_its_size(void **state)
{
    (void)state;
    char hex[HEX_BYTES + 1];
    char header[128];
    sign(hex, SECRET);
    size_t whole = (size_t)snprintf(header, sizeof header, "t=" NOW_TEXT ",v1=%s", hex);
    for (size_t size = 0; size <= whole; size++) {
        char *exact = malloc(size + !size);
        assert_non_null(exact);
        memcpy(exact, header, size);
        assert_int_equal(verify((klp_text){exact, size}, klp_cstr(SECRET), klp_cstr(BODY)),
                         size == whole ? WEBHOOK_VALID : WEBHOOK_HEADER_MALFORMED);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhooks_are_judged_as_the_vectors_say),
        cmocka_unit_test(a_header_is_read_as_it_is_meant),
        cmocka_unit_test(a_header_that_lacks_or_repeats_is_malformed),
        cmocka_unit_test(a_time_is_digits_and_signed_as_it_stands),
        cmocka_unit_test(a_header_has_room_for_4096_bytes),
        cmocka_unit_test(the_first_sixteen_v1_count),
        cmocka_unit_test(a_header_ends_with_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
