/* SPDX-License-Identifier: Apache-2.0
 * What a test has of the stub's controls: refusals, repeats, verdicts of before, and what they refuse themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"
#include "stub_rig.h"

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
    assert_int_equal(recover(rig, "one too late"), KLP_E_QUEUE_FULL);
    stub_rig_advance(rig, 60000);
    size_t recovered = 0;
    for (const klp_event *event; (event = stub_rig_take_now(rig)); stub_rig_ack(rig, event)) {
        assert_int_equal(event->outcome, KLP_APPLIED);
        recovered += event->recovered != 0;
    }
    assert_int_equal(recovered, RECOVERED);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_rig_setup, stub_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_queue_can_be_had),
        TEST(a_scripted_refusal_is_for_what_would_have_been_accepted),
        TEST(an_event_is_told_again_under_the_same_seq),
        TEST(a_script_repeats_the_verdict_of_a_key),
        TEST(a_verdict_of_a_dead_process_is_recovered),
        TEST(what_is_recovered_says_so_however_it_ends),
        TEST(what_is_recovered_is_beyond_the_bounds_of_what_is_new),
        TEST(reset_forgets_all_but_time),
        TEST(controls_refuse_what_is_no_pusher_of_theirs),
        TEST(a_struct_is_filled_as_far_as_the_test_knows_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
