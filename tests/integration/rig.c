/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest.h"

#define EVENT_WITHIN_MS (is_slowed() ? 40000u : 10000u)

static const char *build_folder(void)
{
    const char *build = getenv("BUILD");
    return build && *build ? build : "build";
}

const char *rig_library(void)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/libkraty_lobby_pusher.so", build_folder());
    return path;
}

const char *rig_program(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/tests/programs/%s", build_folder(), name);
    return path;
}

const klp_api *rig_load(void)
{
    klp_text_buffer why = {0};
    const klp_api *klp = klp_load(rig_library(), &why);
    if (!klp)
        fail_msg("load: %s", why.data);
    return klp;
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    if (!rig)
        return -1;
    rig->klp = rig_load();
    rig->sandbox = sandbox_start(NULL);
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    rig_close(rig);
    sandbox_stop(rig->sandbox);
    free(rig);
    return 0;
}

klp_config rig_config(const struct rig *rig)
{
    klp_config config = KLP_CONFIG_INIT;
    config.name = klp_cstr("rig");
    config.base_url = klp_cstr(sandbox_url(rig->sandbox));
    config.api_key = klp_cstr(SANDBOX_KEY);
    config.game_id = klp_cstr("game_1");
    config.max_attempts = 1;
    config.session_grace_ms = KLP_GRACE_NONE; /* one refused key does not hold up the next test */
    return config;
}

klp_config rig_config_retrying(const struct rig *rig)
{
    klp_config config = rig_config(rig);
    config.max_attempts = 4;
    config.jitter_permille = KLP_JITTER_NONE;
    return config;
}

void rig_open(struct rig *rig, const klp_config *config)
{
    klp_text_buffer why = {0};
    klp_config usual = rig_config(rig);

    assert_null(rig->pusher);
    if (rig->klp->open(config ? config : &usual, &rig->pusher, &why))
        fail_msg("open: %s", why.data);
}

void rig_close(struct rig *rig)
{
    if (rig->pusher)
        rig->klp->close(rig->pusher);
    rig->pusher = NULL;
}

klp_lobby rig_lobby(const char *key)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;
    lobby.event_key = klp_cstr("quick_brawl");
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = 2;
    return lobby;
}

klp_ticket rig_push_lobby(struct rig *rig, const klp_lobby *lobby)
{
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    if (rig->klp->push(rig->pusher, lobby, &ticket, &why))
        fail_msg("push: %s", why.data);
    assert_string_equal(why.data, "");
    assert_int_not_equal(ticket, 0);
    return ticket;
}

klp_ticket rig_push(struct rig *rig, const char *key)
{
    klp_lobby lobby = rig_lobby(key);
    return rig_push_lobby(rig, &lobby);
}

void rig_push_many(struct rig *rig, int from, int to)
{
    char key[32];
    for (int i = from; i < to; i++) {
        snprintf(key, sizeof key, "m-%d", i);
        rig_push(rig, key);
    }
}

void rig_script(struct rig *rig, int times, const char *action)
{
    char rule[2048];
    snprintf(rule, sizeof rule, "{\"match\":{\"op\":\"any\"},\"times\":%d,\"action\":%s}", times, action);
    sandbox_script(rig->sandbox, rule);
}

/* As the header promises of every text: it is there, and ends with a NUL. */
static void check_texts(const klp_event *event)
{
    const klp_text texts[] = {
        event->pusher,        event->epoch,
        event->game_id,       event->event_key,
        event->key,           event->method,
        event->path,          event->trace_parent,
        event->request_id,    event->lobby_id,
        event->lobby_json,    event->lobby_status,
        event->error_message, event->error_details_json,
        event->error_code,    event->data_json,
        event->reply_json,    event->api_key_json,
        event->json,
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_non_null(texts[i].data);
        assert_int_equal(texts[i].data[texts[i].size], '\0');
    }
}

const klp_event *rig_take(struct rig *rig)
{
    const klp_event *event = NULL;
    klp_status status = rig->klp->next_event(rig->pusher, EVENT_WITHIN_MS, &event);
    if (status)
        fail_msg("next_event: %s", rig->klp->status_text(status));
    check_texts(event);
    return event;
}

void rig_ack(struct rig *rig, const klp_event *event)
{
    assert_int_equal(rig->klp->ack(rig->pusher, event), KLP_OK);
}

const klp_event *rig_push_and_take(struct rig *rig, const char *key)
{
    klp_ticket ticket = rig_push(rig, key);
    const klp_event *event = rig_take(rig);
    assert_int_equal(event->ticket, ticket);
    return event;
}

klp_stats rig_stats(struct rig *rig)
{
    klp_stats stats = KLP_STATS_INIT;
    assert_int_equal(rig->klp->stats(rig->pusher, &stats), KLP_OK);
    return stats;
}

unsigned rig_closed_port(void)
{
    static unsigned port;

    if (!port)
        guest_hold_port(&port); /* until this process ends */
    return port;
}

void rig_blink(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

uint64_t rig_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}
