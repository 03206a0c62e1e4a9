/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line, with many rosters on its stdin. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_fixture.h"

#define MAX_LINE_BYTES ((size_t)2 << 20)

static void many_rosters_are_pushed_with_their_lines_as_cookies(void **state)
{
    const struct fixture *fixture = *state;
    bool is_told[8] = {false};

    struct run run =
        RUN(fixture->environment,
            ROW("m-1") "\n"
                       " \t\r\n"
                       "{\"key\":\"m-4\",\"players\":[\"x\"],\"event\":\"bot_brawl\",\"capacity\":3,"
                       "\"fill_bots\":false,\"metadata\":{\"pi\":3.14}}\r\n"
                       "{\"key\":\"m-5\",\"players\":[\"y\"],\"metadata\":{\"third\":0.33333333333333331}}",
            MANY);
    assert_ended(run, 0, 3);
    assert_contains(run.errors, "klp: 3 applied (0 of them known before), 0 not applied, 0 possibly applied\n");
    assert_int_equal(process_count_lines(run.errors), 2);
    for (size_t i = 0; i < 3; i++)
        is_told[strtoul(json_string_value(json_object_get(json_array_get(run.events, i), "cookie")), NULL, 10)] = true;
    assert_true(is_told[1] && is_told[4] && is_told[5]);
    run_clear(&run);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox), *lobby;
    size_t at;
    assert_int_equal(json_array_size(lobbies), 3);
    json_array_foreach(lobbies, at, lobby)
    {
        if (strcmp(sandbox_text_at(lobby, "key"), "m-4") == 0) {
            assert_string_equal(sandbox_text_at(lobby, "event"), "bot_brawl");
            assert_int_equal(json_integer_value(sandbox_at(lobby, "capacity")), 3);
            assert_true(json_is_false(sandbox_at(lobby, "fillBots")));
            assert_true(json_real_value(sandbox_at(lobby, "metadata.pi")) == 3.14);
        } else if (strcmp(sandbox_text_at(lobby, "key"), "m-5") == 0) {
            assert_true(json_real_value(sandbox_at(lobby, "metadata.third")) == 0.33333333333333331);
        }
    }
    json_decref(lobbies);

    json_t *log = sandbox_log(fixture->sandbox); /* as it was written, not as the nearest double is */
    char *text = json_dumps(log, JSON_ENCODE_ANY);
    assert_contains(text, "\\\"pi\\\":3.14}");
    free(text);
    json_decref(log);
}

static void nothing_to_push_is_applied(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, MANY);
    assert_ended(run, 0, 0);
    run_clear(&run);
}

static void a_row_that_is_no_roster_is_told_and_keeps_no_other_back(void **state)
{
    static const struct {
        const char *row, *complaint;
    } rows[] = {
        {"no JSON", "line 2: not JSON: "},
        {"{\"key\":\"m-2\"", "line 2: not JSON: "},
        {"{\"key\":\"a\",\"key\":\"b\",\"players\":[\"p\"]}", "line 2: not JSON: "},
        {"{\"key\":\"m-2\xff\",\"players\":[\"p\"]}", "line 2: not JSON: "},
        {"\x1b[31m", "line 2: not JSON: "},
        {"[]", "line 2: not a JSON object"},
        {"{\"players\":[\"p\"]}", "line 2: key is missing"},
        {"{\"key\":7,\"players\":[\"p\"]}", "line 2: key is not a string"},
        {"{\"key\":\"\",\"players\":[\"p\"]}", "line 2: key is empty"},
        {"{\"key\":\"a\\u0000b\",\"players\":[\"p\"]}", "line 2: key "},
        {"{\"key\":\"m-2\"}", "line 2: players is missing"},
        {"{\"key\":\"m-2\",\"players\":\"p\"}", "line 2: players is not an array"},
        {"{\"key\":\"m-2\",\"players\":[]}", "line 2: player_ids is empty"},
        {"{\"key\":\"m-2\",\"players\":[\"a\",\"b\",3]}", "line 2: players[2] is not a string"},
        {"{\"key\":\"m-2\",\"players\":[\"a\",\"\"]}", "line 2: player_ids[1] is empty"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"capacity\":\"2\"}", "line 2: capacity is not an integer"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"capacity\":0}", "line 2: capacity is not an integer"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"capacity\":4294967296}", "line 2: capacity is not an integer"},
        {"{\"key\":\"m-2\",\"players\":[\"a\",\"b\",\"c\",\"d\"],\"capacity\":3}",
         "line 2: capacity 3 is below the 4 players given"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"fill_bots\":1}", "line 2: fill_bots is neither true nor false"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"metadata\":null}", "line 2: metadata is not an object"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"event\":null}", "line 2: event is not a string"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"fillbots\":true}", "line 2: fillbots is not a field of a roster"},
        {"{\"key\":\"m-2\",\"players\":[\"p\"],\"\\u001b[2J\":1}", "line 2: ?[2J is not a field of a roster"},
    };
    const struct fixture *fixture = *state;
    char input[512];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(input, sizeof input,
                 "{\"key\":\"a-%zu\",\"players\":[\"p\"]}\n%s\n{\"key\":\"c-%zu\",\"players\":[\"p\"]}", i, rows[i].row,
                 i);
        struct run run = RUN(fixture->environment, input, MANY);
        assert_contains(run.errors, rows[i].complaint);
        assert_contains(run.errors, "2 applied (0 of them known before), 1 not applied, 0 possibly applied");
        assert_null(strchr(run.errors, '\x1b'));
        assert_ended(run, 1, 2);
        run_clear(&run);
    }
}

