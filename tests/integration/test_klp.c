/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line as a program: what goes in, what comes out, how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
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

#define MAX_LINE_BYTES ((size_t)2 << 20)

#define KEY      "KRATY_SERVER_KEY=" SANDBOX_KEY
#define ONE(key) "push", "--game", "game_1", "--event", "duel", "--key", key, "--player", "alice", "--player", "bob"
#define MANY     "push", "--game", "game_1", "--event", "duel"
#define ROW(key) "{\"key\":\"" key "\",\"players\":[\"alice\",\"bob\"]}\n"

static char library[4096]; /* KLP_LIBRARY: the one under test */

struct fixture {
    struct sandbox_client *sandbox;
    char url[96];
    const char *environment[4];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    if (!fixture)
        return -1;
    fixture->sandbox = sandbox_start(NULL);
    snprintf(fixture->url, sizeof fixture->url, "KRATY_BASE_URL=%s", sandbox_url(fixture->sandbox));
    fixture->environment[0] = KEY;
    fixture->environment[1] = fixture->url;
    fixture->environment[2] = library;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sandbox_stop(fixture->sandbox);
    free(fixture);
    return 0;
}

/* ---- running it ---- */

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* Whatever happened, stdout has events and nothing else. New reference: all of them. */
static json_t *read_events(const struct process_result *result)
{
    json_t *events = json_array();

    for (const char *line = result->output, *end; *line; line = end + 1) {
        json_error_t error;
        end = strchr(line, '\n');
        if (!end)
            fail_msg("stdout ends in the middle of a line: %s", line);
        json_t *event = json_loadb(line, (size_t)(end - line), 0, &error);
        if (!event || !json_is_integer(json_object_get(event, "seq")))
            fail_msg("no event: %.*s", (int)(end - line), line);
        json_array_append_new(events, event);
    }
    return events;
}

struct run {
    int exit_status;
    json_t *events;
    char *errors;
    uint64_t elapsed_ms;
};

/* Takes the result over. */
static struct run look_at(struct process_result result)
{
    if (result.signal_number)
        fail_msg("ended by signal %d: %s", result.signal_number, result.errors);
    struct run run = {result.exit_status, read_events(&result), strdup(result.errors), result.elapsed_ms};
    assert_non_null(run.errors);
    process_result_clear(&result);
    return run;
}

static void done(struct run *run)
{
    json_decref(run->events);
    free(run->errors);
}

#define RUN(environment, input, ...)                                                                                   \
    look_at(process_run((const char *[]){"klp", __VA_ARGS__, NULL}, environment, input))

#define START(fixture, ...)                                                                                            \
    process_start(&(struct process_setup){.argv = (const char *[]){"klp", __VA_ARGS__, NULL},                          \
                                          .environment = (fixture)->environment})

#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        if (!strstr(text, part))                                                                                       \
            fail_msg("no \"%s\" in: %s", part, text);                                                                  \
    } while (0)

#define assert_ended(run, status, count)                                                                               \
    do {                                                                                                               \
        if ((run).exit_status != (status) || json_array_size((run).events) != (count))                                 \
            fail_msg("exit status %d, %zu events: %s", (run).exit_status, json_array_size((run).events),               \
                     (run).errors);                                                                                    \
    } while (0)

/* Wrong usage: nothing on stdout, nothing sent, and stderr says what it is. */
#define assert_refused(fixture, complaint, ...)                                                                        \
    do {                                                                                                               \
        struct run refused = RUN((fixture)->environment, ROW("never"), __VA_ARGS__);                                   \
        assert_contains(refused.errors, complaint);                                                                    \
        assert_ended(refused, 2, 0);                                                                                   \
        assert_int_equal(sandbox_stat((fixture)->sandbox, "requests"), 0);                                             \
        done(&refused);                                                                                                \
    } while (0)

/* What a test waits for comes long before this. */
static void fail_after_a_minute_since(uint64_t from_ms)
{
    if (guest_now_ms() - from_ms > PROCESS_LIMIT_MS)
        fail_msg("waited in vain");
}

