/* SPDX-License-Identifier: Apache-2.0
 * What on_attempt is told: every attempt once, as the server's log of arrivals has it. */
#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "arrival.h"
#include "awaits.h"
#include "calls.h"
#include "guest.h"
#include "recorder.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* Closes the pusher, and looks whether so many attempts were told as they have to be. */
static void finish(struct rig *rig, struct recorder *recorder, size_t attempts)
{
    rig_close(rig);
    assert_int_equal(recorder_attempts(recorder), attempts);
    if (recorder_fault(recorder))
        fail_msg("%s", recorder_fault(recorder));
    recorder_free(recorder);
}

static void assert_times_in_order(const klp_attempt *attempt)
{
    assert_true(attempt->name_us <= attempt->connect_us || attempt->connect_us == 0);
    assert_true(attempt->connect_us <= attempt->total_us);
    assert_true(attempt->tls_us <= attempt->total_us);
    assert_true(attempt->first_byte_us <= attempt->total_us);
    if (attempt->first_byte_us)
        assert_true(attempt->connect_us <= attempt->first_byte_us);
    assert_true(attempt->total_us > 0);
}

/* ─── What it was ───────────────────────────────────────────────────────────────────────────────── */

static void every_kind_of_call_is_told_with_its_template_and_no_ids(void **state)
{
    static const struct {
        int32_t op;
        const char *method, *path_template;
    } due[] = {{KLP_OP_PUSH, "POST", "/server/v1/games/{gameId}/events/{eventKey}/lobbies"},
               {KLP_OP_READ, "GET", "/server/v1/games/{gameId}/lobbies/{lobbyId}"},
               {KLP_OP_PING, "GET", "/server/v1/ping"},
               {KLP_OP_AWAIT, "GET", "/server/v1/games/{gameId}/lobbies/{lobbyId}"},
               {KLP_OP_CALL, "PUT", "/server/v1/players/{}/{}"}};
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);
    klp_lobby lobby = rig_lobby("m");
    klp_await await = KLP_AWAIT_INIT;
    klp_text none = KLP_TEXT_NONE;
    struct call_room room;
    klp_ticket tickets[5];
    char id[128], key[64];

    rig_open(rig, &config);
    lobby.cookie = 100;
    tickets[0] = rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    snprintf(id, sizeof id, "%s", event->lobby_id.data);
    rig_ack(rig, event);
    assert_int_equal(rig->klp->read(rig->pusher, none, klp_cstr(id), 101, &tickets[1], NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig->klp->ping(rig->pusher, 102, &tickets[2], NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
    await.lobby_id = klp_cstr(id);
    await.cookie = 103;
    assert_int_equal(rig->klp->await(rig->pusher, &await, &tickets[3], NULL), KLP_OK);
    rig_ack(rig, rig_take(rig));
    klp_call call = call_of(&room, "PUT", "players/ali ce/identity", "{}");
    call.cookie = 104;
    tickets[4] = rig_call(rig, &call);
    rig_ack(rig, rig_take(rig));

    json_t *log = sandbox_log(rig->sandbox);
    for (size_t i = 0; i < 5; i++) {
        const klp_attempt *attempt = &recorder_attempt(recorder, i)->attempt;
        json_t *arrival = json_array_get(log, i);
        print_message("  %s\n", due[i].path_template);
        assert_int_equal(attempt->op, due[i].op);
        assert_text(attempt->method, due[i].method);
        assert_text(attempt->path_template, due[i].path_template);
        assert_true(attempt->ticket == tickets[i] && attempt->cookie == 100 + i);
        assert_int_equal(attempt->attempt, 1);
        assert_int_equal(attempt->sends, 1);
        assert_true(attempt->ok);
        assert_int_equal(attempt->http_status, json_integer_value(json_object_get(arrival, "status")));
        assert_int_equal(attempt->curl_code, 0);
        assert_int_equal(attempt->retry_in_ms, -1);
        assert_text(attempt->error_code, "");
        assert_text(attempt->trace_parent, "");
        assert_true(attempt->request_id.size > 0);
        arrival_idempotency_key(arrival, key, sizeof key);
        assert_text(attempt->idempotency_key, key);
        assert_int_equal(attempt->idempotency_key.size > 0, i == 0 || i == 4);
        assert_int_equal(attempt->bytes_sent, arrival_bytes(arrival));
        assert_true(attempt->bytes_received > 100);
        assert_times_in_order(attempt);
    }
    json_decref(log);
    finish(rig, recorder, 5);
}

static void a_hosts_own_idempotency_key_is_told_as_the_server_takes_it(void **state)
{
    static const char own[] = "k \"7\" \\ back/slash";
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);
    klp_lobby lobby = rig_lobby("m");
    char body[2048], longest[256];

    rig_open(rig, &config);
    lobby.idempotency_key = klp_cstr(own);
    rig_push_lobby(rig, &lobby);
    rig_ack(rig, rig_take(rig));
    assert_text(recorder_attempt(recorder, 0)->attempt.idempotency_key, own);

    rig_ack(rig, call_and_take(rig, "POST", "a/b",
                               "{\"idempotencyKey\" : \"k \\u00227\\\" \\\\ back\\/slash \\ud83d\\ude00\"}"));
    assert_text(recorder_attempt(recorder, 1)->attempt.idempotency_key, "k \"7\" \\ back/slash \xf0\x9f\x98\x80");

    memset(longest, 'k', 255);
    longest[255] = '\0';
    snprintf(body, sizeof body, "{\"idempotencyKey\":\"%s\"}", longest);
    rig_ack(rig, call_and_take(rig, "POST", "a/b", body));
    assert_text(recorder_attempt(recorder, 2)->attempt.idempotency_key, longest);
    snprintf(body, sizeof body, "{\"idempotencyKey\":\"%sk\"}", longest);
    rig_ack(rig, call_and_take(rig, "POST", "a/b", body));
    assert_text(recorder_attempt(recorder, 3)->attempt.idempotency_key, ""); /* past 255 bytes */
    snprintf(body, sizeof body, "{\"idempotencyKey\":\"\\u006b%sk\"}", longest + 1);
    rig_ack(rig, call_and_take(rig, "POST", "a/b", body));
    assert_text(recorder_attempt(recorder, 4)->attempt.idempotency_key, "");
    rig_ack(rig, call_and_take(rig, "DELETE", "a/b", "{\"x\":1}"));
    assert_text(recorder_attempt(recorder, 5)->attempt.idempotency_key, "");
    finish(rig, recorder, 6);
}

static void joined_pushes_are_one_attempt(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);

    rig_script(rig, 1, "{\"delay_ms\":300}");
    rig_open(rig, &config);
    klp_ticket first = rig_push(rig, "m"), second = rig_push(rig, "m");
    for (int i = 0; i < 2; i++)
        rig_ack(rig, rig_take(rig));
    const klp_attempt *attempt = &recorder_attempt(recorder, 0)->attempt;
    assert_true(attempt->ticket == first || attempt->ticket == second);
    assert_int_equal(rig_stats(rig).joined, 1);
    assert_int_equal(rig_stats(rig).attempts, 1);
    finish(rig, recorder, 1);
}

