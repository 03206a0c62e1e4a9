/* SPDX-License-Identifier: Apache-2.0
 * Whether the API key is of the environment and the game that it is meant for: asked for with a ping before the first
 * call leaves. Pure. */
#ifndef KLP_PUSHER_KEY_CHECK_H
#define KLP_PUSHER_KEY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "kraty/reply.h"
#include "pusher/job.h"

enum key_check_state {
    KEY_FITS, /* as far as anybody wants to know */
    KEY_IS_UNCHECKED,
    KEY_IS_OF_ANOTHER_ENVIRONMENT
};

struct key_check {
    enum key_check_state state;
    const char *expected; /* the environment; NULL: it is not checked */
    struct job *ping;     /* our own, used again and again; NULL when it is not checked … */
    bool is_out;          /* … and whether it is on its way, perhaps with a key of before */
    uint64_t not_before_us;
    unsigned failures; /* in a row */
    bool has_game;
    char game_id[KLP_MAX_ID_BYTES + 1]; /* the key's, once it fits */
};

/* `expected` must outlive it; the ping is its own from here on. */
void key_check_init(struct key_check *check, const char *expected, struct job *ping);
void key_check_close(struct key_check *check);

/* There is another key. */
void key_check_begin_anew(struct key_check *check);

/* What the server knows of the key: an answer to the ping that has its payload. */
void key_check_note(struct key_check *check, const struct reply *reply);

/* Whether the key is of this game, as far as is known. */
bool key_check_is_of_game(const struct key_check *check, klp_text game_id);

/* Whether everything has to wait for it, and whether it is time to ask. */
bool key_check_is_due(const struct key_check *check, uint64_t now_us);
bool key_check_is_pending(const struct key_check *check);

#endif
