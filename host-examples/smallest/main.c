/* SPDX-License-Identifier: Apache-2.0
 * One lobby to Kraty, and what became of it. */
#include <kraty/lobby_pusher_load.h>
#include <stdio.h>

int main(void)
{
    klp_text_buffer why = {0};
    const klp_api *klp = klp_load(NULL, &why); /* $KLP_LIBRARY, else where the dynamic loader looks */
    if (!klp)
        return fprintf(stderr, "load: %s\n", why.data), 1;
    klp_pusher *pusher;
    klp_config config = KLP_CONFIG_INIT; /* the API key comes from KRATY_SERVER_KEY */
    if (klp->open(&config, &pusher, &why))
        return fprintf(stderr, "open: %s\n", why.data), 1;

    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    klp_lobby lobby = KLP_LOBBY_INIT;
    lobby.game_id = klp_cstr("game_1"), lobby.event_key = klp_cstr("quick_brawl"), lobby.key = klp_cstr("match-123");
    lobby.player_ids = players, lobby.player_count = 2;
    if (klp->push(pusher, &lobby, NULL, &why)) /* copies it all, waits for nothing */
        fprintf(stderr, "push: %s\n", why.data);

    klp->stop(pusher, 5000); /* no new pushes; what is on its way gets five seconds */
    const klp_event *event;
    while (klp->next_event(pusher, KLP_WAIT_FOREVER, &event) == KLP_OK) {
        printf("%s: %s\n", event->key.data, klp->outcome_text(event->outcome));
        klp->ack(pusher, event); /* told, and released */
    }
    return klp->close(pusher);
}
