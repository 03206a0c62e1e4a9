/* SPDX-License-Identifier: Apache-2.0
 *
 * A host beside a game server in Agones: watches its GameServer through the SDK's sidecar, and pushes the roster when
 * it is allocated. The matchmaker's allocation put it there: the lobby's key into an annotation, the players into the
 * list `players`.
 *
 *     agones --game GAME --event EVENT --key-annotation NAME [--players N] [--keep NAME]... [--outbox DIR]
 *            [--silence SECONDS] */
#include <kraty/lobby_pusher_load.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "watch.h"

#define SHUTDOWN_MS 5000 /* well within the 30 s that Kubernetes gives a pod to end */

static const klp_api *klp;
static klp_pusher *pusher;
static klp_text_buffer why;

static klp_text game_id, event_key, outbox_dir;
static klp_text kept[KLP_MAX_ATTRIBUTES]; /* annotations that go into the lobby's metadata */
static klp_roster_options options = KLP_ROSTER_OPTIONS_INIT;
static unsigned players_wanted, silence_s = 300;

/* ---- from states to pushes ---- */

/* The allocation that is seen: whether it is decided, and the key that was pushed ("": it was refused). */
static bool is_decided;
static char pushed_key[KLP_MAX_ID_BYTES + 1];

/* A state comes often; what is said of it is said once. */
static void say_once(const char *sentence)
{
    static char said[512];

    if (strncmp(said, sentence, sizeof said - 1) == 0)
        return;
    snprintf(said, sizeof said, "%s", sentence);
    if (*said)
        fprintf(stderr, "agones: %s\n", said);
}

static void push(const klp_roster *roster)
{
    klp_lobby lobby = klp_roster_lobby(roster);
    lobby.event_key = event_key;

    klp_status status = klp->push(pusher, &lobby, NULL, &why); /* copies it all, waits for nothing */
    say_once(status && !why.size ? klp->status_text(status) : why.data);
    /* Else there is no room for now: the next state is another chance, and with the next stream one comes. */
    is_decided = status == KLP_OK || status == KLP_E_INVALID_ARGUMENT;
    snprintf(pushed_key, sizeof pushed_key, "%s", roster->key.data);
}

static void on_allocated(const klp_roster *roster)
{
    char reason[80];

    if (is_decided && (!*pushed_key || strcmp(pushed_key, roster->key.data) == 0))
        return; /* a repeat: the state comes whenever anything in it changes, and first on every new stream */
    if (roster->player_count >= players_wanted) {
        push(roster);
        return;
    }
    snprintf(reason, sizeof reason, "allocated, with %zu of %u players", roster->player_count, players_wanted);
    say_once(reason);
}

/* Allocated, and no roster in it. If players come in one by one, the first would make a lobby of one: so unless it is
 * known how many to wait for, this allocation is not pushed any more. */
static void refuse(const char *reason)
{
    say_once(reason);
    is_decided = players_wanted == 0;
    pushed_key[0] = '\0';
}

/* A line of the watch: {"result": GameServer}, or {"error": …} before the stream ends. */
static void on_state(const char *line, size_t size)
{
    static const char state[] = "status.state ";
    klp_roster *roster;
    klp_status status = klp->parse_roster(klp_cstr(KLP_FORMAT_AGONES_GAMESERVER), line, size, &options, &roster, &why);

    if (status == KLP_OK) {
        on_allocated(roster);
        klp->free_roster(roster);
    } else if (status == KLP_E_NOT_FINAL) {
        is_decided = false; /* Ready, Reserved, Shutdown, …: allocated again, it is for another match */
        say_once("");
    } else if (status != KLP_E_ROSTER || strncmp(why.data, state, sizeof state - 1) == 0) {
        say_once(why.data); /* no GameServer, or none with a state */
    } else if (!is_decided) {
        refuse(why.data);
    }
}

static void on_complaint(const char *complaint)
{
    fprintf(stderr, "agones: watch: %s\n", complaint);
}

/* ---- verdicts ---- */

/* False: stdout took one of them not. It is kept, and with an outbox it is told to the next process. */
static bool tell_verdicts(uint32_t within_ms)
{
    const klp_event *event;
    bool is_told = true;

    while (klp->next_event(pusher, within_ms, &event) == KLP_OK) {
        printf("%s %s %s%s\n", event->key.data, klp->outcome_text(event->outcome),
               event->ok ? event->lobby_id.data : event->error_code.data, event->replayed ? " replayed" : "");
        if (fflush(stdout) == 0)
            klp->ack(pusher, event);
        else
            is_told = false;
    }
    return is_told;
}

/* ---- one loop, one thread ---- */

