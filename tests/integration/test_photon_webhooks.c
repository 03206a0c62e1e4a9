/* SPDX-License-Identifier: Apache-2.0
 * Photon's webhooks, posted as Photon does, and the lobbies that become of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "photon_rig.h"

#define FOR_EVER ((const char *[]){"--form-ms", "3600000", NULL})

static void assert_lobby(struct photon *photon, const char *key, const char *players)
{
    json_decref(photon_lobby(photon, key, players));
}

/* ---- a room of each product ---- */

static void a_room_of_realtime_is_pushed_when_it_is_full(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "Create", "room-88", "u-100", 1,
                    "{\"MaxPlayers\":3,\"CustomProperties\":{\"map\":\"dock\"}}");
    photon_realtime(photon, "Join", "room-88", "u-101", 2, NULL);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 0);
    photon_realtime(photon, "Join", "room-88", "u-102", 3, NULL);
    photon_await_output(photon, "room-88 applied lob_");
    photon_await_errors(photon, "room-88: pushed with 3 in: it is full\n");

    json_t *lobby = photon_lobby(photon, "room-88", "u-100 u-101 u-102");
    assert_int_equal(json_integer_value(json_object_get(lobby, "capacity")), 3);
    assert_string_equal(sandbox_text_at(lobby, "metadata.region"), "EU");
    assert_string_equal(sandbox_text_at(lobby, "metadata.app_version"), "1.4");
    json_decref(lobby);

    /* the match, and its end */
    photon_realtime(photon, "ClientDisconnect", "room-88", "u-101", 2, NULL);
    photon_realtime(photon, "LeaveRequest", "room-88", "u-100", 1, NULL);
    photon_realtime(photon, "Close", "room-88", NULL, 0, NULL);
    photon_stop(photon, 1);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 1);
}

static void a_room_of_quantum_is_pushed_when_the_expected_are_in(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_quantum(
        photon, "/game/create", "0:eu:q",
        ",\"Region\":\"eu\",\"UserId\":\"a\",\"AuthCookie\":{\"secret\":\"never log me\"},\"EnterRoomParams\":"
        "{\"RoomOptions\":{\"MaxPlayers\":0},\"ExpectedUsers\":[\"b\",\"a\",\"c\"]}}");
    photon_quantum(photon, "/game/join", "0:eu:q", ",\"UserId\":\"c\"}");
    photon_quantum(photon, "/game/join", "0:eu:q", ",\"UserId\":\"d\"}");
    photon_quantum(photon, "/game/leave", "0:eu:q", ",\"UserId\":\"d\",\"ActorNr\":3,\"IsInactive\":false}");
    photon_quantum(photon, "/game/join", "0:eu:q", ",\"UserId\":\"b\"}");
    photon_await_output(photon, "0:eu:q applied lob_");
    photon_await_errors(photon, "0:eu:q: pushed with 3 in: all who were expected are in\n");
    assert_null(strstr(photon_errors(photon), "never log me"));

    json_t *lobby = photon_lobby(photon, "0:eu:q", "a b c");
    assert_int_equal(json_integer_value(sandbox_at(lobby, "lobby.capacity")), 8); /* the event's: there is no limit */
    json_decref(lobby);
    photon_stop(photon, 1);
}

static void with_playfab_the_paths_of_quantum_have_underscores(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_quantum(photon, "/game_create", "q",
                   ",\"UserId\":\"a\",\"EnterRoomParams\":{\"RoomOptions\":{\"MaxPlayers\":4}}}");
    photon_quantum(photon, "/game_join", "q", ",\"UserId\":\"b\"}");
    photon_quantum(photon, "/game_leave", "q", ",\"UserId\":\"a\",\"ActorNr\":1}");
    photon_quantum(photon, "/game_close", "q", ",\"CloseReason\":0}");
    photon_await_output(photon, "q applied lob_");
    assert_lobby(photon, "q", "b");
    photon_stop(photon, 1);
}

/* ---- what is final ---- */

static void a_room_that_does_not_fill_is_pushed_when_its_time_is_up(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, (const char *[]){"--form-ms", is_slowed() ? "3000" : "300", NULL});
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":8,\"ExpectedUsers\":[\"b\",\"c\"]}");
    photon_realtime(photon, "Join", "r", "c", 2, NULL);
    photon_realtime(photon, "Join", "r", "d", 3, NULL);
    photon_realtime(photon, "LeaveRequest", "r", "d", 3, NULL); /* before it is final */
    photon_await_errors(photon, "r: pushed with 2 in, 1 who were expected missing: its time to form is up\n");
    photon_await_output(photon, "r applied lob_");
    assert_lobby(photon, "r", "a c");

    photon_realtime(photon, "Join", "r", "b", 4, NULL); /* too late */
    photon_await_errors(photon, "r: a user came after the roster was final, and is not in it\n");
    photon_stop(photon, 1);
    assert_lobby(photon, "r", "a c");
}

