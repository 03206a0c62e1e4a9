/* SPDX-License-Identifier: Apache-2.0
 * One line of stdin as a lobby. */
#ifndef KLP_ROW_H
#define KLP_ROW_H

#include <jansson.h>
#include <kraty/lobby_pusher.h>
#include <stdbool.h>
#include <stddef.h>

/* Zeroed, it can be cleared. */
struct row {
    klp_lobby lobby; /* its texts point into what follows */
    json_t *document;
    klp_text *players;
    char *metadata;
    char why[192]; /* what is wrong with the line */
};

/* `event` is for rows that name none, and may be NULL. False: `why` names the field; there is still to be cleared. */
bool row_read(struct row *row, const char *line, size_t size, const char *event);
void row_clear(struct row *row);

#endif
