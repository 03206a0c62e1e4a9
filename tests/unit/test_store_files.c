/* SPDX-License-Identifier: Apache-2.0
 * Which files a store has, who may open them, and who has them. */
#include "store_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/statfs.h>
#include <sys/wait.h>

#include "outbox/directory.h"
#include "outbox/lock.h"
#include "outbox/mount.h"

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

/* Instead of the C library's: a test can say what a directory is on. */
static long pretended_type;

int statfs(const char *path, struct statfs *system)
{
    (void)path;
    memset(system, 0, sizeof *system);
    system->f_type = pretended_type;
    return 0;
}

/* ─── Names ─────────────────────────────────────────────────────────────────────────────────────── */

static void names_are_safe_bounded_and_told_apart(void **state)
{
    static const struct {
        const char *pusher, *file;
    } cases[] = {
        {"mm-eu-1", "mm-eu-1-0123456789abcdef.outbox"},
        {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd-0123456789abcdef.outbox"},
        {".hidden", "%2Ehidden-0123456789abcdef.outbox"},
        {"-rf", "%2Drf-0123456789abcdef.outbox"},
        {"a b~\xc3\xa9%", "a%20b%7E%C3%A9%25-0123456789abcdef.outbox"},
    };
    char file[STORE_FILE_BYTES], other[STORE_FILE_BYTES], name[1025];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        directory_file_name(klp_cstr(cases[i].pusher), "0123456789abcdef", file);
        assert_string_equal(file, cases[i].file);
        assert_true(directory_is_outbox(file));
        assert_true(directory_is_of(file, klp_cstr(cases[i].pusher)));
        assert_false(directory_is_of(file, klp_cstr("mm-eu")));
    }
    for (size_t size = 1; size <= 1024; size++) {
        memset(name, size % 2 ? 'n' : '/', size);
        directory_file_name((klp_text){name, size}, "0123456789abcdef", file);
        assert_true(strlen(file) < 160);
        assert_true(directory_is_outbox(file));
        assert_true(directory_is_of(file, (klp_text){name, size}));
        name[size - 1] = 'x';
        directory_file_name((klp_text){name, size}, "0123456789abcdef", other);
        assert_string_not_equal(file, other);
    }
}

