/* SPDX-License-Identifier: Apache-2.0
 * For tests of many pushes of few keys: each is known by its cookie, 1…ROSTERS; with cmocka. */
#ifndef ROSTERS_H
#define ROSTERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "rig.h"

enum { ROSTERS = 600, WITHIN_MS = 20000 };

/* What a test says of a push; the rest is as rig_lobby() has it. */
struct roster {
    const char *key, *player; /* one player is a roster */
    uint64_t cookie;
    const char *event_key, *game_id, *idempotency_key; /* or NULL */
    uint32_t deadline_ms;
};

/* roster("m-1", "alice", 7, .deadline_ms = 500): the cookie, and what else is to be said. */
#define roster(key_, player_, ...) ((struct roster){.key = (key_), .player = (player_), .cookie = __VA_ARGS__})

static inline klp_status try_roster(struct rig *rig, const struct roster *given, klp_ticket *ticket)
{
    klp_text player = klp_cstr(given->player);
    klp_lobby lobby = rig_lobby(given->key);

    lobby.player_ids = &player;
    lobby.player_count = 1;
    lobby.cookie = given->cookie;
    lobby.deadline_ms = given->deadline_ms;
    lobby.game_id = klp_cstr(given->game_id);
    lobby.idempotency_key = klp_cstr(given->idempotency_key);
    if (given->event_key)
        lobby.event_key = klp_cstr(given->event_key);
    return rig->klp->push(rig->pusher, &lobby, ticket, NULL);
}

static inline klp_ticket push_roster(struct rig *rig, struct roster given)
{
    klp_ticket ticket = 0;
    assert_int_equal(try_roster(rig, &given, &ticket), KLP_OK);
    return ticket;
}

/* ---- verdicts, in whatever order they come ---- */

struct verdicts {
    struct rig *rig;
    const klp_event *of[ROSTERS + 1]; /* by cookie */
};

static inline const klp_event *verdict_of(struct verdicts *verdicts, uint64_t cookie)
{
    while (!verdicts->of[cookie]) {
        const klp_event *event = rig_take(verdicts->rig);
        assert_in_range(event->cookie, 1, ROSTERS);
        assert_null(verdicts->of[event->cookie]); /* one verdict each */
        verdicts->of[event->cookie] = event;
    }
    return verdicts->of[cookie];
}

/* They were all, and nothing is left behind. */
static inline void end_verdicts(struct verdicts *verdicts)
{
    const klp_event *event;

    assert_int_equal(verdicts->rig->klp->flush(verdicts->rig->pusher, WITHIN_MS), KLP_OK);
    for (size_t i = 1; i <= ROSTERS; i++)
        if (verdicts->of[i])
            rig_ack(verdicts->rig, verdicts->of[i]);
    assert_int_not_equal(verdicts->rig->klp->next_event(verdicts->rig->pusher, 0, &event), KLP_OK);
    klp_stats stats = rig_stats(verdicts->rig);
    assert_int_equal(stats.queued + stats.in_flight + stats.unread_events, 0);
    assert_int_equal(stats.queued_bytes + stats.reply_bytes, 0);
    assert_int_equal(stats.oldest_push_age_ms, 0);
}

static inline void assert_applied(const klp_event *event)
{
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_true(event->ok);
}

static inline void assert_ended(const klp_event *event, const char *code, int32_t outcome)
{
    assert_text(event->error_code, code);
    assert_int_equal(event->outcome, outcome);
    assert_false(event->ok);
}

/* ---- what the server saw ---- */

/* Those that push `key`, in their order; a new reference. Each has its body's JSON as `json`. */
static inline json_t *arrivals_of(struct rig *rig, const char *key)
{
    json_t *log = sandbox_log(rig->sandbox), *found = json_array(), *arrival;
    size_t i;

    json_array_foreach(log, i, arrival)
    {
        const char *body = json_string_value(json_object_get(arrival, "body"));
        json_t *json = body ? json_loads(body, 0, NULL) : NULL;
        const char *pushed = json ? sandbox_text_at(json, "key") : NULL;
        if (pushed && strcmp(pushed, key) == 0) {
            json_object_set(arrival, "json", json);
            json_array_append(found, arrival);
        }
        json_decref(json);
    }
    json_decref(log);
    return found;
}

static inline size_t arrival_count(struct rig *rig, const char *key)
{
    json_t *arrivals = arrivals_of(rig, key);
    size_t count = json_array_size(arrivals);
    json_decref(arrivals);
    return count;
}

static inline void await_arrivals(struct rig *rig, const char *key, size_t count)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (arrival_count(rig, key) < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu pushes of %s did not arrive", count, key);
        rig_blink();
    }
}

static inline void assert_arrival_is_of(json_t *arrivals, size_t i, const char *player)
{
    json_t *json = json_object_get(json_array_get(arrivals, i), "json");
    assert_non_null(json);
    assert_string_equal(sandbox_text_at(json, "externalPlayerIds.0"), player);
}

/* ---- a wire that is taken: what is pushed meanwhile waits ---- */

enum { BLOCKER = ROSTERS }; /* its cookie */

/* With one request in flight: the next pushes wait until unblock(). */
static inline klp_ticket block(struct rig *rig)
{
    sandbox_script(rig->sandbox, "{\"match\":{\"key\":\"blocker\"},\"times\":-1,\"action\":{\"delay_ms\":60000}}");
    klp_ticket ticket = push_roster(rig, roster("blocker", "nobody", BLOCKER, .deadline_ms = 60000));
    await_arrivals(rig, "blocker", 1);
    return ticket;
}

static inline void unblock(struct rig *rig, klp_ticket blocker)
{
    assert_int_equal(rig->klp->cancel(rig->pusher, blocker), KLP_OK);
}

/* Until the worker has looked at everything that was pushed before: it takes in order. */
static inline void await_admission(struct rig *rig, uint64_t joined)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (rig_stats(rig).joined < joined) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%llu of %llu have joined", (unsigned long long)rig_stats(rig).joined, (unsigned long long)joined);
        rig_blink();
    }
}

#endif
