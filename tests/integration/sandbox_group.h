/* SPDX-License-Identifier: Apache-2.0
 *
 * One sandbox for a group of tests, each of which finds it empty; with cmocka. */
#ifndef SANDBOX_GROUP_H
#define SANDBOX_GROUP_H

#include "sandbox_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define PING        "/server/v1/ping"
#define PUSH(event) "/server/v1/games/game_1/events/" event "/lobbies"

static struct sandbox_client *sandbox;

static inline int start_group(void **state)
{
    (void)state;
    sandbox = sandbox_start(NULL);
    return 0;
}

static inline int stop_group(void **state)
{
    (void)state;
    return sandbox_stop(sandbox);
}

static inline int forget_everything(void **state)
{
    (void)state;
    sandbox_reset(sandbox);
    return 0;
}

static inline struct sandbox_reply get(const char *path)
{
    return sandbox_request(sandbox, "GET", path, NULL, NULL);
}

static inline struct sandbox_reply post(const char *path, const char *body)
{
    return sandbox_request(sandbox, "POST", path, body, NULL);
}

/* The newest entry of the log, as a new reference. */
static inline json_t *last_arrival(void)
{
    json_t *log = sandbox_log(sandbox);
    assert_true(json_array_size(log) > 0);
    json_t *last = json_incref(json_array_get(log, json_array_size(log) - 1));
    json_decref(log);
    return last;
}

#endif
