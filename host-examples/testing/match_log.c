/* SPDX-License-Identifier: Apache-2.0 */
#include "match_log.h"

#include <stdio.h>
#include <string.h>

static const char waiting[] = "waiting", pushed[] = "pushed";

static struct match *find(struct match_log *log, const char *key)
{
    for (unsigned i = 0; i < log->count; i++)
        if (strcmp(log->matches[i].key, key) == 0)
            return &log->matches[i];
    return NULL;
}

int match_log_add(struct match_log *log, const char *key)
{
    struct match *match = &log->matches[log->count];

    if (log->count == MATCHES || strlen(key) >= sizeof match->key)
        return 0;
    snprintf(match->key, sizeof match->key, "%s", key);
    match->outcome = waiting;
    log->count++;
    return 1;
}

const char *match_log_outcome(const struct match_log *log, const char *key)
{
    const struct match *match = find((struct match_log *)log, key);
    return match ? match->outcome : NULL;
}

static void hear(struct match_log *log, const klp_event *event)
{
    struct match *match = find(log, event->key.data);

    if (event->seq <= log->last_seq) /* told again: it was heard already */
        return;
    log->last_seq = event->seq;
    log->recovered += event->recovered != 0; /* of the process before this one, whose match is not in our list */
    log->conflicts += klp_event_is_idempotency_conflict(event) != 0;
    if (match)
        match->outcome = log->klp->outcome_text(event->outcome);
}

void match_log_tick(struct match_log *log)
{
    static const klp_text players[] = {KLP_LIT("alice"), KLP_LIT("bob")};
    const klp_event *event;

    for (unsigned i = 0; i < log->count; i++) {
        struct match *match = &log->matches[i];
        klp_lobby lobby = KLP_LOBBY_INIT;
        lobby.event_key = klp_cstr("quick_brawl");
        lobby.key = klp_cstr(match->key);
        lobby.player_ids = players, lobby.player_count = 2;
        if (match->outcome == waiting && log->klp->push(log->pusher, &lobby, NULL, NULL) == KLP_OK)
            match->outcome = pushed; /* else it waits for the next tick */
    }
    while (log->klp->next_event(log->pusher, 0, &event) == KLP_OK) {
        hear(log, event);
        log->klp->ack(log->pusher, event);
    }
}
