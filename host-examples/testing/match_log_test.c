/* SPDX-License-Identifier: Apache-2.0
 * A host's test in C, without a test framework: run it with KLP_LIBRARY=…/libkraty_lobby_pusher_stub.so */
#include <kraty/lobby_pusher_stub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "match_log.h"

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what))                                                                                                   \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #what), exit(1);                                                 \
    } while (0)

static const klp_api *klp;
static const klp_stub_api *stub;

/* A pusher for each test: its time, its Kraty and its script are its own. */
static struct match_log open_log(const char *script)
{
    struct match_log log = {.klp = klp};
    klp_config config = KLP_CONFIG_INIT;
    klp_text_buffer why = {0};

    config.name = klp_cstr("test"), config.game_id = klp_cstr("game_1");
    if (klp->open(&config, &log.pusher, &why) || stub->hold_time(log.pusher) ||
        (script && stub->script(log.pusher, klp_cstr(script), &why)))
        printf("%s\n", why.data), exit(1);
    return log;
}

static void a_backend_that_is_away_for_a_minute_ends_in_doubt(void)
{
    struct match_log log = open_log("[{\"times\": -1, \"action\": {\"silent\": true}}]");

    match_log_add(&log, "match-1");
    match_log_tick(&log);
    stub->advance_ms(log.pusher, 29999);
    match_log_tick(&log);
    CHECK(strcmp(match_log_outcome(&log, "match-1"), "pushed") == 0);
    stub->advance_ms(log.pusher, 1); /* its deadline: half a minute, in microseconds */
    match_log_tick(&log);
    CHECK(strcmp(match_log_outcome(&log, "match-1"), "possibly_applied") == 0);
    klp->close(log.pusher);
}

static void a_full_queue_only_delays(void)
{
    struct match_log log = open_log("[{\"times\": 2, \"action\": {\"refuse\": \"KLP_E_QUEUE_FULL\"}}]");

    match_log_add(&log, "match-1");
    for (int tick = 0; tick < 3; tick++) {
        CHECK(strcmp(match_log_outcome(&log, "match-1"), "waiting") == 0);
        match_log_tick(&log);
    }
    stub->advance_ms(log.pusher, 1);
    match_log_tick(&log);
    CHECK(strcmp(match_log_outcome(&log, "match-1"), "applied") == 0);
    klp->close(log.pusher);
}

static void a_taken_key_is_counted_once_however_often_it_is_told(void)
{
    struct match_log log = open_log("[{\"match\": {\"key\": \"match-1\"}, \"action\": {\"repeat\": 3,"
                                    " \"outcome\": \"not_applied\", \"code\": \"idempotency_conflict\"}}]");

    match_log_add(&log, "match-1");
    for (int tick = 0; tick < 5; tick++) {
        match_log_tick(&log);
        stub->advance_ms(log.pusher, 1);
    }
    CHECK(log.conflicts == 1);
    klp->close(log.pusher);
}

static void the_verdict_of_a_dead_process_is_heard(void)
{
    static const klp_text players[] = {KLP_LIT("carol"), KLP_LIT("dave")};
    struct match_log log = open_log(NULL);
    klp_lobby lobby = KLP_LOBBY_INIT;
    klp_stub_lobby kept = {.struct_size = sizeof kept};

    lobby.event_key = klp_cstr("quick_brawl"), lobby.key = klp_cstr("last-night");
    lobby.player_ids = players, lobby.player_count = 2;
    CHECK(stub->recover(log.pusher, &lobby, NULL) == KLP_OK);
    stub->advance_ms(log.pusher, 1);
    match_log_tick(&log);
    CHECK(log.recovered == 1);
    CHECK(stub->lobby(log.pusher, 0, &kept) == KLP_OK && strcmp(kept.key.data, "last-night") == 0);
    klp->close(log.pusher);
}

int main(void)
{
    klp_text_buffer why = {0};

    if (!(klp = klp_load(NULL, &why)) || !(stub = klp_stub_load(NULL, &why)))
        return printf("%s\n", why.data), 1;
    a_backend_that_is_away_for_a_minute_ends_in_doubt();
    a_full_queue_only_delays();
    a_taken_key_is_counted_once_however_often_it_is_told();
    the_verdict_of_a_dead_process_is_heard();
    printf("all is well\n");
    return 0;
}
