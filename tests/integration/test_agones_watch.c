/* SPDX-License-Identifier: Apache-2.0
 * The agones host as a program: what it makes of a sidecar's stream that is late, slow, cut, silent, or no stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agones_sidecar.h"
#include "guest.h"

#define BOTH "\"u-100\",\"u-101\""

static void await_pushed(struct agones_rig *rig, size_t line, const char *said)
{
    assert_contains(process_await_output(rig->host, line), said);
}

/* Ends it; the lines that it told must be those. Returns what it complained about, which the caller frees. */
static char *ends_after(struct agones_rig *rig, size_t verdicts, size_t complaints)
{
    struct process_result result = agones_end_host(rig);
    char *errors = result.errors;

    assert_int_equal(process_count_lines(result.output), verdicts);
    if (process_count_lines(errors) != complaints)
        fail_msg("not %zu lines: %s", complaints, errors);
    result.errors = NULL;
    process_result_clear(&result);
    return errors;
}

static void a_sidecar_that_starts_later_is_waited_for(void **state)
{
    struct agones_rig *rig = *state;

    sidecar_close(rig);
    agones_start_host(rig, NULL);
    process_await_errors(rig->host, 2);
    sidecar_listen(rig);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_contains(result.errors, "agones: watch: Failed to connect to localhost");
    assert_contains(result.errors, "; again in ");
    process_result_clear(&result);
}

static void an_http_error_is_told_and_tried_again(void **state)
{
    static const char refusal[] =
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 12\r\nConnection: close\r\n\r\nnot a state\n";
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_take(rig);
    sidecar_say_raw(rig, refusal, sizeof refusal - 1);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    char *errors = ends_after(rig, 1, 1);
    assert_contains(errors, "agones: watch: The requested URL returned error: 500");
    free(errors);
}

static void a_stream_that_breaks_in_a_line_is_taken_up_with_a_new_one(void **state)
{
    struct agones_rig *rig = *state;
    char line[2048];

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Ready", NULL, NULL);
    size_t size = sidecar_state(line, "Allocated", "m-1", BOTH);
    sidecar_say(rig, line, size - 1); /* all but its line break */
    sidecar_cut(rig);
    sidecar_accept(rig);
    sidecar_say(rig, "\n", 1); /* the half line is not this one's beginning */
    sidecar_say_state(rig, "Allocated", "m-2", BOTH);
    await_pushed(rig, 1, "m-2 applied lob_");
    char *errors = ends_after(rig, 1, 1);
    assert_contains(errors, ", in the middle of a line; again in ");
    free(errors);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void a_stream_that_ends_in_a_line_is_told_so(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say(rig, "{\"result\":", 10);
    sidecar_end(rig);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    char *errors = ends_after(rig, 1, 1);
    assert_contains(errors, "agones: watch: the stream ended, in the middle of a line; again in ");
    free(errors);
}

static void a_state_may_come_byte_by_byte_and_many_at_once(void **state)
{
    struct agones_rig *rig = *state;
    char line[2048], lines[3 * 2048];

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    size_t size = sidecar_state(line, "Allocated", "m-1", BOTH);
    for (size_t i = 0; i < size; i++)
        sidecar_say(rig, line + i, 1);
    await_pushed(rig, 1, "m-1 applied lob_");

    size = sidecar_state(lines, "Ready", NULL, NULL);
    size += sidecar_state(lines + size, "Allocated", "m-2", BOTH);
    size_t all = size + sidecar_state(lines + size, "Allocated", "m-3", BOTH);
    sidecar_say(rig, lines, size + 100); /* and a part of the next */
    sidecar_say(rig, lines + size + 100, all - size - 100);
    process_await_output(rig->host, 3);
    free(ends_after(rig, 3, 0));
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 3);
}

static void a_line_that_is_too_long_is_told_and_skipped(void **state)
{
    struct agones_rig *rig = *state;
    static char spaces[65536];

    memset(spaces, ' ', sizeof spaces);
    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    for (int i = 0; i < 20; i++)
        sidecar_say(rig, spaces, sizeof spaces);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH); /* its end */
    sidecar_say_state(rig, "Allocated", "m-2", BOTH);
    await_pushed(rig, 1, "m-2 applied lob_");
    char *errors = ends_after(rig, 1, 1);
    assert_string_equal(errors, "agones: watch: a line is longer than a state can be, and is skipped\n");
    free(errors);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 1);
}

