/* SPDX-License-Identifier: Apache-2.0
 * A host's reader of results, in a process of its own, so that a test can kill it: binds a nanomsg REP socket, appends
 * every line it is told to a file, and only then acknowledges.
 *
 * Usage: result_reader URL FILE [--tick-ms N] [--answer all|ok|seq|half|none|nonsense]
 *
 * --tick-ms   answers at most one message a tick, as a game's loop does
 * --answer    all: an empty reply; ok: `ok`; seq: {"ack": the last seq} (the default); half: acknowledges the first
 * half of a message; none: nothing is acknowledged ({"ack":0}); nonsense: no acknowledgement at all
 *
 * Says `bound` once it is. */
#include <fcntl.h>
#include <inttypes.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool store(int file, const char *lines, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, lines, size);
        if (written <= 0)
            return false;
        lines += written;
        size -= (size_t)written;
    }
    return true;
}

/* A reader that was killed while it wrote has left half a line, of an event that it did not acknowledge. */
static bool cut_half_line(int file)
{
    off_t size = lseek(file, 0, SEEK_END);
    char byte = '\n';

    while (size > 0 && pread(file, &byte, 1, size - 1) == 1 && byte != '\n')
        size--;
    return size >= 0 && ftruncate(file, size) == 0;
}

static uint64_t seq_of(const char *line)
{
    const char *seq =
        strstr(line, "\"seq\":"); /* nothing before it holds text of the host's own but the pusher's name */
    return seq ? strtoull(seq + 6, NULL, 10) : 0;
}

/* The seq of the last line, or of the one in the middle. */
static uint64_t seq_in(char *lines, size_t size, bool is_half)
{
    uint64_t count = 0, seq = 0, seen = 0;

    for (size_t i = 0; i < size; i++)
        count += lines[i] == '\n';
    for (char *line = lines, *end;
         line < lines + size && (end = memchr(line, '\n', (size_t)(lines + size - line))) != NULL; line = end + 1) {
        if (is_half && count > 1 && seen >= count / 2)
            break;
        *end = '\0';
        seq = seq_of(line);
        *end = '\n';
        seen++;
    }
    return seq;
}

int main(int argc, char **argv)
{
    const char *answer = "seq";
    long tick_ms = 0;
    char reply[64];

    if (argc < 3)
        return 2;
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--tick-ms") == 0)
            tick_ms = strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--answer") == 0)
            answer = argv[i + 1];
        else
            return 2;
    }
    int file = open(argv[2], O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int socket = nn_socket(AF_SP, NN_REP);
    if (file < 0 || !cut_half_line(file) || socket < 0 || nn_bind(socket, argv[1]) < 0) {
        perror(argv[1]);
        return 1;
    }
    puts("bound");
    fflush(stdout);

    for (;;) {
        char *lines;
        int size = nn_recv(socket, &lines, NN_MSG, 0);
        if (size < 0 || !store(file, lines, (size_t)size))
            return 1;
        int reply_bytes = 0;
        if (strcmp(answer, "ok") == 0)
            reply_bytes = snprintf(reply, sizeof reply, "ok");
        else if (strcmp(answer, "seq") == 0 || strcmp(answer, "half") == 0)
            reply_bytes = snprintf(reply, sizeof reply, "{\"ack\":%" PRIu64 "}",
                                   seq_in(lines, (size_t)size, strcmp(answer, "half") == 0));
        else if (strcmp(answer, "none") == 0)
            reply_bytes = snprintf(reply, sizeof reply, "{\"ack\":0}");
        else if (strcmp(answer, "nonsense") == 0)
            reply_bytes = snprintf(reply, sizeof reply, "thanks a lot");
        nn_freemsg(lines);
        if (tick_ms)
            nanosleep(&(struct timespec){tick_ms / 1000, tick_ms % 1000 * 1000000}, NULL);
        nn_send(socket, reply, (size_t)reply_bytes, 0);
    }
}
