/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox_client.h"

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
#include <strings.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define START_TIMEOUT_MS   10000
#define STOP_TIMEOUT_MS    10000
#define REQUEST_TIMEOUT_MS 10000L
#define SETTLE_TIMEOUT_MS  10000
#define MAX_ARGS           32

extern char **environ;

struct sandbox_client {
    pid_t pid;
    int stdin_fd;
    int stdout_fd;
    char url[64];
    CURL *control;
};

/* ---- the process ---- */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The environment with our key in it. The array is the caller's, its texts are not. */
static char **environment_with_key(void)
{
    static char key[] = "KRATY_SERVER_KEY=" SANDBOX_KEY;
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **environment = calloc(count + 2, sizeof *environment);
    if (!environment)
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "KRATY_", 6) != 0)
            environment[kept++] = environ[i];
    environment[kept] = key;
    return environment;
}

static int spawn(struct sandbox_client *sandbox, const char *program, const char *const args[])
{
    const char *argv[MAX_ARGS + 3] = {program, "--parent-dies"};
    for (size_t i = 0; args && args[i]; i++) {
        assert_true(i < MAX_ARGS);
        argv[2 + i] = args[i];
    }

    int to_child[2], from_child[2];
    char **environment = environment_with_key();
    /* Close-on-exec: no other child may hold our end of its stdin, or it would outlive us. */
    if (!environment || pipe2(to_child, O_CLOEXEC) != 0 || pipe2(from_child, O_CLOEXEC) != 0)
        fail_msg("cannot make pipes: %s", strerror(errno));

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_child[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from_child[1], STDOUT_FILENO);
    int error = posix_spawn(&sandbox->pid, program, &actions, NULL, (char *const *)argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    free(environment);

    close(to_child[0]);
    close(from_child[1]);
    sandbox->stdin_fd = to_child[1];
    sandbox->stdout_fd = from_child[0];
    return error;
}

/* The one line it prints when it listens. False: it ended, or did not say so in time. */
static bool read_url(struct sandbox_client *sandbox)
{
    char line[128];
    size_t used = 0;
    uint64_t until_ms = now_ms() + START_TIMEOUT_MS;

    while (used < sizeof line - 1 && !memchr(line, '\n', used)) {
        struct pollfd ready = {.fd = sandbox->stdout_fd, .events = POLLIN};
        uint64_t at_ms = now_ms();
        if (at_ms >= until_ms || poll(&ready, 1, (int)(until_ms - at_ms)) <= 0)
            return false;
        ssize_t got = read(sandbox->stdout_fd, line + used, sizeof line - 1 - used);
        if (got <= 0)
            return false;
        used += (size_t)got;
    }
    line[used] = '\0';
    return sscanf(line, "kraty-sandbox listening on %63s", sandbox->url) == 1;
}

/* -1: it did not end in time. */
static int await_exit(pid_t pid, unsigned timeout_ms)
{
    uint64_t until_ms = now_ms() + timeout_ms;
    int status;

    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        if (ended == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        if (ended < 0 || now_ms() >= until_ms)
            return -1;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static void release(struct sandbox_client *sandbox)
{
    sandbox_close_stdin(sandbox);
    close(sandbox->stdout_fd);
    curl_easy_cleanup(sandbox->control);
    free(sandbox);
}

static int end(struct sandbox_client *sandbox, int signal_number)
{
    kill(sandbox->pid, signal_number);
    int status = await_exit(sandbox->pid, STOP_TIMEOUT_MS);
    if (status < 0) {
        kill(sandbox->pid, SIGKILL);
        waitpid(sandbox->pid, NULL, 0);
    }
    return status;
}

struct sandbox_client *sandbox_start(const char *const args[])
{
    const char *program = getenv("KRATY_SANDBOX");
    if (!program || !*program)
        program = "build/kraty-sandbox";

    struct sandbox_client *sandbox = calloc(1, sizeof *sandbox);
    assert_non_null(sandbox);
    int error = spawn(sandbox, program, args);
    if (error) {
        sandbox->pid = 0;
        release(sandbox);
        fail_msg("%s does not start: %s", program, strerror(error));
    }
    sandbox->control = curl_easy_init();
    if (!sandbox->control || !read_url(sandbox)) {
        end(sandbox, SIGKILL);
        release(sandbox);
        fail_msg("%s did not say that it listens", program);
    }
    return sandbox;
}

int sandbox_stop(struct sandbox_client *sandbox)
{
    if (!sandbox)
        return 0;
    int status = end(sandbox, SIGTERM);
    release(sandbox);
    return status;
}

int sandbox_wait(struct sandbox_client *sandbox)
{
    int status = await_exit(sandbox->pid, STOP_TIMEOUT_MS);
    if (status < 0)
        end(sandbox, SIGKILL);
    release(sandbox);
    if (status < 0)
        fail_msg("the sandbox did not end by itself");
    return status;
}

const char *sandbox_url(const struct sandbox_client *sandbox)
{
    return sandbox->url;
}

unsigned sandbox_port(const struct sandbox_client *sandbox)
{
    return (unsigned)strtoul(strrchr(sandbox->url, ':') + 1, NULL, 10);
}

pid_t sandbox_pid(const struct sandbox_client *sandbox)
{
    return sandbox->pid;
}

void sandbox_close_stdin(struct sandbox_client *sandbox)
{
    if (sandbox->stdin_fd >= 0)
        close(sandbox->stdin_fd);
    sandbox->stdin_fd = -1;
}

/* ---- HTTP ---- */

struct text {
    char *bytes;
    size_t size;
};

static size_t append(char *bytes, size_t one, size_t count, void *context)
{
    struct text *text = context;
    char *longer = realloc(text->bytes, text->size + one * count + 1);
    if (!longer)
        return 0;
    memcpy(longer + text->size, bytes, one * count);
    text->bytes = longer;
    text->size += one * count;
    text->bytes[text->size] = '\0';
    return one * count;
}

static struct sandbox_reply perform(struct sandbox_client *sandbox, CURL *curl, const char *method, const char *path,
                                    const char *body, struct curl_slist *headers)
{
    struct sandbox_reply reply = {0};
    struct text received = {0}, received_headers = {0};
    char *url = NULL;
    if (asprintf(&url, "%s%s", sandbox->url, path) < 0)
        fail_msg("out of memory");

    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
    /* Its certificate is the test's own business; here only the bytes matter. */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &received_headers);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);

    reply.result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
    reply.headers = received_headers.bytes ? received_headers.bytes : strdup("");
    reply.body = received.bytes ? received.bytes : strdup("");
    reply.body_bytes = received.size;
    reply.json = json_loadb(reply.body, reply.body_bytes, 0, NULL);
    free(url);
    return reply;
}

static bool has_header(const char *const headers[], const char *name)
{
    for (size_t i = 0; headers && headers[i]; i++)
        if (strncasecmp(headers[i], name, strlen(name)) == 0)
            return true;
    return false;
}

struct sandbox_reply sandbox_request(struct sandbox_client *sandbox, const char *method, const char *path,
                                     const char *body, const char *const headers[])
{
    CURL *curl = curl_easy_init();
    assert_non_null(curl);
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");

    if (!has_header(headers, "Authorization:"))
        list = curl_slist_append(list, "Authorization: Bearer " SANDBOX_KEY);
    if (body && !has_header(headers, "Content-Type:"))
        list = curl_slist_append(list, "Content-Type: application/json");
    for (size_t i = 0; headers && headers[i]; i++)
        list = curl_slist_append(list, headers[i]);

    struct sandbox_reply reply = perform(sandbox, curl, method, path, body, list);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return reply;
}

void sandbox_reply_clear(struct sandbox_reply *reply)
{
    json_decref(reply->json);
    free(reply->headers);
    free(reply->body);
    *reply = (struct sandbox_reply){0};
}

/* ---- the control path ---- */

static json_t *control(struct sandbox_client *sandbox, const char *method, const char *path, const char *body)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    struct sandbox_reply reply = perform(sandbox, sandbox->control, method, path, body, headers);
    curl_easy_setopt(sandbox->control, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);

    json_t *json = json_incref(reply.json);
    CURLcode result = reply.result;
    long status = reply.status;
    sandbox_reply_clear(&reply);
    if (result != CURLE_OK || status != 200 || !json)
        fail_msg("%s %s: %s, status %ld %s", method, path, curl_easy_strerror(result), status,
                 sandbox_text_at(json, "error.message"));
    return json;
}