static void what_is_no_state_is_told_once_and_decides_nothing(void **state)
{
    static const char *const lines[] = {
        "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"transport is closing\"}}\n",
        "<html>" SIDECAR_SECRET "</html>\n",
        "{\"result\":{\"object_meta\":{\"name\":\"duel-x7k2p\"},\"status\":{}}}\n",
        "{\"result\":\n",
        "\n",
        "[]\n",
    };
    struct agones_rig *rig = *state;

    char key[8], applied[32];

    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        snprintf(key, sizeof key, "m-%zu", i);
        snprintf(applied, sizeof applied, "%s applied lob_", key);
        sidecar_say(rig, lines[i], strlen(lines[i]));
        sidecar_say(rig, lines[i], strlen(lines[i]));
        sidecar_say_state(rig, "Allocated", key, BOTH);
        await_pushed(rig, i + 1, applied);
        sidecar_say_state(rig, "Ready", NULL, NULL);
    }
    free(ends_after(rig, 6, 5)); /* an empty line is nothing */
}

static void tries_that_bring_nothing_get_ever_rarer(void **state)
{
    struct agones_rig *rig = *state;
    uint64_t came_ms = 0, least_ms = 100;

    agones_start_host(rig, NULL);
    for (int i = 0; i < 5; i++) {
        uint64_t before_ms = came_ms;
        came_ms = sidecar_take(rig);
        sidecar_cut(rig);
        if (i == 0)
            continue;
        assert_true(came_ms - before_ms + 20 >= least_ms); /* it paused from a little before we looked at the clock */
        least_ms *= 2;
    }
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    struct process_result result = agones_end_host(rig);
    assert_true(process_count_lines(result.errors) <= 4); /* the first, the second, the fourth of a kind */
    process_result_clear(&result);
}

static void a_stream_that_breaks_after_every_line_is_not_asked_for_without_end(void **state)
{
    struct agones_rig *rig = *state;
    uint64_t came_ms = 0, before_ms = 0;

    agones_start_host(rig, NULL);
    for (int i = 0; i < 5; i++) {
        before_ms = came_ms;
        sidecar_accept(rig);
        came_ms = guest_now_ms();
        sidecar_say_state(rig, "Ready", NULL, NULL);
        sidecar_end(rig);
    }
    assert_true(came_ms - before_ms >= 600); /* 100, 200, 400, 800, a little less for what the clock is late */
    struct process_result result = agones_end_host(rig);
    assert_true(process_count_lines(result.errors) <= 3);
    process_result_clear(&result);
}

static void a_stream_that_says_nothing_for_long_is_asked_for_again(void **state)
{
    struct agones_rig *rig = *state;

    agones_start_host(rig, (const char *[]){"--silence", "1", NULL});
    sidecar_accept(rig);
    sidecar_say_state(rig, "Ready", NULL, NULL);
    sidecar_accept(rig); /* it hung, and the state is another one now */
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    free(ends_after(rig, 1, 0));
}

static void a_signal_ends_it_at_once_between_two_tries_and_before_a_reply(void **state)
{
    struct agones_rig *rig = *state;

    for (int i = 0; i < 2; i++) {
        agones_start_host(rig, NULL);
        sidecar_take(rig);
        if (i == 1) {
            for (int j = 0; j < 3; j++) { /* so that the pause is a long one */
                sidecar_cut(rig);
                sidecar_take(rig);
            }
            sidecar_cut(rig);
        }
        uint64_t from_ms = guest_now_ms();
        struct process_result result = agones_end_host(rig);
        assert_true(guest_now_ms() - from_ms < patience_ms(2000));
        assert_string_equal(result.output, "");
        process_result_clear(&result);
    }
}

static void a_proxy_of_the_environment_is_not_asked(void **state)
{
    struct agones_rig *rig = *state;

    rig->environment[4] = "http_proxy=http://127.0.0.1:9";
    agones_start_host(rig, NULL);
    sidecar_accept(rig);
    sidecar_say_state(rig, "Allocated", "m-1", BOTH);
    await_pushed(rig, 1, "m-1 applied lob_");
    free(ends_after(rig, 1, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, agones_set_up, agones_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_sidecar_that_starts_later_is_waited_for),
        TEST(an_http_error_is_told_and_tried_again),
        TEST(a_stream_that_breaks_in_a_line_is_taken_up_with_a_new_one),
        TEST(a_stream_that_ends_in_a_line_is_told_so),
        TEST(a_state_may_come_byte_by_byte_and_many_at_once),
        TEST(a_line_that_is_too_long_is_told_and_skipped),
        TEST(what_is_no_state_is_told_once_and_decides_nothing),
        TEST(tries_that_bring_nothing_get_ever_rarer),
        TEST(a_stream_that_breaks_after_every_line_is_not_asked_for_without_end),
        TEST(a_stream_that_says_nothing_for_long_is_asked_for_again),
        TEST(a_signal_ends_it_at_once_between_two_tries_and_before_a_reply),
        TEST(a_proxy_of_the_environment_is_not_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
