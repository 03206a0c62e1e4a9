/* SPDX-License-Identifier: Apache-2.0
 * The agones host as a program: which states of a GameServer it pushes, and what it tells. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agones_sidecar.h"
#include "guest.h"

#define BOTH "\"u-100\",\"u-101\""

/* Ends it, and it must have said exactly this. */
static void ends_having_said(struct agones_rig *rig, const char *output, const char *errors)
{
    struct process_result result = agones_end_host(rig);

    if (output)
        assert_string_equal(result.output, output);
    assert_string_equal(result.errors, errors);
    process_result_clear(&result);
}

static void await_pushed(struct agones_rig *rig, size_t line, const char *said)
{
    assert_contains(process_await_output(rig->host, line), said);
}

static void an_allocation_is_pushed_once_however_often_it_comes(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Scheduled", NULL, NULL);
    sidecar_say_state(rig, "Ready", NULL, "");
    sidecar_say_state(rig, "Allocated", "m-42", BOTH);
    for (int i = 0; i < 20; i++)
        sidecar_say_state(rig, "Allocated", "m-42", BOTH);
    sidecar_say_state(rig, "Allocated", "m-42", "\"u-101\""); /* players leave in the course of a match */
    sidecar_say_state(rig, "Allocated", "m-42", "");
    await_pushed(rig, 1, "m-42 applied lob_");
    sidecar_end(rig); /* and the next stream begins with it again */
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-42", BOTH);
    sidecar_say_state(rig, "Shutdown", "m-42", BOTH);
    sidecar_say_state(rig, "Allocated", "m-43", BOTH); /* so all before it was looked at */
    await_pushed(rig, 2, "m-43 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_int_equal(process_count_lines(result.output), 2);
    assert_contains(result.errors, "agones: watch: the stream ended; again in ");
    assert_int_equal(process_count_lines(result.errors), 1);
    process_result_clear(&result);

    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 2);
    json_t *lobbies = sandbox_lobbies(rig->sandbox);
    json_t *lobby = json_array_get(lobbies, strcmp(sandbox_text_at(lobbies, "0.key"), "m-42") != 0);
    json_t *expected = json_pack("{s:s, s:s, s:[s,s], s:i, s:{s:s}}", "key", "m-42", "event", "duel", "players",
                                 "u-100", "u-101", "capacity", 2, "metadata", "game_server", "duel-x7k2p");
    const char *field;
    json_t *value;
    json_object_foreach(expected, field, value)
    {
        if (!json_equal(json_object_get(lobby, field), value))
            fail_msg("%s differs", field);
    }
    json_decref(expected);
    json_decref(lobbies);
}

static void another_allocation_is_pushed_again(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    sidecar_say_state(rig, "Ready", "m-1", "");
    sidecar_say_state(rig, "Allocated", "m-2", BOTH);
    await_pushed(rig, 2, "m-2 applied lob_");
    sidecar_say_state(rig, "Allocated", "m-3", BOTH); /* allocated while it is, or the state between was not seen */
    await_pushed(rig, 3, "m-3 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_int_equal(process_count_lines(result.output), 3);
    assert_null(strstr(result.output, "replayed"));
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 3);
}

static void an_old_key_with_another_roster_is_told_as_a_conflict(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    sidecar_say_state(rig, "Ready", "m-1", "");
    sidecar_say_state(rig, "Allocated", "m-1", "\"u-200\",\"u-201\"");
    await_pushed(rig, 2, "m-1 not_applied idempotency_conflict\n");
    ends_having_said(rig, NULL, "");
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void a_process_that_finds_it_allocated_pushes_it_and_repeats_are_one_lobby(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    process_signal(rig->host, SIGKILL);
    struct process_result killed = process_finish(rig->host);
    process_result_clear(&killed);

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, " replayed\n");
    ends_having_said(rig, NULL, "");
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

static void with_an_outbox_a_kill_loses_nothing(void **state)
{
    struct agones_rig *rig = *state;
    const char *const more[] = {"--outbox", rig->outbox, NULL};

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"action\":{\"delay_ms\":60000}}");
    agones_start_host(rig, more);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(rig->sandbox, "requests") < 1) /* it is sent, and so it is on the disk */
        assert_true(guest_now_ms() - from_ms < (uint64_t)PROCESS_LIMIT_MS);
    process_signal(rig->host, SIGKILL);
    struct process_result killed = process_finish(rig->host);
    assert_string_equal(killed.output, "");
    process_result_clear(&killed);

    sandbox_unscript(rig->sandbox);
    agones_start_host(rig, more);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Ready", NULL, NULL); /* the match was over in the meantime */
    await_pushed(rig, 1, "m-1 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_int_equal(process_count_lines(result.output), 1);
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1);
}

