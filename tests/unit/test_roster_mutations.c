/* SPDX-License-Identifier: Apache-2.0
 * Every document of the vectors, cut at every byte and with every byte changed: each time it gives a roster that can be
 * pushed, or a reason, and never what is secret in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster_reading.h"
#include "slowed.h"

static void assert_tells_no_secret(const char *text)
{
    static const char *const secrets[] = {"never log me", "eyJhbGciOi",  "never.akey",
                                          "psess-",       "STRING_LIST", "customData"};

    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (strstr(text, secrets[i]))
            fail_msg("%s tells a secret", text);
}

/* Returns the status. */
static klp_status try_bytes(const char *format, const char *bytes, size_t size, const klp_roster_options *options)
{
    klp_text_buffer why = {0};
    klp_roster *roster;
    klp_status status = roster_parse_bytes(format, bytes, size, options, &roster, &why);

    if (status == KLP_OK) {
        assert_is_whole(roster);
        assert_tells_no_secret(roster->metadata_json.data);
        assert_tells_no_secret(roster->key.data);
        roster_api()->free_roster(roster);
        return status;
    }
    assert_null(roster);
    assert_true(status == KLP_E_MALFORMED || status == KLP_E_TRUNCATED || status == KLP_E_NOT_FINAL ||
                status == KLP_E_ROSTER);
    assert_true(why.size > 0 && utf8_check(why.data, why.size, NULL));
    assert_tells_no_secret(why.data);
    return status;
}

static void over_vectors(void (*test)(const char *format, const char *document, const klp_roster_options *options))
{
    json_t *vectors = vectors_load("rosters.json"), *vector;
    size_t i;

    json_array_foreach(vectors_array(vectors, "cases"), i, vector)
    {
        klp_roster_options options = roster_options(vector);
        test(json_string_value(json_object_get(vector, "format")),
             json_string_value(json_object_get(vector, "document")), &options);
    }
    json_decref(vectors);
}

static size_t stride(void)
{
    return is_under_valgrind() ? 29 : 1;
}

static void cut(const char *format, const char *document, const klp_roster_options *options)
{
    for (size_t size = 0; size < strlen(document); size += stride()) {
        klp_status status = try_bytes(format, document, size, options);
        if (status != (size ? KLP_E_TRUNCATED : KLP_E_MALFORMED))
            fail_msg("%s at %zu: %s: %.*s", format, size, roster_api()->status_text(status), (int)size, document);
    }
}

static void a_document_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    over_vectors(cut);
}

static void change(const char *format, const char *document, const klp_roster_options *options)
{
    static const char bytes[] = {'"', '\\', '{', ']', ',', '0', '\0', (char)0xC3};
    size_t size = strlen(document);
    char *copy = strdup(document);

    assert_non_null(copy);
    for (size_t at = 0; at < size; at += stride()) {
        for (int bit = 0; bit < 8; bit++) {
            copy[at] = (char)(document[at] ^ 1 << bit);
            try_bytes(format, copy, size, options);
        }
        for (size_t i = 0; i < sizeof bytes; i++) {
            copy[at] = bytes[i];
            try_bytes(format, copy, size, options);
        }
        copy[at] = document[at];
    }
    free(copy);
}

static void a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    over_vectors(change);
}

static void leave_out(const char *format, const char *document, const klp_roster_options *options)
{
    size_t size = strlen(document);
    char *copy = malloc(size);

    assert_non_null(copy);
    for (size_t at = 0; at < size; at += stride()) {
        memcpy(copy, document, at);
        memcpy(copy + at, document + at + 1, size - at - 1);
        try_bytes(format, copy, size - 1, options);
    }
    free(copy);
}

static void a_missing_byte_does_no_harm(void **state)
{
    (void)state;
    over_vectors(leave_out);
}

/* A document of one matchmaker, taken for another's. */
static void try_every_format(const char *format, const char *document, const klp_roster_options *options)
{
    static const char *const formats[] = {KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA,
                                          KLP_FORMAT_FLEXMATCH_EVENT,
                                          KLP_FORMAT_PHOTON_WEBHOOK,
                                          KLP_FORMAT_STEAM_LOBBY,
                                          KLP_FORMAT_AGONES_GAMESERVER,
                                          KLP_FORMAT_OPEN_MATCH,
                                          KLP_FORMAT_PLAYFAB_MATCH,
                                          KLP_FORMAT_UNITY_MATCH,
                                          KLP_FORMAT_NAKAMA_MATCHED,
                                          KLP_FORMAT_PLAIN};
    klp_roster_options all = *options;

    all.player_id_path = klp_cstr("search_fields.string_args.player_id");
    all.key_annotation = klp_cstr("match-id");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i]) != 0 && *document)
            assert_int_not_equal(try_bytes(formats[i], document, strlen(document), &all), KLP_OK);
}

static void no_format_takes_a_document_of_another(void **state)
{
    (void)state;
    over_vectors(try_every_format);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_cut_anywhere_is_truncated),
        cmocka_unit_test(a_changed_byte_does_no_harm),
        cmocka_unit_test(a_missing_byte_does_no_harm),
        cmocka_unit_test(no_format_takes_a_document_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
