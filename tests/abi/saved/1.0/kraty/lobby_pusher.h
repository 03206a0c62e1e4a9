/* SPDX-License-Identifier: Apache-2.0
 *
 * kraty-lobby-pusher: pushes finished lobbies to Kraty and tells what became of each.
 *
 *   open ─► push, read, await, ping, call ─► next_event / ack ─► stop ─► (next_event / ack) ─► close
 *
 * The library is loaded with dlopen and has one exported symbol, klp_get_api(); lobby_pusher_load.h,
 * beside this file, does both. Everything else is reached through the table it hands out.
 *
 * The shapes in this header only grow: structs and the table at their ends, enumerations by new values. A host that was
 * compiled against it runs with every later library of the same SONAME.
 *
 * Words used in every contract below
 *
 *   [any-thread]   any thread of the process that opened the pusher, at any time, also at once.
 *   [one-thread]   while it runs, no other call with the same pusher runs.
 *   [worker]       called by the pusher's own thread, all signals blocked. It holds up every delivery while it runs:
 *                  it returns at once, does not throw, and calls nothing of this pusher that waits (flush, stop,
 *                  close, and next_event with a timeout return KLP_E_NOT_AVAILABLE there).
 *   signals        no function may be called from a signal handler.
 *   fork           in a child of a process that opened a pusher, every function that is given one, and open() too,
 *                  returns KLP_E_FORKED and touches nothing. A process that forks before its first open() is free.
 *   text in        a klp_text: UTF-8, no terminator needed, copied before the call returns. Size 0 means
 *                  "not given". Text holding a NUL byte or invalid UTF-8 is refused by name.
 *   text out       a klp_text: never NULL, always followed by a NUL that `size` does not count, alive
 *                  until the call that its contract names.
 *   why            may be NULL. See klp_text_buffer.
 *   times          `_ms` milliseconds, `_us` microseconds, measured on the monotonic clock.
 *
 * The header compiles as C99, C11, C17 and C++11 to C++20. */
#ifndef KRATY_LOBBY_PUSHER_H
#define KRATY_LOBBY_PUSHER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header; that of the library which was loaded is klp_api.version(). A number to be compared: 10203 is 1.2.3.
 */
#define KLP_VERSION_MAJOR  1
#define KLP_VERSION_MINOR  0
#define KLP_VERSION_PATCH  0
#define KLP_VERSION        "1.0.0"
#define KLP_VERSION_NUMBER (KLP_VERSION_MAJOR * 10000 + KLP_VERSION_MINOR * 100 + KLP_VERSION_PATCH)

/* The newest ABI this header describes. */
#define KLP_ABI 1u

/* The name the dynamic loader finds the library by. */
#define KLP_SONAME "libkraty_lobby_pusher.so.1"

/* Bounds. What is past one is refused by name and nothing is kept. */
#define KLP_MAX_ID_BYTES        1024u    /* game_id, event_key, key, lobby_id, one player id, pusher name */
#define KLP_MAX_PLAYERS         10000u   /* in one lobby */
#define KLP_MAX_METADATA_BYTES  262144u  /* metadata_json as given */
#define KLP_MAX_METADATA_DEPTH  30u      /* its object being depth 1 */
#define KLP_MAX_BODY_BYTES      1048576u /* the request body a lobby becomes */
#define KLP_MAX_REPLY_BYTES     1048576u /* a longer reply is invalid_response */
#define KLP_MAX_EVENT_BYTES     262144u  /* one event on the result socket */
#define KLP_MAX_MESSAGE_BYTES   524288u  /* one message on the result socket: many events, a line each */
#define KLP_MAX_WEBHOOK_SECRETS 16u
#define KLP_MAX_KEY_BYTES       512u     /* api_key */
#define KLP_MAX_SEGMENTS        16u      /* of a call's path */
#define KLP_MAX_PATH_BYTES      6144u    /* of a call's whole path, encoded */
#define KLP_MAX_DOCUMENT_BYTES  1048576u /* of a document that a roster is read out of; it may nest 32 deep */
#define KLP_MAX_ATTRIBUTES      16u      /* asked for by name */

/* ─── Text ──────────────────────────────────────────────────────────────────────────────────────── */

typedef struct klp_text {
    const char *data;
    size_t size;
} klp_text;

/* A klp_text of a string literal, for initialisers: `static const klp_text ids[] = {KLP_LIT("alice")};` */
#define KLP_LIT(literal)                                                                                               \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

#define KLP_TEXT_NONE                                                                                                  \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

/* For printf's "%.*s". */
#define KLP_TEXT_ARG(text) (int)(text).size, (text).data

/* A klp_text of a C string, which it points into; NULL gives "not given". */
static inline klp_text klp_cstr(const char *string)
{
    klp_text text = KLP_TEXT_NONE;
    if (string) {
        text.data = string;
        text.size = strlen(string);
    }
    return text;
}

/* Where a call that fails says why: one clear sentence, naming the field. It never holds a secret.
 *
 * Zeroed (`klp_text_buffer why = {0};`) `data` is set by the call to a text of the library's own, which
 * lives until this thread's next call that is given a zeroed buffer, or until the thread ends.
 * With `data` and `capacity` set by the caller the sentence is written there, cut at a character if it
 * must be, always with its NUL; `size` is then what was written.
 *
 * A call that succeeds leaves an empty sentence. `data` is a printable C string after every call that
 * was given the buffer. */
typedef struct klp_text_buffer {
    char *data;
    size_t capacity; /* bytes at `data` that are the caller's; 0: the library's own text */
    size_t size;
} klp_text_buffer;

/* ─── Statuses, outcomes and other numbers ──────────────────────────────────────────────────────── */

/* What a call returns. New ones may come: treat an unknown one as a failure that kept nothing. */
typedef int32_t klp_status;
enum {
    KLP_OK = 0,
    KLP_E_INVALID_ARGUMENT = 1, /* `why` names the field and the reason */
    KLP_E_NO_MEMORY = 2,
    KLP_E_QUEUE_FULL = 3,    /* max_queued or max_queued_bytes is reached: try again when verdicts came */
    KLP_E_RESULTS_FULL = 4,  /* max_unread_events is reached: the host has to acknowledge events first */
    KLP_E_STOPPED = 5,       /* stop() has begun */
    KLP_E_TIMEOUT = 6,       /* the time given passed first */
    KLP_E_DRAINED = 7,       /* stopped, and the last event has been handed out */
    KLP_E_FORKED = 8,        /* this process is a child of the one that opened the pusher */
    KLP_E_NOT_AVAILABLE = 9, /* not with this configuration, or not yet */
    KLP_E_LIBRARY = 10,      /* libcurl, OpenSSL, nanomsg or SQLite in this process is not the one we were built on */
    KLP_E_SYSTEM = 11,       /* the system refused a thread, a descriptor or randomness */
    KLP_E_MALFORMED = 12,    /* decode_event(): these bytes are no event; parse_roster(): no JSON object */
    KLP_E_SIGNATURE = 13,    /* verify_webhook(): not signed by a holder of the secret, or not lately */
    KLP_E_OUTBOX = 14,       /* the outbox cannot be opened; `why` names the file and the reason */
    KLP_E_OUTBOX_FULL = 15,  /* outbox_max_bytes is reached: try again when events were acknowledged */
    KLP_E_TRUNCATED = 16,    /* parse_roster(), push_document(): the document's end is missing */
    KLP_E_NOT_FINAL = 17,    /* …: a message of that matchmaker which does not say for good who plays: skip it */
    KLP_E_ROSTER = 18        /* …: an id missing, empty, no text or twice, too many players, … */
};

/* klp_event.op */
enum { KLP_OP_PUSH = 1, KLP_OP_READ = 2, KLP_OP_PING = 3, KLP_OP_AWAIT = 4, KLP_OP_CALL = 5 };

/* klp_event.outcome: what a push, or a call that may change something, did on the server, as far as anybody can know.
 */
