/* SPDX-License-Identifier: Apache-2.0
 *
 * A host with an outbox, to be killed at any instant and started again: pushes rosters (crash_rosters.h) and keeps
 * books of its own, which outlive it, on what it was promised and what it was told.
 *
 * Usage: outbox_host URL FOLDER NUMBER [OPTION VALUE]...
 *
 * --threads N      so many push (default 3); 0: nothing is pushed
 * --rest-us N      between two pushes of a thread, on average (default 2000)
 * --hold N         up to so many events wait for their acknowledgement, in no order (default 8)
 * --results URL    events go to the reader there, not to FOLDER/host-NUMBER.told
 * --adopt-ms N     outbox_adopt_ms (default: no other's file is taken up)
 * --in-flight N    max_in_flight
 * --queued N       max_queued (default 512)
 * --backoff-ms N   backoff_max_ms (default 40); at first a twentieth of it
 * --seed N         of what is left to chance
 *
 * The outbox is in FOLDER/outbox, the pusher's name is host-NUMBER. In FOLDER/host-NUMBER.said stands, a line each:
 *
 *     life PID
 *     intent COOKIE KEY              before a push
 *     accepted COOKIE TICKET         it is written down
 *     queued COOKIE TICKET           it was not asked to be; or not in time
 *     refused COOKIE STATUS          nothing was kept
 *
 * and in host-NUMBER.told every event as its JSON, before it is acknowledged. Every other intent that an earlier life
 * has had no answer to is pushed again first. Says `open` and how many calls it has recovered, once it is. The end of
 * stdin ends it: it waits for all verdicts, and until each is acknowledged. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crash_rosters.h"
#include "host_log.h"

enum { MOST_THREADS = 16, MOST_OPEN = 256, MOST_HELD = 64, LIMIT_MS = 60000 };

struct options {
    const char *url, *folder, *results;
    unsigned host, threads, rest_us, hold, adopt_ms, in_flight, queued, backoff_ms, seed;
};

/* A roster that was to be pushed, and of which no answer came. */
struct intent {
    uint64_t cookie;
    char key[CRASH_TEXT_BYTES];
};

static const klp_api *api;
static klp_pusher *pusher;
static struct options options = {
    .threads = 3, .rest_us = 2000, .hold = 8, .adopt_ms = KLP_ADOPT_NONE, .queued = 512, .backoff_ms = 40};
static struct intent open_intents[MOST_OPEN];
static size_t open_count;
static atomic_size_t next_open;
static _Atomic uint32_t next_push;
static atomic_bool is_ending;
static int said, told = -1;

/* ---- what an earlier life has said ---- */

static struct intent *find_open(uint64_t cookie, const char *key)
{
    for (size_t i = 0; i < open_count; i++)
        if (key ? strcmp(open_intents[i].key, key) == 0 : open_intents[i].cookie == cookie)
            return &open_intents[i];
    return NULL;
}

static void read_line(const char *line)
{
    struct intent intent = {0};
    char word[16];

    if (sscanf(line, "%15s %" SCNu64 " %63s", word, &intent.cookie, intent.key) != 3)
        return;
    bool is_intent = strcmp(word, "intent") == 0;
    struct intent *known = find_open(intent.cookie, is_intent ? intent.key : NULL);
    if (is_intent && !known && crash_is_repeated(intent.cookie)) {
        HOST_REQUIRE(open_count < MOST_OPEN);
        known = &open_intents[open_count++];
    }
    if (is_intent && known)
        *known = intent;
    else if (known)
        *known = open_intents[--open_count];
    if (crash_push_of(intent.cookie) >= atomic_load(&next_push))
        atomic_store(&next_push, crash_push_of(intent.cookie) + 1);
}

static void remember(void)
{
    char *tail = host_log_tail(said), *line = tail, *end;

    atomic_store(&next_push, 1);
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        read_line(line);
    }
    free(tail);
}

/* ---- pushing ---- */

