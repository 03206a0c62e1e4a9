/* SPDX-License-Identifier: Apache-2.0
 * Calls of the rest of the server's surface: as they are on the wire, and what is told of their replies. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "arrival.h"
#include "calls.h"

/* ─── On the wire ───────────────────────────────────────────────────────────────────────────────── */

/* The body as it has to be: as given, or with a key stamped in at its end. */
static void assert_body(json_t *arrival, const char *method, const char *given)
{
    json_t *parsed = given ? json_loads(given, 0, NULL) : NULL;
    const char *sent = json_string_value(json_object_get(arrival, "body"));

    if (strcmp(method, "GET") == 0 || (strcmp(method, "DELETE") == 0 && !given)) {
        assert_null(sent);
    } else if (strcmp(method, "DELETE") == 0 || json_is_string(json_object_get(parsed, "idempotencyKey"))) {
        assert_string_equal(sent, given);
    } else {
        char key[64], stamped[4096];
        const char *start = given ? given : "{}";
        bool is_empty = json_object_size(parsed) == 0;
        arrival_idempotency_key(arrival, key, sizeof key);
        assert_true(is_uuid_4(key));
        snprintf(stamped, sizeof stamped, "%.*s%s\"idempotencyKey\":\"%s\"}", (int)strlen(start) - 1, start,
                 is_empty ? "" : ",", key);
        assert_string_equal(sent, stamped);
    }
    json_decref(parsed);
}

static void assert_headers(struct rig *rig, json_t *arrival)
{
    const char *sent = json_string_value(json_object_get(arrival, "body"));
    char length[32];

    assert_string_equal(arrival_header(arrival, "Host"), strstr(sandbox_url(rig->sandbox), "127.0.0.1"));
    assert_string_equal(arrival_header(arrival, "Authorization"), "Bearer matches");
    assert_string_equal(arrival_header(arrival, "Accept"), "application/json");
    assert_string_equal(arrival_header(arrival, "X-Kraty-SDK"), "kraty-lobby-pusher/" KLP_VERSION);
    assert_int_equal(json_array_size(json_object_get(arrival, "headers")), sent ? 6 : 4);
    if (!sent)
        return;
    snprintf(length, sizeof length, "%zu", strlen(sent));
    assert_string_equal(arrival_header(arrival, "Content-Type"), "application/json");
    assert_string_equal(arrival_header(arrival, "Content-Length"), length);
}

