/* SPDX-License-Identifier: Apache-2.0
 * The custom-matchmaker host, its rosters and its demo, as programs. */
#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "process.h"
#include "sandbox_client.h"

#define DATA "host-examples/data/"

struct fixture {
    struct sandbox_client *sandbox;
    char folder[32]; /* its TMPDIR */
    char key[64], url[96], temporary[64];
    const char *environment[4];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    strcpy(fixture->folder, "/tmp/matchmaker-test.XXXXXX");
    if (!mkdtemp(fixture->folder))
        return -1;
    fixture->sandbox = sandbox_start((const char *[]){"--config", DATA "sandbox.json", NULL});
    snprintf(fixture->key, sizeof fixture->key, "KRATY_SERVER_KEY=%s", SANDBOX_KEY);
    snprintf(fixture->url, sizeof fixture->url, "KRATY_BASE_URL=%s", sandbox_url(fixture->sandbox));
    snprintf(fixture->temporary, sizeof fixture->temporary, "TMPDIR=%s", fixture->folder);
    fixture->environment[0] = fixture->key;
    fixture->environment[1] = fixture->url;
    fixture->environment[2] = fixture->temporary;
    *state = fixture;
    return 0;
}

/* Whatever a test did with the program: it leaves nothing behind in its folder. */
static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    sandbox_stop(fixture->sandbox);
    int left = rmdir(fixture->folder);
    if (left)
        print_error("%s: %s\n", fixture->folder, strerror(errno));
    free(fixture);
    return left;
}

static struct process *start(const struct fixture *fixture, const char *option, const char *value)
{
    return process_start(&(struct process_setup){.argv = (const char *[]){"custom-matchmaker", option, value, NULL},
                                                 .environment = fixture->environment});
}

static struct process_result run(const struct fixture *fixture, const char *rosters)
{
    return process_run((const char *[]){"custom-matchmaker", NULL}, fixture->environment, rosters);
}

/* ---- the host ---- */

static void rosters_that_are_applied_are_told_and_end_it_with_0(void **state)
{
    const struct fixture *fixture = *state;

    struct process_result result = run(
        fixture, "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"alice\",\"bob\"]}\n"
                 "{\"key\":\"m-2\",\"event\":\"five_v_five\",\"players\":[\"żółć\"],\"capacity\":4,\"fill_bots\":true,"
                 "\"metadata\":{\"a\":[1,{\"b\":null}]}}\n"
                 "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"alice\",\"bob\"]}");
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(process_count_lines(result.output), 3);
    assert_contains(result.output, "m-1 applied lob_");
    assert_contains(result.output, "m-2 applied lob_");
    /* the third is on its heels, or comes when the first is there */
    assert_true(strstr(result.output, " ms joined\n") || strstr(result.output, " ms replayed\n"));
    assert_string_equal(result.errors, "3 pushed, 1 repeated, 0 failed\n");
    process_result_clear(&result);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox);
    assert_int_equal(json_array_size(lobbies), 2);
    size_t second = strcmp(sandbox_text_at(lobbies, "1.key"), "m-2") == 0;
    json_t *lobby = json_array_get(lobbies, second);
    json_t *expected = json_pack("{s:{s:[i,{s:n}]}, s:[s], s:i, s:b}", "metadata", "a", 1, "b", "players", "żółć",
                                 "capacity", 4, "fillBots", 1);
    const char *field;
    json_t *value;
    json_object_foreach(expected, field, value)
    {
        assert_true(json_equal(json_object_get(lobby, field), value));
    }
    json_decref(expected);
    json_decref(lobbies);
}

static void one_that_is_not_applied_ends_it_with_1_and_keeps_no_other_back(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"key\":\"m-2\"},\"action\":{\"status\":403}}");
    struct process_result result = run(fixture, "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n"
                                                "{\"key\":\"m-2\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n"
                                                "{\"key\":\"m-3\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n");
    assert_int_equal(result.exit_status, 1);
    assert_int_equal(process_count_lines(result.output), 3);
    assert_contains(result.output, "m-1 applied");
    assert_contains(result.output, "m-3 applied");
    assert_null(strstr(result.output, "m-2 applied"));
    assert_string_equal(result.errors, "3 pushed, 0 repeated, 1 failed\n");
    process_result_clear(&result);
}