static klp_status push(uint64_t cookie, const char *key, klp_ticket *ticket, klp_text_buffer *why)
{
    char players[CRASH_MOST_PLAYERS][CRASH_TEXT_BYTES], stamp[CRASH_TEXT_BYTES];
    klp_text ids[CRASH_MOST_PLAYERS];
    klp_lobby lobby = KLP_LOBBY_INIT;

    lobby.event_key = klp_cstr("battle_royale");
    lobby.key = klp_cstr(key);
    lobby.player_ids = ids;
    lobby.player_count = crash_player_count(key);
    for (size_t i = 0; i < lobby.player_count; i++) {
        crash_player(key, i, players[i]);
        ids[i] = klp_cstr(players[i]);
    }
    lobby.cookie = cookie;
    lobby.flags = crash_is_durable(cookie) ? KLP_PUSH_DURABLE : 0;
    snprintf(stamp, sizeof stamp, "s-%" PRIu64, cookie);
    if (crash_has_stamp(cookie))
        lobby.idempotency_key = klp_cstr(stamp);
    return api->push(pusher, &lobby, ticket, why);
}

/* False: there was no room. */
static bool push_and_say(uint64_t cookie, const char *key)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    host_log_say(said, "intent %" PRIu64 " %s", cookie, key);
    klp_status status = push(cookie, key, &ticket, &why);
    switch (status) {
    case KLP_OK:
        HOST_REQUIRE(ticket > 0);
        host_log_say(said, "%s %" PRIu64 " %" PRIu64, crash_is_durable(cookie) ? "accepted" : "queued", cookie, ticket);
        return true;
    case KLP_E_TIMEOUT:
        HOST_REQUIRE(ticket > 0 && crash_is_durable(cookie));
        host_log_say(said, "queued %" PRIu64 " %" PRIu64, cookie, ticket);
        return true;
    case KLP_E_QUEUE_FULL:
    case KLP_E_RESULTS_FULL:
    case KLP_E_OUTBOX_FULL:
    case KLP_E_OUTBOX:
    case KLP_E_STOPPED:
        host_log_say(said, "refused %" PRIu64 " %s", cookie, api->status_text(status));
        return false;
    default:
        host_fail("push: %s: %s", api->status_text(status), why.data);
    }
}

static void rest(unsigned *seed)
{
    long us = options.rest_us ? rand_r(seed) % (2 * (long)options.rest_us) : 0;
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

static void *push_on(void *argument)
{
    unsigned seed = options.seed + *(unsigned *)argument;
    char key[CRASH_TEXT_BYTES];
    size_t open;

    while ((open = atomic_fetch_add(&next_open, 1)) < open_count) {
        uint64_t cookie = crash_cookie(options.host, atomic_fetch_add(&next_push, 1));
        push_and_say(cookie, open_intents[open].key);
    }
    while (!atomic_load(&is_ending)) {
        uint64_t cookie = crash_cookie(options.host, atomic_fetch_add(&next_push, 1));
        crash_key(cookie, key);
        if (!push_and_say(cookie, key))
            rest(&seed);
        rest(&seed);
    }
    return NULL;
}

/* ---- being told ---- */

static const klp_event *held[MOST_HELD];
static size_t held_count;

static void acknowledge(size_t i)
{
    HOST_REQUIRE(api->ack(pusher, held[i]) == KLP_OK);
    held[i] = held[--held_count];
}

static void write_down(const klp_event *event)
{
    char *line = malloc(event->json.size + 1);

    HOST_REQUIRE(line);
    memcpy(line, event->json.data, event->json.size);
    line[event->json.size] = '\n';
    host_log_write(told, line, event->json.size + 1);
    free(line);
}

/* Takes one event, if there is one in time. Events wait to be acknowledged as long as there are others. */
static bool take_event(uint32_t timeout_ms, unsigned *seed)
{
    const klp_event *event;
    klp_status status = api->next_event(pusher, timeout_ms, &event);

    if (status == KLP_E_TIMEOUT) {
        while (held_count > 0)
            acknowledge((size_t)rand_r(seed) % held_count);
        return false;
    }
    if (status)
        host_fail("next_event: %s", api->status_text(status));
    write_down(event);
    held[held_count++] = event;
    while (held_count > options.hold)
        acknowledge((size_t)rand_r(seed) % held_count);
    return true;
}

static bool has_input_ended(int timeout_ms)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char bytes[64];

    return poll(&input, 1, timeout_ms) == 1 && read(STDIN_FILENO, bytes, sizeof bytes) <= 0;
}

/* Calls without a verdict, and events that were not acknowledged. */
static uint64_t count_undone(void)
{
    klp_stats stats = host_stats(api, pusher);
    return stats.queued + stats.in_flight + stats.unread_events;
}

/* Until stdin ends, and then until everything has its verdict and every verdict was told: which may take long, but is
 * not to be at a halt. */