static void a_room_that_is_closed_is_pushed_with_who_is_in(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":4}");
    photon_realtime(photon, "Join", "r", "b", 2, NULL);
    photon_realtime(photon, "Save", "r", NULL, 0, NULL);
    photon_realtime(photon, "Join", "r", "c", 3, NULL); /* overtaken by the close */
    photon_await_errors(photon, "r: a user came after the roster was final, and is not in it\n");
    photon_await_output(photon, "r applied lob_");
    assert_lobby(photon, "r", "a b");

    photon_realtime(photon, "Create", "empty", "a", 1, "{\"MaxPlayers\":4}");
    photon_realtime(photon, "Leave", "empty", "a", 1, NULL);
    photon_realtime(photon, "Close", "empty", NULL, 0, NULL);
    photon_await_errors(photon, "empty: not pushed, with 0 in: all had left before it was final\n");

    photon_quantum(photon, "/game/create", "failed", ",\"UserId\":\"a\",\"EnterRoomParams\":{\"RoomOptions\":{}}}");
    photon_quantum(photon, "/game/leave", "failed", ",\"UserId\":\"a\",\"ActorNr\":1,\"FailedOnCreate\":true}");
    photon_await_errors(photon, "failed: not pushed, with 1 in: Photon could not create it\n");
    photon_stop(photon, 1);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 1);
}

/* ---- again, and out of order ---- */

static void webhooks_that_come_again_change_nothing(void **state)
{
    static const char create[] =
        "{\"AppId\":\"a1\",\"GameId\":\"q\",\"UserId\":\"a\",\"EnterRoomParams\":{\"RoomOptions\":"
        "{\"MaxPlayers\":3}}}",
                      join_b[] = "{\"AppId\":\"a1\",\"GameId\":\"q\",\"UserId\":\"b\"}",
                      leave_b[] = "{\"AppId\":\"a1\",\"GameId\":\"q\",\"UserId\":\"b\",\"ActorNr\":2}",
                      join_c[] = "{\"AppId\":\"a1\",\"GameId\":\"q\",\"UserId\":\"c\"}",
                      join_d[] = "{\"AppId\":\"a1\",\"GameId\":\"q\",\"UserId\":\"d\"}",
                      close[] = "{\"AppId\":\"a1\",\"GameId\":\"q\",\"CloseReason\":0}";
    static const struct {
        const char *path, *body, *invoke_id;
    } hooks[] = {{"/game/create", create, "EGInvokeId: 1"}, {"/game/join", join_b, "EGInvokeId: 2"},
                 {"/game/leave", leave_b, "EGInvokeId: 3"}, {"/game/join", join_b, "EGInvokeId: 2"}, /* overtaken */
                 {"/game/join", join_c, "EGInvokeId: 4"},   {"/game/join", join_d, "EGInvokeId: 5"},
                 {"/game/close", close, "EGInvokeId: 6"},   {"/game/create", create, "EGInvokeId: 1"}};
    struct photon *photon = *state;
    char repeat_id[32];

    photon_start(photon, FOR_EVER);
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
        for (unsigned repeat = 0; repeat < 4; repeat++) {
            bool was_there = i == 3 || i == 7;
            snprintf(repeat_id, sizeof repeat_id, "EGRepeatId: %u", repeat + was_there);
            struct photon_reply reply = photon_post(photon, hooks[i].path, hooks[i].body,
                                                    (const char *[]){repeat_id, hooks[i].invoke_id, NULL});
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "{}");
        }
    photon_await_output(photon, "q applied lob_");
    photon_stop(photon, 1); /* one push, one verdict: no room is left that forms */
    assert_lobby(photon, "q", "a c d");
    assert_int_equal(sandbox_stat(photon->sandbox, "requests"), 1);
}

static void webhooks_that_come_out_of_order_make_the_same_roster(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "PlayerTtlTimedOut", "r", "c", 3, NULL); /* a leave before its join */
    photon_realtime(photon, "Join", "r", "b", 2, NULL);              /* a join before the Create */
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":3}");
    photon_realtime(photon, "Join", "r", "c", 3, NULL);
    photon_realtime(photon, "Join", "r", "d", 4, NULL);
    photon_await_output(photon, "r applied lob_");
    assert_lobby(photon, "r", "a b d");
    photon_stop(photon, 1);
}

