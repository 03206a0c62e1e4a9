/* SPDX-License-Identifier: Apache-2.0
 * What an outbox costs: one accepted push on the host's thread, plain and durable; how many go through it to their
 * acknowledgement; how long it takes to find 10,000 again; how large its file is when 100,000 have come and gone. The
 * server is the sandbox, the disk that of $TMPDIR. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "kraty/lobby_pusher_load.h"
#include "sandbox_client.h"

enum { MOST_THREADS = 4, PLAIN_PUSHES = 4000, DURABLE_PUSHES = 500, RECOVERED = 10000, COME_AND_GONE = 100000 };

static const klp_api *klp;
static char directory[4096];

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double ms_since(uint64_t start_ns)
{
    return (double)(now_ns() - start_ns) / 1e6;
}

static void give_up(const char *what, const char *reason)
{
    fprintf(stderr, "%s: %s\n", what, reason);
    exit(1);
}

static klp_pusher *open_pusher(const char *url, const char *name, bool has_outbox, int32_t sync)
{
    klp_text_buffer why = {0};
    klp_config config = KLP_CONFIG_INIT;
    klp_pusher *pusher;

    config.name = klp_cstr(name);
    config.base_url = klp_cstr(url);
    config.api_key = klp_cstr(SANDBOX_KEY);
    config.game_id = klp_cstr("game_1");
    config.max_queued = 200000;
    config.max_queued_bytes = UINT64_C(1) << 30;
    config.outbox_adopt_ms = KLP_ADOPT_NONE;
    if (has_outbox) {
        config.outbox_dir = klp_cstr(directory);
        config.outbox_sync = sync;
    }
    if (klp->open(&config, &pusher, &why))
        give_up("open", why.data);
    return pusher;
}

static void push(klp_pusher *pusher, const char *label, unsigned number, uint32_t flags)
{
    static const klp_text players[] = {{"76561190000000001", 17}, {"76561190000000002", 17}};
    klp_lobby lobby = KLP_LOBBY_INIT;
    char key[64];

    snprintf(key, sizeof key, "%s-%u", label, number);
    lobby.flags = flags;
    lobby.event_key = klp_cstr("battle_royale");
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = 2;
    klp_status status = klp->push(pusher, &lobby, NULL, NULL);
    if (status)
        give_up("push", klp->status_text(status));
}

static void take(klp_pusher *pusher, size_t count)
{
    const klp_event *event;

    for (size_t i = 0; i < count; i++)
        if (klp->next_event(pusher, 60000, &event) || klp->ack(pusher, event))
            give_up("next_event", "no event");
}

/* ─── One push ──────────────────────────────────────────────────────────────────────────────────── */

struct load {
    klp_pusher *pusher;
    char label[32];
    unsigned pushes;
    uint32_t flags, cost_ns[PLAIN_PUSHES];
};

