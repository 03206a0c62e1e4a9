/* SPDX-License-Identifier: Apache-2.0
 * What Photon sends as X-SecretKey, so that a webhook is known to be Photon's. */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRETS_MAX      4 /* more than one while it is being changed */
#define SECRET_MAX_BYTES 512
#define SECRET_WHY_BYTES 256

struct secrets {
    char values[SECRETS_MAX][SECRET_MAX_BYTES]; /* NULs behind each, up to its end */
    size_t count;
};

/* Of a file, one a line; without one (NULL) that of the environment variable. False: there is none, or it is none that
 * a header can have; `why` says so, and never what it is. */
bool secrets_read(const char *path, const char *variable, struct secrets *secrets, char why[SECRET_WHY_BYTES]);

/* In the same time for every `given` of the same length, how much of it may be right. NULL matches nothing. */
bool secrets_match(const struct secrets *secrets, const char *given);

#endif
