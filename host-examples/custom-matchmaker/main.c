/* SPDX-License-Identifier: Apache-2.0
 *
 * A matchmaker in C: finished rosters come in on stdin, one JSON object a line, and go to Kraty; the verdicts come
 * back on a nanomsg socket of this process, and go to stdout, one line each.
 *
 *     custom-matchmaker [--results URL] < rosters.ndjson */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <kraty/lobby_pusher_load.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define GAME_ID     "game_1"
#define EVENT_KEY   "quick_brawl" /* of rosters that name no event */
#define SILENCE_MS  60000         /* longer than any push may take: its deadline */
#define SHUTDOWN_MS 2000          /* what is on its way gets this long when a signal ends us */

static const klp_api *klp;
static klp_pusher *pusher;
static klp_text_buffer why;

static char rows[2 << 20];
static size_t row_bytes, row_number, pushed, told, repeated, failed;
static uint64_t last_seq;

/* {"key": "…", "players": ["…"], "event"?: "…", "capacity"?: 8, "fill_bots"?: true, "metadata"?: {…}}
 * False: the queue is full; the same row again when verdicts came. */
static bool push_row(const char *row, size_t size)
{
    static klp_text players[KLP_MAX_PLAYERS];
    const char *key, *event = EVENT_KEY;
    int capacity = 0, fill_bots = -1;
    json_t *ids, *metadata = NULL;
    json_error_t error;

    json_t *roster = json_loadb(row, size, 0, &error);
    if (!roster ||
        json_unpack_ex(roster, &error, 0, "{s:s, s:o, s?s, s?i, s?b, s?o}", "key", &key, "players", &ids, "event",
                       &event, "capacity", &capacity, "fill_bots", &fill_bots, "metadata", &metadata)) {
        fprintf(stderr, "row %zu: %s\n", ++row_number, error.text);
        json_decref(roster);
        return ++failed;
    }

    klp_lobby lobby = KLP_LOBBY_INIT;
    lobby.event_key = klp_cstr(event);
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = json_array_size(ids);
    for (size_t i = 0; i < lobby.player_count && i < KLP_MAX_PLAYERS; i++)
        players[i] = klp_cstr(json_string_value(json_array_get(ids, i)));
    lobby.capacity = (uint32_t)capacity;
    lobby.fill_bots = fill_bots < 0 ? KLP_FILL_BOTS_DEFAULT : fill_bots ? KLP_FILL_BOTS_YES : KLP_FILL_BOTS_NO;
    char *metadata_json = json_dumps(metadata, JSON_COMPACT | JSON_ENCODE_ANY);
    lobby.metadata_json = klp_cstr(metadata_json);

    klp_status status = klp->push(pusher, &lobby, NULL, &why); /* copies it all, waits for nothing */
    free(metadata_json);
    json_decref(roster);
    if (status == KLP_E_QUEUE_FULL || status == KLP_E_RESULTS_FULL)
        return false;
    row_number++;
    if (status)
        fprintf(stderr, "row %zu: %s\n", row_number, why.data);
    return status ? ++failed : ++pushed;
}

/* Pushes the whole rows in the buffer. False: the queue is full. */
static bool push_rows(void)
{
    char *row = rows, *end;

    while ((end = memchr(row, '\n', row_bytes)) && push_row(row, (size_t)(end - row))) {
        row_bytes -= (size_t)(end + 1 - row);
        row = end + 1;
    }
    memmove(rows, row, row_bytes);
    return !end;
}

/* False: that was the last of them. */
static bool read_rows(void)
{
    size_t room = sizeof rows - 1 - row_bytes;
    ssize_t got = room ? read(STDIN_FILENO, rows + row_bytes, room) : 0;

    if (got > 0)
        row_bytes += (size_t)got;
    else if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    else if (row_bytes > 0)
        rows[row_bytes++] = '\n'; /* the last one came without, or is longer than the buffer and no JSON */
    return got > 0 || !room;
}