void sandbox_script(struct sandbox_client *sandbox, const char *rules)
{
    json_decref(control(sandbox, "POST", "/_sandbox/faults", rules));
}

void sandbox_unscript(struct sandbox_client *sandbox)
{
    json_decref(control(sandbox, "DELETE", "/_sandbox/faults", NULL));
}

void sandbox_reset(struct sandbox_client *sandbox)
{
    json_decref(control(sandbox, "POST", "/_sandbox/reset", ""));
}

void sandbox_advance_clock(struct sandbox_client *sandbox, unsigned seconds)
{
    char body[64];
    snprintf(body, sizeof body, "{\"advance_s\": %u}", seconds);
    json_decref(control(sandbox, "POST", "/_sandbox/clock", body));
}

void sandbox_change_keys(struct sandbox_client *sandbox, const char *change)
{
    json_decref(control(sandbox, "POST", "/_sandbox/keys", change));
}

json_t *sandbox_log(struct sandbox_client *sandbox)
{
    return control(sandbox, "GET", "/_sandbox/log", NULL);
}

json_t *sandbox_log_since(struct sandbox_client *sandbox, uint64_t n)
{
    char path[64];
    snprintf(path, sizeof path, "/_sandbox/log?since=%llu", (unsigned long long)n);
    return control(sandbox, "GET", path, NULL);
}

