/* SPDX-License-Identifier: Apache-2.0
 * The operator's command line with a matchmaker's document: telling its roster, and pushing it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "klp_fixture.h"

#define PHOTON                                                                                                         \
    "{\"Type\":\"Create\",\"GameId\":\"room-88\",\"UserId\":\"u-100\",\"Region\":\"EU\",\"AuthCookie\":\"never "       \
    "shown\","                                                                                                         \
    "\"CreateOptions\":{\"MaxPlayers\":2}}"
#define PUSH(format) "push", "--game=game_1", "--event=duel", "--roster-format", format

static const char *const no_environment[] = {NULL};

/* ---- telling ---- */

#define TELL(document, ...) process_run((const char *[]){"klp", "roster", __VA_ARGS__, NULL}, no_environment, document)

static void assert_told(struct process_result result, const char *line)
{
    if (result.exit_status)
        fail_msg("exit status %d: %s", result.exit_status, result.errors);
    assert_string_equal(result.output, line);
    assert_string_equal(result.errors, "");
    process_result_clear(&result);
}

static void assert_not_told(struct process_result result, const char *complaint)
{
    assert_int_equal(result.exit_status, 2);
    assert_string_equal(result.output, "");
    assert_contains(result.errors, complaint);
    assert_null(strstr(result.errors, "never"));
    process_result_clear(&result);
}

static void assert_as_the_vector(json_t *told, json_t *vector)
{
    json_t *wanted;
    const char *name;

    assert_string_equal(sandbox_text_at(told, "key"), sandbox_text_at(vector, "key"));
    assert_true(json_equal(json_object_get(told, "player_ids"), json_object_get(vector, "player_ids")));
    assert_true(json_equal(json_object_get(told, "capacity"), json_object_get(vector, "capacity")));
    json_object_foreach(json_object_get(vector, "metadata"), name, wanted)
    {
        assert_true(json_equal(json_object_get(json_object_get(told, "metadata"), name), wanted));
    }
}

