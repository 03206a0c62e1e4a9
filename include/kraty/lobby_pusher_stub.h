/* SPDX-License-Identifier: Apache-2.0
 *
 * kraty-lobby-pusher for a host's own tests: libkraty_lobby_pusher_stub.so has the same functions, made of the same
 * sources, but no network and no waiting. Behind it stands a Kraty in memory, one for each pusher, which keeps the
 * contract (an equal push is replayed, another roster under the same key conflicts) unless a script says otherwise.
 *
 *   KLP_LIBRARY=…/libkraty_lobby_pusher_stub.so ./my_host_test       klp_load(NULL, …) then loads it: no code changes
 *   KLP_STUB_SCRIPT=outage.json ./my_host                            a script, for a host that cannot be changed
 *
 * A test that wants more asks for the controls, of each pusher for itself, so that tests in one process do not meet:
 *
 *   const klp_api *klp = klp_load(NULL, &why);
 *   const klp_stub_api *stub = klp_stub_load(NULL, &why);            NULL: the library loaded is not the stub
 *   static const char outage[] = "[{\"match\": {\"key\": \"m-7\"}, \"times\": -1, \"action\": {\"status\": 503}}]";
 *
 *   klp->open(&config, &pusher, &why);
 *   stub->hold_time(pusher);
 *   stub->script(pusher, klp_cstr(outage), &why);
 *   klp->push(pusher, &lobby, NULL, &why);
 *   stub->advance_ms(pusher, 30000);                                 half a minute, in microseconds
 *   klp->next_event(pusher, 0, &event);                              its verdict is there
 *
 * What is different from the real library, and nothing else is:
 *
 *   the API key   need not be given, and any will do. base_url, ca_file and proxy are checked and not used.
 *   time          see "Time" below.
 *   randomness    comes from a seed, the pusher's name, and how many pushers of it there were before in this process:
 *                 the same script and the same calls, in held time or each after the verdict of the one before, make
 *                 the same events, epoch included. (Without a name the events have the process's; with an outbox the
 *                 epoch is that of its file.) In time that runs it passes while a host pushes: what is pushed at once
 *                 may then go out in one breath or in two.
 *   memory        everything pushed is kept to be read back until reset() or close().
 *   calls         of klp_api.call() are answered by what was asked, {"echo": …}, whatever their path.
 *
 * The outbox and the results socket are the real ones.
 *
 * Time
 *
 *   Every pusher has a time of its own, which begins at 2026-01-01T00:00:00Z when it is opened: an outbox that is
 *   opened again finds none of its time gone. At first it runs: it stands while there is nothing to do, and leaps to
 *   the next thing to come (a reply, a retry, a deadline, an await's next look) as soon as all that is due has been
 *   done. So no delay, however long, is waited for, and all durations told are those that the script has. From
 *   hold_time() on it passes by advance_ms() alone, and within stop() and close(), which give what is under way its
 *   drain_ms. What an outbox does while no call is under way, and a stop() that waits for a reader of results, take
 *   real time while it runs; and an advance over months has an outbox look for others' files every outbox_adopt_ms of
 *   them, unless that is KLP_ADOPT_NONE.
 *   A host that calls without a pause, as the worker sees it, has time stand for 50 ms of real time at most.
 *   The timeouts of next_event() and flush() are the host's own, and so of real time always: in held time use
 *   advance_ms() and next_event() with 0.
 *   A reply takes latency_ms (1 unless scripted): nothing is decided in the instant in which it was pushed.
 *
 * Scripts
 *
 *   A list of rules, or an object, of which every member may be left out:
 *     {"rules": […], "time": "held", "seed": 7, "latency_ms": 1, "environment": "live", "game_id": "game_1",
 *      "events": {"duel": {"capacity": 2, …}}, "recovered": [{"event": …, "key": …, "players": […]}]}
 *
 *   rules: {"match": {…}, "times": n, "action": {…}}, in the words of kraty-sandbox. The first that matches a request
 *   and has not struck `times` yet (1 unless said; -1: always; with `nth`: always unless said) says what becomes of
 *   it; without one the Kraty answers.
 *
 *     match     all that are given must match:
 *       op        "push", "read", "ping", "await", "call" or "any"
 *       game, event, key, player, cookie
 *       ticket    1: the first call
 *       attempt   2: the first retry
 *       nth       [1, 3]: the first and the third of what matches otherwise
 *     action    one of
 *       an answer   status, code, message, details, body, headers (Retry-After, Date, X-Request-Id); with apply: true
 *                   the push has its effect all the same
 *       a failure   each true:
 *                   refused, unresolved, tls_error, certificate     nothing was sent
 *                   reset_before, close_before, silent, garbage     sent, and not applied
 *                   reset_after, close_after, cut_body              applied
 *       an outcome  outcome: "not_applied" (409 `conflict`) or "possibly_applied" (reset_before); always, unless
 *                   `times` is given
 *       refuse      "KLP_E_QUEUE_FULL" or another KLP_E_… of klp_stub_api.refuse(): push() itself returns it, and
 *                   keeps nothing
 *               and, beside any of these but refuse:
 *       delay_ms    the reply comes so much later; later than the attempt waits, it is a timeout
 *       repeat      n: the verdict's event is told n times more
 *
 *   events: with it only the events named exist, else every one does. Each may have capacity (100), fill_bots (false),
 *   mode ("lobby_matched"), enabled (true), form_ms (0: how long a lobby that is not full forms), bot_drip_ms (50: a
 *   bot each), duration_ms (0: it never closes).
 *   recovered: pushes which a process has accepted that died before this one: game, event, key, players, capacity,
 *   cookie. environment, game_id: what the API key is of; any game unless scripted.
 *
 * The words in brackets are those of lobby_pusher.h. */
