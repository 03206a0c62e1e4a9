/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a program the way a shell does, for a test: arguments, environment and stdin go in; stdout, stderr and
 * how it ended come out.
 *
 *     struct process_result run = process_run((const char *[]){"klp", "ping", NULL}, environment, NULL);
 *     assert_int_equal(run.exit_status, 0);
 *     process_result_clear(&run);
 *
 * What cannot be done fails the running cmocka test with a reason. A program that takes longer than
 * PROCESS_LIMIT_MS (or its own limit) is killed, and the test failed. In the output of every run it is asserted that
 * neither SANDBOX_KEY nor the KRATY_SERVER_KEY it was given is in it. */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "slowed.h"

#define PROCESS_LIMIT_MS (is_slowed() ? 240000 : 60000)

struct process_setup {
    const char *const *argv;        /* NULL-terminated; argv[0] without a slash is looked for in $BUILD, else build/ */
    const char *const *environment; /* NULL-terminated, or NULL: "NAME=value" sets, "NAME" removes. The rest is
                                       ours, but nothing that begins with KRATY_ */
    const char *output_path;        /* stdout goes to this file; NULL: it is captured */
    bool errors_on_terminal; /* stderr is a terminal, captured nevertheless; skips the test where there is none */
    uint64_t limit_ms;       /* 0: PROCESS_LIMIT_MS */
};

struct process_result {
    int exit_status;   /* -1: a signal ended it */
    int signal_number; /* that one, else 0 */
    char *output;      /* stdout, with a NUL behind it */
    size_t output_bytes;
    char *errors; /* stderr, likewise */
    size_t errors_bytes;
    uint64_t elapsed_ms;
};

/* From start to end; `input` NULL: an empty stdin. */
struct process_result process_run(const char *const argv[], const char *const environment[], const char *input);
void process_result_clear(struct process_result *result);

/* ---- the same in steps ---- */

struct process;

struct process *process_start(const struct process_setup *setup);
pid_t process_pid(const struct process *process);

/* Writes to its stdin and reads its outputs meanwhile. Returns when all is written, or it does not read any more. */
void process_give(struct process *process, const char *bytes, size_t size);
void process_end_input(struct process *process);

/* Waits until stdout (or stderr) holds `lines` line breaks. Returns what came so far, with a NUL behind it. */
const char *process_await_output(struct process *process, size_t lines);
const char *process_await_errors(struct process *process, size_t lines);

/* Waits until stderr has this in it. */
void process_await_errors_with(struct process *process, const char *part);

void process_signal(struct process *process, int signal_number);

/* Closes our end of the pipe that is its stdout: what a reader does that has seen enough. */
void process_close_output(struct process *process);

/* Ends its input, waits for its end, frees the process. */
struct process_result process_finish(struct process *process);

/* ---- what came out ---- */

size_t process_count_lines(const char *text);

/* With cmocka and string.h. */
#define assert_contains(text, part)                                                                                    \
    do {                                                                                                               \
        if (!strstr(text, part))                                                                                       \
            fail_msg("no \"%s\" in: %s", part, text);                                                                  \
    } while (0)

#endif
