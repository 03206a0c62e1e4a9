/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, as it is called: what it refuses, and what it says of itself. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "klp_fixture.h"

/* ---- wrong usage ---- */

static void wrong_usage_names_the_option(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "the first argument", "pull");
    assert_refused(fixture, "the first argument", "webhook");
    assert_refused(fixture, "the first argument", "webhook", "check");
    assert_refused(fixture, "--gmae is not an option", "push", "--gmae=x");
    assert_refused(fixture, "--lobby is not an option", "push", "--lobby", "x");
    assert_refused(fixture, "--key is not an option", "read", "--key", "x");
    assert_refused(fixture, "--game is not an option", "ping", "--game", "x");
    assert_refused(fixture, "belongs to no option", "ping", "x");
    assert_refused(fixture, "belongs to no option", "ping", "--");
    assert_refused(fixture, "--game has no value", "push", "--game");
    assert_refused(fixture, "--game is empty", "push", "--game=");
    assert_refused(fixture, "--game is empty", "push", "--game", "");
    assert_refused(fixture, "--game is given twice", "push", "--game=a", "--game=b");
    assert_refused(fixture, "--game is missing", "push", "--event=duel");
    assert_refused(fixture, "--event is missing", "push", "--game=game_1", "--key=k", "--player=p");
    assert_refused(fixture, "--player is missing", "push", "--game=game_1", "--event=duel", "--key=k");
    assert_refused(fixture, "--game is missing", "read", "--lobby=x");
    assert_refused(fixture, "--lobby is missing", "read", "--game=x");
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity=0");
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity=-1");
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity=8x");
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity=4294967296");
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity=99999999999999999999999");
    assert_refused(fixture, "--fill-bots is neither yes nor no", ONE("k"), "--fill-bots=maybe");
    assert_refused(fixture, "--timeout-ms is not a number", "ping", "--timeout-ms=3600001");
    assert_refused(fixture, "--attempts is not a number", "ping", "--attempts=101");
    assert_refused(fixture, "--attempts is not a number", "ping", "--attempts=0");
    assert_refused(fixture, "--verbose takes no value", "ping", "--verbose=yes");
    assert_refused(fixture, "--verbose is given twice", "ping", "--verbose", "--verbose");
    assert_refused(fixture, "--quiet is for many rosters", ONE("k"), "--quiet");
    assert_refused(fixture, "--quiet is not an option here", "ping", "--quiet");
    assert_refused(fixture, "--player needs --key", MANY, "--player=p");
    assert_refused(fixture, "--capacity needs --key", MANY, "--capacity=2");
    assert_refused(fixture, "--fill-bots needs --key", MANY, "--fill-bots=no");
    assert_refused(fixture, "--metadata needs --key", MANY, "--metadata={}");
    assert_refused(fixture, "help knows", "help", "pull");
    assert_refused(fixture, "help knows", "help", "push", "read");
    assert_refused(fixture, "help knows", "help", "webhook");
    struct run run = RUN(fixture->environment, NULL, NULL);
    assert_contains(run.errors, "the command is missing: push, read, await, ping, call, webhook verify");
    assert_ended(run, 2, 0);
    run_clear(&run);
}

static void a_key_on_the_command_line_is_refused_and_not_repeated(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "KRATY_SERVER_KEY instead", "push", "--api-key", SANDBOX_KEY);
    assert_refused(fixture, "KRATY_SERVER_KEY instead", "ping", "--api-key=" SANDBOX_KEY);
    /* nor where it was put by mistake */
    assert_refused(fixture, "--apikey is not an option", "ping", "--apikey=" SANDBOX_KEY);
    assert_refused(fixture, "belongs to no option", "ping", SANDBOX_KEY);
    assert_refused(fixture, "the first argument", SANDBOX_KEY);
    assert_refused(fixture, "--capacity is not a number", ONE("k"), "--capacity", SANDBOX_KEY);
    assert_refused(fixture, "--fill-bots is neither", ONE("k"), "--fill-bots", SANDBOX_KEY);
}

