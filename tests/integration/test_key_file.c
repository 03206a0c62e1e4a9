/* SPDX-License-Identifier: Apache-2.0
 * The file that holds the API key: whatever becomes of it, the pusher goes on with the last good key. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "arrival.h"
#include "key_rig.h"

static klp_config config_with_file(const struct rig *rig, const char *path)
{
    klp_config config = key_rig_config(rig);
    config.api_key = klp_cstr(NULL);
    config.api_key_file = klp_cstr(path);
    return config;
}

static void open_with_file(struct rig *rig, const struct key_file *file)
{
    klp_config config = config_with_file(rig, file->path);
    rig_open(rig, &config);
}

static void push_applied(struct rig *rig, const char *key)
{
    rig_push(rig, key);
    take_applied(rig, 1);
}

/* The first key is good no more: that nothing was refused shows that the second one was used in time. */
static void assert_second_is_used(struct rig *rig)
{
    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    await_next_look();
    push_applied(rig, "with-the-second");
    assert_int_equal(arrivals_refused(rig), 0);
    assert_int_equal(rig_stats(rig).api_key_generation, 2);
    assert_true(has_line(KLP_LOG_INFO, "new API key"));
}

static void a_file_that_is_rewritten_in_place_is_used_for_the_next_attempt(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY "\n");

    open_with_file(rig, &file);
    push_applied(rig, "with-the-first");
    assert_int_equal(rig_stats(rig).api_key_generation, 1);
    key_file_write(&file, SECOND_KEY "\r\n");
    assert_second_is_used(rig);
    key_file_remove(&file);
}

static void a_file_that_another_one_replaces_is_used_for_the_next_attempt(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    open_with_file(rig, &file);
    push_applied(rig, "with-the-first");
    key_file_replace(&file, " \t" SECOND_KEY " \n\n");
    assert_second_is_used(rig);
    key_file_remove(&file);
}

/* key -> ..data/key, ..data -> ..1; then ..data is swapped for a link to ..2. */
static void a_secret_that_kubernetes_swaps_is_used_for_the_next_attempt(void **state)
{
    static const char *const texts[] = {SANDBOX_KEY, SECOND_KEY};
    struct rig *rig = *state;
    struct key_file files[2];
    char folder[] = "/tmp/klp-key-XXXXXX", data[64], swapped[64], key[64];

    assert_non_null(mkdtemp(folder));
    snprintf(data, sizeof data, "%s/..data", folder);
    snprintf(swapped, sizeof swapped, "%s/..data_tmp", folder);
    snprintf(key, sizeof key, "%s/key", folder);
    for (int i = 0; i < 2; i++) {
        snprintf(files[i].folder, sizeof files[i].folder, "%s/..%d", folder, i + 1);
        snprintf(files[i].path, sizeof files[i].path, "%s/..%d/key", folder, i + 1);
        assert_int_equal(mkdir(files[i].folder, 0700), 0);
        key_file_write(&files[i], texts[i]);
    }
    assert_int_equal(symlink("..1", data), 0);
    assert_int_equal(symlink("..data/key", key), 0);

    klp_config config = config_with_file(rig, key);
    rig_open(rig, &config);
    push_applied(rig, "with-the-first");
    assert_int_equal(symlink("..2", swapped), 0);
    assert_int_equal(rename(swapped, data), 0);
    assert_second_is_used(rig);

    rig_close(rig);
    for (int i = 0; i < 2; i++)
        key_file_remove(&files[i]);
    unlink(key);
    unlink(data);
    assert_int_equal(rmdir(folder), 0);
}

/* ─── Files that hold no key ────────────────────────────────────────────────────────────────────── */

static void remove_file(const struct key_file *file)
{
    assert_int_equal(unlink(file->path), 0);
}

static void make_folder_of(const struct key_file *file)
{
    remove_file(file);
    assert_int_equal(mkdir(file->path, 0700), 0);
}

/* Whoever opened it to read would wait for a writer. */
static void make_pipe_of(const struct key_file *file)
{
    remove_file(file);
    assert_int_equal(mkfifo(file->path, 0600), 0);
}

static void make_unreadable(const struct key_file *file)
{
    assert_int_equal(chmod(file->path, 0), 0);
}

