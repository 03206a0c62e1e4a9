/* SPDX-License-Identifier: Apache-2.0
 * What a host hands in, checked field by field. Every refusal names the field and the reason. */
#ifndef KLP_PUSHER_ARGUMENTS_H
#define KLP_PUSHER_ARGUMENTS_H

#include <stddef.h>

#include "kraty/lobby_pusher.h"

/* Copies a struct the caller filled, whatever the size of it that he knows: a shorter one leaves the rest zero, a
 * longer one must be zero where we do not know it. `type` names it. */
klp_status argument_copy(const void *given, void *known, size_t known_size, const char *type, klp_text_buffer *why);

/* A text by itself: readable, bounded, no NUL, UTF-8. Empty is fine. */
klp_status argument_text(klp_text text, size_t max_bytes, const char *field, klp_text_buffer *why);

/* A text that becomes a path parameter; not empty. */
klp_status argument_path_id(klp_text text, const char *field, klp_text_buffer *why);

/* A lobby, the game_id of which has had its default filled in. Does not look for players that stand twice, which
 * needs memory: see duplicates.h. */
klp_status argument_lobby(const klp_lobby *lobby, klp_text_buffer *why);

/* An await, the game_id of which has had its default filled in. */
klp_status argument_await(const klp_await *await, klp_text_buffer *why);

klp_status argument_call(const klp_call *call, klp_text_buffer *why);

#endif
