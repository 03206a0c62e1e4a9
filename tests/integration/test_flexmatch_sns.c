/* SPDX-License-Identifier: Apache-2.0
 * The host of FlexMatch's events with what SNS posts. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "flexmatch_events_rig.h"
#include "guest.h"

/* ---- SNS ---- */

/* Reads the port that it listens on. */
static unsigned port_of(struct process *host)
{
    unsigned port = 0;
    const char *said = process_await_errors(host, 1);
    const char *url = strstr(said, "listening on http://127.0.0.1:");

    if (!url || sscanf(url, "listening on http://127.0.0.1:%u", &port) != 1)
        fail_msg("it says no port: %s", said);
    return port;
}

/* As SNS does, which sends its JSON as text/plain. Returns the status. */
static long post_bytes(unsigned port, const char *method, const char *body, size_t size)
{
    char url[64];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: text/plain; charset=UTF-8");

    assert_true(curl && headers);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/flexmatch", port);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PROCESS_LIMIT_MS);
    CURLcode result = curl_easy_perform(curl);
    if (result)
        fail_msg("%s %s: %s", method, url, curl_easy_strerror(result));
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
}

static long post(unsigned port, const char *body)
{
    return post_bytes(port, "POST", body, strlen(body));
}

static void stops(struct process *host, const char *summary)
{
    process_signal(host, SIGTERM);
    events_end(host, 0, summary);
}

static void what_sns_posts_is_pushed_once_however_often_it_comes(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0");
    unsigned port = port_of(host);

    for (size_t i = 0; i < EVENTS_NOT_FINAL; i++)
        assert_int_equal(post(port, flexmatch_document(events_not_final[i])), 200);
    assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200);
    process_await_output(host, 1);
    assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200);
    assert_contains(process_await_output(host, 2), " ms replayed\n");
    assert_int_equal(post(port, flexmatch_document(events_not_final[0])), 200);
    assert_int_equal(post(port, flexmatch_document(EVENT_BARE)), 200); /* delivered raw */
    process_await_output(host, 3);
    process_end_input(host); /* which does not end it */
    assert_int_equal(post(port, flexmatch_document(EVENT_LAMBDA)), 200);
    process_await_output(host, 4);
    stops(host, "4 pushed, 3 repeated, 0 failed; 8 not final, 0 refused\n");
    events_assert_lobby(rig, 4);
}

static void stdin_is_read_beside(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0");
    unsigned port = port_of(host);

    events_give(host, EVENT_BARE);
    process_await_output(host, 1);
    assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200);
    assert_contains(process_await_output(host, 2), " ms replayed\n");
    stops(host, "2 pushed, 1 repeated, 0 failed");
}

static void what_is_no_event_is_answered_with_4xx(void **state)
{
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0");
    unsigned port = port_of(host);
    char *large = malloc(KLP_MAX_DOCUMENT_BYTES + 1);

    assert_int_equal(post(port, ""), 400);
    assert_int_equal(post(port, "no event"), 400);
    assert_int_equal(post(port, "{\"Type\":\"Notification\"}"), 400);
    assert_int_equal(post(port, "{\"detail\":{\"type\":\"MatchmakingSucceeded\"}}"), 400);
    assert_int_equal(post_bytes(port, "GET", "", 0), 405);
    assert_int_equal(post_bytes(port, "PUT", "{}", 2), 405);
    assert_non_null(large);
    memset(large, ' ', KLP_MAX_DOCUMENT_BYTES + 1);
    assert_int_equal(post_bytes(port, "POST", large, KLP_MAX_DOCUMENT_BYTES + 1), 413);
    assert_int_equal(post_bytes(port, "POST", large, KLP_MAX_DOCUMENT_BYTES), 400);
    free(large);
    assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200); /* and it goes on */
    process_await_output(host, 1);
    stops(host, "1 pushed, 0 repeated, 0 failed; 0 not final, 5 refused\n");
}

static void while_the_queue_is_full_sns_is_told_to_come_again(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char *second = events_of("match-2", "u-1");

    flexmatch_answer_late(rig);
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0", "--max-queued", "1");
    unsigned port = port_of(host);
    assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200);
    assert_int_equal(post(port, second), 503);
    process_await_output(host, 1);
    assert_int_equal(post(port, second), 200);
    free(second);
    assert_contains(process_await_output(host, 2), "match-2 applied lob_");
    stops(host, "2 pushed, 0 repeated, 0 failed; 0 not final, 0 refused\n");
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2);
}