#ifndef KRATY_LOBBY_PUSHER_STUB_H
#define KRATY_LOBBY_PUSHER_STUB_H

#include <dlfcn.h>

#include "lobby_pusher_load.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KLP_STUB_ABI    1u
#define KLP_STUB_SONAME "libkraty_lobby_pusher_stub.so.1"

#define KLP_STUB_MAX_SCRIPT_BYTES 1048576u
#define KLP_STUB_MAX_TOLD         1024u /* repeat_event() knows as many */

/* A request that arrived at the Kraty, or would have. Texts are empty when there is none; they live until reset() or
 * close() begins. Set struct_size; grows at its end. */
typedef struct klp_stub_request {
    uint32_t struct_size; /* sizeof(klp_stub_request) */
    int32_t op;           /* KLP_OP_… */
    klp_ticket ticket;    /* 0: a ping of the library's own, see klp_config.expect_environment */
    uint64_t cookie;
    uint64_t at_us;      /* since open(), of the pusher's time */
    uint32_t attempt;    /* 1, 2, … of its call */
    int32_t http_status; /* of the reply; 0: none, by the script */
    int32_t applied;     /* 1: it had its effect, or found it there */
    int32_t struck;      /* 1: a rule said what became of it */
    klp_text method;
    klp_text path;
    klp_text body;
    klp_text game_id, event_key, key; /* of a push */
    klp_text lobby_id;                /* of a read or an await */
} klp_stub_request;

/* A lobby in the Kraty. Texts and player_ids live until reset() or close() begins. Set struct_size; grows at its end.
 */
typedef struct klp_stub_lobby {
    uint32_t struct_size; /* sizeof(klp_stub_lobby) */
    uint32_t capacity;
    klp_text id; /* "lob_1", … */
    klp_text game_id;
    klp_text event_key;
    klp_text key;
    const klp_text *player_ids; /* as they were pushed */
    size_t player_count;
    klp_text metadata_json; /* or empty */
    int32_t fill_bots;      /* 1 or 0, in effect */
    uint32_t times_pushed;  /* with this roster; what conflicted does not count */
} klp_stub_lobby;

/* The controls. `pusher` is one that klp_api.open() of the stub gave out, and all is legal until its close() begins;
 * KLP_E_INVALID_ARGUMENT says that it is none, or what else is wrong, and KLP_E_FORKED what it always does. Nothing
 * here is legal in a callback. */
