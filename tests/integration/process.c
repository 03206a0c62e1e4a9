/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox_client.h"

extern char **environ;

/* What came out of one of its descriptors so far. */
struct capture {
    int descriptor; /* -1: at its end */
    char *bytes;    /* with a NUL behind them */
    size_t size, room;
};

struct process {
    pid_t pid;
    int input; /* -1: closed */
    struct capture output, errors;
    char *key; /* the KRATY_SERVER_KEY it was given, or NULL */
    uint64_t started_ms, limit_ms;
};

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void close_descriptor(int *descriptor)
{
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* ---- its environment ---- */

static bool names_same(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return size == strcspn(b, "=") && strncmp(a, b, size) == 0;
}

static bool is_changed(const char *variable, const char *const changes[])
{
    for (; changes && *changes; changes++)
        if (names_same(variable, *changes))
            return true;
    return false;
}

/* The array is the caller's, its texts are not. */
static const char **make_environment(const char *const changes[])
{
    size_t count = 1, used = 0;

    for (char **variable = environ; *variable; variable++)
        count++;
    for (const char *const *change = changes; change && *change; change++)
        count++;
    const char **environment = calloc(count, sizeof *environment);
    assert_non_null(environment);

    for (char **variable = environ; *variable; variable++)
        if (strncmp(*variable, "KRATY_", 6) != 0 && !is_changed(*variable, changes))
            environment[used++] = *variable;
    for (; changes && *changes; changes++)
        if (strchr(*changes, '='))
            environment[used++] = *changes;
    return environment;
}

static char *find_key(const char *const environment[])
{
    static const char name[] = "KRATY_SERVER_KEY=";

    for (; *environment; environment++)
        if (strncmp(*environment, name, sizeof name - 1) == 0 && (*environment)[sizeof name - 1])
            return strdup(*environment + sizeof name - 1);
    return NULL;
}

/* ---- its start ---- */

static void open_pipe(int ends[2])
{
    /* Close-on-exec: a second child must not hold our end of the first one's stdin. */
    if (pipe2(ends, O_CLOEXEC) != 0)
        fail_msg("no pipe: %s", strerror(errno));
}

static void open_terminal(int ends[2])
{
    char name[64];

    ends[0] = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[0] < 0 || grantpt(ends[0]) || unlockpt(ends[0]) || ptsname_r(ends[0], name, sizeof name))
        skip(); /* a machine without /dev/pts */
    ends[1] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (ends[1] < 0)
        fail_msg("%s: %s", name, strerror(errno));
}

static void find_program(const char *name, char path[4096])
{
    const char *build = getenv("BUILD");
    if (strchr(name, '/'))
        snprintf(path, 4096, "%s", name);
    else
        snprintf(path, 4096, "%s/%s", build && *build ? build : "build", name);
}

static int spawn(struct process *process, const struct process_setup *setup, const int ends[3])
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    char program[4096];
    const char **environment = make_environment(setup->environment);

    find_program(setup->argv[0], program);
    process->key = find_key(environment);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    if (setup->output_path)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, setup->output_path, O_WRONLY | O_CREAT, 0600);
    else
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[2], STDERR_FILENO);

    posix_spawnattr_init(&attributes);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

    int error = posix_spawn(&process->pid, program, &actions, &attributes, (char *const *)(uintptr_t)setup->argv,
                            (char *const *)(uintptr_t)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);
    return error;
}

struct process *process_start(const struct process_setup *setup)
{
    int input[2], output[2], errors[2];
    struct process *process = calloc(1, sizeof *process);
    assert_non_null(process);
    process->output.bytes = calloc(1, 1);
    process->errors.bytes = calloc(1, 1);
    assert_true(process->output.bytes && process->errors.bytes);

    signal(SIGPIPE, SIG_IGN); /* a program that ended early closes its stdin under our pen */
    open_pipe(input);
    open_pipe(output);
    setup->errors_on_terminal ? open_terminal(errors) : open_pipe(errors);
    process->input = input[1];
    process->output.descriptor = output[0];
    process->errors.descriptor = errors[0];
    fcntl(process->input, F_SETFL, O_NONBLOCK);

    process->started_ms = now_ms();
    process->limit_ms = setup->limit_ms ? setup->limit_ms : (uint64_t)PROCESS_LIMIT_MS;
    int error = spawn(process, setup, (const int[]){input[0], output[1], errors[1]});
    close(input[0]);
    close(output[1]);
    close(errors[1]);
    if (error)
        fail_msg("%s does not start: %s", setup->argv[0], strerror(error));
    return process;
}

pid_t process_pid(const struct process *process)
{
    return process->pid;
}

/* ---- its input and outputs ---- */

