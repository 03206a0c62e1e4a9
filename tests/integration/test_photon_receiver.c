/* SPDX-License-Identifier: Apache-2.0
 * The receiver of Photon's webhooks as a server: whom it believes, what it bounds, that nothing waits for Kraty, how it
 * ends, and what outlives it. */
#include <arpa/inet.h>
#include <dirent.h>
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

#include "guest.h"
#include "photon_rig.h"

#define FOR_EVER ((const char *[]){"--form-ms", "3600000", NULL})
#define ALONE    "{\"MaxPlayers\":1}"

static const char create_r[] =
    "{\"GameId\":\"r\",\"Type\":\"Create\",\"ActorNr\":1,\"UserId\":\"a\",\"CreateOptions\":" ALONE "}";

/* ---- whom it believes ---- */

static void without_the_secret_nothing_is_taken(void **state)
{
    static const char *const wrong[] = {"X-SecretKey:",
                                        "X-SecretKey;",
                                        "X-SecretKey: photon.secret-for-tests-onlY",
                                        "X-SecretKey: photon.secret-for-tests-only.",
                                        "X-SecretKey: photon.secret-for-tests-onl",
                                        "X-SecretKey: p"};
    struct photon *photon = *state;
    char long_one[900] = "X-SecretKey: ";

    photon_start(photon, FOR_EVER);
    memset(long_one + 13, 's', 800);
    for (size_t i = 0; i <= sizeof wrong / sizeof *wrong; i++) {
        const char *header = i < sizeof wrong / sizeof *wrong ? wrong[i] : long_one;
        struct photon_reply reply = photon_post(photon, "/GameCreate", create_r, (const char *[]){header, NULL});
        assert_int_equal(reply.status, 401);
        assert_string_equal(reply.body,
                            "{\"ResultCode\":1,\"Status\":401,\"Error\":\"Refused\",\"Message\":\"X-SecretKey is "
                            "missing or wrong\"}");
    }
    assert_int_equal(photon_post(photon, "/nowhere", "", (const char *[]){"X-SecretKey:", NULL}).status, 401);
    photon_await_errors(photon, "1 refused, the last: 401 X-SecretKey is missing or wrong\n");
    process_signal(photon->process, SIGTERM);
    struct process_result run = photon_wait(photon);
    assert_contains(run.errors, "7 refused, the last: 401 ");
    assert_contains(run.errors, "0 pushed, 0 told, 0 left, 0 failed, 0 without a roster\n");
    process_result_clear(&run);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 0);
}

static const char *write_file(const struct photon *photon, const char *text, char path[64])
{
    snprintf(path, 64, "%s/secret", photon->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return path;
}

static void a_file_may_have_a_second_secret_while_it_is_being_changed(void **state)
{
    struct photon *photon = *state;
    char path[64];

    write_file(photon, "the-new-one\n\n  the-old-one \r\n", path);
    photon_start(photon, (const char *[]){"--secret-file", path, NULL});
    assert_int_equal(
        photon_post(photon, "/GameEvent", "{\"Type\":\"Event\"}", (const char *[]){"X-SecretKey: the-new-one", NULL})
            .status,
        200);
    assert_int_equal(
        photon_post(photon, "/GameEvent", "{\"Type\":\"Event\"}", (const char *[]){"X-SecretKey: the-old-one", NULL})
            .status,
        200);
    assert_int_equal(photon_post(photon, "/GameEvent", "{\"Type\":\"Event\"}", NULL).status,
                     401); /* the environment's */
    photon_stop(photon, 0);
}

static void without_a_secret_it_starts_only_when_that_is_asked_for(void **state)
{
    static const struct {
        const char *file, *complaint;
    } files[] = {{"", "/secret is empty"},
                 {"\n \n", "/secret is empty"},
                 {"a\nb\nc\nd\ne\n", "/secret has more than 4 secrets"},
                 {"two words\n", "/secret has a secret that is not printable ASCII without spaces"},
                 {NULL, "PHOTON_WEBHOOK_SECRET is not set"}};
    struct photon *photon = *state;
    char path[64];

    photon->environment[3] = "PHOTON_WEBHOOK_SECRET";
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *argv[] = {"photon-webhooks", "--game", "game_1", "--event", "e", "--port", "0", NULL, NULL, NULL};
        if (files[i].file) {
            argv[7] = "--secret-file";
            argv[8] = write_file(photon, files[i].file, path);
        }
        struct process_result run = process_run(argv, photon->environment, NULL);
        assert_int_equal(run.exit_status, 2);
        assert_contains(run.errors, files[i].complaint);
        process_result_clear(&run);
    }
    photon_start(photon, (const char *[]){"--no-secret", NULL});
    assert_int_equal(photon_post(photon, "/GameCreate", create_r, (const char *[]){"X-SecretKey:", NULL}).status, 200);
    photon_await_output(photon, "r applied lob_");
    photon_stop(photon, 1);
}

