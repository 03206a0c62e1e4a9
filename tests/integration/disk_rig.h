/* SPDX-License-Identifier: Apache-2.0
 * A pusher with an outbox in a folder of its own, for tests of its disk; with cmocka. */
#ifndef DISK_RIG_H
#define DISK_RIG_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "rosters.h"

struct disk_rig {
    struct rig *rig;
    char folder[64], outbox[80];
    void (*refuse)(struct disk_rig *disk); /* the disk, whatever it is asked to write … */
    void (*mend)(struct disk_rig *disk);   /* … until then */
    bool may_hold_what_failed; /* should the process die meanwhile, the next one may find and send what it failed at */
};

static inline int disk_set_up(void **state)
{
    struct disk_rig *disk = calloc(1, sizeof *disk);
    void *rig = NULL;

    if (!disk || rig_setup(&rig))
        return -1;
    disk->rig = rig;
    snprintf(disk->folder, sizeof disk->folder, "/tmp/klp-disk-XXXXXX");
    if (!mkdtemp(disk->folder))
        return -1;
    snprintf(disk->outbox, sizeof disk->outbox, "%s/outbox", disk->folder);
    *state = disk;
    return mkdir(disk->outbox, 0700);
}

static inline void disk_empty(const struct disk_rig *disk)
{
    char path[512];
    DIR *directory = opendir(disk->outbox);
    const struct dirent *entry;

    while (directory && (entry = readdir(directory)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", disk->outbox, entry->d_name);
        unlink(path);
    }
    closedir(directory);
}

static inline int disk_tear_down(void **state)
{
    struct disk_rig *disk = *state;
    void *rig = disk->rig;

    rig_teardown(&rig);
    disk_empty(disk);
    rmdir(disk->outbox);
    rmdir(disk->folder);
    free(disk);
    return 0;
}

/* How long it may take until a disk that works again is tried again. */
#define DISK_WITHIN_MS patience_ms(10000)

static inline klp_config disk_config(const struct disk_rig *disk)
{
    klp_config config = rig_config(disk->rig);

    config.outbox_dir = klp_cstr(disk->outbox);
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    config.max_attempts = 0;
    config.backoff_initial_ms = 2;
    config.backoff_max_ms = 20;
    config.durable_timeout_ms = patience_ms(300);
    return config;
}

/* The status of a push of `key` by one player; *ticket is 0 when nothing was kept. */
static inline klp_status disk_push(const struct disk_rig *disk, const char *key, uint32_t flags, uint32_t deadline_ms,
                                   klp_ticket *ticket)
{
    klp_lobby lobby = rig_lobby(key);

    *ticket = 0;
    lobby.flags = flags;
    lobby.deadline_ms = deadline_ms;
    return disk->rig->klp->push(disk->rig->pusher, &lobby, ticket, NULL);
}

static inline klp_ticket disk_push_durable(const struct disk_rig *disk, const char *key)
{
    klp_ticket ticket;

    assert_int_equal(disk_push(disk, key, KLP_PUSH_DURABLE, 0, &ticket), KLP_OK);
    assert_int_not_equal(ticket, 0);
    return ticket;
}

static inline void disk_await_degraded(const struct disk_rig *disk, uint64_t degraded)
{
    uint64_t limit_ms = rig_now_ms() + DISK_WITHIN_MS;

    while (rig_stats(disk->rig).degraded != degraded) {
        if (rig_now_ms() > limit_ms)
            fail_msg("degraded did not become %u", (unsigned)degraded);
        rig_blink();
    }
}

/* The next event is of this ticket, and applied. */
static inline void disk_take_applied(const struct disk_rig *disk, klp_ticket ticket)
{
    const klp_event *event = rig_take(disk->rig);

    assert_int_equal(event->ticket, ticket);
    assert_applied(event);
    rig_ack(disk->rig, event);
}

/* In either order. */
static inline void disk_take_both_applied(const struct disk_rig *disk, klp_ticket a, klp_ticket b)
{
    const klp_event *event = rig_take(disk->rig);
    klp_ticket other = event->ticket == a ? b : a;

    assert_true(event->ticket == a || event->ticket == b);
    assert_applied(event);
    rig_ack(disk->rig, event);
    disk_take_applied(disk, other);
}

/* The number that the newest arrival has in the server's log: one of our own, which parts before from after. */
static inline json_int_t disk_mark(const struct disk_rig *disk)
{
    struct sandbox_reply reply = sandbox_request(disk->rig->sandbox, "GET", "/server/v1/ping", NULL, NULL);
    json_t *log = sandbox_log(disk->rig->sandbox);
    json_int_t mark = json_integer_value(json_object_get(json_array_get(log, json_array_size(log) - 1), "n"));

    sandbox_reply_clear(&reply);
    json_decref(log);
    return mark;
}

/* Arrivals that push `key`, of after the mark. */
static inline size_t disk_arrivals_after(const struct disk_rig *disk, const char *key, json_int_t mark)
{
    json_t *arrivals = arrivals_of(disk->rig, key), *arrival;
    size_t count = 0, i;

    json_array_foreach(arrivals, i, arrival)
    {
        count += json_integer_value(json_object_get(arrival, "n")) > mark;
    }
    json_decref(arrivals);
    return count;
}

/* A new pusher finds nothing to do in the outbox, and nothing to tell. */
static inline void disk_assert_nothing_is_left(const struct disk_rig *disk)
{
    klp_config config = disk_config(disk);
    const klp_event *event;

    rig_close(disk->rig);
    rig_open(disk->rig, &config);
    klp_stats stats = rig_stats(disk->rig);
    assert_int_equal(stats.recovered, 0);
    assert_int_equal(stats.unread_events, 0);
    assert_int_equal(stats.degraded, 0);
    assert_int_equal(disk->rig->klp->next_event(disk->rig->pusher, 0, &event), KLP_E_TIMEOUT);
}

#endif
