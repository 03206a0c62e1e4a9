/* SPDX-License-Identifier: Apache-2.0
 * What call() refuses: by name, keeping nothing. And trace_parent, which other calls take, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "calls.h"

/* Refuses the call, saying so; nothing is kept. */
static void refuse(struct rig *rig, const klp_call *call, const char *why_expected)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 99;
    klp_stats before = rig_stats(rig);

    klp_status status = rig->klp->call(rig->pusher, call, &ticket, &why);
    if (status != KLP_E_INVALID_ARGUMENT || !strstr(why.data, why_expected))
        fail_msg("expected \"%s\", got %s: \"%s\"", why_expected, rig->klp->status_text(status), why.data);
    assert_int_equal(ticket, 99);
    klp_stats after = rig_stats(rig);
    assert_memory_equal(&before, &after, sizeof before);
}

static klp_call good(struct call_room *room)
{
    return call_of(room, "POST", "players/alice", "{\"a\":1}");
}

static void a_method_is_one_of_five_in_capitals(void **state)
{
    static const char *const methods[] = {"get",  "Post", "HEAD",  "OPTIONS", "CONNECT",
                                          "GET ", " GET", "POSTS", "PO",      "GET\r\nX: 1"};
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = good(&room);

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        call.method = klp_cstr(methods[i]);
        refuse(rig, &call, "method is none of GET, POST, PUT, PATCH, DELETE");
    }
    call.method = (klp_text)KLP_TEXT_NONE;
    refuse(rig, &call, "method");
    call.method = (klp_text){"GET\0", 4};
    refuse(rig, &call, "method");
    call.method = (klp_text){NULL, 3};
    refuse(rig, &call, "method");
}

static void segments_are_one_to_sixteen_fit_to_stand_in_a_path(void **state)
{
    static const struct {
        klp_text segment;
        const char *why;
    } bad[] = {{KLP_TEXT_NONE, "segments[1] is empty"},
               {KLP_LIT("."), "segments[1]"},
               {KLP_LIT(".."), "segments[1]"},
               {KLP_LIT("a\xff"), "segments[1] has 1 byte of invalid UTF-8 at 1"},
               {KLP_LIT("\xed\xa0\x80"), "segments[1] has"},
               {KLP_LIT("\xc0\xaf"), "segments[1] has"},
               {{"a\0b", 3}, "segments[1] has a NUL byte at 1"},
               {{NULL, 5}, "segments[1] has a size of 5 and no data"}};
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = good(&room);
    klp_text segments[17];

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        room.segments[1] = bad[i].segment;
        refuse(rig, &call, bad[i].why);
    }
    for (size_t i = 0; i < 17; i++)
        segments[i] = klp_cstr("s");
    call.segments = segments;
    call.segment_count = 17;
    refuse(rig, &call, "segment_count is 17, more than 16");
    call.segment_count = SIZE_MAX;
    refuse(rig, &call, "segment_count is");
    call.segment_count = 0;
    refuse(rig, &call, "segments is empty");
    call.segment_count = 1;
    call.segments = NULL;
    refuse(rig, &call, "segments is NULL, segment_count is 1");
    call.segments = segments;
    call.segment_count = 16;
    rig_call(rig, &call);
    const klp_event *event = rig_take(rig);
    assert_text(event->path, "/server/v1/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s");
    rig_ack(rig, event);
}

static void steps_in_a_segment_are_no_steps_of_the_path(void **state)
{
    struct rig *rig = *state;
    klp_text segments[] = {KLP_LIT("..."), KLP_LIT("../.."), KLP_LIT("%2e%2e"), KLP_LIT("?a=b#c")};
    klp_call call = KLP_CALL_INIT;

    call.method = klp_cstr("GET");
    call.segments = segments;
    call.segment_count = 4;
    rig_open(rig, NULL);
    rig_call(rig, &call);
    const klp_event *event = rig_take(rig);
    assert_text(event->path, "/server/v1/.../..%2F../%252e%252e/%3Fa%3Db%23c");
    rig_ack(rig, event);
    json_t *log = sandbox_log(rig->sandbox);
    assert_string_equal(sandbox_text_at(log, "0.path"), "/server/v1/.../..%2F../%252e%252e/%3Fa%3Db%23c");
    json_decref(log);
}

