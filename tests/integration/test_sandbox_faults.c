/* SPDX-License-Identifier: Apache-2.0
 *
 * Every scripted fault is what it is called, as a plain libcurl client sees it. */
#include "expect_reply.h"
#include "sandbox_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Which one it is has changed between versions of curl. */
#define ANY_FAILURE CURLE_OK

static void assert_last_arrival(const char *fault, bool applied)
{
    json_t *last = last_arrival();
    assert_text(last, "fault", fault);
    assert_int_equal(json_is_true(json_object_get(last, "applied")), applied);
    json_decref(last);
}

static void a_lost_reply_was_applied(void **state)
{
    static const struct {
        const char *action, *fault;
        CURLcode result;
        bool applied;
    } cases[] = {
        {"{\"reset_before\": true}", "reset_before", CURLE_RECV_ERROR, false},
        {"{\"reset_after\": true}", "reset_after", CURLE_RECV_ERROR, true},
        {"{\"close_before\": true}", "close_before", CURLE_GOT_NOTHING, false},
        {"{\"close_after\": true}", "close_after", CURLE_GOT_NOTHING, true},
        {"{\"cut_body\": true}", "cut_body", CURLE_PARTIAL_FILE, true},
        {"{\"garbage\": true}", "garbage", CURLE_UNSUPPORTED_PROTOCOL, false},
        {"{\"garbage\": \"HTTP/9.9 what\\r\\n\\r\\n\", \"apply\": true}", "garbage", CURLE_UNSUPPORTED_PROTOCOL, true},
        {"{\"endless_headers\": true}", "endless_headers", ANY_FAILURE, false},
    };
    char rule[256], body[128];
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t lobbies = sandbox_lobby_count(sandbox);
        snprintf(rule, sizeof rule, "{\"match\": {\"op\": \"push\"}, \"action\": %s}", cases[i].action);
        snprintf(body, sizeof body, "{\"key\":\"k%zu\",\"externalPlayerIds\":[\"a\"]}", i);
        sandbox_script(sandbox, rule);
        struct sandbox_reply reply = post(PUSH("duel"), body);
        assert_int_not_equal(reply.result, CURLE_OK);
        expect_failure(cases[i].result == ANY_FAILURE ? reply.result : cases[i].result, reply);
        assert_last_arrival(cases[i].fault, cases[i].applied);
        assert_int_equal(sandbox_lobby_count(sandbox), lobbies + cases[i].applied);
        expect_status(cases[i].applied ? 200 : 201, post(PUSH("duel"), body));
    }
}

static void a_scripted_status_says_what_the_rule_says(void **state)
{
    (void)state;
    sandbox_script(sandbox,
                   "[{\"action\": {\"status\": 429, \"headers\": {\"Retry-After\": \"2\"}}},"
                   " {\"action\": {\"status\": 503, \"apply\": true, \"code\": \"busy\", \"message\": \"m\"}},"
                   " {\"action\": {\"status\": 202, \"code\": \"lobby_forming\", \"details\": {\"x\": 1}}},"
                   " {\"action\": {\"status\": 502, \"body\": \"<html>\","
                   "               \"headers\": {\"Content-Type\": \"text/html\", \"X-Two\": [\"a\", \"b\"]}}},"
                   " {\"action\": {\"status\": 302, \"headers\": {\"location\": \"http://127.0.0.1:9/\"}}},"
                   " {\"action\": {\"body\": \"{\\\"data\\\":{\\\"id\\\":7}}\"}}]");
    static const char body[] = "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}";

    struct sandbox_reply reply = post(PUSH("duel"), body);
    assert_non_null(strstr(reply.headers, "\nRetry-After: 2\r\n"));
    expect_error(429, "rate_limited", reply);
    assert_last_arrival("status", false);

    expect_error(503, "busy", post(PUSH("duel"), body));
    assert_last_arrival("status", true);

    json_t *json = expect_json(202, post(PUSH("duel"), body));
    assert_int_equal(number_at(json, "error.details.x"), 1);
    json_decref(json);

    reply = post(PUSH("duel"), body);
    assert_string_equal(reply.body, "<html>");
    assert_null(strstr(reply.headers, "application/json"));
    assert_non_null(strstr(reply.headers, "X-Two: a\r\nX-Two: b\r\n"));
    expect_status(502, reply);

    expect_status(302, post(PUSH("duel"), body));
    json = expect_json(200, post(PUSH("duel"), body)); /* applied once before, so the status is a replay's */
    assert_int_equal(number_at(json, "data.id"), 7);
    json_decref(json);
    expect_status(200, post(PUSH("duel"), body));
}