static void other_names_are_no_outbox(void **state)
{
    static const char *const names[] = {
        "",
        ".outbox",
        "a.outbox",
        "a-0123456789abcde.outbox",
        "a-0123456789ABCDEF.outbox",
        "a-0123456789abcdef.outbox.lock",
        "a-0123456789abcdef.outbox-wal",
        "a-0123456789abcdef.aside-1",
        ".a-0123456789abcdef.outbox",
        "../a-0123456789abcdef.outbox",
        "a_0123456789abcdef.outbox",
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_false(directory_is_outbox(names[i]));
}

/* ─── Directories ───────────────────────────────────────────────────────────────────────────────── */

static void assert_unfit(const char *directory, const char *reason)
{
    klp_text_buffer why = {0};
    struct store *store;

    assert_int_equal(store_open(directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, &why), STORE_UNFIT);
    assert_null(store);
    assert_non_null(strstr(why.data, reason));
    assert_non_null(strstr(why.data, directory));
}

static void a_directory_must_be_there(void **state)
{
    char path[512];

    (void)state;
    assert_unfit("/nowhere/at/all", "No such file");
    rig_path(path, "file", "");
    fclose(fopen(path, "w"));
    assert_unfit(path, "no directory");
    if (geteuid() != 0) { /* root may write anywhere */
        assert_int_equal(chmod(rig_directory, 0500), 0);
        assert_unfit(rig_directory, "Permission denied");
        assert_int_equal(chmod(rig_directory, 0700), 0);
    }
}

static void a_network_file_system_is_refused_by_name(void **state)
{
    (void)state;
    pretended_type = 0x6969;
    assert_unfit(rig_directory, "NFS");
    pretended_type = (long)0xff534d42;
    assert_unfit(rig_directory, "CIFS");
    pretended_type = (int)0xfe534d42; /* as a 32-bit system's long has it */
    assert_unfit(rig_directory, "SMB");
    pretended_type = 0x01021997;
    assert_unfit(rig_directory, "9p");
    pretended_type = 0x65735546; /* FUSE, but mounted as what it really is */
    store_remove(rig_open());
    pretended_type = 0;
    assert_string_equal(mount_network_name_of(0x65735546, "fuse.sshfs"), "fuse.sshfs");
    assert_string_equal(mount_network_name_of(0x00c36400, ""), "Ceph");
    assert_null(mount_network_name_of(0x65735546, "fuse.fuse-overlayfs"));
    assert_null(mount_network_name_of(0x65735546, "fuseblk"));
    assert_null(mount_network_name_of(0x65735546, ""));
    assert_null(mount_network_name_of(0xef53, "fuse.sshfs")); /* ext4 */
}

static void a_directory_may_be_behind_a_symbolic_link(void **state)
{
    char path[512];

    (void)state;
    rig_path(path, "link", "");
    assert_int_equal(symlink(rig_directory, path), 0);
    struct store *store;
    assert_int_equal(store_open(path, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL), STORE_OK);
    store_remove(store);
}

/* ─── Files ─────────────────────────────────────────────────────────────────────────────────────── */

static void assert_mode(const char *file, const char *end)
{
    char path[512];
    struct stat found;

    rig_path(path, file, end);
    assert_int_equal(lstat(path, &found), 0);
    assert_int_equal(found.st_mode, S_IFREG | 0600);
}

static void files_are_ours_alone_whatever_the_umask(void **state)
{
    static const mode_t masks[] = {0, 022, 077, 0777};

    (void)state;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        mode_t before = umask(masks[i]);
        struct store *store = rig_open();
        umask(before);
        assert_int_equal(rig_put(store, 1), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        assert_mode(store_file(store), "");
        assert_mode(store_file(store), "-wal");
        assert_mode(store_file(store), "-shm");
        assert_mode(store_file(store), ".lock");
        assert_int_equal(rig_conclude(store, 1, 1), STORE_OK);
        assert_int_equal(store_forget_events(store, 1), STORE_OK);
        assert_int_equal(store_commit(store), STORE_OK);
        store_remove(store);
    }
}

static void a_file_that_was_readable_for_all_is_ours_alone_again(void **state)
{
    char path[512];
    struct store *store = rig_open();

    (void)state;
    rig_path(path, store_file(store), "");
    store_close(store);
    assert_int_equal(chmod(path, 0644), 0);
    store = rig_open();
    assert_mode(store_file(store), "");
    store_close(store);
}

static void every_descriptor_is_closed_on_exec(void **state)
{
    struct store *store = rig_open();
    int seen = 0;

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    for (int fd = 0; fd < 256; fd++) {
        char link[64], target[512] = "";
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        if (readlink(link, target, sizeof target - 1) < 0 || !strstr(target, rig_directory))
            continue;
        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        seen++;
    }
    assert_true(seen >= 3); /* the database, its log, the lock */
    store_close(store);
}

static void a_symbolic_link_is_not_followed(void **state)
{
    char path[512], elsewhere[512], file[STORE_FILE_BYTES];
    struct store *store = rig_open();

    (void)state;
    snprintf(file, sizeof file, "%s", store_file(store));
    store_close(store);
    rig_path(path, file, "");
    rig_path(elsewhere, "elsewhere", "");
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                     STORE_DAMAGED);
    assert_int_not_equal(store_view(rig_directory, file, &store, NULL), STORE_OK);
    store_remove(rig_open()); /* a new one: the link is no file of his */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rename(elsewhere, path), 0);

    rig_path(path, file, ".lock");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(elsewhere, path), 0);
    assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                     STORE_FAILED);
    assert_false(rig_has_file("elsewhere", ""));
}

static bool note(void *user, const char *file)
{
    char(*files)[STORE_FILE_BYTES] = user;
    while ((*files)[0])
        files++;
    snprintf(*files, STORE_FILE_BYTES, "%s", file);
    return true;
}

