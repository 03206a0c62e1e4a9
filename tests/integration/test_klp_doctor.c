/* SPDX-License-Identifier: Apache-2.0
 * klp doctor: what it says of the library, the API key, and what the server knows of that. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "klp_doctor.h"

#define OTHER_KEY "other." DOCTOR_SECRET "-2"

/* ---- all of it ---- */

static const char *const all_checks[] = {"library",     "libcurl",      "openssl", "nanomsg",     "sqlite",
                                         "open",        "key",          "proxy",   "name",        "connection",
                                         "tls",         "server",       "clock",   "ping",        "permission",
                                         "environment", "game",         "outbox",  "outbox-disk", "outbox-space",
                                         "outbox-sync", "outbox-files", "results", "descriptors", "core-dumps"};
enum { ALL_CHECKS = sizeof all_checks / sizeof *all_checks };

static void a_line_for_each_thing_is_told_in_words(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct process_result result = process_run((const char *[]){"klp", "doctor", "--game", "game_1", "--outbox",
                                                                fixture->directory, "--expect-environment=test", NULL},
                                               fixture->klp->environment, NULL);
    const char *line = result.output;

    if (result.exit_status)
        fail_msg("%s%s", result.output, result.errors);
    for (size_t i = 0; i < ALL_CHECKS; i++) {
        char start[24];
        bool is_skipped = strcmp(all_checks[i], "tls") == 0 || strcmp(all_checks[i], "results") == 0;
        snprintf(start, sizeof start, "%-14s  ", all_checks[i]);
        if (strncmp(line + 6, start, strlen(start)) != 0)
            fail_msg("no line of %s: %s", all_checks[i], line);
        /* what the disk is, and what the system allows, is this machine's */
        if (strncmp(all_checks[i], "outbox-", 7) != 0 && strcmp(all_checks[i], "descriptors") != 0)
            assert_memory_equal(line, is_skipped ? "skip  " : "ok    ", 6);
        line = strchr(line, '\n');
        assert_non_null(line++);
    }
    assert_string_equal(line, "");
    assert_contains(result.output, "ok    key             from KRATY_SERVER_KEY, sandbox.…\n");
    assert_contains(result.output, "ok    game            the key is for game_1\n");
    assert_contains(result.output, "ok    environment     test, as expected\n");
    assert_contains(result.output, "ok    ping            the server takes the key (sandbox…, of studio_1), in ");
    assert_contains(result.errors, "klp: doctor: 0 failed, ");
    process_result_clear(&result);
}

static void the_same_is_told_as_objects_with_two_requests_in_all(void **state)
{
    const struct outbox_fixture *fixture = *state;
    json_t *lines = DOCTOR(fixture, 0, "--game=game_1", "--outbox", fixture->directory);

    assert_int_equal(json_array_size(lines), ALL_CHECKS);
    for (size_t i = 0; i < ALL_CHECKS; i++)
        assert_string_equal(sandbox_text_at(json_array_get(lines, i), "check"), all_checks[i]);
    json_decref(lines);
    json_t *log = sandbox_log(fixture->klp->sandbox);
    assert_int_equal(json_array_size(log), 2);
    json_t *headers = sandbox_at(log, "0.headers"), *header;
    size_t i;
    json_array_foreach(headers, i, header) /* the one for the clock shows no key */
        assert_string_not_equal(json_string_value(json_array_get(header, 0)), "Authorization");
    assert_int_equal(json_integer_value(sandbox_at(log, "0.status")), 401);
    assert_int_equal(json_integer_value(sandbox_at(log, "1.status")), 200);
    json_decref(log);
}

static void a_stdout_that_takes_no_more_is_a_failure(void **state)
{
    const struct outbox_fixture *fixture = *state;
    struct process *process = process_start(&(struct process_setup){.argv = (const char *[]){"klp", "doctor", NULL},
                                                                    .environment = fixture->klp->environment,
                                                                    .output_path = "/dev/full"});
    struct process_result result = process_finish(process);

    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "klp: stdout: ");
    process_result_clear(&result);
}

