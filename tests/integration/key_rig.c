/* SPDX-License-Identifier: Apache-2.0 */
#include "key_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { WITHIN_MS = 10000, LOOK_EVERY_MS = 200, HEARD_BYTES = 1 << 18 };

bool key_is_in(const char *text)
{
    return strstr(text, "key-for-tests") || strstr(text, "sandbox.k") || strstr(text, "second.k") ||
           strstr(text, "third.k");
}

/* ---- on_log ---- */

/* "<level> <line>\n" of every line; written by the worker. */
static struct {
    pthread_mutex_t lock;
    size_t size;
    char text[HEARD_BYTES];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hear(void *user, int32_t level, klp_text line)
{
    (void)user;
    pthread_mutex_lock(&heard.lock);
    if (heard.size + line.size + 16 < sizeof heard.text)
        heard.size += (size_t)sprintf(heard.text + heard.size, "%d %s\n", level, line.data);
    pthread_mutex_unlock(&heard.lock);
}

/* It may be told nothing of a key, either. */
static void hear_attempt(void *user, const klp_attempt *attempt)
{
    char line[1024];
    int size = snprintf(line, sizeof line, "%s %s %s", attempt->path_template.data, attempt->error_code.data,
                        attempt->request_id.data);
    hear(user, 0, (klp_text){line, (size_t)size});
}

bool has_line(int32_t level, const char *words)
{
    char start[16];
    bool is_found = false;

    snprintf(start, sizeof start, "%d ", level);
    pthread_mutex_lock(&heard.lock);
    for (const char *line = heard.text; !is_found && *line; line = strchr(line, '\n') + 1) {
        const char *at = strstr(line, words);
        is_found = strncmp(line, start, strlen(start)) == 0 && at && at < strchr(line, '\n');
    }
    pthread_mutex_unlock(&heard.lock);
    return is_found;
}

void await_line(int32_t level, const char *words)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (!has_line(level, words)) {
        if (rig_now_ms() > limit_ms)
            fail_msg("nobody said \"%s\"", words);
        rig_blink();
    }
}

/* ---- the rig ---- */

int key_rig_setup(void **state)
{
    heard.size = 0;
    heard.text[0] = '\0';
    return rig_setup(state);
}

int key_rig_teardown(void **state)
{
    struct rig *rig = *state;

    rig_close(rig); /* nothing is said from here on */
    bool is_told = key_is_in(heard.text);
    int status = rig_teardown(state);
    if (is_told)
        print_error("an API key was told to a callback\n");
    return is_told ? -1 : status;
}

klp_config key_rig_config(const struct rig *rig)
{
    klp_config config = rig_config(rig);
    config.session_grace_ms = 60000;
    config.on_log = hear;
    config.on_attempt = hear_attempt;
    return config;
}

/* ---- the sandbox ---- */

void key_add(struct rig *rig, const char *key)
{
    char change[256];
    snprintf(change, sizeof change, "{\"add\":[{\"key\":\"%s\"}]}", key);
    sandbox_change_keys(rig->sandbox, change);
}

void key_add_of(struct rig *rig, const char *key, const char *environment, const char *game)
{
    char change[256];
    snprintf(change, sizeof change, "{\"add\":[{\"key\":\"%s\",\"environment\":\"%s\",\"game\":\"%s\"}]}", key,
             environment, game);
    sandbox_change_keys(rig->sandbox, change);
}

void key_revoke(struct rig *rig, const char *key)
{
    char change[256];
    snprintf(change, sizeof change, "{\"revoke\":[\"%s\"]}", key);
    sandbox_change_keys(rig->sandbox, change);
}

double arrival_ms(json_t *log, size_t i, const char *name)
{
    return json_number_value(json_object_get(json_array_get(log, i), name)) / 1000;
}

static bool is_of_kind(json_t *arrival, enum arrival_kind kind)
{
    const char *path = sandbox_text_at(arrival, "path");
    bool is_push = strstr(path, "/events/") != NULL;
    bool is_a_ping = strcmp(path, "/server/v1/ping") == 0;

    switch (kind) {
    case PUSHES_ARRIVED:
        return is_push;
    case PINGS_ARRIVED:
        return is_a_ping;
    case OTHERS_ARRIVED:
        return !is_push && !is_a_ping;
    case ANY_ARRIVAL:
        break;
    }
    return true;
}

