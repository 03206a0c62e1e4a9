/* SPDX-License-Identifier: Apache-2.0
 * Waiting for a lobby: what ends it, and what it bears until then. */
#include "awaits.h"

static void it_ends_when_the_last_bot_is_in(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");

    lobby.event_key = klp_cstr("bot_brawl"); /* six bots, one every 50 ms */
    rig_open(rig, NULL);
    char *id = push_lobby(rig, &lobby);
    klp_ticket ticket = watch(rig, id, 20, 20000);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_true(event->ok);
    assert_text(event->lobby_status, "active");
    assert_int_equal(event->capacity, 8);
    assert_int_equal(event->participant_count, 2);
    assert_int_equal(event->bot_slots, 6);
    assert_int_equal(event->filled_slots, 8);
    assert_int_equal(event->http_status, 200);
    assert_true(event->attempts >= 1);
    assert_non_null(strstr(event->lobby_json.data, "\"active\""));
    assert_non_null(strstr(event->json.data, "\"op\":\"await\""));
    rig_ack(rig, event);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.queries_ok, 1);
    assert_int_equal(stats.awaiting + stats.queued + stats.queued_bytes + stats.reply_bytes, 0);
    assert_int_equal(stats.retries, 0); /* looking again is no retry */
    free(id);
}

static void looks_come_at_the_interval(void **state)
{
    enum { INTERVAL_MS = 200, LOOKS = 8 };
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    watch(rig, id, INTERVAL_MS, 60000);
    await_looks(rig, LOOKS);
    sandbox_advance_clock(rig->sandbox, 120);
    rig_ack(rig, rig_take(rig));
    json_t *found = looks(rig);
    for (size_t i = 1; i < LOOKS; i++) {
        json_t *before = json_array_get(found, i - 1), *arrival = json_array_get(found, i);
        double gap_ms = (json_number_value(json_object_get(arrival, "at_us")) -
                         json_number_value(json_object_get(before, "at_us"))) /
                        1000;
        assert_true(gap_ms >= INTERVAL_MS * 0.9 - 5);
        assert_true(gap_ms <= INTERVAL_MS * 1.1 + STALL_MS); /* a machine that is busy is late, never early */
    }
    json_decref(found);
    free(id);
}

static void an_active_lobby_ends_it_at_the_first_look(void **state)
{
    struct rig *rig = *state;
    klp_lobby lobby = rig_lobby("m");

    rig_open(rig, NULL);
    char *id = push_lobby(rig, &lobby);
    watch(rig, id, 3600000, 60000); /* there is time for one */
    const klp_event *event = rig_take(rig);
    assert_true(event->ok);
    assert_int_equal(event->attempts, 1);
    assert_text(event->lobby_status, "active");
    rig_ack(rig, event);
    assert_int_equal(look_count(rig), 1);
    free(id);
}

static void any_status_but_forming_ends_it(void **state)
{
    static const char *const statuses[] = {"closed", "frozen"}; /* the second is of another century */
    struct rig *rig = *state;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    for (size_t i = 0; i < 2; i++) {
        char action[512];
        snprintf(action, sizeof action,
                 "{\"body\":\"{\\\"data\\\":{\\\"id\\\":\\\"%s\\\",\\\"status\\\":\\\"%s\\\",\\\"capacity\\\":8,"
                 "\\\"participantCount\\\":2}}\"}",
                 id, statuses[i]);
        rig_script(rig, 1, action);
        watch(rig, id, 10, 20000);
        const klp_event *event = rig_take(rig);
        assert_true(event->ok);
        assert_string_equal(event->lobby_status.data, statuses[i]);
        assert_int_equal(event->filled_slots, 2);
        rig_ack(rig, event);
    }
    free(id);
}

static void it_bears_failures_in_passing(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig); /* one attempt: it is no retry that makes up for them */

    config.backoff_initial_ms = 20;
    config.backoff_max_ms = 50;
    rig_open(rig, &config);
    char *id = push_forming(rig, "m");
    sandbox_script(rig->sandbox, "[{\"match\":{\"op\":\"read\",\"nth\":[1,2,8]},\"action\":{\"status\":503}},"
                                 "{\"match\":{\"op\":\"read\",\"nth\":[3,4]},\"action\":{\"reset_before\":true}},"
                                 "{\"match\":{\"op\":\"read\",\"nth\":[5]},\"action\":{\"cut_body\":true}},"
                                 "{\"match\":{\"op\":\"read\",\"nth\":[6]},\"action\":{\"garbage\":true}},"
                                 "{\"match\":{\"op\":\"read\",\"nth\":[7]},\"action\":{\"status\":429,"
                                 "\"headers\":{\"Retry-After\":\"1\"}}}]");
    klp_ticket ticket = watch(rig, id, 20, 30000);
    await_looks(rig, 12);
    sandbox_advance_clock(rig->sandbox, 120);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, id);
    assert_true(event->ok);
    assert_text(event->lobby_status, "active");
    assert_true(event->attempts >= 12);
    assert_true(event->error_code.size == 0);
    rig_ack(rig, event);
    json_t *found = looks(rig);
    for (size_t i = 1; i < json_array_size(found); i++) {
        json_t *before = json_array_get(found, i - 1), *arrival = json_array_get(found, i);
        double pause_ms = (json_number_value(json_object_get(arrival, "at_us")) -
                           json_number_value(json_object_get(before, "answered_us"))) /
                          1000;
        if (json_integer_value(json_object_get(before, "status")) == 429)
            assert_true(pause_ms >= 999);
    }
    json_decref(found);
    free(id);
}

