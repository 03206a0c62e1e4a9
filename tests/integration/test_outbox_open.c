/* SPDX-License-Identifier: Apache-2.0
 * What open() says of an outbox that cannot be opened, and how it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "outbox_rig.h"
#include "recorder.h"
#include "rosters.h"

#define HANG "{\"delay_ms\":60000}"

static void assert_names(const char *why, const char *part)
{
    if (!strstr(why, part))
        fail_msg("\"%s\" does not name %s", why, part);
}

/* Leaves one event and one call in the outbox of `rig`. */
static void leave_some(struct outbox *outbox)
{
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    (void)rig_push_and_take(rig, "told");
    rig_script(rig, -1, HANG);
    rig_push(rig, "left");
    outbox_await(rig_stats(rig).journaled == 2);
    outbox_close(outbox);
    sandbox_unscript(rig->sandbox);
}

static void assert_some_is_there(struct outbox *outbox)
{
    struct rig *rig = outbox->rig;

    outbox_open(outbox);
    for (int i = 0; i < 2; i++) {
        const klp_event *event = rig_take(rig);
        assert_text(event->key, i ? "left" : "told");
        rig_ack(rig, event);
    }
    outbox_close(outbox);
}

/* ---- the directory ---- */

static void a_directory_that_is_none_is_refused_by_name(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);
    char path[256];

    snprintf(path, sizeof path, "%s/missing", outbox->folder);
    config.outbox_dir = klp_cstr(path);
    const char *why = outbox_refusal(outbox, &config, KLP_E_OUTBOX);
    assert_names(why, "outbox_dir");
    assert_names(why, path);
    assert_int_not_equal(access(path, F_OK), 0); /* it is not made */

    fclose(fopen(path, "w"));
    why = outbox_refusal(outbox, &config, KLP_E_OUTBOX);
    assert_names(why, path);
    assert_names(why, "no directory");
}

static void a_directory_that_cannot_be_written_is_refused(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);

    if (geteuid() == 0)
        skip(); /* root writes everywhere */
    assert_int_equal(chmod(outbox->folder, 0500), 0);
    assert_names(outbox_refusal(outbox, &config, KLP_E_OUTBOX), outbox->folder);
    assert_int_equal(chmod(outbox->folder, 0700), 0);
    outbox_open(outbox);
}

static void a_relative_directory_and_a_link_to_one_will_do(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);
    char link[256];

    snprintf(link, sizeof link, "%s/link", outbox->folder);
    assert_int_equal(symlink(".", link), 0);
    config.outbox_dir = klp_cstr(link);
    rig_open(outbox->rig, &config);
    rig_ack(outbox->rig, rig_push_and_take(outbox->rig, "m"));
    rig_close(outbox->rig);
    assert_int_equal(outbox_files(outbox), 1);
    outbox_open(outbox); /* it is the same one */
    assert_int_equal(outbox_files(outbox), 1);
}

static void a_call_that_fails_to_open_leaves_nothing_in_the_way(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);

    leave_some(outbox);
    config.results_url = klp_cstr("inproc://nowhere");
    outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT);
    config.results_url = klp_cstr("");
    config.ca_file = klp_cstr("/nowhere/at-all.pem");
    outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT);
    assert_some_is_there(outbox);
}

static void files_are_for_their_user_alone(void **state)
{
    struct outbox *outbox = *state;
    char path[512];
    struct stat found;
    mode_t mask = umask(0);

    outbox_open(outbox);
    umask(mask);
    rig_ack(outbox->rig, rig_push_and_take(outbox->rig, "m"));
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s%s", outbox->folder, outbox_file(outbox, "rig-"), ends[i]);
        assert_int_equal(stat(path, &found), 0);
        assert_int_equal(found.st_mode & 077, 0);
    }
}

/* ---- whose it is ---- */

static void the_file_of_another_server_is_refused(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);
    char url[64];

    leave_some(outbox);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", rig_closed_port());
    config.base_url = klp_cstr(url);
    assert_names(outbox_refusal(outbox, &config, KLP_E_OUTBOX), outbox_file(outbox, "rig-"));
    assert_int_equal(outbox_files(outbox), 1); /* neither set aside nor replaced */
    config.outbox_damaged = KLP_DAMAGED_REPLACE;
    outbox_refusal(outbox, &config, KLP_E_OUTBOX);
    assert_int_equal(outbox_files(outbox), 1);
    assert_some_is_there(outbox);
}