static void assert_payload(const klp_event *event, json_t *vector)
{
    bool is_bare = strcmp(sandbox_text_at(vector, "envelope"), "none") == 0;
    json_t *data = json_loadb(event->data_json.data, event->data_json.size, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(data);
    assert_text(event->reply_json, "");
    assert_int_equal(json_object_get(data, "data") != NULL, false);
    if (is_bare) /* of what the sandbox knows, that is the ping */
        assert_true(json_is_true(json_object_get(data, "ok")));
    else
        assert_string_equal(sandbox_text_at(data, "echo.method"), sandbox_text_at(vector, "method"));
    json_decref(data);
}

static void every_call_of_the_vectors_arrives_as_they_say(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/server_calls.json", 0, NULL), *vector, *segment;
    json_t *cases = json_object_get(vectors, "cases");
    size_t i, j;

    assert_true(json_array_size(cases) > 20);
    rig_open(rig, NULL);
    json_array_foreach(cases, i, vector)
    {
        klp_text segments[KLP_MAX_SEGMENTS];
        json_t *given = json_object_get(vector, "body");
        char *body = given ? json_dumps(given, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
        const char *method = sandbox_text_at(vector, "method");
        klp_call call = KLP_CALL_INIT;

        print_message("  %s\n", sandbox_text_at(vector, "name"));
        sandbox_reset(rig->sandbox);
        json_array_foreach(json_object_get(vector, "segments"), j, segment)
        {
            segments[j] = klp_cstr(json_string_value(segment));
        }
        call.method = klp_cstr(method);
        call.segments = segments;
        call.segment_count = json_array_size(json_object_get(vector, "segments"));
        call.body_json = klp_cstr(body);
        call.cookie = UINT64_MAX - i;
        klp_ticket ticket = rig_call(rig, &call);
        const klp_event *event = rig_take(rig);

        json_t *arrival = arrival_only(rig);
        assert_string_equal(sandbox_text_at(arrival, "method"), method);
        assert_string_equal(sandbox_text_at(arrival, "path"), sandbox_text_at(vector, "path"));
        assert_body(arrival, method, body);
        assert_headers(rig, arrival);
        json_decref(arrival);

        assert_true(event->ok && event->ticket == ticket && event->cookie == UINT64_MAX - i);
        assert_int_equal(event->op, KLP_OP_CALL);
        assert_int_equal(event->outcome, strcmp(method, "GET") ? KLP_APPLIED : KLP_OUTCOME_NONE);
        assert_int_equal(event->http_status, 200);
        assert_text(event->method, method);
        assert_text(event->path, sandbox_text_at(vector, "path"));
        assert_text(event->game_id, "");
        assert_text(event->lobby_json, "");
        assert_payload(event, vector);
        assert_reads_back(rig->klp, event);
        rig_ack(rig, event);
        free(body);
    }
    assert_int_equal(rig_stats(rig).calls_ok, json_array_size(cases));
    json_decref(vectors);
}

static void every_method_sends_the_body_that_it_may_have(void **state)
{
    static const struct {
        const char *method, *body;
    } calls[] = {{"GET", NULL},
                 {"DELETE", NULL},
                 {"DELETE", "{\"why\":1}"},
                 {"DELETE", "{\"idempotencyKey\":\"mine\"}"},
                 {"POST", NULL},
                 {"PUT", NULL},
                 {"PATCH", "{\"a\":[1.50,2e3,\"\\u00e9\"]}"},
                 {"PUT", "{\"idempotencyKey\":\"mine \\\"7\\\"\",\"z\":{}}"}};
    struct rig *rig = *state;

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        print_message("  %s %s\n", calls[i].method, calls[i].body ? calls[i].body : "");
        sandbox_reset(rig->sandbox);
        const klp_event *event = call_and_take(rig, calls[i].method, "players/p/thing", calls[i].body);
        assert_true(event->ok);
        assert_int_equal(event->outcome, i == 0 ? KLP_OUTCOME_NONE : KLP_APPLIED);
        rig_ack(rig, event);
        json_t *arrival = arrival_only(rig);
        assert_string_equal(sandbox_text_at(arrival, "method"), calls[i].method);
        assert_body(arrival, calls[i].method, calls[i].body);
        assert_headers(rig, arrival);
        json_decref(arrival);
    }
}

static void a_body_of_half_a_megabyte_goes_out_without_expecting_a_leave(void **state)
{
    enum { BYTES = 500000 };
    struct rig *rig = *state;
    char *body = malloc(BYTES + 16);

    assert_non_null(body);
    strcpy(body, "{\"a\":\"");
    memset(body + 6, 'x', BYTES);
    strcpy(body + 6 + BYTES, "\"}");
    rig_open(rig, NULL);
    const klp_event *event = call_and_take(rig, "POST", "players/p/thing", body);
    assert_true(event->ok);
    assert_true(event->data_json.size > BYTES); /* the sandbox tells it back: whole, here */
    rig_ack(rig, event);
    json_t *arrival = arrival_only(rig);
    assert_headers(rig, arrival); /* no Expect among them */
    assert_int_equal(json_string_length(json_object_get(arrival, "body")), strlen(body) + 56);
    json_decref(arrival);
    free(body);
}

static void segments_are_encoded_as_the_vectors_say(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/path_segments.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "encode");
    char path[8192];
    size_t i;

    assert_true(json_array_size(cases) > 0);
    rig_open(rig, NULL);
    json_array_foreach(cases, i, vector)
    {
        const klp_text text = klp_cstr(sandbox_text_at(vector, "text")), segments[] = {text, text, text};
        const char *encoded = sandbox_text_at(vector, "encoded");
        klp_call call = KLP_CALL_INIT;

        if (3 * strlen(encoded) > KLP_MAX_PATH_BYTES - 16)
            continue; /* three of these are no path any more */
        sandbox_reset(rig->sandbox);
        call.method = klp_cstr("GET");
        call.segments = segments;
        call.segment_count = 3;
        rig_call(rig, &call);
        const klp_event *event = rig_take(rig);
        snprintf(path, sizeof path, "/server/v1/%s/%s/%s", encoded, encoded, encoded);
        assert_text(event->path, path);
        json_t *arrival = arrival_only(rig);
        assert_string_equal(sandbox_text_at(arrival, "path"), path);
        json_decref(arrival);
        rig_ack(rig, event);
    }
    json_decref(vectors);
}