static void a_game_id_that_comes_again_finds_its_key_taken(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":1}");
    photon_await_output(photon, "r applied lob_");
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":1}");
    photon_await_errors(photon, "r: its Create came again, and is taken for that of the same room\n");
    photon_realtime(photon, "Close", "r", NULL, 0, NULL);
    photon_realtime(photon, "Create", "r", "b", 1, "{\"MaxPlayers\":1}"); /* another room of this name */
    photon_await_output(photon, "r not_applied idempotency_conflict ");
    photon_await_output(photon, ": a room of this GameId was pushed before, with other players\n");
    photon_stop(photon, 2);
    assert_lobby(photon, "r", "a");
}

/* ---- what is no webhook of a roster ---- */

static void webhooks_that_do_not_say_who_plays_are_only_answered(void **state)
{
    static const struct {
        const char *path, *type;
    } hooks[] = {{"/GameBeforeJoin", "BeforeJoin"}, {"/GameEvent", "Event"}, {"/GameProperties", "Game"}};
    struct photon *photon = *state;
    char body[256];

    photon_start(photon, FOR_EVER);
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        /* NULs, 64 bits and two keys of one name: what clients can put into events */
        snprintf(body, sizeof body,
                 "{\"ActorNr\":1,\"GameId\":\"r\",\"Type\":\"%s\",\"UserId\":\"a\",\"Data\":{\"1\":\"\\u0000\",\"1\":"
                 "18446744073709551615}}",
                 hooks[i].type);
        struct photon_reply reply = photon_post(photon, hooks[i].path, body, NULL);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "{\"ResultCode\":0}");
    }
    photon_stop(photon, 0);
}

static void a_room_that_is_loaded_is_created_or_said_to_have_no_state(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    struct photon_reply reply = photon_post(
        photon, "/GameCreate",
        "{\"ActorNr\":2,\"GameId\":\"r\",\"Type\":\"Load\",\"UserId\":\"a\",\"CreateIfNotExists\":false}", NULL);
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.body,
                        "{\"ResultCode\":1,\"Status\":404,\"Error\":\"Refused\",\"Message\":\"the State of a "
                        "room is not kept here\"}");
    reply = photon_post(
        photon, "/GameCreate",
        "{\"ActorNr\":1,\"GameId\":\"r\",\"Type\":\"Load\",\"UserId\":\"a\",\"CreateIfNotExists\":true}", NULL);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "{\"State\":\"\",\"ResultCode\":0}");
    reply = photon_post(photon, "/GameClose", "{\"GameId\":\"r\",\"Type\":\"Close\"}", NULL);
    assert_int_equal(reply.status, 200);
    photon_await_output(photon, "r applied lob_");
    assert_lobby(photon, "r", "a");
    photon_stop(photon, 1);
}