static void rows_that_are_no_rosters_are_told_by_number(void **state)
{
    static const struct {
        const char *row, *complaint;
    } rows[] = {
        {"no JSON", "row 2: "},
        {"{\"players\":[\"a\"]}", "row 2: Object item not found: key"},
        {"{\"key\":7,\"players\":[\"a\"]}", "row 2: Expected string, got integer"},
        {"{\"key\":\"m-2\",\"players\":[]}", "row 2: player_ids is empty"},
        {"{\"key\":\"m-2\",\"players\":[\"a\",8]}", "row 2: player_ids[1] is empty"},
        {"{\"key\":\"m-2\",\"players\":[\"a\",\"b\"],\"capacity\":1}",
         "row 2: capacity 1 is below the 2 players given"},
        {"{\"key\":\"m-2\",\"players\":[\"a\"],\"metadata\":[]}", "row 2: metadata_json is not one JSON object"},
    };
    const struct fixture *fixture = *state;
    char input[512];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(input, sizeof input,
                 "{\"key\":\"a-%zu\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n%s\n"
                 "{\"key\":\"c-%zu\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n",
                 i, rows[i].row, i);
        struct process_result result = run(fixture, input);
        assert_int_equal(result.exit_status, 1);
        assert_contains(result.errors, rows[i].complaint);
        assert_contains(result.errors, "2 pushed, 0 repeated, 1 failed\n");
        assert_int_equal(process_count_lines(result.output), 2);
        process_result_clear(&result);
    }
}

static void a_row_that_is_longer_than_there_is_room_for_keeps_no_other_back(void **state)
{
    static const char good[] = "\n{\"key\": \"good\", \"event\": \"duel\", \"players\": [\"alice\", \"bob\"]}\n";
    enum { LONG_BYTES = 5 << 20 };
    struct fixture *fixture = *state;
    char *rosters = malloc(LONG_BYTES + sizeof good);

    assert_non_null(rosters);
    memset(rosters, 'x', LONG_BYTES);
    memcpy(rosters + LONG_BYTES, good, sizeof good);
    struct process_result result = run(fixture, rosters);
    free(rosters);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "row 1: ");
    assert_contains(result.output, "good applied ");
    process_result_clear(&result);
}

static void more_rosters_than_the_queue_has_places_are_all_pushed(void **state)
{
    const int ROSTERS = is_slowed() ? 2000 : 20000; /* slowed down, those of a full queue reach their deadline */
    const struct fixture *fixture = *state;
    char row[96], summary[64];

    struct process *process = start(fixture, NULL, NULL);
    for (int i = 0; i < ROSTERS; i++) {
        snprintf(row, sizeof row, "{\"key\":\"m-%d\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n", i);
        process_give(process, row, strlen(row));
    }
    struct process_result result = process_finish(process);
    snprintf(summary, sizeof summary, "%d pushed, 0 repeated, 0 failed\n", ROSTERS);
    assert_string_equal(result.errors, summary);
    assert_int_equal(result.exit_status, 0);
    assert_int_equal(process_count_lines(result.output), ROSTERS);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), ROSTERS);
    process_result_clear(&result);
}

static void a_verdict_is_heard_while_more_rosters_may_come(void **state)
{
    static const char row[] = "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n";
    const struct fixture *fixture = *state;

    struct process *process = start(fixture, NULL, NULL);
    process_give(process, row, sizeof row - 1);
    assert_contains(process_await_output(process, 1), "m-1 applied");
    struct process_result result = process_finish(process);
    assert_int_equal(result.exit_status, 0);
    process_result_clear(&result);
}

static void a_signal_ends_it_in_time_with_every_verdict(int signal_number, const struct fixture *fixture)
{
    static const char row[] = "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n"
                              "{\"key\":\"m-2\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n";

    sandbox_reset(fixture->sandbox);
    sandbox_script(fixture->sandbox, "{\"match\":{\"key\":\"m-2\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = start(fixture, NULL, NULL);
    process_give(process, row, sizeof row - 1);
    assert_contains(process_await_output(process, 1), "m-1 applied"); /* and m-2 is on its way */
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(fixture->sandbox, "requests") < 2)
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
    process_signal(process, signal_number);
    struct process_result result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.output, "m-2 possibly_applied shutdown");
    assert_int_equal(process_count_lines(result.output), 2);
    assert_string_equal(result.errors, "2 pushed, 0 repeated, 1 failed\n");
    assert_true(result.elapsed_ms < 30000);
    process_result_clear(&result);
}

static void sigterm_ends_it_in_time_with_every_verdict(void **state)
{
    a_signal_ends_it_in_time_with_every_verdict(SIGTERM, *state);
}

static void sigint_ends_it_in_time_with_every_verdict(void **state)
{
    a_signal_ends_it_in_time_with_every_verdict(SIGINT, *state);
}

static void a_signal_before_the_input_ends_is_no_success(void **state)
{
    static const char row[] = "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n";

    struct process *process = start(*state, NULL, NULL);
    process_give(process, row, sizeof row - 1);
    process_await_output(process, 1);
    process_signal(process, SIGTERM);
    struct process_result result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_string_equal(result.errors, "1 pushed, 0 repeated, 0 failed\n");
    process_result_clear(&result);
}

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    static const char row[] = "{\"key\":\"m-1\",\"event\":\"duel\",\"players\":[\"a\",\"b\"]}\n";

    struct process *process = start(*state, NULL, NULL);
    process_close_output(process);
    process_give(process, row, sizeof row - 1);
    struct process_result result = process_finish(process);
    assert_int_equal(result.signal_number, 0);
    assert_int_equal(result.exit_status, 1);
    process_result_clear(&result);
}