static void wrong_usage_is_refused(void **state)
{
    const struct outbox_fixture *fixture = *state;
    const struct fixture *klp = fixture->klp;

    assert_refused(klp, "--outbox-max-bytes needs --outbox", "doctor", "--outbox-max-bytes=2000000");
    assert_refused(klp, "--timeout-ms is not a number from 1 to 60000", "doctor", "--timeout-ms=60001");
    assert_refused(klp, "--expect-environment is neither live nor test", "doctor", "--expect-environment=prod");
    assert_refused(klp, "--key-file is empty", "doctor", "--key-file=");
    assert_refused(klp, "--attempts is not an option here", "doctor", "--attempts=2");
    assert_refused(klp, "--key is not an option here", "doctor", "--key", SANDBOX_KEY);
    assert_refused(klp, "KRATY_SERVER_KEY instead", "doctor", "--api-key", SANDBOX_KEY);
    assert_refused(klp, "belongs to no option", "doctor", SANDBOX_KEY);
    assert_refused(klp, "--key-file is not an option here", "ping", "--key-file=x");
}

/* A key put in the place of anything else is not told. */
static void values_that_were_given_are_not_repeated(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 1, "--game", SANDBOX_KEY, "--outbox", SANDBOX_KEY, "--results", SANDBOX_KEY);
    assert_advised(lines, "game", "fail", "the key is for game_1, and not for the game of --game", "that game's");
    assert_found(lines, "outbox", "fail", "the directory of --outbox: No such file or directory");
    assert_found(lines, "results", "fail", "does not begin with ipc:// or tcp://");
    json_decref(lines);
    json_decref(DOCTOR(fixture, 1, "--base-url", SANDBOX_KEY, "--ca-file", SANDBOX_KEY, "--key-file", SANDBOX_KEY));
}

/* ---- the library ---- */

static void the_library_and_what_it_stands_on_are_named(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char *path = realpath(getenv("KLP_LIBRARY"), NULL);
    char text[512];

    json_t *lines = DOCTOR(fixture, 0);
    assert_found(lines, "library", "ok", "version " KLP_VERSION ", ABI 1, in ");
    assert_found(lines, "library", "ok", strrchr(path, '/'));
    snprintf(text, sizeof text, "%s with %s, in ", curl_version_info(CURLVERSION_NOW)->version,
             curl_version_info(CURLVERSION_NOW)->ssl_version);
    assert_found(lines, "libcurl", "ok", text);
    assert_found(lines, "libcurl", "ok", "/libcurl.so.4");
    assert_found(lines, "openssl", "ok", "OpenSSL 3.");
    assert_found(lines, "openssl", "ok", "/libcrypto.so.3");
    assert_found(lines, "nanomsg", "ok", " by its file's name, in ");
    assert_found(lines, "nanomsg", "ok", "/libnanomsg.so.5");
    snprintf(text, sizeof text, "%s, in ", sqlite3_libversion());
    assert_found(lines, "sqlite", "ok", text);
    assert_found(lines, "open", "ok", "a pusher opens; its server is http://127.0.0.1:");
    assert_found(lines, "open", "ok", " (KRATY_BASE_URL)");
    json_decref(lines);
    free(path);
}

