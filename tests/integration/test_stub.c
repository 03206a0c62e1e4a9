/* SPDX-License-Identifier: Apache-2.0
 * The stub as a host's test meets it: a Kraty in memory that keeps the contract, and controls of each pusher's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "stub_rig.h"

static void a_push_is_applied_without_a_network_or_a_key(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    klp_ticket ticket = stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);

    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->ticket, ticket);
    assert_int_equal(event->http_status, 201);
    assert_int_equal(event->replayed, 0);
    assert_int_equal(event->capacity, 100);
    assert_int_equal(event->filled_slots, 2);
    assert_string_equal(event->lobby_id.data, "lob_1");
    assert_string_equal(event->lobby_status.data, "active");
    stub_rig_ack(rig, event);
}

static void nothing_reaches_the_server_that_is_configured(void **state)
{
    struct stub_rig *rig = *state;
    struct sandbox_client *sandbox = sandbox_start(NULL);
    klp_config config = stub_rig_config();

    config.base_url = klp_cstr(sandbox_url(sandbox));
    config.api_key = klp_cstr(SANDBOX_KEY);
    stub_rig_open(rig, &config);
    stub_rig_push(rig, "match-1");
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);
    assert_int_equal(rig->klp->stop(rig->pusher, 1000), KLP_OK);
    assert_int_equal(sandbox_stat(sandbox, "requests"), 0);
    sandbox_stop(sandbox);
}

static void what_was_pushed_is_read_back(void **state)
{
    struct stub_rig *rig = *state;
    klp_stub_lobby kept = {.struct_size = sizeof kept};
    klp_lobby lobby = stub_rig_lobby("match-\xC3\xA9");

    lobby.metadata_json = klp_cstr("{\"map\":\"oasis\"}");
    lobby.capacity = 4;
    lobby.fill_bots = KLP_FILL_BOTS_YES;
    lobby.cookie = 77;
    stub_rig_open(rig, NULL);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    stub_rig_ack(rig, stub_rig_take(rig));

    assert_int_equal(rig->stub->lobby(rig->pusher, 0, &kept), KLP_OK);
    assert_text(kept.id, "lob_1");
    assert_text(kept.game_id, "game_1");
    assert_text(kept.event_key, "quick_brawl");
    assert_text(kept.key, "match-\xC3\xA9");
    assert_int_equal(kept.player_count, 2);
    assert_text(kept.player_ids[0], "alice");
    assert_text(kept.player_ids[1], "bob");
    assert_text(kept.metadata_json, "{\"map\":\"oasis\"}");
    assert_int_equal(kept.capacity, 4);
    assert_int_equal(kept.fill_bots, 1);
    assert_int_equal(kept.times_pushed, 1);
    assert_int_equal(rig->stub->lobby(rig->pusher, 1, &kept), KLP_E_NOT_AVAILABLE);

    klp_stub_request request = stub_rig_request(rig, 0);
    assert_int_equal(request.op, KLP_OP_PUSH);
    assert_int_equal(request.cookie, 77);
    assert_int_equal(request.attempt, 1);
    assert_int_equal(request.http_status, 201);
    assert_int_equal(request.applied, 1);
    assert_int_equal(request.struck, 0);
    assert_text(request.method, "POST");
    assert_text(request.path, "/server/v1/games/game_1/events/quick_brawl/lobbies");
    assert_non_null(
        strstr(request.body.data, "\"externalPlayerIds\":[\"alice\",\"bob\"],\"capacity\":4,\"fillBots\":true"));
    assert_int_equal(stub_rig_request_count(rig), 1);
}

static const klp_event *push_and_take(struct stub_rig *rig, const klp_lobby *lobby)
{
    assert_int_equal(rig->klp->push(rig->pusher, lobby, NULL, NULL), KLP_OK);
    return stub_rig_take(rig);
}

static void an_equal_push_is_replayed_and_another_roster_conflicts(void **state)
{
    static const klp_text turned[] = {KLP_LIT("bob"), KLP_LIT("alice")}, others[] = {KLP_LIT("alice"), KLP_LIT("eve")};
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");

    lobby.metadata_json = klp_cstr("{\"a\": 1, \"b\": [2, \"\\u00e9\"]}");
    stub_rig_open(rig, NULL);
    assert_event(push_and_take(rig, &lobby), KLP_APPLIED, "", 1);
    lobby.metadata_json = klp_cstr("{\"b\":[2,\"\xC3\xA9\"],\"a\":1}");
    lobby.player_ids = turned;
    const klp_event *event = push_and_take(rig, &lobby);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->replayed, 1);

    lobby.player_ids = others;
    event = push_and_take(rig, &lobby);
    assert_event(event, KLP_NOT_APPLIED, "idempotency_conflict", 1);
    assert_int_equal(event->http_status, 409);
    lobby.player_ids = turned;
    lobby.metadata_json = klp_cstr("{\"b\":[2,\"e\"],\"a\":1}");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "idempotency_conflict", 1);
    lobby.metadata_json = klp_cstr("{\"b\":[2,\"\xC3\xA9\"],\"a\":1}");
    lobby.capacity = 50;
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "idempotency_conflict", 1);
    assert_int_equal(stub_rig_lobby_count(rig), 1);
}

static void the_events_of_a_script_are_those_that_there_are(void **state)
{
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "{\"events\": {\"duel\": {\"capacity\": 2}, \"solo\": {\"capacity\": 1},"
                         " \"weekly\": {\"mode\": \"global\"}, \"retired\": {\"enabled\": false}}}");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "not_found", 1);
    lobby.event_key = klp_cstr("solo");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "validation_failed", 1);
    lobby.event_key = klp_cstr("weekly");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "conflict", 1);
    lobby.event_key = klp_cstr("retired");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "event_disabled", 1);
    lobby.event_key = klp_cstr("duel");
    const klp_event *event = push_and_take(rig, &lobby);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->capacity, 2);
}

static void an_idempotency_key_that_was_used_is_looked_for_last(void **state)
{
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");

    stub_rig_open(rig, NULL);
    stub_rig_script(
        rig, "{\"events\": {\"quick_brawl\": {}, \"solo\": {\"capacity\": 1}, \"retired\": {\"enabled\": false}}}");
    lobby.idempotency_key = klp_cstr("once");
    assert_event(push_and_take(rig, &lobby), KLP_APPLIED, "", 1);
    const klp_event *event = push_and_take(rig, &lobby);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->replayed, 1);
    lobby.key = klp_cstr("match-2");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "idempotency_conflict", 1);
    lobby.event_key = klp_cstr("nowhere");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "not_found", 1);
    lobby.event_key = klp_cstr("solo");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "validation_failed", 1);
    lobby.event_key = klp_cstr("retired");
    assert_event(push_and_take(rig, &lobby), KLP_NOT_APPLIED, "event_disabled", 1);
    lobby.event_key = klp_cstr("quick_brawl");
    stub_rig_advance(rig, UINT64_C(24) * 3600 * 1000);
    assert_event(push_and_take(rig, &lobby), KLP_APPLIED, "", 1); /* it is forgotten */
}