static void the_file_of_another_key_is_refused(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);

    leave_some(outbox);
    config.api_key = klp_cstr("another.key-for-tests-only");
    const char *why = outbox_refusal(outbox, &config, KLP_E_OUTBOX);
    assert_names(why, outbox_file(outbox, "rig-"));
    assert_null(strstr(why, "key-for-tests-only"));
    assert_some_is_there(outbox);
}

/* A path behind the host is not whose it is. */
static void another_path_of_the_same_server_is_no_other_server(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);
    char url[128];

    leave_some(outbox);
    snprintf(url, sizeof url, "%s/proxied", sandbox_url(outbox->rig->sandbox));
    config.base_url = klp_cstr(url);
    rig_open(outbox->rig, &config);
    assert_int_equal(rig_stats(outbox->rig).unread_events, 1);
    assert_int_equal(rig_stats(outbox->rig).recovered, 1);
}

static void two_pushers_of_one_name_have_a_file_each(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig, second = {rig->klp, rig->sandbox, NULL};
    klp_config config = outbox_config(outbox);

    outbox_open(outbox);
    rig_open(&second, &config);
    assert_int_equal(outbox_files(outbox), 2);
    const klp_event *a = rig_push_and_take(rig, "m-1"), *b = rig_push_and_take(&second, "m-2");
    assert_string_not_equal(a->epoch.data, b->epoch.data);
    rig_ack(rig, a);
    rig_ack(&second, b);
    rig_close(&second);
}

/* ---- damage ---- */

/* Where in the file of `rig`, in thousandths, how much of it becomes garbage. */
static void damage(struct outbox *outbox, unsigned from_permille, long bytes)
{
    char path[512];
    struct stat found;

    snprintf(path, sizeof path, "%s/%s", outbox->folder, outbox_file(outbox, "rig-"));
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &found), 0);
    long from = (long)(found.st_size / 1000 * from_permille);
    assert_int_equal(fseek(file, from, SEEK_SET), 0);
    for (long i = 0; i < bytes; i++)
        fputc((int)(i * 37 % 251), file);
    fclose(file);
}

/* A name in the directory that stands in a sentence, and is none of an outbox in use. */
static bool names_file_set_aside(const struct outbox *outbox, const char *why, const char *old)
{
    const char *at = strstr(why, "set aside as ");
    char name[300];
    size_t size;

    if (!at)
        return false;
    at += strlen("set aside as ");
    size = strcspn(at, " ;:,");
    snprintf(name, sizeof name, "%.*s", (int)size, at);
    return outbox_has(outbox, name) && strcmp(name, old) != 0;
}

static void a_damaged_file_is_refused_once(void **state)
{
    static const unsigned places[] = {0, 300, 500};
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    char old[256], why[1024];

    for (size_t i = 0; i < 3; i++) {
        leave_some(outbox);
        snprintf(old, sizeof old, "%s", outbox_file(outbox, "rig-"));
        damage(outbox, places[i], i == 0 ? 100 : 8192);
        snprintf(why, sizeof why, "%s", outbox_refusal(outbox, &config, KLP_E_OUTBOX));
        assert_names(why, old);
        if (!names_file_set_aside(outbox, why, old))
            fail_msg("\"%s\" names no file that was set aside", why);
        assert_false(outbox_has(outbox, "rig-") && outbox_files(outbox) > 0);

        outbox_open(outbox); /* a fresh one */
        assert_int_equal(rig_stats(rig).recovered + rig_stats(rig).unread_events, 0);
        rig_ack(rig, rig_push_and_take(rig, "m"));
        outbox_restart(outbox, NULL);
        assert_int_equal(rig_stats(rig).unread_events, 0);
        outbox_close(outbox);
        snprintf(why, sizeof why, "%s/%s", outbox->folder, outbox_file(outbox, "rig-"));
        unlink(why);
        sandbox_reset(rig->sandbox);
    }
}