static void await_requests(const struct fixture *fixture, int64_t count)
{
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(fixture->sandbox, "requests") < count)
        fail_after_a_minute_since(from_ms);
}

/* `pipe` being open for reading and writing. */
static void await_full_pipe(int pipe)
{
    uint64_t from_ms = guest_now_ms();
    while (poll(&(struct pollfd){.fd = pipe, .events = POLLOUT}, 1, 0) != 0)
        fail_after_a_minute_since(from_ms);
}

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
    done(&run);

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
    done(&run);
}

static void what_is_not_given_is_left_to_the_event(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "push", "--game=game_1", "--event=bot_brawl", "--key=a=b",
                         "--player=x=y", "--player=-", "--player=--key");
    assert_ended(run, 0, 1);
    done(&run);
    run = RUN(fixture->environment, NULL, "push", "--game=game_1", "--event=bot_brawl", "--key=no bots", "--player=x",
              "--fill-bots", "no");
    assert_ended(run, 0, 1);
    done(&run);

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
    done(&run);
    run = RUN(fixture->environment, NULL, ONE("match-1"), "--player=carol", "--capacity=3");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "idempotency_conflict");
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "not_applied");
    done(&run);
}

static void a_reply_that_is_lost_ends_with_3(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"));
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "possibly_applied");
    done(&run);

    sandbox_unscript(fixture->sandbox);
    run = RUN(fixture->environment, NULL, ONE("match-1")); /* the same again is safe */
    assert_ended(run, 0, 1);
    assert_true(json_is_true(sandbox_at(run.events, "0.replayed")));
    done(&run);
}

static void the_timeout_is_the_one_that_is_given(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct run run = RUN(fixture->environment, NULL, ONE("match-1"), "--timeout-ms", "150");
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "timeout");
    assert_in_range(run.elapsed_ms, 150, 14000);
    done(&run);
}

static void a_server_that_is_not_there_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, ONE("match-1"), "--base-url", "http://127.0.0.1:1");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "network_error");
    done(&run);
    assert_int_equal(sandbox_stat(fixture->sandbox, "requests"), 0); /* --base-url stands before KRATY_BASE_URL */
}

static void a_signal_ends_a_push_that_hangs_with_an_honest_verdict(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    struct process *process = START(fixture, ONE("match-1"));
    await_requests(fixture, 1);
    process_signal(process, SIGINT);
    struct run run = look_at(process_finish(process));
    assert_ended(run, 3, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "shutdown");
    assert_true(run.elapsed_ms < 14000);
    done(&run);
}

static void a_wrong_key_ends_with_1_and_is_not_told(void **state)
{
    const struct fixture *fixture = *state;
    const char *environment[] = {"KRATY_SERVER_KEY=wrong.secret-that-nobody-may-see", fixture->url, library, NULL};

    struct run run = RUN(environment, NULL, ONE("match-1"));
    assert_ended(run, 1, 1);
    assert_int_equal(json_integer_value(sandbox_at(run.events, "0.http_status")), 401);
    done(&run);
}

/* ---- reads and pings ---- */

static void a_ping_tells_of_the_key(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "ping");
    assert_ended(run, 0, 1);
    assert_string_equal(run.errors, "");
    assert_string_equal(sandbox_text_at(run.events, "0.api_key.gameId"), "game_1");
    done(&run);
}

static void a_ping_that_fails_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"action\":{\"status\":403}}");
    struct run run = RUN(fixture->environment, NULL, "ping");
    assert_ended(run, 1, 1);
    assert_true(json_is_false(sandbox_at(run.events, "0.ok")));
    done(&run);
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
    done(&run);
    done(&pushed);
}

static void a_read_that_finds_nothing_ends_with_1(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, NULL, "read", "--game=game_1", "--lobby=lob_none");
    assert_ended(run, 1, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "not_found");
    done(&run);
}