static void a_path_has_its_bound(void **state)
{
    struct rig *rig = *state;
    static char euros[KLP_MAX_ID_BYTES + 4];
    klp_text segments[4];
    klp_call call = KLP_CALL_INIT;

    for (size_t i = 0; i + 3 <= KLP_MAX_ID_BYTES; i += 3)
        memcpy(euros + i, "\xe2\x82\xac", 3);
    call.method = klp_cstr("GET");
    call.segments = segments;
    rig_open(rig, NULL);
    /* "/server/v1/" and 2040 raw bytes are 6120 encoded, two slashes: 6133; eleven more fit */
    segments[0] = segments[1] = (klp_text){euros, 1020};
    segments[2] = klp_cstr("0123456789");
    call.segment_count = 3;
    rig_call(rig, &call);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->path.size, 6143);
    json_t *log = sandbox_log(rig->sandbox);
    assert_string_equal(sandbox_text_at(log, "0.path"), event->path.data);
    json_decref(log);
    rig_ack(rig, event);
    segments[2] = klp_cstr("0123456789a");
    rig_call(rig, &call); /* of just KLP_MAX_PATH_BYTES */
    event = rig_take(rig);
    assert_int_equal(event->path.size, KLP_MAX_PATH_BYTES);
    rig_ack(rig, event);
    segments[2] = klp_cstr("0123456789ab");
    refuse(rig, &call, "segments make a path of 6145 bytes, more than 6144");

    euros[1023] = 'x', euros[1024] = 'x';
    segments[0] = (klp_text){euros, 1025};
    call.segment_count = 1;
    refuse(rig, &call, "segments[0] is 1025 bytes, more than 1024");
}

static void a_body_is_one_json_object_and_not_for_a_get(void **state)
{
    static const struct {
        const char *body, *why;
    } bad[] = {{"[]", "body_json is not one JSON object: expected '{'"},
               {"\"a\"", "body_json is not one JSON object: expected '{'"},
               {" ", "body_json is not one JSON object: expected '{'"},
               {"null", "body_json is not one JSON object: expected '{'"},
               {"{", "body_json is not one JSON object"},
               {"{}x", "body_json is not one JSON object: text after the end at 2"},
               {"{}{}", "body_json is not one JSON object: text after the end at 2"},
               {"{\"a\":01}", "body_json is not one JSON object: "},
               {"{\"a\":1,}", "body_json is not one JSON object: expected a member name at 7"},
               {"{'a':1}", "body_json is not one JSON object: "},
               {"{\"a\":NaN}", "body_json is not one JSON object: "},
               {"{\"a\":\"\\ud800\"}", "body_json is not one JSON object: lone surrogate"},
               {"{\"a\":\"\xff\"}", "body_json is not one JSON object: invalid UTF-8 at 6"},
               {"{\"a\":\"\n\"}", "body_json is not one JSON object: control byte in a string at 6"}};
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = good(&room);
    char deep[128] = "";

    rig_open(rig, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        call.body_json = klp_cstr(bad[i].body);
        refuse(rig, &call, bad[i].why);
    }
    call.body_json = (klp_text){"{\"a\":\"\0\"}", 9};
    refuse(rig, &call, "body_json is not one JSON object: NUL byte at 6");
    call.body_json = (klp_text){NULL, 2};
    refuse(rig, &call, "body_json has a size of 2 and no data");
    for (size_t depth = 31; depth >= 30; depth--) {
        char *at = deep;
        for (size_t i = 1; i < depth; i++)
            at = stpcpy(at, i == 1 ? "{\"a\":" : "[");
        at = stpcpy(at, "{}");
        for (size_t i = depth - 1; i > 0; i--)
            at = stpcpy(at, i == 1 ? "}" : "]");
        call.body_json = klp_cstr(deep);
        if (depth == 31)
            refuse(rig, &call, "body_json is not one JSON object: nested too deep");
    }
    rig_call(rig, &call); /* thirty */
    rig_ack(rig, rig_take(rig));
    call.method = klp_cstr("GET");
    call.body_json = klp_cstr("{}");
    refuse(rig, &call, "body_json is given, and a GET has none");
}

static void a_body_has_its_bound_with_the_key_that_is_stamped_into_it(void **state)
{
    enum { STAMP = 56 }; /* ,"idempotencyKey":"…" */
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = good(&room);
    char *body = malloc(KLP_MAX_BODY_BYTES + 2);

    assert_non_null(body);
    memset(body, ' ', KLP_MAX_BODY_BYTES + 2);
    memcpy(body, "{\"a\":1", 6);
    rig_open(rig, NULL);
    body[KLP_MAX_BODY_BYTES] = '}';
    call.body_json = (klp_text){body, KLP_MAX_BODY_BYTES + 1};
    refuse(rig, &call, "body_json is more than 1048576 bytes");
    body[KLP_MAX_BODY_BYTES] = ' ';
    body[KLP_MAX_BODY_BYTES - STAMP] = '}';
    call.body_json.size = KLP_MAX_BODY_BYTES - STAMP + 1;
    refuse(rig, &call, "body_json makes a body of 1048577 bytes, more than 1048576");
    body[KLP_MAX_BODY_BYTES - STAMP] = ' ';
    body[KLP_MAX_BODY_BYTES - STAMP - 1] = '}';
    call.body_json.size--;
    rig_call(rig, &call);
    const klp_event *event = rig_take(rig);
    assert_true(event->ok);
    rig_ack(rig, event);
    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_string_length(sandbox_at(log, "0.body")), KLP_MAX_BODY_BYTES);
    json_decref(log);
    free(body);
}

