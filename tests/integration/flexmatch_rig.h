/* SPDX-License-Identifier: Apache-2.0
 *
 * For the hosts that FlexMatch's matches come to, run as programs: a sandbox, a folder for what they leave behind, and
 * the documents of tests/vectors/rosters.json. guest_setup() is the group's setup. */
#ifndef FLEXMATCH_RIG_H
#define FLEXMATCH_RIG_H

#include <jansson.h>
#include <stddef.h>

#include "process.h"
#include "sandbox_client.h"

/* The id of the match in all of the documents. */
#define MATCH "7b1c0d52-5a0e-4a55-9d0b-0c6a5f1e2a11"

struct flexmatch_rig {
    struct sandbox_client *sandbox;
    char folder[32];  /* of this test */
    char outbox[48];  /* in it */
    char scratch[48]; /* in it: their TMPDIR, in which they leave nothing behind */
    char url[96], temporary[64];
    const char *environment[8]; /* the sandbox and its key, TMPDIR; the rest is NULL */
};

int flexmatch_set_up(void **state);
int flexmatch_tear_down(void **state);

#define FLEXMATCH_TEST(name) cmocka_unit_test_setup_teardown(name, flexmatch_set_up, flexmatch_tear_down)

/* The document of a vector, on one line. It lives until the program ends. */
const char *flexmatch_document(const char *vector);

/* Waits until the sandbox has seen so many requests, or has so many lobbies, … : one of its stats. */
void flexmatch_await_stat(const struct flexmatch_rig *rig, const char *name, int64_t count);

/* The next push is answered only after what a test does meanwhile. */
void flexmatch_answer_late(const struct flexmatch_rig *rig);

/* The sandbox' one lobby, which there is. New reference. */
json_t *flexmatch_one_lobby(const struct flexmatch_rig *rig);

/* $KRATY_BASE_URL of a port of loopback on which nobody listens while the socket that it returns is open. */
int flexmatch_dead_url(char variable[96]);

#endif
