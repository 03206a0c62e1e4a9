/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/rule.h"

#include <string.h>

#include "json/read.h"

static bool is_text(klp_text wanted, klp_text found)
{
    return !wanted.size || (wanted.size == found.size && memcmp(wanted.data, found.data, wanted.size) == 0);
}

static bool is_player_in(klp_text player, klp_text body)
{
    struct json_document document;
    bool is_found = false;

    if (json_read(body.data, body.size, &document, NULL))
        return false;
    int players = json_member(&document, JSON_ROOT, "externalPlayerIds");
    for (int id = json_first(&document, players); id != JSON_NONE && !is_found; id = json_next(&document, id))
        is_found = json_text_is(&document, id, player.data);
    json_free(&document);
    return is_found;
}

static bool has_player(const struct rule_subject *subject, klp_text player)
{
    for (size_t i = 0; i < subject->player_count; i++)
        if (is_text(player, subject->players[i]))
            return true;
    return subject->body.size && is_player_in(player, subject->body);
}

static bool matches(const struct rule_match *match, const struct rule_subject *subject)
{
    if (match->ops && !(match->ops & (1u << subject->op)))
        return false;
    if (!is_text(match->game, subject->game) || !is_text(match->event, subject->event) ||
        !is_text(match->key, subject->key))
        return false;
    if ((match->ticket && match->ticket != subject->ticket) || (match->attempt && match->attempt != subject->attempt) ||
        (match->has_cookie && match->cookie != subject->cookie))
        return false;
    return !match->player.size || has_player(subject, match->player);
}

static bool is_nth(const struct rule_match *match, uint64_t number)
{
    for (size_t i = 0; i < match->nth_count; i++)
        if (match->nth[i] == number)
            return true;
    return match->nth_count == 0;
}

bool rule_strikes(struct rule *rule, const struct rule_subject *subject)
{
    bool is_of_a_call = subject->attempt == 0;

    if ((rule->action.refuses != KLP_OK) != is_of_a_call)
        return false;
    if (rule->times != RULE_ALWAYS && rule->struck >= (uint64_t)rule->times)
        return false;
    if (!matches(&rule->match, subject) || !is_nth(&rule->match, ++rule->matched))
        return false;
    rule->struck++;
    return true;
}
