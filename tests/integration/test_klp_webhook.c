/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, asked whether a webhook comes from Kraty. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "klp_fixture.h"

#define MIB          ((size_t)1 << 20)
#define SECRET       "whsec_that-nobody-may-see"
#define ENVIRONMENT  ((const char *[]){"HOOK_SECRET=" SECRET, "EMPTY_SECRET=", NULL}) /* and no API key */
#define VERIFY(...)  ((const char *[]){"klp", "webhook", "verify", __VA_ARGS__, NULL})
#define SIGNED_BY_IT "--secret-env", "HOOK_SECRET", "--signature"

/* Neither of its outputs holds a secret, or anything of the webhook. */
static void assert_silent(const struct process_result *result, const char *text)
{
    if (*text && (strstr(result->output, text) || strstr(result->errors, text)))
        fail_msg("\"%s\" is told: %s%s", text, result->output, result->errors);
}

static struct process_result verify_bytes(const char *const arguments[], const char *const environment[],
                                          const char *body, size_t size)
{
    struct process *process = process_start(&(struct process_setup){.argv = arguments, .environment = environment});
    process_give(process, body, size);
    struct process_result result = process_finish(process);
    assert_silent(&result, SECRET);
    return result;
}

static struct process_result verify(const char *const arguments[], const char *body)
{
    return verify_bytes(arguments, ENVIRONMENT, body, strlen(body));
}

static void assert_valid(struct process_result result)
{
    assert_string_equal(result.errors, "");
    assert_string_equal(result.output, "{\"valid\":true}\n");
    assert_int_equal(result.exit_status, 0);
    process_result_clear(&result);
}

/* stderr has the reason as it is, stdout as JSON. */
static void assert_not_valid(struct process_result result)
{
    json_t *answer = json_loads(result.output, 0, NULL);
    const char *reason = sandbox_text_at(answer, "reason");
    char expected[256];

    assert_int_equal(result.exit_status, 1);
    assert_int_equal(process_count_lines(result.output), 1);
    assert_true(json_is_false(sandbox_at(answer, "valid")));
    assert_int_equal(json_object_size(answer), 2);
    assert_true(strlen(reason) > 10);
    snprintf(expected, sizeof expected, "klp: %s\n", reason);
    assert_string_equal(result.errors, expected);
    json_decref(answer);
    process_result_clear(&result);
}

static void assert_not_checked(struct process_result result, const char *complaint)
{
    assert_contains(result.errors, complaint);
    assert_string_equal(result.output, "");
    assert_int_equal(result.exit_status, 2);
    process_result_clear(&result);
}

static void sign(char header[160], int64_t at_unix_s, const char *body, size_t size)
{
    unsigned char digest[32];
    int used = snprintf(header, 160, "t=%" PRId64 ",v1=", at_unix_s);
    size_t stamp_bytes = (size_t)used - strlen("t=,v1=") + strlen(".");
    unsigned char *text = malloc(stamp_bytes + size);

    assert_non_null(text);
    memcpy(text, header + 2, stamp_bytes - 1);
    text[stamp_bytes - 1] = '.';
    memcpy(text + stamp_bytes, body, size);
    assert_non_null(HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, text, stamp_bytes + size, digest, NULL));
    free(text);
    for (size_t i = 0; i < sizeof digest; i++)
        used += snprintf(header + used, 160 - (size_t)used, "%02x", digest[i]);
}

/* ---- what is valid ---- */

