/* SPDX-License-Identifier: Apache-2.0
 * What a process was handling when it died is known to the next one. */
#include "store_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "random.h"
#include "slowed.h"

static const struct store_handling nothing = {STORE_HANDLES_NOTHING, 0};

static void assert_died_over(const struct store *store, enum store_handled kind, uint64_t number)
{
    const struct store_handling *died_over = &store_facts(store)->died_over;

    assert_int_equal(died_over->kind, kind);
    assert_true(died_over->number == number);
}

/* A process that notes one after the other and, when it was all, waits to be killed, which happens. */
static void die_over(const struct store_handling *handlings, size_t count, char file[STORE_FILE_BYTES])
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store;
        if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL))
            _exit(1);
        for (size_t i = 0; i < count; i++)
            store_note_handling(store, handlings[i]);
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

static void what_a_killed_process_was_handling_is_told_once(void **state)
{
    static const struct store_handling noted[] = {
        {STORE_HANDLES_JOB, 7},   {STORE_HANDLES_NOTHING, 0},         {STORE_HANDLES_EVENT, 3},
        {STORE_HANDLES_EVENT, 4}, {STORE_HANDLES_EVENT, INT64_MAX},   {STORE_HANDLES_JOB, 8},
        {STORE_HANDLES_JOB, 0},   {STORE_HANDLES_NOTHING, INT64_MAX}, {STORE_HANDLES_NOTHING, 0},
    };

    (void)state;
    for (size_t count = 0; count <= sizeof noted / sizeof *noted; count++)
        for (int adopts = 0; adopts < 2; adopts++) {
            char file[STORE_FILE_BYTES];
            struct store *store;
            struct store_handling last = count ? noted[count - 1] : nothing;
            die_over(noted, count, file);
            if (adopts)
                assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                                 STORE_OK);
            else
                store = rig_open();
            assert_string_equal(store_file(store), file);
            assert_died_over(store, last.kind, last.kind ? last.number : 0);
            assert_int_equal(rig_put(store, 1), STORE_OK);
            assert_int_equal(store_commit(store), STORE_OK);
            assert_died_over(store, last.kind, last.kind ? last.number : 0); /* as long as it is open */
            store_close(store);
            store = rig_open();
            assert_died_over(store, STORE_HANDLES_NOTHING, 0);
            store_close(store);
        }
}

static void who_opens_it_has_it_told_whatever_becomes_of_him(void **state)
{
    static const struct store_handling handling = {STORE_HANDLES_JOB, 7};
    char first[STORE_FILE_BYTES], second[STORE_FILE_BYTES];

    (void)state;
    die_over(&handling, 1, first);
    die_over(NULL, 0, second); /* of something else */
    assert_string_equal(first, second);
    struct store *store = rig_open();
    assert_died_over(store, STORE_HANDLES_NOTHING, 0);
    store_close(store);
}

/* What is noted is always one of what was written, never a mixture. */
static void one_that_is_killed_at_any_instant_leaves_no_half_note(void **state)
{
    struct random random = {.state = 1848};
    int jobs = 0, events = 0;

    (void)state;
    const int rounds = is_under_valgrind() ? 10 : 200;
    /* ten deaths may all miss what a third of the time is for: then there are more of them */
    for (int round = 0; round < rounds || (round < 10 * rounds && (jobs == 0 || events == 0)); round++) {
        int ends[2];
        char ready;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            struct store *store;
            if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL) ||
                write(ends[1], "", 1) != 1)
                _exit(1);
            for (uint64_t i = 1;; i++) { /* numbers that differ in all of their bytes */
                store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, i * UINT64_C(0x0101010101010)});
                store_note_handling(store, nothing);
                store_note_handling(store, (struct store_handling){STORE_HANDLES_EVENT, i * UINT64_C(0x0303030303030)});
            }
        }
        assert_int_equal(read(ends[0], &ready, 1), 1);
        close(ends[0]);
        close(ends[1]);
        struct timespec pause_for = {.tv_nsec = (long)random_below(&random, 2000000)};
        nanosleep(&pause_for, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);

        struct store *store = rig_open();
        const struct store_handling *died_over = &store_facts(store)->died_over;
        jobs += died_over->kind == STORE_HANDLES_JOB;
        events += died_over->kind == STORE_HANDLES_EVENT;
        if (died_over->kind == STORE_HANDLES_JOB)
            assert_int_equal(died_over->number % UINT64_C(0x0101010101010), 0);
        else if (died_over->kind == STORE_HANDLES_EVENT)
            assert_int_equal(died_over->number % UINT64_C(0x0303030303030), 0);
        else
            assert_int_equal(died_over->number, 0);
        store_close(store);
    }
    assert_true(jobs > 0 && events > 0);
}

static void an_end_in_good_order_is_no_death(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_died_over(store, STORE_HANDLES_NOTHING, 0);
    store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, 7});
    store_close(store);
    store = rig_open();
    assert_died_over(store, STORE_HANDLES_NOTHING, 0);
    store_close(store);
}