/* What needs none is looked at all the same. */
static void a_library_that_cannot_be_loaded_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines =
        DOCTOR_IN(fixture, 1, (KEY, fixture->klp->url, "KLP_LIBRARY=/nonexistent.so"), "--outbox", fixture->directory);
    assert_advised(lines, "library", "fail", "/nonexistent.so: cannot open shared object file",
                   "KLP_LIBRARY has to name");
    assert_found(lines, "open", "skip", "there is no library");
    assert_found(lines, "key", "ok", "sandbox.…");
    assert_found(lines, "server", "skip", "no pusher opens");
    assert_found(lines, "clock", "skip", "without a reply");
    assert_found(lines, "ping", "skip", "no pusher opens");
    assert_found(lines, "outbox-files", "ok", "0, of them 0 in use");
    doctor_assert_none(lines, "libcurl");
    json_decref(lines);

    lines = DOCTOR_IN(fixture, 1, (KEY, fixture->klp->url, "KLP_LIBRARY=libjansson.so.4"));
    assert_found(lines, "library", "fail", "undefined symbol: klp_get_api");
    json_decref(lines);
}

static void write_file(const char *path, const char *text, size_t size, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* False: there is no compiler. */
static bool build_shared(const struct outbox_fixture *fixture, const char *source, char library[128])
{
    char path[128];

    snprintf(path, sizeof path, "%s/made.c", fixture->directory);
    snprintf(library, 128, "%s/made.so", fixture->directory);
    write_file(path, source, strlen(source), 0600);
    struct process_result result =
        process_run((const char *[]){"/usr/bin/gcc", "-shared", "-fPIC", "-o", library, path, NULL}, NULL, NULL);
    bool is_built = result.exit_status == 0;
    process_result_clear(&result);
    return is_built;
}

/* As a game server does that exports a libcurl of its own. */
static void a_copy_that_stands_before_the_right_library_is_told_and_not_called(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char library[128], preload[160];

    if (IS_SANITIZED) /* its run time has to come first */
        skip();
    assert_true(build_shared(fixture,
                             "#include <stdlib.h>\n"
                             "void *curl_version_info(void) { abort(); }\n"
                             "void *nn_socket(void) { abort(); }\n",
                             library));
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    json_t *lines = DOCTOR_IN(fixture, 1, (KEY, fixture->klp->url, preload));
    assert_advised(lines, "libcurl", "fail", "curl_version_info resolves into ", "-rdynamic");
    assert_found(lines, "libcurl", "fail", library);
    assert_advised(lines, "nanomsg", "fail", "nn_socket resolves into ", "LD_PRELOAD");
    assert_found(lines, "sqlite", "ok", "");
    assert_advised(lines, "open", "fail", "KLP_E_LIBRARY: ", "a host that exports such a copy");
    assert_found(lines, "ping", "skip", "no pusher opens");
    json_decref(lines);
}

static void a_library_of_another_release_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char library[128], variable[160];

    if (IS_SANITIZED) /* the made one is not */
        skip();
    assert_true(build_shared(fixture,
                             "static struct { unsigned size, abi; } old = {16, 1};\n"
                             "void *klp_get_api(unsigned *abi) { *abi = 1; return &old; }\n",
                             library));
    snprintf(variable, sizeof variable, "KLP_LIBRARY=%s", library);
    json_t *lines = DOCTOR_IN(fixture, 1, (KEY, fixture->klp->url, variable));
    assert_advised(lines, "library", "fail", "it is older than klp: its table has 16 bytes of ", "as new as klp");
    assert_found(lines, "open", "skip", "there is no library");
    json_decref(lines);
}

/* Nothing would ever arrive, and all would look well. */
static void the_stub_is_told_and_nothing_is_sent(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char path[256], variable[300];

    snprintf(path, sizeof path, "%s/libkraty_lobby_pusher_stub.so", getenv("BUILD"));
    if (access(path, R_OK))
        skip();
    snprintf(variable, sizeof variable, "KLP_LIBRARY=%s", path);
    json_t *lines = DOCTOR_IN(fixture, 0, (KEY, fixture->klp->url, variable));
    assert_advised(lines, "library", "warn", "this is the stub for tests", "Unset KLP_LIBRARY");
    assert_found(lines, "server", "skip", "the stub has no network");
    assert_found(lines, "ping", "skip", "the stub has no network");
    json_decref(lines);
    assert_int_equal(sandbox_stat(fixture->klp->sandbox, "requests"), 0);
}

