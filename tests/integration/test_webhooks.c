/* SPDX-License-Identifier: Apache-2.0
 * verify_webhook() as a host calls it. What is signed how is the unit test's matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "rig.h"

static const klp_api *klp;

static int load(void **state)
{
    (void)state;
    klp = rig_load();
    return 0;
}

static klp_text text_of(json_t *json)
{
    return (klp_text){json_string_value(json), json_string_length(json)};
}

static void every_vector_is_judged_as_it_says(void **state)
{
    json_t *vectors = json_load_file("tests/vectors/webhook_signatures.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) > 0);
    json_array_foreach(cases, i, vector)
    {
        klp_text_buffer why = {0};
        klp_webhook webhook = KLP_WEBHOOK_INIT;
        json_t *secret = json_object_get(vector, "secret"), *body = json_object_get(vector, "body");
        json_t *tolerance = json_object_get(vector, "tolerance_s");
        klp_text own_secret = text_of(secret ? secret : json_object_get(vectors, "secret"));
        webhook.signature = text_of(json_object_get(vector, "header"));
        webhook.body = text_of(body ? body : json_object_get(vectors, "body"));
        webhook.secrets = &own_secret;
        webhook.secret_count = 1;
        webhook.tolerance_s = (uint32_t)json_integer_value(tolerance);
        webhook.now_unix_s = json_integer_value(json_object_get(vectors, "now_unix_s"));
        print_message("  %s\n", json_string_value(json_object_get(vector, "name")));
        bool is_valid = json_is_true(json_object_get(vector, "valid"));
        assert_int_equal(klp->verify_webhook(&webhook, &why), is_valid ? KLP_OK : KLP_E_SIGNATURE);
        assert_int_equal(why.size == 0, is_valid);
        assert_null(strstr(why.data, "whsec"));
    }
    json_decref(vectors);
}

/* X-Signature of a body, made by OpenSSL's one-shot HMAC. */
static void sign(char *header, size_t capacity, int64_t at_unix_s, const char *secret, const char *body)
{
    char text[256];
    unsigned char tag[32];
    int used = snprintf(text, sizeof text, "%lld.%s", (long long)at_unix_s, body);

    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, (size_t)used, tag, NULL);
    used = snprintf(header, capacity, "t=%lld,v1=", (long long)at_unix_s);
    for (size_t i = 0; i < sizeof tag; i++)
        used += snprintf(header + used, capacity - (size_t)used, "%02x", tag[i]);
}

static void without_a_time_given_the_systems_clock_counts(void **state)
{
    static const klp_text secrets[] = {KLP_LIT("whsec_next"), KLP_LIT("whsec_current")};
    klp_webhook webhook = KLP_WEBHOOK_INIT;
    klp_text_buffer why = {0};
    char header[256];

    (void)state;
    webhook.body = klp_cstr("{}");
    webhook.secrets = secrets;
    webhook.secret_count = 2;
    sign(header, sizeof header, time(NULL), "whsec_current", "{}");
    webhook.signature = klp_cstr(header);
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_OK);
    webhook.secret_count = 1;
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_SIGNATURE);
    webhook.secret_count = 2;
    sign(header, sizeof header, time(NULL) - 400, "whsec_current", "{}");
    webhook.signature = klp_cstr(header);
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_SIGNATURE);
    webhook.tolerance_s = 3600;
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_OK);
}

static void what_is_missing_is_named(void **state)
{
    static const klp_text secrets[] = {KLP_LIT("a"), KLP_TEXT_NONE};
    klp_webhook webhook = KLP_WEBHOOK_INIT;
    klp_text_buffer why = {0};

    (void)state;
    assert_int_equal(klp->verify_webhook(NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "klp_webhook is NULL");
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "secrets is empty");
    webhook.secrets = secrets;
    webhook.secret_count = 2;
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "secrets[1] is empty");
    webhook.secret_count = 17;
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "secret_count is 17, more than 16");
    webhook.secret_count = 1;
    webhook.body = (klp_text){NULL, 5};
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "body has a size and no data");
    webhook.body = (klp_text){NULL, 0};
    webhook.signature = (klp_text){NULL, 5};
    assert_int_equal(klp->verify_webhook(&webhook, NULL), KLP_E_INVALID_ARGUMENT);
    webhook.signature = (klp_text){NULL, 0};
    assert_int_equal(klp->verify_webhook(&webhook, &why), KLP_E_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_judged_as_it_says),
        cmocka_unit_test(without_a_time_given_the_systems_clock_counts),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
