/* SPDX-License-Identifier: Apache-2.0
 * Vectors that a well-behaved server does not put on the wire as they are: given byte for byte by a socket of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"
#include "rig.h"

/* Takes one request, of which the end does not matter, and answers it. */
static void answer_once(int listener, const char *reply)
{
    char said[4096];
    int connection = guest_accept(listener);
    size_t got = 0;

    while (got < sizeof said - 1 && !memmem(said, got, "}", 1)) /* the end of a push's body */
        got += guest_receive(connection, said + got, sizeof said - got);
    assert_int_equal(send(connection, reply, strlen(reply), MSG_NOSIGNAL), strlen(reply));
    close(connection);
}

static void assert_wait(struct rig *rig, const char *url, int listener, const char *reply, json_t *wait)
{
    klp_config config = rig_config(rig);

    config.base_url = klp_cstr(url);
    rig_open(rig, &config); /* afresh: a 429 holds what comes after it */
    const char *header = strstr(reply, "Retry-After");
    print_message("  %.*s\n", (int)strcspn(header, "\r"), header);
    rig_push(rig, "m");
    answer_once(listener, reply);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->http_status, 429);
    json_t *line = json_loads(event->json.data, 0, NULL);
    json_t *told = json_object_get(line, "retry_after_ms");
    if (json_is_null(wait)) {
        assert_int_equal(event->retry_after_ms, KLP_NO_RETRY_AFTER);
        assert_null(told);
    } else {
        if (json_is_string(wait))
            assert_true(event->retry_after_ms >= INT64_C(31536000000)); /* "max": at least a year */
        else
            assert_int_equal(event->retry_after_ms, json_integer_value(wait));
        assert_int_equal(json_integer_value(told), event->retry_after_ms);
    }
    json_decref(line);
    rig_ack(rig, event);
    rig_close(rig);
}

static void every_retry_after_of_the_vectors_is_read_off_the_wire(void **state)
{
    struct rig *rig = *state;
    json_t *vectors = json_load_file("tests/vectors/retry_after.json", 0, NULL), *vector;
    json_t *cases = json_object_get(vectors, "cases");
    char url[64], reply[1024];
    unsigned port;
    int listener = guest_listen(&port);
    size_t i;

    assert_true(json_array_size(cases) > 10);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    json_array_foreach(cases, i, vector)
    {
        const char *value = sandbox_text_at(vector, "value");
        for (int is_last = 0; is_last < 2; is_last++) { /* before the Date that it counts from, and behind it */
            char date[128], after[256];
            snprintf(date, sizeof date, "Date: %s\r\n", sandbox_text_at(vectors, "now"));
            snprintf(after, sizeof after, "Retry-After:%s%s\r\n", *value == ' ' ? "" : " ", value);
            snprintf(reply, sizeof reply,
                     "HTTP/1.1 429 Too Many\r\n%s%sContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                     is_last ? date : after, is_last ? after : date);
            assert_wait(rig, url, listener, reply, json_object_get(vector, "wait_ms"));
        }
    }
    close(listener);
    json_decref(vectors);
}

/* What is said in two pieces, or of an interim reply, is not taken for the reply's. */
static void only_the_last_reply_of_an_attempt_counts(void **state)
{
    struct rig *rig = *state;
    char url[64];
    unsigned port;
    int listener = guest_listen(&port);
    json_t *none = json_null();

    snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
    assert_wait(rig, url, listener,
                "HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n"
                "HTTP/1.1 429 Too Many\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
                none);
    json_decref(none);
    close(listener);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(every_retry_after_of_the_vectors_is_read_off_the_wire),
        test(only_the_last_reply_of_an_attempt_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