/* ---- rosters that are none ---- */

static void an_allocation_without_a_roster_is_told_once_and_is_over(void **state)
{
    static const struct {
        const char *key, *players, *complaint;
    } cases[] = {
        {NULL, BOTH, "agones: annotation match-id is missing\n"},
        {"", BOTH, "agones: annotation match-id is empty\n"},
        {"m-1", "\"u-1\",\"u-1\"", "agones: duplicate player u-1\n"},
        {"m-1", "\"u-1\",\"u-2\",\"u-3\"", "agones: 3 players, more than the capacity of 2\n"},
        {"m-1", "\"u-1\",7", "agones: status.lists.players.values[1] is a number, not a string\n"},
    };
    struct agones_rig *rig = *state;
    char key[8], said[512] = "", applied[32];

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(key, sizeof key, "n-%zu", i);
        snprintf(applied, sizeof applied, "%s applied lob_", key);
        sidecar_say_state(rig, "Allocated", cases[i].key, cases[i].players);
        sidecar_say_state(rig, "Allocated", cases[i].key, cases[i].players);
        sidecar_say_state(rig, "Allocated", "m-1", "\"u-1\""); /* the first of its players is not the roster */
        sidecar_say_state(rig, "Ready", NULL, NULL);
        sidecar_say_state(rig, "Allocated", key, BOTH);
        await_pushed(rig, i + 1, applied);
        sidecar_say_state(rig, "Ready", NULL, NULL);
        strcat(said, cases[i].complaint);
    }
    ends_having_said(rig, NULL, said);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), sizeof cases / sizeof *cases);
}

static void an_empty_list_is_no_lobby_nor_is_the_first_who_joins(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", "");
    sidecar_say_state(rig, "Allocated", "m-1", "\"u-100\"");
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    sidecar_say_state(rig, "Ready", NULL, NULL);
    sidecar_say_state(rig, "Allocated", "m-2", BOTH);
    await_pushed(rig, 1, "m-2 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_int_equal(process_count_lines(result.errors), 1);
    assert_contains(result.errors, "status.lists.players.values");
    process_result_clear(&result);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void players_who_come_one_by_one_are_waited_for(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, (const char *[]){"--players", "2", NULL});
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", NULL, "");
    sidecar_say_state(rig, "Allocated", "m-1", "");
    sidecar_say_state(rig, "Allocated", "m-1", "\"u-100\"");
    sidecar_say_state(rig, "Allocated", "m-1", "\"u-100\"");
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_contains(result.errors, "agones: allocated, with 1 of 2 players\n");
    assert_int_equal(process_count_lines(result.errors), 3);
    process_result_clear(&result);
    json_t *lobbies = sandbox_lobbies(rig->sandbox);
    assert_int_equal(json_array_size(sandbox_at(lobbies, "0.players")), 2);
    json_decref(lobbies);
}

static void what_is_kept_by_name_is_in_the_metadata_and_nothing_else_is(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, (const char *[]){"--keep", "mode", "--keep", "absent", NULL});
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied");
    ends_having_said(rig, NULL, "");
    json_t *lobbies = sandbox_lobbies(rig->sandbox);
    char *text = json_dumps(lobbies, 0);
    assert_contains(text, "\"ranked\"");
    assert_null(strstr(text, SIDECAR_SECRET));
    free(text);
    json_decref(lobbies);
}

/* ---- its end ---- */

static void sigterm_ends_it_in_time_with_an_honest_verdict(void **state)
{
    struct agones_rig *rig = *state;

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(rig->sandbox, "requests") < 1)
        assert_true(guest_now_ms() - from_ms < (uint64_t)PROCESS_LIMIT_MS);
    from_ms = guest_now_ms();
    ends_having_said(rig, "m-1 possibly_applied shutdown\n", "");
    assert_true(guest_now_ms() - from_ms < 5000 + patience_ms(5000));
}

