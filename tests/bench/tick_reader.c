/* SPDX-License-Identifier: Apache-2.0
 * How many verdicts a second a host gets that answers its result socket once a tick of 16 ms, as a game's loop does. */
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

enum { PUSHES = 10000, TICK_MS = 16 };

int main(void)
{
    struct rig rig = {0};
    char url[64], key[64];
    size_t told = 0, messages = 0;

    rig.klp = rig_load();
    rig.sandbox = sandbox_start(NULL);
    snprintf(url, sizeof url, "ipc:///tmp/klp-bench-%ld.ipc", (long)getpid());
    int rep = nn_socket(AF_SP, NN_REP);
    nn_bind(rep, url);
    klp_config config = rig_config(&rig);
    config.results_url = klp_cstr(url);
    rig_open(&rig, &config);

    uint64_t start_ms = rig_now_ms();
    for (int i = 0; i < PUSHES; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(&rig, key);
    }
    while (told < PUSHES) {
        char *lines;
        int size = nn_recv(rep, &lines, NN_MSG, NN_DONTWAIT);
        if (size > 0) {
            for (int i = 0; i < size; i++)
                told += lines[i] == '\n';
            nn_freemsg(lines);
            nn_send(rep, "ok", 2, 0);
            messages++;
        }
        nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000}, NULL);
    }
    double elapsed_s = (double)(rig_now_ms() - start_ms) / 1000;
    printf("%d verdicts over nanomsg to a reader with ticks of %d ms: %.0f a second, %.0f a message\n", PUSHES, TICK_MS,
           (double)told / elapsed_s, (double)told / (double)messages);
    rig_close(&rig);
    nn_close(rep);
    unlink(url + 6);
    sandbox_stop(rig.sandbox);
    return 0;
}
