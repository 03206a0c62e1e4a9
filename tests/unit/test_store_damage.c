/* SPDX-License-Identifier: Apache-2.0
 * Files that something happened to. */
#include "store_rig.h"

#include <signal.h>
#include <sys/wait.h>

#include "random.h"

static char file[STORE_FILE_BYTES];

static void path_of(char path[512], const char *end)
{
    rig_path(path, file, end);
}

static char *load(const char *end, size_t *size)
{
    static char bytes[4 << 20];
    char path[512];

    path_of(path, end);
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    *size = fread(bytes, 1, sizeof bytes, stream);
    fclose(stream);
    return bytes;
}

static void save(const char *end, const void *bytes, size_t size)
{
    char path[512];

    path_of(path, end);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
}

/* A file with 300 jobs, 100 events and 100 failed pushes, closed. */
static void make_closed(void)
{
    struct store *store = rig_open();

    snprintf(file, sizeof file, "%s", store_file(store));
    for (uint64_t id = 1; id <= 400; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    for (uint64_t id = 1; id <= 100; id++)
        assert_int_equal(rig_fail(store, id, id, (int64_t)id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
}

/* One whose process was killed after `commits` commits of a job each: its log is full. */
static void make_killed(uint64_t commits)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store = NULL;
        if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL))
            _exit(1);
        for (uint64_t id = 1; id <= commits; id++)
            if (rig_put(store, id) || store_commit(store))
                _exit(1);
        if (write(ends[1], store_file(store), STORE_FILE_BYTES) != STORE_FILE_BYTES)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], file, STORE_FILE_BYTES), STORE_FILE_BYTES);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void assert_damaged(void)
{
    char named[STORE_FILE_BYTES], aside[STORE_FILE_BYTES];
    klp_text_buffer why = {0};
    struct store *store;

    for (int round = 0; round < 2; round++) { /* it stays so until it is set aside */
        assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, named, &why),
                         STORE_DAMAGED);
        assert_null(store);
        assert_string_equal(named, file);
        assert_non_null(strstr(why.data, file));
    }
    assert_int_equal(store_set_aside(rig_directory, file, aside), STORE_OK);
    store = rig_open();
    rig_assert_holds(store, 0, 0, 0);
    store_remove(store);
}

static void no_database_is_damage(void **state)
{
    static const char nothing[8192];

    (void)state;
    make_closed();
    save("", "hello", 5);
    assert_damaged();
    make_closed();
    save("", nothing, sizeof nothing);
    assert_damaged();
}

static void a_truncated_file_is_damage(void **state)
{
    size_t size;

    (void)state;
    for (unsigned part = 0; part < 8; part++) {
        make_closed();
        char *bytes = load("", &size);
        save("", bytes, part == 7 ? size - 4096 : size * part / 8 / 4096 * 4096 + (part % 2 ? 100 : 0));
        assert_damaged();
    }
}

/* Bytes at random places: it opens or is damaged, what is read of it is sound or refused, and nothing crashes. */
static void flipped_bytes_crash_nothing(void **state)
{
    struct random random = {.state = 4711};
    static char kept[4 << 20];
    size_t size;
    int damaged = 0;

    (void)state;
    make_closed();
    memcpy(kept, load("", &size), sizeof kept);
    for (int round = 0; round < 400; round++) {
        static char bytes[4 << 20];
        struct rig_census census;
        struct store *store;
        memcpy(bytes, kept, size);
        for (int flips = 0; flips < 1 + round % 20; flips++) {
            size_t page = random_below(&random, (uint32_t)(size / 4096));
            /* the first bytes of a page say what it is */
            size_t at = page * 4096 + random_below(&random, round % 2 ? 100 : 4096);
            bytes[at] = (char)(bytes[at] ^ (1 << random_below(&random, 8)));
        }
        save("", bytes, size);
        enum store_result result =
            store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL);
        if (!result) {
            result = rig_census(store, &census);
            for (uint64_t id = 101; id <= 400 && !result; id += 7)
                result = rig_conclude(store, id, id);
            if (!result)
                result = store_forget_events(store, 1000);
            if (!result)
                result = store_requeue(store, 60, 1060, NULL, 1000);
            if (!result)
                result = store_expire_failed(store, 40, 20);
            enum store_result committed = store_commit(store);
            result = result ? result : committed;
            store_close(store);
        }
        assert_true(result == STORE_OK || result == STORE_DAMAGED || result == STORE_FOREIGN ||
                    result == STORE_TOO_NEW || result == STORE_FAILED || result == STORE_NOT_THERE);
        damaged += result == STORE_DAMAGED;
        save("-wal", "", 0); /* as if it had never been opened */
        save("-shm", "", 0);
        for (int i = 0; i < 2; i++) {
            char path[512];
            path_of(path, i ? "-wal" : "-shm");
            unlink(path);
        }
    }
    assert_true(damaged > 100);
}