static void a_reader_that_closes_the_pipe_does_not_end_it(void **state)
{
    struct agones_rig *rig = *state;
    const char *const more[] = {"--outbox", rig->outbox, NULL};

    agones_start_host(rig, more);
    process_close_output(rig->host);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    sidecar_say_state(rig, "Allocated", "m-2", BOTH);
    uint64_t from_ms = guest_now_ms();
    while (sandbox_lobby_count(rig->sandbox) < 2) /* it goes on pushing */
        assert_true(guest_now_ms() - from_ms < (uint64_t)PROCESS_LIMIT_MS);
    process_signal(rig->host, SIGTERM);
    struct process_result result = process_finish(rig->host);
    assert_int_equal(result.signal_number, 0);
    assert_int_equal(result.exit_status, 1); /* not all was told … */
    process_result_clear(&result);

    agones_start_host(rig, more);
    assert_contains(process_await_output(rig->host, 2), "m-1 applied lob_"); /* … so it is told by the next one */
    ends_having_said(rig, NULL, "");
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    static const char *const usages[][9] = {
        {"agones"},
        {"agones", "--game", "g", "--event", "duel"},
        {"agones", "--game", "g", "--event", "duel", "--key-annotation"},
        {"agones", "--game", "g", "--event", "", "--key-annotation", "a"},
        {"agones", "--game", "g", "--event", "e", "--key-annotation", "a", "--players", "0"},
        {"agones", "--game", "g", "--event", "e", "--key-annotation", "a", "--api-key", "k"},
    };
    struct agones_rig *rig = *state;
    const char *const argv[] = {"agones", "--game", "g", "--event", "e", "--key-annotation", "a", NULL};
    struct process_result result;

    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        const char *usage[10] = {NULL};
        memcpy(usage, usages[i], sizeof usages[i]);
        result = process_run(usage, rig->environment, NULL);
        assert_int_equal(result.exit_status, 2);
        assert_contains(result.errors, "Usage: ");
        process_result_clear(&result);
    }

    const char *const twice[] = {"agones", "--game", "g", "--event", "e", "--key-annotation",
                                 "a",      "--keep", "b", "--keep",  "b", NULL};
    result = process_run(twice, rig->environment, NULL);
    assert_int_equal(result.exit_status, 2);
    assert_contains(result.errors, "agones: attributes[0] and attributes[1] are the same");
    process_result_clear(&result);

    rig->environment[3] = "AGONES_SDK_HTTP_PORT=93x8";
    result = process_run(argv, rig->environment, NULL);
    assert_int_equal(result.exit_status, 2);
    assert_contains(result.errors, "AGONES_SDK_HTTP_PORT");
    process_result_clear(&result);

    rig->environment[3] = NULL;
    rig->environment[1] = "KRATY_SERVER_KEY";
    result = process_run(argv, rig->environment, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "open: ");
    assert_contains(result.errors, "KRATY_SERVER_KEY");
    process_result_clear(&result);

    rig->environment[0] = "KLP_LIBRARY=/nonexistent.so";
    rig->environment[1] = rig->url;
    result = process_run(argv, rig->environment, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "load: /nonexistent.so: ");
    process_result_clear(&result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, agones_set_up, agones_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_allocation_is_pushed_once_however_often_it_comes),
        TEST(another_allocation_is_pushed_again),
        TEST(an_old_key_with_another_roster_is_told_as_a_conflict),
        TEST(a_process_that_finds_it_allocated_pushes_it_and_repeats_are_one_lobby),
        TEST(with_an_outbox_a_kill_loses_nothing),
        TEST(an_allocation_without_a_roster_is_told_once_and_is_over),
        TEST(an_empty_list_is_no_lobby_nor_is_the_first_who_joins),
        TEST(players_who_come_one_by_one_are_waited_for),
        TEST(what_is_kept_by_name_is_in_the_metadata_and_nothing_else_is),
        TEST(sigterm_ends_it_in_time_with_an_honest_verdict),
        TEST(a_reader_that_closes_the_pipe_does_not_end_it),
        TEST(what_keeps_it_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
