/* SPDX-License-Identifier: Apache-2.0
 *
 * A receiver of Photon's webhooks: answers each at once, gathers who is in which room, and pushes a room's roster to
 * Kraty when it is final. Verdicts go to stdout, one line each; what an operator should read goes to stderr.
 *
 *     photon-webhooks --game game_1 --event duel --secret-file /run/secrets/photon --outbox /var/lib/photon-webhooks
 *
 * One thread, one poll loop: Photon's requests, the verdicts' event_fd, signals, and the time that rooms wait. */
#include <errno.h>
#include <inttypes.h>
#include <kraty/lobby_pusher_load.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "receiver.h"

#define SHUTDOWN_MS  5000  /* what is on its way gets this long when a signal ends us */
#define FULL_WAIT_MS 100   /* the library's queue is full: again after this time */
#define COMPLAINT_MS 10000 /* between two lines about requests that are refused, or not kept */
#define MAX_ACTORS   1024
#define MAX_BYTES    ((size_t)64 << 20)

static const klp_api *klp;
static klp_pusher *pusher;
static klp_text_buffer why;
static struct rooms *rooms;
static klp_text event_key;
static uint64_t run; /* the cookie of this process' pushes: an outbox has those of others, too */
static size_t pushed, told, failed, without_roster;

/* What anybody who reaches the port can cause, and so is told now and then, with how often it was. */
static struct complaint {
    const char *what;
    char last[256];
    size_t count;
    uint64_t next_ms;
} refused = {.what = "refused"}, not_kept = {.what = "answered, but not kept"};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A room's name is what a player chose: nothing in it may end a line, move a cursor, or pass for another word. `least`
 * is the first character that may. Holds until the next call. */
static const char *printable(klp_text text, char least)
{
    static char out[4 * KLP_MAX_ID_BYTES + 1];
    size_t size = 0;

    for (size_t i = 0; i < text.size && size + 5 < sizeof out; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        bool is_c1 = (byte == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0) ||
                     (byte >= 0x80 && byte < 0xa0 && i > 0 && (unsigned char)text.data[i - 1] == 0xc2);
        if (byte < least || byte == '\\' || byte == 0x7f || is_c1)
            size += (size_t)snprintf(out + size, 5, "\\x%02x", byte);
        else
            out[size++] = text.data[i];
    }
    out[size] = '\0';
    return out;
}

static const char *name_of(klp_text game_id)
{
    return printable(game_id, '!');
}

/* ---- what comes from Photon ---- */

static void complain(struct complaint *complaint, const char *last)
{
    complaint->count++;
    snprintf(complaint->last, sizeof complaint->last, "%s", last);
}

static void tell_complaint(struct complaint *complaint, bool is_time)
{
    if (complaint->count == 0 || (!is_time && now_ms() < complaint->next_ms))
        return;
    fprintf(stderr, "%zu %s, the last: %s\n", complaint->count, complaint->what, complaint->last);
    complaint->count = 0;
    complaint->next_ms = now_ms() + COMPLAINT_MS;
}

static void on_refused(void *context, unsigned status, const char *reason)
{
    char last[sizeof refused.last];

    (void)context;
    snprintf(last, sizeof last, "%u %s", status, printable(klp_cstr(reason), ' '));
    complain(&refused, last);
}

static void on_hook(void *context, const struct room_hook *hook)
{
    (void)context;
    switch (rooms_take(rooms, hook, now_ms())) {
    case ROOM_LATE:
        fprintf(stderr, "%s: a user came after the roster was final, and is not in it\n", name_of(hook->game_id));
        break;
    case ROOM_NOT_KEPT:
        complain(&not_kept, name_of(hook->game_id));
        break;
    case ROOM_REPEATED:
        if (hook->kind == ROOM_CREATE && !hook->is_sent_again)
            fprintf(stderr, "%s: its Create came again, and is taken for that of the same room\n",
                    name_of(hook->game_id));
        break;
    case ROOM_TAKEN:
    case ROOM_UNKNOWN:
        break;
    }
}

/* ---- what goes to Kraty ---- */

