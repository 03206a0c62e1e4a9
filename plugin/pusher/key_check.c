/* SPDX-License-Identifier: Apache-2.0 */
#include "pusher/key_check.h"

#include <string.h>

void key_check_init(struct key_check *check, const char *expected, struct job *ping)
{
    *check = (struct key_check){.expected = expected, .ping = ping};
    key_check_begin_anew(check);
}

void key_check_close(struct key_check *check)
{
    job_free(check->ping);
}

void key_check_begin_anew(struct key_check *check)
{
    check->state = check->expected ? KEY_IS_UNCHECKED : KEY_FITS;
    check->not_before_us = 0;
    check->failures = 0;
    check->has_game = false;
}

void key_check_note(struct key_check *check, const struct reply *reply)
{
    const struct json_document *document = &reply->document;
    int environment = json_member(document, reply->payload, "environment");
    int game = json_member(document, reply->payload, "gameId");
    size_t game_bytes = json_text(document, game, NULL, 0);

    check->failures = 0;
    check->state = json_text_is(document, environment, check->expected) ? KEY_FITS : KEY_IS_OF_ANOTHER_ENVIRONMENT;
    check->has_game = game_bytes > 0 && game_bytes < sizeof check->game_id;
    if (check->has_game)
        json_text(document, game, check->game_id, sizeof check->game_id);
}

bool key_check_is_of_game(const struct key_check *check, klp_text game_id)
{
    return !check->has_game ||
           (strlen(check->game_id) == game_id.size && memcmp(check->game_id, game_id.data, game_id.size) == 0);
}

bool key_check_is_due(const struct key_check *check, uint64_t now_us)
{
    return check->state == KEY_IS_UNCHECKED && !check->is_out && now_us >= check->not_before_us;
}

bool key_check_is_pending(const struct key_check *check)
{
    return check->state == KEY_IS_UNCHECKED;
}