static void make_too_long(const struct key_file *file)
{
    char text[KLP_MAX_KEY_BYTES + 2];
    memset(text, 'k', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    key_file_write(file, text);
}

/* A key that fits, were it not that what stands behind it is another one. */
static void make_of_two_lines_far_apart(const struct key_file *file)
{
    char text[8192];
    memset(text, ' ', sizeof text);
    memcpy(text, SECOND_KEY "\n", sizeof SECOND_KEY);
    memcpy(text + 5000, THIRD_KEY "\n", sizeof THIRD_KEY + 1);
    key_file_write(file, text);
}

/* Of which only the first bytes would be read as a key. */
static void make_key_behind_white_space(const struct key_file *file)
{
    char text[8192];
    memset(text, '\n', 4090);
    strcpy(text + 4090, SECOND_KEY);
    key_file_write(file, text);
}

static void empty(const struct key_file *file)
{
    key_file_write(file, "");
}

static void make_blank(const struct key_file *file)
{
    key_file_write(file, " \n\t\r\n");
}

static void make_two_lines(const struct key_file *file)
{
    key_file_write(file, SECOND_KEY "\n" THIRD_KEY "\n");
}

static void make_no_ascii(const struct key_file *file)
{
    key_file_write(file, "\xef\xbb\xbf" SECOND_KEY);
}

static const struct {
    const char *name, *warning;
    void (*spoil)(const struct key_file *file);
} spoilt_files[] = {
    {"empty", "api_key_file is empty", empty},
    {"blank", "api_key_file is empty", make_blank},
    {"removed", "api_key_file cannot be opened", remove_file},
    {"folder", "not a regular file", make_folder_of},
    {"pipe", "not a regular file", make_pipe_of},
    {"unreadable", "api_key_file cannot be opened", make_unreadable},
    {"too-long", "api_key_file is 513 bytes, more than 512", make_too_long},
    {"two-lines", "not printable ASCII", make_two_lines},
    {"no-ascii", "not printable ASCII", make_no_ascii},
    {"far-apart", "api_key_file is larger than 4096 bytes", make_of_two_lines_far_apart},
    {"far-behind", "api_key_file is larger than 4096 bytes", make_key_behind_white_space},
};

static void a_file_that_holds_no_key_leaves_the_last_good_one_in_use_until_it_does(void **state)
{
    struct rig *rig = *state;

    key_add(rig, SECOND_KEY);
    for (size_t i = 0; i < sizeof spoilt_files / sizeof *spoilt_files; i++) {
        struct key_file file = key_file_make(SANDBOX_KEY);

        if (spoilt_files[i].spoil == make_unreadable && geteuid() == 0) { /* root reads everything */
            key_file_remove(&file);
            continue;
        }
        open_with_file(rig, &file);
        spoilt_files[i].spoil(&file);
        rig_push(rig, spoilt_files[i].name); /* the first look: it is read, whenever it was spoilt */
        take_applied(rig, 1);
        if (!has_line(KLP_LOG_WARNING, spoilt_files[i].warning))
            fail_msg("%s: no warning", spoilt_files[i].name);
        assert_true(has_line(KLP_LOG_WARNING, "the last good API key stays in use"));
        assert_int_equal(rig_stats(rig).api_key_generation, 1);

        rmdir(file.path);
        key_file_replace(&file, SECOND_KEY);
        await_next_look();
        push_applied(rig, "healed");
        assert_int_equal(rig_stats(rig).api_key_generation, 2);
        rig_close(rig);
        key_file_remove(&file);
    }
    assert_int_equal(arrivals_refused(rig), 0);
}

/* ─── Refused keys ──────────────────────────────────────────────────────────────────────────────── */

/* The server looks at the key when the delay is over; between push and answer nothing makes the pusher look. */
static void a_401_has_the_file_read_and_the_same_push_sent_again_for_nothing(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    key_add(rig, SECOND_KEY);
    rig_script(rig, 1, "{\"delay_ms\":1500,\"apply_late\":true}");
    open_with_file(rig, &file); /* one attempt a call */
    rig_push(rig, "m");
    arrivals_await(rig, 1);
    key_file_write(&file, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    const klp_event *event = take(rig);
    assert_int_equal(event->outcome, KLP_APPLIED);
    assert_int_equal(event->attempts, 2); /* told as it was */
    assert_int_equal(event->sends, 2);
    rig_ack(rig, event);

    json_t *log = sandbox_log(rig->sandbox);
    assert_int_equal(json_array_size(log), 2);
    assert_int_equal(json_integer_value(sandbox_at(log, "0.status")), 401);
    assert_string_equal(sandbox_text_at(log, "0.body"), sandbox_text_at(log, "1.body")); /* also its idempotencyKey */
    json_decref(log);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.api_key_generation, 2);
    assert_int_equal(stats.gate, KLP_GATE_OPEN);
    assert_int_equal(stats.retries, 1);
    key_file_remove(&file);
}

/* Read while it was being written, it held what looks like a key. */
static void half_a_key_costs_no_more_than_the_pushes_on_the_wire(void **state)
{
    enum { PUSHES = 50 };
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);
    klp_config config = config_with_file(rig, file.path);

    config.max_in_flight = 1;
    key_add(rig, SECOND_KEY);
    rig_open(rig, &config);
    push_applied(rig, "with-the-first");
    key_file_write(&file, "second.key-for-tests");
    await_next_look();
    rig_push(rig, "lost");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push_many(rig, 0, PUSHES);
    await_gate(rig, KLP_GATE_KEY_REFUSED);
    key_file_write(&file, SECOND_KEY);
    take_applied(rig, PUSHES); /* long before the grace is over */
    assert_int_equal(arrivals_refused(rig), 1);
    assert_int_equal(rig_stats(rig).gate, KLP_GATE_OPEN);
    key_file_remove(&file);
}