static void what_the_plugin_refuses_is_never_sent(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "capacity 1 is below the 2 players", ONE("k"), "--capacity=1");
    assert_refused(fixture, "metadata_json is not one JSON object", ONE("k"), "--metadata=[]");
    assert_refused(fixture, "metadata_json is not one JSON object", ONE("k"), "--metadata={\"a\":}");
    assert_refused(fixture, "key", ONE("\xff"));
    assert_refused(fixture, "lobby_id", "read", "--game=game_1", "--lobby=..");
    assert_refused(fixture, "game_id", "read", "--game=..", "--lobby=x");
    assert_refused(fixture, "ca_file", "ping", "--ca-file=/nonexistent.pem");
    assert_refused(fixture, "base_url", "ping", "--base-url=ftp://127.0.0.1");
    assert_refused(fixture, "base_url", "ping", "--base-url=https://user:word@127.0.0.1");
    assert_refused(fixture, "base_url is plain http to example.com, which is not loopback", "ping",
                   "--base-url=http://example.com");
}

static void what_is_wrong_in_the_environment_is_told(void **state)
{
    (void)state;
    struct run run = RUN(((const char *[]){"KRATY_BASE_URL=http://127.0.0.1:1", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_SERVER_KEY");
    assert_ended(run, 2, 0);
    run_clear(&run);

    run = RUN(((const char *[]){KEY, "KRATY_BASE_URL=http://example.com", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_BASE_URL is plain http to example.com");
    assert_ended(run, 2, 0);
    run_clear(&run);

    run = RUN(((const char *[]){"KRATY_SERVER_KEY=a key with spaces", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_SERVER_KEY");
    assert_ended(run, 2, 0);
    run_clear(&run);

    run = RUN(((const char *[]){"KLP_LIBRARY=/nonexistent.so", KEY, NULL}), NULL, "ping");
    assert_contains(run.errors, "/nonexistent.so");
    assert_ended(run, 2, 0);
    run_clear(&run);
}

/* ---- help ---- */

static void help_is_complete_on_stdout(void **state)
{
#define EVERYWHERE "--help", "KLP_LIBRARY", "Exit status"
#define CONNECTED                                                                                                      \
    EVERYWHERE, "--base-url URL", "--ca-file FILE", "--expect-environment live|test", "--verbose", "KRATY_SERVER_KEY", \
        "KRATY_BASE_URL"
#define SENDING CONNECTED, "--attempts N", "--jitter F", "--timeout-ms N", "--deadline-ms N"
    static const struct {
        const char *arguments[5];
        const char *words[32];
    } texts[] = {
        {{"klp", "help"},
         {"klp push", "klp read", "klp await", "klp ping", "klp call", "klp webhook verify", "klp outbox", "klp doctor",
          "--version", "KRATY_SERVER_KEY", "KRATY_BASE_URL", "Exit status"}},
        {{"klp", "--help"}, {"Usage: klp push", "klp webhook verify"}},
        {{"klp", "-h"}, {"Usage: klp push"}},
        {{"klp", "push", "--help"},
         {SENDING, "--game ID", "--event KEY", "--key KEY", "--player ID", "--capacity N", "--fill-bots yes|no",
          "--metadata JSON", "--quiet", "--grace-ms N", "\"players\"", "2 MiB", "--outbox DIR", "--name NAME",
          "--durable", "--outbox-sync full|normal", "--outbox-max-bytes N", "--roster-format FORMAT"}},
        {{"klp", "help", "push"}, {"--game ID", "--event KEY"}},
        {{"klp", "push", "-h"}, {"--game ID", "--event KEY"}},
        {{"klp", "push", "--verbose", "--help"}, {"--game ID", "--event KEY"}},
        {{"klp", "read", "--help"}, {SENDING, "--game ID", "--lobby ID"}},
        {{"klp", "help", "read"}, {"Usage: klp read", "--lobby ID"}},
        {{"klp", "await", "--help"},
         {CONNECTED, "--game ID", "--lobby ID", "--timeout-ms N      how long to wait in all", "60000",
          "--interval-ms N"}},
        {{"klp", "help", "await"}, {"Usage: klp await"}},
        {{"klp", "ping", "--help"}, {SENDING}},
        {{"klp", "help", "ping"}, {"Usage: klp ping"}},
        {{"klp", "call", "--help"}, {SENDING, "METHOD", "SEGMENT", "--body JSON", "idempotencyKey", "1 MiB"}},
        {{"klp", "help", "call"}, {"Usage: klp call"}},
        {{"klp", "call", "POST", "-h"}, {"Usage: klp call"}},
        {{"klp", "webhook", "verify", "--help"},
         {EVERYWHERE, "--secret-env NAME", "--signature HEADER", "--tolerance-s N", "--now UNIX_S", "1 MiB"}},
        {{"klp", "help", "webhook", "verify"}, {"Usage: klp webhook verify"}},
        {{"klp", "outbox", "--help"},
         {EVERYWHERE,
          "KRATY_SERVER_KEY",
          "KRATY_BASE_URL",
          "--base-url",
          "--attempts",
          "--jitter",
          "--timeout-ms",
          "--deadline-ms N",
          "klp outbox list",
          "klp outbox show TICKET",
          "klp outbox retry-now",
          "klp outbox drop TICKET",
          "klp outbox failed",
          "klp outbox requeue TICKET|--all",
          "klp outbox drain",
          "--pusher NAME",
          "--file FILE",
          "--json",
          "--all",
          "--yes",
          "--ack"}},
        {{"klp", "outbox", "drain", "--help"}, {"Usage: klp outbox list"}},
        {{"klp", "help", "outbox"}, {"Usage: klp outbox list"}},
        {{"klp", "help", "outbox", "drop"}, {"Usage: klp outbox list"}},
        {{"klp", "roster", "--help"},
         {EVERYWHERE, "--format FORMAT", "--player-id-path P", "--key-annotation A", "--capacity N", "1 MiB"}},
        {{"klp", "help", "roster"}, {"Usage: klp roster"}},
        {{"klp", "doctor", "--help"},
         {EVERYWHERE, "KRATY_SERVER_KEY", "KRATY_BASE_URL", "--game ID", "--expect-environment live|test",
          "--base-url URL", "--ca-file FILE", "--key-file FILE", "--outbox DIR", "--outbox-max-bytes N",
          "--results URL", "--timeout-ms N", "--json", "outbox-disk, -space, -sync, -files", "core-dumps"}},
        {{"klp", "help", "doctor"}, {"Usage: klp doctor"}},
    };
    const char *const environment[] = {"KLP_LIBRARY=/nonexistent.so", NULL}; /* needs nothing */

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct process_result result = process_run(texts[i].arguments, environment, NULL);
        assert_int_equal(result.exit_status, 0);
        assert_string_equal(result.errors, "");
        for (const char *const *word = texts[i].words; *word; word++)
            assert_contains(result.output, *word);
        for (const char *line = result.output, *end; *line; line = end + 1) {
            end = strchr(line, '\n');
            assert_non_null(end);
            assert_true(end - line <= 84);
        }
        process_result_clear(&result);
    }
}

static void the_version_is_told_with_and_without_the_library(void **state)
{
    (void)state;
    struct process_result result = process_run((const char *[]){"klp", "--version", NULL}, NULL, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, "klp " KLP_VERSION "\nlibkraty_lobby_pusher " KLP_VERSION "\n");
    process_result_clear(&result);

    result = process_run((const char *[]){"klp", "--version", NULL},
                         (const char *[]){"KLP_LIBRARY=/nonexistent.so", NULL}, NULL);
    assert_int_equal(result.exit_status, 0);
    assert_string_equal(result.output, "klp " KLP_VERSION "\n");
    process_result_clear(&result);
}

/* Under a sanitizer it is not the program that opens the library, and so not its rpath that counts. */
static void the_library_beside_the_program_is_found(void **state)
{
    (void)state;
    if (IS_SANITIZED)
        skip();
    struct process_result result =
        process_run((const char *[]){"klp", "--version", NULL}, (const char *[]){"KLP_LIBRARY", NULL}, NULL);
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_usage_names_the_option),
        TEST(a_key_on_the_command_line_is_refused_and_not_repeated),
        TEST(what_the_plugin_refuses_is_never_sent),
        cmocka_unit_test(what_is_wrong_in_the_environment_is_told),
        cmocka_unit_test(help_is_complete_on_stdout),
        cmocka_unit_test(the_version_is_told_with_and_without_the_library),
        cmocka_unit_test(the_library_beside_the_program_is_found),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
