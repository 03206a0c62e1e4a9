/* SPDX-License-Identifier: Apache-2.0
 *
 * The sandbox keeps the wire contract, logs what it sees and ends when it is told to. */
#include "expect_reply.h"
#include "sandbox_group.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LOBBIES "/server/v1/games/game_1/lobbies/"
#define DAY_S   (24u * 3600)

/* ---- the contract ---- */

static void every_error_has_its_envelope(void **state)
{
    static const struct {
        const char *method, *path, *body, *header;
        long status;
        const char *code, *field;
    } cases[] = {
        {"GET", PING, NULL, "Authorization:", 401, "unauthenticated", NULL},
        {"GET", PING, NULL, "Authorization: Bearer sandbox.wrong", 401, "session_invalid", NULL},
        {"GET", PING, NULL, "Authorization: Basic abc", 401, "session_invalid", NULL},
        {"GET", "/server/v2/ping", NULL, NULL, 404, "not_found", NULL},
        {"GET", "/", NULL, NULL, 404, "not_found", NULL},
        {"DELETE", PUSH("duel"), NULL, NULL, 404, "not_found", NULL},
        {"GET", LOBBIES "lob_none", NULL, NULL, 404, "not_found", NULL},
        {"POST", PUSH("nothing"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}", NULL, 404, "not_found", NULL},
        {"POST", "/server/v1/games/game_9/events/duel/lobbies", "{}", NULL, 404, "not_found", NULL},
        {"POST", PUSH("weekly"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}", NULL, 409, "conflict", NULL},
        {"POST", PUSH("retired"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}", NULL, 409, "event_disabled", NULL},
        {"POST", PUSH("duel"), NULL, NULL, 400, "validation_failed", "body"},
        {"POST", PUSH("duel"), "[]", NULL, 400, "validation_failed", "body"},
        {"POST", PUSH("duel"), "{\"key\":", NULL, 400, "validation_failed", "body"},
        {"POST", PUSH("duel"), "{}", "Content-Type: text/plain", 400, "validation_failed", "content-type"},
        {"POST", PUSH("duel"), "{\"externalPlayerIds\":[\"a\"]}", NULL, 400, "validation_failed", "key"},
        {"POST", PUSH("duel"), "{\"key\":\"\",\"externalPlayerIds\":[\"a\"]}", NULL, 400, "validation_failed", "key"},
        {"POST", PUSH("duel"), "{\"key\":\"k\"}", NULL, 400, "validation_failed", "externalPlayerIds"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[]}", NULL, 400, "validation_failed",
         "externalPlayerIds"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",7]}", NULL, 400, "validation_failed",
         "externalPlayerIds"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"a\"]}", NULL, 400, "validation_failed",
         "externalPlayerIds"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\",\"c\"]}", NULL, 400,
         "validation_failed", "capacity"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"],\"capacity\":null}", NULL, 400,
         "validation_failed", "capacity"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"],\"fillBots\":1}", NULL, 400,
         "validation_failed", "fillBots"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"],\"metadata\":[]}", NULL, 400,
         "validation_failed", "metadata"},
        {"POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"],\"idempotencyKey\":5}", NULL, 400,
         "validation_failed", "idempotencyKey"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *headers[] = {cases[i].header, NULL};
        json_t *json = expect_json(cases[i].status,
                                   sandbox_request(sandbox, cases[i].method, cases[i].path, cases[i].body, headers));
        assert_text(json, "error.code", cases[i].code);
        if (cases[i].field)
            assert_text(json, "error.details.fields.0", cases[i].field);
        json_decref(json);
    }
    assert_int_equal(sandbox_lobby_count(sandbox), 0);
}

static void a_body_above_one_mebibyte_is_413(void **state)
{
    size_t size = (1u << 20) + 1;
    char *body = malloc(size + 1);
    (void)state;
    assert_non_null(body);
    memset(body, ' ', size);
    body[size] = '\0';
    expect_error(413, "validation_failed", post(PUSH("duel"), body));

    memcpy(body, "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}", 37);
    body[size - 1] = '\0';
    expect_status(201, post(PUSH("duel"), body));
    free(body);
}

static void keys_decide_what_is_allowed(void **state)
{
    static const struct {
        const char *key;
        long push_status;
        const char *code;
    } cases[] = {
        {"other.game", 403, "forbidden"},
        {"other.studio", 403, "tenant_mismatch"},
        {"read.only", 403, "forbidden"},
    };
    char header[64];
    const char *headers[] = {header, NULL};
    (void)state;

    sandbox_change_keys(sandbox, "{\"add\": [{\"key\": \"other.game\", \"game\": \"game_2\"},"
                                 "{\"key\": \"other.studio\", \"studio\": \"studio_2\", \"game\": \"game_7\"},"
                                 "{\"key\": \"read.only\", \"id\": \"ro\", \"permissionSet\": \"server_read\"}]}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(header, sizeof header, "Authorization: Bearer %s", cases[i].key);
        expect_error(
            cases[i].push_status, cases[i].code,
            sandbox_request(sandbox, "POST", PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}", headers));
    }
    json_t *ping = expect_json(200, sandbox_request(sandbox, "GET", PING, NULL, headers));
    assert_text(ping, "apiKey.permissionSet", "server_read");
    json_decref(ping);

    sandbox_change_keys(sandbox, "{\"revoke\": [\"ro\", \"other.game\"]}");
    expect_error(401, "session_invalid", sandbox_request(sandbox, "GET", PING, NULL, headers));
}

static void ping_tells_of_the_key(void **state)
{
    (void)state;
    struct sandbox_reply reply = get(PING);
    assert_non_null(strstr(reply.headers, "\nx-request-id: req_"));
    assert_non_null(strstr(reply.headers, "\nDate: "));

    json_t *json = expect_json(200, reply);
    assert_true(json_is_true(sandbox_at(json, "ok")));
    assert_text(json, "apiKey.prefix", "sandbox");
    assert_text(json, "apiKey.permissionSet", "server_integration");
    assert_text(json, "apiKey.environment", "test");
    assert_text(json, "apiKey.studioId", "studio_1");
    assert_text(json, "apiKey.gameId", "game_1");
    json_decref(json);
}

static void a_full_roster_is_active_at_once(void **state)
{
    (void)state;
    json_t *json = expect_json(201, post(PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\"],\"x\":1}"));
    assert_memory_equal(sandbox_text_at(json, "data.id"), "lob_", 4);
    assert_text(json, "data.eventId", "evt_duel");
    assert_text(json, "data.mode", "lobby_matched");
    assert_text(json, "data.status", "active");
    assert_int_equal(number_at(json, "data.capacity"), 2);
    assert_int_equal(number_at(json, "data.participantCount"), 2);
    assert_int_equal(number_at(json, "data.botSlots"), 0);
    assert_true(json_is_string(sandbox_at(json, "data.leaderboardId")));
    assert_true(json_is_string(sandbox_at(json, "data.startedAt")));
    assert_true(json_is_null(sandbox_at(json, "data.endsAt")));
    json_decref(json);
}

static void bots_drip_until_the_lobby_is_active(void **state)
{
    char path[128];
    (void)state;
    json_t *pushed = expect_json(201, post(PUSH("bot_brawl"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\"],"
                                                              "\"capacity\":1000}"));
    assert_text(pushed, "data.status", "forming");
    assert_true(json_is_null(sandbox_at(pushed, "data.leaderboardId")));
    snprintf(path, sizeof path, LOBBIES "%s", sandbox_text_at(pushed, "data.id"));

    sandbox_advance_clock(sandbox, 5);
    json_t *forming = expect_json(200, get(path));
    assert_text(forming, "data.status", "forming");
    assert_in_range(number_at(forming, "data.botSlots"), 100, 900);

    sandbox_advance_clock(sandbox, 45);
    json_t *active = expect_json(200, get(path));
    assert_text(active, "data.status", "active");
    assert_int_equal(number_at(active, "data.botSlots"), 998);
    assert_string_equal(sandbox_text_at(active, "data.startedAt"), sandbox_text_at(pushed, "data.fillBy"));

    json_decref(pushed);
    json_decref(forming);
    json_decref(active);
}

static void an_escaped_slash_stays_in_its_id(void **state)
{
    (void)state;
    char name[] = "/tmp/kraty-sandbox-config-XXXXXX";
    int file = mkstemp(name);
    static const char config[] =
        "{\"games\":{\"g/1 é\":{\"events\":{\"100%\":{\"form_ms\":2000,\"duration_ms\":3000}}}}}";
    assert_int_equal(write(file, config, strlen(config)), strlen(config));
    close(file);

    const char *args[] = {"--config", name, NULL};
    struct sandbox_client *own = sandbox_start(args);
    unlink(name);
    json_t *json =
        expect_json(201, sandbox_request(own, "POST", "/server/v1/games/g%2F1%20%C3%A9/events/100%25/lobbies",
                                         "{\"key\":\"a/b\",\"externalPlayerIds\":[\"a\"]}", NULL));
    char path[160];
    snprintf(path, sizeof path, "/server/v1/games/g%%2f1%%20%%c3%%a9/lobbies/%s", sandbox_text_at(json, "data.id"));
    assert_text(json, "data.status", "forming"); /* form_ms */
    json_decref(json);

    sandbox_advance_clock(own, 2);
    json = expect_json(200, sandbox_request(own, "GET", path, NULL, NULL));
    assert_text(json, "data.status", "active");
    json_decref(json);
    sandbox_advance_clock(own, 3);
    json = expect_json(200, sandbox_request(own, "GET", path, NULL, NULL));
    assert_text(json, "data.status", "closed");
    json_decref(json);

    expect_status(404, sandbox_request(own, "GET", "/server/v1/games/g%2F1%ZZ/lobbies/x", NULL, NULL));
    assert_int_equal(sandbox_stop(own), 0);
}

/* ---- idempotency ---- */

static void the_same_key_finds_its_lobby_again(void **state)
{
    (void)state;
    json_t *first = expect_json(201, post(PUSH("quick_brawl"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\"],"
                                                               "\"metadata\":{\"x\":1,\"y\":2}}"));
    json_t *again = expect_json(200, post(PUSH("quick_brawl"), "{\"metadata\":{\"y\":2,\"x\":1},"
                                                               "\"externalPlayerIds\":[\"b\",\"a\"],\"key\":\"k\"}"));
    assert_string_equal(sandbox_text_at(first, "data.id"), sandbox_text_at(again, "data.id"));
    expect_error(409, "idempotency_conflict",
                 post(PUSH("quick_brawl"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"c\"]}"));
    expect_error(409, "idempotency_conflict",
                 post(PUSH("quick_brawl"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\"],\"capacity\":4,"
                                           "\"metadata\":{\"x\":1,\"y\":2}}"));
    expect_status(201, post(PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"c\"]}"));

    json_t *lobbies = sandbox_lobbies(sandbox);
    assert_int_equal(json_array_size(lobbies), 2);
    assert_int_equal(number_at(lobbies, "0.times_pushed"), 2);
    assert_text(lobbies, "0.players.0", "a");
    assert_int_equal(number_at(lobbies, "0.metadata.y"), 2);
    assert_int_equal(sandbox_stat(sandbox, "lobbies"), 2);

    json_decref(first);
    json_decref(again);
    json_decref(lobbies);
}

static void a_remembered_reply_is_given_again_for_a_day(void **state)
{
    static const char body[] = "{\"key\":\"k\",\"externalPlayerIds\":[\"a\",\"b\"],\"idempotencyKey\":\"u\"}";
    (void)state;
    json_t *first = expect_json(201, post(PUSH("bot_brawl"), body));
    sandbox_advance_clock(sandbox, DAY_S - 60);

    json_t *remembered = expect_json(200, post(PUSH("bot_brawl"), body));
    assert_true(json_equal(first, remembered)); /* still forming: the memory's word, not the lobby's */
    expect_error(409, "idempotency_conflict",
                 post(PUSH("bot_brawl"), "{\"key\":\"k2\",\"externalPlayerIds\":[\"a\"],\"idempotencyKey\":\"u\"}"));
    expect_error(409, "idempotency_conflict", post(PUSH("quick_brawl"), body));

    sandbox_advance_clock(sandbox, 61);
    json_t *found = expect_json(200, post(PUSH("bot_brawl"), body));
    assert_text(found, "data.status", "active");
    assert_string_equal(sandbox_text_at(found, "data.id"), sandbox_text_at(first, "data.id"));
    assert_int_equal(sandbox_lobby_count(sandbox), 1);

    json_decref(first);
    json_decref(remembered);
    json_decref(found);
}

static void a_failed_reply_is_not_remembered(void **state)
{
    (void)state;
    expect_status(400, post(PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[],\"idempotencyKey\":\"u\"}"));
    expect_status(201, post(PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"],\"idempotencyKey\":\"u\"}"));
    expect_status(409, post(PUSH("duel"), "{\"key\":\"k\",\"externalPlayerIds\":[\"b\"],\"idempotencyKey\":\"u2\"}"));
    expect_status(201, post(PUSH("duel"), "{\"key\":\"k2\",\"externalPlayerIds\":[\"b\"],\"idempotencyKey\":\"u2\"}"));
}

static void other_calls_are_echoed_and_remembered(void **state)
{
    static const char path[] = "/server/v1/players/player%2042%2F%C3%A4/wallet/gold/credit";
    (void)state;
    json_t *json = expect_json(200, post(path, "{\"amount\":5,\"idempotencyKey\":\"u\"}"));
    assert_text(json, "data.echo.method", "POST");
    assert_text(json, "data.echo.path", path);
    assert_int_equal(number_at(json, "data.echo.body.amount"), 5);
    json_decref(json);

    expect_status(200, post(path, "{\"idempotencyKey\":\"u\",\"amount\":5}"));
    json_t *last = last_arrival();
    assert_true(json_is_true(json_object_get(last, "replayed")));
    json_decref(last);
    expect_error(409, "idempotency_conflict", post(path, "{\"amount\":6,\"idempotencyKey\":\"u\"}"));
    expect_status(200, get("/server/v1/players/guest_1/export"));
}

/* ---- the log ---- */

static void the_log_shows_requests_as_they_came(void **state)
{
    const char *headers[] = {"X-Kraty-SDK: test/1", "x-lOwEr: a", "x-lOwEr: b", "X-Leak: " SANDBOX_KEY, NULL};
    (void)state;
    json_decref(expect_json(200, sandbox_request(sandbox, "GET", PING "?a=%20&k=" SANDBOX_KEY, NULL, headers)));
    expect_status(400, post(PUSH("duel"), "{\"key\":\"" SANDBOX_KEY "\"}"));
    const char *differs[] = {"authorization: Bearer sandbox.wrong", NULL};
    expect_status(401, sandbox_request(sandbox, "GET", PING, NULL, differs));

    json_t *log = sandbox_log(sandbox);
    char *text = json_dumps(log, 0);
    assert_null(strstr(text, SANDBOX_KEY));
    assert_null(strstr(text, "sandbox.wrong"));
    free(text);

    static const char *const names[] = {"Authorization", "X-Kraty-SDK", "x-lOwEr", "x-lOwEr", "X-Leak"};
    static const char *const values[] = {"Bearer matches", "test/1", "a", "b", "<api key>"};
    json_t *seen = sandbox_at(log, "0.headers");
    size_t first = json_array_size(seen) - 5;
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(json_string_value(json_array_get(json_array_get(seen, first + i), 0)), names[i]);
        assert_string_equal(json_string_value(json_array_get(json_array_get(seen, first + i), 1)), values[i]);
    }
    assert_text(log, "0.path", PING "?a=%20&k=<api key>");
    assert_text(log, "0.method", "GET");
    assert_true(json_is_null(sandbox_at(log, "0.body")));
    assert_text(log, "1.body", "{\"key\":\"<api key>\"}");
    assert_int_equal(number_at(log, "1.status"), 400);
    assert_int_equal(number_at(log, "2.status"), 401);
    assert_int_equal(number_at(log, "2.n") - number_at(log, "0.n"), 2);
    assert_true(number_at(log, "2.at_us") >= number_at(log, "1.at_us"));
    assert_int_not_equal(number_at(log, "0.connection"), number_at(log, "1.connection"));

    json_t *later = sandbox_log_since(sandbox, (uint64_t)number_at(log, "1.n"));
    assert_int_equal(json_array_size(later), 1);
    json_decref(later);
    json_decref(log);
}

static void the_log_is_bounded_and_may_go_without_bodies(void **state)
{
    const char *args[] = {"--log-limit", "3", "--no-log-bodies", "--threads", "1", NULL};
    (void)state;
    struct sandbox_client *own = sandbox_start(args);
    for (int i = 0; i < 5; i++)
        expect_status(400, sandbox_request(own, "POST", PUSH("duel"), "{}", NULL));
    json_t *log = sandbox_log(own);
    assert_int_equal(json_array_size(log), 3);
    assert_int_equal(number_at(log, "0.n"), 3);
    assert_true(json_is_null(sandbox_at(log, "0.body")));
    assert_int_equal(sandbox_stat(own, "log_dropped"), 2);
    json_decref(log);
    assert_int_equal(sandbox_stop(own), 0);
}

/* ---- the process ---- */

static void it_ends_cleanly_however_it_is_asked(void **state)
{
    (void)state;
    struct sandbox_client *own = sandbox_start(NULL);
    sandbox_quit(own);
    assert_int_equal(sandbox_wait(own), 0);

    own = sandbox_start(NULL);
    sandbox_close_stdin(own);
    assert_int_equal(sandbox_wait(own), 0);

    own = sandbox_start(NULL);
    kill(sandbox_pid(own), SIGINT);
    assert_int_equal(sandbox_wait(own), 0);

    own = sandbox_start(NULL);
    assert_int_equal(sandbox_stop(own), 0);
}

static int connect_and_ask(unsigned port)
{
    static const char request[] = "GET " PING " HTTP/1.1\r\nHost: x\r\n\r\n";
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int asking = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(asking, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(asking, request, sizeof request - 1), sizeof request - 1);
    return asking;
}

static void it_ends_cleanly_in_the_midst_of_faults(void **state)
{
    const char *args[] = {"--fault",
                          "[{\"action\": {\"delay_ms\": 60000}},"
                          " {\"action\": {\"slow_drip\": true, \"drip_ms\": 60000}},"
                          " {\"action\": {\"endless_headers\": true}}]",
                          NULL};
    int waiting[3];
    (void)state;
    struct sandbox_client *own = sandbox_start(args);
    for (int i = 0; i < 3; i++)
        waiting[i] = connect_and_ask(sandbox_port(own));
    for (int turns = 0; sandbox_stat(own, "faults_struck") < 3; turns++) {
        assert_true(turns < 5000);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    assert_int_equal(sandbox_stop(own), 0);
    for (int i = 0; i < 3; i++)
        close(waiting[i]);
}

static int run_with(const char *option)
{
    const char *program = getenv("KRATY_SANDBOX");
    char command[512];
    snprintf(command, sizeof command, "%s %s >/dev/null 2>&1 </dev/null", program ? program : "build/kraty-sandbox",
             option);
    int status = system(command);
    return WEXITSTATUS(status);
}

static void options_are_checked(void **state)
{
    (void)state;
    assert_int_equal(run_with("--help"), 0);
    assert_int_equal(run_with("--version"), 0);
    assert_int_equal(run_with("--api-key=x"), 2);
    assert_int_equal(run_with("--port 70000"), 2);
    assert_int_equal(run_with("--port"), 2);
    assert_int_equal(run_with("--config /nonexistent"), 2);
    assert_int_equal(run_with("--fault {}"), 2);
    assert_int_equal(run_with("--tls-cert /nonexistent"), 2);
    assert_int_equal(run_with("stray"), 2);
}

static void https_serves_the_same(void **state)
{
    char folder[] = "/tmp/kraty-sandbox-tls-XXXXXX", cert[64], key[64], command[512];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(command, sizeof command,
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 "
             "-keyout %s -out %s >/dev/null 2>&1",
             key, cert);
    if (system(command) != 0) {
        rmdir(folder);
        skip();
    }

    const char *args[] = {"--tls-cert", cert, "--tls-key", key, NULL};
    struct sandbox_client *own = sandbox_start(args);
    unlink(cert);
    unlink(key);
    rmdir(folder);
    assert_memory_equal(sandbox_url(own), "https://127.0.0.1:", 18);
    sandbox_script(own, "[{\"action\": {\"reset_after\": true}}, {\"action\": {\"cut_body\": true}},"
                        " {\"action\": {\"slow_drip\": true, \"drip_ms\": 1}}]");
    static const char body[] = "{\"key\":\"k\",\"externalPlayerIds\":[\"a\"]}";
    expect_failure(CURLE_RECV_ERROR, sandbox_request(own, "POST", PUSH("duel"), body, NULL));
    struct sandbox_reply cut = sandbox_request(own, "POST", PUSH("duel"), body, NULL);
    assert_int_not_equal(cut.result, CURLE_OK);
    sandbox_reply_clear(&cut);
    expect_status(200, sandbox_request(own, "POST", PUSH("duel"), body, NULL));
    assert_int_equal(sandbox_lobby_count(own), 1);
    assert_int_equal(sandbox_stop(own), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_error_has_its_envelope, forget_everything),
        cmocka_unit_test_setup(a_body_above_one_mebibyte_is_413, forget_everything),
        cmocka_unit_test_setup(keys_decide_what_is_allowed, forget_everything),
        cmocka_unit_test_setup(ping_tells_of_the_key, forget_everything),
        cmocka_unit_test_setup(a_full_roster_is_active_at_once, forget_everything),
        cmocka_unit_test_setup(bots_drip_until_the_lobby_is_active, forget_everything),
        cmocka_unit_test_setup(an_escaped_slash_stays_in_its_id, forget_everything),
        cmocka_unit_test_setup(the_same_key_finds_its_lobby_again, forget_everything),
        cmocka_unit_test_setup(a_remembered_reply_is_given_again_for_a_day, forget_everything),
        cmocka_unit_test_setup(a_failed_reply_is_not_remembered, forget_everything),
        cmocka_unit_test_setup(other_calls_are_echoed_and_remembered, forget_everything),
        cmocka_unit_test_setup(the_log_shows_requests_as_they_came, forget_everything),
        cmocka_unit_test(the_log_is_bounded_and_may_go_without_bodies),
        cmocka_unit_test(it_ends_cleanly_however_it_is_asked),
        cmocka_unit_test(it_ends_cleanly_in_the_midst_of_faults),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(https_serves_the_same),
    };
    return cmocka_run_group_tests(tests, start_group, stop_group);
}
