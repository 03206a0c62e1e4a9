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

static void a_full_queue_can_be_had(void **state)
{
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");
    klp_text_buffer why = {0};

    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->refuse(rig->pusher, KLP_E_QUEUE_FULL, 2), KLP_OK);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_QUEUE_FULL);
    assert_string_equal(why.data, "KLP_E_QUEUE_FULL, as scripted");
    static const char document[] = "{\"key\":\"m\",\"players\":[\"a\"],\"event\":\"duel\"}";
    assert_int_equal(
        rig->klp->push_document(rig->pusher, klp_cstr("plain"), document, sizeof document - 1, NULL, NULL, NULL),
        KLP_E_QUEUE_FULL);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_OK);
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);

    stub_rig_script(rig, "[{\"match\": {\"key\": \"m\"}, \"action\": {\"refuse\": \"KLP_E_RESULTS_FULL\"}}]");
    stub_rig_push(rig, "another");
    assert_int_equal(
        rig->klp->push_document(rig->pusher, klp_cstr("plain"), document, sizeof document - 1, NULL, NULL, NULL),
        KLP_E_RESULTS_FULL);
    assert_int_equal(
        rig->klp->push_document(rig->pusher, klp_cstr("plain"), document, sizeof document - 1, NULL, NULL, NULL),
        KLP_OK);
    assert_int_equal(rig->stub->refuse(rig->pusher, KLP_E_STOPPED, 1), KLP_E_INVALID_ARGUMENT);
}

static void a_scripted_refusal_is_for_what_would_have_been_accepted(void **state)
{
    static const klp_text twice[] = {KLP_LIT("alice"), KLP_LIT("alice")}, segments[] = {KLP_LIT("players")};
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("match-1");
    klp_stats stats = {.struct_size = sizeof stats};
    klp_await await = KLP_AWAIT_INIT;
    klp_call call = KLP_CALL_INIT;

    call.method = klp_cstr("POST");
    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->refuse(rig->pusher, KLP_E_QUEUE_FULL, 1), KLP_OK);
    lobby.key = klp_cstr("");
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    lobby.key = (klp_text){NULL, 7};
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    lobby = stub_rig_lobby("match-1");
    lobby.player_ids = twice;
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->read(rig->pusher, klp_cstr(".."), klp_cstr("lob_1"), 0, NULL, NULL),
                     KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    lobby = stub_rig_lobby("match-1");
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_QUEUE_FULL);
    assert_int_equal(rig->klp->stats(rig->pusher, &stats), KLP_OK);
    assert_int_equal(stats.refused_full, 1);

    /* rules know a call as they know a request */
    stub_rig_script(rig, "[{\"match\": {\"game\": \"game_1\", \"player\": \"bob\"}, \"action\":"
                         " {\"refuse\": \"KLP_E_OUTBOX\"}},"
                         " {\"match\": {\"cookie\": 5}, \"times\": 2, \"action\": {\"refuse\": \"KLP_E_NO_MEMORY\"}}]");
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_OUTBOX);
    await.lobby_id = klp_cstr("lob_1");
    await.cookie = call.cookie = 5;
    call.segments = segments;
    call.segment_count = 1;
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_E_NO_MEMORY);
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, NULL), KLP_E_NO_MEMORY);

    assert_int_equal(rig->stub->refuse(rig->pusher, KLP_E_QUEUE_FULL, 1), KLP_OK);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_STOPPED);
}

