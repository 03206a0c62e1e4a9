/* SPDX-License-Identifier: Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

enum { PATIENCE_MS = 2000 }; /* for a reader, when the program was asked to end */

/* False: nobody reads. A pipe that is writable takes PIPE_BUF bytes without blocking. */
static bool wait_until_writable(int signals)
{
    struct pollfd ready[] = {{.fd = STDOUT_FILENO, .events = POLLOUT}, {.fd = signals, .events = POLLIN}};

    while (poll(ready, 2, -1) < 0 && errno == EINTR)
        ;
    if (ready[0].revents || !ready[1].revents)
        return true;
    return poll(ready, 1, PATIENCE_MS) > 0;
}

static bool write_all(int signals, const char *bytes, size_t size)
{
    while (size > 0) {
        if (!wait_until_writable(signals)) {
            errno = ETIMEDOUT;
            return false;
        }
        ssize_t written = write(STDOUT_FILENO, bytes, size < PIPE_BUF ? size : PIPE_BUF);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (written > 0)
            bytes += written, size -= (size_t)written;
    }
    return true;
}

bool output_line(struct output *output, klp_text line)
{
    if (output->has_failed)
        return false;
    if (write_all(output->signals, line.data, line.size) && write_all(output->signals, "\n", 1))
        return true;
    complain("stdout: %s", strerror(errno));
    output->has_failed = true;
    return false;
}