typedef struct klp_stub_api {
    uint32_t struct_size;
    uint32_t abi;

    /* Adds rules before those that are there, and sets what else the script names ("seed" and "recovered" are for
     * $KLP_STUB_SCRIPT, which is read by open()).
     *
     * KLP_OK                  in force for every request from now on.
     * KLP_E_INVALID_ARGUMENT  `why` names the place; nothing of it is in force.
     * KLP_E_NO_MEMORY
     * [any-thread] since stub ABI 1 */
    klp_status (*script)(klp_pusher *pusher, klp_text json, klp_text_buffer *why);

    /* Stops the pusher's time, or lets it run again.
     * [any-thread] since stub ABI 1 */
    klp_status (*hold_time)(klp_pusher *pusher);
    klp_status (*run_time)(klp_pusher *pusher);

    /* Lets `ms` pass, doing at its moment what is due at each; returns when all that is due by then has been done, and
     * its events can be taken. 0: what is due now. With KLP_STUB_MAX_ADVANCE_MS at most. Advances of several threads
     * at once are one, of the longest. Time that runs may be further by then.
     *
     * KLP_OK
     * KLP_E_STOPPED           the pusher has stopped: there is nothing left to be done.
     * [any-thread] since stub ABI 1 */
    klp_status (*advance_ms)(klp_pusher *pusher, uint64_t ms);

    /* *us becomes the pusher's time since open().
     * [any-thread] since stub ABI 1 */
    klp_status (*elapsed_us)(klp_pusher *pusher, uint64_t *us);

    /* The next `times` calls that would be accepted (push, push_document, read, await, call, ping) return `status` and
     * keep nothing: KLP_E_QUEUE_FULL, KLP_E_RESULTS_FULL, KLP_E_OUTBOX_FULL, KLP_E_OUTBOX, KLP_E_NO_MEMORY.
     * 0 times: no more of it.
     * [any-thread] since stub ABI 1 */
    klp_status (*refuse)(klp_pusher *pusher, klp_status status, uint32_t times);

    /* Tells an event again that was told: the same bytes, under the same (pusher, epoch, seq), by next_event() or the
     * results socket. A host drops it.
     *
     * KLP_OK                  it is told behind what waits; by the results socket when that has been acknowledged.
     * KLP_E_NOT_AVAILABLE     no event of this seq is among the last KLP_STUB_MAX_TOLD that were told.
     * KLP_E_NO_MEMORY
     * [any-thread] since stub ABI 1 */
    klp_status (*repeat_event)(klp_pusher *pusher, uint64_t seq);

    /* Pushes a lobby as if a process that died before this one had accepted it: the host has no ticket of it, its
     * event has `recovered`, and it does not count as accepted, nor in max_queued. KLP_PUSH_DURABLE is left out.
     *
     * Returns: as klp_api.push(); KLP_E_QUEUE_FULL while what is new fills max_queued.
     * [any-thread] since stub ABI 1 */
    klp_status (*recover)(klp_pusher *pusher, const klp_lobby *lobby, klp_text_buffer *why);

    /* Reads back the index-th request (0: the first), in the order in which they arrived.
     *
     * KLP_OK                  *request is filled up to its struct_size.
     * KLP_E_NOT_AVAILABLE     there are not so many.
     * [any-thread] since stub ABI 1 */
    klp_status (*request)(klp_pusher *pusher, size_t index, klp_stub_request *request);

    /* Reads back the index-th lobby (0: the first), in the order in which they were created. As request().
     * [any-thread] since stub ABI 1 */
    klp_status (*lobby)(klp_pusher *pusher, size_t index, klp_stub_lobby *lobby);

    /* Forgets requests, lobbies and rules, and refuses no more; time and what is under way go on.
     * [any-thread] since stub ABI 1 */
    klp_status (*reset)(klp_pusher *pusher);
} klp_stub_api;

#define KLP_STUB_MAX_ADVANCE_MS UINT64_C(3153600000000) /* a hundred years */

/* The stub's second exported symbol. As klp_get_api(), of the controls. [any-thread] */
const klp_stub_api *klp_stub_get_api(uint32_t *abi);
typedef const klp_stub_api *(*klp_stub_get_api_function)(uint32_t *abi);

/* The controls of the library that klp_load() loads for the same `path`, if it is the stub; else NULL, and `why` says
 * so. [any-thread] */
static inline const klp_stub_api *klp_stub_load(const char *path, klp_text_buffer *why)
{
    klp_stub_get_api_function get_api;
    const klp_stub_api *api;
    uint32_t abi = KLP_STUB_ABI;
    void *symbol = klp_load_symbol(path, "klp_stub_get_api", why);

    if (!symbol)
        return NULL;
    memcpy(&get_api, &symbol, sizeof get_api);
    api = get_api(&abi);
    klp_load_says(why, api ? "" : "the stub has no ABI that this test was compiled for");
    return api;
}

#ifdef __cplusplus
}
#endif
#endif
