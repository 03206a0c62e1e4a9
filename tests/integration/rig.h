/* SPDX-License-Identifier: Apache-2.0
 * A real pusher before a real sandbox, for a test. Everything here fails the running cmocka test with a reason
 * instead of returning an error. */
#ifndef RIG_H
#define RIG_H

#include <stdbool.h>

#include "kraty/lobby_pusher_load.h"
#include "sandbox_client.h"
#include "slowed.h"

struct rig {
    const klp_api *klp;
    struct sandbox_client *sandbox;
    klp_pusher *pusher; /* NULL until rig_open() */
};

/* The library under test, from $BUILD (default `build`). */
const klp_api *rig_load(void);
const char *rig_library(void);             /* its path */
const char *rig_program(const char *name); /* of $BUILD/tests/programs; a static text */

/* cmocka's setup and teardown: *state becomes a struct rig with a sandbox and no pusher. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Points at the sandbox, with its key and game_1; one attempt a call, so that each is seen by itself. */
klp_config rig_config(const struct rig *rig);
/* The same with four attempts, and waits of exactly 200, 400, 800 ms. */
klp_config rig_config_retrying(const struct rig *rig);
void rig_open(struct rig *rig, const klp_config *config); /* NULL: rig_config() as it is */
void rig_close(struct rig *rig);

/* A push of alice and bob to quick_brawl. */
klp_lobby rig_lobby(const char *key);
klp_ticket rig_push(struct rig *rig, const char *key);
klp_ticket rig_push_lobby(struct rig *rig, const klp_lobby *lobby);

void rig_push_many(struct rig *rig, int from, int to); /* of the keys m-<from>, … */

/* Scripts an action of the sandbox for the next `times` calls of any kind; -1: for all. */
void rig_script(struct rig *rig, int times, const char *action);

/* The next event, within ten seconds. */
const klp_event *rig_take(struct rig *rig);
void rig_ack(struct rig *rig, const klp_event *event);

/* The event of a push of `key`, not acknowledged. */
const klp_event *rig_push_and_take(struct rig *rig, const char *key);

klp_stats rig_stats(struct rig *rig);

/* A port of 127.0.0.1 that refuses connections, the same each time, and nobody else's as long as this process lives. As
 * guest_hold_port(). */
unsigned rig_closed_port(void);

/* Between two looks at something that another thread or process changes. */
void rig_blink(void);

/* Milliseconds on the monotonic clock. */
uint64_t rig_now_ms(void);

#define assert_text(text, expected)                                                                                    \
    do {                                                                                                               \
        assert_string_equal((text).data, expected);                                                                    \
        assert_int_equal((text).size, strlen(expected));                                                               \
    } while (0)

#endif