static void the_librarys_own_ping_is_told_without_a_ticket(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);

    config.expect_environment = klp_cstr("test");
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    const klp_attempt *ping = &recorder_attempt(recorder, 0)->attempt;
    assert_int_equal(ping->op, KLP_OP_PING);
    assert_true(ping->ticket == 0 && ping->cookie == 0 && ping->ok);
    assert_int_equal(ping->retry_in_ms, -1);
    assert_int_equal(recorder_attempt(recorder, 1)->attempt.op, KLP_OP_PUSH);
    finish(rig, recorder, 2);
}

/* ─── Again ─────────────────────────────────────────────────────────────────────────────────────── */

static void retries_are_told_with_the_wait_that_is_then_seen(void **state)
{
    static const int statuses[] = {0, 503, 429, 200};
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct recorder *recorder = recorder_new(&config);
    klp_lobby lobby = rig_lobby("m");
    char key[64];

    rig_script(rig, 1, "{\"reset_after\":true}"); /* first: on a kept connection libcurl would send again by itself */
    rig_script(rig, 1, "{\"status\":503}");
    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    lobby.trace_parent = klp_cstr(TRACE);
    rig_open(rig, &config);
    klp_ticket ticket = rig_push_lobby(rig, &lobby);
    const klp_event *event = rig_take(rig);
    assert_true(event->ok && event->replayed && event->ticket == ticket);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 4);
    for (size_t i = 0; i < 4; i++) {
        const klp_attempt *attempt = &recorder_attempt(recorder, i)->attempt;
        json_t *arrival = json_array_get(log, i);
        arrival_idempotency_key(arrival, key, sizeof key);
        assert_text(attempt->idempotency_key, key);
        assert_text(attempt->trace_parent, TRACE);
        assert_string_equal(arrival_header(arrival, "traceparent"), TRACE);
        assert_int_equal(attempt->attempt, i + 1);
        assert_int_equal(attempt->sends, 1);
        assert_int_equal(attempt->ok, i == 3);
        assert_int_equal(attempt->http_status, statuses[i]);
        assert_int_equal(attempt->curl_code != 0, i == 0);
        assert_times_in_order(attempt);
        if (i == 3) {
            assert_int_equal(attempt->retry_in_ms, -1);
            break;
        }
        assert_true(attempt->retry_in_ms >= (i == 0 ? 200 : i == 1 ? 400 : 1000));
        int64_t from_us = json_integer_value(json_object_get(arrival, "answered_us"));
        int64_t to_us = json_integer_value(json_object_get(json_array_get(log, i + 1), "at_us"));
        if ((to_us - from_us) / 1000 < attempt->retry_in_ms - 2 ||
            (to_us - from_us) / 1000 > attempt->retry_in_ms + STALL_MS)
            fail_msg("a wait of %lld ms was seen as %lld us", (long long)attempt->retry_in_ms,
                     (long long)(to_us - from_us));
        int64_t late_us = to_us - from_us - attempt->retry_in_ms * 1000;
        assert_true((int64_t)recorder_attempt(recorder, i + 1)->attempt.queue_us <= late_us + 2000); /* not the wait */
    }
    json_decref(log);
    rig_ack(rig, event);
    finish(rig, recorder, 4);
}