enum {
    KLP_OUTCOME_NONE = 0, /* not a write */
    KLP_APPLIED = 1,
    KLP_NOT_APPLIED = 2,
    KLP_POSSIBLY_APPLIED = 3 /* a byte of it, or of an equal push that it shared a request with, may have reached the
                                server, and no complete answer came back; or so ended an earlier push of its key */
};

/* klp_event.error_origin: who says that it failed. */
enum {
    KLP_ORIGIN_NONE = 0,
    KLP_ORIGIN_SERVER = 1,    /* error_code is the server's */
    KLP_ORIGIN_TRANSPORT = 2, /* network_error, timeout, tls_error, invalid_response */
    KLP_ORIGIN_LOCAL = 3      /* deadline_exceeded, cancelled, shutdown, await_timeout, …_mismatch */
};

/* klp_lobby.fill_bots */
enum { KLP_FILL_BOTS_DEFAULT = 0, /* the event's own setting */ KLP_FILL_BOTS_NO = 1, KLP_FILL_BOTS_YES = 2 };

/* klp_stats.gate: what stands before everything that a pusher sends. */
enum {
    KLP_GATE_OPEN = 0,
    KLP_GATE_RAMPING = 1,    /* the server is back: twice as many requests at once with every answer */
    KLP_GATE_HELD = 2,       /* it said 429: nothing goes out before the time it named (five minutes at most) */
    KLP_GATE_PROBING = 3,    /* it is away: one request at a time, with a growing pause between */
    KLP_GATE_KEY_REFUSED = 4 /* it said 401 session_invalid: nothing goes out until there is another API key, or
                                session_grace_ms have passed; then one request */
};

/* The level of a log line: the lower, the graver. */
enum { KLP_LOG_ERROR = 1, KLP_LOG_WARNING = 2, KLP_LOG_INFO = 3 };

/* latencies(): which ones. Of pushes that were decided. */
enum {
    KLP_LATENCY_QUEUE = 1, /* from push() to the start of the first attempt */
    KLP_LATENCY_TOTAL = 2  /* from push() to the verdict */
};

/* klp_config.flags */
enum {
    /* Plain http to hosts that are not loopback. The API key then crosses the network readable by all. */
    KLP_ALLOW_INSECURE = 1,
    /* Without klp_config.proxy the one that the environment names, as open() finds it: $https_proxy, $HTTPS_PROXY,
     * $all_proxy or $ALL_PROXY ($http_proxy for http), but for the hosts of $no_proxy or $NO_PROXY. */
    KLP_PROXY_FROM_ENVIRONMENT = 2
};

/* klp_config.outbox_sync: what an accepted call survives once it is written down. */
enum {
    KLP_SYNC_FULL = 0,  /* the loss of power */
    KLP_SYNC_NORMAL = 1 /* the end of the process, however it comes */
};

/* klp_config.outbox_mode: what open() does when the outbox cannot be opened. */
enum {
    KLP_OUTBOX_REQUIRED = 0,   /* it fails with KLP_E_OUTBOX */
    KLP_OUTBOX_BEST_EFFORT = 1 /* it goes on in memory, says so to on_log, and stats have it as `degraded` */
};

/* klp_config.outbox_damaged: what open() does when the file of this `name` is damaged. It is set aside under a new name
 * in any case, and nothing in it is lost. */
enum {
    KLP_DAMAGED_REFUSE = 0, /* it fails with KLP_E_OUTBOX; `why` has the new name. The next open() finds a fresh file */
    KLP_DAMAGED_REPLACE = 1 /* it says so to on_log and goes on with a fresh file */
};

/* klp_config.outbox_adopt_ms: no other file is taken up. */
#define KLP_ADOPT_NONE UINT32_MAX

/* klp_lobby.flags, klp_call.flags: return only when the call is written into the outbox, so that no kill can lose it;
 * callers that wait at the same time share one write. Needs klp_config.outbox_dir. */
#define KLP_PUSH_DURABLE 1u

/* klp_config.jitter_permille: waits of exactly the backoff. */
#define KLP_JITTER_NONE UINT32_MAX

/* klp_config.session_grace_ms: no grace. */
#define KLP_GRACE_NONE UINT32_MAX

/* For timeouts. */
#define KLP_WAIT_FOREVER UINT32_MAX

/* klp_event.retry_after_ms when the server named no time. */
#define KLP_NO_RETRY_AFTER (-1)

/* ─── What the host fills ───────────────────────────────────────────────────────────────────────── */

/* Opaque: one connection pool, one worker thread, one API key. */
typedef struct klp_pusher klp_pusher;

/* Names one accepted call within its pusher's epoch; never 0, never twice. */
typedef uint64_t klp_ticket;

/* One attempt of one call, which has just ended: on_attempt's argument. Every text is empty when there is none. It and
 * its texts live until the callback returns.
 *
 * Grows at its end: read a field only when struct_size covers it. */
typedef struct klp_attempt {
    uint32_t struct_size;
    int32_t op;        /* KLP_OP_… */
    klp_ticket ticket; /* 0: a ping of the library's own, see klp_config.expect_environment */
    uint64_t cookie;
    klp_text method;          /* "POST" */
    klp_text path_template;   /* "/server/v1/games/{gameId}/events/{eventKey}/lobbies": no ids, few values; of a
                                 call the first segment, the others as {} */
    klp_text idempotency_key; /* of a write; at most 255 bytes, else empty */
    klp_text trace_parent;
    uint32_t attempt; /* 1, 2, … of this call */
    uint32_t sends;   /* as in klp_event, of this attempt */
    int32_t ok;       /* 1 or 0 */
    int32_t http_status;
    int32_t curl_code; /* CURLcode; 0: libcurl has nothing to complain about */
    int32_t reserved;
    klp_text error_code; /* when not ok; "aborted": cancelled, stopped, or its time was up */
    klp_text request_id; /* the reply's x-request-id */
    int64_t retry_in_ms; /* the wait before the next one; -1: this was the last (or a ping of the library's own, which
                            has a pace of its own) */
    uint64_t queue_us;   /* from when it could have started to when it did; the rest is measured from there: */
    uint64_t name_us;    /* … to the name's being looked up, 0 on a kept connection, as are the next two */
    uint64_t connect_us; /* … to the connection */
    uint64_t tls_us;     /* … to the end of the TLS handshake; 0 without TLS */
    uint64_t first_byte_us; /* … to the first byte of the reply; 0: none came */
    uint64_t total_us;      /* … to the end */
    uint64_t bytes_sent;    /* headers and body */
    uint64_t bytes_received;
} klp_attempt;

/* [worker] */
typedef void (*klp_attempt_callback)(void *user, const klp_attempt *attempt);

/* One line without a line break; lives until the callback returns. Never holds a secret, nor an id of a player. Each
 * cause has a limit of its own: a backend that is away for an hour costs a handful of lines, which then say how many
 * they stand for. [worker]; of an outbox also within open() and close(), on their thread. */
typedef void (*klp_log_callback)(void *user, int32_t level, klp_text line);

/* How a pusher is set up. Start from KLP_CONFIG_INIT; a field left zero means its default.
 *
 * Grows at its end. A struct larger than the library knows is accepted when the rest is zero. */
