/* SPDX-License-Identifier: Apache-2.0
 * A disk that refuses for a while: what is accepted meanwhile waits, nothing is sent that is not written down, and
 * nobody is told otherwise. */
#include "disk_scenarios.h"

#include "programs/failing_disk.h"

static const char *const faults[] = {"full", "broken", "unsynced"};
static const char *fault;

static void refuse(struct disk_rig *disk)
{
    FILE *control = fopen(failing_disk.control, "w");

    (void)disk;
    assert_non_null(control);
    fputs(fault, control);
    assert_int_equal(fclose(control), 0);
    atomic_store(&failing_disk.refused, 0);
}

static void mend(struct disk_rig *disk)
{
    (void)disk;
    assert_int_equal(unlink(failing_disk.control), 0);
    assert_true(atomic_load(&failing_disk.refused) > 0); /* else it was no test */
}

static int set_up(void **state)
{
    char control[128];

    if (disk_set_up(state))
        return -1;
    struct disk_rig *disk = *state;
    disk->refuse = refuse;
    disk->mend = mend;
    snprintf(control, sizeof control, "%s/fault", disk->folder);
    failing_disk_watch(disk->outbox, control);
    return 0;
}

static int tear_down(void **state)
{
    unlink(failing_disk.control);
    return disk_tear_down(state);
}

static void an_outbox_that_cannot_be_begun_is_refused_or_done_without(struct disk_rig *disk)
{
    struct rig *rig = disk->rig;
    klp_config config = disk_config(disk);
    klp_text_buffer why = {0};
    klp_ticket ticket;

    refuse(disk);
    assert_int_equal(rig->klp->open(&config, &rig->pusher, &why), KLP_E_OUTBOX);
    assert_null(rig->pusher);
    assert_non_null(strstr(why.data, "outbox_dir"));

    config.outbox_mode = KLP_OUTBOX_BEST_EFFORT;
    rig_open(rig, &config);
    assert_int_equal(rig_stats(rig).degraded, 1);
    assert_int_equal(disk_push(disk, "durable", KLP_PUSH_DURABLE, 0, &ticket), KLP_E_OUTBOX);
    assert_int_equal(disk_push(disk, "plain", 0, 0, &ticket), KLP_OK);
    disk_take_applied(disk, ticket);
    mend(disk);
    disk_assert_nothing_is_left(disk);
    disk_take_applied(disk, disk_push_durable(disk, "after"));
}

/* Each for every way in which a disk refuses, with a server and an outbox that are empty. */
#define FOR_EVERY_FAULT(name)                                                                                          \
    static void name##_for_every_fault(void **state)                                                                   \
    {                                                                                                                  \
        struct disk_rig *disk = *state;                                                                                \
        for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {                                                  \
            fault = faults[i];                                                                                         \
            disk->may_hold_what_failed = strcmp(fault, "full") != 0;                                                   \
            print_message("    %s\n", fault);                                                                          \
            sandbox_reset(disk->rig->sandbox);                                                                         \
            name(disk);                                                                                                \
            rig_close(disk->rig);                                                                                      \
        }                                                                                                              \
    }

FOR_EVERY_FAULT(what_is_pushed_while_the_disk_refuses_waits_for_it)
FOR_EVERY_FAULT(a_deadline_that_passes_meanwhile_ends_a_push_unsent)
FOR_EVERY_FAULT(a_retry_waits_for_the_disk)
FOR_EVERY_FAULT(an_outbox_that_cannot_be_begun_is_refused_or_done_without)

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name##_for_every_fault, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_pushed_while_the_disk_refuses_waits_for_it),
        TEST(a_deadline_that_passes_meanwhile_ends_a_push_unsent),
        TEST(a_retry_waits_for_the_disk),
        TEST(an_outbox_that_cannot_be_begun_is_refused_or_done_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
