/* SPDX-License-Identifier: Apache-2.0
 * A disk that fails at the n-th thing that is asked of it, for every n until nothing fails: once, and from then on
 * until it is well again. What was committed is there, what was not is not, and the store goes on. */
#include "store_rig.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "slowed.h"
#include "store_history.h"

/* ─── The disk ──────────────────────────────────────────────────────────────────────────────────── */

enum fault {
    FAULT_FULL,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_READ,
    FAULT_SHARED,
    FAULT_OPEN,
    FAULT_TRUNCATE,
    FAULT_DELETE,
    FAULT_LOCK,
    FAULT_MEMORY,
    FAULT_KINDS
};

static struct {
    enum fault kind;
    bool is_armed, lasts;
    long countdown; /* the call that fails is the one that takes it to 0 */
    long fired;
} disk;

static bool fires(enum fault kind)
{
    if (!disk.is_armed || disk.kind != kind)
        return false;
    disk.countdown--;
    if (disk.countdown == 0 || (disk.lasts && disk.countdown < 0)) {
        disk.fired++;
        return true;
    }
    return false;
}

static void arm(enum fault kind, bool lasts, long at)
{
    disk.kind = kind;
    disk.lasts = lasts;
    disk.countdown = at;
    disk.fired = 0;
    disk.is_armed = true;
}

static void heal(void)
{
    disk.is_armed = false;
}

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real;
    bool has_failed;
};

static sqlite3_vfs *real_vfs, shim_vfs;

#define REAL(file)    (((struct shim_file *)(file))->real)
#define METHODS(file) (REAL(file)->pMethods)

static int shim_close(sqlite3_file *file)
{
    return METHODS(file)->xClose(REAL(file));
}

static int shim_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    if (!fires(FAULT_READ))
        return METHODS(file)->xRead(REAL(file), bytes, size, at);
    ((struct shim_file *)file)->has_failed = true;
    return SQLITE_IOERR_READ;
}

static int shim_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    if (fires(FAULT_FULL))
        return SQLITE_FULL;
    if (fires(FAULT_WRITE)) { /* half of it got there; within a sector it is all or nothing */
        if (size > 512)
            METHODS(file)->xWrite(REAL(file), bytes, size / 2, at);
        return SQLITE_IOERR_WRITE;
    }
    return METHODS(file)->xWrite(REAL(file), bytes, size, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fires(FAULT_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : METHODS(file)->xTruncate(REAL(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    return fires(FAULT_SYNC) ? SQLITE_IOERR_FSYNC : METHODS(file)->xSync(REAL(file), flags);
}

static int shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return METHODS(file)->xFileSize(REAL(file), size);
}

static int shim_lock(sqlite3_file *file, int level)
{
    return fires(FAULT_LOCK) ? SQLITE_IOERR_LOCK : METHODS(file)->xLock(REAL(file), level);
}

static int shim_unlock(sqlite3_file *file, int level)
{
    return METHODS(file)->xUnlock(REAL(file), level);
}

static int shim_check(sqlite3_file *file, int *result)
{
    return METHODS(file)->xCheckReservedLock(REAL(file), result);
}

static int shim_control(sqlite3_file *file, int operation, void *argument)
{
    if (operation == SQLITE_FCNTL_LAST_ERRNO && ((struct shim_file *)file)->has_failed) {
        *(int *)argument = EIO;
        return SQLITE_OK;
    }
    return METHODS(file)->xFileControl(REAL(file), operation, argument);
}

static int shim_sector(sqlite3_file *file)
{
    return METHODS(file)->xSectorSize(REAL(file));
}

static int shim_traits(sqlite3_file *file)
{
    return METHODS(file)->xDeviceCharacteristics(REAL(file));
}

static int shim_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **address)
{
    return fires(FAULT_SHARED) ? SQLITE_IOERR_SHMSIZE
                               : METHODS(file)->xShmMap(REAL(file), region, size, extend, address);
}

static int shim_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    if (flags & SQLITE_SHM_LOCK && fires(FAULT_LOCK))
        return SQLITE_IOERR_SHMLOCK;
    return METHODS(file)->xShmLock(REAL(file), offset, count, flags);
}