static void wrong_usage_ends_it_with_2(void **state)
{
    static const char *const cases[][4] = {
        {"custom-matchmaker", "--results"}, {"custom-matchmaker", "--help"}, {"custom-matchmaker", "--api-key", "x"}};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct process_result result = process_run(cases[i], fixture->environment, NULL);
        assert_int_equal(result.exit_status, 2);
        assert_contains(result.errors, "Usage: ");
        assert_string_equal(result.output, "");
        process_result_clear(&result);
    }
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    const struct fixture *fixture = *state;
    const char *const argv[] = {"custom-matchmaker", NULL};

    struct process_result result = process_run(
        argv, (const char *[]){fixture->key, fixture->temporary, "KLP_LIBRARY=/nonexistent.so", NULL}, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "load: /nonexistent.so: ");
    process_result_clear(&result);

    result = process_run(argv, (const char *[]){fixture->url, fixture->temporary, NULL}, NULL);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "KRATY_SERVER_KEY");
    process_result_clear(&result);

    struct process *process = start(fixture, "--results", "ipc:///nonexistent/folder/results.ipc");
    result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_contains(result.errors, "/nonexistent/folder/results.ipc");
    process_result_clear(&result);
}

/* Sends it like a plugin, and returns the reply. */
static void send_events(int socket, const char *lines, char reply[64])
{
    assert_int_equal(nn_send(socket, lines, strlen(lines), 0), strlen(lines));
    int size = nn_recv(socket, reply, 63, 0);
    assert_true(size >= 0);
    reply[size] = '\0';
}

static void an_event_that_comes_twice_is_told_once_on_the_results_url_given(void **state)
{
    static const char event[] =
        "{\"v\":1,\"pusher\":\"p\",\"epoch\":\"e\",\"seq\":7,\"op\":\"push\",\"ticket\":1,\"cookie\":\"0\",\"game_id\":"
        "\"g\","
        "\"event_key\":\"duel\",\"key\":\"m-7\",\"ok\":true,\"outcome\":\"applied\",\"lobby_id\":\"lob_7\","
        "\"lobby\":{\"id\":\"lob_7\",\"status\":\"active\",\"capacity\":2,\"participantCount\":2}}\n";
    const struct fixture *fixture = *state;
    char url[64], reply[64];

    snprintf(url, sizeof url, "ipc://%s/results.ipc", fixture->folder);
    struct process *process = start(fixture, "--results", url);
    int timeout_ms = 10000, socket = nn_socket(AF_SP, NN_REQ);
    assert_true(socket >= 0);
    nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    assert_true(nn_connect(socket, url) >= 0);

    send_events(socket, event, reply);
    assert_string_equal(reply, "{\"ack\":7}");
    send_events(socket, event, reply);
    assert_string_equal(reply, "{\"ack\":7}");
    send_events(socket, "no event\n", reply);
    assert_string_equal(reply, "{\"ack\":7}");

    process_signal(process, SIGTERM);
    struct process_result result = process_finish(process);
    nn_close(socket);
    assert_int_equal(process_count_lines(result.output), 1);
    assert_contains(result.output, "m-7 applied lob_7");
    process_result_clear(&result);
    unlink(url + strlen("ipc://")); /* who names the socket, keeps it */
}

/* ---- the rosters and their verification ---- */

static char *read_file(const char *path)
{
    FILE *stream = fopen(path, "r");
    if (!stream)
        fail_msg("%s: %s", path, strerror(errno));
    struct stat facts;
    assert_int_equal(fstat(fileno(stream), &facts), 0);
    char *text = calloc(1, (size_t)facts.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)facts.st_size, stream), facts.st_size);
    fclose(stream);
    return text;
}

static void the_committed_rosters_are_those_of_the_script(void **state)
{
    (void)state;
    char *committed = read_file(DATA "rosters.ndjson");
    struct process_result made = process_run((const char *[]){"/bin/sh", DATA "make-rosters", NULL}, NULL, NULL);
    assert_int_equal(made.exit_status, 0);
    assert_true(strcmp(made.output, committed) == 0);
    assert_int_equal(process_count_lines(committed), 1200);
    process_result_clear(&made);
    free(committed);
}

