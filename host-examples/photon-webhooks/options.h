/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* The secret of an environment has no place on a command line, which all of the machine can read. */
#define SECRET_VARIABLE "PHOTON_WEBHOOK_SECRET"

struct options {
    const char *game_id, *event_key, *secret_file, *outbox, *name;
    bool is_without_secret;
    uint64_t port, form_ms, forget_ms, rooms;
};

/* False: stderr says how it is used. */
bool options_read(int argc, char **argv, struct options *options);

#endif
