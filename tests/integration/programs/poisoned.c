/* SPDX-License-Identifier: Apache-2.0
 *
 * poisoned URL FOLDER NAME [KEY]: a host with an outbox that dies of a reply with the status 418, while it is handled.
 * It pushes KEY, and waits for its end. */
#include <signal.h>

#include "host.h"

/* Told within the handling of a reply: as near to a crash in it as a host can come. */
static void die_of_poison(void *user, const klp_attempt *attempt)
{
    (void)user;
    if (attempt->http_status == 418)
        raise(SIGKILL);
}

int main(int argc, char **argv)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    const klp_api *api = host_load();
    klp_config config = KLP_CONFIG_INIT;
    klp_lobby lobby = KLP_LOBBY_INIT;

    HOST_REQUIRE(argc == 4 || argc == 5);
    config.base_url = klp_cstr(argv[1]);
    config.outbox_dir = klp_cstr(argv[2]);
    config.name = klp_cstr(argv[3]);
    config.game_id = klp_cstr("game_1");
    config.on_attempt = die_of_poison;
    klp_pusher *pusher = host_open(api, &config);
    lobby.flags = KLP_PUSH_DURABLE;
    lobby.event_key = klp_cstr("quick_brawl");
    lobby.key = klp_cstr(argv[4]);
    lobby.player_ids = players;
    lobby.player_count = 2;
    if (argc == 5)
        HOST_REQUIRE(api->push(pusher, &lobby, NULL, NULL) == KLP_OK);
    for (;;)
        pause();
}
