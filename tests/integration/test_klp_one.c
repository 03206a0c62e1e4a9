/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, one call at a time: a push, a read, a ping, and how each ends it. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "klp_fixture.h"

/* ---- one push ---- */

static void a_push_that_is_applied_ends_with_0(void **state)
{
    const struct fixture *fixture = *state;

    struct run run =
        RUN(fixture->environment, NULL, ONE("match/1 żółć"), "--capacity", "4", "--fill-bots", "yes", "--metadata",
            "{\"map\":{\"name\":\"砂漠\"},\"x\":1.50}", "--attempts", "1", "--timeout-ms", "9000");
    assert_ended(run, 0, 1);
    assert_string_equal(run.errors, "");
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "applied");
    assert_string_equal(sandbox_text_at(run.events, "0.key"), "match/1 żółć");
    assert_true(json_is_false(sandbox_at(run.events, "0.replayed")));
    run_clear(&run);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox);
    json_t *expected =
        json_pack("{s:s, s:s, s:[s,s], s:i, s:b, s:{s:{s:s}, s:f}}", "key", "match/1 żółć", "event", "duel", "players",
                  "alice", "bob", "capacity", 4, "fillBots", 1, "metadata", "map", "name", "砂漠", "x", 1.5);
    const char *field;
    json_t *value;
    assert_int_equal(json_array_size(lobbies), 1);
    json_object_foreach(expected, field, value)
    {
        assert_true(json_equal(json_object_get(json_array_get(lobbies, 0), field), value));
    }
    json_decref(expected);
    json_decref(lobbies);

    run = RUN(fixture->environment, NULL, ONE("match/1 żółć"), "--capacity=4", "--fill-bots=yes",
              "--metadata={\"map\":{\"name\":\"砂漠\"},\"x\":1.50}");
    assert_ended(run, 0, 1);
    assert_true(json_is_true(sandbox_at(run.events, "0.replayed")));
    run_clear(&run);
}

static void what_is_not_given_is_left_to_the_event(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "push", "--game=game_1", "--event=bot_brawl", "--key=a=b",
                         "--player=x=y", "--player=-", "--player=--key");
    assert_ended(run, 0, 1);
    run_clear(&run);
    run = RUN(fixture->environment, NULL, "push", "--game=game_1", "--event=bot_brawl", "--key=no bots", "--player=x",
              "--fill-bots", "no");
    assert_ended(run, 0, 1);
    run_clear(&run);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox);
    assert_string_equal(sandbox_text_at(lobbies, "0.key"), "a=b");
    assert_string_equal(sandbox_text_at(lobbies, "0.players.0"), "x=y");
    assert_string_equal(sandbox_text_at(lobbies, "0.players.2"), "--key");
    assert_int_equal(json_integer_value(sandbox_at(lobbies, "0.capacity")), 8);
    assert_true(json_is_true(sandbox_at(lobbies, "0.fillBots")));
    assert_true(json_is_null(sandbox_at(lobbies, "0.metadata")));
    assert_true(json_is_false(sandbox_at(lobbies, "1.fillBots")));
    json_decref(lobbies);
}

static void a_conflict_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("match-1"));
    assert_ended(run, 0, 1);
    run_clear(&run);
    run = RUN(fixture->environment, NULL, ONE("match-1"), "--player=carol", "--capacity=3");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "idempotency_conflict");
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "not_applied");
    run_clear(&run);
}

static void a_reply_that_is_lost_ends_with_3(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"));
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "possibly_applied");
    run_clear(&run);

    sandbox_unscript(fixture->sandbox);
    run = RUN(fixture->environment, NULL, ONE("match-1")); /* the same again is safe */
    assert_ended(run, 0, 1);
    assert_true(json_is_true(sandbox_at(run.events, "0.replayed")));
    run_clear(&run);
}

