/* SPDX-License-Identifier: Apache-2.0
 * A disk that is full, really: a file system of a few megabytes, which the test mounts in a namespace of its own. Where
 * it may not, it says so and is skipped. */
#include "disk_scenarios.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "relay.h"

static const char *cannot; /* why not; NULL: it can */

static void ballast_path(const struct disk_rig *disk, char path[128])
{
    snprintf(path, 128, "%s/ballast", disk->outbox);
}

/* To the last byte. */
static void fill(struct disk_rig *disk)
{
    static const char nothing[65536];
    char path[128];
    size_t size = sizeof nothing;

    ballast_path(disk, path);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    while (size > 0) {
        if (write(file, nothing, size) <= 0) {
            assert_int_equal(errno, ENOSPC);
            size /= 2;
        }
    }
    close(file);
}

static void make_room(struct disk_rig *disk)
{
    char path[128];

    ballast_path(disk, path);
    assert_int_equal(unlink(path), 0);
}

static int set_up(void **state)
{
    if (disk_set_up(state))
        return -1;
    struct disk_rig *disk = *state;
    disk->refuse = fill;
    disk->mend = make_room;
    if (!cannot && mount("tmpfs", disk->outbox, "tmpfs", MS_NOSUID | MS_NODEV, "size=3m"))
        cannot = "no tmpfs can be mounted";
    return 0;
}

static int tear_down(void **state)
{
    struct disk_rig *disk = *state;

    rig_close(disk->rig);
    if (!cannot)
        umount2(disk->outbox, MNT_DETACH);
    return disk_tear_down(state);
}

static void skip_where_it_cannot(void)
{
    if (!cannot)
        return;
    print_message("    SKIPPED: the full disk is not tested here: %s\n", cannot);
    skip();
}

static void what_is_pushed_to_a_full_disk_waits_for_room(void **state)
{
    skip_where_it_cannot();
    what_is_pushed_while_the_disk_refuses_waits_for_it(*state);
}

static void pairs_pushed_to_a_full_disk_are_all_told(void **state)
{
    skip_where_it_cannot();
    pairs_that_come_meanwhile_are_all_told(*state);
}

static void a_deadline_that_passes_before_there_is_room_ends_a_push_unsent(void **state)
{
    skip_where_it_cannot();
    a_deadline_that_passes_meanwhile_ends_a_push_unsent(*state);
}

static void a_retry_waits_for_room(void **state)
{
    skip_where_it_cannot();
    a_retry_waits_for_the_disk(*state);
}

/* Nobody else writes to it: what waits for a server that is away takes up all the room. */
static void a_backlog_that_fills_the_disk_is_delivered_once_there_is_more(void **state)
{
    skip_where_it_cannot();
    struct disk_rig *disk = *state;
    struct rig *rig = disk->rig;
    static char metadata[6000];
    size_t kept = 0, refused = 0;
    char key[32];

    struct relay *relay = relay_start(sandbox_port(rig->sandbox));
    klp_config config = disk_config(disk);
    config.base_url = klp_cstr(relay_url(relay));
    relay_take_away(relay);
    rig_open(rig, &config);
    snprintf(metadata, sizeof metadata, "{\"padding\":\"%05900d\"}", 0);
    for (int i = 0; i < 2000 && refused == 0; i++) {
        klp_ticket ticket = 0;
        snprintf(key, sizeof key, "m-%d", i);
        klp_lobby lobby = rig_lobby(key);
        lobby.flags = KLP_PUSH_DURABLE;
        lobby.metadata_json = klp_cstr(metadata);
        klp_status status = rig->klp->push(rig->pusher, &lobby, &ticket, NULL);
        assert_true(status == KLP_OK || status == KLP_E_TIMEOUT || status == KLP_E_OUTBOX ||
                    status == KLP_E_OUTBOX_FULL);
        kept += ticket != 0;
        refused += ticket == 0;
    }
    assert_int_equal(refused, 1);
    assert_true(kept > 50);
    assert_int_equal(rig_stats(rig).degraded, 1);

    assert_int_equal(mount("tmpfs", disk->outbox, "tmpfs", MS_REMOUNT | MS_NOSUID | MS_NODEV, "size=64m"), 0);
    relay_bring_back(relay);
    disk_await_degraded(disk, 0);
    for (size_t i = 0; i < kept; i++) {
        const klp_event *event = rig_take(rig);
        assert_applied(event);
        rig_ack(rig, event);
    }
    assert_int_equal(sandbox_lobby_count(rig->sandbox), kept);
    rig_close(rig);
    relay_stop(relay);
}

/* Own mounts, which end with the process. Nothing of it before the first thread. */
static void enter_a_namespace(void)
{
    const struct {
        const char *path;
        unsigned id;
    } maps[] = {{"/proc/self/uid_map", geteuid()}, {"/proc/self/gid_map", getegid()}};

    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
        if (geteuid() != 0 || unshare(CLONE_NEWNS))
            cannot = "no namespace of its own";
    } else {
        FILE *groups = fopen("/proc/self/setgroups", "w");
        if (groups)
            fputs("deny", groups), fclose(groups);
        for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
            FILE *map = fopen(maps[i].path, "w");
            if (map)
                fprintf(map, "0 %u 1", maps[i].id);
            if (!map || fclose(map))
                cannot = "no user of its own";
        }
    }
    if (!cannot && mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
        cannot = "its mounts are not its own";
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_pushed_to_a_full_disk_waits_for_room),
        TEST(pairs_pushed_to_a_full_disk_are_all_told),
        TEST(a_deadline_that_passes_before_there_is_room_ends_a_push_unsent),
        TEST(a_retry_waits_for_room),
        TEST(a_backlog_that_fills_the_disk_is_delivered_once_there_is_more),
    };
    enter_a_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