static void an_event_is_told_again_under_the_same_seq(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->repeat_event(rig->pusher, 1), KLP_E_NOT_AVAILABLE);
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    char *first = strdup(event->json.data);
    uint64_t seq = event->seq;
    stub_rig_ack(rig, event);

    assert_int_equal(rig->stub->repeat_event(rig->pusher, seq), KLP_OK);
    const klp_event *again = stub_rig_take(rig);
    assert_int_equal(again->seq, seq);
    assert_string_equal(again->json.data, first);
    stub_rig_ack(rig, again);
    assert_int_equal(rig->klp->ack(rig->pusher, again), KLP_E_INVALID_ARGUMENT);

    /* also once nothing else is told any more */
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    assert_int_equal(rig->stub->repeat_event(rig->pusher, seq), KLP_OK);
    again = stub_rig_take(rig);
    assert_string_equal(again->json.data, first);
    stub_rig_ack(rig, again);
    assert_int_equal(rig->klp->next_event(rig->pusher, 0, &again), KLP_E_DRAINED);
    free(first);
}

static void a_script_repeats_the_verdict_of_a_key(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"match\": {\"key\": \"match-1\"}, \"action\": {\"repeat\": 2}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    uint64_t seq = event->seq;
    assert_event(event, KLP_APPLIED, "", 1);
    for (int i = 0; i < 2; i++) {
        stub_rig_ack(rig, event);
        event = stub_rig_take(rig);
        assert_int_equal(event->seq, seq);
    }
    stub_rig_ack(rig, event);
    assert_null(stub_rig_take_now(rig));
}

static void a_verdict_of_a_dead_process_is_recovered(void **state)
{
    struct stub_rig *rig = *state;
    klp_lobby lobby = stub_rig_lobby("last-night");
    klp_stats stats = {.struct_size = sizeof stats};

    lobby.cookie = 9;
    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->recover(rig->pusher, &lobby, NULL), KLP_OK);
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->recovered, 1);
    assert_int_equal(event->cookie, 9);
    stub_rig_push(rig, "tonight");
    assert_int_equal(stub_rig_take(rig)->recovered, 0);
    assert_int_equal(rig->klp->stats(rig->pusher, &stats), KLP_OK);
    assert_int_equal(stats.recovered, 1);

    lobby.key = klp_cstr("");
    klp_text_buffer why = {0};
    assert_int_equal(rig->stub->recover(rig->pusher, &lobby, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "key is empty");
}

static klp_status recover(struct stub_rig *rig, const char *key)
{
    klp_lobby lobby = stub_rig_lobby(key);
    return rig->stub->recover(rig->pusher, &lobby, NULL);
}

static void what_is_recovered_says_so_however_it_ends(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();
    klp_stats stats = {.struct_size = sizeof stats};
    const klp_event *event;

    config.max_in_flight = 1;
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    assert_int_equal(recover(rig, "match-1"), KLP_OK);
    assert_int_equal(recover(rig, "match-1"), KLP_OK); /* it joins the first, */
    assert_int_equal(recover(rig, "match-2"), KLP_OK); /* and this one is never sent */
    assert_int_equal(rig->klp->stats(rig->pusher, &stats), KLP_OK);
    assert_int_equal(stats.recovered, 3);
    assert_int_equal(stats.accepted, 0);
    stub_rig_advance(rig, 0);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    for (int i = 0; i < 3; i++) {
        event = stub_rig_take(rig);
        assert_string_equal(event->error_code.data, "shutdown");
        assert_int_equal(event->recovered, 1);
        stub_rig_ack(rig, event);
    }
    assert_int_equal(recover(rig, "match-3"), KLP_E_STOPPED);
}

static void what_is_recovered_is_beyond_the_bounds_of_what_is_new(void **state)
{
    enum { RECOVERED = 200 };
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();
    klp_lobby lobby = stub_rig_lobby("new");
    char key[16];

    config.max_queued = 1;
    stub_rig_open(rig, &config);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    stub_rig_script(rig, "[{\"match\": {\"attempt\": 1}, \"times\": -1, \"action\": {\"status\": 503}}]");
    for (int i = 0; i < RECOVERED; i++) {
        snprintf(key, sizeof key, "old-%d", i);
        assert_int_equal(recover(rig, key), KLP_OK);
    }
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    lobby.key = klp_cstr("one too many");
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_E_QUEUE_FULL);
    stub_rig_advance(rig, 60000);
    size_t recovered = 0;
    for (const klp_event *event; (event = stub_rig_take_now(rig)); stub_rig_ack(rig, event)) {
        assert_int_equal(event->outcome, KLP_APPLIED);
        recovered += event->recovered != 0;
    }
    assert_int_equal(recovered, RECOVERED);
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

