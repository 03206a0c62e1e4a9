/* SPDX-License-Identifier: Apache-2.0
 * Events as they come, and their lines. Include behind cmocka.h. */
#ifndef KLP_TESTS_EXAMPLE_EVENTS_H
#define KLP_TESTS_EXAMPLE_EVENTS_H

#include <stdlib.h>

#include "results/event_json.h"

#define EXAMPLE_LOBBY                                                                                                  \
    "{\"id\": \"lob_1\",\n\t\"status\":\"active\",\r\n\"capacity\":8,\"participantCount\":6,\"botSlots\":1}"

static inline klp_event applied(void)
{
    static const klp_text nothing = {"", 0};
    return (klp_event){
        .struct_size = sizeof(klp_event),
        .op = KLP_OP_PUSH,
        .seq = 17,
        .ticket = 42,
        .cookie = UINT64_MAX,
        .pusher = klp_cstr("mm \"eu\" 1"),
        .epoch = klp_cstr("9f3c51aa00112233"),
        .game_id = klp_cstr("game_1"),
        .event_key = klp_cstr("quick_brawl"),
        .key = klp_cstr("match/\xc3\xa9\n1"),
        .method = nothing,
        .path = nothing,
        .trace_parent = klp_cstr("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        .ok = 1,
        .outcome = KLP_APPLIED,
        .replayed = 1,
        .attempts = 2,
        .sends = 3,
        .http_status = 200,
        .elapsed_us = 1840,
        .retry_after_ms = KLP_NO_RETRY_AFTER,
        .request_id = klp_cstr("req-1"),
        .lobby_id = klp_cstr("lob_1"),
        .lobby_status = klp_cstr("active"),
        .lobby_json = klp_cstr(EXAMPLE_LOBBY),
        .capacity = 8,
        .participant_count = 6,
        .bot_slots = 1,
        .filled_slots = 7,
        .error_code = nothing,
        .error_message = nothing,
        .error_details_json = nothing,
        .api_key_json = nothing,
        .data_json = nothing,
        .reply_json = nothing,
        .json = nothing,
    };
}

static inline klp_event refused(void)
{
    klp_event event = applied();
    event.ok = 0;
    event.replayed = 0;
    event.outcome = KLP_NOT_APPLIED;
    event.http_status = 429;
    event.retry_after_ms = 2000;
    event.retryable = 1;
    event.lobby_id = event.lobby_status = event.lobby_json = (klp_text){"", 0};
    event.capacity = event.participant_count = event.bot_slots = event.filled_slots = 0;
    event.error_code = klp_cstr("rate_limited");
    event.error_message = klp_cstr("slow \"down\"");
    event.error_details_json = klp_cstr("{\"a\":[1,\n2]}");
    event.error_origin = KLP_ORIGIN_SERVER;
    return event;
}

static inline klp_event called(void)
{
    klp_event event = applied();
    event.op = KLP_OP_CALL;
    event.replayed = 0;
    event.event_key = event.key = event.lobby_id = event.lobby_status = event.lobby_json = (klp_text){"", 0};
    event.capacity = event.participant_count = event.bot_slots = event.filled_slots = 0;
    event.method = klp_cstr("POST");
    event.path = klp_cstr("/server/v1/players/player%2042%2F/grants");
    event.data_json = klp_cstr("{\"a\": [1,\n2]}");
    event.reply_json = klp_cstr("{\"data\":{\"a\": [1,\n2]},\"cursor\":null}");
    return event;
}

static inline klp_event call_that_failed(void)
{
    klp_event event = called();
    event.ok = 0;
    event.outcome = KLP_POSSIBLY_APPLIED;
    event.http_status = 0;
    event.retryable = 1;
    event.data_json = event.reply_json = (klp_text){"", 0};
    event.error_code = klp_cstr("network_error");
    event.error_message = klp_cstr("the connection was reset");
    event.error_origin = KLP_ORIGIN_TRANSPORT;
    event.curl_code = 56;
    return event;
}

static inline klp_event await_that_timed_out(void)
{
    klp_event event = applied();
    event.op = KLP_OP_AWAIT;
    event.event_key = event.key = (klp_text){"", 0};
    event.ok = 0;
    event.outcome = KLP_OUTCOME_NONE;
    event.replayed = 0;
    event.error_code = klp_cstr("await_timeout");
    event.error_message = klp_cstr("the lobby still formed when the time was up");
    event.error_origin = KLP_ORIGIN_LOCAL;
    event.retryable = 1;
    return event;
}

/* The caller's; ends with a NUL that is not counted. */
static inline char *write_event(const klp_event *event, size_t *size)
{
    *size = event_write(event, NULL, 0);
    char *line = malloc(*size + 1);
    assert_non_null(line);
    assert_int_equal(event_write(event, line, *size), *size);
    line[*size] = '\0';
    return line;
}

#endif