static void *push_all(void *argument)
{
    struct load *load = argument;

    for (unsigned i = 0; i < load->pushes; i++) {
        uint64_t start_ns = now_ns();
        push(load->pusher, load->label, i, load->flags);
        load->cost_ns[i] = (uint32_t)(now_ns() - start_ns);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void measure_push(const char *url, const char *sync_name, bool has_outbox, int32_t sync, uint32_t flags,
                         unsigned threads)
{
    static struct load loads[MOST_THREADS];
    static uint32_t all[MOST_THREADS * PLAIN_PUSHES];
    static unsigned round;
    pthread_t ids[MOST_THREADS];
    size_t count = 0;
    char name[32];

    snprintf(name, sizeof name, "push-%u", ++round);
    klp_pusher *pusher = open_pusher(url, name, has_outbox, sync);
    uint64_t start_ns = now_ns();
    for (unsigned i = 0; i < threads; i++) {
        loads[i] = (struct load){.pusher = pusher, .pushes = flags ? DURABLE_PUSHES : PLAIN_PUSHES, .flags = flags};
        snprintf(loads[i].label, sizeof loads[i].label, "%u-%u", round, i);
        pthread_create(&ids[i], NULL, push_all, &loads[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        for (unsigned j = 0; j < loads[i].pushes; j++)
            all[count++] = loads[i].cost_ns[j];
    }
    double elapsed_ms = ms_since(start_ns);
    take(pusher, count);
    klp->close(pusher);
    qsort(all, count, sizeof *all, by_value);
    printf("%8s %8s %8u %10.1f %10.1f %12.0f\n", sync_name, flags ? "durable" : "plain", threads,
           (double)all[count / 2] / 1e3, (double)all[count - count / 100] / 1e3, (double)count / elapsed_ms * 1e3);
}

/* ─── Files ─────────────────────────────────────────────────────────────────────────────────────── */

static uint64_t bytes_on_disk(bool is_removing)
{
    DIR *listing = opendir(directory);
    uint64_t bytes = 0;
    struct dirent *entry;
    struct stat facts;
    char path[8192];

    while (listing && (entry = readdir(listing))) {
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(path, &facts))
            continue;
        bytes += (uint64_t)facts.st_size;
        if (is_removing)
            unlink(path);
    }
    if (listing)
        closedir(listing);
    return bytes;
}

static void measure_throughput(const char *url)
{
    klp_pusher *pusher = open_pusher(url, "through", true, KLP_SYNC_FULL);
    uint64_t start_ns = now_ns();
    klp_stats stats = KLP_STATS_INIT;

    for (unsigned i = 0; i < COME_AND_GONE; i++)
        push(pusher, "through", i, 0);
    double pushed_ms = ms_since(start_ns);
    klp->stats(pusher, &stats);
    uint64_t most = stats.outbox_bytes;
    take(pusher, COME_AND_GONE);
    double elapsed_ms = ms_since(start_ns);
    uint64_t bytes = bytes_on_disk(false);
    klp->close(pusher);
    printf("\n%d pushes through an outbox (full), to their acknowledgement: %.0f ms (pushed in %.0f), %.0f/s\n",
           COME_AND_GONE, elapsed_ms, pushed_ms, COME_AND_GONE / elapsed_ms * 1e3);
    printf("on the disk: %.1f MiB when all were pushed, %.1f when all had gone, %.1f closed", (double)most / 1048576,
           (double)bytes / 1048576, (double)bytes_on_disk(false) / 1048576);
    klp->close(open_pusher(url, "through", true, KLP_SYNC_FULL));
    printf(", %.1f opened and closed again\n", (double)bytes_on_disk(false) / 1048576);
}

static void measure_recovery(struct sandbox_client *sandbox)
{
    const char *url = sandbox_url(sandbox);

    sandbox_script(sandbox, "{\"match\":{\"op\":\"push\"},\"times\":-1,\"action\":{\"status\":503}}");
    klp_pusher *pusher = open_pusher(url, "recovered", true, KLP_SYNC_FULL);
    for (unsigned i = 0; i < RECOVERED; i++)
        push(pusher, "recovered", i, i + 1 == RECOVERED ? KLP_PUSH_DURABLE : 0);
    klp->close(pusher);
    sandbox_unscript(sandbox);
    uint64_t start_ns = now_ns();
    pusher = open_pusher(url, "recovered", true, KLP_SYNC_FULL);
    double opened_ms = ms_since(start_ns);
    take(pusher, RECOVERED);
    printf("%d calls left by a process before: open() %.0f ms, all applied and acknowledged after %.0f ms\n", RECOVERED,
           opened_ms, ms_since(start_ns));
    klp->close(pusher);
}

int main(void)
{
    klp_text_buffer why = {0};
    char library[4096];

    snprintf(library, sizeof library, "%s/libkraty_lobby_pusher.so", getenv("BUILD") ? getenv("BUILD") : "build");
    klp = klp_load(library, &why);
    if (!klp)
        give_up("load", why.data);
    snprintf(directory, sizeof directory, "%s/outbox-cost-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(directory))
        give_up(directory, "cannot be made");
    struct sandbox_client *sandbox = sandbox_start(NULL);
    const char *url = sandbox_url(sandbox);

    printf("\none call of push() of 2 players, in us\n%8s %8s %8s %10s %10s %12s\n", "outbox", "how", "threads", "p50",
           "p99", "pushes/s");
    for (unsigned threads = 1; threads <= MOST_THREADS; threads += MOST_THREADS - 1) {
        measure_push(url, "off", false, 0, 0, threads);
        measure_push(url, "normal", true, KLP_SYNC_NORMAL, 0, threads);
        measure_push(url, "full", true, KLP_SYNC_FULL, 0, threads);
        measure_push(url, "normal", true, KLP_SYNC_NORMAL, KLP_PUSH_DURABLE, threads);
        measure_push(url, "full", true, KLP_SYNC_FULL, KLP_PUSH_DURABLE, threads);
    }
    measure_throughput(url);
    measure_recovery(sandbox);
    sandbox_stop(sandbox);
    bytes_on_disk(true);
    rmdir(directory);
    return 0;
}