static void looks_at_a_lobby_that_forms_are_told_with_the_next_one(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);

    rig_open(rig, &config);
    char *id = push_forming(rig, "m");
    watch(rig, id, 50, 60000);
    await_attempts(rig, 3); /* of which one pushed it */
    sandbox_advance_clock(rig->sandbox, 120);
    const klp_event *event = rig_take(rig);
    assert_true(event->ok);
    assert_true(event->attempts >= 2);
    size_t last = event->attempts;
    rig_ack(rig, event);
    for (size_t i = 1; i <= last; i++) {
        const klp_attempt *attempt = &recorder_attempt(recorder, i)->attempt;
        assert_int_equal(attempt->op, KLP_OP_AWAIT);
        assert_int_equal(attempt->attempt, i);
        assert_true(attempt->ok);
        if (i < last)
            assert_in_range(attempt->retry_in_ms, 44, 56);
        else
            assert_int_equal(attempt->retry_in_ms, -1);
    }
    finish(rig, recorder, 1 + last);
    free(id);
}

/* ─── Durations ─────────────────────────────────────────────────────────────────────────────────── */

static void a_late_reply_shows_in_its_first_byte_and_a_kept_connection_in_its_zeros(void **state)
{
    enum { LARGE = 200000 };
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);
    char *body = malloc(LARGE + 16);

    assert_non_null(body);
    config.max_in_flight = 1;
    rig_open(rig, &config);
    for (int i = 0; i < 3; i++) {
        rig_script(rig, 1, "{\"delay_ms\":200}");
        if (i == 2) { /* what goes out in pieces */
            strcpy(body, "{\"a\":\"");
            memset(body + 6, 'x', LARGE);
            strcpy(body + 6 + LARGE, "\"}");
        }
        rig_ack(rig, call_and_take(rig, "POST", "a/b", i == 2 ? body : NULL));
        const klp_attempt *attempt = &recorder_attempt(recorder, (size_t)i)->attempt;
        assert_in_range(attempt->first_byte_us, 190000, 5000000);
        assert_times_in_order(attempt);
        assert_int_equal(attempt->tls_us, 0);
        if (i == 0) {
            assert_in_range(attempt->connect_us, 1, attempt->first_byte_us - 190000);
        } else {
            assert_int_equal(attempt->name_us, 0);
            assert_int_equal(attempt->connect_us, 0);
        }
    }
    json_t *log = sandbox_log(rig->sandbox);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(recorder_attempt(recorder, i)->attempt.bytes_sent, arrival_bytes(json_array_get(log, i)));
    json_decref(log);
    /* the sandbox tells the body back */
    assert_in_range(recorder_attempt(recorder, 2)->attempt.bytes_received, LARGE, LARGE + 1000);
    assert_int_equal(rig_stats(rig).connections, 1);
    free(body);
    finish(rig, recorder, 3);
}