/* ---- what it bounds ---- */

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(connection >= 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    return connection;
}

static void what_is_no_request_of_a_webhook_is_refused_and_nothing_of_it_kept(void **state)
{
    static const char half[] = "POST /GameCreate HTTP/1.1\r\nHost: h\r\nX-SecretKey: " PHOTON_SECRET
                               "\r\nContent-Length: 200\r\n\r\n{\"GameId\":\"r\",",
                      none[] = "\x16\x03\x01 no HTTP\r\n\r\n";
    struct photon *photon = *state;
    const size_t big_bytes = (256 << 10) + 1;
    char *big = calloc(1, big_bytes + 1);

    assert_non_null(big);
    photon_start(photon, FOR_EVER);
    assert_int_equal(photon_post(photon, "/game/created", create_r, NULL).status, 404);
    assert_int_equal(photon_post(photon, "/", create_r, NULL).status, 404);
    assert_int_equal(photon_post(photon, "/GameCreate/", create_r, NULL).status, 404);

    memset(big, ' ', big_bytes);
    memcpy(big, create_r, sizeof create_r - 1);
    struct photon_reply reply = photon_post(photon, "/GameCreate", big, NULL);
    assert_int_equal(reply.status, 413);
    assert_contains(reply.body, "the body is larger than 256 KiB");
    reply = photon_post(photon, "/GameCreate", big, (const char *[]){"Transfer-Encoding: chunked", NULL});
    assert_int_equal(reply.status, 413);

    for (size_t i = 0; i < 2; i++) {
        int connection = connect_to(photon->port);
        const char *bytes = i == 0 ? half : none;
        assert_int_equal(send(connection, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
        close(connection);
    }

    big[big_bytes - 1] = '\0'; /* as large as may be */
    assert_int_equal(photon_post(photon, "/GameCreate?region=eu", big, NULL).status, 200);
    photon_await_output(photon, "r applied lob_");
    photon_stop(photon, 1);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 1);
    free(big);
}

static void a_get_is_told_that_a_webhook_is_a_post(void **state)
{
    struct photon *photon = *state;
    char reply[1024] = "";

    photon_start(photon, FOR_EVER);
    int connection = connect_to(photon->port);
    static const char get[] = "GET /GameCreate HTTP/1.0\r\nX-SecretKey: " PHOTON_SECRET "\r\n\r\n";
    assert_int_equal(send(connection, get, sizeof get - 1, MSG_NOSIGNAL), sizeof get - 1);
    for (size_t had = 0; had < sizeof reply - 1;) {
        ssize_t got = recv(connection, reply + had, sizeof reply - 1 - had, 0);
        if (got <= 0)
            break;
        had += (size_t)got;
    }
    close(connection);
    assert_contains(reply, " 405 ");
    assert_contains(reply, "Allow: POST\r\n");
    photon_stop(photon, 0);
}

static size_t count_descriptors(pid_t pid)
{
    char path[64];
    size_t count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void connections_are_bounded_and_places_come_free(void **state)
{
    enum { TOO_MANY = 400, MOST = 256, OTHERS = 40 };
    const unsigned ROUNDS = is_slowed() ? 2 : 10;
    struct photon *photon = *state;
    int connections[TOO_MANY];
    char name[16];

    photon_start(photon, FOR_EVER);
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t from_ms = guest_now_ms();
        for (size_t i = 0; i < TOO_MANY; i++)
            connections[i] = connect_to(photon->port);
        while (count_descriptors(process_pid(photon->process)) < MOST)
            assert_true(guest_now_ms() - from_ms < GUEST_LIMIT_MS);
        assert_true(count_descriptors(process_pid(photon->process)) <= MOST + OTHERS);
        for (size_t i = 0; i < TOO_MANY; i++)
            close(connections[i]);
        snprintf(name, sizeof name, "r%u", round);
        photon_realtime(photon, "Create", name, "a", 1, ALONE);
    }
    process_await_output(photon->process, ROUNDS);
    photon_stop(photon, ROUNDS);
}

static void rooms_are_bounded_and_players_are_let_in_nevertheless(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, (const char *[]){"--max-rooms", "2", "--form-ms", "3600000", NULL});
    photon_realtime(photon, "Create", "r1", "a", 1, "{\"MaxPlayers\":2}");
    photon_realtime(photon, "Create", "r2", "a", 1, "{\"MaxPlayers\":2}");
    photon_realtime(photon, "Create", "r3", "a", 1, ALONE); /* answered that all is well */
    photon_await_errors(photon, "1 answered, but not kept, the last: r3\n");
    photon_realtime(photon, "Join", "r1", "b", 2, NULL);
    photon_await_output(photon, "r1 applied lob_");
    photon_realtime(photon, "Create", "r4", "a", 1, ALONE); /* r1 is final, and makes room */
    photon_await_output(photon, "r4 applied lob_");
    photon_stop(photon, 2);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 2);
}