/* ─── The reply ─────────────────────────────────────────────────────────────────────────────────── */

static void script_reply(struct rig *rig, int status, const char *body)
{
    json_t *rule = json_pack("{s:{s:s}, s:i, s:{s:i, s:s}}", "match", "op", "call", "times", 1, "action", "status",
                             status, "body", body);
    char *text = json_dumps(rule, 0);
    sandbox_script(rig->sandbox, text);
    free(text);
    json_decref(rule);
}

static void the_payload_is_the_replys_data_or_all_of_it(void **state)
{
    static const struct {
        int status;
        const char *reply, *data, *whole;
    } replies[] = {
        {200, "{\"data\":{\"a\":[1.50]}}", "{\"a\":[1.50]}", ""},
        {201, "{\"data\":[],\"next\":\"c\"}", "[]", "{\"data\":[],\"next\":\"c\"}"},
        {200, "{\"next\":7,\"data\":null}", "null", "{\"next\":7,\"data\":null}"},
        {200, "{\"ok\":true,\"apiKey\":{\"id\":\"k\"}}", "{\"ok\":true,\"apiKey\":{\"id\":\"k\"}}", ""},
        {200, "[1,2]", "[1,2]", ""},
        {200, "\"done\"", "\"done\"", ""},
        {200, "{}", "{}", ""},
        {200, " null ", "null", ""},
        {200, "{\"data\":1,\"error\":null}", "1", "{\"data\":1,\"error\":null}"},
        {204, "", "", ""},
        {205, "", "", ""},
    };
    struct rig *rig = *state;

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        for (size_t is_get = 0; is_get < 2; is_get++) {
            print_message("  %d %s\n", replies[i].status, replies[i].reply);
            script_reply(rig, replies[i].status, replies[i].reply);
            const klp_event *event = call_and_take(rig, is_get ? "GET" : "POST", "players/p/thing", NULL);
            assert_true(event->ok);
            assert_int_equal(event->http_status, replies[i].status);
            assert_int_equal(event->outcome, is_get ? KLP_OUTCOME_NONE : KLP_APPLIED);
            assert_text(event->data_json, replies[i].data);
            assert_text(event->reply_json, replies[i].whole);
            assert_text(event->error_code, "");
            assert_reads_back(rig->klp, event);
            rig_ack(rig, event);
        }
    }
}

static void an_error_keeps_its_code_message_and_details(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    script_reply(
        rig, 422,
        "{\"error\":{\"code\":\"wallet_frozen\",\"message\":\"no \\u00e9\\n\",\"details\":{\"until\":[1e9]}}}");
    const klp_event *event = call_and_take(rig, "POST", "players/p/wallet/gold/debit", "{\"amount\":1}");
    assert_false(event->ok);
    assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    assert_int_equal(event->error_origin, KLP_ORIGIN_SERVER);
    assert_int_equal(event->http_status, 422);
    assert_int_equal(event->curl_code, 0);
    assert_text(event->error_code, "wallet_frozen");
    assert_text(event->error_message, "no \xc3\xa9\n");
    assert_text(event->error_details_json, "{\"until\":[1e9]}");
    assert_text(event->data_json, "");
    assert_reads_back(rig->klp, event);
    rig_ack(rig, event);

    script_reply(rig, 400, "{\"error\":{\"code\":\"terse\"}}");
    event = call_and_take(rig, "POST", "players/p/wallet/gold/debit", "{\"amount\":1}");
    assert_text(event->error_code, "terse");
    assert_text(event->error_message, "HTTP 400 with an error that has no message");
    assert_text(event->error_details_json, "");
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).calls_failed, 2);
}