/* ---- the key in the environment ---- */

static void keys_that_no_server_takes_are_known_before_they_are_sent(void **state)
{
    static const struct {
        const char *variable, *found, *advice;
    } keys[] = {
        {"KRATY_SERVER_KEY=", "KRATY_SERVER_KEY is not set", "Set it to a server_integration key, or give --key-file"},
        {"KRATY_SERVER_KEY", "KRATY_SERVER_KEY is not set", "or give --key-file"},
        {"KRATY_SERVER_KEY=a." DOCTOR_SECRET "\n", "white space before or behind", "nothing else"},
        {"KRATY_SERVER_KEY=a." DOCTOR_SECRET " ", "white space before or behind", "nothing else"},
        {"KRATY_SERVER_KEY= a." DOCTOR_SECRET, "white space before or behind", "nothing else"},
        {"KRATY_SERVER_KEY=Bearer a." DOCTOR_SECRET, "begins with `Bearer `", "nothing else"},
        {"KRATY_SERVER_KEY=a." DOCTOR_SECRET " b", "a character that no API key has", "nothing else"},
        {"KRATY_SERVER_KEY=\xc3\xa9." DOCTOR_SECRET, "a character that no API key has", "nothing else"},
        {"KRATY_SERVER_KEY=a.\xc3\xa9" DOCTOR_SECRET, "a character that no API key has", "nothing else"},
        {"KRATY_SERVER_KEY=\xef\xbb\xbf" DOCTOR_SECRET, "a byte order mark", "nothing else"},
        {"KRATY_SERVER_KEY=" DOCTOR_SECRET "\nb.c", "more than one line", "nothing else"},
    };
    const struct outbox_fixture *fixture = *state;
    char variable[700] = "KRATY_SERVER_KEY=a." DOCTOR_SECRET;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *lines = DOCTOR_IN(fixture, 1, (keys[i].variable, fixture->klp->url));
        assert_advised(lines, "key", "fail", keys[i].found, keys[i].advice);
        assert_found(lines, "ping", "skip", "there is no API key");
        assert_found(lines, "server", "ok", "401"); /* which needs none */
        json_decref(lines);
    }
    memset(variable + strlen(variable), 'x', 600);
    json_t *lines = DOCTOR_IN(fixture, 1, (variable, fixture->klp->url));
    assert_found(lines, "key", "fail", "is longer than any API key");
    json_decref(lines);
}

/* The library sends them, so the server says it, too. Nothing of them is told: any part might be the secret. */
static void keys_of_an_odd_form_are_warned_of(void **state)
{
    static const struct {
        const char *variable, *found;
    } keys[] = {
        {"KRATY_SERVER_KEY=" DOCTOR_SECRET, "KRATY_SERVER_KEY has not that form"},
        {"KRATY_SERVER_KEY=." DOCTOR_SECRET, "KRATY_SERVER_KEY has not that form"},
        {"KRATY_SERVER_KEY=" DOCTOR_SECRET ".", "KRATY_SERVER_KEY has not that form"},
        {"KRATY_SERVER_KEY=" DOCTOR_SECRET ".short", "KRATY_SERVER_KEY has not that form"},
        {"KRATY_SERVER_KEY=a/" DOCTOR_SECRET ".longer-than-what-is-before", "KRATY_SERVER_KEY has not that form"},
        {"KRATY_SERVER_KEY=\"a." DOCTOR_SECRET "\"", "stands in quotes, which would be sent"},
        {"KRATY_SERVER_KEY='a." DOCTOR_SECRET "'", "stands in quotes, which would be sent"},
        {"KRATY_SERVER_KEY=KRATY_SERVER_KEY=a." DOCTOR_SECRET, "begins with KRATY_SERVER_KEY="},
    };
    const struct outbox_fixture *fixture = *state;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *lines = DOCTOR_IN(fixture, 1, (keys[i].variable, fixture->klp->url));
        assert_advised(lines, "key", "warn", keys[i].found, "Copy the key again");
        assert_advised(lines, "ping", "fail", "session_invalid (401)", "mistyped, revoked");
        doctor_assert_none(lines, "permission");
        json_decref(lines);
    }
}