static void a_removed_store_leaves_nothing(void **state)
{
    char files[4][STORE_FILE_BYTES] = {""};
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(store_list(rig_directory, note, files), STORE_OK);
    assert_string_equal(files[0], store_file(store));
    assert_string_equal(files[1], "");
    store_remove(store);
    assert_int_equal(rmdir(rig_directory), 0);
    assert_int_equal(store_list(rig_directory, note, files), STORE_UNFIT);
    assert_int_equal(mkdir(rig_directory, 0700), 0);
}

static void a_store_with_records_is_not_removed(void **state)
{
    struct store *store = rig_open();

    (void)state;
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_remove(store);
    store = rig_open();
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void what_a_dead_process_began_to_make_is_swept_away(void **state)
{
    static const char file[] = "mm-eu-1-0123456789abcdef.outbox";
    char path[512];

    (void)state;
    rig_path(path, file, ".new");
    fclose(fopen(path, "w"));
    rig_path(path, file, ".lock");
    fclose(fopen(path, "w"));
    store_close(rig_open());
    assert_false(rig_has_file(file, ".new") || rig_has_file(file, ".lock") || rig_has_file(file, ""));
}

/* As when its owner removes a file that somebody else is just opening, to look at. */
static void what_a_view_made_beside_a_file_goes_with_that(void **state)
{
    char file[STORE_FILE_BYTES], path[512];
    struct store *store = rig_open();

    (void)state;
    snprintf(file, sizeof file, "%s", store_file(store));
    store_close(store);
    assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_OK);
    assert_true(rig_has_file(file, "-wal") || rig_has_file(file, "-shm"));
    rig_path(path, file, "");
    assert_int_equal(unlink(path), 0);
    store_close(store);
    assert_false(rig_has_file(file, "-wal") || rig_has_file(file, "-shm"));
    assert_int_equal(store_view(rig_directory, file, &store, NULL), STORE_NOT_THERE);
}

static void a_file_removed_while_it_is_open_takes_no_more(void **state)
{
    char path[512];
    struct store *store = rig_open();

    (void)state;
    rig_path(path, store_file(store), "");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_FAILED);
    assert_non_null(strstr(store_last_failure(store), "removed"));
    store_close(store);
}

/* ─── Whose it is ───────────────────────────────────────────────────────────────────────────────── */

static void another_origin_or_key_is_refused_with_both_named(void **state)
{
    struct store_owner origin = rig_owner, key = rig_owner, name = rig_owner;
    char file[STORE_FILE_BYTES], foreign[STORE_FILE_BYTES];
    klp_text_buffer why = {0};
    struct store *store = rig_open();

    (void)state;
    snprintf(file, sizeof file, "%s", store_file(store));
    assert_int_equal(rig_put(store, 1), STORE_OK);
    assert_int_equal(store_commit(store), STORE_OK);
    store_close(store);
    origin.origin = klp_cstr("https://other.example:443");
    key.key_prefix = klp_cstr("srv_test_9");
    name.pusher = klp_cstr("mm-eu-2");
    assert_int_equal(store_open(rig_directory, &origin, STORE_SURVIVES_PROCESS, 0, &store, foreign, &why),
                     STORE_FOREIGN);
    assert_string_equal(foreign, file);
    assert_non_null(strstr(why.data, "https://other.example:443"));
    assert_non_null(strstr(why.data, "https://api.kraty.example:443"));
    assert_int_equal(store_open(rig_directory, &key, STORE_SURVIVES_PROCESS, 0, &store, NULL, &why), STORE_FOREIGN);
    assert_non_null(strstr(why.data, "srv_test_9"));
    assert_non_null(strstr(why.data, "srv_live_1"));

    store = rig_open_as(&name, 0, STORE_OK); /* another name: another file */
    assert_string_not_equal(store_file(store), file);
    store_remove(store);
    assert_int_equal(store_adopt(rig_directory, file, &origin, STORE_SURVIVES_PROCESS, 0, &store, &why), STORE_FOREIGN);
    assert_int_equal(store_adopt(rig_directory, file, &name, STORE_SURVIVES_PROCESS, 0, &store, &why), STORE_OK);
    assert_int_equal(why.size, 0);
    assert_int_equal(store_pusher(store).size, 7);
    assert_memory_equal(store_pusher(store).data, "mm-eu-1", 7);
    rig_assert_holds(store, 1, 1, 0);
    store_close(store);
}