static void without_an_event_every_row_names_its_own(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, "{\"key\":\"m-1\",\"players\":[\"p\"],\"event\":\"duel\"}\n" ROW("m-2"),
                         "push", "--game=game_1");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, "line 2: event is missing, and there is no --event");
    run_clear(&run);
}

static void one_that_is_possibly_applied_makes_it_3(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"key\":\"m-2\"},\"times\":-1,\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->environment, ROW("m-1") ROW("m-2") "no JSON\n", MANY);
    assert_ended(run, 3, 2);
    assert_contains(run.errors, "1 applied (0 of them known before), 1 not applied, 1 possibly applied");
    run_clear(&run);
}

static void a_line_may_have_2_mib_and_not_a_byte_more(void **state)
{
    const struct fixture *fixture = *state;
    char *padding = malloc(MAX_LINE_BYTES + 1);
    assert_non_null(padding);
    memset(padding, ' ', MAX_LINE_BYTES + 1);
    const size_t row_bytes = strlen(ROW("m-1")) - 1;

    struct process *process = START(fixture, MANY);
    process_give(process, padding, MAX_LINE_BYTES - row_bytes);
    process_give(process, ROW("m-1"), row_bytes + 1);
    process_give(process, padding, MAX_LINE_BYTES - row_bytes + 1);
    process_give(process, ROW("m-2"), row_bytes + 1);
    for (int i = 0; i < 5; i++)
        process_give(process, padding, MAX_LINE_BYTES);
    process_give(process, "\n", 1);
    process_give(process, ROW("m-4"), row_bytes + 1);
    struct run run = run_of(process_finish(process));
    free(padding);

    assert_ended(run, 1, 2);
    assert_contains(run.errors, "line 2: longer than 2 MiB\n");
    assert_contains(run.errors, "line 3: longer than 2 MiB\n");
    assert_int_equal(process_count_lines(run.errors), 2 + 2);
    assert_string_equal(sandbox_text_at(run.events, "0.cookie"), "1");
    assert_string_equal(sandbox_text_at(run.events, "1.cookie"), "4");
    run_clear(&run);
}

static void more_rosters_than_the_queue_has_places_are_all_pushed(void **state)
{
    enum { ROSTERS = 5000 };
    const struct fixture *fixture = *state;
    char row[96];

    struct process *process = START(fixture, MANY);
    for (int i = 0; i < ROSTERS; i++) {
        snprintf(row, sizeof row, "{\"key\":\"m-%d\",\"players\":[\"a\",\"b\"]}\n", i);
        process_give(process, row, strlen(row));
    }
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, ROSTERS);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), ROSTERS);
    run_clear(&run);
}

static void a_verdict_is_told_while_more_rosters_may_come(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    assert_contains(process_await_output(process, 1), "\"m-1\"");
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    run_clear(&run);
}

static void sigterm_ends_it_in_time_with_every_verdict(void **state)
{
    enum { ROSTERS = 20, AT_ONCE = 8 };
    const struct fixture *fixture = *state;
    char rows[ROSTERS * 64] = "";

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    for (int i = 0; i < ROSTERS; i++)
        sprintf(rows + strlen(rows), "{\"key\":\"m-%d\",\"players\":[\"a\",\"b\"]}\n", i);
    struct process *process = START(fixture, MANY);
    process_give(process, rows, strlen(rows)); /* one write, and so one read */
    fixture_await_requests(fixture, AT_ONCE);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, ROSTERS);
    assert_contains(run.errors, "0 applied (0 of them known before), 12 not applied, 8 possibly applied");
    assert_contains(run.errors, "ended before line 21 was pushed"); /* there may have been more */
    assert_true(run.elapsed_ms < 14000);
    run_clear(&run);
}

