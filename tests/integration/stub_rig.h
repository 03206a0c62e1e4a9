/* SPDX-License-Identifier: Apache-2.0
 * A pusher of the stub's, and its controls, for a test. */
#ifndef STUB_RIG_H
#define STUB_RIG_H

#include "kraty/lobby_pusher_stub.h"

struct stub_rig {
    const klp_api *klp;
    const klp_stub_api *stub;
    klp_pusher *pusher;
};

const char *stub_library(void); /* its path, of $BUILD */

/* cmocka's setup and teardown: *state becomes a struct stub_rig without a pusher. */
int stub_rig_setup(void **state);
int stub_rig_teardown(void **state);

/* game_1, the name `stubbed`, waits of exactly the backoff. */
klp_config stub_rig_config(void);
void stub_rig_open(struct stub_rig *rig, const klp_config *config); /* NULL: stub_rig_config() */

/* The same with time held, and a script (NULL: none). */
void stub_rig_open_held(struct stub_rig *rig, const char *script);
void stub_rig_script(struct stub_rig *rig, const char *script);
void stub_rig_advance(struct stub_rig *rig, uint64_t ms);

/* alice and bob, to quick_brawl. */
klp_lobby stub_rig_lobby(const char *key);
klp_ticket stub_rig_push(struct stub_rig *rig, const char *key);

const klp_event *stub_rig_take(struct stub_rig *rig);     /* within ten seconds */
const klp_event *stub_rig_take_now(struct stub_rig *rig); /* NULL: there is none yet */
void stub_rig_ack(struct stub_rig *rig, const klp_event *event);
klp_stub_request stub_rig_request(struct stub_rig *rig, size_t index);
size_t stub_rig_request_count(struct stub_rig *rig);
size_t stub_rig_lobby_count(struct stub_rig *rig);

#define assert_event(event, wanted_outcome, wanted_code, wanted_attempts)                                              \
    do {                                                                                                               \
        const klp_event *told = (event);                                                                               \
        assert_non_null(told);                                                                                         \
        assert_int_equal(told->outcome, wanted_outcome);                                                               \
        assert_string_equal(told->error_code.data, wanted_code);                                                       \
        assert_int_equal(told->attempts, wanted_attempts);                                                             \
    } while (0)

#endif