static void a_reply_past_max_reply_bytes_is_left_out_and_the_verdict_told(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);

    config.max_reply_bytes = 300;
    rig_open(rig, &config);
    const klp_event *event = call_and_take(rig, "POST", "players/p/thing", "{\"a\":\"b\"}"); /* its echo fits */
    assert_true(event->ok && !event->truncated);
    assert_true(event->data_json.size > 0);
    rig_ack(rig, event);

    char body[1024] = "{\"data\":\"";
    memset(body + 9, 'x', 600);
    strcpy(body + 609, "\"}");
    script_reply(rig, 200, body);
    event = call_and_take(rig, "POST", "players/p/thing", NULL);
    assert_true(event->ok && event->truncated);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->truncated_bytes, strlen(body));
    assert_text(event->data_json, "");
    assert_reads_back(rig->klp, event);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).replies_left_out, 1);
    assert_int_equal(rig_stats(rig).reply_bytes, 0);
}

static void a_key_that_the_server_echoes_to_a_call_is_not_passed_on(void **state)
{
    struct rig *rig = *state;

    rig_open(rig, NULL);
    script_reply(rig, 200, "{\"data\":{\"k\":\"" SANDBOX_KEY "\"},\"more\":\"sandbox.key\\u002dfor-tests-only\"}");
    const klp_event *event = call_and_take(rig, "POST", "players/p/thing", NULL);
    assert_true(event->ok);
    const klp_text texts[] = {event->data_json, event->reply_json, event->json};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_null(strstr(texts[i].data, "for-tests-only"));
        assert_non_null(strstr(texts[i].data, "***"));
    }
    rig_ack(rig, event);
}

/* ─── The result socket ─────────────────────────────────────────────────────────────────────────── */

static void a_call_is_told_over_the_result_socket(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    char folder[] = "/tmp/klp-calls-XXXXXX", url[64], *message = NULL;
    struct call_room room;
    klp_event *event = NULL;
    int socket = nn_socket(AF_SP, NN_REP), limit_ms = 10000;

    assert_non_null(mkdtemp(folder));
    snprintf(url, sizeof url, "ipc://%s/results", folder);
    assert_true(socket >= 0 && nn_bind(socket, url) >= 0);
    assert_int_equal(nn_setsockopt(socket, NN_SOL_SOCKET, NN_RCVTIMEO, &limit_ms, sizeof limit_ms), 0);
    config.results_url = klp_cstr(url);
    rig_open(rig, &config);
    klp_call call = call_of(&room, "PATCH", "players/\xc3\xa4 1/thing", "{\"n\":1}");
    call.cookie = 77;
    call.trace_parent = klp_cstr("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    script_reply(rig, 200, "{\"data\":{\"a\":\"\xc3\xa9\"},\n\"page\":2}");
    klp_ticket ticket = rig_call(rig, &call);

    int size = nn_recv(socket, &message, NN_MSG, 0);
    assert_true(size > 0);
    assert_int_equal(message[size - 1], '\n');
    assert_int_equal(rig->klp->decode_event(message, (size_t)size, &event, NULL), KLP_OK);
    assert_true(event->ok && event->ticket == ticket && event->cookie == 77);
    assert_int_equal(event->op, KLP_OP_CALL);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_text(event->method, "PATCH");
    assert_text(event->path, "/server/v1/players/%C3%A4%201/thing");
    assert_text(event->trace_parent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_text(event->data_json, "{\"a\":\"\xc3\xa9\"}");
    json_t *reply = json_loads(event->reply_json.data, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(reply, "page")), 2);
    json_decref(reply);
    rig->klp->free_event(event);
    nn_freemsg(message);
    assert_int_equal(nn_send(socket, "ok", 2, 0), 2);
    for (uint64_t until_ms = rig_now_ms() + 10000; rig_stats(rig).unread_events && rig_now_ms() < until_ms;)
        rig_blink();
    assert_int_equal(rig_stats(rig).events_acknowledged, 1);
    rig_close(rig);
    nn_close(socket);
    unlink(url + strlen("ipc://"));
    rmdir(folder);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_call_of_the_vectors_arrives_as_they_say),
        test(every_method_sends_the_body_that_it_may_have),
        test(a_body_of_half_a_megabyte_goes_out_without_expecting_a_leave),
        test(segments_are_encoded_as_the_vectors_say),
        test(the_payload_is_the_replys_data_or_all_of_it),
        test(an_error_keeps_its_code_message_and_details),
        test(a_reply_past_max_reply_bytes_is_left_out_and_the_verdict_told),
        test(a_key_that_the_server_echoes_to_a_call_is_not_passed_on),
        test(a_call_is_told_over_the_result_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
