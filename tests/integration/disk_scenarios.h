/* SPDX-License-Identifier: Apache-2.0
 * What is to happen while a disk refuses, however it is made to; with cmocka. */
#ifndef DISK_SCENARIOS_H
#define DISK_SCENARIOS_H

#include "disk_rig.h"

/* What takes as long as this was in flight while the disk refused. */
#define IN_FLIGHT_MS (is_slowed() ? patience_ms(400) : 1000)

static inline void what_is_pushed_while_the_disk_refuses_waits_for_it(struct disk_rig *disk)
{
    struct rig *rig = disk->rig;
    klp_config config = disk_config(disk);
    klp_ticket waits, late, refused;
    char rule[128];

    snprintf(rule, sizeof rule, "{\"match\":{\"key\":\"in-flight\"},\"action\":{\"delay_ms\":%u}}", IN_FLIGHT_MS);
    sandbox_script(rig->sandbox, rule);
    rig_open(rig, &config);
    klp_ticket in_flight = disk_push_durable(disk, "in-flight");
    await_arrivals(rig, "in-flight", 1);
    disk->refuse(disk);

    /* the first that comes upon it is accepted, and says that it is not written down */
    klp_status status = disk_push(disk, "late", KLP_PUSH_DURABLE, 0, &late);
    assert_int_equal(status, KLP_E_TIMEOUT);
    assert_int_not_equal(late, 0);
    disk_await_degraded(disk, 1);
    uint64_t from_ms = rig_now_ms();
    assert_int_equal(disk_push(disk, "waits", 0, 0, &waits), KLP_OK);
    assert_int_equal(disk_push(disk, "refused", KLP_PUSH_DURABLE, 0, &refused), KLP_E_OUTBOX);
    assert_int_equal(refused, 0);
    assert_true(rig_now_ms() - from_ms < STALL_MS); /* neither has waited for the disk, which is not mended yet */

    disk_take_applied(disk, in_flight);
    assert_int_equal(rig_stats(rig).degraded, 1);
    json_int_t mark = disk_mark(disk);
    disk->mend(disk);

    disk_take_both_applied(disk, late, waits);
    disk_await_degraded(disk, 0);
    assert_int_equal(disk_arrivals_after(disk, "late", mark), 1);
    assert_int_equal(disk_arrivals_after(disk, "waits", mark), 1);
    assert_int_equal(arrival_count(rig, "late") + arrival_count(rig, "waits"), 2);
    disk_take_applied(disk, disk_push_durable(disk, "after"));
    assert_int_equal(arrival_count(rig, "refused"), 0);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 4);
    disk_assert_nothing_is_left(disk);
    assert_int_equal(sandbox_stat(rig->sandbox, "requests"), 5); /* with the mark */
}

/* Up to the bound of the outbox, each with one that joins it: what there is room for afterwards is written, calls
 * before those that have joined them. */
static inline void pairs_that_come_meanwhile_are_all_told(struct disk_rig *disk)
{
    struct rig *rig = disk->rig;
    klp_config config = disk_config(disk);
    size_t accepted = 0;
    klp_ticket ticket;
    char key[32];

    config.outbox_max_bytes = 1 << 20;
    rig_open(rig, &config);
    disk_take_applied(disk, disk_push_durable(disk, "before"));
    disk->refuse(disk);
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "pair-%d", i / 2);
        klp_status status = disk_push(disk, key, 0, 0, &ticket);
        if (status == KLP_E_OUTBOX_FULL)
            break;
        assert_int_equal(status, KLP_OK);
        accepted++;
        if (i == 0)
            disk_await_degraded(disk, 1);
        rig_blink(); /* not all in one round of the worker's */
    }
    assert_true(accepted > 20);
    disk->mend(disk);
    for (size_t i = 0; i < accepted; i++) {
        const klp_event *event = rig_take(rig);
        assert_int_equal(event->outcome, KLP_APPLIED);
        rig_ack(rig, event);
    }
    disk_await_degraded(disk, 0);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 1 + (accepted + 1) / 2);
    disk_take_applied(disk, disk_push_durable(disk, "after")); /* whoever waits is told the truth */
    disk_assert_nothing_is_left(disk);
}

static inline void a_deadline_that_passes_meanwhile_ends_a_push_unsent(struct disk_rig *disk)
{
    struct rig *rig = disk->rig;
    klp_config config = disk_config(disk);
    klp_ticket ticket;

    rig_open(rig, &config);
    disk_take_applied(disk, disk_push_durable(disk, "before"));
    disk->refuse(disk);
    assert_int_equal(disk_push(disk, "short", 0, patience_ms(300), &ticket), KLP_OK);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, ticket);
    assert_text(event->error_code, KLP_CODE_OUTBOX_UNAVAILABLE);
    assert_int_equal(event->error_origin, KLP_ORIGIN_LOCAL);
    assert_int_equal(event->attempts + event->sends, 0);
    if (disk->may_hold_what_failed)
        assert_int_not_equal(event->outcome, KLP_APPLIED);
    else
        assert_int_equal(event->outcome, KLP_NOT_APPLIED);
    rig_ack(rig, event);
    assert_int_equal(rig_stats(rig).degraded, 1);
    disk->mend(disk);

    disk_await_degraded(disk, 0);
    disk_take_applied(disk, disk_push_durable(disk, "after"));
    disk_assert_nothing_is_left(disk);
    assert_int_equal(arrival_count(rig, "short"), 0);
    assert_int_equal(sandbox_lobby_count(rig->sandbox), 2);
}

/* That an attempt was begun has to be written down, too. */
static inline void a_retry_waits_for_the_disk(struct disk_rig *disk)
{
    struct rig *rig = disk->rig;
    klp_config config = disk_config(disk);
    char rule[128];

    snprintf(rule, sizeof rule, "{\"match\":{\"key\":\"again\"},\"action\":{\"status\":503,\"delay_ms\":%u}}",
             IN_FLIGHT_MS / 2);
    sandbox_script(rig->sandbox, rule);
    rig_open(rig, &config);
    klp_ticket ticket = disk_push_durable(disk, "again");
    await_arrivals(rig, "again", 1);
    disk->refuse(disk);
    disk_await_degraded(disk, 1);
    for (uint64_t until_ms = rig_now_ms() + IN_FLIGHT_MS; rig_now_ms() < until_ms;)
        rig_blink(); /* many times its backoff */
    json_int_t mark = disk_mark(disk);
    disk->mend(disk);

    disk_take_applied(disk, ticket);
    assert_int_equal(disk_arrivals_after(disk, "again", mark), 1);
    assert_int_equal(arrival_count(rig, "again"), 2);
    disk_assert_nothing_is_left(disk);
}

#endif