static void strange_bodies_arrive_whole(void **state)
{
    (void)state;
    sandbox_script(sandbox, "[{\"action\": {\"slow_drip\": true, \"drip_ms\": 1}},"
                            " {\"action\": {\"slow_drip\": true, \"drip_ms\": 1, \"chunked\": true}},"
                            " {\"action\": {\"big_body\": 3000000}},"
                            " {\"action\": {\"big_body\": 3000000, \"chunked\": true}}]");
    for (int i = 0; i < 2; i++) {
        json_t *json = expect_json(200, get(PING));
        assert_text(json, "apiKey.gameId", "game_1");
        json_decref(json);
        json_t *last = last_arrival();
        assert_text(last, "fault", "slow_drip");
        json_decref(last);
    }
    for (int i = 0; i < 2; i++) {
        struct sandbox_reply reply = get(PING);
        assert_int_equal(reply.body_bytes, 3000000);
        assert_int_equal(strstr(reply.headers, "Content-Length: 3000000") != NULL, i == 0);
        expect_status(200, reply);
    }
}

static void a_delay_holds_up_nobody_else(void **state)
{
    (void)state;
    sandbox_script(sandbox,
                   "[{\"match\": {\"key\": \"slow\"}, \"action\": {\"delay_ms\": 300}},"
                   " {\"match\": {\"key\": \"slow\"}, \"action\": {\"delay_ms\": 300, \"reset_after\": true}}]");
    static const char slow[] = "{\"key\":\"slow\",\"externalPlayerIds\":[\"a\"]}";
    expect_status(201, post(PUSH("duel"), slow));
    expect_failure(CURLE_RECV_ERROR, post(PUSH("duel"), slow));

    CURLM *multi = curl_multi_init();
    CURL *late = curl_easy_init();
    char url[128];
    int running = 1;
    snprintf(url, sizeof url, "%s" PING, sandbox_url(sandbox));
    sandbox_script(sandbox, "{\"action\": {\"delay_ms\": 1500, \"status\": 503}}");
    curl_easy_setopt(late, CURLOPT_URL, url);
    curl_easy_setopt(late, CURLOPT_PROXY, "");
    FILE *nowhere = fopen("/dev/null", "w");
    curl_easy_setopt(late, CURLOPT_WRITEDATA, nowhere); /* its body is of no interest on stdout */
    curl_multi_add_handle(multi, late);
    /* Until the delayed one has arrived, so that it is the one that the rule strikes. */
    while (running && sandbox_stat(sandbox, "requests") < 3)
        curl_multi_perform(multi, &running);
    expect_status(200, get(PING));
    while (running) {
        curl_multi_perform(multi, &running);
        curl_multi_poll(multi, NULL, 0, 50, NULL);
    }
    long status = 0;
    curl_easy_getinfo(late, CURLINFO_RESPONSE_CODE, &status);
    assert_int_equal(status, 503);
    curl_multi_remove_handle(multi, late);
    curl_easy_cleanup(late);
    fclose(nowhere);
    curl_multi_cleanup(multi);

    json_t *log = sandbox_log(sandbox);
    assert_true(number_at(log, "0.answered_us") - number_at(log, "0.at_us") >= 300000);
    assert_true(number_at(log, "1.answered_us") - number_at(log, "1.at_us") >= 300000);
    assert_true(number_at(log, "3.answered_us") < number_at(log, "2.answered_us"));
    json_decref(log);
}

static void what_is_applied_late_is_applied_also_when_its_client_has_left(void **state)
{
    static const char body[] = "{\"key\":\"late\",\"externalPlayerIds\":[\"a\"]}";
    char url[128];
    (void)state;

    sandbox_script(sandbox, "{\"action\": {\"delay_ms\": 1000, \"apply_late\": true}}");
    snprintf(url, sizeof url, "%s" PUSH("duel"), sandbox_url(sandbox));
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Authorization: Bearer " SANDBOX_KEY);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    CURLM *multi = curl_multi_init();
    int running = 1;
    curl_multi_add_handle(multi, curl);
    while (running && sandbox_stat(sandbox, "faults_struck") == 0)
        curl_multi_perform(multi, &running);
    assert_int_equal(running, 1);
    curl_multi_remove_handle(multi, curl);
    curl_easy_cleanup(curl);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);

    sandbox_settle(sandbox);
    assert_int_equal(sandbox_lobby_count(sandbox), 1);
    json_t *log = sandbox_log(sandbox);
    assert_int_equal(json_array_size(log), 1);
    assert_true(json_is_true(sandbox_at(log, "0.applied")));
    assert_int_equal(number_at(log, "0.result"), 201);
    assert_string_equal(sandbox_text_at(log, "0.body"), body);
    json_decref(log);
    expect_status(200, post(PUSH("duel"), body));
}