/* Until a signal ends it. False: not all was told, or something else ended it. */
static bool run(struct watch *watch, int signals)
{
    struct curl_waitfd ready[] = {{.fd = signals, .events = CURL_WAIT_POLLIN}, {.events = CURL_WAIT_POLLIN}};
    bool is_well = klp->event_fd(pusher, &ready[1].fd) == KLP_OK, is_all_told = true;

    while (is_well && !ready[0].revents) {
        is_well = watch_wait(watch, ready, 2);
        is_all_told = tell_verdicts(0) && is_all_told;
    }
    return is_well && is_all_told;
}

static bool read_number(const char *text, unsigned longest, unsigned *number)
{
    char *end;
    unsigned long read = strtoul(text, &end, 10);

    *number = (unsigned)read;
    return *text >= '0' && *text <= '9' && !*end && read >= 1 && read <= longest;
}

static bool read_options(int argc, char **argv)
{
    bool is_fine = argc % 2 == 1;

    options.attributes = kept;
    for (int i = 1; is_fine && i < argc; i += 2) {
        const char *name = argv[i], *value = argv[i + 1];
        if (strcmp(name, "--game") == 0)
            game_id = klp_cstr(value);
        else if (strcmp(name, "--event") == 0)
            event_key = klp_cstr(value);
        else if (strcmp(name, "--key-annotation") == 0)
            options.key_annotation = klp_cstr(value);
        else if (strcmp(name, "--outbox") == 0)
            outbox_dir = klp_cstr(value);
        else if (strcmp(name, "--keep") == 0 && options.attribute_count < KLP_MAX_ATTRIBUTES)
            kept[options.attribute_count++] = klp_cstr(value);
        else if (strcmp(name, "--players") == 0)
            is_fine = read_number(value, KLP_MAX_PLAYERS, &players_wanted);
        else if (strcmp(name, "--silence") == 0)
            is_fine = read_number(value, 86400, &silence_s);
        else
            is_fine = false;
    }
    return is_fine && game_id.size && event_key.size && options.key_annotation.size;
}

/* Of options that are wrong it is known before the first match. */
static bool are_options_right(void)
{
    klp_roster *roster;
    return klp->parse_roster(klp_cstr(KLP_FORMAT_AGONES_GAMESERVER), "{}", 2, &options, &roster, &why) !=
           KLP_E_INVALID_ARGUMENT;
}

/* Agones sets it in the containers of a GameServer whose sidecar listens elsewhere. */
static bool find_sidecar(char url[64])
{
    const char *text = getenv("AGONES_SDK_HTTP_PORT");
    unsigned port = 9358;

    if (text && *text && !read_number(text, UINT16_MAX, &port))
        return false;
    snprintf(url, 64, "http://localhost:%u/watch/gameserver", port);
    return true;
}

int main(int argc, char **argv)
{
    char url[64], host_name[HOST_NAME_MAX + 1] = "";
    struct watch *watch;
    sigset_t ends;
    int signals;

    if (!read_options(argc, argv))
        return fprintf(stderr,
                       "Usage: %s --game GAME --event EVENT --key-annotation NAME [--players N] [--keep NAME]... "
                       "[--outbox DIR] [--silence SECONDS]\n",
                       argv[0]),
               2;
    if (!find_sidecar(url))
        return fprintf(stderr, "agones: AGONES_SDK_HTTP_PORT is no port\n"), 2;
    if (!(klp = klp_load(NULL, &why)))
        return fprintf(stderr, "agones: load: %s\n", why.data), 1;
    if (!are_options_right())
        return fprintf(stderr, "agones: %s\n", why.data), 2;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    gethostname(host_name, HOST_NAME_MAX);

    klp_config config = KLP_CONFIG_INIT; /* the API key comes from KRATY_SERVER_KEY */
    config.game_id = game_id;
    config.name = klp_cstr(host_name); /* in a pod the GameServer's: the same when its containers start again */
    config.outbox_dir = outbox_dir;
    if (klp->open(&config, &pusher, &why))
        return fprintf(stderr, "agones: open: %s\n", why.data), 1;

    bool is_well = false;
    if ((signals = signalfd(-1, &ends, SFD_CLOEXEC)) < 0 ||
        !(watch = watch_open(url, silence_s, on_state, on_complaint)))
        fprintf(stderr, "agones: out of memory or descriptors\n");
    else {
        is_well = run(watch, signals);
        watch_close(watch);
    }
    klp->stop(pusher, SHUTDOWN_MS);
    is_well = tell_verdicts(KLP_WAIT_FOREVER) && is_well;
    klp->close(pusher);
    return is_well ? 0 : 1;
}
