/* SPDX-License-Identifier: Apache-2.0
 * Calls in one line; with cmocka and rig.h. */
#ifndef CALLS_H
#define CALLS_H

#include "rig.h"

/* `path`: its segments with a slash between them. The call points into `room`, which is for one call at a time. */
struct call_room {
    char path[512];
    klp_text segments[KLP_MAX_SEGMENTS];
};

static inline klp_call call_of(struct call_room *room, const char *method, const char *path, const char *body)
{
    klp_call call = KLP_CALL_INIT;
    char *rest = room->path, *segment;

    assert_true(strlen(path) < sizeof room->path);
    strcpy(room->path, path);
    while ((segment = strsep(&rest, "/"))) {
        assert_true(call.segment_count < KLP_MAX_SEGMENTS);
        room->segments[call.segment_count++] = klp_cstr(segment);
    }
    call.method = klp_cstr(method);
    call.segments = room->segments;
    call.body_json = klp_cstr(body);
    return call;
}

static inline klp_ticket rig_call(struct rig *rig, const klp_call *call)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    if (rig->klp->call(rig->pusher, call, &ticket, &why))
        fail_msg("call: %s", why.data);
    assert_string_equal(why.data, "");
    assert_int_not_equal(ticket, 0);
    return ticket;
}

/* The event of a call, not acknowledged. */
static inline const klp_event *call_and_take(struct rig *rig, const char *method, const char *path, const char *body)
{
    struct call_room room;
    klp_call call = call_of(&room, method, path, body);
    klp_ticket ticket = rig_call(rig, &call);
    const klp_event *event = rig_take(rig);

    assert_int_equal(event->ticket, ticket);
    assert_int_equal(event->op, KLP_OP_CALL);
    return event;
}

static inline void assert_same_text(klp_text a, klp_text b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
}

/* What a call's event says in JSON is what it says itself. */
static inline void assert_reads_back(const klp_api *klp, const klp_event *event)
{
    klp_text_buffer why = {0};
    klp_event *read = NULL;

    if (klp->decode_event(event->json.data, event->json.size, &read, &why))
        fail_msg("decode: %s", why.data);
    const klp_text told[] = {event->pusher,        event->epoch,      event->method,    event->path,
                             event->trace_parent,  event->request_id, event->data_json, event->reply_json,
                             event->error_message, event->error_code, event->game_id,   event->error_details_json};
    const klp_text found[] = {read->pusher,        read->epoch,      read->method,    read->path,
                              read->trace_parent,  read->request_id, read->data_json, read->reply_json,
                              read->error_message, read->error_code, read->game_id,   read->error_details_json};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        assert_same_text(told[i], found[i]);
    assert_true(read->op == event->op && read->ticket == event->ticket && read->seq == event->seq);
    assert_true(read->cookie == event->cookie && read->ok == event->ok && read->outcome == event->outcome);
    assert_true(read->attempts == event->attempts && read->sends == event->sends);
    assert_true(read->http_status == event->http_status && read->retryable == event->retryable);
    assert_true(read->elapsed_us == event->elapsed_us && read->retry_after_ms == event->retry_after_ms);
    assert_true(read->error_origin == event->error_origin && read->curl_code == event->curl_code);
    assert_true(read->truncated == event->truncated && read->truncated_bytes == event->truncated_bytes);
    klp->free_event(read);
}

#endif