static void connections_are_reset_upon_accept(void **state)
{
    (void)state;
    sandbox_script(sandbox, "{\"accept_reset\": 2}");
    for (int i = 0; i < 2; i++) {
        struct sandbox_reply reply = get(PING);
        assert_int_equal(reply.status, 0);
        assert_int_not_equal(reply.result, CURLE_OK);
        sandbox_reply_clear(&reply);
    }
    expect_status(200, get(PING));
    assert_int_equal(sandbox_stat(sandbox, "requests"), 1);
    assert_int_equal(sandbox_stat(sandbox, "connections_reset_on_accept"), 2);
}

static void a_rule_strikes_what_it_matches(void **state)
{
    (void)state;
    sandbox_script(sandbox, "[{\"match\": {\"op\": \"push\", \"player\": \"bob\"}, \"action\": {\"status\": 500}},"
                            " {\"match\": {\"op\": \"push\", \"key\": \"k2\", \"event\": \"duel\"}, \"times\": 2,"
                            "  \"action\": {\"status\": 501}},"
                            " {\"match\": {\"op\": \"ping\", \"nth\": [1, 3]}, \"action\": {\"status\": 502}},"
                            " {\"match\": {\"op\": \"call\"}, \"times\": -1, \"action\": {\"status\": 503}}]");
    static const char k1[] = "{\"key\":\"k1\",\"externalPlayerIds\":[\"a\"]}";
    static const char k2[] = "{\"key\":\"k2\",\"externalPlayerIds\":[\"a\",\"bob\"]}";
    expect_status(201, post(PUSH("duel"), k1));
    expect_status(500, post(PUSH("duel"), k2));
    expect_status(501, post(PUSH("duel"), k2));
    expect_status(501, post(PUSH("duel"), k2));
    expect_status(201, post(PUSH("duel"), k2));
    expect_status(502, get(PING));
    expect_status(200, get(PING));
    expect_status(502, get(PING));
    expect_status(200, get(PING));
    for (int i = 0; i < 3; i++)
        expect_status(503, get("/server/v1/players/p"));
    sandbox_unscript(sandbox);
    expect_status(200, get("/server/v1/players/p"));
}

static void a_share_falls_the_same_in_every_run(void **state)
{
    char runs[2][41] = {"", ""};
    size_t struck = 0;
    (void)state;

    for (int run = 0; run < 2; run++) {
        sandbox_reset(sandbox);
        sandbox_script(sandbox, "{\"share_permille\": 400, \"seed\": 7, \"action\": {\"status\": 500}}");
        for (int i = 0; i < 40; i++) {
            struct sandbox_reply reply = get(PING);
            runs[run][i] = reply.status == 500 ? 'x' : '.';
            struck += reply.status == 500;
            sandbox_reply_clear(&reply);
        }
    }
    assert_string_equal(runs[0], runs[1]);
    assert_in_range(struck, 10, 54);
}

static void a_broken_rule_is_refused_and_nothing_kept(void **state)
{
    static const char *const broken[] = {
        "{}",
        "[{\"action\": {\"status\": 500}}, {\"action\": {\"stauts\": 500}}]",
        "{\"match\": {\"op\": \"pull\"}, \"action\": {\"status\": 500}}",
        "{\"match\": {\"nth\": [0]}, \"action\": {\"status\": 500}}",
        "{\"action\": {\"status\": 99}}",
        "{\"action\": {\"cut_body\": true, \"reset_after\": true}}",
        "{\"action\": {\"big_body\": true}}",
        "{\"action\": {\"delay_ms\": -1}}",
        "{\"action\": {\"headers\": {\"a\": 1}}}",
        "{\"accept_reset\": -1}",
        "nonsense",
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        expect_error(400, "validation_failed", post("/_sandbox/faults", broken[i]));
    expect_error(404, "not_found", get("/_sandbox/nothing"));
    expect_status(200, get(PING));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_lost_reply_was_applied, forget_everything),
        cmocka_unit_test_setup(a_scripted_status_says_what_the_rule_says, forget_everything),
        cmocka_unit_test_setup(strange_bodies_arrive_whole, forget_everything),
        cmocka_unit_test_setup(a_delay_holds_up_nobody_else, forget_everything),
        cmocka_unit_test_setup(what_is_applied_late_is_applied_also_when_its_client_has_left, forget_everything),
        cmocka_unit_test_setup(connections_are_reset_upon_accept, forget_everything),
        cmocka_unit_test_setup(a_rule_strikes_what_it_matches, forget_everything),
        cmocka_unit_test_setup(a_share_falls_the_same_in_every_run, forget_everything),
        cmocka_unit_test_setup(a_broken_rule_is_refused_and_nothing_kept, forget_everything),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
