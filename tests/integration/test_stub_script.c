/* SPDX-License-Identifier: Apache-2.0
 * What a script of the stub can say, and what it is told when it is wrong. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "stub_rig.h"

/* ─── what becomes of a push ────────────────────────────────────────────────────────────────────── */

struct course {
    const char *action;
    int32_t outcome;
    const char *code;
    int32_t origin;
    uint32_t attempts, sends;
    int32_t http_status;
    size_t lobbies;
};

static void every_action_has_the_outcome_of_the_contract(void **state)
{
    static const struct course courses[] = {
        {"{\"status\": 200}", KLP_APPLIED, "", KLP_ORIGIN_NONE, 1, 1, 200, 1},
        {"{\"status\": 202, \"code\": \"lobby_forming\", \"apply\": true}", KLP_POSSIBLY_APPLIED, "lobby_forming",
         KLP_ORIGIN_SERVER, 1, 1, 202, 1},
        {"{\"status\": 400}", KLP_NOT_APPLIED, "validation_failed", KLP_ORIGIN_SERVER, 1, 1, 400, 0},
        {"{\"status\": 403, \"code\": \"tenant_mismatch\", \"message\": \"not yours\"}", KLP_NOT_APPLIED,
         "tenant_mismatch", KLP_ORIGIN_SERVER, 1, 1, 403, 0},
        {"{\"status\": 404}", KLP_NOT_APPLIED, "not_found", KLP_ORIGIN_SERVER, 1, 1, 404, 0},
        {"{\"status\": 418}", KLP_NOT_APPLIED, "internal_error", KLP_ORIGIN_SERVER, 1, 1, 418, 0},
        {"{\"status\": 409, \"body\": \"<html>\"}", KLP_NOT_APPLIED, "internal_error", KLP_ORIGIN_SERVER, 1, 1, 409, 0},
        {"{\"status\": 503}", KLP_POSSIBLY_APPLIED, "internal_error", KLP_ORIGIN_SERVER, 4, 4, 503, 0},
        {"{\"status\": 500, \"apply\": true}", KLP_POSSIBLY_APPLIED, "internal_error", KLP_ORIGIN_SERVER, 4, 4, 500, 1},
        {"{\"refused\": true, \"delay_ms\": 20000}", KLP_NOT_APPLIED, "timeout", KLP_ORIGIN_TRANSPORT, 2, 0, 0, 0},
        {"{\"reset_after\": true, \"delay_ms\": 20000}", KLP_POSSIBLY_APPLIED, "timeout", KLP_ORIGIN_TRANSPORT, 2, 2, 0,
         1},
        {"{\"body\": \"<html>\"}", KLP_POSSIBLY_APPLIED, "invalid_response", KLP_ORIGIN_TRANSPORT, 4, 4, 200, 0},
        {"{\"refused\": true}", KLP_NOT_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 0, 0, 0},
        {"{\"unresolved\": true}", KLP_NOT_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 0, 0, 0},
        {"{\"tls_error\": true}", KLP_NOT_APPLIED, "tls_error", KLP_ORIGIN_TRANSPORT, 4, 0, 0, 0},
        {"{\"certificate\": true}", KLP_NOT_APPLIED, "tls_error", KLP_ORIGIN_TRANSPORT, 1, 0, 0, 0},
        {"{\"reset_before\": true}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0, 0},
        {"{\"close_before\": true}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0, 0},
        {"{\"garbage\": true}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0, 0},
        {"{\"reset_after\": true}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0, 1},
        {"{\"close_after\": true}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0, 1},
        {"{\"cut_body\": true}", KLP_POSSIBLY_APPLIED, "invalid_response", KLP_ORIGIN_TRANSPORT, 4, 4, 200, 1},
        {"{\"reset_after\": true, \"apply\": false}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4,
         0, 0},
        {"{\"outcome\": \"not_applied\"}", KLP_NOT_APPLIED, "conflict", KLP_ORIGIN_SERVER, 1, 1, 409, 0},
        {"{\"outcome\": \"not_applied\", \"code\": \"event_disabled\"}", KLP_NOT_APPLIED, "event_disabled",
         KLP_ORIGIN_SERVER, 1, 1, 409, 0},
        {"{\"outcome\": \"possibly_applied\"}", KLP_POSSIBLY_APPLIED, "network_error", KLP_ORIGIN_TRANSPORT, 4, 4, 0,
         0},
        {"{\"delay_ms\": 700}", KLP_APPLIED, "", KLP_ORIGIN_NONE, 1, 1, 201, 1},
    };
    struct stub_rig *rig = *state;
    char script[256];

    for (size_t i = 0; i < sizeof courses / sizeof *courses; i++) {
        const struct course *course = &courses[i];
        stub_rig_open(rig, NULL);
        snprintf(script, sizeof script, "[{\"times\": -1, \"action\": %s}]", course->action);
        stub_rig_script(rig, script);
        stub_rig_push(rig, "match-1");
        const klp_event *event = stub_rig_take(rig);
        if (event->outcome != course->outcome || strcmp(event->error_code.data, course->code) != 0 ||
            event->error_origin != course->origin || event->attempts != course->attempts ||
            event->sends != course->sends || event->http_status != course->http_status ||
            stub_rig_lobby_count(rig) != course->lobbies)
            fail_msg("%s: %zu lobbies, %s", course->action, stub_rig_lobby_count(rig), event->json.data);
        assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
        rig->pusher = NULL;
    }
}

static void a_push_that_was_applied_and_not_answered_is_found_again(void **state)
{
    static const char *const actions[] = {"reset_after", "close_after", "cut_body"};
    struct stub_rig *rig = *state;
    char script[128], key[16];

    stub_rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        snprintf(script, sizeof script, "[{\"action\": {\"%s\": true}}]", actions[i]);
        snprintf(key, sizeof key, "match-%zu", i);
        stub_rig_script(rig, script);
        stub_rig_push(rig, key);
        const klp_event *event = stub_rig_take(rig);
        assert_event(event, KLP_APPLIED, "", 2);
        assert_int_equal(event->replayed, 1);
        assert_int_equal(stub_rig_lobby_count(rig), i + 1);
    }
}

static void every_vector_of_replies_has_its_verdict(void **state)
{
    struct stub_rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/push_responses.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    size_t i, tried = 0;

    assert_true(json_array_size(cases) > 10);
    json_array_foreach(cases, i, vector)
    {
        int status = (int)json_integer_value(json_object_get(vector, "status"));
        const char *body = json_string_value(json_object_get(vector, "body"));
        if (!status || !body)
            continue;
        klp_config config = stub_rig_config();
        config.max_attempts = 1;
        stub_rig_open(rig, &config);
        json_t *rules = json_pack("[{s:i, s:{s:i, s:s}}]", "times", -1, "action", "status", status, "body", body);
        char *script = json_dumps(rules, 0);
        stub_rig_script(rig, script);
        stub_rig_push(rig, "match-1");
        const klp_event *event = stub_rig_take(rig);
        const char *code = json_string_value(json_object_get(vector, "error_code"));
        if (strcmp(rig->klp->outcome_text(event->outcome), json_string_value(json_object_get(vector, "outcome"))) !=
                0 ||
            event->ok != json_is_true(json_object_get(vector, "ok")) ||
            strcmp(event->error_code.data, code ? code : "") != 0)
            fail_msg("%s: %s", json_string_value(json_object_get(vector, "name")), event->json.data);
        free(script);
        json_decref(rules);
        assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
        rig->pusher = NULL;
        tried++;
    }
    json_decref(vectors);
    assert_true(tried > 10);
}

static void headers_reach_the_event(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();

    config.max_attempts = 1;
    stub_rig_open(rig, &config);
    stub_rig_script(
        rig, "[{\"action\": {\"status\": 503, \"headers\": {\"retry-after\": \"120\", \"X-Request-Id\": \"abc\"},"
             " \"details\": {\"shard\": 3}, \"message\": \"resting\", \"code\": \"resting\"}}]");
    stub_rig_push(rig, "match-1");
    const klp_event *event = stub_rig_take(rig);
    assert_int_equal(event->retry_after_ms, 120000);
    assert_text(event->request_id, "abc");
    assert_text(event->error_details_json, "{\"shard\": 3}");
    assert_text(event->error_message, "resting");
    stub_rig_ack(rig, event);

    /* but for those of a reply that never came */
    stub_rig_script(rig, "[{\"action\": {\"silent\": true, \"headers\": {\"Retry-After\": \"120\"}}}]");
    stub_rig_push(rig, "match-2");
    event = stub_rig_take(rig);
    assert_text(event->error_code, "timeout");
    assert_text(event->request_id, "");
    assert_int_equal(event->retry_after_ms, KLP_NO_RETRY_AFTER);
}

/* ─── which requests ────────────────────────────────────────────────────────────────────────────── */

static int32_t outcome_of(struct stub_rig *rig, const char *key, uint64_t cookie)
{
    klp_lobby lobby = stub_rig_lobby(key);

    lobby.cookie = cookie;
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, NULL), KLP_OK);
    const klp_event *event = stub_rig_take(rig);
    int32_t outcome = event->outcome;
    stub_rig_ack(rig, event);
    return outcome;
}

static void rules_strike_what_they_match(void **state)
{
    static const struct {
        const char *match;
        bool strikes[3]; /* the keys a, b and c, with the cookies 1, 2 and 3 */
    } rules[] = {
        {"{}", {true, true, true}},
        {"{\"op\": \"push\"}", {true, true, true}},
        {"{\"op\": \"any\"}", {true, true, true}},
        {"{\"op\": \"read\"}", {false, false, false}},
        {"{\"key\": \"b\"}", {false, true, false}},
        {"{\"game\": \"game_1\", \"event\": \"quick_brawl\"}", {true, true, true}},
        {"{\"game\": \"game_2\"}", {false, false, false}},
        {"{\"event\": \"duel\"}", {false, false, false}},
        {"{\"player\": \"bob\"}", {true, true, true}},
        {"{\"player\": \"eve\"}", {false, false, false}},
        {"{\"ticket\": 3}", {false, false, true}},
        {"{\"cookie\": 1}", {true, false, false}},
        {"{\"cookie\": 0}", {false, false, false}},
        {"{\"attempt\": 2}", {false, false, false}},
        {"{\"nth\": [1, 3]}", {true, false, true}},
        {"{\"nth\": [1], \"key\": \"c\"}", {false, false, true}},
    };
    struct stub_rig *rig = *state;
    char script[256];

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        stub_rig_open(rig, NULL);
        snprintf(script, sizeof script, "[{\"match\": %s, \"times\": -1, \"action\": {\"status\": 404}}]",
                 rules[i].match);
        stub_rig_script(rig, script);
        for (int k = 0; k < 3; k++) {
            int32_t outcome = outcome_of(rig, (const char *[]){"a", "b", "c"}[k], (uint64_t)k + 1);
            if ((outcome == KLP_NOT_APPLIED) != rules[i].strikes[k])
                fail_msg("%s: %d", rules[i].match, k);
        }
        assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
        rig->pusher = NULL;
    }
}

static void the_latest_script_comes_first_and_the_first_rule_of_it(void **state)
{
    struct stub_rig *rig = *state;

    stub_rig_open(rig, NULL);
    stub_rig_script(rig, "[{\"times\": -1, \"action\": {\"status\": 404}}]");
    assert_int_equal(outcome_of(rig, "a", 0), KLP_NOT_APPLIED);
    stub_rig_script(rig, "{\"rules\": [{\"times\": 2, \"action\": {\"status\": 202, \"code\": \"one\"}},"
                         " {\"times\": 1, \"action\": {\"delay_ms\": 5}}]}");
    assert_int_equal(outcome_of(rig, "a", 0), KLP_POSSIBLY_APPLIED);
    assert_int_equal(outcome_of(rig, "b", 0), KLP_POSSIBLY_APPLIED);
    assert_int_equal(outcome_of(rig, "c", 0), KLP_APPLIED);
    assert_int_equal(outcome_of(rig, "d", 0), KLP_NOT_APPLIED);
}

/* ─── scripts that are wrong ────────────────────────────────────────────────────────────────────── */

static void a_script_that_is_wrong_is_refused_by_the_place(void **state)
{
    static const struct {
        const char *script, *why;
    } wrong[] = {
        {"", "script: is no JSON: "},
        {"[{]", "script: is no JSON: "},
        {"7", "script: the script is no object"},
        {"{\"rule\": []}", "script: the script has no member \"rule\""},
        {"{\"rules\": {}}", "script: rules is no list"},
        {"{\"time\": \"slow\"}", "script: time is neither held nor running"},
        {"{\"latency_ms\": 0}", "script: latency_ms is no whole number within 1 and 3600000"},
        {"{\"seed\": 1}", "script: seed and recovered are for the file that KLP_STUB_SCRIPT names"},
        {"{\"environment\": \"\"}", "script: environment is empty"},
        {"{\"events\": {\"duel\": {\"capacity\": 0}}}", "script: events[0].capacity is no whole number"},
        {"{\"events\": {\"duel\": {}, \"solo\": {\"enabled\": 1}}}",
         "script: events[1].enabled is neither true nor false"},
        {"[7]", "script: rules[0] is no object"},
        {"[{}]", "script: rules[0].action is missing"},
        {"[{\"action\": {}}, {\"action\": {\"statos\": 1}}]", "script: rules[1].action has no member \"statos\""},
        {"[{\"action\": {\"status\": 1000}}]", "script: rules[0].action.status is no whole number within 200 and 599"},
        {"[{\"action\": {\"status\": \"200\"}}]", "script: rules[0].action.status is no whole number"},
        {"[{\"action\": {}, \"times\": 1.5}]", "script: rules[0].times is no whole number, nor -1"},
        {"[{\"action\": {}, \"times\": -2}]", "script: rules[0].times is no whole number, nor -1"},
        {"[{\"action\": {}, \"action\": {}}]", "script: rules[0].action stands twice"},
        {"[{\"match\": {\"op\": \"pull\"}, \"action\": {}}]", "script: rules[0].match.op is none of push, read"},
        {"[{\"match\": {\"nth\": []}, \"action\": {}}]", "script: rules[0].match.nth is no list of 1 to 16 numbers"},
        {"[{\"match\": {\"nth\": [0]}, \"action\": {}}]", "script: rules[0].match.nth is no whole number within 1"},
        {"[{\"match\": {\"key\": \"a\\u0000b\"}, \"action\": {}}]", "script: rules[0].match.key holds a NUL"},
        {"[{\"action\": {\"headers\": {\"Server\": \"x\"}}}]", "script: rules[0].action.headers has another header"},
        {"[{\"action\": {\"refused\": true, \"silent\": true}}]", "script: rules[0].action.silent and another failure"},
        {"[{\"action\": {\"silent\": true, \"status\": 200}}]", "script: rules[0].action.status and an outcome"},
        {"[{\"action\": {\"outcome\": \"not_applied\", \"status\": 200}}]",
         "script: rules[0].action.status and an outcome"},
        {"[{\"action\": {\"outcome\": \"maybe\"}}]", "script: rules[0].action.outcome is neither not_applied nor"},
        {"[{\"action\": {\"code\": \"x\"}}]", "script: rules[0].action has an error's code, message or details"},
        {"[{\"action\": {\"refused\": true, \"apply\": true}}]", "script: rules[0].action applies what is never sent"},
        {"[{\"action\": {\"apply\": false}}]", "script: rules[0].action applies nothing"},
        {"[{\"match\": {\"attempt\": 2}, \"action\": {\"refuse\": \"KLP_E_OUTBOX\"}}]",
         "script: rules[0].match has a ticket or an attempt, which what is refused never gets"},
        {"[{\"action\": {\"refuse\": \"KLP_OK\"}}]", "script: rules[0].action.refuse is none of KLP_E_QUEUE_FULL"},
        {"[{\"action\": {\"refuse\": \"KLP_E_OUTBOX\", \"status\": 200}}]",
         "script: rules[0].action refuses, and says"},
    };
    struct stub_rig *rig = *state;
    klp_text_buffer why = {0};

    stub_rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        klp_status status = rig->stub->script(rig->pusher, klp_cstr(wrong[i].script), &why);
        if (status != KLP_E_INVALID_ARGUMENT || strncmp(why.data, wrong[i].why, strlen(wrong[i].why)) != 0)
            fail_msg("%s: %d, %s", wrong[i].script, status, why.data);
    }
    char *large = malloc(KLP_STUB_MAX_SCRIPT_BYTES + 1);
    assert_non_null(large);
    memset(large, ' ', KLP_STUB_MAX_SCRIPT_BYTES + 1);
    assert_int_equal(rig->stub->script(rig->pusher, (klp_text){large, KLP_STUB_MAX_SCRIPT_BYTES + 1}, &why),
                     KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "script: has 1048577 bytes, more than 1048576");
    free(large);
    assert_int_equal(rig->stub->script(rig->pusher, (klp_text){NULL, 5}, &why), KLP_E_INVALID_ARGUMENT);
    stub_rig_push(rig, "match-1"); /* nothing of all that is in force */
    assert_event(stub_rig_take(rig), KLP_APPLIED, "", 1);
}