static void every_vector_is_told_or_refused(void **state)
{
    json_t *vectors = json_load_file("tests/vectors/rosters.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    char capacity[32];
    size_t i;

    (void)state;
    assert_true(json_array_size(cases) > 20);
    json_array_foreach(cases, i, vector)
    {
        json_t *options = json_object_get(vector, "options");
        const char *path = json_string_value(json_object_get(options, "player_id_path"));
        const char *annotation = json_string_value(json_object_get(options, "key_annotation"));
        const char *arguments[12] = {"klp", "roster", "--format", sandbox_text_at(vector, "format")};
        size_t count = 4;
        if (json_object_get(options, "capacity")) {
            snprintf(capacity, sizeof capacity, "--capacity=%d",
                     (int)json_integer_value(json_object_get(options, "capacity")));
            arguments[count++] = capacity;
        }
        if (path)
            arguments[count++] = "--player-id-path", arguments[count++] = path;
        if (annotation)
            arguments[count++] = "--key-annotation", arguments[count++] = annotation;

        print_message("  %s\n", sandbox_text_at(vector, "name"));
        struct process_result result = process_run(arguments, no_environment, sandbox_text_at(vector, "document"));
        if (json_object_get(vector, "error_names")) {
            assert_not_told(result, sandbox_text_at(vector, "error_names"));
            continue;
        }
        json_t *told = json_loads(result.output, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(result.exit_status, 0);
        assert_int_equal(process_count_lines(result.output), 1);
        assert_as_the_vector(told, vector);
        json_decref(told);
        process_result_clear(&result);
    }
    json_decref(vectors);
}

static void a_roster_is_told_as_it_is_pushed(void **state)
{
    (void)state;
    assert_told(TELL(PHOTON, "--format", "photon_webhook"),
                "{\"key\":\"room-88\",\"player_ids\":[\"u-100\"],\"capacity\":2,\"metadata\":{\"region\":\"EU\"}}\n");
    assert_told(TELL(PHOTON, "--format=photon_webhook", "--capacity=6"),
                "{\"key\":\"room-88\",\"player_ids\":[\"u-100\"],\"capacity\":6,\"metadata\":{\"region\":\"EU\"}}\n");
    assert_told(TELL("{\"key\":\"k\\n\\\"\",\"players\":[\"żółć\"],\"fill_bots\":true,\"event\":\"duel\",\n"
                     "\"metadata\":{\"x\":\n1.50}}",
                     "--format=plain"),
                "{\"key\":\"k\\n\\\"\",\"player_ids\":[\"żółć\"],\"capacity\":0,\"fill_bots\":true,\"event\":\"duel\","
                "\"metadata\":{\"x\": 1.50}}\n");
    assert_told(TELL("{\"key\":\"k\",\"players\":[\"a\"]}", "--format=plain"),
                "{\"key\":\"k\",\"player_ids\":[\"a\"],\"capacity\":0}\n");
}

static void wrong_usage_is_told(void **state)
{
    (void)state;
    assert_not_told(TELL("{}", "--capacity=2"), "--format is missing");
    assert_not_told(TELL("{}", "--format=never"),
                    "klp: format is none of flexmatch_matchmaker_data, flexmatch_event, ");
    assert_not_told(TELL("{}", "--format=plain", "--game=g"), "--game is not an option here");
    assert_not_told(TELL("", "--format=plain"), "the document is empty");
    assert_not_told(TELL(PHOTON, "--format=open_match"), "player_id_path is not given");
    assert_not_told(TELL(PHOTON, "--format=agones_gameserver"), "status.state is missing");
    assert_not_told(process_run((const char *[]){"klp", "roster", "--format=plain", NULL},
                                (const char *[]){"KLP_LIBRARY=/nonexistent.so", NULL}, "{}"),
                    "/nonexistent.so");
}

static void a_document_may_have_1_mib_and_not_a_byte_more(void **state)
{
    enum { MIB = 1 << 20 };
    char *document = malloc(MIB + 2);

    (void)state;
    assert_non_null(document);
    memset(document, ' ', MIB + 1);
    memcpy(document, "{\"key\":\"k\",\"players\":[\"a\"]}", 27);
    document[MIB] = '\0';
    assert_told(TELL(document, "--format=plain"), "{\"key\":\"k\",\"player_ids\":[\"a\"],\"capacity\":0}\n");
    document[MIB] = ' ';
    document[MIB + 1] = '\0';
    assert_not_told(TELL(document, "--format=plain"), "stdin has more than 1 MiB");
    free(document);
}

static void a_roster_that_cannot_be_written_is_no_success(void **state)
{
    (void)state;
    struct process *process = process_start(&(struct process_setup){
        .argv = (const char *[]){"klp", "roster", "--format=photon_webhook", NULL}, .output_path = "/dev/full"});
    process_give(process, PHOTON, strlen(PHOTON));
    struct process_result result = process_finish(process);
    assert_int_equal(result.exit_status, 1);
    assert_string_equal(result.errors, "klp: stdout: No space left on device\n");
    process_result_clear(&result);
}

/* ---- pushing ---- */

static void a_document_is_pushed(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, PHOTON, PUSH("photon_webhook"), "--fill-bots=yes");
    assert_ended(run, 0, 1);
    assert_string_equal(run.errors, "");
    assert_string_equal(sandbox_text_at(run.events, "0.key"), "room-88");
    assert_string_equal(sandbox_text_at(run.events, "0.outcome"), "applied");
    run_clear(&run);

    json_t *lobbies = sandbox_lobbies(fixture->sandbox);
    assert_int_equal(json_array_size(lobbies), 1);
    assert_string_equal(sandbox_text_at(lobbies, "0.players.0"), "u-100");
    assert_int_equal(json_integer_value(sandbox_at(lobbies, "0.capacity")), 2);
    assert_true(json_is_true(sandbox_at(lobbies, "0.fillBots")));
    assert_string_equal(sandbox_text_at(lobbies, "0.metadata.region"), "EU");
    json_decref(lobbies);

    run = RUN(fixture->environment, PHOTON, PUSH("photon_webhook"), "--capacity=5");
    assert_ended(run, 1, 1); /* the same room for more */
    assert_string_equal(sandbox_text_at(run.events, "0.error.code"), "idempotency_conflict");
    run_clear(&run);
}

static void a_plain_document_may_name_its_event(void **state)
{
    const struct fixture *fixture = *state;

    struct run run = RUN(fixture->environment, "{\"key\":\"k\",\"players\":[\"a\"],\"event\":\"quick_brawl\"}", "push",
                         "--game=game_1", "--roster-format=plain");
    assert_ended(run, 0, 1);
    assert_string_equal(sandbox_text_at(run.events, "0.event_key"), "quick_brawl");
    run_clear(&run);
}

static void what_gives_no_roster_is_not_pushed(void **state)
{
    const struct fixture *fixture = *state;
    struct run run = RUN(fixture->environment, "{\"Type\":\"Leave\"}", PUSH("photon_webhook"));

    assert_ended(run, 2, 0);
    assert_string_equal(run.errors, "klp: not a final roster: Type is Leave, not Create\n");
    run_clear(&run);
    assert_refused(fixture, "format is none of", PUSH("nonesuch"));
    assert_refused(fixture, "--event is missing", "push", "--game=game_1", "--roster-format=photon_webhook");
    assert_refused(fixture, "--game is missing", "push", "--event=duel", "--roster-format=photon_webhook");
    assert_refused(fixture, "event_key is empty", "push", "--game=game_1", "--roster-format=plain");
    assert_refused(fixture, "--key does not go with --roster-format", PUSH("plain"), "--key=k");
    assert_refused(fixture, "--player does not go with --roster-format", PUSH("plain"), "--player=p");
    assert_refused(fixture, "--metadata does not go with --roster-format", PUSH("plain"), "--metadata={}");
    assert_refused(fixture, "--quiet does not go with --roster-format", PUSH("plain"), "--quiet");
    assert_refused(fixture, "--grace-ms does not go with --roster-format", PUSH("plain"), "--grace-ms=5");
    assert_refused(fixture, "--player-id-path needs --roster-format", MANY, "--player-id-path=a");
    assert_refused(fixture, "--key-annotation needs --roster-format", MANY, "--key-annotation=a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_is_told_or_refused),
        cmocka_unit_test(a_roster_is_told_as_it_is_pushed),
        cmocka_unit_test(wrong_usage_is_told),
        cmocka_unit_test(a_document_may_have_1_mib_and_not_a_byte_more),
        cmocka_unit_test(a_roster_that_cannot_be_written_is_no_success),
        TEST(a_document_is_pushed),
        TEST(a_plain_document_may_name_its_event),
        TEST(what_gives_no_roster_is_not_pushed),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