/* ---- the key in a file ---- */

static void key_files_are_judged_by_who_may_read_them(void **state)
{
    static const struct {
        mode_t mode;
        const char *status, *found;
    } modes[] = {
        {0600, "ok", "its mode is 0600"},
        {0400, "ok", "its mode is 0400"},
        {0440, "ok", "its mode is 0440"},
        {0644, "warn", "its mode is 0644: every user of this machine may read it"},
        {0660, "warn", "its mode is 0660: others may put another key there"},
    };
    const struct outbox_fixture *fixture = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/key", fixture->directory);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(path, " " SANDBOX_KEY "\r\n\n", strlen(SANDBOX_KEY) + 4, modes[i].mode);
        json_t *lines = DOCTOR_IN(fixture, 0, ("KRATY_SERVER_KEY", fixture->klp->url), "--key-file", path);
        assert_found(lines, "key-file", modes[i].status, modes[i].found);
        assert_found(lines, "key", "ok", "from --key-file, sandbox.…");
        assert_found(lines, "ping", "ok", "the server takes the key");
        json_decref(lines);
        assert_int_equal(unlink(path), 0);
    }
    write_file(path, SANDBOX_KEY, strlen(SANDBOX_KEY), 0600);
    json_t *lines = DOCTOR_IN(fixture, 0, ("KRATY_SERVER_KEY=" OTHER_KEY, fixture->klp->url), "--key-file", path);
    assert_found(lines, "key", "ok", "--key-file (KRATY_SERVER_KEY, which is set too, does not count), sandbox.…");
    json_decref(lines);
}

static void key_files_that_hold_no_key_are_told(void **state)
{
    static char long_text[5000];
    static const struct {
        const char *text, *found;
    } files[] = {
        {"", "--key-file is empty"},
        {" \n", "--key-file is empty"},
        {"a." DOCTOR_SECRET "\nb.c\n", "more than one line"},
        {"# the key\na." DOCTOR_SECRET "\n", "more than one line"},
        {"\xef\xbb\xbf"
         "a." DOCTOR_SECRET "\n",
         "a byte order mark"},
        {long_text, "is longer than any API key"},
    };
    const struct outbox_fixture *fixture = *state;
    char path[128];

    memset(long_text, 'x', sizeof long_text - 1);
    snprintf(path, sizeof path, "%s/key", fixture->directory);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        write_file(path, files[i].text, strlen(files[i].text), 0600);
        json_t *lines = DOCTOR(fixture, 1, "--key-file", path);
        assert_advised(lines, "key", "fail", files[i].found, "The file holds the key and nothing else, on one line");
        assert_found(lines, "ping", "skip", "there is no API key");
        json_decref(lines);
    }
    json_t *lines = DOCTOR(fixture, 1, "--key-file", fixture->directory);
    assert_found(lines, "key", "fail", "--key-file is no file");
    json_decref(lines);
    lines = DOCTOR(fixture, 1, "--key-file=/nonexistent/key");
    assert_advised(lines, "key", "fail", "--key-file: No such file or directory", "this user may read");
    doctor_assert_none(lines, "key-file");
    json_decref(lines);
}

/* ---- what the server knows of the key ---- */

static void a_key_that_the_server_does_not_know_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR_IN(fixture, 1, ("KRATY_SERVER_KEY=" OTHER_KEY, fixture->klp->url));
    assert_found(lines, "key", "ok", "from KRATY_SERVER_KEY, other.…");
    assert_advised(lines, "ping", "fail", "session_invalid (401): ", "mistyped, revoked, or of another server");
    json_decref(lines);
}