typedef struct klp_config {
    uint32_t struct_size; /* sizeof(klp_config) */
    uint32_t flags;       /* KLP_ALLOW_INSECURE, KLP_PROXY_FROM_ENVIRONMENT */

    /* Names this pusher in its events. Two pushers that report to one host need two names.
     * Default: host name, a hyphen, process id. */
    klp_text name;

    /* http(s)://host[:port][/path]; a slash at the end is dropped; user info, query and fragment are
     * refused, and so is http to a host that is not loopback (see KLP_ALLOW_INSECURE).
     * Default: $KRATY_BASE_URL, else https://api.kraty.io */
    klp_text base_url;

    /* The game of every lobby that names none. No default. */
    klp_text game_id;

    /* The server_integration key: printable ASCII without spaces. At most one of the two is given.
     * White space around the file's one line is dropped. It is read again when it has changed (looked at before a
     * request, at most five times a second) and when the server refuses the key; one that cannot be read or holds no
     * key leaves the last good one in use. See set_api_key(), too.
     * Default: $KRATY_SERVER_KEY. */
    klp_text api_key;
    klp_text api_key_file;

    /* PEM certificates to trust instead of the system's. */
    klp_text ca_file;

    /* http://[user:password@]host:port, https://… or socks5h://… A proxy reads what is plain http, so with
     * such a base_url it has to be on loopback, too. Default: none, whatever the environment says, unless flags have
     * KLP_PROXY_FROM_ENVIRONMENT. */
    klp_text proxy;

    /* The host's own bound nanomsg REP socket, to which events are then told; without it the host takes them with
     * next_event(). ipc:///path (up to 107 bytes), or tcp://address:port with a numeric address or localhost.
     * Neither is encrypted or authenticated: tcp:// belongs on loopback or a trusted network, an ipc socket
     * in a directory that only the host's user may enter.
     * nanomsg ends a process that runs out of memory inside of it. */
    klp_text results_url;

    uint32_t max_in_flight;     /* requests on the wire at once, a connection each; default 8, 1…256 */
    uint32_t max_queued;        /* calls without a verdict; default 16384, 1…1048576. More than max_in_flight requests
                                   can do within deadline_ms only lets the last ones expire */
    uint32_t max_unread_events; /* calls without a verdict, and events not acknowledged, together; default 65536,
                                   1…16777216. With an outbox of the events alone those in memory, half of
                                   them at most, but for those that the host has in its hands: the rest
                                   waits on the disk */
    uint32_t attempt_timeout_ms; /* of one request, to its last byte; default 15000, 1…3600000 */
    uint32_t deadline_ms;  /* of a call: no attempt starts later, nor lasts longer; default 30000, 1…604800000. One
                              that is found in an outbox has a minute at least, or all it had if that is less */
    uint32_t max_attempts; /* of one call, the first included; default 4, 1…100 */
    uint64_t max_queued_bytes; /* memory of calls and unread events without their replies; default 64 MiB */
    uint64_t max_reply_bytes;  /* memory of replies in unread events; default 64 MiB. A reply past it is left
                                  out of its event (`truncated`): the verdict itself is always told */

    /* The wait before a retry: up to backoff_initial_ms at first (default 200), twice that each time, backoff_max_ms at
     * most (default 10000; both 1…3600000), of which jitter_permille thousandths are random (default 1000, 1…1000;
     * KLP_JITTER_NONE: none).
     * A Retry-After of the server is honoured in full. A wait that would pass the deadline is not begun: the call then
     * ends at once with its last error. */
    uint32_t backoff_initial_ms;
    uint32_t backoff_max_ms;
    uint32_t jitter_permille;

    /* How long nothing is sent after the server refused the API key (401 session_invalid), for a new one to come, which
     * ends the wait; then one call tries. The call that was refused ends so; the others wait, each until its own
     * deadline at most (it then ends with session_invalid). Default 30000, 1…3600000; KLP_GRACE_NONE: none, every call
     * is refused for itself. */
    uint32_t session_grace_ms;

    /* "live" or "test": the environment that the API key has to be of. With it, and again after every change of the
     * key, all calls wait for a ping of the library's own. Where the key is of another environment, everything that
     * may change something ends with environment_mismatch and is never sent; where it is of another game than a push's,
     * or than a call's below games/…, that ends with game_mismatch. A ping that fails in passing is repeated, while
     * the calls wait until their deadlines; one that is refused ends those that wait with its error.
     * Default: not checked. */
    klp_text expect_environment;

    /* Told of every attempt, and of what an operator should read. `callback_user` is handed to both.
     * Default: NULL, nobody is told. */
    klp_attempt_callback on_attempt;
    klp_log_callback on_log;
    void *callback_user;
    int32_t log_level; /* the least grave that is told; default KLP_LOG_INFO */
    uint32_t reserved; /* 0 */

    /* The outbox: a directory that exists, on a disk of this machine, in which pushes, and calls other than GET, are
     * written down before their first attempt, and kept until their event was acknowledged, so that they outlive the
     * process. At open() what a process of this `name` has left there goes on: its calls with the bytes and the
     * idempotency key that they had (klp_event.recovered), its unacknowledged events under their old epoch and seq.
     * So the host gives the same `name` then. One pusher has one file there, locked; several may share a directory.
     *
     * What was accepted less than some milliseconds before a kill may not have been written down yet; KLP_PUSH_DURABLE
     * waits for that. What stop() cannot end in time stays there, without a verdict. Nothing is sent while the disk
     * refuses: what was never sent by its deadline ends with outbox_unavailable. With an outbox the default of
     * deadline_ms is two hours, and max_attempts by default as many as fit in it.
     * Default: none; what is accepted lives in memory. */
    klp_text outbox_dir;
    int32_t outbox_sync;       /* KLP_SYNC_… */
    int32_t outbox_mode;       /* KLP_OUTBOX_… */
    int32_t outbox_damaged;    /* KLP_DAMAGED_… */
    uint32_t outbox_adopt_ms;  /* how often this pusher looks, from open() on, for files in outbox_dir that nobody has
                                  open any more, of the same server and API key, and takes them up: it ends their calls
                                  and tells their events, under the `pusher` and the `epoch` of whoever began them.
                                  Default 15000, 1…3600000; KLP_ADOPT_NONE: never */
    uint64_t outbox_max_bytes; /* of a file, its log of some 4 MiB apart; default 1 GiB, at least 1 MiB. Beyond, push()
                                  says KLP_E_OUTBOX_FULL: a call keeps room for its verdict, some 9 KiB in all */
    uint32_t durable_timeout_ms; /* how long a push with KLP_PUSH_DURABLE waits; default 5000, 1…3600000 */
    uint32_t reserved_too;       /* 0 */
} klp_config;

#define KLP_CONFIG_INIT                                                                                                \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_config), 0, KLP_TEXT_NONE, KLP_TEXT_NONE, KLP_TEXT_NONE, KLP_TEXT_NONE, KLP_TEXT_NONE,    \
            KLP_TEXT_NONE, KLP_TEXT_NONE, KLP_TEXT_NONE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, KLP_TEXT_NONE, NULL,      \
            NULL, NULL, 0, 0, KLP_TEXT_NONE, 0, 0, 0, 0, 0, 0, 0                                                       \
    }

/* One finished roster. Start from KLP_LOBBY_INIT. Grows at its end, as klp_config does.
 *
 * The key is (game_id, event_key, key). Of one key only one push is under way at a time. A push that is equal to it,
 * byte for byte but for the idempotency key, joins it: one request, and each has its own cookie, deadline and verdict;
 * one that leaves it early (cancelled, expired) ends possibly applied, since the others go on. A push that differs
 * waits until that one has its verdict, and is then sent, for the server to judge.
 *
 * Keys of which a push ended possibly applied are remembered (the last 65,536, in memory): a later push of such a key
 * is sent like any other, but ends applied or possibly applied, whatever refuses it, until one was applied. */