static void one_that_opens_is_taken_before_one_that_does_not(void **state)
{
    struct store_owner other = rig_owner;
    struct store *first = rig_open();

    (void)state;
    other.origin = klp_cstr("https://other.example:443");
    struct store *second = rig_open_as(&other, 0, STORE_OK); /* the first is locked: so a new one */
    char file[STORE_FILE_BYTES];
    snprintf(file, sizeof file, "%s", store_file(first));
    store_close(first);
    store_close(second);
    first = rig_open();
    assert_string_equal(store_file(first), file);
    store_close(first);
}

static void a_copy_under_another_name_is_refused(void **state)
{
    char from[512], to[512];
    struct store *store = rig_open();

    (void)state;
    rig_path(from, store_file(store), "");
    rig_path(to, "copy-0123456789abcdef.outbox", "");
    store_close(store);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(
        store_adopt(rig_directory, "copy-0123456789abcdef.outbox", &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
        STORE_DAMAGED);
}

/* ─── Who has it ────────────────────────────────────────────────────────────────────────────────── */

static void two_pushers_of_one_process_have_two_files(void **state)
{
    struct store *first = rig_open(), *second = rig_open(), *third;
    char file[STORE_FILE_BYTES];

    (void)state;
    assert_string_not_equal(store_file(first), store_file(second));
    assert_int_equal(store_adopt(rig_directory, store_file(first), &rig_owner, STORE_SURVIVES_PROCESS, 0, &third, NULL),
                     STORE_LOCKED);
    char aside[STORE_FILE_BYTES];
    assert_int_equal(store_set_aside(rig_directory, store_file(first), aside), STORE_LOCKED);
    snprintf(file, sizeof file, "%s", store_file(first));
    store_close(first);
    assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &third, NULL), STORE_OK);
    store_close(third);
    store_close(second);
}

static void nothing_is_adopted_that_is_not_there(void **state)
{
    struct store *store;

    (void)state;
    assert_int_equal(
        store_adopt(rig_directory, "x-0123456789abcdef.outbox", &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
        STORE_NOT_THERE);
    assert_int_equal(store_adopt(rig_directory, "../x", &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                     STORE_NOT_THERE);
    assert_int_equal(store_view(rig_directory, "x-0123456789abcdef.outbox", &store, NULL), STORE_NOT_THERE);
    assert_false(rig_has_file("x-0123456789abcdef.outbox", ".lock"));
}

/* A process that opens a store, says its file's name, and waits to be killed. With `forks` a child of it lives on. */
static pid_t start_holder(char file[STORE_FILE_BYTES], bool forks, pid_t *grandchild)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t holder = fork();
    if (holder == 0) {
        struct store *store;
        if (store_open(rig_directory, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL, NULL))
            _exit(1);
        if (write(ends[1], store_file(store), STORE_FILE_BYTES) != STORE_FILE_BYTES)
            _exit(1);
        pid_t child = forks ? fork() : 0; /* it writes, so it runs when we are killed */
        pid_t itself = getpid();
        if (child == 0 && write(ends[1], &itself, sizeof itself) != sizeof itself)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], file, STORE_FILE_BYTES), STORE_FILE_BYTES);
    assert_int_equal(read(ends[0], grandchild, sizeof *grandchild), sizeof *grandchild);
    close(ends[0]);
    close(ends[1]);
    return holder;
}