json_t *sandbox_lobbies(struct sandbox_client *sandbox)
{
    return control(sandbox, "GET", "/_sandbox/lobbies", NULL);
}

size_t sandbox_lobby_count(struct sandbox_client *sandbox)
{
    return (size_t)sandbox_stat(sandbox, "lobbies");
}

int64_t sandbox_stat(struct sandbox_client *sandbox, const char *name)
{
    json_t *stats = control(sandbox, "GET", "/_sandbox/stats", NULL);
    json_t *stat = json_object_get(stats, name);
    bool is_there = json_is_integer(stat);
    int64_t value = json_integer_value(stat);
    json_decref(stats);
    if (!is_there)
        fail_msg("the sandbox counts no %s", name);
    return value;
}

/* Looked at twice: a connection that was made just now may not have been accepted yet. */
void sandbox_settle(struct sandbox_client *sandbox)
{
    uint64_t until_ms = now_ms() + SETTLE_TIMEOUT_MS;

    for (unsigned quiet = 0; quiet < 2;) {
        quiet = sandbox_stat(sandbox, "connections_open") == 1 ? quiet + 1 : 0;
        if (now_ms() >= until_ms)
            fail_msg("somebody is still connected to the sandbox");
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
}

void sandbox_quit(struct sandbox_client *sandbox)
{
    json_decref(control(sandbox, "POST", "/_sandbox/quit", ""));
}

/* ---- reading JSON ---- */

json_t *sandbox_at(json_t *json, const char *path)
{
    while (json && *path) {
        size_t length = strcspn(path, ".");
        char step[128];
        snprintf(step, sizeof step, "%.*s", (int)length, path);
        json = json_is_array(json) ? json_array_get(json, strtoul(step, NULL, 10)) : json_object_get(json, step);
        path += length + (path[length] == '.');
    }
    return json;
}

const char *sandbox_text_at(json_t *json, const char *path)
{
    const char *text = json_string_value(sandbox_at(json, path));
    return text ? text : "(nothing)";
}