static void a_lobby_forms_as_time_passes_and_can_be_watched(void **state)
{
    struct stub_rig *rig = *state;
    klp_await await = KLP_AWAIT_INIT;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig,
                    "{\"events\": {\"quick_brawl\": {\"capacity\": 8, \"fill_bots\": true, \"bot_drip_ms\": 500}}}");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_string_equal(event->lobby_status.data, "forming");
    await.lobby_id = event->lobby_id;
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    const klp_event *formed = stub_rig_take(rig);
    assert_int_equal(formed->ok, 1);
    assert_string_equal(formed->lobby_status.data, "active");
    assert_int_equal(formed->bot_slots, 6);
    assert_true(formed->elapsed_us > 2 * 1000 * 1000 && formed->elapsed_us < 4 * 1000 * 1000);
}

static void reads_pings_and_calls_are_answered(void **state)
{
    static const klp_text segments[] = {KLP_LIT("players"), KLP_LIT("alice"), KLP_LIT("ban")};
    struct stub_rig *rig = *state;
    klp_call call = KLP_CALL_INIT;

    stub_rig_open(rig, NULL);
    stub_rig_push(rig, "match-1");
    stub_rig_ack(rig, stub_rig_take(rig));
    assert_int_equal(rig->klp->read(rig->pusher, klp_cstr(NULL), klp_cstr("lob_1"), 0, NULL, NULL), KLP_OK);
    assert_int_equal(stub_rig_take(rig)->ok, 1);
    assert_int_equal(rig->klp->read(rig->pusher, klp_cstr(NULL), klp_cstr("lob_2"), 0, NULL, NULL), KLP_OK);
    assert_string_equal(stub_rig_take(rig)->error_code.data, "not_found");
    assert_int_equal(rig->klp->ping(rig->pusher, 0, NULL, NULL), KLP_OK);
    assert_non_null(strstr(stub_rig_take(rig)->api_key_json.data, "\"environment\":\"test\""));
    call.method = klp_cstr("POST");
    call.segments = segments;
    call.segment_count = 3;
    call.body_json = klp_cstr("{\"reason\":\"aimbot\"}");
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_OK);
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_non_null(strstr(event->data_json.data, "/server/v1/players/alice/ban"));
}

