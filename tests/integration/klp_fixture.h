/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator's command line before a real sandbox, for a test: a run of it, and what came out. Include behind
 * cmocka.h; guest_setup() is the group's setup. */
#ifndef KLP_FIXTURE_H
#define KLP_FIXTURE_H

#include <jansson.h>
#include <stdint.h>

#include "guest.h"
#include "process.h"
#include "sandbox_client.h"

#define KEY      "KRATY_SERVER_KEY=" SANDBOX_KEY
#define ONE(key) "push", "--game", "game_1", "--event", "duel", "--key", key, "--player", "alice", "--player", "bob"
#define MANY     "push", "--game", "game_1", "--event", "duel"
#define ROW(key) "{\"key\":\"" key "\",\"players\":[\"alice\",\"bob\"]}\n"

struct fixture {
    struct sandbox_client *sandbox;
    char url[96];
    const char *environment[3];
};

/* cmocka's setup and teardown: *state becomes a struct fixture. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

/* Waits until the sandbox saw as many. */
void fixture_await_requests(const struct fixture *fixture, int64_t count);

struct run {
    int exit_status;
    json_t *events;
    char *errors;
    uint64_t elapsed_ms;
};

/* Takes the result over. No signal ended it, and whatever happened, stdout has events and nothing else. */
struct run run_of(struct process_result result);
void run_clear(struct run *run);

#define RUN(environment, input, ...) run_of(process_run((const char *[]){"klp", __VA_ARGS__, NULL}, environment, input))

#define START(fixture, ...)                                                                                            \
    process_start(&(struct process_setup){.argv = (const char *[]){"klp", __VA_ARGS__, NULL},                          \
                                          .environment = (fixture)->environment})

#define assert_ended(run, status, count)                                                                               \
    do {                                                                                                               \
        if ((run).exit_status != (status) || json_array_size((run).events) != (count))                                 \
            fail_msg("exit status %d, %zu events: %s", (run).exit_status, json_array_size((run).events),               \
                     (run).errors);                                                                                    \
    } while (0)

/* Wrong usage: nothing on stdout, nothing sent but `requests` of before, and stderr says what it is. */
#define assert_refused_after(fixture, requests, complaint, ...)                                                        \
    do {                                                                                                               \
        struct run refused = RUN((fixture)->environment, ROW("never"), __VA_ARGS__);                                   \
        assert_contains(refused.errors, complaint);                                                                    \
        assert_ended(refused, 2, 0);                                                                                   \
        assert_int_equal(sandbox_stat((fixture)->sandbox, "requests"), requests);                                      \
        run_clear(&refused);                                                                                           \
    } while (0)

#define assert_refused(fixture, complaint, ...) assert_refused_after(fixture, 0, complaint, __VA_ARGS__)

#endif