static void a_lock_goes_with_its_process(void **state)
{
    (void)state;
    for (int forks = 0; forks < 2; forks++) {
        char file[STORE_FILE_BYTES];
        struct store *store;
        pid_t grandchild;
        pid_t holder = start_holder(file, forks, &grandchild);
        assert_int_equal(store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL),
                         STORE_LOCKED);
        assert_int_equal(kill(holder, SIGKILL), 0);
        assert_int_equal(waitpid(holder, NULL, 0), holder);
        enum store_result result =
            store_adopt(rig_directory, file, &rig_owner, STORE_SURVIVES_PROCESS, 0, &store, NULL);
        if (forks)
            kill(grandchild, SIGKILL); /* it had a copy of the lock's descriptor */
        assert_int_equal(result, STORE_OK);
        store_remove(store);
    }
}

/* Two processes that take a lock, remove its file and give it up, as fast as they can: never both at once. */
static void a_lock_that_is_removed_under_way_is_nobodys(void **state)
{
    char path[512], mark[512];
    pid_t children[3];

    (void)state;
    rig_path(path, "raced", ".lock");
    rig_path(mark, "raced", ".mark");
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i])
            continue;
        for (int round = 0, had = 0; had < 2000 && round < 10000000; round++) {
            struct lock lock;
            if (lock_take(&lock, path))
                continue;
            int fd = open(mark, O_CREAT | O_EXCL | O_WRONLY, 0600);
            if (fd < 0)
                _exit(2); /* somebody else has it too */
            close(fd);
            unlink(mark);
            unlink(path);
            lock_release(&lock);
            had++;
        }
        _exit(0);
    }
    for (int i = 0; i < 3; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void what_is_set_aside_keeps_everything_under_a_new_name(void **state)
{
    char aside[STORE_FILE_BYTES], file[STORE_FILE_BYTES];
    pid_t none;

    (void)state;
    pid_t holder = start_holder(file, false, &none);
    kill(holder, SIGKILL);
    waitpid(holder, NULL, 0);
    assert_true(rig_has_file(file, "-wal") && rig_has_file(file, "-shm"));
    assert_int_equal(store_set_aside(rig_directory, file, aside), STORE_OK);
    assert_string_not_equal(aside, file);
    assert_false(rig_has_file(file, "") || rig_has_file(file, "-wal") || rig_has_file(file, "-shm") ||
                 rig_has_file(file, ".lock"));
    assert_mode(aside, "");
    assert_mode(aside, "-wal");
    assert_mode(aside, "-shm");
    assert_int_equal(store_set_aside(rig_directory, file, aside), STORE_NOT_THERE);
    assert_string_equal(aside, "");
    struct store *store = rig_open(); /* a fresh one */
    assert_string_not_equal(store_file(store), file);
    store_remove(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_safe_bounded_and_told_apart),
        cmocka_unit_test(other_names_are_no_outbox),
        STORE_TEST(a_directory_must_be_there),
        STORE_TEST(a_network_file_system_is_refused_by_name),
        STORE_TEST(a_directory_may_be_behind_a_symbolic_link),
        STORE_TEST(files_are_ours_alone_whatever_the_umask),
        STORE_TEST(a_file_that_was_readable_for_all_is_ours_alone_again),
        STORE_TEST(every_descriptor_is_closed_on_exec),
        STORE_TEST(a_symbolic_link_is_not_followed),
        STORE_TEST(a_removed_store_leaves_nothing),
        STORE_TEST(a_store_with_records_is_not_removed),
        STORE_TEST(what_a_dead_process_began_to_make_is_swept_away),
        STORE_TEST(what_a_view_made_beside_a_file_goes_with_that),
        STORE_TEST(a_file_removed_while_it_is_open_takes_no_more),
        STORE_TEST(another_origin_or_key_is_refused_with_both_named),
        STORE_TEST(one_that_opens_is_taken_before_one_that_does_not),
        STORE_TEST(a_copy_under_another_name_is_refused),
        STORE_TEST(two_pushers_of_one_process_have_two_files),
        STORE_TEST(nothing_is_adopted_that_is_not_there),
        STORE_TEST(a_lock_goes_with_its_process),
        STORE_TEST(a_lock_that_is_removed_under_way_is_nobodys),
        STORE_TEST(what_is_set_aside_keeps_everything_under_a_new_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
