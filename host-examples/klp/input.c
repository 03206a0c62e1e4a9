/* SPDX-License-Identifier: Apache-2.0 */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "complain.h"

enum { ROOM = INPUT_MAX_BYTES + 1 }; /* the last byte shows that there is more */

bool input_read(klp_text *input)
{
    char *bytes = malloc(ROOM);
    size_t size = 0;
    ssize_t got = 1;

    if (!bytes) {
        complain("out of memory");
        return false;
    }
    while (got != 0 && size < ROOM) {
        got = read(STDIN_FILENO, bytes + size, ROOM - size);
        if (got < 0 && errno != EINTR) {
            complain("stdin: %s", strerror(errno));
            goto free_bytes;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    if (size > INPUT_MAX_BYTES) {
        complain("stdin has more than 1 MiB");
        goto free_bytes;
    }
    *input = (klp_text){bytes, size};
    return true;

free_bytes:
    free(bytes);
    return false;
}

void input_clear(klp_text *input)
{
    free((char *)(uintptr_t)input->data);
    *input = (klp_text)KLP_TEXT_NONE;
}