/* ─── scripts for hosts that cannot be changed ──────────────────────────────────────────────────── */

static void write_script(char name[], const char *text)
{
    int file = mkstemp(name);

    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(file), 0);
    setenv("KLP_STUB_SCRIPT", name, 1);
}

static void a_file_scripts_a_host_that_knows_nothing_of_it(void **state)
{
    struct stub_rig *rig = *state;
    char name[] = "/tmp/stub-script-XXXXXX";

    write_script(name,
                 "{\"seed\": 7, \"latency_ms\": 20, \"rules\": [{\"match\": {\"key\": \"match-1\"}, \"action\":"
                 " {\"status\": 404}}], \"recovered\": [{\"game\": \"game_1\", \"event\": \"duel\", \"key\": \"old-1\","
                 " \"players\": [\"zoe\", \"yan\"], \"capacity\": 2, \"cookie\": 18446744073709551615},"
                 " {\"event\": \"duel\", \"key\": \"old-2\", \"players\": [\"x\"]}]}");
    stub_rig_open(rig, NULL);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = stub_rig_take(rig);
        assert_event(event, KLP_APPLIED, "", 1);
        assert_int_equal(event->recovered, 1);
        assert_text(event->key, i == 0 ? "old-1" : "old-2");
        assert_true(event->cookie == (i == 0 ? UINT64_MAX : 0));
        assert_int_equal(event->elapsed_us, 20000);
        stub_rig_ack(rig, event);
    }
    assert_int_equal(outcome_of(rig, "match-1", 0), KLP_NOT_APPLIED);
    assert_int_equal(outcome_of(rig, "match-1", 0), KLP_APPLIED);
    unlink(name);
}

