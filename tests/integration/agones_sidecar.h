/* SPDX-License-Identifier: Apache-2.0
 *
 * The agones host before a sandbox, and in the place of Agones' sidecar the test itself: a listener on loopback, by
 * whose side the test takes the host's requests one by one, and says each byte of their replies, as a stream of chunks.
 *
 *     agones_start_host(rig, NULL);
 *     sidecar_accept(rig);
 *     sidecar_say_state(rig, "Allocated", "m-1", "\"u-1\",\"u-2\"");
 *     process_await_output(rig->host, 1);
 *
 * What cannot be done fails the running cmocka test with a reason. */
#ifndef AGONES_SIDECAR_H
#define AGONES_SIDECAR_H

#include <stddef.h>
#include <stdint.h>

#include "process.h"
#include "sandbox_client.h"

/* In an annotation of every state: a test whose host says it, fails. */
#define SIDECAR_SECRET "not-for-any-output"

struct agones_rig {
    struct sandbox_client *sandbox;
    struct process *host;
    int listener, stream; /* -1: there is none */
    unsigned port;
    char url[64], port_variable[64], outbox[64];
    const char *environment[6];
};

/* For cmocka: a sandbox and a listener, and no host yet. */
int agones_set_up(void **state);
int agones_tear_down(void **state);

/* With --game game_1 --event duel --key-annotation match-id, and up to four more arguments, NULL-terminated; or NULL.
 */
void agones_start_host(struct agones_rig *rig, const char *const more[]);

/* Ends it with SIGTERM. Asserts that it ended with 0 and said no secret; the caller clears the result. */
struct process_result agones_end_host(struct agones_rig *rig);

/* ---- the sidecar ---- */

/* Its port is free until sidecar_listen(). */
void sidecar_close(struct agones_rig *rig);
void sidecar_listen(struct agones_rig *rig);

/* Takes the next request, which must come, and be one for the watch; and cuts the stream before, if there is one.
 * Returns when, as guest_now_ms() has it. sidecar_accept() says the head of a good reply, too. */
uint64_t sidecar_take(struct agones_rig *rig);
void sidecar_accept(struct agones_rig *rig);

/* Bytes on the connection, as they are. */
void sidecar_say_raw(struct agones_rig *rig, const char *bytes, size_t size);

/* One chunk of the stream. */
void sidecar_say(struct agones_rig *rig, const char *bytes, size_t size);

/* A whole state. key NULL: no such annotation. players: JSON of the list's values, NULL: no list. */
void sidecar_say_state(struct agones_rig *rig, const char *state, const char *key, const char *players);

/* The line of one, as the sidecar sends it, with its line break. Returns its size. */
size_t sidecar_state(char line[2048], const char *state, const char *key, const char *players);

/* Ends the stream: as HTTP does, or without a word. */
void sidecar_end(struct agones_rig *rig);
void sidecar_cut(struct agones_rig *rig);

#endif