static void the_key_is_of_the_environment_that_is_expected_unless_scripted(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();

    config.expect_environment = klp_cstr("live");
    stub_rig_open(rig, &config);
    stub_rig_push(rig, "match-1");
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);
    assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);

    stub_rig_open(rig, &config);
    stub_rig_script(rig, "{\"environment\": \"test\"}");
    stub_rig_push(rig, "match-1");
    assert_event(stub_rig_take(rig), KLP_NOT_APPLIED, "environment_mismatch", 0);
    klp_stub_request ping = stub_rig_request(rig, 0);
    assert_int_equal(ping.op, KLP_OP_PING);
    assert_int_equal(ping.ticket, 0);
    assert_int_equal(stub_rig_lobby_count(rig), 0);
}

static void two_pushers_do_not_meet(void **state)
{
    struct stub_rig *rig = *state, other = *rig;

    stub_rig_open(rig, NULL);
    stub_rig_open(&other, NULL);
    stub_rig_script(rig, "[{\"times\": -1, \"action\": {\"outcome\": \"not_applied\"}}]");
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    stub_rig_push(rig, "match-1");
    stub_rig_push(&other, "match-1");
    assert_event(stub_rig_take(&other), KLP_APPLIED, "", 1);
    assert_int_equal(stub_rig_lobby_count(&other), 1);
    assert_null(stub_rig_take_now(rig));
    stub_rig_advance(rig, 1);
    assert_event(stub_rig_take_now(rig), KLP_NOT_APPLIED, "conflict", 1);
    assert_int_equal(stub_rig_lobby_count(rig), 0);
    assert_int_equal(rig->klp->close(other.pusher), KLP_OK);
}

enum { THREADS = 8, PUSHES = 200 };

static void *run_a_pusher(void *argument)
{
    struct stub_rig rig = *(const struct stub_rig *)argument;
    char key[16];

    stub_rig_open_held(&rig, "[{\"match\": {\"attempt\": 1}, \"times\": -1, \"action\": {\"status\": 503}}]");
    for (int i = 0; i < PUSHES; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        stub_rig_push(&rig, key);
    }
    stub_rig_advance(&rig, 60000);
    size_t applied = 0;
    for (const klp_event *event; (event = stub_rig_take_now(&rig));) {
        applied += event->outcome == KLP_APPLIED;
        stub_rig_ack(&rig, event);
    }
    size_t lobbies = stub_rig_lobby_count(&rig);
    rig.klp->close(rig.pusher);
    return (void *)(uintptr_t)(applied == PUSHES && lobbies == PUSHES);
}

static void tests_run_beside_each_other(void **state)
{
    pthread_t threads[THREADS];
    void *is_well;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_a_pusher, *state), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &is_well), 0);
        assert_true(is_well != NULL);
    }
}

static void a_child_is_told_so(void **state)
{
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");
    int status;

    stub_rig_open(rig, NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        klp_pusher *another;
        klp_config config = stub_rig_config();
        bool is_well = rig->klp->push(rig->pusher, &lobby, NULL, NULL) == KLP_E_FORKED &&
                       rig->klp->open(&config, &another, NULL) == KLP_E_FORKED &&
                       rig->stub->advance_ms(rig->pusher, 1) == KLP_E_FORKED &&
                       rig->klp->close(rig->pusher) == KLP_E_FORKED;
        _exit(is_well ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    stub_rig_push(rig, "match-1");
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);
}

static void the_real_library_has_no_controls(void **state)
{
    klp_text_buffer why = {0};

    (void)state;
    assert_null(klp_stub_load(rig_library(), &why));
    assert_non_null(strstr(why.data, "klp_stub_get_api"));
}

static void the_library_that_the_environment_names_is_loaded(void **state)
{
    klp_text_buffer why = {0};
    struct stub_rig *rig = *state;

    setenv("KLP_LIBRARY", stub_library(), 1);
    const klp_api *klp = klp_load(NULL, &why);
    const klp_stub_api *stub = klp_stub_load(NULL, &why);
    unsetenv("KLP_LIBRARY");
    assert_ptr_equal(klp, rig->klp);
    assert_ptr_equal(stub, rig->stub);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_rig_setup, stub_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_push_is_applied_without_a_network_or_a_key),
        TEST(nothing_reaches_the_server_that_is_configured),
        TEST(what_was_pushed_is_read_back),
        TEST(an_equal_push_is_replayed_and_another_roster_conflicts),
        TEST(the_events_of_a_script_are_those_that_there_are),
        TEST(an_idempotency_key_that_was_used_is_looked_for_last),
        TEST(a_lobby_forms_as_time_passes_and_can_be_watched),
        TEST(reads_pings_and_calls_are_answered),
        TEST(the_key_is_of_the_environment_that_is_expected_unless_scripted),
        TEST(two_pushers_do_not_meet),
        TEST(tests_run_beside_each_other),
        TEST(a_child_is_told_so),
        TEST(the_real_library_has_no_controls),
        TEST(the_library_that_the_environment_names_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