static void open_fails_on_a_file_that_is_wrong_or_not_there(void **state)
{
    struct stub_rig *rig = *state;
    klp_config config = stub_rig_config();
    klp_text_buffer why = {0};
    char name[] = "/tmp/stub-script-XXXXXX", missing[] = "/tmp/stub-script-XXXXXX";

    write_script(name, "{\"recovered\": [{\"event\": \"duel\", \"key\": \"k\", \"players\": []}]}");
    assert_int_equal(rig->klp->open(&config, &rig->pusher, &why), KLP_E_INVALID_ARGUMENT);
    assert_null(rig->pusher);
    assert_string_equal(why.data, "player_ids is empty");
    unlink(name);
    assert_int_equal(rig->klp->open(&config, &rig->pusher, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "No such file"));
    write_script(missing, "{\"seed\": -1}");
    assert_int_equal(rig->klp->open(&config, &rig->pusher, &why), KLP_E_INVALID_ARGUMENT);
    assert_non_null(strstr(why.data, "script: seed is no whole number"));
    unlink(missing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_rig_setup, stub_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_action_has_the_outcome_of_the_contract),
        TEST(a_push_that_was_applied_and_not_answered_is_found_again),
        TEST(every_vector_of_replies_has_its_verdict),
        TEST(headers_reach_the_event),
        TEST(rules_strike_what_they_match),
        TEST(the_latest_script_comes_first_and_the_first_rule_of_it),
        TEST(a_script_that_is_wrong_is_refused_by_the_place),
        TEST(a_file_scripts_a_host_that_knows_nothing_of_it),
        TEST(open_fails_on_a_file_that_is_wrong_or_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