static void a_damaged_file_can_be_replaced_at_once(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    struct recorder *recorder;
    char old[256];

    leave_some(outbox);
    snprintf(old, sizeof old, "%s", outbox_file(outbox, "rig-"));
    damage(outbox, 0, 100);
    config.outbox_damaged = KLP_DAMAGED_REPLACE;
    config.outbox_adopt_ms = 1; /* what was set aside is not taken up */
    recorder = recorder_new(&config);
    rig_open(rig, &config);
    size_t lines = recorder_lines_with(recorder, "set aside as ");
    assert_int_equal(lines, 1);
    for (size_t i = 0; i < recorder_lines(recorder); i++)
        if (strstr(recorder_line(recorder, i)->text, "set aside as ")) {
            assert_int_equal(recorder_line(recorder, i)->level, KLP_LOG_ERROR);
            assert_true(names_file_set_aside(outbox, recorder_line(recorder, i)->text, old));
        }
    rig_ack(rig, rig_push_and_take(rig, "m"));
    assert_int_equal(rig_stats(rig).degraded, 0);
    assert_int_equal(rig_stats(rig).journaled, 1);
    assert_int_equal(rig_stats(rig).adopted, 0);
    assert_int_equal(outbox_files(outbox), 1);
    rig_close(rig);
    recorder_free(recorder);
    assert_true(outbox_contains(outbox, "externalPlayerIds")); /* what was set aside is as it was */
}

static void a_file_cut_short_is_refused(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);
    char path[512];

    leave_some(outbox);
    snprintf(path, sizeof path, "%s/%s", outbox->folder, outbox_file(outbox, "rig-"));
    assert_int_equal(truncate(path, 10000), 0);
    assert_names(outbox_refusal(outbox, &config, KLP_E_OUTBOX), "set aside as ");
    outbox_open(outbox);
}

/* ---- without it ---- */

static void best_effort_goes_on_in_memory(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);
    char path[256];

    snprintf(path, sizeof path, "%s/missing", outbox->folder);
    config.outbox_dir = klp_cstr(path);
    config.outbox_mode = KLP_OUTBOX_BEST_EFFORT;
    struct recorder *recorder = recorder_new(&config);
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).degraded, 1);
    assert_true(recorder_lines_with(recorder, path) == 1);

    klp_lobby lobby = rig_lobby("durable");
    lobby.flags = KLP_PUSH_DURABLE;
    klp_text_buffer why = {0};
    assert_int_equal(rig->klp->push(rig->pusher, &lobby, NULL, &why), KLP_E_OUTBOX);
    assert_string_not_equal(why.data, "");
    const klp_event *event = rig_push_and_take(rig, "m");
    assert_applied(event);
    rig_ack(rig, event);
    rig_script(rig, -1, HANG);
    rig_push(rig, "left");
    await_arrivals(rig, "left", 1);
    klp_stats stats = rig_stats(rig);
    assert_int_equal(stats.degraded, 1);
    assert_int_equal(stats.journaled, 0);
    assert_int_equal(stats.outbox_bytes, 0);
    assert_int_equal(rig->klp->stop(rig->pusher, 0), KLP_OK);
    event = rig_take(rig); /* nobody goes on with it: it has its verdict here */
    assert_ended(event, KLP_CODE_SHUTDOWN, KLP_POSSIBLY_APPLIED);
    rig_ack(rig, event);
    rig_close(rig);
    recorder_free(recorder);
}

static void best_effort_uses_what_can_be_opened(void **state)
{
    struct outbox *outbox = *state;
    klp_config config = outbox_config(outbox);

    config.outbox_mode = KLP_OUTBOX_BEST_EFFORT;
    rig_open(outbox->rig, &config);
    assert_int_equal(rig_stats(outbox->rig).degraded, 0);
    rig_ack(outbox->rig, rig_push_and_take(outbox->rig, "m"));
    assert_int_equal(rig_stats(outbox->rig).journaled, 1);
}