typedef struct klp_lobby {
    uint32_t struct_size;       /* sizeof(klp_lobby) */
    uint32_t flags;             /* 0, or KLP_PUSH_DURABLE */
    klp_text game_id;           /* default: the pusher's */
    klp_text event_key;         /* required; the event's leaderboardMode must be lobby_matched */
    klp_text key;               /* required; the studio's own lobby id, by which the server knows a repeat */
    const klp_text *player_ids; /* required: 1…KLP_MAX_PLAYERS, each once */
    size_t player_count;
    uint32_t capacity;        /* default: the event's. Not below player_count */
    int32_t fill_bots;        /* KLP_FILL_BOTS_… */
    klp_text metadata_json;   /* one JSON object, sent as it is */
    klp_text idempotency_key; /* up to 255 bytes of printable ASCII; default: a random UUID, made for this push */
    uint64_t cookie;          /* the host's own 64 bits, given back in the event */
    uint32_t deadline_ms;     /* default: the pusher's; 1…604800000 */
    uint32_t reserved;        /* 0 */
    klp_text trace_parent;    /* W3C trace context, sent as the header `traceparent` and given back in the event:
                                 00-<32 hex digits>-<16 hex digits>-<2 hex digits> */
} klp_lobby;

#define KLP_LOBBY_INIT                                                                                                 \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_lobby), 0, KLP_TEXT_NONE, KLP_TEXT_NONE, KLP_TEXT_NONE, NULL, 0, 0, 0, KLP_TEXT_NONE,     \
            KLP_TEXT_NONE, 0, 0, 0, KLP_TEXT_NONE                                                                      \
    }

/* A lobby to be watched until it no longer forms. Start from KLP_AWAIT_INIT. Grows at its end, as klp_config does. */
typedef struct klp_await {
    uint32_t struct_size;      /* sizeof(klp_await) */
    uint32_t flags;            /* none yet: 0 */
    klp_text game_id;          /* default: the pusher's */
    klp_text lobby_id;         /* required: the server's id of it, klp_event.lobby_id */
    uint32_t poll_interval_ms; /* between two looks, ±10 % of it at random; default 1000, 10…3600000 */
    uint32_t timeout_ms;       /* of it all; default 60000, 1…604800000 */
    uint64_t cookie;
    klp_text trace_parent; /* as in klp_lobby */
} klp_await;

#define KLP_AWAIT_INIT                                                                                                 \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_await), 0, KLP_TEXT_NONE, KLP_TEXT_NONE, 0, 0, 0, KLP_TEXT_NONE                           \
    }

/* Any other request to the server API: METHOD /server/v1/{segments[0]}/{segments[1]}/…
 * Start from KLP_CALL_INIT. Grows at its end, as klp_config does.
 *
 * A POST, PUT or PATCH whose body has no text `idempotencyKey` gets one, a random UUID, so that its retries have one
 * effect; without a body it gets that body. One that stands there is kept. */
typedef struct klp_call {
    uint32_t struct_size;     /* sizeof(klp_call) */
    uint32_t flags;           /* 0, or KLP_PUSH_DURABLE; not with GET */
    klp_text method;          /* GET, POST, PUT, PATCH or DELETE */
    const klp_text *segments; /* 1…KLP_MAX_SEGMENTS, each percent-encoded by the library */
    size_t segment_count;
    klp_text body_json; /* one JSON object, or none; not with GET */
    uint64_t cookie;
    uint32_t deadline_ms;  /* default: the pusher's; 1…604800000 */
    uint32_t reserved;     /* 0 */
    klp_text trace_parent; /* as in klp_lobby */
} klp_call;

#define KLP_CALL_INIT                                                                                                  \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_call), 0, KLP_TEXT_NONE, NULL, 0, KLP_TEXT_NONE, 0, 0, 0, KLP_TEXT_NONE                   \
    }

/* A webhook as it came in. Start from KLP_WEBHOOK_INIT. Grows at its end, as klp_config does. */
typedef struct klp_webhook {
    uint32_t struct_size;    /* sizeof(klp_webhook) */
    uint32_t tolerance_s;    /* how old it may be; default 300. It may be 60 s ahead, whatever this says */
    klp_text signature;      /* the value of its X-Signature header: t=<unix seconds>,v1=<hex> */
    klp_text body;           /* its raw bytes, any */
    const klp_text *secrets; /* the webhook's secret, and while it is being rotated its successor: any may match */
    size_t secret_count;     /* 1…KLP_MAX_WEBHOOK_SECRETS */
    int64_t now_unix_s;      /* default: the system's clock */
} klp_webhook;

#define KLP_WEBHOOK_INIT                                                                                               \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_webhook), 0, KLP_TEXT_NONE, KLP_TEXT_NONE, NULL, 0, 0                                     \
    }

/* klp_api.parse_roster, klp_api.push_document: which matchmaker's document it is. In brackets what becomes the key, the
 * players, the capacity; what else is kept stands behind it, as it is named in klp_roster.metadata_json. */

/* GameLift's GameSession.MatchmakerData [matchId; teams[].players[].playerId; none]: configuration, teams. An empty one
 * means that no matchmaker made the session. Some builds of the server SDK cut it at 4,096 bytes: KLP_E_TRUNCATED. */
#define KLP_FORMAT_FLEXMATCH_MATCHMAKER_DATA "flexmatch_matchmaker_data"

/* An event of FlexMatch as EventBridge has it, bare, in an SNS notification, or in the one record of a Lambda
 * invocation by SNS or SQS [detail.matchId; the tickets' players, else the game session's; none]: configuration, teams.
 * Only MatchmakingSucceeded is final. SNS may repeat one: the key makes that harmless. */
#define KLP_FORMAT_FLEXMATCH_EVENT "flexmatch_event"

/* The body of a Photon webhook that creates a room: Type Create of Realtime, /game/create of Quantum and Fusion
 * [GameId; UserId, then the ExpectedUsers, among whom the first may be again; MaxPlayers]: region, app_version. It has
 * who created the room and who is expected: a host that has to wait for others pushes with push() when they are in. */
#define KLP_FORMAT_PHOTON_WEBHOOK "photon_webhook"

/* {"lobby": "<SteamID64>", "members": ["<SteamID64>", …], "limit"?: N, "data"?: {…}}, as a host of Steam's lobbies
 * writes it down [lobby; members; limit]. Ids are texts: a number of 64 bits loses digits in JSON. */
#define KLP_FORMAT_STEAM_LOBBY "steam_lobby"

/* An Agones GameServer as the SDK has it, or Kubernetes [the annotation klp_roster_options.key_annotation; the list
 * `players`, else the tracked players; its capacity]: game_server. Only state Allocated is final. */
#define KLP_FORMAT_AGONES_GAMESERVER "agones_gameserver"

/* A Match of Open Match 1, bare or as FetchMatches streams it, in proto or camelCase names [match_id; of each ticket
 * what stands at klp_roster_options.player_id_path; none]: profile, function. */
#define KLP_FORMAT_OPEN_MATCH "open_match"

/* PlayFab's GetMatch [MatchId; Members[].Entity.Id; none]: teams. A ticket (GetMatchmakingTicket) is not final. */
#define KLP_FORMAT_PLAYFAB_MATCH "playfab_match"

/* Unity Matchmaker's results, as an allocated server gets them [matchId; matchProperties.players[].id, else the teams'
 * playerIds; none]: queue, pool, region, teams. */
#define KLP_FORMAT_UNITY_MATCH "unity_match"

/* Nakama's matchmaker_matched [match_id; users[].presence.user_id; none]. A token is never a key. */
#define KLP_FORMAT_NAKAMA_MATCHED "nakama_matched"

/* {"key": "match-1", "players": ["alice", …], "capacity"?: N, "fill_bots"?: true, "metadata"?: {…}, "event"?: "duel"}.
 * A field of another name is refused: a slip would push another lobby than was meant. */
#define KLP_FORMAT_PLAIN "plain"