static void a_lobby_that_is_not_there_ends_it_at_once(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    klp_ticket ticket = watch(rig, "lob_nowhere", 10, 30000);
    const klp_event *event = rig_take(rig);
    assert_is_await(event, ticket, "lob_nowhere");
    assert_failed(event, KLP_CODE_NOT_FOUND, KLP_ORIGIN_SERVER);
    assert_int_equal(event->http_status, 404);
    assert_int_equal(event->attempts, 1);
    assert_false(event->retryable);
    rig_ack(rig, event);
    assert_int_equal(look_count(rig), 1);
    assert_int_equal(rig_stats(rig).queries_failed, 1);
}

static void assert_refused(struct rig *rig, const klp_await *await, const char *field)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    assert_int_equal(rig->klp->await(rig->pusher, await, &ticket, &why), KLP_E_INVALID_ARGUMENT);
    if (!strstr(why.data, field))
        fail_msg("\"%s\" does not name %s", why.data, field);
    assert_int_equal(ticket, 0);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    klp_await good = KLP_AWAIT_INIT, bad;

    rig_open(rig, NULL);
    good.lobby_id = klp_cstr("lob_1");
    bad = good, bad.poll_interval_ms = 9, assert_refused(rig, &bad, "poll_interval_ms");
    bad = good, bad.poll_interval_ms = 3600001, assert_refused(rig, &bad, "poll_interval_ms");
    bad = good, bad.timeout_ms = 604800001, assert_refused(rig, &bad, "timeout_ms");
    bad = good, bad.flags = 1, assert_refused(rig, &bad, "flags");
    bad = good, bad.lobby_id = klp_cstr(""), assert_refused(rig, &bad, "lobby_id");
    bad = good, bad.lobby_id = klp_cstr(".."), assert_refused(rig, &bad, "lobby_id");
    bad = good, bad.lobby_id = klp_cstr("\xff"), assert_refused(rig, &bad, "lobby_id");
    bad = good, bad.game_id = klp_cstr("."), assert_refused(rig, &bad, "game_id");
    bad = good, bad.trace_parent = klp_cstr("00-1-2-3"), assert_refused(rig, &bad, "trace_parent");
    bad = good, bad.struct_size = 0, assert_refused(rig, &bad, "struct_size");
    assert_int_equal(rig->klp->await(rig->pusher, NULL, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig->klp->await(NULL, &good, NULL, NULL), KLP_E_INVALID_ARGUMENT);
    assert_int_equal(rig_stats(rig).accepted, 0);
    good.poll_interval_ms = 10;
    good.timeout_ms = 604800000;
    assert_int_equal(rig->klp->await(rig->pusher, &good, NULL, NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
}

static void its_trace_parent_is_sent_and_given_back(void **state)
{
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct rig *rig = *state;
    klp_await await = KLP_AWAIT_INIT;
    bool is_sent = false;
    json_t *header;
    size_t i;

    rig_open(rig, NULL);
    char *id = push_forming(rig, "m");
    sandbox_advance_clock(rig->sandbox, 120);
    await.lobby_id = klp_cstr(id);
    await.trace_parent = klp_cstr(trace);
    assert_int_equal(rig->klp->await(rig->pusher, &await, NULL, NULL), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_text(event->trace_parent, trace);
    rig_ack(rig, event);
    json_t *found = looks(rig);
    json_array_foreach(json_object_get(json_array_get(found, 0), "headers"), i, header)
    {
        is_sent |= strcmp(json_string_value(json_array_get(header, 0)), "traceparent") == 0 &&
                   strcmp(json_string_value(json_array_get(header, 1)), trace) == 0;
    }
    assert_true(is_sent);
    json_decref(found);
    free(id);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(it_ends_when_the_last_bot_is_in),
        test(looks_come_at_the_interval),
        test(an_active_lobby_ends_it_at_the_first_look),
        test(any_status_but_forming_ends_it),
        test(it_bears_failures_in_passing),
        test(a_lobby_that_is_not_there_ends_it_at_once),
        test(what_is_wrong_is_refused_by_name),
        test(its_trace_parent_is_sent_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