static void best_effort_sets_a_damaged_file_aside(void **state)
{
    struct outbox *outbox = *state;
    struct rig *rig = outbox->rig;
    klp_config config = outbox_config(outbox);

    leave_some(outbox);
    damage(outbox, 0, 100);
    config.outbox_mode = KLP_OUTBOX_BEST_EFFORT;
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).degraded, 1);
    assert_int_equal(outbox_files(outbox), 0);
    outbox_close(outbox);
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).degraded, 0);
}

/* ---- the configuration ---- */

static void every_setting_out_of_bounds_is_named(void **state)
{
    struct outbox *outbox = *state;
    struct wrong {
        const char *field;
        int32_t sync, mode, damaged;
        uint32_t adopt_ms, durable_timeout_ms;
        uint64_t max_bytes;
    } wrongs[] = {
        {.field = "outbox_sync", .sync = 2},
        {.field = "outbox_sync", .sync = -1},
        {.field = "outbox_mode", .mode = 2},
        {.field = "outbox_mode", .mode = -1},
        {.field = "outbox_damaged", .damaged = 2},
        {.field = "outbox_damaged", .damaged = -1},
        {.field = "outbox_adopt_ms", .adopt_ms = 3600001},
        {.field = "outbox_adopt_ms", .adopt_ms = KLP_ADOPT_NONE - 1},
        {.field = "durable_timeout_ms", .durable_timeout_ms = 3600001},
        {.field = "outbox_max_bytes", .max_bytes = (1 << 20) - 1},
        {.field = "outbox_max_bytes", .max_bytes = 1},
    };

    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        klp_config config = outbox_config(outbox);
        config.outbox_sync = wrongs[i].sync;
        config.outbox_mode = wrongs[i].mode;
        config.outbox_damaged = wrongs[i].damaged;
        config.outbox_adopt_ms = wrongs[i].adopt_ms;
        config.durable_timeout_ms = wrongs[i].durable_timeout_ms;
        config.outbox_max_bytes = wrongs[i].max_bytes;
        assert_names(outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT), wrongs[i].field);
    }
    klp_config config = outbox_config(outbox);
    config.reserved_too = 1;
    assert_names(outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT), "reserved_too");
    config.reserved_too = 0;
    config.outbox_dir = (klp_text){"a\0b", 3};
    assert_names(outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT), "outbox_dir");
    config.outbox_dir = (klp_text){"\xff", 1};
    assert_names(outbox_refusal(outbox, &config, KLP_E_INVALID_ARGUMENT), "outbox_dir");
    assert_int_equal(outbox_files(outbox), 0);
}

static void every_setting_at_its_bounds_will_do(void **state)
{
    struct outbox *outbox = *state;

    for (int i = 0; i < 2; i++) {
        klp_config config = outbox_config(outbox);
        config.outbox_sync = i;
        config.outbox_mode = i;
        config.outbox_damaged = i;
        config.outbox_adopt_ms = i ? 3600000 : 1;
        config.durable_timeout_ms = i ? 3600000 : 1;
        config.outbox_max_bytes = i ? UINT64_MAX : 1 << 20;
        rig_open(outbox->rig, &config);
        rig_ack(outbox->rig, rig_push_and_take(outbox->rig, "m"));
        rig_close(outbox->rig);
    }
}

#define test(name) cmocka_unit_test_setup_teardown(name, outbox_setup, outbox_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(a_directory_that_is_none_is_refused_by_name),
        test(a_directory_that_cannot_be_written_is_refused),
        test(a_relative_directory_and_a_link_to_one_will_do),
        test(a_call_that_fails_to_open_leaves_nothing_in_the_way),
        test(files_are_for_their_user_alone),
        test(the_file_of_another_server_is_refused),
        test(the_file_of_another_key_is_refused),
        test(another_path_of_the_same_server_is_no_other_server),
        test(two_pushers_of_one_name_have_a_file_each),
        test(a_damaged_file_is_refused_once),
        test(a_damaged_file_can_be_replaced_at_once),
        test(a_file_cut_short_is_refused),
        test(best_effort_goes_on_in_memory),
        test(best_effort_uses_what_can_be_opened),
        test(best_effort_sets_a_damaged_file_aside),
        test(every_setting_out_of_bounds_is_named),
        test(every_setting_at_its_bounds_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