/* What a host adds to a document. Start from KLP_ROSTER_OPTIONS_INIT. Grows at its end, as klp_config does. */
typedef struct klp_roster_options {
    uint32_t struct_size; /* sizeof(klp_roster_options) */
    uint32_t flags;       /* push_document() alone: as in klp_lobby */
    uint32_t capacity;    /* instead of the document's; default: that, else the event's. Not below the players */
    int32_t fill_bots;    /* KLP_FILL_BOTS_…, instead of the document's */

    /* open_match, required: where a ticket has its player's id. Names with dots between, as
     * "search_fields.string_args.player_id"; one in proto names also matches camelCase. Where the way leads through an
     * array, or ends at one, each element is a player. Up to KLP_MAX_ID_BYTES. */
    klp_text player_id_path;

    /* agones_gameserver, required: the annotation that is the key. Up to KLP_MAX_ID_BYTES. */
    klp_text key_annotation;

    /* Attributes of players and properties of the match that are kept, each by its very name, where the document has
     * them: 0…KLP_MAX_ATTRIBUTES, each once. No other is. They become `attributes` (by player: of FlexMatch's
     * matchmaker data, PlayFab, Unity's customData, Nakama's properties, Open Match's search fields) and `properties`
     * (Photon's custom properties, Steam's data, Agones' annotations, FlexMatch's detail). */
    const klp_text *attributes;
    size_t attribute_count;

    /* push_document() alone, as in klp_lobby; parse_roster() does not look at them. */
    klp_text game_id;
    klp_text event_key; /* of a document that names none; of all formats only plain may */
    klp_text idempotency_key;
    uint64_t cookie;
    uint32_t deadline_ms;
    uint32_t reserved; /* 0 */
    klp_text trace_parent;
} klp_roster_options;

#define KLP_ROSTER_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_roster_options), 0, 0, 0, KLP_TEXT_NONE, KLP_TEXT_NONE, NULL, 0, KLP_TEXT_NONE,           \
            KLP_TEXT_NONE, KLP_TEXT_NONE, 0, 0, 0, KLP_TEXT_NONE                                                       \
    }

/* ─── What the host reads ───────────────────────────────────────────────────────────────────────── */

/* The verdict on one call. Its identity is (pusher, epoch, seq): an event may be told more than once, and
 * a reader drops repeats by it. `seq` rises within an epoch; gaps are legal.
 *
 * Grows at its end: read a field only when struct_size covers it. Every text is empty when there is none. */
typedef struct klp_event {
    uint32_t struct_size;
    int32_t op; /* KLP_OP_… */
    uint64_t seq;
    klp_ticket ticket;
    uint64_t cookie;
    klp_text pusher; /* klp_config.name */
    klp_text epoch;  /* random, made at open(); with an outbox once, with its file */

    /* What was asked. */
    klp_text game_id;
    klp_text event_key;    /* push */
    klp_text key;          /* push */
    klp_text method;       /* call */
    klp_text path;         /* call: encoded, "/server/v1/…" */
    klp_text trace_parent; /* as it was given */

    /* What became of it. */
    int32_t ok;             /* 1 or 0 */
    int32_t outcome;        /* KLP_APPLIED, …; KLP_OUTCOME_NONE unless op is a push, or a call other than GET */
    int32_t replayed;       /* 1: the server knew this lobby already */
    int32_t recovered;      /* 1: the call was found in the outbox: an earlier process accepted it */
    uint32_t attempts;      /* requests started */
    uint32_t sends;         /* requests that may have reached the wire: libcurl may resend one attempt */
    int32_t http_status;    /* 0: none was received */
    int32_t retryable;      /* 1: the same call may succeed later */
    uint64_t elapsed_us;    /* from the call to the verdict */
    int64_t retry_after_ms; /* the server's Retry-After, else KLP_NO_RETRY_AFTER */
    klp_text request_id;    /* the reply's x-request-id */

    /* The lobby, when ok and op is push, read or await; and the last one seen when an await ended without one that no
     * longer forms. For a read or an await that failed lobby_id is the one asked for. An id or a status longer than
     * KLP_MAX_ID_BYTES is left to lobby_json. */
    klp_text lobby_id;
    klp_text lobby_status; /* forming, active, closed, or what the server calls it by then */
    klp_text lobby_json;   /* as the server sent it, but for line breaks between its tokens */
    int64_t capacity;
    int64_t participant_count;
    int64_t bot_slots;
    int64_t filled_slots; /* min(capacity, participant_count + bot_slots) */

    /* The error, when not ok. */
    klp_text error_code;
    klp_text error_message;
    klp_text error_details_json; /* as the server sent it */
    int32_t error_origin;        /* KLP_ORIGIN_… */
    int32_t curl_code;           /* CURLcode of a transport error; 0: none */

    /* 1: a reply of `truncated_bytes` bytes is not in this event (see klp_config.max_reply_bytes and
     * KLP_MAX_EVENT_BYTES). */
    int32_t truncated;
    int32_t joined; /* 1: it shared the request of an equal push that was under way */
    uint64_t truncated_bytes;

    klp_text api_key_json; /* ping: what the server knows of the key (its id and prefix, never its secret) */

    /* call, when ok: the reply's payload, which is its member `data` where it has one and else all of it; empty after a
     * 204. And the whole reply, where it holds more beside `data`. */
    klp_text data_json;
    klp_text reply_json;

    /* This whole event as one line of JSON, the same that the result socket tells, without a line break. */
    klp_text json;
} klp_event;

/* A roster out of a document. Its texts live until free_roster().
 *
 * Grows at its end: read a field only when struct_size covers it. */
typedef struct klp_roster {
    uint32_t struct_size;
    int32_t fill_bots; /* KLP_FILL_BOTS_… */
    klp_text key;
    klp_text event_key;         /* of plain, where the document names one; else empty */
    const klp_text *player_ids; /* 1…KLP_MAX_PLAYERS in the order of the document, each once */
    size_t player_count;
    uint32_t capacity; /* 0: the event's. Else not below player_count */
    uint32_t reserved;
    klp_text metadata_json; /* one JSON object on one line, or empty */
} klp_roster;

/* A lobby of it, ready to be pushed but for what a document does not say: game_id, event_key, cookie, … It points into
 * the roster. [any-thread] */
static inline klp_lobby klp_roster_lobby(const klp_roster *roster)
{
    klp_lobby lobby = KLP_LOBBY_INIT;
    lobby.event_key = roster->event_key;
    lobby.key = roster->key;
    lobby.player_ids = roster->player_ids;
    lobby.player_count = roster->player_count;
    lobby.capacity = roster->capacity;
    lobby.fill_bots = roster->fill_bots;
    lobby.metadata_json = roster->metadata_json;
    return lobby;
}

/* ─── Error codes ───────────────────────────────────────────────────────────────────────────────── */

/* klp_event.error_code. The set is open: a code that is not here is the server's own and comes as it is; ask for it
 * with klp_event_has_code(). Who says so is in klp_event.error_origin. */
#define KLP_CODE_VALIDATION_FAILED                                                                                     \
    "validation_failed" /* 400: the body is not as the schema has it; details has the fields */
#define KLP_CODE_INVALID_METRIC       "invalid_metric"  /* 400: an entry has an unknown key */
#define KLP_CODE_UNAUTHENTICATED      "unauthenticated" /* 401: no Authorization header came through */
#define KLP_CODE_SESSION_INVALID      "session_invalid" /* 401: the API key is malformed, revoked or rejected */
#define KLP_CODE_FORBIDDEN            "forbidden" /* 403: the API key is of another permission set, studio or game */
#define KLP_CODE_TENANT_MISMATCH      "tenant_mismatch" /* 403: another studio's row */
#define KLP_CODE_NOT_FOUND            "not_found"       /* 404: no such event, lobby or game */
#define KLP_CODE_CONFLICT             "conflict" /* 409: the event is not lobby_matched, or another change came first */
#define KLP_CODE_IDEMPOTENCY_CONFLICT "idempotency_conflict" /* 409: the key is taken by another roster */
#define KLP_CODE_EVENT_DISABLED       "event_disabled"       /* 409 */
#define KLP_CODE_RATE_LIMITED         "rate_limited" /* 429, or a pause after one that the deadline does not outlast */
#define KLP_CODE_INTERNAL_ERROR       "internal_error" /* 500, and any reply that is no success and has no error envelope */
#define KLP_CODE_NETWORK_ERROR        "network_error" /* transport: DNS, refused, reset, cut */
#define KLP_CODE_TIMEOUT              "timeout"       /* transport: the attempt took too long */
#define KLP_CODE_TLS_ERROR            "tls_error" /* transport: the handshake failed, or the certificate was refused */
#define KLP_CODE_INVALID_RESPONSE     "invalid_response"  /* transport: a success without the payload that was due */
#define KLP_CODE_DEADLINE_EXCEEDED    "deadline_exceeded" /* local: no time was left for an attempt */
#define KLP_CODE_CANCELLED            "cancelled"         /* local: the host gave it up */
#define KLP_CODE_SHUTDOWN             "shutdown"          /* local: the pusher was stopped first */
#define KLP_CODE_AWAIT_TIMEOUT                                                                                         \
    "await_timeout" /* local: the time was up, and the lobby still formed, or could not be read */
