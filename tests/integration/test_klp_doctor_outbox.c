/* SPDX-License-Identifier: Apache-2.0
 * klp doctor: what it says of an outbox, and that nothing in it changes. */

/* valgrind does not follow: klp is begun dozens of times, and watched in test_klp_one and test_klp_verbose */

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "klp_doctor.h"

/* ---- what it must not do ---- */

/* Names, sizes and times of a directory and of all that is in it, as one text. */
static char *picture_of(const char *directory)
{
    struct dirent **entries;
    char *picture = NULL, path[512];
    size_t size = 0;
    FILE *out = open_memstream(&picture, &size);
    int count = scandir(directory, &entries, NULL, alphasort);

    assert_non_null(out);
    assert_true(count >= 2);
    for (int i = 0; i < count; i++) {
        struct stat facts;
        snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        bool is_above = strcmp(entries[i]->d_name, "..") == 0;
        /* the index of a log is memory that processes share: those who only read write into it, too */
        bool is_index = strstr(path, "-shm");
        if (!is_above && stat(path, &facts) == 0)
            fprintf(out, "%s %o %jd %jd.%09ld\n", entries[i]->d_name, (unsigned)facts.st_mode, (intmax_t)facts.st_size,
                    is_index ? 0 : (intmax_t)facts.st_mtim.tv_sec, is_index ? 0 : facts.st_mtim.tv_nsec);
        free(entries[i]);
    }
    free(entries);
    fclose(out);
    return picture;
}

/* Runs it on the outbox of the fixture, which is the same before and after. */
static json_t *examine(const struct outbox_fixture *fixture, int exit_status)
{
    char *before = picture_of(fixture->directory);
    json_t *lines = DOCTOR(fixture, exit_status, "--outbox", fixture->directory);
    char *after = picture_of(fixture->directory);

    assert_string_equal(after, before);
    free(before);
    free(after);
    return lines;
}

/* ---- the directory ---- */

static void a_directory_that_is_none_is_not_made(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/missing", fixture->directory);
    json_t *lines = DOCTOR(fixture, 1, "--outbox", path);
    assert_advised(lines, "outbox", "fail", "No such file or directory", "the library does not");
    doctor_assert_none(lines, "outbox-sync");
    json_decref(lines);
    assert_int_equal(access(path, F_OK), -1);

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    lines = DOCTOR(fixture, 1, "--outbox", path);
    assert_advised(lines, "outbox", "fail", "Not a directory", "Give --outbox a directory");
    json_decref(lines);
}

static void the_mode_of_the_directory_is_judged(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = examine(fixture, 0);
    assert_found(lines, "outbox", "ok", "it can be used; its mode is 0700");
    json_decref(lines);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    lines = examine(fixture, 0);
    assert_found(lines, "outbox", "ok", "its mode is 0755: others see the files' names, and nothing in them");
    json_decref(lines);
    assert_int_equal(chmod(fixture->directory, 0770), 0);
    lines = examine(fixture, 0);
    assert_advised(lines, "outbox", "warn", "its mode is 0770: others may take away", "chmod 0700");
    json_decref(lines);
}

static void a_directory_that_this_user_may_not_use_is_told(void **state)
{
    static const mode_t modes[] = {0, 0555};
    const struct outbox_fixture *fixture = *state;
    char path[128];

    snprintf(path, sizeof path, "%s/sub", fixture->directory);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod(path, modes[i]), 0);
        json_t *lines = doctor_run_as_nobody(fixture, 1, "--outbox", path);
        if (!lines)
            skip();
        assert_advised(lines, "outbox", "fail", "the directory of --outbox: Permission denied", "chown");
        json_decref(lines);
    }
    assert_int_equal(chmod(path, 0700), 0);
}