static void waiting_for_a_place_or_for_the_gate_shows_in_queue_us(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct recorder *recorder = recorder_new(&config);

    config.max_in_flight = 1;
    rig_script(rig, 1, "{\"delay_ms\":500}");
    rig_script(rig, 1, "{\"status\":429,\"headers\":{\"Retry-After\":\"1\"}}");
    rig_open(rig, &config);
    uint64_t slow_ms = rig_now_ms();
    rig_push(rig, "slow");
    arrivals_await(rig, 1);
    uint64_t arrived_ms = rig_now_ms();
    rig_push(rig, "behind");
    uint64_t behind_ms = rig_now_ms();
    rig_ack(rig, rig_take(rig));
    uint64_t answered_ms = recorder_attempt(recorder, 0)->at_ms;
    assert_true(recorder_attempt(recorder, 0)->attempt.queue_us / 1000 <= arrived_ms - slow_ms); /* not the delay */
    assert_true(recorder_attempt(recorder, 1)->attempt.queue_us / 1000 + behind_ms + 2 >= answered_ms);
    assert_true(recorder_attempt(recorder, 1)->attempt.queue_us / 1000 <=
                recorder_attempt(recorder, 1)->at_ms - arrived_ms);
    assert_int_equal(recorder_attempt(recorder, 1)->attempt.http_status, 429);
    rig_push(rig, "held");
    uint64_t since_ms = rig_now_ms() - answered_ms; /* the 429 came after that */
    for (int i = 0; i < 2; i++)
        rig_ack(rig, rig_take(rig));
    for (size_t i = 2; i < 4; i++) {
        const klp_attempt *attempt = &recorder_attempt(recorder, i)->attempt;
        assert_true(attempt->ok);
        if (attempt->attempt == 1) /* "held": it could have started when it came */
            assert_true(attempt->queue_us / 1000 + since_ms + 2 >= 1000);
    }
    finish(rig, recorder, 4);
}

/* ─── Failures ──────────────────────────────────────────────────────────────────────────────────── */

/* One failing attempt of one push. */
static void assert_failure(struct rig *rig, klp_config *config, const char *code, int curl_code)
{
    struct recorder *recorder = recorder_new(config);

    print_message("  %s %d\n", code, curl_code);
    rig_open(rig, config);
    const klp_event *event = rig_push_and_take(rig, "m");
    const klp_attempt *attempt = &recorder_attempt(recorder, 0)->attempt;
    assert_false(attempt->ok);
    assert_text(attempt->error_code, code);
    assert_text(event->error_code, code);
    assert_int_equal(event->curl_code, attempt->curl_code);
    assert_int_equal(attempt->http_status, 0);
    assert_int_equal(attempt->retry_in_ms, -1);
    assert_int_equal(attempt->first_byte_us, 0);
    assert_int_equal(attempt->sends, event->sends);
    assert_times_in_order(attempt);
    if (curl_code)
        assert_int_equal(attempt->curl_code, curl_code);
    assert_int_not_equal(attempt->curl_code, 0);
    json_t *line = json_loads(event->json.data, 0, NULL);
    assert_int_equal(json_integer_value(sandbox_at(line, "error.curl_code")), attempt->curl_code);
    json_decref(line);
    assert_reads_back(rig->klp, event);
    rig_ack(rig, event);
    finish(rig, recorder, 1);
}

static void what_fails_below_http_is_told_with_libcurls_code(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char url[64];

    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config.base_url = klp_cstr(url);
    assert_failure(rig, &config, "network_error", CURLE_COULDNT_CONNECT);
    config.base_url = klp_cstr("https://no-such-host.invalid");
    assert_failure(rig, &config, "network_error", CURLE_COULDNT_RESOLVE_HOST);

    config = rig_config(rig);
    rig_script(rig, 1, "{\"reset_before\":true}");
    assert_failure(rig, &config, "network_error", 0);
    rig_script(rig, 1, "{\"close_after\":true}");
    assert_failure(rig, &config, "network_error", CURLE_GOT_NOTHING);
    rig_script(rig, 1, "{\"delay_ms\":20000}");
    config.attempt_timeout_ms = 500;
    assert_failure(rig, &config, "timeout", CURLE_OPERATION_TIMEDOUT);
}

