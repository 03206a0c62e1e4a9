/* SPDX-License-Identifier: Apache-2.0 */
#include "push.h"

int push_one(struct session *session, const struct options *options)
{
    klp_text_buffer why = {0};
    klp_lobby lobby = KLP_LOBBY_INIT;

    lobby.flags = options->is_durable ? KLP_PUSH_DURABLE : 0;
    lobby.event_key = klp_cstr(options->event);
    lobby.key = klp_cstr(options->key);
    lobby.player_ids = options->players.items;
    lobby.player_count = options->players.count;
    lobby.capacity = options->capacity;
    lobby.fill_bots = options->fill_bots;
    lobby.metadata_json = klp_cstr(options->metadata);
    klp_status status = session->klp->push(session->pusher, &lobby, NULL, &why);
    return session_conclude(session, status, why.data);
}
