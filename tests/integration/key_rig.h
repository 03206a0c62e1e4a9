/* SPDX-License-Identifier: Apache-2.0
 * What tests about API keys share, beside rig.h: other keys of the sandbox's, what it saw of them, key files, and an
 * operator's ear. Everything here fails the running cmocka test with a reason instead of returning an error. */
#ifndef KEY_RIG_H
#define KEY_RIG_H

#include "rig.h"

/* The sandbox knows them once they are added; none of them is ever to be seen. */
#define SECOND_KEY "second.key-for-tests-only-2"
#define THIRD_KEY  "third.key-for-tests-only-3"

/* Whether a text has anything of an API key in it. */
bool key_is_in(const char *text);

/* cmocka's, around rig_setup() and rig_teardown(): what on_log and rig_why() were told is searched for a key. */
int key_rig_setup(void **state);
int key_rig_teardown(void **state);

/* rig_config() with a long grace, and the ear. */
klp_config key_rig_config(const struct rig *rig);

/* ---- the sandbox ---- */

void key_add(struct rig *rig, const char *key);
void key_add_of(struct rig *rig, const char *key, const char *environment, const char *game);
void key_revoke(struct rig *rig, const char *key);

enum arrival_kind { ANY_ARRIVAL, PUSHES_ARRIVED, PINGS_ARRIVED, OTHERS_ARRIVED };

/* Requests in the log so far; and of them those whose key the sandbox did not take. */
size_t arrivals(struct rig *rig, enum arrival_kind kind);
size_t arrivals_refused(struct rig *rig);

/* Waits until so many are in. */
void await_arrivals(struct rig *rig, size_t count);

/* Until the server has looked at the key of so many, and done what they ask. */
void await_decided(struct rig *rig, size_t count);

/* "at_us", "answered_us" of the log's i-th, in ms. */
double arrival_ms(json_t *log, size_t i, const char *name);
bool is_ping(json_t *log, size_t i);

/* ---- the pusher ---- */

void set_key(struct rig *rig, const char *key);
void await_gate(struct rig *rig, uint64_t gate);
void await_generation(struct rig *rig, uint64_t generation);

/* Takes the next event; a key must not be in it. */
const klp_event *take(struct rig *rig);

/* The next `count` events are applied pushes. */
void take_applied(struct rig *rig, int count);

/* The next event is a push that ended so; it is acknowledged. */
void take_failed(struct rig *rig, int32_t outcome, const char *code);

/* ---- key files ---- */

struct key_file {
    char folder[64];
    char path[128];
};

struct key_file key_file_make(const char *text);
void key_file_remove(struct key_file *file);
void key_file_write(const struct key_file *file, const char *text);   /* in place */
void key_file_replace(const struct key_file *file, const char *text); /* by another one that takes its name */

/* Waits until the file is looked at again before the next request. */
void await_next_look(void);

/* ---- on_log ---- */

/* Whether a line of this level has these words in it; within ten seconds. */
void await_line(int32_t level, const char *words);
bool has_line(int32_t level, const char *words);

#endif