static void the_rest_of_the_struct_is_looked_at_too(void **state)
{
    struct rig *rig = *state;
    struct call_room room;
    klp_call call = good(&room);
    struct {
        klp_call call;
        uint32_t newer[4];
    } larger = {.newer = {0}};
    klp_text_buffer why = {0};

    rig_open(rig, NULL);
    call.flags = 4;
    refuse(rig, &call, "flags 0x4 are not known to this library");
    call.flags = 0;
    call.reserved = 1;
    refuse(rig, &call, "reserved is not 0");
    call.reserved = 0;
    call.deadline_ms = 604800001;
    refuse(rig, &call, "deadline_ms is 604800001, more than 604800000");
    call.deadline_ms = 604800000;
    rig_call(rig, &call);
    rig_ack(rig, rig_take(rig));

    call.struct_size = 0;
    refuse(rig, &call, "klp_call.struct_size is 0");
    call.struct_size = 3;
    refuse(rig, &call, "klp_call.struct_size is 3");
    call.struct_size = 5000;
    refuse(rig, &call, "klp_call.struct_size is 5000");
    larger.call = good(&room);
    larger.call.struct_size = sizeof larger;
    rig_call(rig, &larger.call);
    rig_ack(rig, rig_take(rig));
    larger.newer[3] = 1;
    refuse(rig, &larger.call, "klp_call has a field at byte");
    larger.newer[3] = 0;
    /* of an older header: up to the segments, without a body */
    larger.call.struct_size = offsetof(klp_call, body_json);
    larger.call.deadline_ms = UINT32_MAX;
    rig_call(rig, &larger.call);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig->klp->call(rig->pusher, NULL, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "klp_call is NULL");
    assert_int_equal(rig->klp->call(NULL, &call, NULL, &why), KLP_E_INVALID_ARGUMENT);
    assert_string_equal(why.data, "pusher is NULL");
}

static void a_full_pusher_takes_no_call_and_counts_it(void **state)
{
    struct rig *rig = *state;
    klp_config config = rig_config(rig);
    struct call_room room;
    klp_call call = good(&room);
    klp_text_buffer why = {0};

    config.max_queued = 2;
    config.max_in_flight = 1;
    rig_script(rig, -1, "{\"delay_ms\":300}");
    rig_open(rig, &config);
    rig_call(rig, &call);
    rig_call(rig, &call);
    assert_int_equal(rig->klp->call(rig->pusher, &call, NULL, &why), KLP_E_QUEUE_FULL);
    assert_non_null(strstr(why.data, "max_queued is 2"));
    assert_int_equal(rig_stats(rig).refused_full, 1);
    rig_ack(rig, rig_take(rig));
    rig_ack(rig, rig_take(rig));
    rig_call(rig, &call);
    rig_ack(rig, rig_take(rig));
    assert_int_equal(rig_stats(rig).queued_bytes, 0);
}

/* ─── trace_parent ──────────────────────────────────────────────────────────────────────────────── */

static klp_status give_trace(struct rig *rig, unsigned kind, klp_text trace_parent, klp_text_buffer *why)
{
    struct call_room room;
    klp_call call = good(&room);
    klp_lobby lobby = rig_lobby("m");
    klp_await await = KLP_AWAIT_INIT;

    call.trace_parent = lobby.trace_parent = await.trace_parent = trace_parent;
    await.lobby_id = klp_cstr("lob_1");
    if (kind == 0)
        return rig->klp->push(rig->pusher, &lobby, NULL, why);
    return kind == 1 ? rig->klp->await(rig->pusher, &await, NULL, why) : rig->klp->call(rig->pusher, &call, NULL, why);
}

static void a_trace_parent_that_is_none_is_refused_by_name(void **state)
{
    static const char *const bad[] = {
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-011",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333g-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331\r\nX",
        "x",
    };
    struct rig *rig = *state;
    klp_text_buffer why = {0};

    rig_open(rig, NULL);
    for (unsigned kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            if (give_trace(rig, kind, klp_cstr(bad[i]), &why) != KLP_E_INVALID_ARGUMENT)
                fail_msg("%u took %s", kind, bad[i]);
            assert_memory_equal(why.data, "trace_parent ", 13);
            assert_true(strlen(why.data) > 13);
        }
        assert_int_equal(give_trace(rig, kind, (klp_text){NULL, 55}, &why), KLP_E_INVALID_ARGUMENT);
        assert_string_equal(why.data, "trace_parent has a size of 55 and no data");
    }
    assert_int_equal(rig_stats(rig).accepted, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_method_is_one_of_five_in_capitals),
        test(segments_are_one_to_sixteen_fit_to_stand_in_a_path),
        test(steps_in_a_segment_are_no_steps_of_the_path),
        test(a_path_has_its_bound),
        test(a_body_is_one_json_object_and_not_for_a_get),
        test(a_body_has_its_bound_with_the_key_that_is_stamped_into_it),
        test(the_rest_of_the_struct_is_looked_at_too),
        test(a_full_pusher_takes_no_call_and_counts_it),
        test(a_trace_parent_that_is_none_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