/* ---- many at once ---- */

enum { PLAYERS = 4, AT_ONCE = 32 };

struct post {
    CURL *curl;
    char body[256], url[64];
};

static size_t ignore_body(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes, (void)user;
    return size * count;
}

/* The nth webhook of a room: its Create, or a join. */
static void begin_post(CURLM *multi, struct post *post, unsigned port, struct curl_slist *headers, unsigned room,
                       unsigned player)
{
    snprintf(post->url, sizeof post->url, "http://127.0.0.1:%u/%s", port, player ? "GameJoin" : "GameCreate");
    snprintf(post->body, sizeof post->body,
             "{\"Region\":\"EU\",\"GameId\":\"room-%u\",\"Type\":\"%s\",\"ActorNr\":%u,\"UserId\":\"p-%u-%u\"%s}", room,
             player ? "Join" : "Create", player + 1, room, player,
             player ? "" : ",\"CreateOptions\":{\"MaxPlayers\":4}");
    curl_easy_setopt(post->curl, CURLOPT_URL, post->url);
    curl_easy_setopt(post->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(post->curl, CURLOPT_POSTFIELDS, post->body);
    curl_easy_setopt(post->curl, CURLOPT_WRITEFUNCTION, ignore_body);
    curl_easy_setopt(post->curl, CURLOPT_PRIVATE, post);
    assert_int_equal(curl_multi_add_handle(multi, post->curl), CURLM_OK);
}

static void many_rooms_at_once_are_pushed_once_each_with_all_who_are_in(void **state)
{
    const unsigned ROOMS = is_slowed() ? 60 : 500;
    struct photon *photon = *state;
    struct post posts[AT_ONCE] = {0};
    struct curl_slist *headers = curl_slist_append(NULL, "X-SecretKey: " PHOTON_SECRET);
    CURLM *multi = curl_multi_init();
    unsigned *order = calloc(ROOMS * PLAYERS, sizeof *order), begun = 0, done = 0, seed = 9;
    int running, left;

    assert_true(headers && multi && order);
    photon_start(photon, FOR_EVER);
    for (unsigned i = 0; i < ROOMS * PLAYERS; i++) { /* in no order at all */
        unsigned place = (seed = seed * 1103515245 + 12345) / 65536 % (i + 1);
        order[i] = order[place];
        order[place] = i;
    }
    for (size_t i = 0; i < AT_ONCE; i++, begun++) {
        posts[i].curl = curl_easy_init();
        assert_non_null(posts[i].curl);
        begin_post(multi, &posts[i], photon->port, headers, order[begun] / PLAYERS, order[begun] % PLAYERS);
    }
    while (done < ROOMS * PLAYERS) {
        assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left));) {
            CURL *curl = message->easy_handle;
            struct post *post;
            long status = 0;
            assert_int_equal(message->data.result, CURLE_OK);
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
            curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&post);
            assert_int_equal(status, 200);
            curl_multi_remove_handle(multi, curl);
            done++;
            if (begun < ROOMS * PLAYERS) {
                begin_post(multi, post, photon->port, headers, order[begun] / PLAYERS, order[begun] % PLAYERS);
                begun++;
            }
        }
        if (done < ROOMS * PLAYERS)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    process_await_output(photon->process, ROOMS);
    photon_stop(photon, ROOMS);

    json_t *lobbies = sandbox_lobbies(photon->sandbox), *lobby;
    size_t index;
    assert_int_equal(json_array_size(lobbies), ROOMS);
    json_array_foreach(lobbies, index, lobby)
    {
        assert_int_equal(json_array_size(json_object_get(lobby, "players")), PLAYERS);
        assert_int_equal(json_integer_value(json_object_get(lobby, "times_pushed")), 1);
    }
    json_decref(lobbies);
    for (size_t i = 0; i < AT_ONCE; i++)
        curl_easy_cleanup(posts[i].curl);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    free(order);
}

