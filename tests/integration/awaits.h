/* SPDX-License-Identifier: Apache-2.0
 * Lobbies that form for as long as a test likes, and awaits of them; with cmocka. */
#ifndef AWAITS_H
#define AWAITS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "rig.h"

/* Of bot_brawl with places for 1000, which bots take in some 50 s; or all at once, with rig->sandbox's clock. */
static inline klp_lobby forming_lobby(const char *key)
{
    klp_lobby lobby = rig_lobby(key);
    lobby.event_key = klp_cstr("bot_brawl");
    lobby.capacity = 1000;
    return lobby;
}

/* Pushes one; its id, which is the caller's to free. */
static inline char *push_lobby(struct rig *rig, const klp_lobby *lobby)
{
    klp_ticket ticket = rig_push_lobby(rig, lobby);
    const klp_event *event = rig_take(rig);

    assert_int_equal(event->ticket, ticket);
    assert_int_equal(event->outcome, KLP_APPLIED);
    char *id = strdup(event->lobby_id.data);
    rig_ack(rig, event);
    return id;
}

static inline char *push_forming(struct rig *rig, const char *key)
{
    klp_lobby lobby = forming_lobby(key);
    return push_lobby(rig, &lobby);
}

static inline klp_ticket watch(struct rig *rig, const char *lobby_id, uint32_t interval_ms, uint32_t timeout_ms)
{
    klp_await await = KLP_AWAIT_INIT;
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    await.lobby_id = klp_cstr(lobby_id);
    await.poll_interval_ms = interval_ms;
    await.timeout_ms = timeout_ms;
    await.cookie = 77;
    if (rig->klp->await(rig->pusher, &await, &ticket, &why))
        fail_msg("await: %s", why.data);
    return ticket;
}

/* The reads that have arrived, in their order; a new reference. */
static inline json_t *looks(struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox), *found = json_array(), *arrival;
    size_t i;

    json_array_foreach(log, i, arrival)
    {
        if (strcmp(sandbox_text_at(arrival, "method"), "GET") == 0)
            json_array_append(found, arrival);
    }
    json_decref(log);
    return found;
}

static inline size_t look_count(struct rig *rig)
{
    json_t *found = looks(rig);
    size_t count = json_array_size(found);
    json_decref(found);
    return count;
}

static inline void await_looks(struct rig *rig, size_t count)
{
    uint64_t limit_ms = rig_now_ms() + patience_ms(20000);
    while (look_count(rig) < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu looks did not arrive", count);
        rig_blink();
    }
}

/* Until as many looks have been answered and judged. */
static inline void await_attempts(struct rig *rig, uint64_t count)
{
    uint64_t limit_ms = rig_now_ms() + patience_ms(20000);
    while (rig_stats(rig).attempts < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%llu attempts did not end", (unsigned long long)count);
        rig_blink();
    }
}

static inline void assert_is_await(const klp_event *event, klp_ticket ticket, const char *lobby_id)
{
    assert_int_equal(event->op, KLP_OP_AWAIT);
    assert_int_equal(event->ticket, ticket);
    assert_int_equal(event->cookie, 77);
    assert_int_equal(event->outcome, KLP_OUTCOME_NONE);
    assert_text(event->game_id, "game_1");
    assert_string_equal(event->lobby_id.data, lobby_id);
}

/* The last lobby seen, of push_forming(). */
static inline void assert_saw_forming(const klp_event *event)
{
    assert_text(event->lobby_status, "forming");
    assert_non_null(strstr(event->lobby_json.data, "\"forming\""));
    assert_non_null(strstr(event->lobby_json.data, event->lobby_id.data));
    assert_int_equal(event->capacity, 1000);
    assert_int_equal(event->participant_count, 2);
    assert_in_range(event->bot_slots, 0, 998);
    assert_int_equal(event->filled_slots, event->participant_count + event->bot_slots);
}

static inline void assert_failed(const klp_event *event, const char *code, int32_t origin)
{
    assert_false(event->ok);
    assert_text(event->error_code, code);
    assert_int_equal(event->error_origin, origin);
}

#endif