static void tls_shows_in_its_time_and_in_its_failure(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct guest_certificates certificates;

    guest_make_certificates(&certificates);
    struct sandbox_client *secure =
        sandbox_start((const char *[]){"--tls-cert", certificates.good, "--tls-key", certificates.good_key, NULL});
    config.base_url = klp_cstr(sandbox_url(secure));
    assert_failure(rig, &config, "tls_error", CURLE_PEER_FAILED_VERIFICATION);

    config.ca_file = klp_cstr(certificates.authority);
    struct recorder *recorder = recorder_new(&config);
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    rig_ack(rig, rig_push_and_take(rig, "n"));
    const klp_attempt *attempt = &recorder_attempt(recorder, 0)->attempt;
    assert_true(attempt->ok);
    assert_true(attempt->connect_us > 0 && attempt->connect_us < attempt->tls_us);
    assert_true(attempt->tls_us <= attempt->first_byte_us);
    attempt = &recorder_attempt(recorder, 1)->attempt;
    assert_true(attempt->ok && attempt->name_us == 0 && attempt->connect_us == 0 && attempt->tls_us == 0);
    finish(rig, recorder, 2);
    sandbox_stop(secure);
    guest_remove_certificates(&certificates);
}

static void what_is_aborted_is_told_so(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config_retrying(rig);
    struct recorder *recorder = recorder_new(&config);

    config.max_in_flight = 1;
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "before")); /* its handle and its connection are used again */
    rig_script(rig, -1, "{\"delay_ms\":20000}");
    klp_ticket ticket = rig_push(rig, "cancelled");
    arrivals_await(rig, 2);
    assert_int_equal(rig->klp->cancel(rig->pusher, ticket), KLP_OK);
    rig_ack(rig, rig_take(rig));
    rig_push(rig, "stopped");
    arrivals_await(rig, 3);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    for (size_t i = 1; i < 3; i++) {
        const klp_attempt *attempt = &recorder_attempt(recorder, i)->attempt;
        assert_false(attempt->ok);
        assert_text(attempt->error_code, "aborted");
        assert_int_equal(attempt->http_status, 0);
        assert_int_equal(attempt->curl_code, 0);
        assert_int_equal(attempt->sends, 1);
        assert_int_equal(attempt->first_byte_us, 0);
        assert_int_equal(attempt->retry_in_ms, -1);
        assert_text(attempt->request_id, "");
        assert_true(attempt->idempotency_key.size == 36);
        assert_times_in_order(attempt);
    }
    rig_ack(rig, rig_take(rig));
    finish(rig, recorder, 3);
}

static void what_the_server_says_is_told_without_the_api_key(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct recorder *recorder = recorder_new(&config);
    char rule[512], code[101];

    memset(code, 'c', 100);
    code[100] = '\0';
    rig_script(rig, 1,
               "{\"status\":400,\"code\":\"no_" SANDBOX_KEY "\",\"headers\":{\"x-request-id\":\"r-" SANDBOX_KEY "\"}}");
    snprintf(rule, sizeof rule, "{\"status\":400,\"code\":\"%s\",\"headers\":{\"X-Request-Id\":\"req-7\"}}", code);
    rig_script(rig, 1, rule);
    rig_open(rig, &config);
    rig_ack(rig, rig_push_and_take(rig, "m"));
    rig_ack(rig, rig_push_and_take(rig, "m"));
    const klp_attempt *attempt = &recorder_attempt(recorder, 0)->attempt;
    assert_null(strstr(attempt->error_code.data, "for-tests-only"));
    assert_null(strstr(attempt->request_id.data, "for-tests-only"));
    assert_memory_equal(attempt->error_code.data, "no_", 3);
    assert_memory_equal(attempt->request_id.data, "r-", 2);
    attempt = &recorder_attempt(recorder, 1)->attempt;
    assert_text(attempt->error_code, code); /* a long one, too */
    assert_text(attempt->request_id, "req-7");
    finish(rig, recorder, 2);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_kind_of_call_is_told_with_its_template_and_no_ids),
        test(a_hosts_own_idempotency_key_is_told_as_the_server_takes_it),
        test(joined_pushes_are_one_attempt),
        test(the_librarys_own_ping_is_told_without_a_ticket),
        test(retries_are_told_with_the_wait_that_is_then_seen),
        test(looks_at_a_lobby_that_forms_are_told_with_the_next_one),
        test(a_late_reply_shows_in_its_first_byte_and_a_kept_connection_in_its_zeros),
        test(waiting_for_a_place_or_for_the_gate_shows_in_queue_us),
        test(what_fails_below_http_is_told_with_libcurls_code),
        test(tls_shows_in_its_time_and_in_its_failure),
        test(what_is_aborted_is_told_so),
        test(what_the_server_says_is_told_without_the_api_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