static void the_timeout_is_the_one_that_is_given(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"), "--timeout-ms", "150");
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "timeout");
    assert_in_range(run.elapsed_ms, 150, 14000);
    run_clear(&run);
}

static void a_server_that_is_not_there_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("match-1"), "--base-url", "http://127.0.0.1:1");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "network_error");
    run_clear(&run);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 0); /* --base-url stands before KRATY_BASE_URL */
}

static void a_signal_ends_a_push_that_hangs_with_an_honest_verdict(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture, ONE("match-1"));
    fixture_await_requests(fixture, 1);
    process_signal(process, SIGINT);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "shutdown");
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);
}

static void a_wrong_key_ends_with_1_and_is_not_told(void **state)
{
    const struct fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=wrong.secret-that-nobody-may-see", fixture->url, NULL};

    struct run run = RUN(environment, NULL, ONE("match-1"));
    assert_ended(run, 1, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.http_status")), 401);
    run_clear(&run);
}

/* ---- reads and pings ---- */

static void a_ping_tells_of_the_key(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "ping");
    assert_ended(run, 0, 1);
    assert_string_equal(run.errors, "");
    assert_string_equal(sandbox_text_at(run.events, "0.api_key.gameId"), "game_1");
    run_clear(&run);
}

static void a_ping_that_fails_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"status\":403}}");
    struct run run = RUN(fixture->environment, NULL, "ping");
    assert_ended(run, 1, 1);
    assert_true(json_is_false(sandbox_at(run.events, "0.ok")));
    run_clear(&run);
}

static void a_read_tells_of_the_lobby(void **state)
{
    const struct fixture *fixture = *state;

    struct run pushed = RUN(fixture->environment, NULL, ONE("match-1"));
    assert_ended(pushed, 0, 1);
    const char *id = sandbox_text_at(pushed.events, "0.lobby_id");
    struct run run = RUN(fixture->environment, NULL, "read", "--game", "game_1", "--lobby", id);
    assert_ended(run, 0, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.op"), "read");
    assert_string_equal(sandbox_text_at(run.events, "0.lobby.id"), id);
    run_clear(&run);
    run_clear(&pushed);
}

static void a_read_that_finds_nothing_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "read", "--game=game_1", "--lobby=lob_none");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "not_found");
    run_clear(&run);
}

/* ---- TLS ---- */

static void a_ca_file_is_what_is_trusted(void **state)
{
    const struct fixture *fixture = *state;
    struct guest_certificates certificates;
    char url[96];

    guest_make_certificates(&certificates);
    struct sandbox_client *sandbox =
        sandbox_start((const char *[]){"--tls-cert", certificates.good, "--tls-key", certificates.good_key, NULL});
    snprintf(url, sizeof url, "https://127.0.0.1:%u", sandbox_port(sandbox));

    struct run run = RUN(fixture->environment, NULL, ONE("m-1"), "--base-url", url);
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "tls_error");
    run_clear(&run);
    run = RUN(fixture->environment, NULL, ONE("m-1"), "--base-url", url, "--ca-file", certificates.authority);
    assert_ended(run, 0, 1);
    run_clear(&run);

    sandbox_stop(sandbox);
    guest_remove_certificates(&certificates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_that_is_applied_ends_with_0),
        TEST(what_is_not_given_is_left_to_the_event),
        TEST(a_conflict_ends_with_1),
        TEST(a_reply_that_is_lost_ends_with_3),
        TEST(the_timeout_is_the_one_that_is_given),
        TEST(a_server_that_is_not_there_ends_with_1),
        TEST(a_signal_ends_a_push_that_hangs_with_an_honest_verdict),
        TEST(a_wrong_key_ends_with_1_and_is_not_told),
        TEST(a_ping_tells_of_the_key),
        TEST(a_ping_that_fails_ends_with_1),
        TEST(a_read_tells_of_the_lobby),
        TEST(a_read_that_finds_nothing_ends_with_1),
        TEST(a_ca_file_is_what_is_trusted),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