static void be_told(pthread_t *threads)
{
    unsigned seed = options.seed;
    uint64_t undone = UINT64_MAX, fewest = UINT64_MAX, until_ms = UINT64_MAX;

    while (!atomic_load(&is_ending) || (undone = count_undone()) > 0) {
        bool was_told = !options.results && take_event(20, &seed);
        if (!atomic_load(&is_ending) && has_input_ended(options.results ? 20 : 0)) {
            atomic_store(&is_ending, true);
            for (unsigned i = 0; i < options.threads; i++)
                HOST_REQUIRE(pthread_join(threads[i], NULL) == 0);
        }
        if (undone < fewest) {
            fewest = undone;
            until_ms = host_now_ms() + patience_ms(LIMIT_MS);
        }
        if (host_now_ms() > until_ms)
            host_fail("%llu calls and events are left in the end", (unsigned long long)undone);
        if (!was_told)
            host_blink();
    }
}

/* ---- its life ---- */

static unsigned number_of(const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);

    if (!*text || *end)
        host_fail("%s is no number", text);
    return (unsigned)number;
}

static void read_options(int argc, char **argv)
{
    const struct {
        const char *name;
        unsigned *value;
    } numbers[] = {{"--threads", &options.threads},   {"--rest-us", &options.rest_us},      {"--hold", &options.hold},
                   {"--adopt-ms", &options.adopt_ms}, {"--in-flight", &options.in_flight},  {"--seed", &options.seed},
                   {"--queued", &options.queued},     {"--backoff-ms", &options.backoff_ms}};

    if (argc < 4 || argc % 2)
        host_fail("Usage: outbox_host URL FOLDER NUMBER [OPTION VALUE]...");
    options.url = argv[1];
    options.folder = argv[2];
    options.host = number_of(argv[3]);
    for (int i = 4; i < argc; i += 2) {
        bool is_known = strcmp(argv[i], "--results") == 0;
        if (is_known)
            options.results = argv[i + 1];
        for (size_t j = 0; j < sizeof numbers / sizeof *numbers; j++) {
            if (strcmp(argv[i], numbers[j].name) == 0) {
                *numbers[j].value = number_of(argv[i + 1]);
                is_known = true;
            }
        }
        if (!is_known)
            host_fail("unknown: %s", argv[i]);
    }
    if (options.threads > MOST_THREADS || options.hold >= MOST_HELD)
        host_fail("too many");
}

static void open_all(void)
{
    static char name[CRASH_TEXT_BYTES], path[4096];

    crash_name(options.host, name);
    snprintf(path, sizeof path, "%s/%s.said", options.folder, name);
    said = host_log_open(path);
    remember();
    host_log_say(said, "life %ld", (long)getpid());
    if (!options.results) {
        snprintf(path, sizeof path, "%s/%s.told", options.folder, name);
        told = host_log_open(path);
    }
    snprintf(path, sizeof path, "%s/outbox", options.folder);
    klp_config config = host_config(options.url, NULL, options.results);
    config.name = klp_cstr(name);
    config.outbox_dir = klp_cstr(path);
    config.outbox_adopt_ms = options.adopt_ms;
    config.max_in_flight = options.in_flight;
    config.max_queued = options.queued;
    config.backoff_initial_ms = options.backoff_ms / 20;
    config.backoff_max_ms = options.backoff_ms;
    config.durable_timeout_ms = patience_ms(30000);
    pusher = host_open(api, &config);
}

int main(int argc, char **argv)
{
    pthread_t threads[MOST_THREADS];
    unsigned numbers[MOST_THREADS];

    read_options(argc, argv);
    api = host_load();
    open_all();
    printf("open %llu\n", (unsigned long long)host_stats(api, pusher).recovered);
    fflush(stdout);
    for (unsigned i = 0; i < options.threads; i++) {
        numbers[i] = i;
        HOST_REQUIRE(pthread_create(&threads[i], NULL, push_on, &numbers[i]) == 0);
    }
    be_told(threads);
    klp_stats stats = host_stats(api, pusher);
    printf("done %llu %llu\n", (unsigned long long)stats.recovered, (unsigned long long)stats.adopted);
    HOST_REQUIRE(api->stop(pusher, 0) == KLP_OK);
    HOST_REQUIRE(api->close(pusher) == KLP_OK);
    return 0;
}
