/* SPDX-License-Identifier: Apache-2.0 */
#include "recorder.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"

enum { MOST_ATTEMPTS = 4096, MOST_LINES = 4096, ATTEMPT_TEXTS = 6, WITHIN_MS = 10000 };

struct recorder {
    pthread_mutex_t lock;
    pthread_t thread; /* of the first call */
    bool has_thread;
    const char *fault;
    struct seen_attempt *attempts[MOST_ATTEMPTS];
    struct seen_line *lines[MOST_LINES];
    size_t attempt_count, line_count;
    void (*also)(void *user);
    void *also_user;
};

/* Under the lock. No assertion: this is not the test's thread. */
static void expect(struct recorder *recorder, bool holds, const char *what)
{
    if (!holds && !recorder->fault)
        recorder->fault = what;
}

static void look_at_thread(struct recorder *recorder)
{
    sigset_t blocked;

    if (!recorder->has_thread)
        recorder->thread = pthread_self();
    recorder->has_thread = true;
    expect(recorder, pthread_equal(recorder->thread, pthread_self()) != 0, "called by two threads");
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    for (int number = 1; number < 32; number++)
        if (number != SIGKILL && number != SIGSTOP)
            expect(recorder, sigismember(&blocked, number) == 1, "called with a signal not blocked");
}

static klp_text copy_of(struct recorder *recorder, klp_text text)
{
    expect(recorder, text.data != NULL, "a text that is NULL");
    if (!text.data)
        return text;
    expect(recorder, text.data[text.size] == '\0', "a text without its NUL");
    char *copy = malloc(text.size + 1);
    if (copy)
        memcpy(copy, text.data, text.size + 1);
    return (klp_text){copy, text.size};
}

static void on_attempt(void *user, const klp_attempt *attempt)
{
    struct recorder *recorder = user;
    struct seen_attempt *seen = calloc(1, sizeof *seen);

    pthread_mutex_lock(&recorder->lock);
    look_at_thread(recorder);
    expect(recorder, attempt->struct_size == sizeof *attempt, "an attempt of another size");
    seen->attempt = *attempt;
    seen->at_ms = rig_now_ms();
    klp_text *texts[ATTEMPT_TEXTS] = {&seen->attempt.method,          &seen->attempt.path_template,
                                      &seen->attempt.idempotency_key, &seen->attempt.trace_parent,
                                      &seen->attempt.error_code,      &seen->attempt.request_id};
    for (size_t i = 0; i < ATTEMPT_TEXTS; i++)
        *texts[i] = copy_of(recorder, *texts[i]);
    expect(recorder, recorder->attempt_count < MOST_ATTEMPTS, "too many attempts");
    recorder->attempts[recorder->attempt_count++ % MOST_ATTEMPTS] = seen;
    pthread_mutex_unlock(&recorder->lock);
    if (recorder->also)
        recorder->also(recorder->also_user);
}

static void on_log(void *user, int32_t level, klp_text line)
{
    struct recorder *recorder = user;
    struct seen_line *seen = calloc(1, sizeof *seen);

    pthread_mutex_lock(&recorder->lock);
    look_at_thread(recorder);
    expect(recorder, line.data[line.size] == '\0', "a line without its NUL");
    expect(recorder, strlen(line.data) == line.size, "a line with a NUL in it");
    expect(recorder, !strpbrk(line.data, "\r\n"), "a line with a line break");
    expect(recorder, line.size > 0 && line.size < sizeof seen->text, "a line of no size, or too long");
    expect(recorder, level >= KLP_LOG_ERROR && level <= KLP_LOG_INFO, "an unknown level");
    seen->level = level;
    strncat(seen->text, line.data, sizeof seen->text - 1);
    expect(recorder, recorder->line_count < MOST_LINES, "too many lines");
    recorder->lines[recorder->line_count++ % MOST_LINES] = seen;
    pthread_mutex_unlock(&recorder->lock);
    if (recorder->also)
        recorder->also(recorder->also_user);
}

struct recorder *recorder_new(klp_config *config)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);

    assert_non_null(recorder);
    pthread_mutex_init(&recorder->lock, NULL);
    config->on_attempt = on_attempt;
    config->on_log = on_log;
    config->callback_user = recorder;
    return recorder;
}

void recorder_free(struct recorder *recorder)
{
    for (size_t i = 0; i < recorder->attempt_count; i++) {
        const klp_attempt *attempt = &recorder->attempts[i]->attempt;
        const klp_text texts[ATTEMPT_TEXTS] = {attempt->method,       attempt->path_template, attempt->idempotency_key,
                                               attempt->trace_parent, attempt->error_code,    attempt->request_id};
        for (size_t text = 0; text < ATTEMPT_TEXTS; text++)
            free((char *)(uintptr_t)texts[text].data);
        free(recorder->attempts[i]);
    }
    for (size_t i = 0; i < recorder->line_count; i++)
        free(recorder->lines[i]);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
}

size_t recorder_attempts(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    size_t count = recorder->attempt_count;
    pthread_mutex_unlock(&recorder->lock);
    return count;
}

const struct seen_attempt *recorder_attempt(struct recorder *recorder, size_t i)
{
    const struct seen_attempt *seen = NULL;

    for (uint64_t limit_ms = rig_now_ms() + WITHIN_MS; !seen;) {
        pthread_mutex_lock(&recorder->lock);
        if (i < recorder->attempt_count)
            seen = recorder->attempts[i];
        pthread_mutex_unlock(&recorder->lock);
        if (!seen && rig_now_ms() > limit_ms)
            fail_msg("attempt number %zu was not told", i);
        if (!seen)
            rig_blink();
    }
    return seen;
}

size_t recorder_lines(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    size_t count = recorder->line_count;
    pthread_mutex_unlock(&recorder->lock);
    return count;
}

const struct seen_line *recorder_line(struct recorder *recorder, size_t i)
{
    pthread_mutex_lock(&recorder->lock);
    const struct seen_line *seen = i < recorder->line_count ? recorder->lines[i] : NULL;
    pthread_mutex_unlock(&recorder->lock);
    assert_non_null(seen);
    return seen;
}

size_t recorder_lines_with(struct recorder *recorder, const char *part)
{
    size_t count = recorder_lines(recorder), found = 0;

    for (size_t i = 0; i < count; i++)
        found += strstr(recorder_line(recorder, i)->text, part) != NULL;
    return found;
}

const char *recorder_fault(struct recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    const char *fault = recorder->fault;
    pthread_mutex_unlock(&recorder->lock);
    return fault;
}

void recorder_also(struct recorder *recorder, void (*call)(void *user), void *user)
{
    recorder->also = call;
    recorder->also_user = user;
}
