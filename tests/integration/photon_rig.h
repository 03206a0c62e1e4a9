/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver of Photon's webhooks as a program, a sandbox behind it, and Photon's part: POSTs over HTTP. What cannot
 * be done fails the running cmocka test with a reason. */
#ifndef PHOTON_RIG_H
#define PHOTON_RIG_H

#include <curl/curl.h>
#include <stdbool.h>

#include "process.h"
#include "sandbox_client.h"

#define PHOTON_SECRET "photon.secret-for-tests-only"

struct photon {
    struct sandbox_client *sandbox;
    struct process *process; /* NULL: it does not run */
    unsigned port;           /* of the receiver */
    CURL *curl;              /* one connection, kept alive */
    char folder[32], url[64];
    const char *environment[5];
};

struct photon_reply {
    long status; /* 0: there was none */
    char body[1024];
    double seconds;
};

/* Of each test: a sandbox, and a folder. */
int photon_set_up(void **state);
int photon_tear_down(void **state);

/* Starts it on a free port, for quick_brawl of game_1, with further options (NULL-terminated); it listens then. */
void photon_start(struct photon *photon, const char *const options[]);

/* A webhook. `headers`: beside the secret, or another secret in its stead; NULL-terminated, or NULL. */
struct photon_reply photon_post(struct photon *photon, const char *path, const char *body, const char *const headers[]);

/* The same, which must be answered that all is well: Realtime's by its Type, with a CreateOptions of its own or none
 * (NULL); and Quantum's, whose body is `{"GameId": game_id` and then what is said. */
void photon_realtime(struct photon *photon, const char *type, const char *game_id, const char *user_id,
                     unsigned actor_nr, const char *create_options);
__attribute__((format(printf, 4, 5))) void photon_quantum(struct photon *photon, const char *path, const char *game_id,
                                                          const char *format, ...);

/* Waits until its stdout (or stderr) says this. */
void photon_await_output(struct photon *photon, const char *said);
void photon_await_errors(struct photon *photon, const char *said);

/* What it said on stderr so far. */
const char *photon_errors(struct photon *photon);

/* Waits for its end. The secret must be in nothing that it said. */
struct process_result photon_wait(struct photon *photon);

/* SIGTERM, after which it must end with 0 and, on stdout, exactly so many lines said. */
void photon_stop(struct photon *photon, size_t lines);

/* The sandbox' lobby of this key, which must be there, pushed once: of exactly these players, in any order, a space
 * between. A new reference. */
json_t *photon_lobby(struct photon *photon, const char *key, const char *players);

#endif