static const char *end_text(enum room_end end)
{
    switch (end) {
    case ROOM_ALL_IN:
        return "all who were expected are in";
    case ROOM_FULL:
        return "it is full";
    case ROOM_TIME_UP:
        return "its time to form is up";
    case ROOM_CLOSED:
        return "it was closed";
    case ROOM_EMPTY:
        return "all had left before it was final";
    case ROOM_NEVER_CREATED:
        return "no Create came, so that its roster is not known";
    case ROOM_FAILED:
        return "Photon could not create it";
    case ROOM_INCOMPLETE:
        return "not all of its webhooks could be kept";
    case ROOM_ABANDONED:
        return "it was still forming when this process ended";
    }
    return "";
}

/* False: the queue is full; the same room again when verdicts came. */
static bool push(const struct room_roster *roster)
{
    klp_lobby lobby = KLP_LOBBY_INIT;
    char missing[64] = "";

    lobby.event_key = event_key;
    lobby.key = roster->game_id;
    lobby.player_ids = roster->players;
    lobby.player_count = roster->player_count;
    lobby.capacity = roster->max_players; /* 0, no limit in Photon: the event's */
    lobby.metadata_json = roster->metadata_json;
    lobby.cookie = run;

    klp_status status = klp->push(pusher, &lobby, NULL, &why); /* copies it all, waits for nothing */
    if (status == KLP_E_QUEUE_FULL || status == KLP_E_RESULTS_FULL || status == KLP_E_OUTBOX_FULL ||
        status == KLP_E_NO_MEMORY)
        return false;
    if (status) {
        fprintf(stderr, "%s: not pushed: %s\n", name_of(roster->game_id), why.data);
        failed++;
        return true;
    }
    if (roster->missing_count > 0)
        snprintf(missing, sizeof missing, ", %zu who were expected missing", roster->missing_count);
    fprintf(stderr, "%s: pushed with %zu in%s: %s\n", name_of(roster->game_id), roster->player_count, missing,
            end_text(roster->end));
    pushed++;
    return true;
}

/* Pushes every roster that is final. False: the queue is full. */
static bool push_rosters(void)
{
    struct room_roster roster;

    while (rooms_next(rooms, now_ms(), &roster)) {
        if (roster.end >= ROOM_EMPTY) {
            fprintf(stderr, "%s: not pushed, with %zu in: %s\n", name_of(roster.game_id), roster.player_count,
                    end_text(roster.end));
            without_roster++;
        } else if (!push(&roster)) {
            return false;
        }
        rooms_settle(rooms, now_ms());
    }
    return true;
}

/* ---- what comes from Kraty ---- */

static void tell(const klp_event *event)
{
    told += event->cookie == run;
    failed += !event->ok;
    printf("%s %s %s %.3f ms%s%s%s\n", name_of(event->key), klp->outcome_text(event->outcome),
           event->ok ? event->lobby_id.data : event->error_code.data, (double)event->elapsed_us / 1000,
           event->replayed ? " replayed"
           : event->joined ? " joined"
                           : "",
           event->recovered ? " recovered" : "",
           klp_event_is_idempotency_conflict(event) ? ": a room of this GameId was pushed before, with other players"
                                                    : "");
}

/* Takes up to so many verdicts that are there, lest Photon waits for all of them. False: stdout takes no more. */
static bool hear(size_t most)
{
    const klp_event *event;

    while (most-- > 0 && klp->next_event(pusher, 0, &event) == KLP_OK) {
        tell(event);
        if (fflush(stdout))
            return false; /* not acknowledged: with an outbox it is told again, to the next process */
        klp->ack(pusher, event);
    }
    return true;
}

static void on_log(void *user, int32_t level, klp_text line)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", line.data);
}

/* ---- the loop ---- */