/* In a file system of its own, which this process does not see. */
static json_t *examine_mounted(const struct outbox_fixture *fixture, const char *options, int exit_status)
{
    static const char script[] =
        "mount -t tmpfs -o \"$1\" none \"$2\" || exit 77; shift; exec \"$2\" doctor --json --outbox "
        "\"$1\" --outbox-max-bytes 2000000";
    char klp[512];

    snprintf(klp, sizeof klp, "%s/klp", getenv("BUILD"));
    struct process_result result =
        process_run((const char *[]){"/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script, "sh",
                                     options, fixture->directory, klp, NULL},
                    fixture->klp->environment, NULL);
    if (result.exit_status == 77 || strstr(result.errors, "unshare")) {
        process_result_clear(&result);
        return NULL;
    }
    return doctor_lines(result, exit_status);
}

static void a_disk_that_is_read_only_full_or_memory_is_told(void **state)
{
    const struct outbox_fixture *fixture = *state;
    json_t *lines = examine_mounted(fixture, "ro,mode=700", 1);

    if (!lines)
        skip();
    assert_advised(lines, "outbox", "fail", "Read-only file system", "a volume that can be written");
    json_decref(lines);
    lines = examine_mounted(fixture, "size=4m,mode=700", 1);
    assert_found(lines, "outbox", "ok", "it can be used");
    assert_advised(lines, "outbox-disk", "warn", "it is in memory (tmpfs)", "/var/lib/");
    assert_advised(lines, "outbox-space", "fail", "4 MiB and ", "Free some");
    json_decref(lines);
    lines = examine_mounted(fixture, "size=64m,mode=700", 0);
    assert_found(lines, "outbox-space", "ok", "64 MiB are free, for outbox_max_bytes of 2 MiB");
    assert_found(lines, "outbox-sync", "ok", "4 KiB and an fsync take ");
    json_decref(lines);
    lines = examine_mounted(fixture, "size=16k,mode=700", 1);
    assert_advised(lines, "outbox-sync", "fail", "No space left on device", "quota");
    json_decref(lines);
}

static void the_bound_is_held_against_what_is_free(void **state)
{
    const struct outbox_fixture *fixture = *state;

    json_t *lines = DOCTOR(fixture, 0, "--outbox", fixture->directory, "--outbox-max-bytes=1125899906842624");
    assert_advised(lines, "outbox-space", "warn", "less than outbox_max_bytes (1073741824 MiB)", "KLP_E_OUTBOX_FULL");
    assert_found(lines, "outbox-sync", "ok", "4 KiB and an fsync take ");
    json_decref(lines);
}

/* ---- what is in it ---- */

static void an_outbox_that_is_in_use_is_left_alone(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture));
    process_give(process, ROW("m-1"), strlen(ROW("m-1")));
    fixture_await_requests(fixture->klp, 1);
    /* its requests go on meanwhile: not for doctor_run() */
    struct process_result result =
        process_run((const char *[]){"klp", "doctor", "--json", "--outbox", fixture->directory,
                                     "--base-url=http://127.0.0.1:1", NULL},
                    fixture->klp->environment, NULL);
    json_t *lines = doctor_lines(result, 1);
    assert_found(lines, "outbox-files", "ok", "1, of them 1 in use; nothing is left by who is gone");
    json_decref(lines);
    sandbox_unscript(fixture->klp->sandbox);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 0, 1);
    run_clear(&run);
}

/* Killed: what it wrote last stands in the log beside the file. */
static void what_killed_pushers_have_left_is_counted(void **state)
{
    const struct outbox_fixture *fixture = *state;

    outbox_leave_pushes(fixture, "mm-eu-1", 3);
    sandbox_reset(fixture->klp->sandbox);
    json_t *lines = examine(fixture, 0);
    assert_advised(lines, "outbox-files", "warn",
                   "1 of 1 files are of pushers that are gone (mm-eu-1), with 3 calls without a verdict and 0 verdicts",
                   "klp outbox drain");
    json_decref(lines);
    outbox_leave_pushes(fixture, "mm\x1b eu/?#%", 1);
    sandbox_reset(fixture->klp->sandbox);
    lines = examine(fixture, 0);
    assert_found(lines, "outbox-files", "warn", "2 of 2 files are of pushers that are gone (");
    assert_found(lines, "outbox-files", "warn", "mm? eu/?#%");
    assert_found(lines, "outbox-files", "warn", "with 4 calls without a verdict");
    json_decref(lines);
}

