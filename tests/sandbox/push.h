/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of a push, read strictly: every field that is wrong is named, not only the first. */
#ifndef SANDBOX_PUSH_H
#define SANDBOX_PUSH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Points into the JSON it was read from, but for `sorted`. */
struct push {
    json_t *body;
    const char *key;
    json_t *players;     /* as given */
    const char **sorted; /* the same texts in byte order: two rosters are compared by it */
    size_t player_count;
    json_int_t capacity; /* the event's, unless the body has one */
    bool fill_bots;      /* likewise */
    json_t *metadata;    /* NULL when absent */
};

struct event_config;

/* Unknown fields are ignored. False: *details says which fields are wrong and why (NULL when out of
 * memory). On true the push is to be cleared. */
bool push_read(struct push *push, json_t *body, const struct event_config *event, json_t **details);
void push_clear(struct push *push);

#endif
