/* SPDX-License-Identifier: Apache-2.0
 * What the doctor's checks share: each adds its lines to the report, and to what the later ones build upon. */
#ifndef KLP_DOCTOR_CHECKS_H
#define KLP_DOCTOR_CHECKS_H

#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor_curl.h"
#include "doctor_probe.h"
#include "doctor_report.h"
#include "options.h"

struct examination {
    const struct options *options;
    struct report report;
    uint32_t timeout_ms;       /* of each wait for the network */
    const klp_api *klp;        /* NULL: there is no library to work with */
    struct borrowed_curl curl; /* .is_there: the library's own libcurl can be called */
    bool is_stub;              /* the library has no network */
    bool opens;                /* a pusher does, with everything but the API key */
    bool has_key;              /* one that the library would take */
    bool is_key_in_environment;
    struct probe probe;
};

/* In this order. */

/* library, libcurl, openssl, nanomsg, sqlite: which files they are, and whether the library's calls end up there. */
void check_library(struct examination *examination);
/* open: whether a pusher opens with these settings. */
void check_open(struct examination *examination);
/* key, key-file: whether there is an API key, and who else may read it. */
void check_key(struct examination *examination);
/* proxy, name, connection, tls, server: how far a request comes. */
void check_network(struct examination *examination);
/* clock: ours against the server's. */
void check_clock(struct examination *examination);
/* ping, permission, environment, game: what the server knows of the API key. */
void check_ping(struct examination *examination);
/* outbox, outbox-disk, outbox-space, outbox-sync, outbox-files. */
void check_outbox(struct examination *examination);
void check_outbox_files(struct examination *examination);
/* results, results-folder, results-reader. */
void check_results(struct examination *examination);
/* descriptors, core-dumps. */
void check_limits(struct examination *examination);

#endif