static void a_signal_before_the_input_ends_is_no_success(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    process_await_output(process, 1);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 1, 1);
    run_clear(&run);
}

static void progress_is_shown_on_a_terminal_alone(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":1500}}");
    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, NULL}, .environment = fixture->environment, .errors_on_terminal = true});
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "\r\x1b[K1 pushed, ");
    assert_contains(run.errors, "\r\x1b[Kklp: 1 applied");
    run_clear(&run);

    run = RUN(fixture->environment, ROW("m-1"), MANY);
    assert_ended(run, 0, 1);
    assert_int_equal(process_count_lines(run.errors), 2);
    assert_null(strchr(run.errors, '\r'));
    run_clear(&run);
}

/* ---- the summing up ---- */

static void it_ends_with_what_it_took(void **state)
{
    const struct fixture *fixture = *state;
    double seconds = 0, rate = 0, p50_ms = 0, p99_ms = 0, longest_ms = 0;
    unsigned pushed = 0, joined = 0, attempts = 0, retries = 0;

    sandbox_script(fixture->sandbox, "[{\"match\":{\"key\":\"m-2\"},\"action\":{\"status\":503}},"
                                     "{\"match\":{\"key\":\"m-1\"},\"action\":{\"delay_ms\":300}}]");
    struct run run = RUN(fixture->environment, ROW("m-1") ROW("m-1") ROW("m-2"), MANY, "--jitter=0");
    assert_ended(run, 0, 3);
    const char *line = strstr(run.errors, "3 pushed in ");
    if (!line || sscanf(line,
                        "%u pushed in %lf s (%lf/s), %u joined another; %u attempts, %u retries; to the verdict p50 "
                        "%lf ms, p99 %lf ms, longest %lf ms",
                        &pushed, &seconds, &rate, &joined, &attempts, &retries, &p50_ms, &p99_ms, &longest_ms) != 9)
        fail_msg("no statistics: %s", run.errors);
    assert_int_equal(pushed, 3);
    assert_int_equal(joined, 1);
    assert_int_equal(attempts, 3);
    assert_int_equal(retries, 1);
    assert_true(seconds >= 0.3 && seconds < 15);
    assert_true(rate > 3 / seconds - 0.51 && rate < 3 / seconds + 0.51);
    assert_true(longest_ms >= 300 && longest_ms < seconds * 1000 + 1.1);
    assert_true(p50_ms > 0 && p50_ms <= p99_ms && p99_ms <= longest_ms);
    run_clear(&run);
}

static void when_nothing_was_pushed_there_are_no_statistics(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, "no JSON\n", MANY);
    assert_ended(run, 1, 0);
    assert_int_equal(process_count_lines(run.errors), 2);
    assert_null(strstr(run.errors, "pushed in"));
    run_clear(&run);
}

static void quietly_only_what_went_wrong_is_told(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, ROW("m-1") ROW("m-2"), MANY, "--quiet");
    assert_ended(run, 0, 2);
    assert_string_equal(run.errors, "");
    run_clear(&run);

    run = RUN(fixture->environment, ROW("m-1") "[]\n", MANY, "--quiet");
    assert_ended(run, 1, 1);
    assert_string_equal(run.errors, "klp: line 2: not a JSON object\n");
    run_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_rosters_are_pushed_with_their_lines_as_cookies),
        TEST(nothing_to_push_is_applied),
        TEST(a_row_that_is_no_roster_is_told_and_keeps_no_other_back),
        TEST(without_an_event_every_row_names_its_own),
        TEST(one_that_is_possibly_applied_makes_it_3),
        TEST(a_line_may_have_2_mib_and_not_a_byte_more),
        TEST(more_rosters_than_the_queue_has_places_are_all_pushed),
        TEST(a_verdict_is_told_while_more_rosters_may_come),
        TEST(sigterm_ends_it_in_time_with_every_verdict),
        TEST(a_signal_before_the_input_ends_is_no_success),
        TEST(progress_is_shown_on_a_terminal_alone),
        TEST(it_ends_with_what_it_took),
        TEST(when_nothing_was_pushed_there_are_no_statistics),
        TEST(quietly_only_what_went_wrong_is_told),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
