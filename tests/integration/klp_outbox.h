/* SPDX-License-Identifier: Apache-2.0
 *
 * klp_fixture.h with a directory for outboxes. Include behind cmocka.h; guest_setup() is the group's setup. */
#ifndef KLP_OUTBOX_H
#define KLP_OUTBOX_H

#include "klp_fixture.h"

struct outbox_fixture {
    struct fixture *klp;
    char directory[64];
};

int outbox_set_up(void **state);
int outbox_tear_down(void **state);

#define OUTBOX_TEST(name) cmocka_unit_test_setup_teardown(name, outbox_set_up, outbox_tear_down)

#define PUSH_MANY(fixture) MANY, "--outbox", (fixture)->directory

/* A row of push whose key is "m-<number>". */
#define NUMBERED_ROW "{\"key\":\"m-%d\",\"players\":[\"alice\",\"bob\"]}\n"

/* Leaves `count` pushes m-1, m-2, … without a verdict in the outbox of `name`, by killing a klp that pushes to a server
 * which does not answer. Each may have reached it. */
void outbox_leave_pushes(const struct outbox_fixture *fixture, const char *name, int count);

/* What `klp outbox …` prints: an array of a JSON object a line. New reference. It ends with `exit_status`. */
json_t *outbox_run(const struct outbox_fixture *fixture, int exit_status, const char *const argv[]);
#define OUTBOX(fixture, exit_status, ...)                                                                              \
    outbox_run(fixture, exit_status,                                                                                   \
               (const char *[]){"klp", "outbox", __VA_ARGS__, "--outbox", (fixture)->directory, NULL})

/* Of an array the objects whose member `name` is the text `value`. New reference. */
json_t *outbox_those(json_t *array, const char *name, const char *value);

#endif
