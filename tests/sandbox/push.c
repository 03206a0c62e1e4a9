/* SPDX-License-Identifier: Apache-2.0 */
#include "push.h"
#include "config.h"
#include "validation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *twice(const char **sorted, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            return sorted[i];
    return NULL;
}

/* False: out of memory. */
static bool read_players(struct push *push, json_t *players, json_t *details)
{
    char issue[64];

    if (!json_is_array(players)) {
        validation_issue(details, "externalPlayerIds", players ? "must be an array of strings" : "is required");
        return true;
    }
    if (!json_array_size(players)) {
        validation_issue(details, "externalPlayerIds", "must not be empty");
        return true;
    }
    push->sorted = calloc(json_array_size(players), sizeof *push->sorted);
    if (!push->sorted)
        return false;

    size_t index;
    json_t *player;
    json_array_foreach(players, index, player)
    {
        if (!json_string_length(player)) {
            snprintf(issue, sizeof issue, "entry %zu is not a non-empty string", index);
            validation_issue(details, "externalPlayerIds", issue);
            return true;
        }
        push->sorted[index] = json_string_value(player);
    }
    push->players = players;
    push->player_count = index;
    qsort(push->sorted, push->player_count, sizeof *push->sorted, by_text);
    if (twice(push->sorted, push->player_count))
        validation_issue(details, "externalPlayerIds", "names a player twice");
    return true;
}

static void read_options(struct push *push, const json_t *body, json_t *details)
{
    json_t *capacity = json_object_get(body, "capacity");
    if (capacity && (!json_is_integer(capacity) || json_integer_value(capacity) < 1))
        validation_issue(details, "capacity", "must be a positive integer");
    else if (capacity)
        push->capacity = json_integer_value(capacity);

    json_t *fill_bots = json_object_get(body, "fillBots");
    if (fill_bots && !json_is_boolean(fill_bots))
        validation_issue(details, "fillBots", "must be a boolean");
    else if (fill_bots)
        push->fill_bots = json_is_true(fill_bots);

    push->metadata = json_object_get(body, "metadata");
    if (push->metadata && !json_is_object(push->metadata))
        validation_issue(details, "metadata", "must be an object");
}

bool push_read(struct push *push, json_t *body, const struct event_config *event, json_t **details)
{
    *push = (struct push){.body = body, .capacity = event->capacity, .fill_bots = event->fill_bots};
    *details = validation_new();
    if (!*details)
        return false;

    json_t *key = json_object_get(body, "key");
    push->key = json_string_value(key);
    if (!json_string_length(key))
        validation_issue(*details, "key", key ? "must be a non-empty string" : "is required");
    if (!read_players(push, json_object_get(body, "externalPlayerIds"), *details)) {
        json_decref(*details);
        *details = NULL;
        return false;
    }
    read_options(push, body, *details);
    if (push->players && push->capacity < (json_int_t)push->player_count)
        validation_issue(*details, "capacity", "is smaller than the roster");

    if (validation_failed(*details)) {
        push_clear(push);
        return false;
    }
    json_decref(*details);
    *details = NULL;
    return true;
}

void push_clear(struct push *push)
{
    free(push->sorted);
    *push = (struct push){0};
}