#define KLP_CODE_ENVIRONMENT_MISMATCH                                                                                  \
    "environment_mismatch" /* local: the API key is not of klp_config.expect_environment */
#define KLP_CODE_OUTBOX_UNAVAILABLE                                                                                    \
    "outbox_unavailable" /* local: until its deadline the outbox could not be written, so it was not sent */
#define KLP_CODE_SET_ASIDE                                                                                             \
    "set_aside" /* local: three processes in a row died over it, or it is not what was written; a push is kept */
#define KLP_CODE_GAME_MISMATCH "game_mismatch" /* local: with expect_environment: the API key is of another game */

/* Whether an event carries this error code. [any-thread] */
static inline int klp_event_has_code(const klp_event *event, const char *code)
{
    return event->error_code.size == strlen(code) && memcmp(event->error_code.data, code, event->error_code.size) == 0;
}

/* The same, by name. [any-thread] */
static inline int klp_event_is_validation_failed(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_VALIDATION_FAILED);
}

static inline int klp_event_is_invalid_metric(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_INVALID_METRIC);
}

static inline int klp_event_is_unauthenticated(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_UNAUTHENTICATED);
}

static inline int klp_event_is_session_invalid(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_SESSION_INVALID);
}

static inline int klp_event_is_forbidden(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_FORBIDDEN);
}

static inline int klp_event_is_tenant_mismatch(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_TENANT_MISMATCH);
}

static inline int klp_event_is_not_found(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_NOT_FOUND);
}

static inline int klp_event_is_conflict(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_CONFLICT);
}

static inline int klp_event_is_idempotency_conflict(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_IDEMPOTENCY_CONFLICT);
}

static inline int klp_event_is_event_disabled(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_EVENT_DISABLED);
}

static inline int klp_event_is_rate_limited(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_RATE_LIMITED);
}

static inline int klp_event_is_internal_error(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_INTERNAL_ERROR);
}

static inline int klp_event_is_network_error(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_NETWORK_ERROR);
}

static inline int klp_event_is_timeout(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_TIMEOUT);
}

static inline int klp_event_is_tls_error(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_TLS_ERROR);
}

static inline int klp_event_is_invalid_response(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_INVALID_RESPONSE);
}

static inline int klp_event_is_deadline_exceeded(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_DEADLINE_EXCEEDED);
}

static inline int klp_event_is_cancelled(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_CANCELLED);
}

static inline int klp_event_is_shutdown(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_SHUTDOWN);
}

static inline int klp_event_is_await_timeout(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_AWAIT_TIMEOUT);
}

static inline int klp_event_is_environment_mismatch(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_ENVIRONMENT_MISMATCH);
}

static inline int klp_event_is_outbox_unavailable(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_OUTBOX_UNAVAILABLE);
}

static inline int klp_event_is_set_aside(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_SET_ASIDE);
}

static inline int klp_event_is_game_mismatch(const klp_event *event)
{
    return klp_event_has_code(event, KLP_CODE_GAME_MISMATCH);
}

/* ─── Statistics ────────────────────────────────────────────────────────────────────────────────── */

/* Counters since open() (they only rise) and gauges (they say what is now).
 * Set struct_size; grows at its end. */
typedef struct klp_stats {
    uint32_t struct_size; /* sizeof(klp_stats) */
    uint32_t reserved;
    /* counters */
    uint64_t accepted;     /* calls that returned KLP_OK with a ticket */
    uint64_t refused_full; /* calls that returned KLP_E_QUEUE_FULL, KLP_E_RESULTS_FULL or KLP_E_OUTBOX_FULL */
    uint64_t applied;      /* verdicts on pushes … */
    uint64_t replayed;     /* … of which the server knew them already */
    uint64_t not_applied;
    uint64_t possibly_applied;
    uint64_t joined;     /* pushes that joined an equal one under way */
    uint64_t queries_ok; /* verdicts on reads, awaits and pings */
    uint64_t queries_failed;
    uint64_t calls_ok; /* verdicts on calls */
    uint64_t calls_failed;
    uint64_t attempts;
    uint64_t retries; /* attempts made because an earlier one of the same call had failed */
    uint64_t sends;
    uint64_t connections; /* opened */
    uint64_t events_acknowledged;
    uint64_t messages_sent;    /* to the result socket */
    uint64_t replies_ignored;  /* from the result socket, neither empty, `ok` nor {"ack": seq} */
    uint64_t replies_left_out; /* see klp_config.max_reply_bytes */
    /* gauges */
    uint64_t queued;        /* accepted, not on the wire, without a verdict */
    uint64_t in_flight;     /* on the wire */
    uint64_t unread_events; /* not acknowledged */
    uint64_t queued_bytes;
    uint64_t reply_bytes;
    uint64_t gate;               /* KLP_GATE_… */
    uint64_t gate_opens_in_ms;   /* when it is held, or between two probes */
    uint64_t awaiting;           /* awaits without a verdict; they count as queued or in flight, too */
    uint64_t oldest_push_age_ms; /* since the oldest push without a verdict was accepted; 0: there is none */
    uint64_t api_key_generation; /* 1 at open(), one more with every new key */
    uint64_t journaled;          /* calls written into the outbox, once each */
    uint64_t recovered;          /* calls taken up out of it, which were accepted by another process */
    uint64_t adopted;            /* files of others that were taken up */
    uint64_t set_aside;          /* calls and events that three recoveries in a row did not survive */
    uint64_t outbox_bytes;       /* of the outbox' file on the disk, its log included */
    uint64_t degraded;           /* 1: there is to be an outbox, and it could not be opened or cannot be written */
} klp_stats;

#define KLP_STATS_INIT                                                                                                 \
    {                                                                                                                  \
        (uint32_t)sizeof(klp_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
            0, 0, 0, 0, 0, 0, 0, 0, 0                                                                                  \
    }

#define KLP_HISTOGRAM_BUCKETS 160u

/* How long something took, counted in buckets that grow with what they hold: four for every doubling, so that a
 * bucket's bounds are at most 25 % apart (33 % below 4 µs). Set struct_size; grows at its end. */
typedef struct klp_histogram {
    uint32_t struct_size; /* sizeof(klp_histogram) */
    uint32_t reserved;
    uint64_t count;
    uint64_t sum_us;
    uint64_t max_us;
    uint64_t buckets[KLP_HISTOGRAM_BUCKETS]; /* [i]: those below klp_histogram_bound_us(i) and not below the one before;
                                                the last one has all that is longer, too */
} klp_histogram;

/* The exclusive upper bound of a bucket. [any-thread] */
static inline uint64_t klp_histogram_bound_us(uint32_t bucket)
{
    return bucket < 4 ? bucket + 1u : (uint64_t)(bucket % 4u + 5u) << (bucket / 4u - 1u);
}

/* What `permille` thousandths of all took at most: the bound of their bucket, or the longest of all where that is less.
 * 0 when there were none. [any-thread] */
static inline uint64_t klp_histogram_quantile_us(const klp_histogram *histogram, uint32_t permille)
{
    uint64_t seen = 0;
    uint64_t wanted = histogram->count / 1000u * permille + (histogram->count % 1000u * permille + 999u) / 1000u;
    uint32_t bucket = 0;

    if (histogram->count == 0)
        return 0;
    for (; bucket + 1u < KLP_HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= wanted)
            break;
    }
    return klp_histogram_bound_us(bucket) < histogram->max_us ? klp_histogram_bound_us(bucket) : histogram->max_us;
}