static void a_subscription_is_shown_and_not_confirmed(void **state)
{
    const struct flexmatch_rig *rig = *state;
    unsigned bait_port;
    int bait = guest_listen(&bait_port);
    char message[512], shown[128];
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0");
    unsigned port = port_of(host);

    snprintf(message, sizeof message,
             "{\"Type\":\"SubscriptionConfirmation\",\"MessageId\":\"m-1\",\"Token\":\"t\","
             "\"TopicArn\":\"arn:aws:sns:eu-west-1:000000000000:match\",\"Message\":\"You have chosen to subscribe\","
             "\"SubscribeURL\":\"http://127.0.0.1:%u/?Action=ConfirmSubscription\\u001b[2J\\nforged\"}",
             bait_port);
    snprintf(shown, sizeof shown, "visit http://127.0.0.1:%u/?Action=ConfirmSubscription?[2J?forged\n", bait_port);
    assert_int_equal(post(port, message), 200);
    const char *said = process_await_errors(host, 2);
    assert_contains(said, "SNS: SubscriptionConfirmation of arn:aws:sns:eu-west-1:000000000000:match. ");
    assert_contains(said, shown);
    assert_int_equal(post(port, "{\"Type\":\"UnsubscribeConfirmation\",\"SubscribeURL\":7}"),
                     200); /* nothing to show */
    stops(host, "0 pushed, 0 repeated, 0 failed; 2 not final, 0 refused\n");
    assert_false(guest_was_visited(bait));
    close(bait);
}

static void it_listens_on_loopback_alone(void **state)
{
    static const char *const addresses[] = {"0.0.0.0:0",  "192.0.2.1:80",    "localhost:80",      "127.0.0.1",
                                            "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80/path", ""};
    const struct flexmatch_rig *rig = *state;

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        struct process *host = FLEXMATCH_EVENTS(rig, "--listen", addresses[i]);
        events_end(host, 1, ": not 127.0.0.1:PORT.");
    }
}

static void a_port_that_is_taken_is_told(void **state)
{
    const struct flexmatch_rig *rig = *state;
    char address[32];
    unsigned port;
    int taken = guest_listen(&port);

    snprintf(address, sizeof address, "127.0.0.1:%u", port);
    events_end(FLEXMATCH_EVENTS(rig, "--listen", address), 1, "Address already in use\n");
    close(taken);
}

static void what_sns_was_answered_for_outlives_a_kill(void **state)
{
    const struct flexmatch_rig *rig = *state;

    sandbox_script(rig->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    struct process *killed =
        FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0", "--outbox", rig->outbox, "--name", "eu-1");
    assert_int_equal(post(port_of(killed), flexmatch_document(EVENT_SNS)), 200);
    process_signal(killed, SIGKILL);
    struct process_result result = process_finish(killed);
    assert_int_equal(result.signal_number, SIGKILL);
    assert_string_equal(result.output, "");
    process_result_clear(&result);
    sandbox_settle(rig->sandbox); /* its last request may still be under way */
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 0);

    sandbox_unscript(rig->sandbox);
    struct process *next = FLEXMATCH_EVENTS(rig, "--event", "duel", "--outbox", rig->outbox, "--name", "eu-1");
    assert_contains(process_await_output(next, 1), " ms recovered\n");
    events_end(next, 0, "0 pushed, 0 repeated, 0 failed; 0 not final, 0 refused\n");
    events_assert_lobby(rig, 1);
}

static int connect_to(unsigned port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(connection >= 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    return connection;
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

static void it_listens_on_when_all_of_its_places_were_taken(void **state)
{
    enum { TOO_MANY = 100, PLACES = 64, ROUNDS = 5 };
    const struct flexmatch_rig *rig = *state;
    struct process *host = FLEXMATCH_EVENTS(rig, "--event", "duel", "--listen", "127.0.0.1:0");
    unsigned port = port_of(host);
    int connections[TOO_MANY];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t from_ms = guest_now_ms();
        for (size_t i = 0; i < TOO_MANY; i++)
            connections[i] = connect_to(port);
        while (count_descriptors(process_pid(host)) < PLACES)
            assert_true(guest_now_ms() - from_ms < GUEST_LIMIT_MS);
        for (size_t i = 0; i < TOO_MANY; i++)
            close(connections[i]);
        assert_int_equal(post(port, flexmatch_document(EVENT_SNS)), 200);
    }
    process_await_output(host, ROUNDS);
    stops(host, "5 pushed, 4 repeated, 0 failed; 0 not final, 0 refused\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLEXMATCH_TEST(it_listens_on_when_all_of_its_places_were_taken),
        FLEXMATCH_TEST(what_sns_posts_is_pushed_once_however_often_it_comes),
        FLEXMATCH_TEST(stdin_is_read_beside),
        FLEXMATCH_TEST(what_is_no_event_is_answered_with_4xx),
        FLEXMATCH_TEST(while_the_queue_is_full_sns_is_told_to_come_again),
        FLEXMATCH_TEST(a_subscription_is_shown_and_not_confirmed),
        FLEXMATCH_TEST(it_listens_on_loopback_alone),
        FLEXMATCH_TEST(a_port_that_is_taken_is_told),
        FLEXMATCH_TEST(what_sns_was_answered_for_outlives_a_kill),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
