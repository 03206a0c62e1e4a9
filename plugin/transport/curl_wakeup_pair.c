/* SPDX-License-Identifier: Apache-2.0
 *
 * The pair is known by what it does: of all the process's sockets it is the one that gets one byte, and one more, by
 * our two wake-ups, and is empty before. */
#include "transport/curl_wakeup_pair.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { MOST_CANDIDATES = 64 };

struct candidate {
    int descriptor;
    int queued[3]; /* unsent bytes: before, after one wake-up, after two */
    int unread[3];
};

static bool looks_like_one(int descriptor)
{
    int domain = 0, type = 0, flags = fcntl(descriptor, F_GETFD);
    socklen_t size = sizeof domain;

    return flags >= 0 && !(flags & FD_CLOEXEC) && getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
           domain == AF_UNIX && getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

/* The newest descriptors have the highest numbers, mostly; a host with more candidates than we look at keeps an idle
 * pair, which does no harm. */
static size_t find_candidates(struct candidate *candidates)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (!folder)
        return 0;
    while ((entry = readdir(folder))) {
        char *end;
        long descriptor = strtol(entry->d_name, &end, 10);
        if (*end || end == entry->d_name || !looks_like_one((int)descriptor))
            continue;
        if (count == MOST_CANDIDATES) {
            memmove(candidates, candidates + 1, (MOST_CANDIDATES - 1) * sizeof *candidates);
            count--;
        }
        candidates[count++] = (struct candidate){.descriptor = (int)descriptor};
    }
    closedir(folder);
    return count;
}

static void look(struct candidate *candidates, size_t count, int round)
{
    for (size_t i = 0; i < count; i++)
        if (ioctl(candidates[i].descriptor, SIOCOUTQ, &candidates[i].queued[round]) ||
            ioctl(candidates[i].descriptor, FIONREAD, &candidates[i].unread[round]))
            candidates[i].descriptor = -1;
}

static bool is_read_end(const struct candidate *candidate)
{
    return candidate->descriptor >= 0 && candidate->unread[0] == 0 && candidate->unread[1] == 1 &&
           candidate->unread[2] == 2 && candidate->queued[2] == 0;
}

static bool is_write_end(const struct candidate *candidate)
{
    return candidate->descriptor >= 0 && candidate->queued[0] == 0 && candidate->queued[1] > 0 &&
           candidate->queued[2] > candidate->queued[1] && candidate->unread[2] == 0;
}

static int only_one(const struct candidate *candidates, size_t count, bool (*is_it)(const struct candidate *))
{
    int found = -1;
    for (size_t i = 0; i < count; i++) {
        if (!is_it(&candidates[i]))
            continue;
        if (found >= 0)
            return -1;
        found = candidates[i].descriptor;
    }
    return found;
}

void curl_wakeup_pair_close_on_exec(CURLM *multi)
{
    struct candidate candidates[MOST_CANDIDATES];
    size_t count = find_candidates(candidates);

    look(candidates, count, 0);
    for (int round = 1; round <= 2; round++) {
        if (curl_multi_wakeup(multi))
            return;
        look(candidates, count, round);
    }
    curl_multi_poll(multi, NULL, 0, 0, NULL); /* takes the bytes out again */

    int read_end = only_one(candidates, count, is_read_end), write_end = only_one(candidates, count, is_write_end);
    if (read_end >= 0 && write_end >= 0) {
        fcntl(read_end, F_SETFD, FD_CLOEXEC);
        fcntl(write_end, F_SETFD, FD_CLOEXEC);
    }
}