static void tell(const klp_event *event)
{
    if (event->seq <= last_seq)
        return; /* every event comes at least once, and this one came before */
    last_seq = event->seq;
    told++, repeated += event->replayed || event->joined, failed += !event->ok;
    printf("%s %s %s %.3f ms%s\n", event->key.data, klp->outcome_text(event->outcome),
           event->ok ? event->lobby_id.data : event->error_code.data, (double)event->elapsed_us / 1000,
           event->replayed ? " replayed"
           : event->joined ? " joined"
                           : "");
}

/* Takes what has come: a message is a batch of events, a line each. False: stdout takes no more. */
static bool hear(int results)
{
    char *message, reply[40];
    klp_event *event;
    int size;

    while ((size = nn_recv(results, &message, NN_MSG, NN_DONTWAIT)) >= 0) {
        for (char *line = message, *end; (end = memchr(line, '\n', (size_t)(message + size - line))); line = end + 1)
            if (klp->decode_event(line, (size_t)(end - line), &event, &why) == KLP_OK) {
                tell(event);
                klp->free_event(event);
            }
        nn_freemsg(message);
        if (fflush(stdout))
            return false; /* only what is safe with us is acknowledged: all else will be told again */
        nn_send(results, reply, (size_t)sprintf(reply, "{\"ack\":%" PRIu64 "}", last_seq), NN_DONTWAIT);
    }
    return true;
}

/* One poll loop, as a matchmaker has one anyway, until every roster has its verdict. False: something else ended it. */
static bool run(int results, int signals)
{
    struct pollfd ready[] = {{.fd = signals, .events = POLLIN}, {.events = POLLIN}, {.events = POLLIN}};
    bool is_input_open = true;

    nn_getsockopt(results, NN_SOL_SOCKET, NN_RCVFD, &ready[1].fd, &(size_t){sizeof ready[1].fd});
    for (;;) {
        bool is_room = push_rows();
        ready[2].fd = is_input_open && is_room ? STDIN_FILENO : -1;
        if (!is_input_open && is_room && told == pushed)
            return true;
        if (poll(ready, 3, is_input_open ? -1 : SILENCE_MS) <= 0 || ready[0].revents || !hear(results))
            return false;
        if (ready[2].revents)
            is_input_open = read_rows();
    }
}

int main(int argc, char **argv)
{
    char directory[128], own_url[160] = "";
    const char *url = argc == 3 && !strcmp(argv[1], "--results") ? argv[2] : own_url;
    const klp_event *event;
    bool is_all = false;
    sigset_t ends;

    if (argc > 1 && url == own_url)
        return fprintf(stderr, "Usage: %s [--results URL] < rosters.ndjson\n", argv[0]), 2;
    if (!(klp = klp_load(NULL, &why)))
        return fprintf(stderr, "load: %s\n", why.data), 1;
    snprintf(directory, sizeof directory, "%s/custom-matchmaker.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (url == own_url && mkdtemp(directory)) /* only this user may enter it: the socket asks for no password */
        sprintf(own_url, "ipc://%s/results.ipc", directory);

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);

    klp_config config = KLP_CONFIG_INIT; /* the API key comes from KRATY_SERVER_KEY */
    config.game_id = klp_cstr(GAME_ID);
    config.results_url = klp_cstr(url);
    int results = nn_socket(AF_SP, NN_REP);
    if (nn_bind(results, url) < 0)
        fprintf(stderr, "bind %s: %s\n", url, nn_strerror(nn_errno()));
    else if (klp->open(&config, &pusher, &why))
        fprintf(stderr, "open: %s\n", why.data);
    else
        is_all = run(results, signalfd(-1, &ends, SFD_CLOEXEC));

    klp->flush(pusher, SHUTDOWN_MS); /* one thread cannot wait in stop() and hear: so first all verdicts … */
    klp->stop(pusher, 0);
    while (klp->next_event(pusher, 0, &event) == KLP_OK) { /* … and then what nobody acknowledged */
        tell(event);
        klp->ack(pusher, event);
    }
    klp->close(pusher);
    nn_close(results);
    if (url == own_url)
        unlink(own_url + strlen("ipc://")), rmdir(directory);
    fprintf(stderr, "%zu pushed, %zu repeated, %zu failed\n", pushed, repeated, failed);
    return is_all && !failed && !fflush(stdout) ? 0 : 1;
}