static void take(struct capture *capture)
{
    if (capture->room - capture->size < 65537) {
        capture->room = capture->room * 2 + 131072;
        capture->bytes = realloc(capture->bytes, capture->room);
        assert_non_null(capture->bytes);
    }
    ssize_t got = read(capture->descriptor, capture->bytes + capture->size, 65536);
    if (got > 0)
        capture->size += (size_t)got;
    else if (got == 0 || errno != EINTR)
        close_descriptor(&capture->descriptor); /* EIO: the last end of a terminal was closed */
    capture->bytes[capture->size] = '\0';
}

static void kill_and_fail(struct process *process)
{
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    fail_msg("did not do what it was waited for within %llu ms\nstdout: %s\nstderr: %s",
             (unsigned long long)process->limit_ms, process->output.bytes, process->errors.bytes);
}

/* Waits until something came out of it, or it can be written to if `wants_input`. */
static void pump(struct process *process, bool wants_input)
{
    struct pollfd ready[3] = {{.fd = process->output.descriptor, .events = POLLIN},
                              {.fd = process->errors.descriptor, .events = POLLIN},
                              {.fd = wants_input ? process->input : -1, .events = POLLOUT}};
    uint64_t age_ms = now_ms() - process->started_ms;

    if (age_ms >= process->limit_ms)
        kill_and_fail(process);
    if (poll(ready, 3, (int)(process->limit_ms - age_ms)) < 0)
        return;
    if (ready[0].revents)
        take(&process->output);
    if (ready[1].revents)
        take(&process->errors);
}

void process_give(struct process *process, const char *bytes, size_t size)
{
    while (size > 0 && process->input >= 0) {
        ssize_t written = write(process->input, bytes, size);
        if (written >= 0)
            bytes += written, size -= (size_t)written;
        else if (errno == EAGAIN)
            pump(process, true);
        else if (errno != EINTR)
            close_descriptor(&process->input);
    }
}

void process_end_input(struct process *process)
{
    close_descriptor(&process->input);
}

static size_t count_lines(const char *bytes, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] == '\n';
    return count;
}

static const char *await_lines(struct process *process, struct capture *capture, size_t lines)
{
    while (count_lines(capture->bytes, capture->size) < lines) {
        if (capture->descriptor < 0)
            fail_msg("it ended before its line %zu\nstdout: %s\nstderr: %s", lines, process->output.bytes,
                     process->errors.bytes);
        pump(process, false);
    }
    return capture->bytes;
}

const char *process_await_output(struct process *process, size_t lines)
{
    return await_lines(process, &process->output, lines);
}

const char *process_await_errors(struct process *process, size_t lines)
{
    return await_lines(process, &process->errors, lines);
}

void process_await_errors_with(struct process *process, const char *part)
{
    while (!strstr(process->errors.bytes, part)) {
        if (process->errors.descriptor < 0)
            fail_msg("it ended without \"%s\"\nstdout: %s\nstderr: %s", part, process->output.bytes,
                     process->errors.bytes);
        pump(process, false);
    }
}

void process_signal(struct process *process, int signal_number)
{
    assert_int_equal(kill(process->pid, signal_number), 0);
}

void process_close_output(struct process *process)
{
    close_descriptor(&process->output.descriptor);
}

/* ---- its end ---- */

static void assert_silent_about(const struct process *process, const char *key)
{
    if (!key)
        return;
    if (memmem(process->output.bytes, process->output.size, key, strlen(key)))
        fail_msg("the API key is on stdout");
    if (memmem(process->errors.bytes, process->errors.size, key, strlen(key)))
        fail_msg("the API key is on stderr");
}

struct process_result process_finish(struct process *process)
{
    int status;

    process_end_input(process);
    while (process->output.descriptor >= 0 || process->errors.descriptor >= 0)
        pump(process, false);
    while (waitpid(process->pid, &status, WNOHANG) == 0) {
        if (now_ms() - process->started_ms >= process->limit_ms)
            kill_and_fail(process);
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }

    assert_silent_about(process, SANDBOX_KEY);
    assert_silent_about(process, process->key);
    struct process_result result = {
        .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .signal_number = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        .output = process->output.bytes,
        .output_bytes = process->output.size,
        .errors = process->errors.bytes,
        .errors_bytes = process->errors.size,
        .elapsed_ms = now_ms() - process->started_ms,
    };
    free(process->key);
    free(process);
    return result;
}

struct process_result process_run(const char *const argv[], const char *const environment[], const char *input)
{
    struct process *process = process_start(&(struct process_setup){.argv = argv, .environment = environment});
    if (input)
        process_give(process, input, strlen(input));
    return process_finish(process);
}

void process_result_clear(struct process_result *result)
{
    free(result->output);
    free(result->errors);
    *result = (struct process_result){0};
}

/* ---- what came out ---- */

size_t process_count_lines(const char *text)
{
    return count_lines(text, strlen(text));
}