/* ---- wrong usage ---- */

static void wrong_usage_names_the_option(void **state)
{
    const struct fixture *fixture = *state;

    assert_refused(fixture, "the first argument", "pull");
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
    assert_refused(fixture, "--player needs --key", MANY, "--player=p");
    assert_refused(fixture, "--capacity needs --key", MANY, "--capacity=2");
    assert_refused(fixture, "--fill-bots needs --key", MANY, "--fill-bots=no");
    assert_refused(fixture, "--metadata needs --key", MANY, "--metadata={}");
    assert_refused(fixture, "help knows", "help", "pull");
    assert_refused(fixture, "help knows", "help", "push", "read");
    struct run run = RUN(fixture->environment, NULL, NULL);
    assert_contains(run.errors, "push, read or ping?");
    assert_ended(run, 2, 0);
    done(&run);
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
    struct run run = RUN(((const char *[]){library, "KRATY_BASE_URL=http://127.0.0.1:1", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_SERVER_KEY");
    assert_ended(run, 2, 0);
    done(&run);

    run = RUN(((const char *[]){library, KEY, "KRATY_BASE_URL=http://example.com", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_BASE_URL is plain http to example.com");
    assert_ended(run, 2, 0);
    done(&run);

    run = RUN(((const char *[]){library, "KRATY_SERVER_KEY=a key with spaces", NULL}), NULL, "ping");
    assert_contains(run.errors, "KRATY_SERVER_KEY");
    assert_ended(run, 2, 0);
    done(&run);

    run = RUN(((const char *[]){"KLP_LIBRARY=/nonexistent.so", KEY, NULL}), NULL, "ping");
    assert_contains(run.errors, "/nonexistent.so");
    assert_ended(run, 2, 0);
    done(&run);
}

/* ---- help ---- */

static void help_is_complete_on_stdout(void **state)
{
    static const struct {
        const char *arguments[4];
        const char *words[20];
    } texts[] = {
        {{"klp", "help"}, {"push", "read", "ping", "--version", "KRATY_SERVER_KEY", "KRATY_BASE_URL", "Exit status"}},
        {{"klp", "--help"}, {"push", "read", "ping", "--version", "KRATY_SERVER_KEY", "KRATY_BASE_URL", "Exit status"}},
        {{"klp", "-h"}, {"Usage: klp push"}},
        {{"klp", "push", "--help"},
         {"--game ID", "--event KEY", "--key KEY", "--player ID", "--capacity N", "--fill-bots yes|no",
          "--metadata JSON", "--base-url URL", "--ca-file FILE", "--attempts N", "--timeout-ms N", "--help",
          "KRATY_SERVER_KEY", "KRATY_BASE_URL", "\"players\"", "2 MiB", "Exit status"}},
        {{"klp", "help", "push"}, {"--game ID", "--event KEY"}},
        {{"klp", "push", "-h"}, {"--game ID", "--event KEY"}},
        {{"klp", "read", "--help"},
         {"--game ID", "--lobby ID", "--base-url URL", "--ca-file FILE", "--attempts N", "--timeout-ms N", "--help",
          "KRATY_SERVER_KEY", "KRATY_BASE_URL", "Exit status"}},
        {{"klp", "help", "read"}, {"--lobby ID"}},
        {{"klp", "ping", "--help"},
         {"--base-url URL", "--ca-file FILE", "--attempts N", "--timeout-ms N", "--help", "KRATY_SERVER_KEY",
          "KRATY_BASE_URL", "Exit status"}},
        {{"klp", "help", "ping"}, {"Usage: klp ping"}},
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
    struct process_result result =
        process_run((const char *[]){"klp", "--version", NULL}, (const char *[]){library, NULL}, NULL);
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
    if (GUEST_IS_SANITIZED)
        skip();
    struct process_result result =
        process_run((const char *[]){"klp", "--version", NULL}, (const char *[]){"KLP_LIBRARY", NULL}, NULL);
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
}

/* ---- many rosters ---- */

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
    assert_string_equal(run.errors, "klp: 3 applied (0 of them known before), 0 not applied, 0 possibly applied\n");
    for (size_t i = 0; i < 3; i++)
        is_told[strtoul(json_string_value(json_object_get(json_array_get(run.events, i), "cookie")), NULL, 10)] = true;
    assert_true(is_told[1] && is_told[4] && is_told[5]);
    done(&run);

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
    done(&run);
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
        done(&run);
    }
}

static void without_an_event_every_row_names_its_own(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, "{\"key\":\"m-1\",\"players\":[\"p\"],\"event\":\"duel\"}\n" ROW("m-2"),
                         "push", "--game=game_1");
    assert_ended(run, 1, 1);
    assert_contains(run.errors, "line 2: event is missing, and there is no --event");
    done(&run);
}

static void one_that_is_possibly_applied_makes_it_3(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"match\":{\"key\":\"m-2\"},\"times\":-1,\"action\":{\"reset_after\":true}}");
    struct run run = RUN(fixture->environment, ROW("m-1") ROW("m-2") "no JSON\n", MANY);
    assert_ended(run, 3, 2);
    assert_contains(run.errors, "1 applied (0 of them known before), 1 not applied, 1 possibly applied");
    done(&run);
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
    struct run run = look_at(process_finish(process));
    free(padding);

    assert_ended(run, 1, 2);
    assert_contains(run.errors, "line 2: longer than 2 MiB\n");
    assert_contains(run.errors, "line 3: longer than 2 MiB\n");
    assert_int_equal(count_lines(run.errors), 3);
    assert_string_equal(sandbox_text_at(run.events, "0.cookie"), "1");
    assert_string_equal(sandbox_text_at(run.events, "1.cookie"), "4");
    done(&run);
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
    struct run run = look_at(process_finish(process));
    assert_ended(run, 0, ROSTERS);
    assert_int_equal(sandbox_lobby_count(fixture->sandbox), ROSTERS);
    done(&run);
}

static void a_verdict_is_told_while_more_rosters_may_come(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    assert_contains(process_await_output(process, 1), "\"m-1\"");
    struct run run = look_at(process_finish(process));
    assert_ended(run, 0, 1);
    done(&run);
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
    await_requests(fixture, AT_ONCE);
    process_signal(process, SIGTERM);
    struct run run = look_at(process_finish(process));
    assert_ended(run, 3, ROSTERS);
    assert_contains(run.errors, "0 applied (0 of them known before), 12 not applied, 8 possibly applied");
    assert_contains(run.errors, "ended before line 21 was pushed"); /* there may have been more */
    assert_true(run.elapsed_ms < 14000);
    done(&run);
}

static void a_signal_before_the_input_ends_is_no_success(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    process_await_output(process, 1);
    process_signal(process, SIGTERM);
    struct run run = look_at(process_finish(process));
    assert_ended(run, 1, 1);
    done(&run);
}

static void progress_is_shown_on_a_terminal_alone(void **state)
{
    const struct fixture *fixture = *state;

    sandbox_script(fixture->sandbox, "{\"times\":-1,\"action\":{\"delay_ms\":1500}}");
    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, NULL}, .environment = fixture->environment, .errors_on_terminal = true});
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    struct run run = look_at(process_finish(process));
    assert_ended(run, 0, 1);
    assert_contains(run.errors, "\r\x1b[K1 pushed, 0 applied, 0 not applied, 0 possibly applied\r");
    assert_contains(run.errors, "\r\x1b[Kklp: 1 applied");
    done(&run);

    run = RUN(fixture->environment, ROW("m-1"), MANY);
    assert_ended(run, 0, 1);
    assert_int_equal(count_lines(run.errors), 1);
    assert_null(strchr(run.errors, '\r'));
    done(&run);
}