/* ─── The table ─────────────────────────────────────────────────────────────────────────────────── */

/* All functions, in the order a host meets them. Constant, never freed. Grows at its end: a slot is there
 * when struct_size covers it. */
typedef struct klp_api {
    uint32_t struct_size;
    uint32_t abi; /* the one agreed on */

    /* Opens a pusher: reads the environment and the key, checks everything, starts one worker thread.
     * No network: a wrong key or an unreachable server shows in the first event (or in ping()'s).
     *
     * Legal any time, for as many pushers as the host likes.
     *
     * KLP_OK                  *pusher is the host's, until it hands it to close().
     * KLP_E_INVALID_ARGUMENT  `why` names the field and the reason.
     * KLP_E_LIBRARY           another copy of libcurl, OpenSSL, nanomsg or SQLite in this process stands before
     *                         ours; `why` names the symbol and the file.
     * KLP_E_SYSTEM            no thread, descriptor or randomness to be had.
     * KLP_E_OUTBOX            the outbox cannot be opened (see outbox_mode): damaged, of another origin or API key,
     *                         in use, on a network file system, …; `why` names the file and the reason.
     * KLP_E_NO_MEMORY
     * On every failure *pusher is NULL and nothing is left behind.
     * [any-thread] since ABI 1 */
    klp_status (*open)(const klp_config *config, klp_pusher **pusher, klp_text_buffer *why);

    /* Queues one finished roster to be pushed. Copies everything it is given and never waits: no I/O, one
     * allocation, no lock held across either. With KLP_PUSH_DURABLE it waits for the outbox, durable_timeout_ms at
     * most.
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK                  queued; *ticket (may be NULL) names it in its event. Room for that event is
     *                         already set aside: the verdict can be told whatever happens.
     * KLP_E_INVALID_ARGUMENT  nothing kept; `why` names the field and the reason.
     * KLP_E_QUEUE_FULL        nothing kept; max_queued or max_queued_bytes is reached.
     * KLP_E_RESULTS_FULL      nothing kept; max_unread_events is reached.
     * KLP_E_OUTBOX_FULL       nothing kept; outbox_max_bytes is reached.
     * KLP_E_OUTBOX            nothing kept; with KLP_PUSH_DURABLE, while stats have the pusher as `degraded`.
     * KLP_E_NOT_AVAILABLE     nothing kept; with KLP_PUSH_DURABLE, called from a callback.
     * KLP_E_TIMEOUT           with KLP_PUSH_DURABLE: accepted, *ticket is set, and it goes its way; but within
     *                         durable_timeout_ms it was not written down.
     * KLP_E_STOPPED           nothing kept; stop() has begun.
     * KLP_E_NO_MEMORY         nothing kept.
     * KLP_E_FORKED            this is a child of the process that opened the pusher.
     *
     * Every queued push ends in exactly one verdict, told at least once. Without an outbox a crash of the
     * process loses the pushes and events it holds; with one it can lose the pushes of the last instant, that were not
     * written down yet: those after the last for which a push with KLP_PUSH_DURABLE returned KLP_OK.
     * [any-thread] since ABI 1 */
    klp_status (*push)(klp_pusher *pusher, const klp_lobby *lobby, klp_ticket *ticket, klp_text_buffer *why);

    /* Queues a read of one lobby; its state comes as an event with op KLP_OP_READ. Never waits.
     *
     * game_id may be empty: the pusher's. `cookie` comes back in the event.
     * Legal, returns: as push(). Reads yield to pushes.
     * [any-thread] since ABI 1 */
    klp_status (*read)(klp_pusher *pusher, klp_text game_id, klp_text lobby_id, uint64_t cookie, klp_ticket *ticket,
                       klp_text_buffer *why);

    /* Queues a watch over one lobby: it is read now and then, until its status is no longer `forming`; its state then
     * comes as an event with op KLP_OP_AWAIT. Reads that fail in passing are made up for; when its time is up the event
     * says await_timeout and carries the last state seen. Never waits itself.
     *
     * Legal, returns: as push(). Yields to pushes and to everything else; flush() does not wait for it, and stop()
     * ends it at once.
     * [any-thread] since ABI 1 */
    klp_status (*await)(klp_pusher *pusher, const klp_await *await, klp_ticket *ticket, klp_text_buffer *why);

    /* Queues any other request to the server API, with a push's delivery: retries, gate, honest outcome. What the
     * server replied comes as an event with op KLP_OP_CALL. A reply that is a success but no JSON is possibly applied,
     * and not tried again (but for a GET, which changes nothing).
     *
     * Legal, returns: as push(). Yields to pushes.
     * [any-thread] since ABI 1 */
    klp_status (*call)(klp_pusher *pusher, const klp_call *call, klp_ticket *ticket, klp_text_buffer *why);

    /* Queues a check of the API key; what the server knows of it comes as an event with op KLP_OP_PING.
     *
     * Legal, returns: as read().
     * [any-thread] since ABI 1 */
    klp_status (*ping)(klp_pusher *pusher, uint64_t cookie, klp_ticket *ticket, klp_text_buffer *why);

    /* Asks that a call be given up. What became of it comes as its event: `cancelled`, with the outcome not applied
     * when it never reached the wire and possibly applied when it may have, or when an equal push goes on with its
     * request (see klp_lobby); or its own verdict, when that was there first. Never waits.
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK                  asked. A call that has its verdict already keeps it.
     * KLP_E_INVALID_ARGUMENT  not a ticket of this pusher.
     * KLP_E_QUEUE_FULL        max_queued wishes of this kind are waiting to be looked at.
     * KLP_E_NO_MEMORY, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*cancel)(klp_pusher *pusher, klp_ticket ticket);

    /* Takes the oldest event that was not handed out yet; waits up to timeout_ms for one (0: does not wait;
     * KLP_WAIT_FOREVER: until there is one or the pusher is stopped). Each event is handed out once.
     *
     * Legal from open() until close() begins; with a results_url only once stop() has returned, for what
     * the result socket's reader did not acknowledge.
     *
     * KLP_OK                  *event is the host's to read until it is given to ack(), or until close().
     * KLP_E_TIMEOUT           none came, or max_unread_events are in the host's hands.
     * KLP_E_DRAINED           stop() is done and all events in memory have been handed out: close() next.
     * KLP_E_NOT_AVAILABLE     there is a results_url, and stop() has not returned; or it would wait in a callback.
     * KLP_E_NO_MEMORY         the event's JSON could not be made; the event stays first in line.
     * KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * On every failure *event is NULL.
     * [any-thread] since ABI 1 */
    klp_status (*next_event)(klp_pusher *pusher, uint32_t timeout_ms, const klp_event **event);

    /* Acknowledges an event: it is told, and released. An event that is taken and not acknowledged keeps
     * its place in max_unread_events.
     *
     * Legal once for every event of next_event() of this pusher, in any order, until close() begins.
     *
     * KLP_OK                  the event is gone; its texts with it.
     * KLP_E_INVALID_ARGUMENT  NULL, or not an event of this pusher; nothing done.
     * KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*ack)(klp_pusher *pusher, const klp_event *event);

    /* A descriptor for the host's own poll loop: readable while next_event() has something to say at once
     * (an event, or KLP_E_DRAINED). Level-triggered. The host polls it and does nothing else with it.
     *
     * Legal from open() until close() begins, which closes it.
     *
     * KLP_OK                  *fd is set.
     * KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*event_fd)(klp_pusher *pusher, int *fd);

    /* Reads one event as the result socket tells it: one line of a message, with or without its line break.
     * What the reader does not know is ignored, so newer senders are understood.
     *
     * Legal any time; needs no pusher.
     *
     * KLP_OK                  *event is the caller's until it gives it to free_event().
     * KLP_E_MALFORMED         `why` names the place; *event is NULL.
     * KLP_E_INVALID_ARGUMENT, KLP_E_NO_MEMORY
     * [any-thread] since ABI 1 */
    klp_status (*decode_event)(const char *bytes, size_t size, klp_event **event, klp_text_buffer *why);

    /* Releases an event of decode_event(); NULL is legal.
     * [any-thread] since ABI 1 */
    void (*free_event)(klp_event *event);

    /* Waits until no call accepted so far or meanwhile, or recovered, is without a verdict; awaits excepted, and what
     * was taken up of others' (outbox_adopt_ms). Unread events do not count.
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK                  none is.
     * KLP_E_TIMEOUT           timeout_ms passed first.
     * KLP_E_NOT_AVAILABLE     called from a callback.
     * KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*flush)(klp_pusher *pusher, uint32_t timeout_ms);

    /* Ends the pusher's work. No new calls are accepted from here on; what is queued or on the wire has
     * drain_ms to end by itself, then the rest is aborted, each with an honest verdict (`shutdown`: not
     * applied when it never reached the wire, else possibly applied); the result socket's reader has what
     * is left of the time to acknowledge; the worker thread is joined. Returns within drain_ms and a
     * little, whatever the network does. Events that nobody acknowledged are then to be had from
     * next_event(), also with a results_url. With an outbox what is left stays there, calls without a verdict, for the
     * next open(); and next_event() has those events that are in memory. A host with one thread, which cannot serve its
     * own socket meanwhile, had better flush(), stop() with 0 ms, and take what is left from next_event().
     *
     * Legal from open() until close() begins; a second call waits for the first.
     *
     * KLP_OK                  stopped.
     * KLP_E_NOT_AVAILABLE     called from a callback.
     * KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*stop)(klp_pusher *pusher, uint32_t drain_ms);

    /* Releases the pusher, its events and its event_fd; stops it first, with a drain_ms of 0, if the host
     * did not. What was not acknowledged by then is never told; with an outbox it is told after the next open(). NULL
     * is legal.
     *
     * Legal once, when no other call with this pusher runs or will.
     *
     * KLP_OK
     * KLP_E_NOT_AVAILABLE     called from a callback; nothing done.
     * KLP_E_FORKED
     * [one-thread] since ABI 1 */
    klp_status (*close)(klp_pusher *pusher);

    /* Fills *stats, up to the struct_size it comes with.
     *
     * Legal from open() until close() begins. The figures are of one moment.
     *
     * KLP_OK, KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*stats)(klp_pusher *pusher, klp_stats *stats);

    /* Fills *histogram, up to the struct_size it comes with, with KLP_LATENCY_…
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK, KLP_E_INVALID_ARGUMENT, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*latencies)(klp_pusher *pusher, int32_t which, klp_histogram *histogram);

    /* Everything of stats() and latencies() as OpenMetrics text, for a host's own /metrics page, each metric labelled
     * with the pusher's name. *size is set to the bytes of it; they are written, with a NUL behind, when that many and
     * one more fit into `capacity` (`out` may be NULL with 0).
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK                  written.
     * KLP_E_INVALID_ARGUMENT  it did not fit, nothing is written; or size is NULL.
     * KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*metrics)(klp_pusher *pusher, char *out, size_t capacity, size_t *size);

    /* Gives a new API key, for the next attempt of every call. Attempts under way go on with the old one; if the server
     * refuses it there, the call is sent again. Where there is an api_key_file its next change overrules this.
     *
     * Legal from open() until close() begins.
     *
     * KLP_OK                  taken. The library's copy is all that it needs.
     * KLP_E_INVALID_ARGUMENT  `why` says what is wrong with it, and never what it is. The old one stays.
     * KLP_E_NO_MEMORY, KLP_E_FORKED
     * [any-thread] since ABI 1 */
    klp_status (*set_api_key)(klp_pusher *pusher, klp_text api_key, klp_text_buffer *why);

    /* Checks that a webhook comes from Kraty: that its body was signed with one of the secrets, and lately. Compares in
     * constant time; keeps nothing.
     *
     * Legal any time; needs no pusher. Not in a child of fork().
     *
     * KLP_OK                  it does.
     * KLP_E_SIGNATURE         it does not; `why` says whether the header is malformed, the signature wrong, or a right
     *                         one too old or too new.
     * KLP_E_INVALID_ARGUMENT  `why` names the field and the reason.
     * KLP_E_NO_MEMORY, KLP_E_LIBRARY, KLP_E_SYSTEM
     * [any-thread] since ABI 1 */
    klp_status (*verify_webhook)(const klp_webhook *webhook, klp_text_buffer *why);

    /* The name of a status ("KLP_E_QUEUE_FULL"), of an outcome ("possibly_applied", "" for none) and the
     * version ("1.0.0"). Unknown numbers have a text too. Never NULL, never freed.
     * [any-thread] since ABI 1 */
    const char *(*status_text)(klp_status status);
    const char *(*outcome_text)(int32_t outcome);
    const char *(*version)(void);

    /* Reads a roster out of a matchmaker's document: who plays, under which key. What is not asked for by name is not
     * kept: no token, no cookie, no attribute of a player is in the roster or in `why`, which does name players.
     *
     * `format` is one of KLP_FORMAT_…; options may be NULL. The document is JSON of up to KLP_MAX_DOCUMENT_BYTES, and
     * is not needed any more when the call returns. No I/O.
     *
     * Legal any time; needs no pusher.
     *
     * KLP_OK                  *roster is the caller's until it gives it to free_roster().
     * KLP_E_MALFORMED         not one JSON object, or an empty document; `why` names the place.
     * KLP_E_TRUNCATED         the beginning of one: whoever handed it on has cut it.
     * KLP_E_NOT_FINAL         another message of that matchmaker: there is nothing to push.
     * KLP_E_ROSTER            `why` names the field, and whether it is missing, empty, of another type, …; or the
     * player who stands twice; or that there are more than the capacity, or than klp_lobby's bounds.
     * KLP_E_INVALID_ARGUMENT  `why` names the argument or the option; also an option that this format needs.
     * KLP_E_NO_MEMORY
     * On every failure *roster is NULL.
     * [any-thread] since ABI 1 */
    klp_status (*parse_roster)(klp_text format, const char *bytes, size_t size, const klp_roster_options *options,
                               klp_roster **roster, klp_text_buffer *why);

    /* Releases a roster of parse_roster(); NULL is legal.
     * [any-thread] since ABI 1 */
    void (*free_roster)(klp_roster *roster);

    /* parse_roster() and push() in one: reads the document and queues its roster to be pushed, with what the options
     * say beside. As push() it never waits but with KLP_PUSH_DURABLE; it takes as long as the document is long (about
     * 10 ms for KLP_MAX_DOCUMENT_BYTES).
     *
     * Legal, returns: as push(), and as parse_roster() where the document is refused: nothing is kept then.
     * [any-thread] since ABI 1 */
    klp_status (*push_document)(klp_pusher *pusher, klp_text format, const char *bytes, size_t size,
                                const klp_roster_options *options, klp_ticket *ticket, klp_text_buffer *why);
} klp_api;

/* The library's one exported symbol. *abi: in, the newest ABI the host knows (KLP_ABI); out, the one agreed
 * on. Returns the table, or NULL when there is no ABI that both know (*abi is then the library's newest).
 * [any-thread] */
const klp_api *klp_get_api(uint32_t *abi);
typedef const klp_api *(*klp_get_api_function)(uint32_t *abi);

#ifdef __cplusplus
}
#endif
#endif