static void who_may_not_open_it_takes_nothing_away(void **state)
{
    static const struct store_handling handling = {STORE_HANDLES_EVENT, 41};
    struct store_owner other = rig_owner;
    char file[STORE_FILE_BYTES];
    struct store *store;

    (void)state;
    die_over(&handling, 1, file);
    other.origin = klp_cstr("https://other.example:443");
    assert_int_equal(store_adopt(rig_directory, file, &other, STORE_SURVIVES_PROCESS, 0, &store, NULL), STORE_FOREIGN);
    assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_OK);
    assert_died_over(store, STORE_HANDLES_NOTHING, 0);
    store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, 5});
    store_close(store);
    store = rig_open();
    assert_died_over(store, STORE_HANDLES_EVENT, 41);
    store_close(store);
}

/* ─── The lock ──────────────────────────────────────────────────────────────────────────────────── */

static enum store_result adopt_elsewhere(const char *file)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        struct store *store;
        _exit((int)store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (enum store_result)WEXITSTATUS(status);
}

static void the_lock_stays_whatever_is_noted(void **state)
{
    struct store *store = rig_open(), *second;

    (void)state;
    for (uint64_t i = 0; i < 100; i++) {
        store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, i});
        if (i % 10 == 0)
            assert_int_equal(adopt_elsewhere(store_file(store)), STORE_LOCKED);
        store_note_handling(store, nothing);
    }
    assert_int_equal(
        store_adopt(rig_directory, store_file(store), &rig_owner, STORE_SURVIVES_PROCESS, 0, &second, NULL),
        STORE_LOCKED);
    store_close(store);
}

/* Its descriptor is closed in the child, and its number may be another file's by then. */
static void a_forked_child_notes_nothing_of_its_parents(void **state)
{
    static struct store *store; /* to be found by a search for leaks in the child, too */
    char file[STORE_FILE_BYTES], path[512], byte = 'x';

    (void)state;
    store = rig_open();
    snprintf(file, sizeof file, "%s", store_file(store));
    rig_path(path, "other", "");
    store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, 7});
    pid_t child = fork();
    if (child == 0) {
        FILE *other = fopen(path, "w");
        bool written = other && fwrite(&byte, 1, 1, other) == 1 && fflush(other) == 0;
        store_note_handling(store, (struct store_handling){STORE_HANDLES_JOB, 8});
        _exit(written ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, 1);
    store_close(store);
}

/* ─── Its file ──────────────────────────────────────────────────────────────────────────────────── */

static size_t load(const char *file, unsigned char bytes[256])
{
    char path[512];

    rig_path(path, file, ".lock");
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    size_t size = fread(bytes, 1, 256, stream);
    fclose(stream);
    return size;
}

static void assert_reads_as(const char *file, const unsigned char *bytes, size_t size, enum store_handled kind,
                            uint64_t number)
{
    char path[512];

    rig_path(path, file, ".lock");
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    fclose(stream);
    struct store *store = rig_open();
    assert_string_equal(store_file(store), file);
    assert_died_over(store, kind, number);
    store_close(store);
}

static void what_is_torn_reads_as_nothing(void **state)
{
    static const struct store_handling handling = {STORE_HANDLES_JOB, 0x123456789abcdef};
    struct random random = {.state = 17};
    unsigned char noted[256], other[256] = {0};
    char file[STORE_FILE_BYTES];

    (void)state;
    die_over(&handling, 1, file);
    size_t size = load(file, noted);
    assert_in_range(size, 16, 64);
    assert_reads_as(file, noted, size, handling.kind, handling.number);
    for (size_t cut = 0; cut < size; cut++)
        assert_reads_as(file, noted, cut, STORE_HANDLES_NOTHING, 0);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        memcpy(other, noted, size);
        other[bit / 8] = (unsigned char)(other[bit / 8] ^ (1u << bit % 8));
        assert_reads_as(file, other, size, STORE_HANDLES_NOTHING, 0);
    }
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof other; i++)
            other[i] = (unsigned char)random_below(&random, 256);
        assert_reads_as(file, other, sizeof other, STORE_HANDLES_NOTHING, 0);
    }
    memset(other, 0, sizeof other);
    assert_reads_as(file, other, sizeof other, STORE_HANDLES_NOTHING, 0);
    assert_reads_as(file, noted, size, handling.kind, handling.number);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(what_a_killed_process_was_handling_is_told_once),
        STORE_TEST(who_opens_it_has_it_told_whatever_becomes_of_him),
        STORE_TEST(one_that_is_killed_at_any_instant_leaves_no_half_note),
        STORE_TEST(an_end_in_good_order_is_no_death),
        STORE_TEST(who_may_not_open_it_takes_nothing_away),
        STORE_TEST(the_lock_stays_whatever_is_noted),
        STORE_TEST(a_forked_child_notes_nothing_of_its_parents),
        STORE_TEST(what_is_torn_reads_as_nothing),
    };
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