static void a_key_of_another_permission_set_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_change_keys(fixture->klp->sandbox, "{\"add\":[{\"key\":\"" OTHER_KEY "\",\"permissionSet\":\"client\"}]}");
    json_t *lines = DOCTOR_IN(fixture, 1, ("KRATY_SERVER_KEY=" OTHER_KEY, fixture->klp->url));
    assert_advised(lines, "permission", "fail", "the key's set is client, which may not push", "server_integration");
    json_decref(lines);
    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"op\":\"ping\"},\"times\":-1,\"action\":{\"status\":403}}");
    lines = DOCTOR(fixture, 1);
    assert_advised(lines, "server", "warn", "answers a request without a key with 403 instead of 401", "Kraty's URL");
    assert_advised(lines, "ping", "fail", "forbidden (403): ", "server_integration");
    json_decref(lines);
    sandbox_unscript(fixture->klp->sandbox);

    /* what a server says is made harmless, and what it does not say is told */
    sandbox_script(fixture->klp->sandbox,
                   "{\"match\":{\"op\":\"ping\"},\"times\":-1,\"action\":{\"status\":200,\"body\":"
                   "\"{\\\"ok\\\":true,\\\"apiKey\\\":{\\\"permissionSet\\\":\\\"client\\\\u001b[2J\\\"}}\"}}");
    lines = DOCTOR(fixture, 1, "--game=game_1", "--expect-environment=live");
    assert_advised(lines, "permission", "fail", "the key's set is client?[2J, which may not push",
                   "server_integration");
    doctor_assert(lines, "environment", "warn", "the server does not say", "Kraty's URL");
    doctor_assert(lines, "game", "warn", "the server does not say", "Kraty's URL");
    json_decref(lines);
}

static void a_key_of_another_game_or_environment_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 1, "--game=game_2", "--expect-environment", "live");
    assert_found(lines, "ping", "ok", "the server takes the key (sandbox…, of studio_1)");
    assert_found(lines, "permission", "ok", "server_integration");
    assert_advised(lines, "game", "fail", "the key is for game_1, and not for the game of --game", "one game");
    assert_advised(lines, "environment", "fail", "the key is test, and not live", "of the environment that is meant");
    json_decref(lines);
    lines = DOCTOR(fixture, 0);
    assert_found(lines, "game", "ok", "the key is for game_1, and none was named (--game)");
    assert_found(lines, "environment", "ok", "test, and none was expected");
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(a_line_for_each_thing_is_told_in_words),
        OUTBOX_TEST(the_same_is_told_as_objects_with_two_requests_in_all),
        OUTBOX_TEST(a_stdout_that_takes_no_more_is_a_failure),
        OUTBOX_TEST(wrong_usage_is_refused),
        OUTBOX_TEST(values_that_were_given_are_not_repeated),
        OUTBOX_TEST(the_library_and_what_it_stands_on_are_named),
        OUTBOX_TEST(a_library_that_cannot_be_loaded_is_told),
        OUTBOX_TEST(a_copy_that_stands_before_the_right_library_is_told_and_not_called),
        OUTBOX_TEST(a_library_of_another_release_is_told),
        OUTBOX_TEST(the_stub_is_told_and_nothing_is_sent),
        OUTBOX_TEST(keys_that_no_server_takes_are_known_before_they_are_sent),
        OUTBOX_TEST(keys_of_an_odd_form_are_warned_of),
        OUTBOX_TEST(key_files_are_judged_by_who_may_read_them),
        OUTBOX_TEST(key_files_that_hold_no_key_are_told),
        OUTBOX_TEST(a_key_that_the_server_does_not_know_is_told),
        OUTBOX_TEST(a_key_of_another_permission_set_is_told),
        OUTBOX_TEST(a_key_of_another_game_or_environment_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
