/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the plugin's manners share: running the hosts of programs/, the plugin inside the test itself,
 * sockets that behave badly, certificates. What cannot be done fails the running cmocka test with a reason. */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kraty/lobby_pusher.h"
#include "slowed.h"

/* Fewer rounds where each costs ten times as much, or a hundred times. */
#define GUEST_ROUNDS(count) (is_under_valgrind() ? (count) / 20u : is_slowed() ? (count) / 5u : (count))

/* Longer than anything here takes; what takes longer hangs. */
#define GUEST_LIMIT_MS 20000u

uint64_t guest_now_ms(void);

/* A group's setup: sees to it that $BUILD, $KLP_LIBRARY and $KRATY_SANDBOX are set, and no proxy is. */
int guest_setup(void **state);

/* ---- the hosts of programs/ ---- */

/* Runs one with up to four arguments (NULL: no more). It must end with 0, and print nothing. Returns how long it took.
 * A host that says it cannot try skips the test. */
uint64_t guest_run(const char *program, const char *a, const char *b, const char *c, const char *d);

/* Its path. */
const char *guest_program(const char *name, char path[4096]);

/* For process_run(): the plugin, and the key of the sandbox. */
extern const char *const *guest_environment;

/* ---- the plugin in this process ---- */

const klp_api *guest_api(void);

/* game_1, SANDBOX_KEY, a deadline of three seconds, or thirty under valgrind. `url` and `ca_file` are pointed into. */
klp_config guest_config(const char *url, const char *ca_file);

klp_pusher *guest_open(const klp_config *config);

/* One lobby of battle_royale with two players. */
void guest_push(klp_pusher *pusher, const char *key);

/* The next event, which must come. Valid until acknowledged, or close. */
const klp_event *guest_next_event(klp_pusher *pusher);

/* open, push, the verdict, which the caller gives to guest_done(). */
struct guest_verdict {
    klp_pusher *pusher;
    const klp_event *event;
};
struct guest_verdict guest_push_once(const klp_config *config, const char *key);
void guest_done(struct guest_verdict *verdict);

void guest_assert_applied(const klp_event *event);
void guest_assert_failed(const klp_event *event, int32_t outcome, const char *code, bool is_retryable);

/* Waits until `count` requests are under way. */
void guest_await_in_flight(klp_pusher *pusher, uint64_t count);

/* stop(drain_ms), which must return in time. Returns how long it took. */
uint64_t guest_stop(klp_pusher *pusher, uint32_t drain_ms);
void guest_close(klp_pusher *pusher);

/* ---- sockets that behave badly ---- */

/* On a free port of 127.0.0.1. Connections are made by the kernel, and nobody answers. */
int guest_listen(unsigned *port);

/* A free port that refuses connections, and is given to nobody else while the socket is open. Who asks for it and says
 * SO_REUSEADDR, as nanomsg does, may listen there. */
int guest_hold_port(unsigned *port);

/* guest_listen() with its queue full: a further connection hangs without an answer. Both are the caller's to close. */
struct guest_black_hole {
    int listener, fillers[8];
    unsigned port;
};
struct guest_black_hole guest_open_black_hole(void);
void guest_close_black_hole(struct guest_black_hole *hole);

/* Takes the next connection, which must come. */
int guest_accept(int listener);

/* Whether a connection has come that nobody took. */
bool guest_was_visited(int listener);

/* What the peer says first, with a NUL behind it. */
size_t guest_receive(int connection, char *bytes, size_t room);

/* ---- certificates ---- */

/* A folder with an authority, and certificates for 127.0.0.1: of it one that is good, and one that has expired; and one
 * of nobody. */
struct guest_certificates {
    char folder[64];
    char authority[96], good[96], good_key[96], expired[96], expired_key[96], self_signed[96], self_signed_key[96];
};
void guest_make_certificates(struct guest_certificates *certificates);
void guest_remove_certificates(struct guest_certificates *certificates);

#endif
