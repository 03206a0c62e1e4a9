/* SPDX-License-Identifier: Apache-2.0
 * What one call of push() costs the host's thread, by roster size and by number of threads. The server is the sandbox,
 * so the worker is at work meanwhile; the queue is never full. Prints nanoseconds: median, 99th percentile, mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <pthread.h>

#include "kraty/lobby_pusher_load.h"
#include "sandbox_client.h"

enum { PUSHES = 4000, MOST_PLAYERS = 100, MOST_THREADS = 4 };

struct load {
    const klp_api *klp;
    klp_pusher *pusher;
    size_t players;
    unsigned number, pause_us;
    uint32_t cost_ns[PUSHES];
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *push_all(void *argument)
{
    struct load *load = argument;
    char ids[MOST_PLAYERS][40];
    klp_text players[MOST_PLAYERS];
    char key[64];

    for (size_t i = 0; i < load->players; i++) {
        snprintf(ids[i], sizeof ids[i], "7656119%010zu", i);
        players[i] = klp_cstr(ids[i]);
    }
    for (int i = 0; i < PUSHES; i++) {
        klp_lobby lobby = KLP_LOBBY_INIT;
        snprintf(key, sizeof key, "bench-%u-%zu-%u-%d", load->pause_us, load->players, load->number, i);
        lobby.event_key = klp_cstr("battle_royale");
        lobby.key = klp_cstr(key);
        lobby.player_ids = players;
        lobby.player_count = load->players;
        uint64_t start_ns = now_ns();
        klp_status status = load->klp->push(load->pusher, &lobby, NULL, NULL);
        load->cost_ns[i] = (uint32_t)(now_ns() - start_ns);
        if (status) {
            fprintf(stderr, "push: %s\n", load->klp->status_text(status));
            exit(1);
        }
        if (load->pause_us)
            nanosleep(&(struct timespec){.tv_nsec = (long)load->pause_us * 1000}, NULL);
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void measure(const klp_api *klp, const char *url, size_t players, unsigned threads, unsigned pause_us)
{
    static struct load loads[MOST_THREADS];
    static uint32_t all[MOST_THREADS * PUSHES];
    pthread_t ids[MOST_THREADS];
    klp_text_buffer why = {0};
    klp_config config = KLP_CONFIG_INIT;
    klp_pusher *pusher;
    uint64_t sum_ns = 0;
    size_t count = (size_t)threads * PUSHES;

    config.base_url = klp_cstr(url);
    config.api_key = klp_cstr(SANDBOX_KEY);
    config.game_id = klp_cstr("game_1");
    config.max_queued = 100000;
    config.max_queued_bytes = 1u << 30;
    if (klp->open(&config, &pusher, &why)) {
        fprintf(stderr, "open: %s\n", why.data);
        exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        loads[i] = (struct load){.klp = klp, .pusher = pusher, .players = players, .number = i, .pause_us = pause_us};
        pthread_create(&ids[i], NULL, push_all, &loads[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        for (int j = 0; j < PUSHES; j++) {
            all[(size_t)i * PUSHES + (size_t)j] = loads[i].cost_ns[j];
            sum_ns += loads[i].cost_ns[j];
        }
    }
    klp->flush(pusher, 60000);
    klp->close(pusher);
    qsort(all, count, sizeof *all, by_value);
    printf("%8zu %8u %10s %10u %10u %10.0f\n", players, threads, pause_us ? "paced" : "burst", all[count / 2],
           all[count - count / 100], (double)sum_ns / (double)count);
}

int main(void)
{
    klp_text_buffer why = {0};
    char library[4096];
    snprintf(library, sizeof library, "%s/libkraty_lobby_pusher.so", getenv("BUILD") ? getenv("BUILD") : "build");
    const klp_api *klp = klp_load(library, &why);
    if (!klp) {
        fprintf(stderr, "load: %s\n", why.data);
        return 1;
    }
    struct sandbox_client *sandbox = sandbox_start(NULL);
    printf("one call of push(), in ns\n%8s %8s %10s %10s %10s %10s\n", "players", "threads", "how", "p50", "p99",
           "mean");
    static const size_t players[] = {2, 10, 100};
    for (size_t i = 0; i < 3; i++) {
        measure(klp, sandbox_url(sandbox), players[i], 1, 0);
        measure(klp, sandbox_url(sandbox), players[i], 1, 100);
        measure(klp, sandbox_url(sandbox), players[i], MOST_THREADS, 0);
    }
    sandbox_stop(sandbox);
    return 0;
}
