/* SPDX-License-Identifier: Apache-2.0
 *
 * What the little hosts beside this file share: loading the plugin from $KLP_LIBRARY, pushing, and saying what went
 * wrong. A host that is content prints nothing and ends with 0; else one line on stderr says why, and it ends with 1;
 * with HOST_SKIPPED it says on stdout why it could not try. The key comes from $KRATY_SERVER_KEY. */
#ifndef HOST_H
#define HOST_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kraty/lobby_pusher_load.h"
#include "slowed.h"

#define HOST_SKIPPED 77

/* Longer than anything here takes; what takes longer hangs. */
enum { HOST_LIMIT_MS = 20000 };

__attribute__((format(printf, 1, 2), noreturn)) static inline void host_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
    _exit(1);
}

#define HOST_REQUIRE(condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            host_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition);                                            \
    } while (0)

static inline uint64_t host_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Between two looks at something that another thread or process changes. */
static inline void host_blink(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
}

#define HOST_AWAIT(condition)                                                                                          \
    do {                                                                                                               \
        uint64_t host_until_ms = host_now_ms() + HOST_LIMIT_MS;                                                        \
        while (!(condition)) {                                                                                         \
            if (host_now_ms() > host_until_ms)                                                                         \
                host_fail("%s:%d: did not come: %s", __FILE__, __LINE__, #condition);                                  \
            host_blink();                                                                                              \
        }                                                                                                              \
    } while (0)

/* ─── The plugin ────────────────────────────────────────────────────────────────────────────────── */

static inline const klp_api *host_load(void)
{
    klp_text_buffer why = {0};
    const klp_api *api = klp_load(NULL, &why);

    if (!api)
        host_fail("klp_load: %s", why.data);
    return api;
}

/* ca_file and results_url: NULL for none. */
static inline klp_config host_config(const char *base_url, const char *ca_file, const char *results_url)
{
    klp_config config = KLP_CONFIG_INIT;

    config.base_url = klp_cstr(base_url);
    config.ca_file = klp_cstr(ca_file);
    config.results_url = klp_cstr(results_url);
    config.game_id = klp_cstr("game_1");
    return config;
}

static inline klp_pusher *host_open(const klp_api *api, const klp_config *config)
{
    klp_text_buffer why = {0};
    klp_pusher *pusher = NULL;
    klp_status status = api->open(config, &pusher, &why);

    if (status)
        host_fail("open: %s: %s", api->status_text(status), why.data);
    return pusher;
}

static inline klp_pusher *host_open_at(const klp_api *api, const char *base_url)
{
    klp_config config = host_config(base_url, NULL, NULL);
    return host_open(api, &config);
}

static inline klp_status host_try_push(const klp_api *api, klp_pusher *pusher, uint64_t number)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;
    char key[64];

    snprintf(key, sizeof key, "match-%ld-%llu", (long)getpid(), (unsigned long long)number);
    lobby.event_key = klp_cstr("battle_royale");
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = sizeof players / sizeof *players;
    lobby.cookie = number;
    return api->push(pusher, &lobby, NULL, NULL);
}

static inline void host_push(const klp_api *api, klp_pusher *pusher, uint64_t number)
{
    klp_status status = host_try_push(api, pusher, number);

    if (status)
        host_fail("push: %s", api->status_text(status));
}

static inline void host_push_many(const klp_api *api, klp_pusher *pusher, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        host_push(api, pusher, i);
}

static inline klp_stats host_stats(const klp_api *api, klp_pusher *pusher)
{
    klp_stats stats = KLP_STATS_INIT;

    HOST_REQUIRE(api->stats(pusher, &stats) == KLP_OK);
    return stats;
}

static inline const klp_event *host_next_event(const klp_api *api, klp_pusher *pusher)
{
    const klp_event *event = NULL;
    klp_status status = api->next_event(pusher, HOST_LIMIT_MS, &event);

    if (status)
        host_fail("next_event: %s", api->status_text(status));
    return event;
}

/* Takes `count` events, each of which must be of an applied push. */
static inline void host_take_applied(const klp_api *api, klp_pusher *pusher, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        const klp_event *event = host_next_event(api, pusher);
        if (event->outcome != KLP_APPLIED)
            host_fail("a push ended as %s, %s: %s", api->outcome_text(event->outcome), event->error_code.data,
                      event->error_message.data);
        HOST_REQUIRE(api->ack(pusher, event) == KLP_OK);
    }
}

/* ─── A server of the host's own ────────────────────────────────────────────────────────────────── */

/* Listens on a free port of 127.0.0.1 and writes its URL. Connections are made by the kernel; nobody answers. */
static inline int host_listen(const char *scheme, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    HOST_REQUIRE(listener >= 0 && bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 64) == 0 &&
                 getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(url, 64, "%s://127.0.0.1:%u", scheme, ntohs(address.sin_port));
    return listener;
}

static inline void host_await_readable(int descriptor)
{
    struct pollfd ready = {.fd = descriptor, .events = POLLIN};

    if (poll(&ready, 1, HOST_LIMIT_MS) != 1)
        host_fail("nothing came within %d ms", HOST_LIMIT_MS);
}

#endif