/* ---- that nothing waits for Kraty ---- */

static void await_requests(struct photon *photon, int64_t count)
{
    uint64_t from_ms = guest_now_ms();
    while (sandbox_stat(photon->sandbox, "requests") < count)
        assert_true(guest_now_ms() - from_ms < PROCESS_LIMIT_MS);
}

static void photon_has_its_answers_while_kraty_is_away(void **state)
{
    struct photon *photon = *state;
    char name[16];
    unsigned late = 0;

    photon_start(photon, FOR_EVER);
    sandbox_script(photon->sandbox,
                   "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503,\"delay_ms\":2000}}");
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "r%u", i);
        uint64_t from_ms = guest_now_ms();
        photon_realtime(photon, "Create", name, "a", 1, ALONE);
        late += guest_now_ms() - from_ms >= patience_ms(1500);
    }
    assert_true(late <= 2); /* each that waited for Kraty would take 2000; where the machine stands still, it is one */
    await_requests(photon, 1);
    sandbox_unscript(photon->sandbox);
    process_await_output(photon->process, 20);
    photon_stop(photon, 20);
    assert_int_equal(sandbox_lobby_count(photon->sandbox), 20);
}

/* ---- how it ends, and what outlives it ---- */

static void sigterm_ends_it_in_time_and_tells_what_is_left(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, FOR_EVER);
    sandbox_script(photon->sandbox, "{\"match\":{\"key\":\"stuck\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    photon_realtime(photon, "Create", "pushed", "a", 1, ALONE);
    photon_realtime(photon, "Create", "forming", "a", 1, "{\"MaxPlayers\":4}");
    photon_realtime(photon, "Join", "forming", "b", 2, NULL);
    photon_realtime(photon, "Create", "stuck", "a", 1, ALONE);
    photon_await_output(photon, "pushed applied lob_");
    await_requests(photon, 2);

    process_signal(photon->process, SIGTERM);
    struct process_result run = photon_wait(photon);
    assert_int_equal(run.exit_status, 0);
    assert_int_equal(process_count_lines(run.output), 2);
    assert_contains(run.output, "stuck possibly_applied shutdown ");
    assert_contains(run.errors, "forming: not pushed, with 2 in: it was still forming when this process ended\n");
    assert_contains(run.errors, "2 pushed, 2 told, 0 left, 1 failed, 1 without a roster\n");
    process_result_clear(&run);
    assert_int_equal(photon_post(photon, "/GameCreate", create_r, NULL).status, 0); /* nobody listens */
}