static void a_file_that_is_spoilt_when_the_key_is_refused_is_waited_for(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    key_add(rig, SECOND_KEY);
    open_with_file(rig, &file);
    push_applied(rig, "with-the-first");
    remove_file(&file);
    key_revoke(rig, SANDBOX_KEY);
    rig_push(rig, "lost");
    take_failed(rig, KLP_NOT_APPLIED, KLP_CODE_SESSION_INVALID);
    rig_push(rig, "waits");
    await_line(KLP_LOG_WARNING, "the last good API key stays in use");
    key_file_write(&file, SECOND_KEY);
    take_applied(rig, 1);
    assert_int_equal(arrivals_refused(rig), 1);
    key_file_remove(&file);
}

/* ─── Both ways ─────────────────────────────────────────────────────────────────────────────────── */

static void a_key_that_is_given_outlives_a_file_that_has_not_changed_since(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    key_add(rig, SECOND_KEY);
    key_revoke(rig, SANDBOX_KEY);
    open_with_file(rig, &file);
    set_key(rig, SECOND_KEY); /* before the file was ever looked at */
    push_applied(rig, "a");
    await_next_look();
    push_applied(rig, "b");
    assert_int_equal(arrivals_refused(rig), 0);
    assert_int_equal(rig_stats(rig).api_key_generation, 2);
    key_file_remove(&file);
}

/* It changed long ago, when nobody looked. */
static void a_key_that_is_given_overrules_a_change_of_before(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    key_add(rig, THIRD_KEY);
    open_with_file(rig, &file);
    push_applied(rig, "with-the-first");
    key_file_replace(&file, SECOND_KEY); /* which the server does not know */
    await_next_look();
    set_key(rig, THIRD_KEY);
    push_applied(rig, "a");
    await_next_look();
    push_applied(rig, "b");
    assert_int_equal(arrivals_refused(rig), 0);
    key_file_remove(&file);
}

static void the_files_next_change_overrules_a_key_that_was_given(void **state)
{
    struct rig *rig = *state;
    struct key_file file = key_file_make(SANDBOX_KEY);

    key_add(rig, SECOND_KEY);
    key_add(rig, THIRD_KEY);
    open_with_file(rig, &file);
    set_key(rig, SECOND_KEY);
    push_applied(rig, "with-the-second");
    key_revoke(rig, SECOND_KEY);
    key_file_replace(&file, THIRD_KEY);
    await_next_look();
    push_applied(rig, "with-the-third");
    assert_int_equal(arrivals_refused(rig), 0);
    assert_int_equal(rig_stats(rig).api_key_generation, 3);
    key_file_remove(&file);
}

static void a_file_is_refused_at_open_as_it_is_left_alone_later(void **state)
{
    struct rig *rig = *state;

    for (size_t i = 0; i < sizeof spoilt_files / sizeof *spoilt_files; i++) {
        struct key_file file = key_file_make(SANDBOX_KEY);
        klp_config config = config_with_file(rig, file.path);
        klp_text_buffer why = {0};

        if (spoilt_files[i].spoil == make_unreadable && geteuid() == 0) {
            key_file_remove(&file);
            continue;
        }
        spoilt_files[i].spoil(&file);
        if (rig->klp->open(&config, &rig->pusher, &why) != KLP_E_INVALID_ARGUMENT)
            fail_msg("%s: was not refused", spoilt_files[i].name);
        assert_non_null(strstr(why.data, spoilt_files[i].warning));
        assert_false(key_is_in(why.data));
        key_file_remove(&file);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, key_rig_setup, key_rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_file_that_is_rewritten_in_place_is_used_for_the_next_attempt),
        test(a_file_that_another_one_replaces_is_used_for_the_next_attempt),
        test(a_secret_that_kubernetes_swaps_is_used_for_the_next_attempt),
        test(a_file_that_holds_no_key_leaves_the_last_good_one_in_use_until_it_does),
        test(a_401_has_the_file_read_and_the_same_push_sent_again_for_nothing),
        test(half_a_key_costs_no_more_than_the_pushes_on_the_wire),
        test(a_file_that_is_spoilt_when_the_key_is_refused_is_waited_for),
        test(a_key_that_is_given_outlives_a_file_that_has_not_changed_since),
        test(a_key_that_is_given_overrules_a_change_of_before),
        test(the_files_next_change_overrules_a_key_that_was_given),
        test(a_file_is_refused_at_open_as_it_is_left_alone_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