bool is_ping(json_t *log, size_t i)
{
    return is_of_kind(json_array_get(log, i), PINGS_ARRIVED);
}

size_t arrivals(struct rig *rig, enum arrival_kind kind)
{
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, count = 0;

    json_array_foreach(log, i, arrival)
    {
        count += is_of_kind(arrival, kind);
    }
    json_decref(log);
    return count;
}

size_t arrivals_refused(struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, count = 0;

    json_array_foreach(log, i, arrival)
    {
        count += json_integer_value(json_object_get(arrival, "status")) == 401;
    }
    json_decref(log);
    return count;
}

void await_arrivals(struct rig *rig, size_t count)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while ((size_t)sandbox_stat(rig->sandbox, "requests") < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu requests did not arrive", count);
        rig_blink();
    }
}

static size_t decided(struct rig *rig)
{
    json_t *log = sandbox_log(rig->sandbox), *arrival;
    size_t i, count = 0;

    json_array_foreach(log, i, arrival)
    {
        count += json_is_integer(json_object_get(arrival, "result"));
    }
    json_decref(log);
    return count;
}

void await_decided(struct rig *rig, size_t count)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (decided(rig) < count) {
        if (rig_now_ms() > limit_ms)
            fail_msg("%zu requests were not decided", count);
        rig_blink();
    }
}

/* ---- the pusher ---- */

void set_key(struct rig *rig, const char *key)
{
    klp_text_buffer why = {0};
    if (rig->klp->set_api_key(rig->pusher, klp_cstr(key), &why))
        fail_msg("set_api_key: %s", why.data);
    assert_string_equal(why.data, "");
}

void await_gate(struct rig *rig, uint64_t gate)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (rig_stats(rig).gate != gate) {
        if (rig_now_ms() > limit_ms)
            fail_msg("the gate did not become %u", (unsigned)gate);
        rig_blink();
    }
}

void await_generation(struct rig *rig, uint64_t generation)
{
    uint64_t limit_ms = rig_now_ms() + WITHIN_MS;
    while (rig_stats(rig).api_key_generation < generation) {
        if (rig_now_ms() > limit_ms)
            fail_msg("there was no key of generation %u", (unsigned)generation);
        rig_blink();
    }
}

const klp_event *take(struct rig *rig)
{
    const klp_event *event = rig_take(rig);
    assert_false(key_is_in(event->json.data));
    return event;
}

void take_applied(struct rig *rig, int count)
{
    for (int i = 0; i < count; i++) {
        const klp_event *event = take(rig);
        if (event->outcome != KLP_APPLIED)
            fail_msg("%s: %s", event->key.data, event->error_code.data);
        rig_ack(rig, event);
    }
}

void take_failed(struct rig *rig, int32_t outcome, const char *code)
{
    const klp_event *event = take(rig);
    assert_text(event->error_code, code);
    assert_int_equal(event->outcome, outcome);
    rig_ack(rig, event);
}

/* ---- key files ---- */

static void write_text(const char *path, const char *text, int flags)
{
    int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_CREAT | flags, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, text, strlen(text)), strlen(text));
    close(descriptor);
}

struct key_file key_file_make(const char *text)
{
    struct key_file file = {.folder = "/tmp/klp-key-XXXXXX"};
    assert_non_null(mkdtemp(file.folder));
    snprintf(file.path, sizeof file.path, "%s/key", file.folder);
    key_file_write(&file, text);
    return file;
}

void key_file_remove(struct key_file *file)
{
    if (rmdir(file->path) != 0)
        unlink(file->path);
    assert_int_equal(rmdir(file->folder), 0);
}

void key_file_write(const struct key_file *file, const char *text)
{
    write_text(file->path, text, O_TRUNC);
}

void key_file_replace(const struct key_file *file, const char *text)
{
    char other[160];
    snprintf(other, sizeof other, "%s.new", file->path);
    write_text(other, text, O_EXCL);
    assert_int_equal(rename(other, file->path), 0);
}

void await_next_look(void)
{
    uint64_t until_ms = rig_now_ms() + LOOK_EVERY_MS + 1;
    while (rig_now_ms() < until_ms)
        rig_blink();
}
