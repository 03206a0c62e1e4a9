/* SPDX-License-Identifier: Apache-2.0
 *
 * klp_outbox.h for `klp doctor`: a run of it, and the lines that came. Include behind cmocka.h; guest_setup() is the
 * group's setup.
 *
 *     json_t *lines = DOCTOR(fixture, 1, "--game=game_2");
 *     assert_found(lines, "game", "fail", "the key is for game_1");
 *     json_decref(lines);
 *
 * Whatever it is run for, it is asserted that the sandbox saw nothing but GETs, no lobby, and no more of them than two;
 * and that nothing of a secret that a test uses is told: that of SANDBOX_KEY, and DOCTOR_SECRET. */
#ifndef KLP_DOCTOR_H
#define KLP_DOCTOR_H

#include "klp_outbox.h"

#define DOCTOR_SECRET "hush-hush-hush"

/* An array of an object a line. `environment` NULL: the fixture's. New reference. */
json_t *doctor_run(const struct outbox_fixture *fixture, int exit_status, const char *const environment[],
                   const char *const argv[]);

#define DOCTOR(fixture, exit_status, ...)                                                                              \
    doctor_run(fixture, exit_status, NULL, (const char *[]){"klp", "doctor", "--json", ##__VA_ARGS__, NULL})

/* With another environment, which is given in parentheses. */
#define DOCTOR_IN(fixture, exit_status, environment, ...)                                                              \
    doctor_run(fixture, exit_status, (const char *[]){DOCTOR_WORDS environment, NULL},                                 \
               (const char *[]){"klp", "doctor", "--json", ##__VA_ARGS__, NULL})
#define DOCTOR_WORDS(...) __VA_ARGS__

/* As a user who is nobody, if we are root, whom no mode stops. NULL: that cannot be done here. New reference. */
json_t *doctor_run_as_nobody(const struct outbox_fixture *fixture, int exit_status, const char *option,
                             const char *value);

/* The output of a run that another program begins, as an array. Takes the result over. New reference. */
json_t *doctor_lines(struct process_result result, int exit_status);

/* The one line of a check: its status, and a part of what was found, and of the advice (NULL: there is none). */
void doctor_assert(json_t *lines, const char *check, const char *status, const char *found, const char *advice);

#define assert_found(lines, check, status, found)           doctor_assert(lines, check, status, found, NULL)
#define assert_advised(lines, check, status, found, advice) doctor_assert(lines, check, status, found, advice)

/* None of these checks has a line. */
void doctor_assert_none(json_t *lines, const char *check);

#endif