static void shim_shm_barrier(sqlite3_file *file)
{
    METHODS(file)->xShmBarrier(REAL(file));
}

static int shim_shm_unmap(sqlite3_file *file, int remove)
{
    return METHODS(file)->xShmUnmap(REAL(file), remove);
}

static const sqlite3_io_methods shim_methods = {
    2,           shim_close,   shim_read,     shim_write,       shim_truncate,  shim_sync,
    shim_size,   shim_lock,    shim_unlock,   shim_check,       shim_control,   shim_sector,
    shim_traits, shim_shm_map, shim_shm_lock, shim_shm_barrier, shim_shm_unmap, NULL,
    NULL};

static int shim_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
    struct shim_file *shim = (struct shim_file *)file;

    (void)vfs;
    file->pMethods = NULL;
    if (fires(FAULT_OPEN))
        return SQLITE_CANTOPEN;
    shim->real = (sqlite3_file *)(shim + 1);
    shim->has_failed = false;
    int code = real_vfs->xOpen(real_vfs, path, shim->real, flags, out);
    if (shim->real->pMethods)
        file->pMethods = &shim_methods;
    return code;
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
    (void)vfs;
    return fires(FAULT_DELETE) ? SQLITE_IOERR_DELETE : real_vfs->xDelete(real_vfs, path, sync);
}

/* A store asks for SQLite's own VFS by its name: so the shim has that. */
static void install_disk(void)
{
    real_vfs = sqlite3_vfs_find("unix");
    assert_non_null(real_vfs);
    shim_vfs = *real_vfs;
    shim_vfs.szOsFile = (int)sizeof(struct shim_file) + real_vfs->szOsFile;
    shim_vfs.xOpen = shim_open;
    shim_vfs.xDelete = shim_delete;
    shim_vfs.pNext = NULL;
    assert_int_equal(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}

static sqlite3_mem_methods real_memory;

static void *failing_malloc(int size)
{
    return fires(FAULT_MEMORY) ? NULL : real_memory.xMalloc(size);
}

static void *failing_realloc(void *block, int size)
{
    return fires(FAULT_MEMORY) ? NULL : real_memory.xRealloc(block, size);
}

static void install_memory(void)
{
    sqlite3_mem_methods memory;

    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
    memory = real_memory;
    memory.xMalloc = failing_malloc;
    memory.xRealloc = failing_realloc;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &memory), SQLITE_OK);
}

/* ─── A crash ───────────────────────────────────────────────────────────────────────────────────── */

static void copy(const char *from, const char *to)
{
    static char bytes[16 << 20];
    FILE *in = fopen(from, "r");
    if (!in)
        return;
    FILE *out = fopen(to, "w");
    assert_non_null(out);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    fclose(in);
    fclose(out);
}