/* Closed in order: no log is there, and none is made. */
static void what_stopped_pushers_have_left_is_counted(void **state)
{
    const struct outbox_fixture *fixture = *state;

    sandbox_script(fixture->klp->sandbox, "{\"times\":-1,\"action\":{\"status\":503}}");
    struct process *process = START(fixture->klp, PUSH_MANY(fixture), "--name=what? #%41");
    process_give(process, ROW("m-1") ROW("m-2"), strlen(ROW("m-1") ROW("m-2")));
    fixture_await_requests(fixture->klp, 2);
    process_signal(process, SIGTERM);
    struct run run = run_of(process_finish(process));
    assert_ended(run, 3, 0);
    run_clear(&run);
    sandbox_unscript(fixture->klp->sandbox);
    sandbox_reset(fixture->klp->sandbox);
    char *picture = picture_of(fixture->directory);
    assert_null(strstr(picture, "-wal"));
    free(picture);

    json_t *lines = examine(fixture, 0);
    assert_found(lines, "outbox-files", "warn", "(what? #%41), with 2 calls without a verdict");
    json_decref(lines);
}

static void a_file_that_cannot_be_read_is_told_beside_the_others(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char path[160];

    outbox_leave_pushes(fixture, "klp", 1);
    sandbox_reset(fixture->klp->sandbox);
    snprintf(path, sizeof path, "%s/bad-0123456789abcdef.outbox", fixture->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("no database at all, but long enough to have a header of one hundred bytes, which it has not: never mind.",
          file);
    fclose(file);
    json_t *lines = DOCTOR(fixture, 0, "--outbox", fixture->directory);
    json_t *those = outbox_those(lines, "check", "outbox-files");
    assert_int_equal(json_array_size(those), 2);
    assert_contains(sandbox_text_at(those, "0.found"),
                    "1 of 2 files cannot be read, of them bad-0123456789abcdef.outbox: ");
    assert_contains(sandbox_text_at(those, "1.found"), "1 of 2 files are of pushers that are gone (klp)");
    json_decref(those);
    json_decref(lines);
}

/* Without its index SQLite would make one. */
static void a_log_without_an_index_is_not_touched(void **state)
{
    const struct outbox_fixture *fixture = *state;
    char command[160];

    outbox_leave_pushes(fixture, "klp", 1);
    sandbox_reset(fixture->klp->sandbox);
    snprintf(command, sizeof command, "rm %s/*-shm", fixture->directory);
    assert_int_equal(system(command), 0);
    json_t *lines = examine(fixture, 0);
    assert_advised(lines, "outbox-files", "warn", "its log has no index, which would have to be made",
                   "klp outbox list");
    json_decref(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OUTBOX_TEST(a_directory_that_is_none_is_not_made),
        OUTBOX_TEST(the_mode_of_the_directory_is_judged),
        OUTBOX_TEST(a_directory_that_this_user_may_not_use_is_told),
        OUTBOX_TEST(a_disk_that_is_read_only_full_or_memory_is_told),
        OUTBOX_TEST(the_bound_is_held_against_what_is_free),
        OUTBOX_TEST(an_outbox_that_is_in_use_is_left_alone),
        OUTBOX_TEST(what_killed_pushers_have_left_is_counted),
        OUTBOX_TEST(what_stopped_pushers_have_left_is_counted),
        OUTBOX_TEST(a_file_that_cannot_be_read_is_told_beside_the_others),
        OUTBOX_TEST(a_log_without_an_index_is_not_touched),
    };
    return cmocka_run_group_tests(tests, guest_setup, NULL);
}