static int shorter(uint64_t a, uint64_t b)
{
    uint64_t wait_ms = a < b ? a : b;
    return wait_ms == UINT64_MAX ? -1 : wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

/* Until a signal comes (true) or stdout takes no more. */
static bool serve(struct receiver *receiver, int signals)
{
    struct pollfd ready[] = {
        {.fd = signals, .events = POLLIN}, {.fd = receiver_fd(receiver), .events = POLLIN}, {.events = POLLIN}};

    klp->event_fd(pusher, &ready[2].fd);
    for (;;) {
        bool is_room = push_rosters(); /* behind the answers to what made them final */
        tell_complaint(&refused, false);
        tell_complaint(&not_kept, false);
        uint64_t rooms_ms = is_room ? rooms_wait_ms(rooms, now_ms()) : FULL_WAIT_MS;
        if (refused.count + not_kept.count > 0 && rooms_ms > COMPLAINT_MS)
            rooms_ms = COMPLAINT_MS;
        if (poll(ready, 3, shorter(rooms_ms, receiver_wait_ms(receiver))) < 0 && errno != EINTR)
            return false;
        if (ready[0].revents)
            return true;
        receiver_run(receiver);
        if (!hear(64))
            return false;
    }
}

/* ---- start and end ---- */

static int block_signals(void)
{
    sigset_t ends;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

static klp_status open_pusher(const struct options *options)
{
    klp_config config = KLP_CONFIG_INIT; /* the API key comes from KRATY_SERVER_KEY */

    config.name = klp_cstr(options->name);
    config.game_id = klp_cstr(options->game_id);
    config.outbox_dir = klp_cstr(options->outbox);
    config.on_log = on_log;
    return klp->open(&config, &pusher, &why);
}

/* What is still on its way has SHUTDOWN_MS; then everything is told. */
static bool stop_pusher(bool is_output_open)
{
    rooms_abandon(rooms);
    push_rosters();
    klp->stop(pusher, SHUTDOWN_MS);
    push_rosters(); /* for which the queue was full: not pushed, and said to be */
    is_output_open = is_output_open && hear(SIZE_MAX);
    tell_complaint(&refused, true);
    tell_complaint(&not_kept, true);
    fprintf(stderr, "%zu pushed, %zu told, %zu left, %zu failed, %zu without a roster\n", pushed, told, pushed - told,
            failed, without_roster);
    return is_output_open;
}

int main(int argc, char **argv)
{
    struct options options;
    struct secrets secrets;
    char secret_why[SECRET_WHY_BYTES];
    struct receiver *receiver = NULL;
    bool is_well = false;
    int error;

    if (!options_read(argc, argv, &options))
        return 2;
    if (!options.is_without_secret && !secrets_read(options.secret_file, SECRET_VARIABLE, &secrets, secret_why))
        return fprintf(stderr, "secret: %s; --no-secret does without\n", secret_why), 2;
    if (!(klp = klp_load(NULL, &why)))
        return fprintf(stderr, "load: %s\n", why.data), 1;

    int signals = block_signals(); /* before there are threads, which inherit that */
    struct timespec started;
    clock_gettime(CLOCK_REALTIME, &started);
    run = (uint64_t)started.tv_sec * 1000000000 + (uint64_t)started.tv_nsec;
    event_key = klp_cstr(options.event_key);
    rooms = rooms_new(&(struct rooms_limits){.rooms = options.rooms,
                                             .actors = MAX_ACTORS,
                                             .bytes = MAX_BYTES,
                                             .form_ms = options.form_ms,
                                             .forget_ms = options.forget_ms});
    const struct receiver_settings settings = {.port = (unsigned)options.port,
                                               .klp = klp,
                                               .secrets = options.is_without_secret ? NULL : &secrets,
                                               .on_hook = on_hook,
                                               .on_refused = on_refused};
    if (!rooms || signals < 0)
        fprintf(stderr, "no memory\n");
    else if (open_pusher(&options))
        fprintf(stderr, "open: %s\n", why.data);
    else if (!(receiver = receiver_start(&settings, &error)))
        fprintf(stderr, "listen on 127.0.0.1:%" PRIu64 ": %s\n", options.port, strerror(error));
    else {
        fprintf(stderr, "listening on http://127.0.0.1:%u\n", receiver_port(receiver));
        is_well = serve(receiver, signals);
    }

    receiver_stop(receiver);
    if (pusher && receiver)
        is_well = stop_pusher(is_well);
    klp->close(pusher);
    rooms_free(rooms);
    return is_well ? 0 : 1;
}