/* ---- a stdout that fails ---- */

static void a_reader_that_closes_the_pipe_does_not_kill_it(void **state)
{
    const struct fixture *fixture = *state;

    struct process *process = START(fixture, MANY);
    process_close_output(process);
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    struct run run = look_at(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Broken pipe\n");
    done(&run);

    process = START(fixture, "ping");
    process_close_output(process);
    run = look_at(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Broken pipe\n");
    done(&run);
}

static void a_full_disk_is_an_error(void **state)
{
    static const char *const runs[][4] = {{"klp", "ping"}, {"klp", "help"}, {"klp", "push", "--help"}};
    const struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        struct process *process = process_start(
            &(struct process_setup){.argv = runs[i], .environment = fixture->environment, .output_path = "/dev/full"});
        struct run run = look_at(process_finish(process));
        assert_ended(run, 1, 0);
        assert_contains(run.errors, "klp: stdout: No space left on device\n");
        done(&run);
    }
}

/* The next descriptor that was opened would otherwise get the events. */
static void a_closed_stdout_is_an_error(void **state)
{
    const struct fixture *fixture = *state;
    const char *build = getenv("BUILD");
    char program[4096];

    snprintf(program, sizeof program, "%s/klp", build && *build ? build : "build");
    struct run run = look_at(process_run((const char *[]){"/bin/sh", "-c", "exec \"$0\" ping >&-", program, NULL},
                                         fixture->environment, NULL));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Bad file descriptor\n");
    done(&run);
}

static void a_reader_that_does_not_read_holds_up_no_signal(void **state)
{
    enum { ROSTERS = 1000 };
    const struct fixture *fixture = *state;
    char folder[] = "/tmp/klp-test.XXXXXX", path[64], row[96];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_CLOEXEC);
    assert_true(reader >= 0);

    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", MANY, NULL}, .environment = fixture->environment, .output_path = path});
    for (int i = 0; i < ROSTERS; i++) {
        snprintf(row, sizeof row, "{\"key\":\"m-%d\",\"players\":[\"a\",\"b\"]}\n", i);
        process_give(process, row, strlen(row));
    }
    await_full_pipe(reader);
    process_signal(process, SIGTERM);
    struct run run = look_at(process_finish(process));
    assert_ended(run, 1, 0);
    assert_contains(run.errors, "klp: stdout: Connection timed out\n");
    assert_true(run.elapsed_ms < 14000);
    done(&run);

    close(reader);
    unlink(path);
    rmdir(folder);
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
    done(&run);
    run = RUN(fixture->environment, NULL, ONE("m-1"), "--base-url", url, "--ca-file", certificates.authority);
    assert_ended(run, 0, 1);
    done(&run);

    sandbox_stop(sandbox);
    guest_remove_certificates(&certificates);
}

static int set_up_group(void **state)
{
    char path[4000];
    const char *build = getenv("BUILD");

    (void)state;
    build = build && *build ? build : "build";
    snprintf(library, sizeof library, "KLP_LIBRARY=%s/libkraty_lobby_pusher.so", build);
    snprintf(path, sizeof path, "%s/kraty-sandbox", build);
    return setenv("KRATY_SANDBOX", path, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(wrong_usage_names_the_option),
        TEST(a_key_on_the_command_line_is_refused_and_not_repeated),
        TEST(what_the_plugin_refuses_is_never_sent),
        cmocka_unit_test(what_is_wrong_in_the_environment_is_told),
        cmocka_unit_test(help_is_complete_on_stdout),
        cmocka_unit_test(the_version_is_told_with_and_without_the_library),
        cmocka_unit_test(the_library_beside_the_program_is_found),
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
        TEST(a_reader_that_closes_the_pipe_does_not_kill_it),
        TEST(a_full_disk_is_an_error),
        TEST(a_closed_stdout_is_an_error),
        TEST(a_reader_that_does_not_read_holds_up_no_signal),
        TEST(a_ca_file_is_what_is_trusted),
    };
    return cmocka_run_group_tests(tests, set_up_group, NULL);
}