static void what_a_kill_interrupts_goes_on_with_an_outbox(void **state)
{
    struct photon *photon = *state;
    const char *const options[] = {"--outbox", photon->folder, NULL};

    photon_start(photon, options);
    sandbox_script(photon->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    photon_realtime(photon, "Create", "r", "a", 1, "{\"MaxPlayers\":2}");
    photon_realtime(photon, "Join", "r", "b", 2, NULL);
    await_requests(photon, 1); /* so it is written down */
    process_signal(photon->process, SIGKILL);
    struct process_result run = photon_wait(photon);
    assert_int_equal(run.signal_number, SIGKILL);
    process_result_clear(&run);

    sandbox_unscript(photon->sandbox);
    photon_start(photon, options);
    photon_await_output(photon, "r applied lob_");
    photon_await_output(photon, " ms recovered\n");
    process_signal(photon->process, SIGTERM);
    run = photon_wait(photon);
    assert_int_equal(run.exit_status, 0);
    assert_int_equal(process_count_lines(run.output), 1);
    assert_contains(run.errors, "0 pushed, 0 told, 0 left, 0 failed, 0 without a roster\n"); /* of its own */
    process_result_clear(&run);
    json_decref(photon_lobby(photon, "r", "a b"));
    photon_start(photon, options);
    photon_stop(photon, 0); /* it was acknowledged */
}

static void what_sigterm_leaves_in_an_outbox_is_counted(void **state)
{
    struct photon *photon = *state;

    photon_start(photon, (const char *[]){"--outbox", photon->folder, NULL});
    sandbox_script(photon->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    photon_realtime(photon, "Create", "r", "a", 1, ALONE);
    await_requests(photon, 1);
    process_signal(photon->process, SIGTERM);
    struct process_result run = photon_wait(photon);
    assert_int_equal(run.exit_status, 0);
    assert_contains(run.errors, "1 pushed, 0 told, 1 left, 0 failed, 0 without a roster\n");
    process_result_clear(&run);
}

static void a_verdict_that_stdout_does_not_take_is_told_to_the_next_process(void **state)
{
    struct photon *photon = *state;
    const char *const options[] = {"--outbox", photon->folder, NULL};

    photon_start(photon, options);
    process_close_output(photon->process);
    photon_realtime(photon, "Create", "r", "a", 1, ALONE);
    struct process_result run = photon_wait(photon); /* it ends by itself */
    assert_int_equal(run.exit_status, 1);
    assert_int_equal(run.signal_number, 0);
    process_result_clear(&run);

    photon_start(photon, options);
    photon_await_output(photon, "r applied lob_");
    photon_stop(photon, 1);
    json_decref(photon_lobby(photon, "r", "a"));
}

static void what_keeps_it_from_starting_is_told(void **state)
{
    static const char *const usages[][10] = {
        {"photon-webhooks"},
        {"photon-webhooks", "--game", "g"},
        {"photon-webhooks", "--event", "e"},
        {"photon-webhooks", "--game", "g", "--event", "e", "more"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--port", "65536"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--form-ms", "0"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--form-ms", "1s"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--max-rooms", "-1"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--no-secret", "--secret-file", "f"},
        {"photon-webhooks", "--game", "g", "--event", "e", "--secret", "s"},
    };
    struct photon *photon = *state;
    char port[16];

    for (size_t i = 0; i < sizeof usages / sizeof *usages; i++) {
        struct process_result run = process_run(usages[i], photon->environment, NULL);
        assert_int_equal(run.exit_status, 2);
        assert_contains(run.errors, "Usage: ");
        process_result_clear(&run);
    }

    photon_start(photon, FOR_EVER);
    snprintf(port, sizeof port, "%u", photon->port);
    struct process_result run =
        process_run((const char *[]){"photon-webhooks", "--game", "g", "--event", "e", "--port", port, NULL},
                    photon->environment, NULL);
    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, ": Address already in use\n");
    process_result_clear(&run);
    photon_stop(photon, 0);

    run = process_run((const char *[]){"photon-webhooks", "--game", "g", "--event", "e", "--port", port, "--outbox",
                                       "/nowhere/at/all", NULL},
                      photon->environment, NULL);
    assert_int_equal(run.exit_status, 1);
    assert_contains(run.errors, "open: ");
    assert_contains(run.errors, "/nowhere/at/all");
    process_result_clear(&run);
}

int main(void)
{
#define PHOTON_TEST(test) cmocka_unit_test_setup_teardown(test, photon_set_up, photon_tear_down)
    const struct CMUnitTest tests[] = {
        PHOTON_TEST(without_the_secret_nothing_is_taken),
        PHOTON_TEST(a_file_may_have_a_second_secret_while_it_is_being_changed),
        PHOTON_TEST(without_a_secret_it_starts_only_when_that_is_asked_for),
        PHOTON_TEST(what_is_no_request_of_a_webhook_is_refused_and_nothing_of_it_kept),
        PHOTON_TEST(a_get_is_told_that_a_webhook_is_a_post),
        PHOTON_TEST(connections_are_bounded_and_places_come_free),
        PHOTON_TEST(rooms_are_bounded_and_players_are_let_in_nevertheless),
        PHOTON_TEST(many_rooms_at_once_are_pushed_once_each_with_all_who_are_in),
        PHOTON_TEST(photon_has_its_answers_while_kraty_is_away),
        PHOTON_TEST(sigterm_ends_it_in_time_and_tells_what_is_left),
        PHOTON_TEST(what_a_kill_interrupts_goes_on_with_an_outbox),
        PHOTON_TEST(what_sigterm_leaves_in_an_outbox_is_counted),
        PHOTON_TEST(a_verdict_that_stdout_does_not_take_is_told_to_the_next_process),
        PHOTON_TEST(what_keeps_it_from_starting_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