static void what_is_wrong_with_a_webhook_is_said_by_name_and_nothing_of_it_is_kept(void **state)
{
    static const struct {
        const char *path, *body, *message;
    } wrong[] = {
        {"/GameJoin", "", "the body is not one JSON object in UTF-8"},
        {"/GameJoin", "[]", "the body is not one JSON object in UTF-8"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"x\"",
         "the body is not one JSON object in UTF-8"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"\xff\"}",
         "the body is not one JSON object in UTF-8"},
        {"/GameJoin", "{\"GameId\":\"r\",\"ActorNr\":2,\"UserId\":\"x\"}", "Type is missing"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Leave\",\"ActorNr\":2,\"UserId\":\"x\"}",
         "Type is not of what comes to /GameJoin"},
        {"/GameLeave", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":1,\"UserId\":\"a\"}",
         "Type is not of what comes to /GameLeave"},
        {"/GameJoin", "{\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"x\"}", "GameId is missing"},
        {"/GameJoin", "{\"GameId\":7,\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"x\"}", "GameId is not a string"},
        {"/GameJoin", "{\"GameId\":\"\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"x\"}", "GameId is empty"},
        {"/GameJoin", "{\"GameId\":\"r\\u0000\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"x\"}",
         "GameId has a NUL byte"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":null}", "UserId is missing"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"UserId\":\"x\"}", "ActorNr is missing"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":0,\"UserId\":\"x\"}",
         "ActorNr is not the number of an actor"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":1.5,\"UserId\":\"x\"}",
         "ActorNr is not the number of an actor"},
        {"/GameJoin", "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":\"2\",\"UserId\":\"x\"}",
         "ActorNr is not the number of an actor"},
        {"/GameLeave", "{\"GameId\":\"r\",\"Type\":\"LeaveRequest\",\"ActorNr\":1,\"UserId\":\"a\",\"IsInactive\":1}",
         "IsInactive is neither true nor false"},
        {"/GameCreate", "{\"GameId\":\"x\",\"Type\":\"Create\",\"ActorNr\":1,\"CreateOptions\":{}}",
         "UserId is missing"},
        {"/GameCreate",
         "{\"GameId\":\"x\",\"Type\":\"Create\",\"ActorNr\":1,\"UserId\":\"x\",\"CreateOptions\":"
         "{\"MaxPlayers\":\"4\"}}",
         "CreateOptions.MaxPlayers, the capacity, is not an integer"},
        {"/game/create", "{\"GameId\":\"x\",\"UserId\":\"x\"}", "not a final roster"},
        {"/game/create",
         "{\"GameId\":\"x\",\"UserId\":\"x\",\"EnterRoomParams\":{\"RoomOptions\":{\"MaxPlayers\":2},"
         "\"ExpectedUsers\":[\"y\",\"z\"]}}",
         "3 players, more than the capacity of 2"},
        {"/game/create",
         "{\"GameId\":\"x\",\"UserId\":\"x\",\"EnterRoomParams\":{\"RoomOptions\":{},\"ExpectedUsers\":"
         "[\"y\",\"y\"]}}",
         "duplicate player y"},
        {"/game/join", "{\"GameId\":\"r\"}", "UserId is missing"},
        {"/game/close", "{\"GameId\":\"r\",\"CloseReason\":\"0\"}", "CloseReason is not a number"},
    };
    struct photon *photon = *state;
    char id[1100], body[2400];

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":2}");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct photon_reply reply = photon_post(photon, wrong[i].path, wrong[i].body, NULL);
        if (reply.status != 400 || !strstr(reply.body, "{\"ResultCode\":1,\"Status\":400,") ||
            !strstr(reply.body, wrong[i].message))
            fail_msg("%s: %ld %s", wrong[i].body, reply.status, reply.body);
    }
    memset(id, 'x', sizeof id);
    snprintf(body, sizeof body, "{\"GameId\":\"r\",\"Type\":\"Join\",\"ActorNr\":2,\"UserId\":\"%.1025s\"}", id);
    assert_contains(photon_post(photon, "/GameJoin", body, NULL).body, "UserId is 1025 bytes, more than 1024");

    photon_realtime(photon, "Join", "r", "b", 2, NULL); /* nothing of all that has changed the room */
    photon_await_output(photon, "r applied lob_");
    assert_lobby(photon, "r", "a b");
    photon_await_errors(photon, "1 refused, the last: 400 the body is not one JSON object in UTF-8\n");
    photon_stop(photon, 1);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 1);
}

static void a_name_that_a_player_made_up_cannot_pass_for_a_line(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    photon_realtime(photon, "Create", "x\\nforged applied lob_9\\u001b\\u009b", "a", 1, "{\"MaxPlayers\":1}");
    photon_await_output(photon, "x\\x0aforged\\x20applied\\x20lob_9\\x1b\\xc2\\x9b applied lob_");
    photon_stop(photon, 1);
}

int main(void)
{
#define PHOTON_TEST(test) cmocka_unit_test_setup_teardown(test, photon_set_up, photon_tear_down)
    const struct CMUnitTest tests[] = {
        PHOTON_TEST(a_room_of_realtime_is_pushed_when_it_is_full),
        PHOTON_TEST(a_room_of_quantum_is_pushed_when_the_expected_are_in),
        PHOTON_TEST(with_playfab_the_paths_of_quantum_have_underscores),
        PHOTON_TEST(a_room_that_does_not_fill_is_pushed_when_its_time_is_up),
        PHOTON_TEST(a_room_that_is_closed_is_pushed_with_who_is_in),
        PHOTON_TEST(webhooks_that_come_again_change_nothing),
        PHOTON_TEST(webhooks_that_come_out_of_order_make_the_same_roster),
        PHOTON_TEST(a_game_id_that_comes_again_finds_its_key_taken),
        PHOTON_TEST(webhooks_that_do_not_say_who_plays_are_only_answered),
        PHOTON_TEST(a_room_that_is_loaded_is_created_or_said_to_have_no_state),
        PHOTON_TEST(what_is_wrong_with_a_webhook_is_said_by_name_and_nothing_of_it_is_kept),
        PHOTON_TEST(a_name_that_a_player_made_up_cannot_pass_for_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