static void every_vector_is_judged_as_it_says(void **state)
{
    json_t *vectors = json_load_file("tests/vectors/webhook_signatures.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    char now[32], tolerance[32], secret[128];
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) > 0);
    snprintf(now, sizeof now, "%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(vectors, "now_unix_s")));
    json_array_foreach(cases, i, vector)
    {
        json_t *own_secret = json_object_get(vector, "secret"), *own_body = json_object_get(vector, "body");
        json_t *own_tolerance = json_object_get(vector, "tolerance_s");
        const char *body = json_string_value(own_body ? own_body : json_object_get(vectors, "body"));
        const char *header = sandbox_text_at(vector, "header");
        snprintf(secret, sizeof secret, "HOOK_SECRET=%s",
                 json_string_value(own_secret ? own_secret : json_object_get(vectors, "secret")));
        snprintf(tolerance, sizeof tolerance, "%" JSON_INTEGER_FORMAT,
                 own_tolerance ? json_integer_value(own_tolerance) : 300);

        print_message("  %s\n", sandbox_text_at(vector, "name"));
        struct process_result result =
            verify_bytes(VERIFY(SIGNED_BY_IT, header, "--now", now, "--tolerance-s", tolerance),
                         (const char *[]){secret, NULL}, body, strlen(body));
        assert_silent(&result, strchr(secret, '=') + 1);
        assert_silent(&result, header);
        assert_silent(&result, body);
        json_is_true(json_object_get(vector, "valid")) ? assert_valid(result) : assert_not_valid(result);
    }
    json_decref(vectors);
}

static void without_a_time_given_it_is_now(void **state)
{
    char header[160];

    (void)state;
    sign(header, time(NULL) - 200, "{}", 2);
    assert_valid(verify(VERIFY(SIGNED_BY_IT, header), "{}"));
    sign(header, time(NULL) - 400, "{}", 2);
    assert_not_valid(verify(VERIFY(SIGNED_BY_IT, header), "{}"));
    assert_valid(verify(VERIFY(SIGNED_BY_IT, header, "--tolerance-s=3600"), "{}"));
}

static void a_secret_may_have_a_successor(void **state)
{
    const char *environment[] = {"OLD_SECRET=whsec_old", "NEW_SECRET=" SECRET, NULL};
    char header[160];

    (void)state;
    sign(header, time(NULL), "{}", 2);
    assert_valid(verify_bytes(VERIFY("--secret-env", "OLD_SECRET", "--secret-env=NEW_SECRET", "--signature", header),
                              environment, "{}", 2));
    assert_not_valid(verify_bytes(VERIFY("--secret-env", "OLD_SECRET", "--signature", header), environment, "{}", 2));
}

static void the_body_is_taken_as_its_bytes_are(void **state)
{
    static const char body[] = "\0\xff\r\n{}\n";
    char header[160];

    (void)state;
    sign(header, time(NULL), body, sizeof body - 1);
    assert_valid(verify_bytes(VERIFY(SIGNED_BY_IT, header), ENVIRONMENT, body, sizeof body - 1));
    assert_not_valid(verify_bytes(VERIFY(SIGNED_BY_IT, header), ENVIRONMENT, body, sizeof body - 2));
}

static void a_body_may_have_1_mib_and_not_a_byte_more(void **state)
{
    char *body = calloc(MIB + 1, 1), header[160];

    (void)state;
    assert_non_null(body);
    sign(header, time(NULL), body, MIB);
    assert_valid(verify_bytes(VERIFY(SIGNED_BY_IT, header), ENVIRONMENT, body, MIB));
    sign(header, time(NULL), body, MIB + 1);
    assert_not_checked(verify_bytes(VERIFY(SIGNED_BY_IT, header), ENVIRONMENT, body, MIB + 1),
                       "stdin has more than 1 MiB");
    free(body);
}

/* ---- what is not checked ---- */

