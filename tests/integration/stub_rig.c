/* SPDX-License-Identifier: Apache-2.0 */
#include "stub_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "slowed.h"

const char *stub_library(void)
{
    static char path[512];
    const char *build = getenv("BUILD");

    snprintf(path, sizeof path, "%s/libkraty_lobby_pusher_stub.so", build ? build : "build");
    return path;
}

int stub_rig_setup(void **state)
{
    struct stub_rig *rig = calloc(1, sizeof *rig);
    klp_text_buffer why = {0};

    assert_non_null(rig);
    unsetenv("KLP_STUB_SCRIPT");
    rig->klp = klp_load(stub_library(), &why);
    if (!rig->klp)
        fail_msg("%s", why.data);
    rig->stub = klp_stub_load(stub_library(), &why);
    if (!rig->stub)
        fail_msg("%s", why.data);
    *state = rig;
    return 0;
}

int stub_rig_teardown(void **state)
{
    struct stub_rig *rig = *state;

    assert_int_equal(rig->klp->close(rig->pusher), KLP_OK);
    unsetenv("KLP_STUB_SCRIPT");
    free(rig);
    return 0;
}

klp_config stub_rig_config(void)
{
    klp_config config = KLP_CONFIG_INIT;

    config.name = klp_cstr("stubbed");
    config.game_id = klp_cstr("game_1");
    config.jitter_permille = KLP_JITTER_NONE;
    return config;
}

void stub_rig_open(struct stub_rig *rig, const klp_config *given)
{
    klp_config config = given ? *given : stub_rig_config();
    klp_text_buffer why = {0};

    if (rig->klp->open(&config, &rig->pusher, &why))
        fail_msg("open: %s", why.data);
}

void stub_rig_script(struct stub_rig *rig, const char *script)
{
    klp_text_buffer why = {0};

    if (rig->stub->script(rig->pusher, klp_cstr(script), &why))
        fail_msg("%s", why.data);
}

void stub_rig_open_held(struct stub_rig *rig, const char *script)
{
    stub_rig_open(rig, NULL);
    assert_int_equal(rig->stub->hold_time(rig->pusher), KLP_OK);
    if (script)
        stub_rig_script(rig, script);
}

void stub_rig_advance(struct stub_rig *rig, uint64_t ms)
{
    assert_int_equal(rig->stub->advance_ms(rig->pusher, ms), KLP_OK);
}

klp_lobby stub_rig_lobby(const char *key)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;

    lobby.event_key = klp_cstr("quick_brawl");
    lobby.key = klp_cstr(key);
    lobby.player_ids = players;
    lobby.player_count = 2;
    return lobby;
}

klp_ticket stub_rig_push(struct stub_rig *rig, const char *key)
{
    klp_lobby lobby = stub_rig_lobby(key);
    klp_text_buffer why = {0};
    klp_ticket ticket = 0;

    if (rig->klp->push(rig->pusher, &lobby, &ticket, &why))
        fail_msg("push: %s", why.data);
    return ticket;
}

const klp_event *stub_rig_take(struct stub_rig *rig)
{
    const klp_event *event;

    assert_int_equal(rig->klp->next_event(rig->pusher, patience_ms(10000), &event), KLP_OK);
    return event;
}

const klp_event *stub_rig_take_now(struct stub_rig *rig)
{
    const klp_event *event;
    klp_status status = rig->klp->next_event(rig->pusher, 0, &event);

    assert_true(status == KLP_OK || (status == KLP_E_TIMEOUT && !event));
    return event;
}

void stub_rig_ack(struct stub_rig *rig, const klp_event *event)
{
    assert_int_equal(rig->klp->ack(rig->pusher, event), KLP_OK);
}

klp_stub_request stub_rig_request(struct stub_rig *rig, size_t index)
{
    klp_stub_request request = {.struct_size = sizeof request};

    assert_int_equal(rig->stub->request(rig->pusher, index, &request), KLP_OK);
    return request;
}

size_t stub_rig_request_count(struct stub_rig *rig)
{
    klp_stub_request request = {.struct_size = sizeof request};
    size_t count = 0;

    while (rig->stub->request(rig->pusher, count, &request) == KLP_OK)
        count++;
    return count;
}

size_t stub_rig_lobby_count(struct stub_rig *rig)
{
    klp_stub_lobby lobby = {.struct_size = sizeof lobby};
    size_t count = 0;

    while (rig->stub->lobby(rig->pusher, count, &lobby) == KLP_OK)
        count++;
    return count;
}