static int verify(const struct fixture *fixture, const json_t *lobbies, const char *complaint)
{
    char path[64], program[4096];
    const char *build = getenv("BUILD");

    snprintf(program, sizeof program, "%s/tests/programs/verify_rosters", build && *build ? build : "build");
    snprintf(path, sizeof path, "%s/lobbies.json", fixture->folder);
    assert_int_equal(json_dump_file(lobbies, path, 0), 0);
    struct process_result result =
        process_run((const char *[]){program, path, DATA "rosters.ndjson", DATA "sandbox.json", NULL}, NULL, NULL);
    unlink(path);
    assert_contains(result.errors, complaint);
    int status = result.exit_status;
    process_result_clear(&result);
    return status;
}

/* The verification of the demo is worth as much as what it finds. */
static void what_is_missing_or_doubled_or_different_is_found(void **state)
{
    const struct fixture *fixture = *state;

    char *rosters = read_file(DATA "rosters.ndjson");
    struct process_result result = run(fixture, rosters);
    assert_int_equal(result.exit_status, 0);
    assert_contains(result.errors, "1200 pushed, 10 repeated, 0 failed");
    process_result_clear(&result);
    free(rosters);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox);
    assert_int_equal(json_array_size(lobbies), 1190);
    assert_int_equal(verify(fixture, lobbies, ""), 0);

    size_t at = 500; /* they stand in the order in which they came, and who plays alone has but one order */
    while (json_array_size(json_object_get(json_array_get(lobbies, at), "players")) < 2)
        at++;
    json_t *one = json_incref(json_array_get(lobbies, at));
    json_array_remove(lobbies, at);
    assert_int_equal(verify(fixture, lobbies, ": is missing\n"), 1);

    json_array_insert(lobbies, at, one);
    json_array_append(lobbies, one);
    assert_int_equal(verify(fixture, lobbies, ": is there more than once\n"), 1);
    json_array_remove(lobbies, 1190);
    assert_int_equal(verify(fixture, lobbies, ""), 0);

    json_t *changed = json_deep_copy(one);
    json_object_set_new(changed, "key", json_string("nobody's"));
    json_array_append_new(lobbies, changed);
    assert_int_equal(verify(fixture, lobbies, ": was never pushed\n"), 1);
    json_array_remove(lobbies, 1190);

    json_t *players = json_copy(json_object_get(one, "players")); /* the same in another order */
    json_array_append(players, json_array_get(players, 0));
    json_array_remove(players, 0);
    const struct {
        const char *field;
        json_t *value;
        const char *complaint;
    } changes[] = {
        {"players", players, ": players is another\n"},
        {"capacity", json_integer(77), ": capacity is another\n"},
        {"fillBots", json_boolean(!json_is_true(json_object_get(one, "fillBots"))), ": fillBots is another\n"},
        {"metadata", json_pack("{s:i}", "other", 1), ": metadata is another\n"},
        {"game", json_string("game_2"), ": game is another\n"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        changed = json_copy(one);
        json_object_set_new(changed, changes[i].field, changes[i].value);
        json_array_set_new(lobbies, at, changed);
        assert_int_equal(verify(fixture, lobbies, changes[i].complaint), 1);
    }
    json_decref(one);
    json_decref(lobbies);
}

static void the_demo_verifies_every_lobby_and_leaves_nothing_behind(void **state)
{
    const struct fixture *fixture = *state;
    const char *const environment[] = {fixture->temporary, "KLP_LIBRARY", NULL};

    struct process_result result =
        process_run((const char *[]){"host-examples/custom-matchmaker/demo", NULL}, environment, NULL);
    if (result.exit_status != 0)
        fail_msg("exit status %d\n%s%s", result.exit_status, result.output, result.errors);
    assert_contains(result.output, "pushed     1200\n");
    assert_contains(result.output, "repeated   10 ");
    assert_contains(result.output, "failed     0\n");
    assert_contains(result.output, "verified   1190 of 1190 ");
    assert_null(strchr(result.output, '\033'));
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rosters_that_are_applied_are_told_and_end_it_with_0),
        TEST(one_that_is_not_applied_ends_it_with_1_and_keeps_no_other_back),
        TEST(rows_that_are_no_rosters_are_told_by_number),
        TEST(a_row_that_is_longer_than_there_is_room_for_keeps_no_other_back),
        TEST(more_rosters_than_the_queue_has_places_are_all_pushed),
        TEST(a_verdict_is_heard_while_more_rosters_may_come),
        TEST(sigterm_ends_it_in_time_with_every_verdict),
        TEST(sigint_ends_it_in_time_with_every_verdict),
        TEST(a_signal_before_the_input_ends_is_no_success),
        TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        TEST(wrong_usage_ends_it_with_2),
        TEST(what_keeps_it_from_starting_is_told),
        TEST(an_event_that_comes_twice_is_told_once_on_the_results_url_given),
        TEST(the_committed_rosters_are_those_of_the_script),
        TEST(what_is_missing_or_doubled_or_different_is_found),
        TEST(the_demo_verifies_every_lobby_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