static void wrong_usage_is_told_without_what_was_given(void **state)
{
    (void)state;
    assert_not_checked(verify(VERIFY("--signature", "t=1,v1=00"), "{}"), "--secret-env is missing");
    assert_not_checked(verify(VERIFY("--secret-env", "HOOK_SECRET"), "{}"), "--signature is missing");
    assert_not_checked(verify(VERIFY("--secret-env", "NO_SUCH_SECRET", "--signature", "t=1,v1=00"), "{}"),
                       "--secret-env number 1 names a variable that is not set, or empty");
    assert_not_checked(
        verify(VERIFY("--secret-env", "HOOK_SECRET", "--secret-env", "EMPTY_SECRET", "--signature", "t=1"), "{}"),
        "--secret-env number 2 names a variable that is not set, or empty");
    assert_not_checked(verify(VERIFY("--secret", SECRET, "--signature", "t=1"), "{}"), "--secret is not taken");
    assert_not_checked(verify(VERIFY("--secret=" SECRET), "{}"), "--secret is not taken");
    assert_not_checked(verify(VERIFY("--secret-env", SECRET, "--signature", "t=1"), "{}"), "--secret-env number 1");
    assert_not_checked(verify(VERIFY(SECRET), "{}"), "belongs to no option");
    assert_not_checked(verify(VERIFY("--now", SECRET), "{}"), "--now is not a number");
    assert_not_checked(verify(VERIFY("--now=0"), "{}"), "--now is not a number");
    assert_not_checked(verify(VERIFY("--now=-1"), "{}"), "--now is not a number");
    assert_not_checked(verify(VERIFY("--now=253402300800"), "{}"), "--now is not a number");
    assert_not_checked(verify(VERIFY("--tolerance-s=0"), "{}"), "--tolerance-s is not a number");
    assert_not_checked(verify(VERIFY("--tolerance-s=4294967296"), "{}"), "--tolerance-s is not a number");
    assert_not_checked(verify(VERIFY("--base-url=http://127.0.0.1"), "{}"), "--base-url is not an option here");
}

static void more_than_16_secrets_are_refused(void **state)
{
    const char *arguments[3 + 17 + 3] = {"klp", "webhook", "verify"};

    (void)state;
    for (size_t i = 0; i < 17; i++)
        arguments[3 + i] = "--secret-env=HOOK_SECRET";
    arguments[20] = "--signature=t=1";
    assert_not_checked(verify(arguments, "{}"), "more than 16");
}

static void without_the_library_nothing_is_checked(void **state)
{
    (void)state;
    assert_not_checked(verify_bytes(VERIFY(SIGNED_BY_IT, "t=1,v1=00"),
                                    (const char *[]){"HOOK_SECRET=" SECRET, "KLP_LIBRARY=/nonexistent.so", NULL}, "{}",
                                    2),
                       "/nonexistent.so");
}

static void an_answer_that_cannot_be_written_is_no_success(void **state)
{
    char header[160];

    (void)state;
    sign(header, time(NULL), "", 0);
    struct process_result result = process_finish(
        process_start(&(struct process_setup){.argv = VERIFY("--secret-env", "HOOK_SECRET", "--signature", header),
                                              .environment = ENVIRONMENT,
                                              .output_path = "/dev/full"}));
    assert_int_equal(result.exit_status, 1);
    assert_string_equal(result.errors, "klp: stdout: No space left on device\n");
    process_result_clear(&result);

    struct process *process =
        process_start(&(struct process_setup){.argv = VERIFY(SIGNED_BY_IT, header), .environment = ENVIRONMENT});
    process_close_output(process);
    result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_string_equal(result.errors, "klp: stdout: Broken pipe\n");
    process_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_judged_as_it_says),
        cmocka_unit_test(without_a_time_given_it_is_now),
        cmocka_unit_test(a_secret_may_have_a_successor),
        cmocka_unit_test(the_body_is_taken_as_its_bytes_are),
        cmocka_unit_test(a_body_may_have_1_mib_and_not_a_byte_more),
        cmocka_unit_test(wrong_usage_is_told_without_what_was_given),
        cmocka_unit_test(more_than_16_secrets_are_refused),
        cmocka_unit_test(without_the_library_nothing_is_checked),
        cmocka_unit_test(an_answer_that_cannot_be_written_is_no_success),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