static void a_log_that_is_gone_is_damage(void **state)
{
    char path[512];

    (void)state;
    make_killed(5);
    path_of(path, "-wal");
    assert_int_equal(unlink(path), 0);
    assert_damaged();
}

/* Who looks at it in between is told, and hides nothing: SQLite makes a log where there is none. */
static void a_view_does_not_hide_that_a_log_is_gone(void **state)
{
    klp_text_buffer why = {0};
    char path[512];
    struct store *view;

    (void)state;
    make_killed(5);
    path_of(path, "-wal");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(store_view(rig_directory, file, &view, &why), STORE_DAMAGED);
    assert_non_null(strstr(why.data, "-wal"));
    assert_damaged();
}

static void a_view_of_a_closed_file_does_it_no_harm(void **state)
{
    struct store *store;

    (void)state;
    make_closed();
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_OK);
        rig_assert_holds(store, 300, 300, 100);
        store_close(store);
        if (round == 1) /* and with what it left beside it */
            save("-shm", "", 0);
    }
    store = rig_open();
    assert_string_equal(store_file(store), file);
    rig_assert_holds(store, 300, 300, 100);
    store_close(store);
}

static void a_log_that_is_none_is_damage(void **state)
{
    static char garbage[100000];
    struct random random = {.state = 3};
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (char)random_below(&random, 256);
    make_killed(5);
    save("-wal", garbage, sizeof garbage);
    assert_damaged();
    make_killed(5);
    char *bytes = load("-wal", &size);
    bytes[18] = (char)(bytes[18] ^ 1);
    save("-wal", bytes, size);
    assert_damaged();
}

/* What a power loss leaves of a log is what was committed up to some moment. */
static void a_log_cut_anywhere_gives_whole_commits(void **state)
{
    static char database[1 << 20], kept[4 << 20];
    size_t size, database_bytes;
    uint64_t last_jobs = 0;

    (void)state;
    make_killed(20);
    memcpy(database, load("", &database_bytes), sizeof database);
    memcpy(kept, load("-wal", &size), sizeof kept);
    for (size_t cut = 0; cut <= size; cut += cut < 32 ? 32 : 1373) {
        struct rig_census census;
        struct store *store;
        char path[512];
        save("", database, database_bytes);
        save("-wal", kept, cut);
        path_of(path, "-shm");
        unlink(path);
        assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                         STORE_OK);
        assert_int_equal(rig_census(store, &census), STORE_OK);
        assert_true(census.jobs == census.tickets && census.lone_jobs == 0 && census.jobs >= last_jobs);
        last_jobs = census.jobs;
        store_close(store);
    }
    assert_true(last_jobs >= 19);
}

static void a_database_of_others_is_no_outbox(void **state)
{
    static const char empty_page[] = "";
    struct store *store;

    (void)state;
    make_closed();
    save("", empty_page, 0);
    assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                     STORE_DAMAGED);
    assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_DAMAGED);
}

static int in_memory(void **state)
{
    rig_in_memory = true;
    return rig_set_up(state);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, in_memory, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(no_database_is_damage),
        STORE_TEST(a_truncated_file_is_damage),
        STORE_TEST(flipped_bytes_crash_nothing),
        STORE_TEST(a_log_that_is_gone_is_damage),
        STORE_TEST(a_view_does_not_hide_that_a_log_is_gone),
        STORE_TEST(a_view_of_a_closed_file_does_it_no_harm),
        STORE_TEST(a_log_that_is_none_is_damage),
        STORE_TEST(a_log_cut_anywhere_gives_whole_commits),
        STORE_TEST(a_database_of_others_is_no_outbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