/* What would be found if the process died now: its files as they are, in another directory. */
static void look_as_after_a_crash(const struct store *store, struct rig_census *census)
{
    char living[sizeof rig_directory], from[512], to[512];
    static const char *const ends[] = {"", "-wal"};
    struct store *found;
    klp_text_buffer why = {0};

    bool was_armed = disk.is_armed;
    disk.is_armed = false; /* it is another process' disk */
    memcpy(living, rig_directory, sizeof living);
    assert_int_equal(rig_set_up(NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s/%s%s", living, store_file(store), ends[i]);
        rig_path(to, store_file(store), ends[i]);
        copy(from, to);
    }
    if (store_adopt(rig_directory, store_file(store), &rig_owner, STORE_SURVIVES_POWER_LOSS, 0, &found, &why))
        fail_msg("after a crash: %s", why.data);
    assert_int_equal(rig_census(found, census), STORE_OK);
    assert_int_equal(census->lone_jobs, 0);
    store_close(found);
    assert_int_equal(rig_tear_down(NULL), 0);
    memcpy(rig_directory, living, sizeof living);
    disk.is_armed = was_armed;
}

/* ─── A story, of three batches ─────────────────────────────────────────────────────────────────── */

struct model {
    uint64_t jobs, events, failed;
};

enum { BATCHES = 3, LARGE_JOBS = 3 };

/* Enough for the log to be copied into the database, which happens past 4 MiB; or little, where every page is a call.
 */
static size_t large_bytes;

static enum store_result write_batch(struct store *store, int batch, struct model *model)
{
    enum store_result result = STORE_OK;

    switch (batch) {
    case 0:
        for (uint64_t id = 11; id <= 30 && !result; id++)
            result = rig_put(store, id);
        for (uint64_t id = 1000; id < 1000 + LARGE_JOBS && !result; id++) {
            struct store_job large = rig_job(id, large_bytes);
            struct store_ticket ticket = rig_ticket(id, id);
            result = store_put_job(store, &large);
            if (!result)
                result = store_put_ticket(store, &ticket);
        }
        if (!result)
            result = store_reserve(store, 2000, 2000);
        model->jobs += 20 + LARGE_JOBS;
        break;
    case 1:
        for (uint64_t id = 1; id <= 20 && !result; id++)
            result = id % 2 ? rig_conclude(store, id, id) : rig_fail(store, id, id, (int64_t)id);
        for (uint64_t id = 21; id <= 30 && !result; id++) {
            struct store_job job = rig_job(id, 600);
            job.attempts = 1;
            job.last_error = klp_cstr("network_error");
            result = store_update_job(store, &job);
        }
        model->jobs -= 20;
        model->events += 20;
        model->failed += 10;
        break;
    default:
        result = store_forget_events(store, 15);
        if (!result)
            result = store_expire_failed(store, 6, 7); /* 2 and 4, then 6 */
        for (uint64_t id = 8; id <= 12 && !result; id += 2)
            result = store_requeue(store, id, 1500 + id, NULL, 1000);
        if (!result)
            result = store_drop_failed(store, 14);
        model->events -= 15;
        model->failed -= 7;
        model->jobs += 3;
        break;
    }
    enum store_result committed = store_commit(store);
    assert_int_equal(committed, result ? result : committed); /* a batch that failed is not committed */
    return committed;
}

static bool is_like(const struct rig_census *census, const struct model *model)
{
    return census->jobs == model->jobs && census->tickets == model->jobs && census->events == model->events &&
           census->failed == model->failed;
}

static struct store *start(struct model *model)
{
    struct store *store = NULL;

    assert_int_equal(store_open(rig_directory, &rig_owner, STORE_SURVIVES_POWER_LOSS, 0, &store, NULL, NULL), STORE_OK);
    for (uint64_t id = 1; id <= 10; id++)
        assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    *model = (struct model){.jobs = 10};
    return store;
}

static bool is_expected(enum fault kind, enum store_result result)
{
    switch (kind) {
    case FAULT_FULL:
        return result == STORE_FULL;
    case FAULT_MEMORY:
        return result == STORE_NO_MEMORY;
    default:
        return result == STORE_FAILED;
    }
}

/* Tells the story with the n-th call failing; false when the story was over before. */
static bool tell(enum fault kind, bool lasts, long at)
{
    struct model model, next;
    struct rig_census census;
    bool has_fired = false;

    assert_int_equal(rig_set_up(NULL), 0);
    struct store *store = start(&model);
    arm(kind, lasts, at);
    for (int batch = 0; batch < BATCHES; batch++) {
        next = model;
        enum store_result result = write_batch(store, batch, &next);
        has_fired = has_fired || disk.fired;
        if (result) {
            if (!is_expected(kind, result))
                fail_msg("fault %d at %ld: %d: %s", kind, at, result, store_last_failure(store));
            heal();
            look_as_after_a_crash(store, &census); /* all of the batch, or nothing */
            assert_true(is_like(&census, &model) || is_like(&census, &next));
            assert_int_equal(rig_census(store, &census), STORE_OK);
            assert_true(is_like(&census, &model));
            if (at % 2) {
                assert_int_equal(store_commit(store), STORE_OK); /* from here on, nothing of it for certain */
                look_as_after_a_crash(store, &census);
                assert_true(is_like(&census, &model));
            }
            next = model;
            assert_int_equal(write_batch(store, batch, &next), STORE_OK); /* it goes on */
        }
        model = next;
        assert_int_equal(store_facts(store)->jobs, model.jobs);
        assert_int_equal(store_facts(store)->events, model.events);
        assert_int_equal(store_facts(store)->failed, model.failed);
        look_as_after_a_crash(store, &census);
        assert_true(is_like(&census, &model));
    }
    heal();
    rig_assert_holds(store, model.jobs, model.jobs, model.events);
    store_close(store);
    store = rig_open();
    rig_assert_holds(store, model.jobs, model.jobs, model.events);
    assert_int_equal(store_facts(store)->last_ticket, 2000);
    store_close(store);
    assert_int_equal(rig_tear_down(NULL), 0);
    return has_fired;
}

/* From one place to the next; under valgrind, where each takes a second, a sample must do. */
static long stride(long usual)
{
    return is_under_valgrind() ? 29 * usual : usual;
}

/* Of reads, one for each page that is copied, and of allocations, thousands at an open, some will do. */
static void a_batch_that_the_disk_fails_is_all_or_nothing(void **state)
{
    (void)state;
    for (enum fault kind = 0; kind < FAULT_KINDS; kind++)
        for (int lasts = 0; lasts < 2; lasts++) {
            bool is_often = kind == FAULT_FULL || kind == FAULT_WRITE || kind == FAULT_MEMORY;
            long at = 1;
            large_bytes = is_often ? 8000 : 1500000;
            while (tell(kind, lasts, at))
                at += stride(kind == FAULT_READ ? 97 : kind == FAULT_MEMORY ? 5 : 1);
            printf("    fault %d, %s: up to the call %ld\n", kind, lasts ? "lasting" : "once", at - 1);
        }
}

/* ─── Beginnings and ends ───────────────────────────────────────────────────────────────────────── */

static bool open_new(enum fault kind, long at)
{
    struct store *store;

    assert_int_equal(rig_set_up(NULL), 0);
    arm(kind, at % 2, at);
    klp_text_buffer why = {0};
    enum store_result result = store_open(rig_directory, &rig_owner, STORE_SURVIVES_POWER_LOSS, 0, &store, NULL, &why);
    heal();
    bool fired = disk.fired > 0;
    if (result) {
        assert_true(fired && !store);
        if (!is_expected(kind, result) && (kind != FAULT_MEMORY || result != STORE_UNFIT))
            fail_msg("fault %d at %ld: %d: %s", kind, at, result, why.data);
        store = rig_open(); /* what is left of it is no obstacle */
    }
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
    assert_int_equal(rig_tear_down(NULL), 0);
    return fired;
}

static bool open_again_and_close(enum fault kind, long at)
{
    struct model model;
    struct rig_census census;

    assert_int_equal(rig_set_up(NULL), 0);
    struct store *store = start(&model);
    store_close(store);
    arm(kind, at % 2, at);
    klp_text_buffer why = {0};
    enum store_result result = store_open(rig_directory, &rig_owner, STORE_SURVIVES_POWER_LOSS, 0, &store, NULL, &why);
    if (!result)
        store_close(store); /* the walk reaches this too */
    else if (!is_expected(kind, result) && (kind != FAULT_MEMORY || result != STORE_UNFIT))
        fail_msg("fault %d at %ld: %d: %s", kind, at, result, why.data);
    heal();
    bool fired = disk.fired > 0;
    store = rig_open();
    assert_int_equal(rig_census(store, &census), STORE_OK);
    assert_true(is_like(&census, &model));
    store_close(store);
    assert_int_equal(rig_tear_down(NULL), 0);
    return fired;
}

/* A disk too full for what an older file lacks is not in the way of what is in it. */
static bool open_older(enum fault kind, long at)
{
    struct store *store;

    assert_int_equal(rig_set_up(NULL), 0);
    history_exec(history_version_1);
    arm(kind, at % 2, at);
    klp_text_buffer why = {0};
    enum store_result result = store_open(rig_directory, &rig_owner, STORE_SURVIVES_POWER_LOSS, 0, &store, NULL, &why);
    heal();
    bool fired = disk.fired > 0;
    if (result && !is_expected(kind, result) && (kind != FAULT_MEMORY || result != STORE_UNFIT))
        fail_msg("fault %d at %ld: %d: %s", kind, at, result, why.data);
    if (kind == FAULT_FULL)
        assert_int_equal(result, STORE_OK);
    if (!result) {
        assert_int_equal(rig_put(store, 8), STORE_OK);
        assert_int_equal(rig_fail(store, 201, 8, 1000), STORE_OK);
        assert_int_equal(store_expire_failed(store, 0, 10), STORE_OK);
        assert_int_equal(store_requeue(store, 9, 10, NULL, 1000), STORE_NOT_THERE);
        assert_int_equal(store_drop_failed(store, 9), STORE_NOT_THERE);
        assert_int_equal(store_commit(store), STORE_OK);
        rig_assert_holds(store, 1, 1, 2);
        if (kind == FAULT_FULL && at == 1)
            rig_assert_failed(store, 0, 0);
        store_close(store);
    }
    store = rig_open();
    assert_string_equal(store_file(store), history_file);
    assert_int_equal(rig_fail(store, 202, 7, 1000), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    assert_in_range(store_facts(store)->failed, 1, 2);
    store_close(store);
    assert_int_equal(rig_tear_down(NULL), 0);
    return fired;
}

static void an_older_file_opens_or_stays_as_it_is(void **state)
{
    (void)state;
    for (enum fault kind = 0; kind < FAULT_KINDS; kind++) {
        long at = 1;
        while (open_older(kind, at))
            at += stride(kind == FAULT_MEMORY ? 3 : 1);
        printf("    fault %d: %ld places\n", kind, at - 1);
    }
}

static void an_open_or_close_that_the_disk_fails_loses_nothing(void **state)
{
    (void)state;
    for (enum fault kind = 0; kind < FAULT_KINDS; kind++) {
        long begun = 1, again = 1;
        while (open_new(kind, begun))
            begun += stride(1);
        while (open_again_and_close(kind, again))
            again += stride(1);
        printf("    fault %d: %ld places in a new one, %ld in one opened again and closed\n", kind, begun - 1,
               again - 1);
    }
}

/* ─── A log that grows until the kernel says no ─────────────────────────────────────────────────── */

static void a_limit_on_the_size_of_files_is_a_full_disk(void **state)
{
    struct rlimit before, little = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    enum store_result result = STORE_OK;
    uint64_t id = 0, committed = 0;

    (void)state;
    assert_int_equal(rig_set_up(NULL), 0);
    struct store *store = rig_open();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    little.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    while (!result && id < 10000) {
        result = rig_put(store, ++id);
        enum store_result commit = store_commit(store);
        result = result ? result : commit;
        committed += !result;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, STORE_FULL);
    assert_int_equal(rig_put(store, id), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    rig_assert_holds(store, committed + 1, committed + 1, 0);
    store_close(store);
    assert_int_equal(rig_tear_down(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_that_the_disk_fails_is_all_or_nothing),
        cmocka_unit_test(an_open_or_close_that_the_disk_fails_loses_nothing),
        cmocka_unit_test(an_older_file_opens_or_stays_as_it_is),
        cmocka_unit_test(a_limit_on_the_size_of_files_is_a_full_disk),
    };
    install_memory();
    install_disk();
    rig_in_memory = true;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