static void reset_forgets_all_but_time(void **state)
{
    struct stub_rig *rig = *state;
    uint64_t before_us, after_us;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"match\": {\"nth\": [2]}, \"action\": {\"status\": 404}}]");
    stub_rig_push(rig, "match-1");
    stub_rig_ack(rig, stub_rig_take(rig));
    assert_int_equal(rig->stub->elapsed_us(rig->pusher, &before_us), KLP_OK);
    assert_int_equal(rig->stub->reset(rig->pusher), KLP_OK);
    assert_int_equal(rig->stub->elapsed_us(rig->pusher, &after_us), KLP_OK);
    assert_int_equal(before_us, after_us);
    assert_int_equal(stub_rig_lobby_count(rig), 0);
    assert_int_equal(stub_rig_request_count(rig), 0);
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_event(event, KLP_APPLIED, "", 1);
    assert_int_equal(event->replayed, 0);
}

static void controls_refuse_what_is_no_pusher_of_theirs(void **state)
{
    struct stub_rig *rig = *state;
    klp_pusher *nobody = (klp_pusher *)rig;
    klp_stub_request request = {0};
    klp_text_buffer why = {0};

    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->script(nobody, klp_cstr("[]"), &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "pusher is none that the stub has opened");
    assert_int_equal(rig->stub->hold_time(NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->advance_ms(nobody, 1), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->advance_ms(rig->pusher, UINT64_MAX), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->request(rig->pusher, 0, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->request(rig->pusher, 0, &request), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->lobby(rig->pusher, 0, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->stub->elapsed_us(rig->pusher, NULL), KLP_E_INVALID_ARGUMENT);
}

static void a_struct_is_filled_as_far_as_the_test_knows_it(void **state)
{
    struct stub_rig *rig = *state;
    union {
        klp_stub_request request;
        unsigned char bytes[sizeof(klp_stub_request) + 16];
    } of_now = {.request = {.struct_size = offsetof(klp_stub_request, method)}};

    stub_rig_open(rig, NULL);
    stub_rig_push(rig, "match-1");
    stub_rig_ack(rig, stub_rig_take(rig));
    memset(&of_now.request.method, 0xAA, sizeof of_now - offsetof(klp_stub_request, method));
    assert_int_equal(rig->stub->request(rig->pusher, 0, &of_now.request), KLP_OK);
    assert_int_equal(of_now.request.struct_size, offsetof(klp_stub_request, method));
    assert_int_equal(of_now.request.op, KLP_OP_PUSH);
    for (size_t i = offsetof(klp_stub_request, method); i < sizeof of_now; i++)
        assert_int_equal(of_now.bytes[i], 0xAA);
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
        TEST(a_full_queue_can_be_had),
        TEST(a_scripted_refusal_is_for_what_would_have_been_accepted),
        TEST(an_event_is_told_again_under_the_same_seq),
        TEST(a_script_repeats_the_verdict_of_a_key),
        TEST(a_verdict_of_a_dead_process_is_recovered),
        TEST(what_is_recovered_says_so_however_it_ends),
        TEST(what_is_recovered_is_beyond_the_bounds_of_what_is_new),
        TEST(two_pushers_do_not_meet),
        TEST(tests_run_beside_each_other),
        TEST(reset_forgets_all_but_time),
        TEST(controls_refuse_what_is_no_pusher_of_theirs),
        TEST(a_struct_is_filled_as_far_as_the_test_knows_it),
        TEST(a_child_is_told_so),
        TEST(the_real_library_has_no_controls),
        TEST(the_library_that_the_environment_names_is_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
